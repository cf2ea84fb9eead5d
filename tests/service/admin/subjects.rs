//! No two feeds ever have one subject and audience, whether the store or the configuration has them.

use serde_json::{Value, json};

use super::{delete, feed, get, post, put, with_admins};
use crate::support::{TestApp, TestAppBuilder};

const ROLE: &str = "role_arn = \"arn:aws:iam::123456789012:role/x\"";

/// A feed's body whose subject drops the space.
fn alone(slug: &str, audience: &str) -> Value {
    let mut body = feed(slug);
    body["web_identity"]["subject"] = json!(["feed"]);
    body["web_identity"]["audience"] = audience.into();
    body
}

/// The same, declared.
fn declared_alone(builder: TestAppBuilder, name: &str, audience: &str) -> TestAppBuilder {
    builder.feed_with(name, &format!("{ROLE}\nsubject = [\"feed\"]\naudience = \"{audience}\""))
}

fn admin(builder: TestAppBuilder) -> TestAppBuilder {
    builder.operator("root", &["admin"])
}

/// What is said of a configuration that is not taken.
fn refused(app: &TestApp, change: impl FnOnce(TestAppBuilder) -> TestAppBuilder) -> String {
    app.reload(change).unwrap_err().to_string()
}

#[tokio::test]
async fn what_left_the_configuration_is_its_own_to_declare_again_and_nobody_elses() {
    let app = admin(TestApp::builder()).feed("default/images").feed("team-a/charts").start().await;
    app.reload(|b| admin(b).feed("default/models")).unwrap();
    for (path, body) in [
        ("/v1/admin/spaces/default/feeds", feed("images")),
        ("/v1/admin/spaces", json!({ "slug": "team-a" })),
        ("/v1/admin/apply", json!({ "spaces": [{ "slug": "team-a" }] })),
    ] {
        let reply = post(&app, path, body).await;
        assert_eq!(reply.status_and_code(), (409, "name_tombstoned".into()), "{path}");
        assert!(reply.detail().contains("was declared in the configuration"), "{}", reply.detail());
    }
    post(&app, "/v1/admin/spaces/default/feeds", feed("other")).await;
    let rename = post(&app, "/v1/admin/spaces/default/feeds/other/rename", json!({ "slug": "images" })).await;
    assert_eq!(rename.status_and_code(), (409, "name_tombstoned".into()));
    app.reload(|b| admin(b).feed("default/images").feed("team-a/charts")).unwrap();
    assert_eq!(get(&app, "/v1/admin/spaces/team-a/feeds/charts").await.json()["source"], "configuration");
}

#[tokio::test]
async fn a_subject_that_a_feed_gave_up_is_its_own_to_take_again_and_nobody_elses() {
    let app = with_admins().start().await;
    let taken = (409, "subject_taken".to_owned());
    let (one, others) = ("/v1/admin/spaces/default/feeds", "/v1/admin/spaces/other/feeds");
    assert_eq!(post(&app, one, alone("models", "a")).await.status, 201);
    let path = format!("{one}/models");
    assert_eq!(put(&app, &path, alone("models", "b"), "*").await.status, 200, "another audience");
    assert_eq!(put(&app, &path, feed("models"), "*").await.status, 200, "and another subject");
    for audience in ["a", "b"] {
        let reply = post(&app, others, alone("models", audience)).await;
        assert_eq!(reply.status_and_code(), taken, "{audience}");
        assert!(reply.detail().contains("as feed `default/models` is, was or will be"), "{}", reply.detail());
        assert_eq!(put(&app, &path, alone("models", audience), "*").await.status, 200, "{audience}");
    }
    assert_eq!(post(&app, others, alone("models", "c")).await.status, 201, "which was nobody's");

    let said = refused(&app, |b| declared_alone(admin(b), "third/models", "a"));
    assert!(said.contains("feed `third/models` would be `feed:models` for audience `a` to AWS"), "{said}");
}

