//! Every token that a key signs is counted, whatever it was signed for.

use std::time::Duration;

use feedpass::store::database::Signed;
use http::Method;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::support::{START, TestApp};

/// The counts as of a time so many minutes after the start.
async fn signed(app: &TestApp, minutes: i64) -> Vec<Signed> {
    app.app.audit().trail().signed(after_start(minutes)).await.unwrap()
}

fn after_start(minutes: i64) -> Timestamp {
    let start: Timestamp = START.parse().unwrap();
    Timestamp::from_second(start.as_second() + 60 * minutes).unwrap()
}

async fn access_token(app: &TestApp, client: &str) {
    let request = app.internal(Method::POST, "/oauth2/token").basic(client, &TestApp::secret_of(client));
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    let reply = request.body("grant_type=client_credentials".to_owned()).send().await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    app.remember_secrets_of(&reply);
}

async fn token(app: &TestApp) {
    assert_eq!(app.post_as("ci", "/v1/spaces/default/feeds/images/token").await.status, 200);
}

#[tokio::test]
async fn each_kind_of_token_counts_once_when_it_is_signed() {
    let app = TestApp::usual().operator("root", &["admin"]).start().await;
    let kid = app.app.keyring().current().active_kid().to_string();
    let counted = async |live, longest| {
        let expected = Signed { kid: kid.clone(), longest_expires_at: after_start(longest), live };
        assert_eq!(signed(&app, 0).await, [expected]);
    };
    token(&app).await;
    counted(1, 5).await;
    app.credentials("ci", "default/images").await;
    counted(2, 5).await;
    app.credentials("ci", "default/images").await;
    counted(2, 5).await;
    access_token(&app, "ci").await;
    counted(3, 10).await;
    // STS refuses it; it was signed all the same.
    let feed = json!({ "slug": "models", "region": "us-east-1", "web_identity": { "role_arn": "arn:aws:iam::123456789012:role/models" } });
    app.ask("root", Method::POST, "/v1/admin/spaces/default/feeds", &feed).await;
    let rename = "/v1/admin/spaces/default/feeds/models/rename";
    assert_eq!(app.ask("root", Method::POST, rename, &json!({ "slug": "new" })).await.status, 202);
    let tried = async {
        while app.ask("root", Method::GET, "/v1/admin/renames", &Value::Null).await.json()["items"][0]["feeds"][0]["asked_at"]
            .is_null()
        {}
    };
    tokio::time::timeout(Duration::from_secs(10), tried).await.expect("STS is asked within 10 s");
    counted(4, 10).await;
    assert_eq!(signed(&app, 10).await[0].live, 1);
    assert_eq!(signed(&app, 15).await[0].live, 0);
}

#[tokio::test]
async fn what_ended_is_forgotten_however_long_lines_are_kept() {
    // Longer than there is a time before.
    let app = TestApp::usual().tables("[audit]\nkeep_for = \"7000000d\"").start().await;
    token(&app).await;
    app.clock.advance(Duration::from_mins(2));
    token(&app).await;
    assert_eq!(signed(&app, 0).await[0].live, 2);
    app.clock.advance(Duration::from_hours(3));
    let forgotten = async { while signed(&app, 0).await[0].live == 2 {} };
    tokio::time::timeout(Duration::from_secs(10), forgotten).await.expect("it is forgotten within 10 s");
    let left = &signed(&app, 0).await[0];
    assert_eq!((left.live, left.longest_expires_at), (1, after_start(7)), "the last end stays");
    assert_eq!(app.trail("mint").await.len(), 2);
}
