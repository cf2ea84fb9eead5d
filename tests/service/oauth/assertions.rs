//! Clients that sign for themselves (RFC 7523 §2.2).

use std::time::Duration;

use serde_json::{Value, json};

use super::{ClientKey, asked, asking, assert_refused, by_assertion, claims, contents, post_bearer, start};
use crate::support::{TestApp, TestAppBuilder};

fn with(key: &ClientKey) -> TestAppBuilder {
    TestApp::builder().feed("default/images").client_with_keys("ci", &key.jwks(), &["default/images"], &["token"])
}

#[tokio::test]
async fn a_client_without_a_secret_gets_a_token_by_its_key() {
    let key = ClientKey::new("k1", 1);
    let app = with(&key).start().await;
    let reply = asked(&app, by_assertion(&app, &key.assertion(&app, "1"))).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let token = reply.json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(contents(&token).1["client_id"], "ci");
    assert_eq!(post_bearer(&app, &token, "/v1/spaces/default/feeds/images/token").await.status, 200);
    assert_eq!(app.lines().with("via=\"private_key_jwt\"").len(), 1);
    // The token endpoint as the audience, a type of the header, and Authlib's life of an hour.
    let mut claims = claims(&format!("http://{}/oauth2/token", app.app.internal_address()), "2");
    claims["exp"] = json!(start() + 3600);
    let header = json!({ "alg": "EdDSA", "kid": "k1", "typ": "client-authentication+jwt" });
    assert_eq!(asked(&app, by_assertion(&app, &key.sign(&header, &claims))).await.status, 200);
}

#[tokio::test]
async fn an_assertion_is_good_once() {
    let key = ClientKey::new("k1", 1);
    let app = with(&key).start().await;
    let assertion = key.assertion(&app, "1");
    assert_eq!(asked(&app, by_assertion(&app, &assertion)).await.status, 200);
    let reply = by_assertion(&app, &assertion).send().await;
    assert_refused(&reply, 400, "invalid_client", "used before");
    // As long as it is taken, it is remembered.
    app.clock.advance(Duration::from_secs(119));
    assert_refused(&by_assertion(&app, &assertion).send().await, 400, "invalid_client", "used before");
    app.clock.advance(Duration::from_secs(1));
    assert_refused(&by_assertion(&app, &assertion).send().await, 400, "invalid_client", "expired");
    assert_eq!(app.lines().with("assertion_replayed").len(), 4, "two in the audit trail, two of requests");
}

#[tokio::test]
async fn what_one_process_has_taken_no_other_takes() {
    let directory = tempfile::tempdir().unwrap();
    let store = format!("sqlite:{}", directory.path().join("shared.db").display());
    let key = ClientKey::new("k1", 1);
    let start = async || with(&key).issuer("https://id.example.com").store(&store).start().await;
    let (one, other) = (start().await, start().await);
    let assertion = key.assertion(&one, "1");
    assert_eq!(asked(&one, by_assertion(&one, &assertion)).await.status, 200);
    assert_refused(&by_assertion(&other, &assertion).send().await, 400, "invalid_client", "used before");
    let again = key.assertion(&other, "2");
    assert_eq!(asked(&other, by_assertion(&other, &again)).await.status, 200);
}

#[tokio::test]
async fn each_wrong_assertion_is_refused_for_its_own_reason() {
    let (key, foreign) = (ClientKey::new("k1", 1), ClientKey::new("k1", 2));
    let app = with(&key).client("other", &[], &[]).start().await;
    let good = claims(app.issuer(), "1");
    let but = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        key.sign(&key.header(), &claims)
    };
    let without = |name: &str| {
        let mut claims = good.clone();
        claims.as_object_mut().unwrap().remove(name);
        key.sign(&key.header(), &claims)
    };
    let no_key = "names no client with a key that made its signature";
    for (what, assertion, saying) in [
        ("another's key", foreign.sign(&key.header(), &good), no_key),
        ("an unknown key", key.sign(&json!({ "alg": "EdDSA", "kid": "k2" }), &good), no_key),
        ("a client without keys", but("sub", json!("other")), no_key),
        ("an unknown client", but("sub", json!("nobody")), no_key),
        ("no signature", key.sign(&json!({ "alg": "none" }), &good), "not signed"),
        ("a shared secret", key.sign(&json!({ "alg": "HS256", "kid": "k1" }), &good), "HS256"),
        ("an access token's type", key.sign(&json!({ "alg": "EdDSA", "kid": "k1", "typ": "at+jwt" }), &good), "typ"),
        ("another issuer", but("iss", json!("other")), "`iss`"),
        ("another audience", but("aud", json!("https://elsewhere.example")), "`aud`"),
        ("two audiences", but("aud", json!([app.issuer(), "https://elsewhere.example"])), "2 elements"),
        ("expired", but("exp", json!(start() - 60)), "expired"),
        ("good for too long", but("exp", json!(start() + 3661)), "is good until"),
        ("of the future", but("nbf", json!(start() + 61)), "in the future"),
        ("no id", without("jti"), "`jti`"),
        ("an id that is too long", but("jti", json!("x".repeat(257))), "`jti`"),
        ("no end", without("exp"), "`exp`"),
        ("no token at all", "nonsense".to_owned(), "parts"),
    ] {
        let reply = by_assertion(&app, &assertion).send().await;
        assert_refused(&reply, 400, "invalid_client", saying);
        assert!(reply.header("www-authenticate").is_empty(), "{what}");
    }
    assert_eq!(asked(&app, by_assertion(&app, &key.sign(&key.header(), &good))).await.status, 200, "none used it up");
}

#[tokio::test]
async fn an_assertion_is_of_the_client_beside_it_and_of_the_type_there_is() {
    let key = ClientKey::new("k1", 1);
    let app = with(&key).start().await;
    let assertion = key.assertion(&app, "1");
    let asking_as = |id: &'static str, kind: &'static str| {
        let assertion = assertion.clone();
        let parameters = [
            ("grant_type", "client_credentials"),
            ("client_id", id),
            ("client_assertion_type", kind),
            ("client_assertion", &assertion),
        ];
        asking(&app, &parameters)
    };
    let jwt = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    assert_refused(&asking_as("other", jwt).send().await, 400, "invalid_client", "different clients");
    let saml = "urn:ietf:params:oauth:client-assertion-type:saml2-bearer";
    assert_refused(&asking_as("ci", saml).send().await, 400, "invalid_request", "client_assertion_type");
    assert_eq!(asked(&app, asking_as("ci", jwt)).await.status, 200);
}
