//! What a token request asks for, and as whom.

use secrecy::SecretString;

use super::error::OAuthError;
use super::form::Form;
use super::{ACCESS_TOKEN, JWT};
use crate::authn::{AuthnError, ClientProof, SubjectKind};

const CLIENT_CREDENTIALS: &str = "client_credentials";
const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";
const JWT_ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A request that can be read; whether it is granted is for others to say.
pub(super) struct TokenRequest {
    pub(super) presenter: Presenter,
    pub(super) grant: Grant,
}

/// Who says that they ask.
pub(super) enum Presenter {
    Nobody,
    /// A client by its id alone.
    Named(String),
    /// A client with a proof, or with something that should have been one.
    Proof {
        proof: Result<ClientProof, AuthnError>,
        in_header: bool,
    },
}

/// What is asked for.
pub(super) enum Grant {
    ClientCredentials { scope: Option<String> },
    Exchange(Exchange),
}

/// A token exchange (RFC 8693 §2.1).
pub(super) struct Exchange {
    pub(super) subject_token: SecretString,
    pub(super) subject_kind: SubjectKind,
    pub(super) resource: Option<String>,
    pub(super) audience: Option<String>,
    pub(super) scope: Option<String>,
}

impl TokenRequest {
    pub(super) fn read(authorization: Option<&str>, form: &Form) -> Result<Self, OAuthError> {
        let grant = match form.need("grant_type")? {
            CLIENT_CREDENTIALS => Grant::ClientCredentials { scope: form.get("scope").map(str::to_owned) },
            TOKEN_EXCHANGE => Grant::Exchange(Exchange::read(form)?),
            _ => return Err(OAuthError::grant_type(&[CLIENT_CREDENTIALS, TOKEN_EXCHANGE])),
        };
        Ok(Self { presenter: Presenter::read(authorization, form)?, grant })
    }
}

impl Presenter {
    /// Of the ways to prove who one is, at most one may be used (RFC 6749 §2.3).
    fn read(authorization: Option<&str>, form: &Form) -> Result<Self, OAuthError> {
        let (id, secret, assertion) = (form.get("client_id"), form.get("client_secret"), form.get("client_assertion"));
        match (authorization, secret, assertion) {
            (None, None, None) => Ok(id.map_or(Self::Nobody, |id| Self::Named(id.to_owned()))),
            (Some(header), None, None) => Self::by_basic(header, id),
            (None, Some(secret), None) => {
                let client = form.need("client_id")?.to_owned();
                let readings = vec![SecretString::from(secret)];
                Ok(Self::Proof { proof: Ok(ClientProof::Secret { client, readings }), in_header: false })
            }
            (None, None, Some(assertion)) => {
                if form.need("client_assertion_type")? != JWT_ASSERTION {
                    return Err(OAuthError::request(format!("`client_assertion_type` is to be `{JWT_ASSERTION}`")));
                }
                let (client, assertion) = (id.map(str::to_owned), SecretString::from(assertion));
                Ok(Self::Proof { proof: Ok(ClientProof::Assertion { client, assertion }), in_header: false })
            }
            _ => Err(OAuthError::request("the client says in two ways who it is; one of them is enough")),
        }
    }

    fn by_basic(header: &str, id: Option<&str>) -> Result<Self, OAuthError> {
        let proof = ClientProof::basic(header);
        if let (Ok(ClientProof::Secret { client, .. }), Some(id)) = (&proof, id)
            && client != id
        {
            return Err(OAuthError::request("`client_id` is not the client of the Authorization header"));
        }
        Ok(Self::Proof { proof, in_header: true })
    }
}

impl Exchange {
    fn read(form: &Form) -> Result<Self, OAuthError> {
        if form.get("actor_token").is_some() || form.get("actor_token_type").is_some() {
            return Err(OAuthError::request("nobody acts for another here: leave `actor_token` out"));
        }
        let subject_kind = match form.need("subject_token_type")? {
            JWT | ID_TOKEN => SubjectKind::Jwt,
            ACCESS_TOKEN => SubjectKind::AccessToken,
            _ => return Err(one_of("subject_token_type", &[JWT, ID_TOKEN, ACCESS_TOKEN])),
        };
        let (resource, audience) = (at_most_one(form, "resource")?, at_most_one(form, "audience")?);
        let issued = if resource.is_some() { JWT } else { ACCESS_TOKEN };
        if form.get("requested_token_type").is_some_and(|requested| requested != issued) {
            return Err(one_of("requested_token_type", &[issued]));
        }
        Ok(Self {
            subject_token: SecretString::from(form.need("subject_token")?),
            subject_kind,
            resource,
            audience,
            scope: form.get("scope").map(str::to_owned),
        })
    }
}

fn one_of(parameter: &str, values: &[&str]) -> OAuthError {
    OAuthError::request(format!("`{parameter}` is to be {}", values.join(" or ")))
}

/// A token for several targets would be a token that each of them can use at the others.
fn at_most_one(form: &Form, parameter: &'static str) -> Result<Option<String>, OAuthError> {
    let mut values = form.all(parameter);
    match (values.next(), values.next()) {
        (value, None) => Ok(value.map(str::to_owned)),
        _ => Err(OAuthError::target(format!("a token is for one `{parameter}`; ask for one after the other"))),
    }
}
