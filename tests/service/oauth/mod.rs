//! `/oauth2/token`, access tokens, and role sessions.

mod access_tokens;
mod algorithms;
mod assertions;
mod client_credentials;
mod errors;
mod exchange;
mod session;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use http::Method;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};
use url::form_urlencoded;

use crate::support::{Reply, Request, START, TestApp};

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";

/// A request to the token endpoint.
fn asking(app: &TestApp, parameters: &[(&str, &str)]) -> Request {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    let request = app.internal(Method::POST, "/oauth2/token");
    request.header("content-type", "application/x-www-form-urlencoded").body(body)
}

/// Sends it; what it gives may be in no log.
async fn asked(app: &TestApp, request: Request) -> Reply {
    let reply = request.send().await;
    app.remember_secrets_of(&reply);
    reply
}

/// An access token of `client`, for `scope` or all.
async fn access_token(app: &TestApp, client: &str, scope: Option<&str>) -> String {
    let scope = scope.map(|scope| ("scope", scope));
    let parameters: Vec<_> = [("grant_type", "client_credentials")].into_iter().chain(scope).collect();
    let reply = asked(app, asking(app, &parameters).basic(client, &TestApp::secret_of(client))).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()["access_token"].as_str().unwrap().to_owned()
}

/// The web identity token of `default/images`, as `ci` has it.
async fn web_identity_token(app: &TestApp) -> String {
    let reply = app.post_as("ci", "/v1/spaces/default/feeds/images/token").await;
    reply.json()["token"].as_str().unwrap().to_owned()
}

async fn post_bearer(app: &TestApp, token: &str, path: &str) -> Reply {
    asked(app, app.internal(Method::POST, path).bearer(token)).await
}

/// The parts of a token that are JSON.
fn contents(token: &str) -> (Value, Value) {
    let parts: Vec<&str> = token.split('.').collect();
    let part = |text: &str| serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap();
    (part(parts[0]), part(parts[1]))
}

/// The status, RFC 6749's word and the words for people.
fn refusal(reply: &Reply) -> (u16, String, String) {
    assert_eq!(reply.header("content-type"), "application/json", "{}", reply.text());
    assert_eq!(reply.header("cache-control"), "no-store");
    let body = reply.json();
    let text = |name: &str| body[name].as_str().unwrap().to_owned();
    assert_eq!(body.as_object().unwrap().len(), 2, "{body}");
    (reply.status.as_u16(), text("error"), text("error_description"))
}

/// Asserts that it is refused with a status and a word of RFC 6749's, and words that hold `saying`.
fn assert_refused(reply: &Reply, status: u16, error: &str, saying: &str) {
    let (found_status, found_error, description) = refusal(reply);
    assert_eq!((found_status, found_error.as_str()), (status, error), "{description}");
    assert!(description.contains(saying), "{description:?} does not say {saying:?}");
    let allowed = |c: char| (' '..='~').contains(&c) && c != '"' && c != '\\';
    assert!(description.chars().all(allowed), "RFC 6749 §5.2 allows no such character: {description}");
}

fn start() -> i64 {
    START.parse::<jiff::Timestamp>().unwrap().as_second()
}

/// A client's own key, of Ed25519.
struct ClientKey {
    pair: Ed25519KeyPair,
    kid: String,
}

impl ClientKey {
    fn new(kid: &str, seed: u8) -> Self {
        Self { pair: Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap(), kid: kid.into() }
    }

    fn jwk(&self) -> Value {
        let x = BASE64_URL_SAFE_NO_PAD.encode(self.pair.public_key());
        json!({ "kty": "OKP", "crv": "Ed25519", "kid": self.kid, "x": x })
    }

    fn jwks(&self) -> Value {
        json!({ "keys": [self.jwk()] })
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(header), part(claims));
        format!("{message}.{}", BASE64_URL_SAFE_NO_PAD.encode(self.pair.sign(message.as_bytes())))
    }

    /// An assertion of `ci` to the issuer, good for a minute from the start, with `jti`.
    fn assertion(&self, app: &TestApp, jti: &str) -> String {
        self.sign(&self.header(), &claims(app.issuer(), jti))
    }

    fn header(&self) -> Value {
        json!({ "alg": "EdDSA", "kid": self.kid })
    }
}

fn claims(audience: &str, jti: &str) -> Value {
    json!({ "iss": "ci", "sub": "ci", "aud": audience, "iat": start(), "exp": start() + 60, "jti": jti })
}

/// A request by an assertion.
fn by_assertion(app: &TestApp, assertion: &str) -> Request {
    asking(
        app,
        &[
            ("grant_type", "client_credentials"),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", assertion),
        ],
    )
}
