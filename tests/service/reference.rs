//! What clients are given, against a naive reference: for random grants and requests, by every route and format, from
//! a cold cache and a warm one, before and after the grants were changed.

mod contract;
mod drawn;
mod workloads;

use proptest::collection::vec;
use proptest::sample::{select, subsequence};
use proptest::strategy::{Strategy, ValueTree as _};
use proptest::test_runner::TestRunner;

use crate::support::{TestApp, TestAppBuilder};

/// A feed, its region, and whether a feed of another space shares its registry.
const FEEDS: [(&str, &str); 4] =
    [("a/x", "us-east-1"), ("a/y", "eu-west-1"), ("b/x", "us-east-1"), ("b/y", "us-west-2")];
const PATTERNS: [&str; 6] = ["a/x", "a/y", "b/x", "b/y", "a/*", "b/*"];
const ACTIONS: [&str; 5] = ["pull", "push", "token", "session", "catalog"];
const CLIENTS: [&str; 2] = ["one", "two"];
const FORMATS: [&str; 4] = ["json", "docker-config", "pull-secret", "password"];

/// A grant: patterns and actions, none of either empty.
type Grant = (Vec<&'static str>, Vec<&'static str>);

fn grants() -> impl Strategy<Value = Vec<Grant>> {
    let grant = (vec(select(&PATTERNS[..]), 1..3), subsequence(&ACTIONS[..], 1..4));
    vec(grant, 0..3)
}

/// What the contract says in the fewest words: is there a grant that names the feed, or its space, and one of the actions?
fn reference(grants: &[Grant], feed: &str, actions: &[&str]) -> u16 {
    let space = feed.split('/').next().unwrap();
    let about = |grant: &&Grant| grant.0.iter().any(|pattern| *pattern == feed || *pattern == format!("{space}/*"));
    let mut covering = grants.iter().filter(about).peekable();
    if covering.peek().is_none() {
        404
    } else if covering.any(|grant| grant.1.iter().any(|action| actions.contains(action))) {
        200
    } else {
        403
    }
}

/// Each with a role that has the feed's name.
fn with_feeds(builder: TestAppBuilder) -> TestAppBuilder {
    FEEDS.iter().fold(builder, |builder, (feed, region)| {
        let role = format!("role_arn = \"arn:aws:iam::123456789012:role/{}\"", feed.replace('/', "-"));
        builder.feed_in(region, feed, &role)
    })
}

fn with_clients(builder: TestAppBuilder, all: &[Vec<Grant>]) -> TestAppBuilder {
    CLIENTS.iter().zip(all).fold(builder, |builder, (client, grants)| {
        let builder = builder.client(client, &[], &[]);
        grants.iter().fold(builder, |builder, (feeds, actions)| builder.grant(feeds, actions))
    })
}

/// Asks for everything in every way, and holds each answer against the reference.
async fn ask_for_everything(app: &TestApp, client: &str, grants: &[Grant]) {
    for (feed, region) in FEEDS {
        let (space, slug) = feed.split_once('/').unwrap();
        let at = format!("/v1/spaces/{space}/feeds/{slug}");
        let expected = reference(grants, feed, &["pull", "push"]);
        for format in FORMATS {
            let reply = app.post_as(client, &format!("{at}/credentials?format={format}")).await;
            assert_eq!(reply.status, expected, "{client} {grants:?} asks for {feed} as {format}: {}", reply.text());
            if expected == 200 && format == "json" {
                let body = reply.json();
                assert_eq!((&body["space"], &body["feed"]), (&space.into(), &slug.into()));
                assert_eq!(body["registry"], format!("123456789012.dkr.ecr.{region}.amazonaws.com"));
            }
        }
        let reply = app.post_as(client, &format!("{at}/token")).await;
        assert_eq!(
            reply.status,
            reference(grants, feed, &["token"]),
            "{client} {grants:?} asks for the token of {feed}"
        );
        if reply.status == 200 {
            assert_eq!(reply.json()["subject"], format!("space:{space}:feed:{slug}"));
        }
    }
    for region in ["us-east-1", "eu-west-1", "us-west-2", "ap-south-1"] {
        let there = FEEDS.iter().filter(|(_, at)| *at == region);
        let usable: Vec<_> = there.filter(|(feed, _)| reference(grants, feed, &["pull", "push"]) == 200).collect();
        let host = format!("123456789012.dkr.ecr.{region}.amazonaws.com");
        let reply = app.post_as(client, &format!("/v1/registries/{host}/credentials")).await;
        let expected = match usable.as_slice() {
            [] => 404,
            [_] => 200,
            _ => 409,
        };
        assert_eq!(reply.status, expected, "{client} {grants:?} asks at {host}: {}", reply.text());
        if let [(feed, _)] = usable.as_slice() {
            let body = reply.json();
            assert_eq!(format!("{}/{}", body["space"].as_str().unwrap(), body["feed"].as_str().unwrap()), *feed);
        }
    }
}

#[tokio::test]
async fn nobody_gets_more_or_less_than_the_grants_say() {
    let mut runner = TestRunner::deterministic();
    for _ in 0..12 {
        let mut drawn = || vec(grants(), CLIENTS.len()).new_tree(&mut runner).unwrap().current();
        let (before, after) = (drawn(), drawn());
        let feeds = with_feeds(TestApp::builder());
        let limits = "[limits]\nclient_rate = \"off\"\naddress_rate = \"off\"\n";
        let app = with_clients(feeds.tables(limits), &before).start().await;
        // Cold, then warm, then with other grants over what is held.
        for grants in [&before, &before, &after] {
            app.change_clients(|builder| with_clients(builder, grants));
            for (client, grants) in CLIENTS.iter().zip(grants) {
                ask_for_everything(&app, client, grants).await;
            }
        }
    }
}