#[tokio::test]
async fn a_subject_that_a_declared_feed_gave_up_is_nobody_elses() {
    let app = declared_alone(admin(TestApp::builder()), "default/images", "a").feed("other/x").start().await;
    app.reload(|b| declared_alone(admin(b), "default/images", "b").feed("other/x")).unwrap();
    app.reload(|b| admin(b).feed("default/images").feed("other/x")).unwrap();
    for audience in ["a", "b"] {
        let reply = post(&app, "/v1/admin/spaces/other/feeds", alone("images", audience)).await;
        assert_eq!(reply.status_and_code(), (409, "subject_taken".into()), "{audience}");
        let said = refused(&app, |b| declared_alone(admin(b), "other/images", audience));
        assert!(said.contains("as feed `default/images` is, was or will be"), "{said}");
    }
    app.reload(|b| declared_alone(admin(b), "default/images", "a")).unwrap();
}

#[tokio::test]
async fn what_clashes_with_the_store_is_not_taken_from_the_configuration() {
    let app = with_admins().start().await;
    post(&app, "/v1/admin/spaces", json!({ "slug": "live" })).await;
    post(&app, "/v1/admin/spaces/live/feeds", alone("alone", "a")).await;
    post(&app, "/v1/admin/spaces/live/feeds", feed("kept")).await;
    post(&app, "/v1/admin/spaces", json!({ "slug": "gone" })).await;
    post(&app, "/v1/admin/spaces/default/feeds", feed("gone")).await;
    post(&app, "/v1/admin/spaces/default/feeds", feed("old")).await;
    post(&app, "/v1/admin/spaces/live/rename", json!({ "slug": "lively" })).await;
    post(&app, "/v1/admin/spaces/default/feeds/old/rename", json!({ "slug": "new" })).await;
    for path in ["/v1/admin/spaces/gone", "/v1/admin/spaces/default/feeds/gone"] {
        assert_eq!(delete(&app, path).await.status, 204);
    }
    let before = app.app.settings();
    let other_role = |b: TestAppBuilder| admin(b).feed("default/images").feed("other/charts");
    for (name, said) in [
        ("live/x", "the store has space `live` too; leave it to the store"),
        ("gone/x", "space `gone` was the store's until 2026-11-23T11:00:00Z, and a slug is never given again"),
        ("lively/x", "space `lively` is the name that `space:live` will have"),
        ("default/gone", "feed `default/gone` was the store's until"),
        ("default/new", "feed `default/new` is the name that `feed:default/old` will have"),
    ] {
        let found = refused(&app, |b| other_role(b).feed(name));
        assert!(found.contains(said), "{name}: {found}");
    }
    let found = refused(&app, |b| declared_alone(other_role(b), "default/alone", "a"));
    assert!(found.contains("as feed `live/alone` is, was or will be; name the space in its subject"), "{found}");
    assert!(std::sync::Arc::ptr_eq(&before, &app.app.settings()));
    assert_eq!(app.credentials("ci", "default/images").await.status, 200, "what was there goes on");
    assert_eq!(get(&app, "/v1/admin/feeds?space=default").await.json()["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_subject_that_a_feed_will_have_is_nobody_elses_meanwhile() {
    let app = with_admins().start().await;
    post(&app, "/v1/admin/spaces/default/feeds", alone("old", "a")).await;
    let rename = "/v1/admin/spaces/default/feeds/old/rename";
    assert_eq!(post(&app, rename, json!({ "slug": "new" })).await.status, 202);
    let others = "/v1/admin/spaces/other/feeds";
    assert_eq!(post(&app, others, alone("new", "a")).await.status_and_code(), (409, "subject_taken".into()));
    let said = refused(&app, |b| declared_alone(admin(b), "third/new", "a"));
    assert!(said.contains("as feed `default/old` is, was or will be"), "{said}");
    assert_eq!(
        put(&app, "/v1/admin/spaces/default/feeds/old", alone("old", "a"), "*").await.status,
        200,
        "it is its own"
    );
}
