//! By the calendar, and by hand.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use super::{DAY, HOUR, get, jwks, keys, kids, max_age, post, text, token, until, until_there_are, why, with_policy};
use crate::support::TestApp;

/// How long it may take until every process shows a new key.
const SHOWN: Duration = Duration::from_secs(1);
const POLICY: &str = "rotate_every = \"30d\"\npublish_before = \"24h\"\nkeep_after = \"1h\"";

#[tokio::test]
async fn a_key_is_published_a_day_before_it_signs_and_leaves_when_its_last_token_is_dead() {
    let app = with_policy(POLICY).start().await;
    let old = jwks(&app).await;
    app.clock.advance(Duration::from_secs(29 * 86_400 - 2));
    assert_eq!((jwks(&app).await, max_age(&app).await), (old.clone(), 1), "nobody keeps it beyond the next change");
    app.clock.advance(Duration::from_secs(1));
    let new = until_there_are(&app, 1, "published").await;
    assert_eq!(jwks(&app).await, [old[0].clone(), new[0].clone()], "the active one is first");
    assert_eq!(token(&app).await.0, old[0]);

    app.clock.advance(DAY);
    let (kid, mut end) = token(&app).await;
    assert_eq!(kid, old[0], "a second too early");
    app.clock.advance(Duration::from_secs(1));
    until("the new key signs", async || {
        let (kid, its_end) = token(&app).await;
        if kid == old[0] {
            end = its_end;
        }
        (kid == new[0]).then_some(())
    })
    .await;
    assert_eq!(jwks(&app).await, [new[0].clone(), old[0].clone()]);

    let leaves_at = text(&keys(&app).await.iter().find(|key| key["state"] == "retiring").unwrap()["leaves_at"]);
    let (end, leaves_at): (Timestamp, Timestamp) = (end.parse().unwrap(), leaves_at.parse().unwrap());
    assert_eq!(leaves_at, end + Duration::from_mins(5) + HOUR, "the last token's end, STS's leeway and `keep_after`");
    let left = Duration::try_from(leaves_at.duration_since(app.app.audit().now())).unwrap();
    app.clock.advance(left.checked_sub(Duration::from_secs(1)).unwrap());
    assert_eq!(jwks(&app).await.len(), 2);
    until("that is reckoned", async || (max_age(&app).await == 1).then_some(())).await;
    app.clock.advance(Duration::from_secs(1));
    until_there_are(&app, 1, "retired").await;
    assert_eq!(jwks(&app).await, new);
    assert!(!app.keys().join(format!("{}.pem", old[0])).exists(), "nothing signs with it any more");
    let actions: Vec<_> = app.changes(10).await.iter().map(|line| line.split(' ').nth(2).unwrap().to_owned()).collect();
    assert_eq!(actions, ["stage", "promote", "retire"], "each step has its line, which nobody asked for");
}

#[tokio::test]
async fn a_rotation_by_hand_is_begun_once_and_goes_on_by_itself() {
    let app = with_policy("rotate_every = \"never\"\npublish_before = \"1h\"\nkeep_after = \"1h\"").start().await;
    let old = jwks(&app).await;
    let plan = get(&app, "/plan").await.json();
    assert_eq!(plan["steps"][0]["earliest"], json!(null), "nothing is planned: {plan}");
    let begun = post(&app, "/rotate", why("a new quarter")).await.json();
    let again = post(&app, "/rotate", json!({})).await.json();
    assert_eq!((&begun["resumed"], &again["resumed"]), (&json!(false), &json!(true)), "the second goes on with it");
    assert_eq!(begun["kid"], again["kid"]);
    let steps: Vec<_> = begun["plan"]["steps"].as_array().unwrap().iter().map(|step| text(&step["step"])).collect();
    assert_eq!(steps, ["promote", "retire"]);
    assert_eq!(begun["plan"]["steps"][0]["earliest"], "2026-11-23T12:00:01Z");
    app.clock.advance(HOUR + SHOWN);
    until("the new key signs", async || (jwks(&app).await[0] == text(&begun["kid"])).then_some(())).await;
    assert_eq!(kids(&app, "retiring").await, old);
}

