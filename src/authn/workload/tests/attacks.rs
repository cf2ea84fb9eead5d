//! Tokens that must not get in, each refused with its own reason.

use std::collections::BTreeMap;

use ring::hmac;
use serde_json::{Value, json};

use super::support::{ISSUER, SUBJECT, World};
use crate::authn::jws::tests::keys::{TestKey, encode};
use crate::domain::JwsAlgorithm;

fn header_with(key: &TestKey, name: &str, value: Value) -> String {
    let mut header = key.header();
    header[name] = value;
    header.to_string()
}

/// A token whose "signature" is a MAC with the issuer's public key.
fn symmetric(world: &World) -> String {
    let signed =
        format!("{}.{}", encode(header_with(&world.key, "alg", json!("HS256"))), encode(world.claims().to_string()));
    let secret = hmac::Key::new(hmac::HMAC_SHA256, world.key.jwk().to_string().as_bytes());
    let mac = hmac::sign(&secret, signed.as_bytes());
    format!("{signed}.{}", encode(mac))
}

/// What each attack is, its token, and a part of the words it is refused with.
fn attacks(world: &World) -> Vec<(&'static str, String, &'static str)> {
    let key = &world.key;
    let now = world.now().as_second();
    let claims = world.claims().to_string();
    let header = |name, value| key.sign(&header_with(key, name, value), &claims);
    let claim = |name, value| key.token(&world.claims_with(name, value));
    let thief = TestKey::new("k1", JwsAlgorithm::Es256);
    let unsigned = format!("{}.{}.", encode(r#"{"alg":"none"}"#), encode(&claims));
    let honest = world.token();
    vec![
        ("alg none", unsigned, "not signed"),
        ("the public key as a secret", symmetric(world), "who can verify that can also make it"),
        ("an algorithm nobody allowed", header("alg", json!("EdDSA")), "its issuer is trusted for RS256, ES256"),
        ("an algorithm nobody knows", header("alg", json!("ES256K")), "this version verifies"),
        ("no alg", header("alg", json!(null)), "has no `alg`"),
        ("the key's other algorithm", header("alg", json!("RS256")), "is not for RS256"),
        ("an access token", header("typ", json!("at+jwt")), "`typ` is `at+jwt`"),
        ("a kid with a path", header("kid", json!("../../dev/null")), "looks like a path"),
        ("a kid with a URL", header("kid", json!("https://evil.example/k")), "looks like a URL"),
        ("a kid with a line break", header("kid", json!("k1\n")), "not printable ASCII"),
        ("a kid that is long", header("kid", json!("k".repeat(257))), "1 to 256 characters"),
        ("a kid that is no text", header("kid", json!(["k1"])), "`kid` is not a text"),
        ("a kid that nobody has", header("kid", json!("k2")), "publishes no key with the `kid` `k2`"),
        ("jku", header("jku", json!("https://evil.example/jwks")), "`jku`"),
        ("x5u", header("x5u", json!("https://evil.example/x")), "`x5u`"),
        ("jwk", thief.sign(&header_with(&thief, "jwk", thief.jwk()), &claims), "`jwk`"),
        ("x5c", header("x5c", json!(["AA"])), "`x5c`"),
        ("crit", header("crit", json!(["exp"])), "`crit`"),
        (
            "a header with a name twice",
            key.sign(r#"{"alg":"ES256","kid":"k1","alg":"none"}"#, &claims),
            "name `alg` twice",
        ),
        ("a header that is no object", key.sign("[]", &claims), "header is JSON, and not an object"),
        ("another issuer's key", thief.token(&world.claims()), "ES256 signature is not by the key"),
        ("another issuer", claim("iss", json!("https://evil.example")), "`https://evil.example`, is none"),
        ("the issuer and a slash", claim("iss", json!(format!("{ISSUER}/"))), "/`, is none that is trusted"),
        ("no issuer", claim("iss", json!(null)), "no `iss`"),
        ("two audiences", claim("aud", json!(["https://feedpass.internal", "https://other.example"])), "2 elements"),
        ("no audience", claim("aud", json!(null)), "no `aud`"),
        ("an audience of nobody", claim("aud", json!([])), "0 elements"),
        ("another audience", claim("aud", json!("https://other.example")), "`aud` is `https://other.example`"),
        ("an audience that is no text", claim("aud", json!({ "a": 1 })), "a text, or a list of one"),
        ("no exp", claim("exp", json!(null)), "no `exp`"),
        ("exp as text", claim("exp", json!((now + 300).to_string())), "`exp` is not a number"),
        ("exp far away", claim("exp", json!(now + 86_400 + 61)), "is 1d from now"),
        ("a long life", key.token(&long_life(world)), "lives for"),
        ("expired", claim("exp", json!(now - 60)), "expired at"),
        ("nbf in the future", claim("nbf", json!(now + 61)), "`nbf` is 2026"),
        ("iat in the future", claim("iat", json!(now + 61)), "`iat` is 2026"),
        ("a negative nbf", claim("nbf", json!(-1)), "`nbf` is not a number"),
        ("milliseconds", claim("iat", json!(now * 1_000_000)), "`iat` is not a number"),
        ("no subject", claim("sub", json!(null)), "no `sub`"),
        ("an empty subject", claim("sub", json!("")), "`sub` has 0 characters"),
        ("a long subject", claim("sub", json!("x".repeat(256))), "`sub` has 256 characters"),
        ("a claim twice", key.sign(&key.header().to_string(), &twice(&claims)), "name `sub` twice"),
        ("claims that are no JSON", key.sign(&key.header().to_string(), "{"), "payload is not JSON"),
        ("1 MiB", format!("{honest}{}", "A".repeat(1 << 20)), "at most 16384 are read"),
        ("four parts", format!("{honest}.AA"), "4 parts"),
        ("padding", format!("{honest}="), "signature is not base64url"),
    ]
}

fn long_life(world: &World) -> Value {
    let now = world.now().as_second();
    let mut claims = world.claims();
    claims["iat"] = json!(now - 86_400);
    claims
}

fn twice(claims: &str) -> String {
    claims.replacen('{', r#"{"sub":"someone-else","#, 1)
}

#[tokio::test]
async fn each_attack_is_refused_with_its_own_reason() {
    let world = World::new();
    world.verify(&world.token()).await.unwrap();
    let mut reasons = BTreeMap::new();
    for (what, token, said) in attacks(&world) {
        let refusal = world.verify(&token).await.unwrap_err();
        for words in [refusal.to_string(), refusal.explain()] {
            assert!(words.contains(said), "{what}: {words}");
            let parts = token.split('.').filter(|part| part.len() > 8);
            assert!(!parts.into_iter().any(|part| words.contains(part)), "{what}: the token is in {words}");
        }
        assert_eq!(reasons.insert(refusal.to_string(), what), None, "{what}: {refusal}");
    }
}

#[tokio::test]
async fn a_minute_between_clocks_is_forgiven() {
    let world = World::new();
    let now = world.now().as_second();
    for (claim, value) in [
        ("exp", json!(now - 59)),
        ("nbf", json!(now + 60)),
        ("iat", json!(now + 60)),
        ("exp", json!(now + 86_400)),
        ("exp", json!(f64::from(u32::try_from(now).unwrap()) + 0.5)),
        ("iat", json!(null)),
        ("nbf", json!(null)),
        ("aud", json!(["https://feedpass.internal"])),
    ] {
        let verified = world.verify(&world.key.token(&world.claims_with(claim, value.clone()))).await;
        assert_eq!(verified.unwrap().subject, SUBJECT, "{claim} {value}");
    }
}

#[tokio::test]
async fn a_token_without_kid_is_taken_where_one_key_can_be_meant() {
    let world = World::new();
    let token = world.key.sign(r#"{"alg":"ES256"}"#, &world.claims().to_string());
    assert!(world.verify(&token).await.is_ok());

    let world = World::new();
    let other = TestKey::new("k2", JwsAlgorithm::Es256);
    world.publish(ISSUER, &json!([world.key.jwk(), other.jwk()]), None);
    let token = world.key.sign(r#"{"alg":"ES256"}"#, &world.claims().to_string());
    let refusal = world.verify(&token).await.unwrap_err().to_string();
    assert!(refusal.contains("names no `kid`") && refusal.contains("2 keys"), "{refusal}");
    assert!(world.verify(&world.token()).await.is_ok());
}
