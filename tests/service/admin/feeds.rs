//! Feeds.

use serde_json::{Value, json};

use super::{delete, feed, get, names, post, put, start, with_admins};
use crate::support::TestApp;

const FEEDS: &str = "/v1/admin/spaces/default/feeds";

#[tokio::test]
async fn a_feed_is_made_with_what_is_left_out_resolved() {
    let app = start().await;
    let made = post(&app, FEEDS, feed("models")).await;
    assert_eq!((made.status.as_u16(), made.header("location")), (201, "/v1/admin/spaces/default/feeds/models"));
    let mut body = made.json();
    let provider = body.as_object_mut().unwrap().remove("provider_arn").unwrap();
    let issuer = app.issuer().split_once("://").unwrap().1;
    assert_eq!(provider, format!("arn:aws:iam::123456789012:oidc-provider/{issuer}"));
    let condition_keys = json!({
        format!("{issuer}:aud"): "id.example.com", format!("{issuer}:sub"): "space:default:feed:models",
    });
    let expected = json!({
        "condition_keys": condition_keys,
        "space": "default", "slug": "models", "region": "us-east-1", "registry": "123456789012",
        "web_identity": {
            "role_arn": "arn:aws:iam::123456789012:role/feedpass-models", "audience": "id.example.com",
            "subject": ["space", "feed"], "session_duration": "1h"
        },
        "subject": "space:default:feed:models", "audience": "id.example.com",
        "registry_host": "123456789012.dkr.ecr.us-east-1.amazonaws.com",
        "source": "store", "version": body["version"],
        "created_at": "2026-11-23T11:00:00Z", "changed_at": "2026-11-23T11:00:00Z",
    });
    assert_eq!(body, expected);
    assert_eq!(names(&get(&app, "/v1/admin/feeds?space=default").await, "slug"), ["images", "models"]);
    assert_eq!(names(&get(&app, "/v1/admin/feeds?query=ER/CH").await, "slug"), ["charts"]);
}

#[tokio::test]
async fn the_next_request_sees_a_feed_that_was_made_changed_or_removed() {
    let app = with_admins().client("cd", &["default/*"], &["pull"]).start().await;
    assert_eq!(app.credentials("cd", "default/models").await.status, 404);
    post(&app, FEEDS, feed("models")).await;
    assert_eq!(
        app.credentials("cd", "default/models").await.status,
        200,
        "AWS lets it in at once: the sandbox follows"
    );
    let mut moved = feed("models");
    moved["region"] = "eu-central-1".into();
    let path = "/v1/admin/spaces/default/feeds/models";
    assert_eq!(put(&app, path, moved, "*").await.status, 200);
    let registry = app.credentials("cd", "default/models").await.json()["registry"].clone();
    assert_eq!(registry, "123456789012.dkr.ecr.eu-central-1.amazonaws.com");
    assert_eq!(delete(&app, path).await.status, 204);
    assert_eq!(app.credentials("cd", "default/models").await.status_and_code(), (404, "feed_not_found".into()));
    assert_eq!(post(&app, FEEDS, feed("models")).await.status_and_code(), (409, "name_tombstoned".into()));
}

#[tokio::test]
async fn a_feed_that_cannot_be_is_refused_with_a_reason() {
    let app = start().await;
    let with = |pointer: &str, value: Value| {
        let mut body = feed("models");
        let (parent, member) = pointer.rsplit_once('/').unwrap();
        body.pointer_mut(parent).unwrap()[member] = value;
        body
    };
    for (path, body, status, code) in [
        ("/v1/admin/spaces/nowhere/feeds", feed("models"), 404, "not_found"),
        (FEEDS, feed("images"), 409, "name_taken"),
        (FEEDS, with("/region", "cn-north-1".into()), 400, "invalid_value"),
        (FEEDS, with("/space", "other".into()), 400, "invalid_value"),
        (FEEDS, with("/web_identity/audience", app.internal_url().into()), 400, "invalid_value"),
        (FEEDS, with("/web_identity/subject", json!(["feed", "space"])), 400, "invalid_body"),
        (FEEDS, with("/web_identity/session_duration", "13h".into()), 400, "invalid_body"),
        (FEEDS, with("/web_identity/colour", "red".into()), 400, "invalid_body"),
    ] {
        let reply = post(&app, path, body.clone()).await;
        assert_eq!(reply.status_and_code(), (status, code.into()), "{body}: {}", reply.detail());
    }
    let declared = put(&app, "/v1/admin/spaces/default/feeds/images", feed("images"), "*").await;
    assert_eq!(declared.status_and_code(), (409, "declared_in_configuration".into()));
}

#[tokio::test]
async fn no_two_spaces_share_a_subject_and_audience_not_even_one_after_the_other() {
    let app = TestApp::builder()
        .operator("root", &["admin"])
        .feed_with("default/images", "role_arn = \"arn:aws:iam::123456789012:role/x\"\nsubject = [\"feed\"]")
        .feed("other/x")
        .start()
        .await;
    let alone = |slug: &str, audience: &str| {
        let mut body = feed(slug);
        body["web_identity"]["subject"] = json!(["feed"]);
        body["web_identity"]["audience"] = audience.into();
        body
    };
    let others = "/v1/admin/spaces/other/feeds";
    let taken = (409, "subject_taken".to_owned());
    assert_eq!(post(&app, others, alone("images", "id.example.com")).await.status_and_code(), taken);
    assert_eq!(post(&app, others, alone("images", "elsewhere")).await.status, 201, "another audience");
    let path = format!("{others}/images");
    assert_eq!(put(&app, &path, alone("images", "id.example.com"), "*").await.status_and_code(), taken);
    assert_eq!(delete(&app, &path).await.status, 204);
    let after = post(&app, FEEDS, alone("images", "elsewhere")).await;
    assert_eq!(after.status_and_code(), (409, "name_taken".into()));
    post(&app, "/v1/admin/spaces", json!({ "slug": "third" })).await;
    let after = post(&app, "/v1/admin/spaces/third/feeds", alone("images", "elsewhere")).await;
    assert_eq!(after.status_and_code(), taken, "a role may trust the removed one still");
    assert!(after.detail().contains("`other/images`"), "{}", after.detail());
}
