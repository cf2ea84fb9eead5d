//! How the sandbox comes by an issuer's keys.

use std::sync::atomic::Ordering;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rsa::pkcs8::EncodePrivateKey;
use rsa::traits::PublicKeyParts;
use serde_json::{Value, json};

use super::support::{Key, ROLE, Refused, World};
use crate::entropy::{EntropyRng, SeededEntropy};

const NO_KEY: &str = "Couldn't retrieve verification key from your identity provider,  please reference \
                      AssumeRoleWithWebIdentity documentation for requirements";

fn no_key() -> Refused {
    Refused("InvalidIdentityToken".to_owned(), NO_KEY.to_owned())
}

#[tokio::test]
async fn keys_are_kept_and_fetched_again_for_an_unknown_kid() {
    let world = World::new().await;
    let fetches = || world.served.jwks_fetches.load(Ordering::Relaxed);
    world.session().await;
    world.session().await;
    assert_eq!(fetches(), 1);
    let second = Key::new("second");
    assert_eq!(world.assume(ROLE, &second.sign(&world.claims())).await.unwrap_err(), no_key());
    assert_eq!(fetches(), 2);
    *world.served.jwks.lock().unwrap() = json!({ "keys": [world.key.jwk(), second.jwk()] });
    world.assume(ROLE, &second.sign(&world.claims())).await.unwrap();
    assert_eq!(fetches(), 3);
    world.clock.advance(Duration::from_mins(10));
    world.session().await;
    assert_eq!(fetches(), 4);
}

#[tokio::test]
async fn a_removed_key_is_believed_until_the_cache_ends() {
    let world = World::new().await;
    world.session().await;
    *world.served.jwks.lock().unwrap() = json!({ "keys": [] });
    world.session().await;
    world.clock.advance(Duration::from_mins(10));
    assert_eq!(world.assume(ROLE, &world.key.sign(&world.claims())).await.unwrap_err(), no_key());
}

#[tokio::test]
async fn documents_that_are_not_as_they_should_be_give_no_key() {
    let world = World::new().await;
    let (discovery, jwk) = (world.served.discovery.lock().unwrap().clone(), world.key.jwk());
    let changed = |name: &str, value: Value| {
        let mut jwk = jwk.clone();
        jwk[name] = value;
        json!({ "keys": [jwk] })
    };
    let many: Vec<Value> =
        (0..100).map(|n| json!({ "kty": "EC", "kid": n.to_string() })).chain([jwk.clone()]).collect();
    let other_issuer = json!({ "issuer": "https://other.example", "jwks_uri": discovery["jwks_uri"] });
    let far_jwks = json!({ "issuer": world.issuer, "jwks_uri": "http://192.0.2.1/jwks" });
    let not_tls = world.issuer.as_str().replace("http:", "https:");
    let not_tls = json!({ "issuer": world.issuer, "jwks_uri": format!("{not_tls}/.well-known/jwks") });
    let good_jwks = json!({ "keys": [jwk] });
    for (what, discovery, jwks) in [
        ("no alg", discovery.clone(), changed("alg", Value::Null)),
        ("another alg", discovery.clone(), changed("alg", json!("ES384"))),
        ("no kid", discovery.clone(), changed("kid", Value::Null)),
        ("more than 100 keys", discovery.clone(), json!({ "keys": many })),
        ("no JWKS", discovery.clone(), json!({})),
        ("503", discovery, Value::Null),
        ("another issuer", other_issuer, good_jwks.clone()),
        ("no discovery", json!([]), good_jwks.clone()),
        ("a JWKS over plain http elsewhere", far_jwks, good_jwks.clone()),
        ("a JWKS that does not speak TLS", not_tls, good_jwks),
    ] {
        *world.served.discovery.lock().unwrap() = discovery;
        *world.served.jwks.lock().unwrap() = jwks;
        let answer = world.assume(ROLE, &world.key.sign(&world.claims())).await.unwrap_err();
        assert_eq!(answer, no_key(), "{what}");
    }
}

#[tokio::test]
async fn an_issuer_that_does_not_answer_has_five_seconds() {
    let world = World::new().await;
    *world.served.hangs.lock().unwrap() = true;
    let token = world.key.sign(&world.claims());
    let exchange = world.assume(ROLE, &token);
    let time_passes = async {
        while world.clock.sleepers() == 0 {
            tokio::task::yield_now().await;
        }
        world.clock.advance(Duration::from_secs(5));
    };
    let (answer, ()) = tokio::join!(exchange, time_passes);
    assert_eq!(answer.unwrap_err(), no_key());
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "ring signs with no other generator")]
async fn rsa_keys_of_2048_bits_verify() {
    let world = World::new().await;
    let entropy = SeededEntropy::new(1);
    let private = rsa::PrivateKey::new(&mut rand_core::UnwrapErr(EntropyRng(&entropy)), 2048).unwrap();
    let member = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let (n, e) = (private.n().to_be_bytes_trimmed_vartime(), private.e().to_be_bytes_trimmed_vartime());
    let jwk = json!({ "kty": "RSA", "alg": "RS256", "kid": "rsa", "n": member(&n), "e": member(&e) });
    *world.served.jwks.lock().unwrap() = json!({ "keys": [jwk] });

    let pair = RsaKeyPair::from_pkcs8(private.to_pkcs8_der().unwrap().as_bytes()).unwrap();
    let header = json!({ "alg": "RS256", "kid": "rsa" }).to_string();
    let signed = format!("{}.{}", member(header.as_bytes()), member(world.claims().to_string().as_bytes()));
    let mut signature = vec![0; pair.public().modulus_len()];
    pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).unwrap();
    world.assume(ROLE, &format!("{signed}.{}", member(&signature))).await.unwrap();
}