#[tokio::test]
async fn a_staged_key_waits_for_an_admin_who_is_told_when_it_may_sign() {
    let app = with_policy("rotate_every = \"never\"\npublish_before = \"24h\"").start().await;
    let staged = post(&app, "/stage", json!({})).await;
    assert_eq!(staged.status, 201, "{}", staged.text());
    let kid = text(&staged.json()["kid"]);
    assert_eq!(staged.header("location"), format!("/v1/admin/keys/{kid}"));
    let path = format!("/{kid}/promote");
    let early = post(&app, &path, json!({})).await;
    assert_eq!(early.status_and_code(), (409, "key_not_known_yet".into()));
    assert!(
        early.detail().contains("may sign from 2026-11-24T11:00:01Z on, when it has been published for 1d"),
        "{}",
        early.detail()
    );
    let silent = post(&app, &path, json!({ "force": true })).await;
    assert_eq!(silent.status_and_code(), (400, "reason_missing".into()));
    app.clock.advance(DAY + SHOWN);
    assert_eq!(kids(&app, "published").await, std::slice::from_ref(&kid), "its time has come, and it waits");
    let promoted = post(&app, &path, json!({})).await;
    assert_eq!(promoted.status, 200, "{}", promoted.text());
    assert_eq!(jwks(&app).await[0], kid);
    let changes = app.changes(3).await;
    assert_eq!(
        changes[1..],
        [format!("key_not_known_yet: keys promote key {kid}"), format!("ok: keys promote key {kid}")]
    );
}

#[tokio::test]
async fn forcing_needs_a_reason_and_both_are_written_down() {
    let app = with_policy("rotate_every = \"never\"").start().await;
    let kid = text(&post(&app, "/stage", json!({})).await.json()["kid"]);
    let forced = post(&app, &format!("/{kid}/promote"), json!({ "force": true, "reason": "a fire drill" })).await;
    assert_eq!(forced.status, 200, "{}", forced.text());
    let line = app.trail("change").await.pop().unwrap();
    assert_eq!((&line["details"]["forced"], &line["details"]["reason"]), (&json!(true), &json!("a fire drill")));
}

#[tokio::test]
async fn a_key_whose_tokens_live_is_retired_by_force_alone_and_it_is_said_how_many_break() {
    let app = with_policy("rotate_every = \"never\"").start().await;
    let old = token(&app).await.0;
    token(&app).await;
    let kid = text(&post(&app, "/stage", json!({})).await.json()["kid"]);
    let path = format!("/{old}/retire");
    assert_eq!(post(&app, &path, json!({})).await.status_and_code(), (409, "key_is_active".into()));
    post(&app, &format!("/{kid}/promote"), json!({ "force": true, "reason": "a test" })).await;
    let early = post(&app, &path, json!({})).await;
    assert_eq!(early.status_and_code(), (409, "tokens_still_accepted".into()));
    assert!(early.detail().contains("2 of the tokens that it signed would break now"), "{}", early.detail());
    let forced = post(&app, &path, json!({ "force": true, "reason": "a test" })).await;
    assert_eq!(forced.json()["broken_tokens"], 2, "{}", forced.text());
    assert_eq!(jwks(&app).await, [kid]);
}

#[tokio::test]
async fn the_key_before_signs_again_after_a_rollback_and_the_calendar_leaves_it_at_that() {
    let app = with_policy("algorithm = \"ES256\"\npublish_before = \"1h\"\nrotate_every = \"30d\"").start().await;
    let rs256 = jwks(&app).await[0].clone();
    let es256 = until_there_are(&app, 1, "published").await[0].clone();
    let discovery = app.public(http::Method::GET, "/.well-known/openid-configuration").send().await.json();
    assert_eq!(discovery["id_token_signing_alg_values_supported"], json!(["ES256", "RS256"]), "both kinds meanwhile");
    app.clock.advance(HOUR + SHOWN);
    until("ES256 signs", async || (token(&app).await.0 == es256).then_some(())).await;
    assert_eq!(app.credentials("ci", "default/images").await.status, 200, "and STS takes it");

    let back = post(&app, "/rollback", why("a partner cannot verify ES256")).await;
    assert_eq!((text(&back.json()["kid"]), back.status.as_u16()), (rs256.clone(), 200), "{}", back.text());
    assert_eq!(token(&app).await.0, rs256);
    app.clock.advance(DAY);
    assert_eq!(kids(&app, "published").await, [""; 0], "what made the rotation is no reason for another");
    let none = TestApp::usual().operator("keys", &["key_admin"]).start().await;
    let refused = post(&none, "/rollback", why("nothing there")).await;
    assert_eq!(refused.status_and_code(), (409, "nothing_to_roll_back_to".into()));
}
