//! A second role, assumed from the first identity: most often another account's.

use http::Method;
use serde_json::json;

use super::{SECRET, file_with, told, with_access_key};
use crate::support::{TestApp, TestAppBuilder};

const SECOND: &str = "arn:aws:iam::210987654321:role/registry-reader";

/// A feed `default/far`, whose second role is another account's; `more` stands in `[feed.assume_role]`.
fn with_hop(more: &str) -> TestAppBuilder {
    let identity = format!(
        "role_arn = \"arn:aws:iam::123456789012:role/feedpass-far\"\n[feed.assume_role]\nrole_arn = \"{SECOND}\"\n{more}"
    );
    TestApp::builder().feed_with("default/far", &identity).client("ci", &["default/far"], &["pull", "session"])
}

/// The trust policy of the second role, as its owner wrote it.
fn owned(condition: &str) -> String {
    format!(
        "[[sandbox.role]]\narn = \"{SECOND}\"\ntrust_policy = '''{{\"Statement\": [{{\"Effect\": \"Allow\", \
         \"Principal\": {{\"AWS\": \"arn:aws:iam::123456789012:role/feedpass-far\"}}, \"Action\": \"sts:AssumeRole\", \
         \"Condition\": {condition}}}]}}'''\n"
    )
}

#[tokio::test]
async fn the_second_role_reaches_the_registry_of_its_own_account() {
    let app = with_hop("external_id = \"feedpass/7\"").start().await;
    let reply = app.credentials("ci", "default/far").await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(reply.json()["registry"], "210987654321.dkr.ecr.us-east-1.amazonaws.com");
    assert_eq!(app.calls(), (2, 1));
    assert_eq!((app.sandbox().calls_to("AssumeRoleWithWebIdentity"), app.sandbox().calls_to("AssumeRole")), (1, 1));
    let assumed = told(&app, "assume_role").await;
    let roles: Vec<_> = assumed.iter().map(|line| line["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["arn:aws:iam::123456789012:role/feedpass-far", SECOND]);
    assert_eq!(assumed[0]["session_name"], assumed[1]["session_name"], "CloudTrail can join the two");
    assert_eq!(assumed[0]["kid"], assumed[1]["kid"], "and what a burnt key gave is found");

    let session = app.post_as("ci", "/v1/spaces/default/feeds/far/session").await;
    assert_eq!(session.json()["RoleArn"], SECOND);
}

#[tokio::test]
async fn a_wrong_external_id_is_told_apart_from_a_role_that_trusts_nobody() {
    for (condition, more, words) in [
        (
            "{\"StringEquals\": {\"sts:ExternalId\": \"agreed\"}}",
            "external_id = \"another\"",
            " where sts:ExternalId is `another`",
        ),
        ("{\"StringEquals\": {\"sts:ExternalId\": \"agreed\"}}", "", ""),
        (
            "{\"StringEquals\": {\"aws:PrincipalAccount\": \"999999999999\"}}",
            "external_id = \"agreed\"",
            " where sts:ExternalId is `agreed`",
        ),
    ] {
        let app = with_hop(more).tables(&owned(condition)).start().await;
        let reply = app.credentials("ci", "default/far").await;
        assert_eq!(reply.status_and_code(), (502, "second_role_refused".into()), "{}", reply.text());
        let first = "arn:aws:iam::123456789012:role/feedpass-far";
        assert_eq!(
            reply.detail(),
            format!(
                "AWS would not let {first} assume {SECOND} for feed `default/far`. The role must exist, its trust policy must \
                 allow sts:AssumeRole to {first}{words}, and {first} must be allowed sts:AssumeRole on it"
            )
        );
        assert_eq!(told(&app, "assume_role").await.len(), 2, "that the first was given is written down too");
    }
}

#[tokio::test]
async fn a_user_may_assume_a_role_for_twelve_hours_and_a_session_for_one() {
    let file = file_with(SECRET);
    let hop = format!("[feed.assume_role]\nrole_arn = \"{SECOND}\"\nsession_duration = \"12h\"\n");
    let app = with_access_key(&file, &hop).start().await;
    let reply = app.credentials("ci", "keys/images").await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(app.sandbox().calls_to("AssumeRole"), 1);
    let session = app.post_as("ci", "/v1/spaces/keys/feeds/images/session").await;
    assert_eq!(session.json()["Expiration"], "2026-11-23T23:00:00Z");

    let app = TestApp::usual().operator("root", &["admin"]).start().await;
    let body = json!({
        "slug": "far", "region": "us-east-1", "web_identity": { "role_arn": "arn:aws:iam::123456789012:role/x" },
        "assume_role": { "role_arn": SECOND, "session_duration": "2h" },
    });
    let refused = app.ask("root", Method::POST, "/v1/admin/spaces/default/feeds", &body).await;
    assert_eq!(refused.status_and_code(), (400, "invalid_value".into()));
    assert!(refused.detail().contains("a role that is assumed from a role session lasts an hour at most"));
    assert_eq!(app.get_as("root", "/v1/admin/spaces/default/feeds/far").await.json()["code"], json!("not_found"));
    assert_eq!(app.trail("change").await.iter().filter(|line| line["outcome"] == "ok").count(), 0);
}
