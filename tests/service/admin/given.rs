//! Whatever clients are granted, what they get is what the plainest reading of the grants gives.

use std::collections::BTreeMap;

use http::Method;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use super::{post, put, with_admins};
use crate::support::TestApp;

const FEEDS: [&str; 4] = ["default/images", "default/charts", "other/charts", "other/images"];
const PATTERNS: [&str; 6] =
    ["default/images", "default/charts", "other/charts", "other/images", "default/*", "other/*"];
const ACTIONS: [&str; 5] = ["pull", "push", "token", "session", "catalog"];

/// One to three feeds or spaces, for one to three actions.
type Granted = (Vec<&'static str>, Vec<&'static str>);

fn grants() -> impl Strategy<Value = Vec<Granted>> {
    let grant = (subsequence(PATTERNS.to_vec(), 1..=3), subsequence(ACTIONS.to_vec(), 1..=3));
    proptest::collection::vec(grant, 0..=3)
}

/// What is answered to who wants one of `wanted` of `feed`.
fn reference(grants: &[Granted], feed: &str, wanted: &[&str]) -> u16 {
    let whole_space = format!("{}/*", feed.split('/').next().unwrap());
    let covering = || grants.iter().filter(|(feeds, _)| feeds.contains(&feed) || feeds.contains(&&*whole_space));
    match covering().any(|(_, actions)| wanted.iter().any(|action| actions.contains(action))) {
        true => 200,
        false if covering().next().is_some() => 403,
        false => 404,
    }
}

#[tokio::test]
async fn what_is_given_is_what_was_granted_just_now_for_any_grants() {
    let app: TestApp = with_admins().feed("default/charts").feed("other/images").start().await;
    assert_eq!(post(&app, "/v1/admin/clients", json!({ "id": "any" })).await.status, 201);
    let secret = post(&app, "/v1/admin/clients/any/secrets", json!({})).await.json()["secret"].clone();
    let secret = secret.as_str().unwrap();
    let mut runner = TestRunner::deterministic();
    let mut seen = BTreeMap::<u16, u32>::new();
    for _ in 0..40 {
        let granted = grants().new_tree(&mut runner).unwrap().current();
        let body: Vec<_> =
            granted.iter().map(|(feeds, actions)| json!({ "feeds": feeds, "actions": actions })).collect();
        assert_eq!(put(&app, "/v1/admin/clients/any", json!({ "grants": body }), "*").await.status, 200);
        let feed = select(FEEDS.to_vec()).new_tree(&mut runner).unwrap().current();
        let (space, slug) = feed.split_once('/').unwrap();
        for (last, wanted) in [("credentials", &["pull", "push"][..]), ("token", &["token"])] {
            let path = format!("/v1/spaces/{space}/feeds/{slug}/{last}");
            let reply = app.ask_with(secret, Method::POST, &path, &Value::Null, None).await;
            let expected = reference(&granted, feed, wanted);
            assert_eq!(reply.status.as_u16(), expected, "{last} of {feed} with {granted:?}: {}", reply.text());
            *seen.entry(expected).or_default() += 1;
        }
    }
    assert!(seen.len() == 3 && seen.values().all(|count| *count > 3), "each answer came up: {seen:?}");
}
