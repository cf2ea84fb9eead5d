//! How issuers' keys are held.

use std::time::Duration;

use serde_json::{Value, json};

use super::support::{AUDIENCE, ISSUER, SUBJECT, World, is_ready, issuer, rule};
use crate::authn::jws::tests::keys::TestKey;
use crate::authn::workload::{KeyError, KeysError, WorkloadError};
use crate::domain::JwsAlgorithm;

/// Discovery and JWKS.
const ONE_FETCH: usize = 2;
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);

fn is_unavailable(result: Result<impl Sized, WorkloadError>) -> bool {
    matches!(result.err(), Some(WorkloadError::Key(KeyError::Unavailable { .. })))
}

fn is_unknown(result: Result<impl Sized, WorkloadError>) -> bool {
    matches!(result.err(), Some(WorkloadError::Key(KeyError::None(_))))
}

#[tokio::test]
async fn keys_are_kept_as_long_as_their_server_says_within_bounds() {
    for (max_age, kept) in [
        (None, 10 * MINUTE),
        (Some(Duration::ZERO), MINUTE),
        (Some(5 * MINUTE), 5 * MINUTE),
        (Some(Duration::from_hours(90)), Duration::from_hours(24)),
    ] {
        let world = World::new();
        world.publish(ISSUER, &json!([world.key.jwk()]), max_age);
        world.verify(&world.token()).await.unwrap();
        assert_eq!(world.calls(), ONE_FETCH);
        world.clock.advance(kept.saturating_sub(SECOND));
        world.verify(&world.token()).await.unwrap();
        assert_eq!(world.calls(), 0, "{max_age:?}");
        world.clock.advance(SECOND);
        world.verify(&world.token()).await.unwrap();
        assert_eq!(world.calls(), ONE_FETCH, "{max_age:?}");
    }
}

#[tokio::test]
async fn an_unknown_kid_is_looked_for_again_and_then_not_for_30_seconds() {
    let world = World::new();
    world.verify(&world.token()).await.unwrap();
    world.clock.advance(30 * SECOND);
    world.calls();
    let next = TestKey::new("k2", JwsAlgorithm::Es256);
    assert!(is_unknown(world.verify(&next.token(&world.claims())).await));
    assert_eq!(world.calls(), ONE_FETCH);
    for _ in 0..100 {
        assert!(is_unknown(world.verify(&next.token(&world.claims())).await));
    }
    world.publish(ISSUER, &json!([world.key.jwk(), next.jwk()]), None);
    world.clock.advance(29 * SECOND);
    assert!(is_unknown(world.verify(&next.token(&world.claims())).await));
    assert_eq!(world.calls(), 0);
    world.clock.advance(SECOND);
    world.verify(&next.token(&world.claims())).await.unwrap();
    assert_eq!(world.calls(), ONE_FETCH);
    // What no fetch can mend asks nobody.
    world.clock.advance(MINUTE);
    let other = TestKey::new("k1", JwsAlgorithm::Rs256);
    assert!(is_unknown(world.verify(&other.token(&world.claims())).await));
    assert_eq!(world.calls(), 0);
}

#[tokio::test]
async fn a_key_that_its_issuer_took_away_is_believed_no_longer_than_the_set_is_kept() {
    let world = World::new();
    world.verify(&world.token()).await.unwrap();
    world.publish(ISSUER, &json!([]), None);
    world.clock.advance(10 * MINUTE);
    assert!(is_unknown(world.verify(&world.token()).await));
}

#[tokio::test]
async fn a_thousand_tokens_cost_one_fetch_and_who_hangs_up_ends_it_for_nobody() {
    let world = World::new();
    world.fetch.slow.lock().unwrap().push(ISSUER.to_owned());
    let token = world.token();
    {
        let first = world.verify(&token);
        tokio::pin!(first);
        assert!(!is_ready(&mut first).await);
        World::settle().await;
    }
    let all = futures_util::future::join_all((0..1000).map(|_| world.verify(&token)));
    let opened = async {
        World::settle().await;
        world.fetch.gate.add_permits(ONE_FETCH);
    };
    let (all, ()) = tokio::join!(all, opened);
    assert!(all.iter().all(Result::is_ok));
    assert_eq!(world.calls(), ONE_FETCH);
}

