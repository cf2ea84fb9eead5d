//! Several regions of one account under one subject.

use serde_json::json;

use crate::support::TestApp;

const PATH: &str = "/v1/spaces/default/feeds/images/credentials";

async fn start() -> TestApp {
    let identity = "more_regions = [\"eu-west-1\", \"ap-south-1\"]\n[feed.web_identity]\n\
        role_arn = \"arn:aws:iam::123456789012:role/feedpass-images\"";
    let app = TestApp::builder().feed_in("us-east-1", "default/images", identity);
    app.client("ci", &["default/images"], &["pull", "session"]).start().await
}

#[tokio::test]
async fn each_region_has_its_own_password_and_all_have_one_subject() {
    let app = start().await;
    let mut passwords = Vec::new();
    for (query, region) in [("", "us-east-1"), ("?region=eu-west-1", "eu-west-1"), ("?region=ap-south-1", "ap-south-1")]
    {
        let reply = app.post_as("ci", &format!("{PATH}{query}")).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        assert_eq!(reply.json()["registry"], format!("123456789012.dkr.ecr.{region}.amazonaws.com"));
        passwords.push(reply.password());
        // docker asks by host, and has the same.
        let host = format!("/v1/registries/123456789012.dkr.ecr.{region}.amazonaws.com/credentials");
        assert_eq!(app.post_as("ci", &host).await.password(), reply.password(), "{region}");
    }
    passwords.dedup();
    assert_eq!((passwords.len(), app.calls()), (3, (3, 3)));
    let secret = app.post_as("ci", &format!("{PATH}?region=eu-west-1&format=pull-secret")).await;
    assert_eq!(secret.json()["metadata"]["name"], "feedpass-default.images.eu-west-1");
    let session = app.post_as("ci", "/v1/spaces/default/feeds/images/session?region=eu-west-1").await;
    assert_eq!(session.status, 200, "{}", session.text());
}

#[tokio::test]
async fn a_region_that_is_not_the_feeds_is_refused_with_those_that_are() {
    let app = start().await;
    let reply = app.post_as("ci", &format!("{PATH}?region=eu-central-1")).await;
    assert_eq!(reply.status_and_code(), (400, "region_not_of_feed".into()));
    let words =
        "feed `default/images` is not in region `eu-central-1`: it is in `us-east-1`, `eu-west-1`, `ap-south-1`";
    assert_eq!(reply.detail(), words);
    assert_eq!(app.calls(), (0, 0));
    let host = "/v1/registries/123456789012.dkr.ecr.eu-central-1.amazonaws.com/credentials";
    let reply = app.post_as("ci", host).await;
    assert_eq!(reply.status_and_code(), (404, "registry_not_found".into()));
    assert!(reply.detail().contains("`123456789012.dkr.ecr.eu-west-1.amazonaws.com`"), "{}", reply.detail());
}

#[tokio::test]
async fn a_feed_that_leaves_a_region_is_found_there_no_more() {
    let app = start().await;
    let host = "/v1/registries/123456789012.dkr.ecr.eu-west-1.amazonaws.com/credentials";
    assert_eq!(app.post_as("ci", host).await.status, 200);
    app.change_feeds(|feeds| feeds.feed("default/images"));
    assert_eq!(app.post_as("ci", host).await.status_and_code(), (404, "registry_not_found".into()));
    let keys = app.app.store().current().feeds().map(|feed| json!(feed.more_regions)).collect::<Vec<_>>();
    assert_eq!(keys, [json!([])]);
}
