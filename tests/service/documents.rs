//! What AWS fetches.

use http::Method;
use serde_json::json;

use crate::support::TestApp;

#[tokio::test]
async fn discovery_names_what_iam_asks_for() {
    let app = TestApp::start().await;
    let reply = app.public(Method::GET, "/.well-known/openid-configuration").send().await;
    assert_eq!(reply.status, 200);
    let issuer = app.issuer();
    let expected = json!({
        "issuer": issuer,
        "jwks_uri": format!("{issuer}/.well-known/jwks"),
        "token_endpoint": format!("http://{}/oauth2/token", app.app.internal_address()),
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "claims_supported": ["aud", "exp", "iat", "iss", "jti", "sub"],
        "scopes_supported": ["pull", "push", "token", "session", "catalog", "admin"],
        "grant_types_supported": ["client_credentials", "urn:ietf:params:oauth:grant-type:token-exchange"],
        "token_endpoint_auth_methods_supported":
            ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"],
        "token_endpoint_auth_signing_alg_values_supported":
            ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA", "Ed25519"],
    });
    assert_eq!(reply.json(), expected);
}

#[tokio::test]
async fn both_documents_can_be_kept_and_asked_for_again() {
    let app = TestApp::start().await;
    for path in ["/.well-known/openid-configuration", "/.well-known/jwks", "/.well-known/jwks.json"] {
        let reply = app.public(Method::GET, path).send().await;
        assert_eq!(reply.header("content-type"), "application/json");
        assert_eq!(reply.header("cache-control"), "public, max-age=300");
        assert_eq!(reply.header("access-control-allow-origin"), "*");
        let etag = reply.header("etag");
        for value in [etag.to_owned(), format!("W/{etag}"), format!("\"other\", {etag}"), "*".into()] {
            let again = app.public(Method::GET, path).header("if-none-match", &value).send().await;
            assert_eq!((again.status.as_u16(), again.body.len(), again.header("etag")), (304, 0, etag), "{value}");
        }
        let other = app.public(Method::GET, path).header("if-none-match", "\"other\"").send().await;
        assert_eq!(other.status, 200);
        let head = app.public(Method::HEAD, path).send().await;
        assert_eq!((head.status.as_u16(), head.body.len(), head.header("etag")), (200, 0, etag));
        assert_eq!(head.header("content-length"), reply.body.len().to_string());
    }
}
