//! A feed by the access key of an IAM user: declared, or kept in the store.

use http::Method;
use serde_json::{Value, json};

use super::{KEY_ID, SECRET, file_with, told, with_access_key};
use crate::support::{TestApp, TestAppBuilder};

const FEED: &str = "/v1/admin/spaces/default/feeds/keyed";

fn draft() -> Value {
    json!({
        "slug": "keyed", "region": "us-east-1", "registry": "123456789012",
        "access_key": { "access_key_id": KEY_ID, "secret_access_key": SECRET },
    })
}

/// An admin `root`, a client `ci` that may pull from all of `default`, and a store that can keep secrets.
fn with_store(encryption_key: &tempfile::NamedTempFile, url: &str) -> TestAppBuilder {
    let builder = TestApp::usual().client("cd", &["default/*"], &["pull"]).operator("root", &["admin"]);
    let builder = builder.operator("of-default", &["space_admin:default"]);
    builder.store(&format!("{url}\"\nencryption_key_file = \"{}", encryption_key.path().display()))
}

async fn ask(app: &TestApp, method: Method, path: &str, body: &Value) -> crate::support::Reply {
    app.ask_with(&TestApp::secret_of("root"), method, path, body, Some("*")).await
}

#[tokio::test]
async fn a_declared_key_pulls_without_sts() {
    let file = file_with(SECRET);
    let app = with_access_key(&file, "").start().await;
    app.keep_out_of_logs(SECRET);
    let reply = app.credentials("ci", "keys/images").await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(reply.json()["registry"], "210987654321.dkr.ecr.eu-west-1.amazonaws.com");
    assert_eq!(app.calls(), (0, 1), "ECR alone is asked");
    assert_eq!(app.credentials("ci", "keys/images").await.password(), reply.password(), "and once");
    assert_eq!(app.calls(), (0, 1));
    let given = told(&app, "credentials").await;
    assert_eq!((&given[0]["outcome"], &given[0]["session_name"]), (&json!("ok"), &Value::Null));
}

#[tokio::test]
async fn a_key_that_does_not_end_is_never_handed_on() {
    let file = file_with(SECRET);
    let app = with_access_key(&file, "").start().await;
    for (what, path) in [("web identity token", "token"), ("role session", "session")] {
        let reply = app.post_as("ci", &format!("/v1/spaces/keys/feeds/images/{path}")).await;
        assert_eq!(reply.status_and_code(), (409, "not_of_identity".into()), "{path}");
        let words =
            format!("feed `keys/images` has no {what}: its identity is `access_key`; ask for registry credentials");
        assert_eq!(reply.detail(), words);
        assert!(!reply.text().contains(SECRET));
    }
}

#[tokio::test]
async fn a_key_that_aws_does_not_know_is_the_operators_to_mend() {
    let file = file_with(SECRET);
    // The user's key has another secret half, as after a rotation that feedpass was not told of.
    let user = format!(
        "[[sandbox.user]]\narn = \"arn:aws:iam::210987654321:user/feedpass\"\naccess_key_id = \"{KEY_ID}\"\n\
         secret_access_key = \"another-secret-key\"\n"
    );
    let app = with_access_key(&file, "").tables(&user).start().await;
    let reply = app.credentials("ci", "keys/images").await;
    assert_eq!(reply.status_and_code(), (502, "access_key_refused".into()));
    assert_eq!(reply.json()["whose_move"], "operator");
    let words = format!(
        "AWS does not take access key {KEY_ID} of feed `keys/images`: it was deleted or switched off, its secret half is \
         another, or this machine's clock is wrong"
    );
    assert_eq!(reply.detail(), words);
    assert_eq!(told(&app, "authorization_token").await[0]["code"], "access_key_refused");
}

