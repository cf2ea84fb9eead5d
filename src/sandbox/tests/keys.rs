//! How the sandbox comes by an issuer's keys.

use std::num::NonZeroU8;
use std::sync::atomic::Ordering;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RsaEncoding, RsaKeyPair};
use rsa::pkcs8::EncodePrivateKey;
use rsa::traits::PublicKeyParts;
use serde_json::{Value, json};

use super::log::logged;
use super::support::{Key, P384, ROLE, Refused, World};
use crate::entropy::{EntropyRng, SeededEntropy};
use crate::sandbox::{Options, UnknownKid};

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
    world.publish(&[&world.key, &second]);
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
    world.publish(&[]);
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
async fn with_wait_an_unknown_kid_is_refused_until_what_is_kept_is_too_old() {
    let world = World::with(Options { jwks_unknown_kid: UnknownKid::Wait, ..Options::default() }).await;
    let fetches = || world.served.jwks_fetches.load(Ordering::Relaxed);
    world.session().await;
    let second = Key::new("second");
    world.publish(&[&world.key, &second]);
    for _ in 0..3 {
        assert_eq!(world.assume(ROLE, &second.sign(&world.claims())).await.unwrap_err(), no_key());
    }
    world.session().await;
    assert_eq!(fetches(), 1, "nothing is fetched for it");
    let said = r#"has no key with kid "second"; it has ["first"], and the sandbox is told to wait"#;
    assert!(logged().contains(said), "{}", logged());
    world.clock.advance(Duration::from_mins(10));
    world.assume(ROLE, &second.sign(&world.claims())).await.unwrap();
    assert_eq!(fetches(), 2);
}

#[tokio::test]
async fn with_wait_the_first_key_ever_is_fetched() {
    let world = World::with(Options { jwks_unknown_kid: UnknownKid::Wait, ..Options::default() }).await;
    *world.served.jwks.lock().unwrap() = Value::Null;
    assert_eq!(world.assume(ROLE, &world.key.sign(&world.claims())).await.unwrap_err(), no_key());
    world.publish(&[&world.key]);
    world.session().await;
}

#[tokio::test]
async fn several_caches_take_turns_and_know_what_each_fetched() {
    let caches = NonZeroU8::new(3).unwrap();
    let world =
        World::with(Options { jwks_unknown_kid: UnknownKid::Wait, jwks_caches: caches, ..Options::default() }).await;
    let fetches = || world.served.jwks_fetches.load(Ordering::Relaxed);
    // Two of three know the first key alone.
    world.session().await;
    world.session().await;
    let second = Key::new("second");
    world.publish(&[&world.key, &second]);
    world.clock.advance(Duration::from_mins(1));
    let known = async || {
        let mut known = Vec::new();
        for _ in 0..6 {
            known.push(world.assume(ROLE, &second.sign(&world.claims())).await.is_ok());
        }
        known
    };
    assert_eq!(known().await, [true, false, false, true, false, false]);
    assert_eq!(fetches(), 3);
    let shown: Vec<_> = world.state().await["jwks"].as_array().unwrap().clone();
    let shown: Vec<_> = shown.iter().map(|kept| (kept["cache"].clone(), kept["kids"].clone())).collect();
    let expected = [json!(["first"]), json!(["first"]), json!(["first", "second"])];
    assert_eq!(shown, [1, 2, 3].map(Value::from).into_iter().zip(expected).collect::<Vec<_>>());
    world.clock.advance(Duration::from_mins(9));
    assert_eq!(world.state().await["jwks"].as_array().unwrap().len(), 1, "what is too old is not shown");
    assert_eq!(known().await, [true; 6], "the two are too old, and fetch");
    assert_eq!(fetches(), 5);
}

#[tokio::test]
async fn several_caches_fetch_for_themselves() {
    let world = World::with(Options { jwks_caches: NonZeroU8::new(2).unwrap(), ..Options::default() }).await;
    let fetches = || world.served.jwks_fetches.load(Ordering::Relaxed);
    for expected in [1, 2, 2, 2] {
        world.session().await;
        assert_eq!(fetches(), expected);
    }
    let second = Key::new("second");
    world.publish(&[&world.key, &second]);
    for expected in [3, 4, 4] {
        world.assume(ROLE, &second.sign(&world.claims())).await.unwrap();
        assert_eq!(fetches(), expected);
    }
}

#[tokio::test]
async fn ec_keys_of_both_curves_verify() {
    let world = World::new().await;
    let (es256, es384) = (Key::new("es256"), Key::of(P384, "es384"));
    world.publish(&[&es256, &es384]);
    for key in [&es256, &es384] {
        world.assume(ROLE, &key.sign(&world.claims())).await.unwrap();
        let mut forged = key.sign(&world.claims());
        forged.truncate(forged.len() - 4);
        forged.push_str("AAAA");
        world.assume(ROLE, &forged).await.unwrap_err();
    }
    let wrong = es384.sign_as(&json!({ "alg": "ES256", "kid": "es384" }), &world.claims());
    assert_eq!(world.assume(ROLE, &wrong).await.unwrap_err(), no_key(), "a key is for its own algorithm");
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "ring signs with no other generator")]
async fn rsa_keys_verify_with_each_hash() {
    let world = World::new().await;
    let entropy = SeededEntropy::new(1);
    let private = rsa::PrivateKey::new(&mut rand_core::UnwrapErr(EntropyRng(&entropy)), 2048).unwrap();
    let member = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let (n, e) = (private.n().to_be_bytes_trimmed_vartime(), private.e().to_be_bytes_trimmed_vartime());
    let pair = RsaKeyPair::from_pkcs8(private.to_pkcs8_der().unwrap().as_bytes()).unwrap();
    let signed = |alg: &str, padding: &'static dyn RsaEncoding| {
        let header = json!({ "alg": alg, "kid": alg }).to_string();
        let signed = format!("{}.{}", member(header.as_bytes()), member(world.claims().to_string().as_bytes()));
        let mut signature = vec![0; pair.public().modulus_len()];
        pair.sign(padding, &SystemRandom::new(), signed.as_bytes(), &mut signature).unwrap();
        format!("{signed}.{}", member(&signature))
    };
    let algorithms: [(&str, &dyn RsaEncoding); 3] =
        [("RS256", &RSA_PKCS1_SHA256), ("RS384", &RSA_PKCS1_SHA384), ("RS512", &RSA_PKCS1_SHA512)];
    let jwk = |alg: &str| json!({ "kty": "RSA", "alg": alg, "kid": alg, "n": member(&n), "e": member(&e) });
    *world.served.jwks.lock().unwrap() = json!({ "keys": algorithms.map(|(alg, _)| jwk(alg)) });
    for (alg, padding) in algorithms {
        world.assume(ROLE, &signed(alg, padding)).await.unwrap();
        for (_, other) in algorithms.into_iter().filter(|(other, _)| *other != alg) {
            world.assume(ROLE, &signed(alg, other)).await.unwrap_err();
        }
    }
}