#[tokio::test]
async fn a_slow_issuer_delays_no_token_of_another_and_has_5_seconds() {
    let slow = "https://slow.example";
    let subject = format!("sub = \"{SUBJECT}\"");
    let issuers = [issuer("ci", ISSUER, ""), issuer("slow", slow, "")];
    let world = World::with(&issuers, &[rule("main", "ci", &subject), rule("other", "slow", &subject)]);
    world.publish(slow, &json!([world.key.jwk()]), None);
    world.fetch.slow.lock().unwrap().push(slow.to_owned());
    let token = world.key.token(&world.claims_with("iss", json!(slow)));
    let waiting = world.verify(&token);
    tokio::pin!(waiting);
    assert!(!is_ready(&mut waiting).await);
    World::settle().await;
    assert_eq!(world.verify(&world.token()).await.unwrap().client.as_str(), "main");
    assert!(!is_ready(&mut waiting).await);

    world.clock.advance(5 * SECOND);
    let refusal = waiting.await.unwrap_err();
    assert!(is_unavailable(Err::<(), _>(refusal.clone())));
    assert!(refusal.explain().contains("took more than 5 s"), "{}", refusal.explain());
    assert!(!refusal.to_string().contains("5 s"), "{refusal}");
}

#[tokio::test]
async fn a_failure_is_remembered_for_5_seconds() {
    let world = World::new();
    world.take_down();
    for _ in 0..10 {
        assert!(is_unavailable(world.verify(&world.token()).await));
    }
    assert_eq!(world.calls(), 1);
    world.publish(ISSUER, &json!([world.key.jwk()]), None);
    world.clock.advance(Duration::from_millis(4999));
    assert!(is_unavailable(world.verify(&world.token()).await));
    world.clock.advance(Duration::from_millis(1));
    world.verify(&world.token()).await.unwrap();
}

#[tokio::test]
async fn while_an_issuer_is_down_its_keys_are_used_for_a_day() {
    let world = World::new();
    world.verify(&world.token()).await.unwrap();
    world.take_down();
    world.clock.advance(10 * MINUTE);
    world.verify(&world.token()).await.unwrap();
    world.clock.advance(Duration::from_secs(24 * 3600 - 601));
    world.verify(&world.token()).await.unwrap();
    // A key that was never seen cannot be told from one that never was.
    let next = TestKey::new("k2", JwsAlgorithm::Es256);
    assert!(is_unavailable(world.verify(&next.token(&world.claims())).await));
    world.clock.advance(SECOND);
    assert!(is_unavailable(world.verify(&world.token()).await));
}

#[tokio::test]
async fn while_an_issuer_hangs_only_the_first_waits_for_it() {
    let world = World::new();
    world.verify(&world.token()).await.unwrap();
    world.fetch.slow.lock().unwrap().push(ISSUER.to_owned());
    world.clock.advance(10 * MINUTE);
    let token = world.token();
    let first = async { world.verify(&token).await.unwrap() };
    let time_passes = async {
        World::settle().await;
        world.clock.advance(5 * SECOND);
    };
    tokio::join!(first, time_passes);
    world.calls();
    for _ in 0..5 {
        world.clock.advance(6 * SECOND);
        let verified = world.verify(&token);
        tokio::pin!(verified);
        assert!(is_ready(&mut verified).await);
        World::settle().await;
    }
    assert!(world.calls() > 1, "it is asked again meanwhile");
    // Once it answers, so do its new keys.
    world.fetch.slow.lock().unwrap().clear();
    world.fetch.gate.add_permits(ONE_FETCH);
    World::settle().await;
    world.clock.advance(6 * SECOND);
    world.verify(&world.token()).await.unwrap();
    World::settle().await;
    world.calls();
    world.verify(&world.token()).await.unwrap();
    assert_eq!(world.calls(), 0);
}

