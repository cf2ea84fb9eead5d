//! Session tags and source identity: in the token of a feed that asks for them, and of no other.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use serde_json::{Value, json};

use crate::support::TestApp;

const TAGGED: &str = "role_arn = \"arn:aws:iam::123456789012:role/feedpass-tagged\"\n\
    session_tags = { team = \"payments\", cost-center = \"4/2\" }\nsource_identity = \"default.tagged\"";

async fn claims(app: &TestApp, feed: &str) -> Value {
    let reply = app.post_as("ci", &format!("/v1/spaces/default/feeds/{feed}/token")).await;
    let token = reply.json()["token"].as_str().unwrap().to_owned();
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap()
}

#[tokio::test]
async fn a_feed_with_tags_carries_them_and_no_other_does() {
    let app = TestApp::usual().feed_with("default/tagged", TAGGED);
    let app = app.client("cd", &["default/*"], &["pull"]).grant(&["default/*"], &["pull"]).start().await;
    let plain = claims(&app, "images").await;
    assert!(plain.as_object().unwrap().keys().all(|claim| !claim.starts_with("https://aws")), "{plain}");
    let reply = app.credentials("cd", "default/tagged").await;
    assert_eq!(reply.status, 200, "the role that the sandbox makes allows both: {}", reply.text());
}

#[tokio::test]
async fn tags_are_written_as_aws_reads_them() {
    let app = TestApp::builder().feed_with("default/tagged", TAGGED);
    let app = app.client("ci", &["default/tagged"], &["token"]).start().await;
    let claims = claims(&app, "tagged").await;
    assert_eq!(
        claims["https://aws.amazon.com/tags"],
        json!({ "principal_tags": { "cost-center": ["4/2"], "team": ["payments"] } })
    );
    assert_eq!(claims["https://aws.amazon.com/source_identity"], "default.tagged");
}

#[tokio::test]
async fn a_role_that_does_not_allow_tags_refuses_the_feed_and_the_answer_says_which_rights_it_takes() {
    let trust = r#"{"Statement": [{"Effect": "Allow", "Principal": {"Federated":
        "arn:aws:iam::123456789012:oidc-provider/ISSUER"}, "Action": "sts:AssumeRoleWithWebIdentity"}]}"#;
    let app = TestApp::builder().feed_with("default/tagged", TAGGED).client("ci", &["default/tagged"], &["pull"]);
    let app = app.start().await;
    let issuer = app.issuer().split_once("://").unwrap().1;
    let mut accounts = crate::support::aws::accounts_for(&app.app.settings());
    accounts.roles[0].trust_policy = trust.replace("ISSUER", issuer).parse().unwrap();
    app.sandbox().set_accounts(accounts);
    let reply = app.credentials("ci", "default/tagged").await;
    assert_eq!(reply.status_and_code(), (502, "role_refused".into()));
    assert!(
        reply.detail().contains("allow sts:AssumeRoleWithWebIdentity and sts:TagSession and sts:SetSourceIdentity to"),
        "{}",
        reply.detail()
    );
}
