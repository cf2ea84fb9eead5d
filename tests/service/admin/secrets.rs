//! Secrets of clients.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use super::{delete, get, post, start};
use crate::support::{Reply, TestApp};

const SECRETS: &str = "/v1/admin/clients/cd/secrets";

async fn with_cd() -> TestApp {
    let app = start().await;
    assert_eq!(post(&app, "/v1/admin/clients", json!({ "id": "cd" })).await.status, 201);
    app
}

fn text(reply: &Reply, member: &str) -> String {
    assert_eq!(reply.status, 201, "{}", reply.text());
    reply.json()[member].as_str().unwrap().to_owned()
}

async fn opens(app: &TestApp, secret: &str) -> bool {
    app.ask_with(secret, Method::GET, "/v1/whoami", &Value::Null, None).await.status == 200
}

#[tokio::test]
async fn while_a_secret_is_replaced_both_open_until_the_old_one_ends() {
    let app = with_cd().await;
    let old = text(&post(&app, SECRETS, json!({})).await, "secret");
    assert!(feedpass::domain::is_client_secret(&old));
    let new = text(&post(&app, SECRETS, json!({ "ends_others_in": "24h" })).await, "secret");
    assert!(opens(&app, &old).await && opens(&app, &new).await);
    app.clock.advance(Duration::from_hours(24));
    assert!(!opens(&app, &old).await && opens(&app, &new).await);
    let third = post(&app, SECRETS, json!({ "ends_others_in": "0s" })).await;
    assert!(opens(&app, &text(&third, "secret")).await && !opens(&app, &new).await, "at once");
    let left = get(&app, "/v1/admin/clients/cd").await.json()["secrets"].as_array().unwrap().clone();
    assert_eq!(left.len(), 1, "those that ended are dropped on the way");
    assert_eq!(left[0], json!({ "id": third.json()["id"], "created_at": "2026-11-24T11:00:00Z", "expires_at": null }));
}

#[tokio::test]
async fn two_secrets_live_at_a_time_and_a_third_is_refused_by_their_names() {
    let app = with_cd().await;
    let first = post(&app, SECRETS, json!({ "expires_at": "2026-11-23T12:00:00Z" })).await;
    let second = post(&app, SECRETS, json!({})).await;
    let third = post(&app, SECRETS, json!({ "ends_others_in": "1h" })).await;
    assert_eq!(third.status_and_code(), (409, "too_many_secrets".into()));
    for id in [text(&first, "id"), text(&second, "id")] {
        assert!(third.detail().contains(&id), "{}", third.detail());
    }
    assert!(opens(&app, &text(&second, "secret")).await, "and the refused one ended nothing");
    assert_eq!(delete(&app, first.header("location")).await.status, 204);
    assert!(!opens(&app, &text(&first, "secret")).await);
    assert_eq!(delete(&app, first.header("location")).await.status_and_code(), (404, "not_found".into()));
    assert_eq!(post(&app, SECRETS, json!({})).await.status, 201);
}

#[tokio::test]
async fn an_end_is_in_the_future() {
    let app = with_cd().await;
    let reply = post(&app, SECRETS, json!({ "expires_at": "2026-11-23T11:00:00Z" })).await;
    assert_eq!(reply.status_and_code(), (400, "invalid_value".into()));
    let declared = post(&app, "/v1/admin/clients/ci/secrets", json!({})).await;
    assert_eq!(declared.status_and_code(), (409, "declared_in_configuration".into()));
}
