//! Tokens that must not get in: each is refused, with a reason of its own in the audit trail.

use std::collections::BTreeMap;

use ring::hmac;
use serde_json::{Value, json};

use super::issuer::{Issuer, Key, ask, client, encode, rule};
use crate::support::TestApp;

const REFUSED: &str = "workload_token_refused";
const UNTRUSTED: &str = "token_issuer_untrusted";

/// The same with another member; without it for null.
fn with(value: &Value, name: &str, member: Value) -> Value {
    let mut value = value.clone();
    match member {
        Value::Null => drop(value.as_object_mut().unwrap().remove(name)),
        member => value[name] = member,
    }
    value
}

/// What each attack is, its token, the code it is refused with, and a part of the reason.
fn attacks(issuer: &Issuer, claims: &Value) -> Vec<(&'static str, String, &'static str, &'static str)> {
    let key = &issuer.key;
    let payload = claims.to_string();
    let header = |name, member| key.sign(&with(&key.header(), name, member).to_string(), &payload);
    let claim = |name, member| key.token(&with(claims, name, member));
    let thief = Key::new("k1", "ES256");
    let unsigned = format!("{}.{}.", encode(r#"{"alg":"none"}"#), encode(&payload));
    let symmetric = {
        let signed = format!("{}.{}", encode(with(&key.header(), "alg", json!("HS256")).to_string()), encode(&payload));
        let secret = hmac::Key::new(hmac::HMAC_SHA256, key.jwk().to_string().as_bytes());
        format!("{signed}.{}", encode(hmac::sign(&secret, signed.as_bytes())))
    };
    let now = claims["iat"].as_i64().unwrap();
    vec![
        ("alg none", unsigned, REFUSED, "not signed"),
        ("the public key as a secret", symmetric, REFUSED, "who can verify that can also make it"),
        ("an algorithm that is not allowed", header("alg", json!("PS256")), REFUSED, "trusted for ES256"),
        ("a kid with a path", header("kid", json!("../../dev/null")), REFUSED, "looks like a path"),
        ("a kid with a URL", header("kid", json!("https://evil.example/k")), REFUSED, "looks like a URL"),
        ("jku", header("jku", json!("https://evil.example/jwks")), REFUSED, "`jku`"),
        ("x5u", header("x5u", json!("https://evil.example/x")), REFUSED, "`x5u`"),
        ("jwk", thief.sign(&with(&thief.header(), "jwk", thief.jwk()).to_string(), &payload), REFUSED, "`jwk`"),
        ("crit", header("crit", json!(["exp"])), REFUSED, "`crit`"),
        ("another's key", thief.token(claims), REFUSED, "signature is not by the key"),
        ("another issuer", claim("iss", json!("https://evil.example")), UNTRUSTED, "none that is trusted"),
        ("the issuer and a slash", claim("iss", json!(format!("{}/", issuer.url()))), UNTRUSTED, "/`, is none"),
        ("no issuer", claim("iss", json!(null)), UNTRUSTED, "no `iss`"),
        ("two audiences", claim("aud", json!(["https://feedpass.internal", "b"])), REFUSED, "2 elements"),
        ("another audience", claim("aud", json!("https://other.example")), REFUSED, "`aud` is `https://other"),
        ("expired", claim("exp", json!(now - 60)), REFUSED, "expired at"),
        ("not yet", claim("nbf", json!(now + 61)), REFUSED, "`nbf` is"),
        ("a long life", claim("exp", json!(now + 90_000)), REFUSED, "from now"),
        ("no exp", claim("exp", json!(null)), REFUSED, "no `exp`"),
        ("no subject", claim("sub", json!(null)), REFUSED, "no `sub`"),
        (
            "a claim twice",
            key.sign(&key.header().to_string(), &payload.replacen('{', r#"{"sub":"someone-else","#, 1)),
            REFUSED,
            "name `sub` twice",
        ),
    ]
}

#[tokio::test]
async fn each_attack_is_refused_with_a_reason_of_its_own() {
    let issuer = Issuer::start("ES256").await;
    let tables = [issuer.section("ci"), rule("main", "ci", "builder", "sub = \"main\""), client("builder")].concat();
    // More failed attempts than the usual limit lets through.
    let tables = format!("[limits]\nfailed_attempts = \"off\"\n{tables}");
    let app = TestApp::builder().feed("default/images").tables(&tables).start().await;
    let claims = issuer.claims(&json!({ "sub": "main" }));
    let mut reasons = BTreeMap::new();
    for (what, token, code, said) in attacks(&issuer, &claims) {
        let reply = ask(&app, &token).await;
        assert_eq!(reply.status_and_code(), (401, code.to_owned()), "{what}: {}", reply.text());
        let trail = app.trail("authentication").await;
        let line = trail.last().unwrap();
        assert_eq!((line["outcome"].as_str(), line["code"].as_str()), (Some("refused"), Some(code)), "{what}");
        let reason = line["reason"].as_str().unwrap().to_owned();
        assert!(reason.contains(said), "{what}: {reason}");
        assert_eq!(reasons.insert(reason, what), None, "{what}");
    }
    assert_eq!(app.calls(), (0, 0));
    assert_eq!(ask(&app, &issuer.key.token(&claims)).await.status, 200, "the honest one");
}
