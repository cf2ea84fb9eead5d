//! `POST /oauth2/token` (RFC 6749, RFC 7523, RFC 8693).

mod error;
mod form;
mod request;

use std::time::Duration;

use axum::Json;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::http::header::PRAGMA;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;

use self::error::{OAuthError, Refusal};
use self::form::Form;
use self::request::{Exchange, Grant, Presenter, TokenRequest};
use super::LARGEST_BODY;
use super::caller::{NotAdmitted, admitted, presented, proved};
use super::no_store::NoStore;
use super::problem::Problem;
use super::state::HttpState;
use crate::authn::{AuthnError, Caller};
use crate::domain::Origin;
use crate::issuer::mint::AccessToken;

/// How long a body may take. Its sender need not have said who it is, and could let it be waited for without end.
const BODY_TIME: Duration = Duration::from_secs(10);

const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";

/// A token and what it is (RFC 6749 §5.1, RFC 8693 §2.2.1).
#[derive(Serialize)]
struct TokenBody {
    access_token: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    issued_token_type: Option<&'static str>,
    token_type: &'static str,
    expires_in: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
}

/// A token for who proves who they are.
pub(super) async fn token(
    State(state): State<HttpState>,
    origin: Origin,
    request: Request,
) -> Result<Response, Refusal> {
    let (parts, body) = request.into_parts();
    let header = presented(&parts).map_err(|error| OAuthError::client(&error, true))?;
    let form = Form::read(parts.headers.get("content-type"), &read(&state, body).await?)?;
    let TokenRequest { presenter, grant } = TokenRequest::read(header, &form)?;
    let body = match grant {
        Grant::ClientCredentials { scope } => {
            let caller = client(&state, &origin, &presenter).await?;
            let caller = admitted(&parts, &state, caller).map_err(Refusal::limited)?;
            TokenBody::of(&state.broker.access_token(&caller, scope.as_deref(), None).await?, None)
        }
        Grant::Exchange(exchange) => exchanged(&parts, &state, &origin, &presenter, &exchange).await?,
    };
    let mut response = NoStore(Json(body)).into_response();
    // RFC 6749 §5.1 asks for both.
    response.headers_mut().insert(PRAGMA, HeaderValue::from_static("no-cache"));
    Ok(response)
}

/// A token for the subject of another (RFC 8693).
async fn exchanged(
    parts: &Parts,
    state: &HttpState,
    origin: &Origin,
    presenter: &Presenter,
    exchange: &Exchange,
) -> Result<TokenBody, Refusal> {
    let named = match presenter {
        Presenter::Nobody => None,
        Presenter::Named(id) => Some(id.clone()),
        Presenter::Proof { .. } => Some(client(state, origin, presenter).await?.id().to_string()),
    };
    let token = exchange.subject_token.expose_secret();
    let subject = state.authn.subject(exchange.subject_kind, token, origin).await;
    let other = |subject: &Caller| named.is_some_and(|named| named != subject.id().as_str());
    let subject = subject.and_then(|subject| if other(&subject) { Err(AuthnError::OtherClient) } else { Ok(subject) });
    let caller = proved(state, origin, subject).await.map_err(Refusal::subject)?;
    let caller = admitted(parts, state, caller).map_err(Refusal::limited)?;
    let (scope, audience) = (exchange.scope.as_deref(), exchange.audience.as_deref());
    let Some(resource) = &exchange.resource else {
        return Ok(TokenBody::of(&state.broker.access_token(&caller, scope, audience).await?, Some(ACCESS_TOKEN)));
    };
    let (_, token) = state.broker.token_of_resource(&caller, resource, scope, audience).await?;
    let left = token.expires_at.duration_since(state.clock.now());
    Ok(TokenBody {
        access_token: exposed(&token.token),
        issued_token_type: Some(JWT),
        // It is no access token of anything: RFC 8693 §2.2.1.
        token_type: "N_A",
        expires_in: left.as_secs(),
        scope: None,
    })
}

/// The client that proves who it is.
async fn client(state: &HttpState, origin: &Origin, presenter: &Presenter) -> Result<Caller, Refusal> {
    let Presenter::Proof { proof, in_header } = presenter else {
        return Err(OAuthError::client(&AuthnError::NotPresented, true).into());
    };
    let caller = match proof {
        Ok(proof) => state.authn.client(proof, origin).await,
        Err(error) => Err(error.clone()),
    };
    proved(state, origin, caller).await.map_err(|refused| match refused {
        NotAdmitted::Authn(AuthnError::StoreSilent) => Refusal::from(Problem::from(AuthnError::StoreSilent)),
        NotAdmitted::Authn(error) => OAuthError::client(&error, *in_header).into(),
        limited @ NotAdmitted::Limited(_) => Refusal::limited(limited),
    })
}

async fn read(state: &HttpState, body: Body) -> Result<Bytes, Refusal> {
    tokio::select! {
        read = to_bytes(body, LARGEST_BODY) => read.map_err(|_| Problem::body_too_large(LARGEST_BODY).into()),
        () = state.clock.sleep(BODY_TIME) => {
            Err(OAuthError::request(format!("the body did not come within {} s", BODY_TIME.as_secs())).into())
        }
    }
}

impl TokenBody {
    fn of(token: &AccessToken, issued_token_type: Option<&'static str>) -> Self {
        Self {
            access_token: exposed(&token.token),
            issued_token_type,
            token_type: "Bearer",
            expires_in: token.lifetime.as_secs(),
            scope: Some(token.scope.to_string()),
        }
    }
}

fn exposed(token: &SecretString) -> String {
    token.expose_secret().to_owned()
}