#[tokio::test]
async fn the_store_keeps_a_key_sealed_and_shows_it_to_nobody() {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("feedpass.db");
    let encryption_key = file_with(&"5a".repeat(32));
    let app = with_store(&encryption_key, &format!("sqlite:{}", database.display())).start().await;
    app.keep_out_of_logs(SECRET);
    let made = app.ask("root", Method::POST, "/v1/admin/spaces/default/feeds", &draft()).await;
    assert_eq!(made.status, 201, "{}", made.text());
    assert_eq!(made.json()["access_key"], json!({ "access_key_id": KEY_ID }));
    assert_eq!(made.json().get("subject"), None, "AWS sees no subject of it");
    assert_eq!(app.credentials("cd", "default/keyed").await.status, 200);

    let shown = app.get_as("root", FEED).await.text();
    let trail = serde_json::to_string(&app.trail("").await).unwrap();
    let mut kept = std::fs::read(&database).unwrap();
    kept.extend(std::fs::read(database.with_extension("db-wal")).unwrap_or_default());
    let kept = String::from_utf8_lossy(&kept).into_owned();
    assert!(kept.contains(KEY_ID) && kept.contains("\"v1."), "the sealed key is in the database");
    for (place, text) in [("answer", &shown), ("trail", &trail), ("database", &kept)] {
        assert!(!text.contains(SECRET), "the {place} has the secret");
    }
    for (place, text) in [("answer", &shown), ("trail", &trail)] {
        assert!(!text.contains("\"v1."), "the {place} has the sealed secret");
    }

    let mut renamed = draft();
    renamed["name"] = "By key".into();
    renamed["access_key"].as_object_mut().unwrap().remove("secret_access_key");
    let changed = ask(&app, Method::PUT, FEED, &renamed).await;
    assert_eq!(changed.status, 200, "what is left out stays: {}", changed.text());
    let version = changed.json()["version"].clone();
    renamed["access_key"]["secret_access_key"] = SECRET.into();
    assert_eq!(ask(&app, Method::PUT, FEED, &renamed).await.json()["version"], version, "the same is no change");
    renamed["access_key"] = json!({ "access_key_id": "AKIAI44QH8DHBEXAMPLE" });
    let refused = ask(&app, Method::PUT, FEED, &renamed).await;
    assert_eq!(refused.status_and_code(), (400, "invalid_value".into()));
    assert!(refused.detail().contains("give `secret_access_key`, the secret half of AKIAI44QH8DHBEXAMPLE"));

    let deleted = ask(&app, Method::DELETE, FEED, &Value::Null).await;
    assert_eq!(deleted.status, 204);
    let (_, last) = app.app.store().database().read_after(0).await.unwrap();
    let tombstone = last.iter().find(|document| document.name == "default/keyed" && document.kind == "feed").unwrap();
    assert!(tombstone.removed && !tombstone.body.contains("v1."), "{}", tombstone.body);
}

#[tokio::test]
async fn a_store_without_a_key_to_seal_with_keeps_no_secret() {
    let app = TestApp::usual().operator("root", &["admin"]).start().await;
    let refused = app.ask("root", Method::POST, "/v1/admin/spaces/default/feeds", &draft()).await;
    assert_eq!(refused.status_and_code(), (409, "no_encryption_key".into()));
    assert_eq!(refused.json()["whose_move"], "operator");
    assert!(refused.detail().contains("`store.encryption_key_file`"), "{}", refused.detail());
    assert_eq!(app.get_as("root", FEED).await.status, 404, "nothing is half made");
}

#[tokio::test]
async fn a_sealed_key_whose_encryption_key_is_gone_says_so() {
    let encryption_key = file_with(&"5a".repeat(32));
    let app = with_store(&encryption_key, "sqlite::memory:").start().await;
    assert_eq!(app.ask("root", Method::POST, "/v1/admin/spaces/default/feeds", &draft()).await.status, 201);
    // Another key in front of the first: what is there still opens.
    std::fs::write(encryption_key.path(), format!("{}\n{}\n", "6b".repeat(32), "5a".repeat(32))).unwrap();
    app.change_feeds(|feeds| feeds.feed("default/images"));
    assert_eq!(app.credentials("cd", "default/keyed").await.status, 200);
    std::fs::write(encryption_key.path(), format!("{}\n", "6b".repeat(32))).unwrap();
    app.change_feeds(|feeds| feeds.feed("default/images"));
    app.clock.advance(std::time::Duration::from_hours(13));
    app.settle().await;
    let reply = app.credentials("cd", "default/keyed").await;
    assert_eq!(reply.status_and_code(), (503, "access_key_unopened".into()), "{}", reply.text());
    assert!(reply.detail().contains("add it as another line"), "{}", reply.detail());
}
