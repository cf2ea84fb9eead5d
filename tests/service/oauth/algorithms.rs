//! Each algorithm that keys may sign with, from the key's making to AWS and to feedpass itself.

use http::Method;
use serde_json::json;

use super::{access_token, contents, post_bearer, web_identity_token};
use crate::support::TestApp;

#[tokio::test]
async fn every_algorithm_is_accepted_by_sts_and_by_feedpass_itself() {
    for (algorithm, more, curve) in [
        ("RS384", "rsa_bits = 3072", None),
        ("RS512", "", None),
        ("ES256", "", Some("P-256")),
        ("ES384", "", Some("P-384")),
    ] {
        let app = TestApp::usual().without_keys().keys(&format!("algorithm = \"{algorithm}\"\n{more}")).start().await;
        let discovery = app.public(Method::GET, "/.well-known/openid-configuration").send().await.json();
        assert_eq!(discovery["id_token_signing_alg_values_supported"], json!([algorithm]));
        let jwks = app.public(Method::GET, "/.well-known/jwks").send().await.json();
        let key = &jwks["keys"][0];
        let expected = (algorithm, if curve.is_some() { "EC" } else { "RSA" }, curve);
        assert_eq!((key["alg"].as_str().unwrap(), key["kty"].as_str().unwrap(), key["crv"].as_str()), expected);
        assert!(key["x5c"][0].is_string() && key["use"] == "sig", "{key}");
        let sts = app.credentials("ci", "default/images").await;
        assert_eq!(sts.status, 200, "STS verifies it with the JWKS: {}", sts.text());
        let access = access_token(&app, "ci", None).await;
        let own = post_bearer(&app, &access, "/v1/spaces/default/feeds/images/token").await;
        assert_eq!(own.status, 200, "an access token opens what it is for: {}", own.text());
        for token in [access, web_identity_token(&app).await] {
            let (header, _) = contents(&token);
            assert_eq!((&header["alg"], &header["kid"]), (&json!(algorithm), &key["kid"]));
        }
    }
}
