//! One role for many clients: a session can do what its client's grants are for, and no more.

use feedpass::aws::permissions::session_policy;
use feedpass::domain::{Narrowing, Repositories};
use feedpass::iam::{Context, Policy, Request};

use super::{SECRET, file_with, with_access_key};
use crate::support::{TestApp, TestAppBuilder};

/// A feed `default/shared` that is narrowed, with clients who may pull, push, pull a few, and hold sessions.
fn shared() -> TestAppBuilder {
    let identity = "narrow_to_grants = true\nmore_regions = [\"eu-west-1\"]\n[feed.web_identity]\n\
        role_arn = \"arn:aws:iam::123456789012:role/feedpass-shared\"";
    let app = TestApp::builder().feed_in("us-east-1", "default/shared", identity);
    let app = app.client("puller", &["default/shared"], &["pull"]).client("other", &["default/shared"], &["pull"]);
    app.client("pusher", &["default/shared"], &["pull", "push"])
}

/// The same client, for some repositories alone.
fn few(builder: TestAppBuilder, feed: &str, repositories: &str) -> TestAppBuilder {
    let hash = crate::support::keys::sha256(&TestApp::secret_of("few"));
    builder.tables(&format!(
        "[[client]]\nid = \"few\"\nsecret_hash = \"sha256:{hash}\"\n[[client.grant]]\nfeeds = [\"{feed}\"]\n\
         actions = [\"pull\", \"session\"]\nrepositories = {repositories}\n"
    ))
}

#[tokio::test]
async fn clients_with_the_same_rights_share_what_is_held_and_others_never_do() {
    let app = few(shared(), "default/shared", "[\"base/*\"]").start().await;
    let mut passwords = Vec::new();
    for client in ["puller", "other", "pusher", "few"] {
        let reply = app.credentials(client, "default/shared").await;
        assert_eq!(reply.status, 200, "{client}: {}", reply.text());
        passwords.push(reply.password());
    }
    assert_eq!(passwords[0], passwords[1]);
    assert_eq!(app.calls(), (3, 3), "three kinds of rights");
    passwords.dedup();
    assert_eq!(passwords.len(), 3);
}

#[test]
fn a_session_policy_allows_what_the_grants_are_for() {
    let settings = feed_settings();
    let feed = &settings.feeds[0];
    let named = |names: &[&str]| Repositories::These(names.iter().map(|name| name.parse().unwrap()).collect());
    let narrowing = Narrowing { pull: named(&["base/*", "hello"]), push: named(&["ci/out"]) };
    let policy: Policy = session_policy(feed, &feed.region, &narrowing).parse().unwrap();
    let may = |action: &str, resource: &str| {
        let request = Request {
            principal: None,
            action: action.to_owned(),
            resource: Some(resource.to_owned()),
            context: Context::default(),
        };
        policy.evaluate(&request).is_allowed()
    };
    let arn = |name: &str| format!("arn:aws:ecr:us-east-1:123456789012:repository/{name}");
    for (action, resource, expected) in [
        ("ecr:GetAuthorizationToken", "*".to_owned(), true),
        ("ecr:BatchGetImage", arn("base/alpine"), true),
        ("ecr:GetDownloadUrlForLayer", arn("hello"), true),
        ("ecr:BatchGetImage", arn("hello-2"), false),
        ("ecr:BatchGetImage", arn("secret"), false),
        ("ecr:PutImage", arn("base/alpine"), false),
        ("ecr:PutImage", arn("ci/out"), true),
        ("ecr:UploadLayerPart", arn("ci/out"), true),
        ("ecr:BatchGetImage", arn("ci/out"), true),
        ("ecr:DeleteRepository", arn("ci/out"), false),
        ("s3:GetObject", "arn:aws:s3:::bucket/key".to_owned(), false),
        ("ecr:BatchGetImage", "arn:aws:ecr:eu-west-1:123456789012:repository/hello".to_owned(), false),
        ("ecr:BatchGetImage", "arn:aws:ecr:us-east-1:210987654321:repository/hello".to_owned(), false),
    ] {
        assert_eq!(may(action, &resource), expected, "{action} on {resource}");
    }
}

fn feed_settings() -> feedpass::config::Settings {
    let file = file_with(
        "issuer = \"https://id.example.com\"\n[[space]]\nslug = \"a\"\n[[feed]]\nspace = \"a\"\nslug = \"x\"\n\
         region = \"us-east-1\"\n[feed.web_identity]\nrole_arn = \"arn:aws:iam::123456789012:role/x\"",
    );
    feedpass::config::Settings::load(file.path(), []).unwrap()
}

#[tokio::test]
async fn a_grant_for_some_repositories_narrows_any_feed() {
    let app = few(TestApp::usual(), "default/images", "[\"base/*\"]").start().await;
    let (whole, narrow) =
        (app.credentials("ci", "default/images").await, app.credentials("few", "default/images").await);
    assert!(whole.status == 200 && narrow.status == 200, "{}", narrow.text());
    assert_ne!(whole.password(), narrow.password());
    let session = app.post_as("few", "/v1/spaces/default/feeds/images/session").await;
    assert_eq!(session.status, 200, "{}", session.text());
}

#[tokio::test]
async fn what_cannot_be_narrowed_is_refused() {
    let file = file_with(SECRET);
    let app = few(with_access_key(&file, ""), "keys/images", "[\"base/*\"]").start().await;
    let reply = app.credentials("few", "keys/images").await;
    assert_eq!(reply.status_and_code(), (409, "feed_not_narrowable".into()), "{}", reply.text());
    assert_eq!(reply.json()["whose_move"], "operator");
    assert_eq!(app.calls(), (0, 0));
}

#[tokio::test]
async fn more_repositories_than_a_policy_has_room_for_are_refused_before_aws_is_asked() {
    let many: Vec<String> = (0..60).map(|n| format!("\"team/service-with-a-name-{n}\"")).collect();
    let app = few(TestApp::usual(), "default/images", &format!("[{}]", many.join(", "))).start().await;
    let reply = app.credentials("few", "default/images").await;
    assert_eq!(reply.status_and_code(), (502, "session_policy_too_large".into()), "{}", reply.text());
    assert!(reply.detail().contains("name fewer repositories"), "{}", reply.detail());
    assert_eq!(app.calls(), (0, 0));
}
