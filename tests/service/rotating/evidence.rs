//! A key is promoted when nothing that was seen speaks against it.

use std::time::Duration;

use serde_json::json;

use super::{HOUR, get, jwks, kids, pass_until, post, text, token, until, with_policy};

#[tokio::test]
async fn full_evidence_shortens_the_wait_where_the_policy_says_so() {
    let policy = "rotate_every = \"never\"\npublish_before = \"24h\"\npromote_on = \"evidence\"";
    let elsewhere = "role_arn = \"arn:aws:iam::210987654321:role/charts\"";
    let app = with_policy(policy).feed_in("eu-west-1", "default/charts", elsewhere).start().await;
    let kid = text(&post(&app, "/rotate", json!({})).await.json()["kid"]);
    pass_until(&app, Duration::from_secs(5), "it signs", async || jwks(&app).await[0] == kid).await;
    let shown = get(&app, &format!("/{kid}")).await.json();
    assert_eq!(shown["evidence"], "full", "{shown}");
    assert!(text(&shown["seen"]).starts_with("STS in 2 of 2 accounts, slowest "), "{shown}");
    assert!(text(&shown["seen"]).ends_with("; the public URL shows it"), "{shown}");
    assert_eq!(shown["places"].as_array().unwrap().len(), 3);
    let line = app.trail("change").await.pop().unwrap();
    assert_eq!((&line["change"]["action"], &line["details"]["evidence"]), (&json!("promote"), &json!("full")));
}

#[tokio::test]
async fn a_verifier_that_does_not_know_the_key_holds_it_back_past_its_time() {
    let policy = "rotate_every = \"never\"\npublish_before = \"1h\"";
    let stale = "[sandbox]\njwks_cache = \"24h\"\njwks_unknown_kid = \"wait\"";
    let app = with_policy(policy).tables(stale).start().await;
    let old = token(&app).await.0;
    assert_eq!(app.credentials("ci", "default/images").await.status, 200, "now it keeps the JWKS for a day");
    let kid = text(&post(&app, "/rotate", json!({})).await.json()["kid"]);
    pass_until(&app, Duration::from_mins(5), "the key is held", async || {
        app.figures().await.of("feedpass_key_promotion_held") == 1
    })
    .await;
    assert_eq!(token(&app).await.0, old, "its time has come, and it does not sign");
    assert!(app.lines().text().contains("is due to sign and held back"), "the log says so");
    let refused = post(&app, &format!("/{kid}/promote"), json!({})).await;
    assert_eq!(refused.status_and_code(), (409, "key_held_back".into()));
    assert!(refused.detail().contains("STS for account 123456789012 in us-east-1"), "{}", refused.detail());
    assert!(refused.detail().contains("the active key is taken"), "{}", refused.detail());

    pass_until(&app, HOUR, "it signs", async || jwks(&app).await[0] == kid).await;
    until("nothing is held", async || (app.figures().await.of("feedpass_key_promotion_held") == 0).then_some(())).await;
    assert_eq!(app.credentials("ci", "default/images").await.status, 200);
}

#[tokio::test]
async fn where_aws_says_nothing_that_is_said_and_time_decides() {
    let policy = "rotate_every = \"never\"\npublish_before = \"1h\"";
    // Nobody is there, so that a token of the active key is refused as well.
    let app = with_policy(policy).aws("endpoint = \"http://127.0.0.1:9\"").start().await;
    let kid = text(&post(&app, "/rotate", json!({})).await.json()["kid"]);
    pass_until(&app, Duration::from_secs(5), "STS was asked", async || {
        text(&get(&app, &format!("/{kid}")).await.json()["seen"]).contains("sts_unavailable")
    })
    .await;
    app.clock.advance(HOUR + Duration::from_secs(1));
    until("it signs", async || (jwks(&app).await[0] == kid).then_some(())).await;
    let line = app.trail("change").await.pop().unwrap();
    assert!(text(&line["details"]["seen"]).contains("STS in 0 of 1 accounts"), "{line}");
    assert_eq!(kids(&app, "retiring").await.len(), 1);
}