#[tokio::test]
async fn documents_that_are_not_as_they_should_be_give_no_keys() {
    let discovery = format!("{ISSUER}/.well-known/openid-configuration");
    let private = json!({ "keys": [{ "kty": "EC", "d": "AA" }] });
    for (document, jwks, said) in [
        (
            json!({ "issuer": "https://evil.example", "jwks_uri": format!("{ISSUER}/jwks") }),
            json!({}),
            "says that its issuer is",
        ),
        (
            json!({ "issuer": format!("{ISSUER}/"), "jwks_uri": format!("{ISSUER}/jwks") }),
            json!({}),
            "says that its issuer is",
        ),
        (json!({ "issuer": ISSUER }), json!({}), "nothing as its `jwks_uri`"),
        (json!({ "issuer": ISSUER, "jwks_uri": "http://evil.example" }), json!({}), "should start with `https://`"),
        (json!({ "issuer": ISSUER, "jwks_uri": "http://127.0.0.1/" }), json!({}), "should start with `https://`"),
        (json!({ "issuer": ISSUER, "jwks_uri": "file:///etc/passwd" }), json!({}), "should start with `https://`"),
        (json!([]), json!({}), "discovery document is JSON, and not an object"),
        (json!({ "issuer": ISSUER, "jwks_uri": format!("{ISSUER}/jwks") }), json!({}), "no list `keys`"),
        (json!({ "issuer": ISSUER, "jwks_uri": format!("{ISSUER}/jwks") }), private, "publishes a private key"),
        (json!({ "issuer": ISSUER, "jwks_uri": "https://gone.example" }), json!({}), "no one is there"),
    ] {
        let world = World::new();
        world.serve(&discovery, &document.to_string(), None);
        world.serve(&format!("{ISSUER}/jwks"), &jwks.to_string(), None);
        let refusal = world.verify(&world.token()).await.unwrap_err();
        assert!(refusal.explain().contains(said), "{document}: {}", refusal.explain());
        assert!(is_unavailable(Err::<(), _>(refusal)), "{document}");
    }
}

#[tokio::test]
async fn a_jwks_url_is_asked_without_discovery_and_pinned_keys_ask_nobody() {
    let key = TestKey::new("k1", JwsAlgorithm::Es256);
    let rules = [rule("main", "ci", &format!("sub = \"{SUBJECT}\""))];

    let world = World::with(&[issuer("ci", ISSUER, "jwks_url = \"https://keys.example/x\"")], &rules);
    world.serve("https://keys.example/x", &json!({ "keys": [key.jwk()] }).to_string(), None);
    world.verify(&key.token(&world.claims())).await.unwrap();
    assert_eq!(world.calls(), 1);

    let pinned = |jwk: Value| {
        let jwks = json!({ "keys": [jwk] });
        let issuer = json!({ "name": "ci", "issuer": ISSUER, "audiences": [AUDIENCE], "jwks": jwks });
        std::sync::Arc::new(serde_json::from_value(issuer).unwrap())
    };
    let world = World::with(&[pinned(key.jwk())], &rules);
    world.clock.advance(Duration::from_hours(1000));
    world.verify(&key.token(&world.claims())).await.unwrap();
    let other = TestKey::new("k2", JwsAlgorithm::Es256);
    assert!(is_unknown(world.verify(&other.token(&world.claims())).await));
    assert_eq!(world.calls(), 0);

    let mut unusable = key.jwk();
    unusable["use"] = json!("enc");
    let world = World::with(&[pinned(unusable)], &rules);
    let refusal = world.verify(&key.token(&world.claims())).await.unwrap_err().to_string();
    assert!(refusal.contains("`k1` cannot be used") && refusal.contains("`use`"), "{refusal}");
}

#[tokio::test]
async fn keys_of_an_issuer_that_was_changed_are_not_used_for_the_new_one() {
    let world = World::new();
    world.verify(&world.token()).await.unwrap();
    let moved = issuer("ci", ISSUER, "jwks_url = \"https://keys.example/x\"");
    let key = world.workloads.keys.key(&moved, Some("k1"), JwsAlgorithm::Es256).await;
    assert!(matches!(key, Err(KeyError::Unavailable { source: KeysError::Fetch(_), .. })), "{key:?}");
}

#[tokio::test]
async fn an_issuer_is_asked_for_nothing_by_a_token_that_cannot_be_its() {
    let world = World::new();
    let unsigned = world.key.sign(r#"{"alg":"PS256","kid":"k1"}"#, &world.claims().to_string());
    for token in ["x", "a.b.c", &unsigned] {
        world.verify(token).await.unwrap_err();
    }
    assert_eq!(world.calls(), 0);
}
