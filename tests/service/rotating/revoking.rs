//! The panic button.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use super::{get, jwks, pass_until, post, text, token, until, why, with_policy};
use crate::store_outage::{rename, with_a_store_to_break};
use crate::support::TestApp;

async fn burn(app: &TestApp, kid: &str) -> Value {
    let reply = post(app, &format!("/{kid}/revoke"), why("it was in a backup that was lost")).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()
}

#[tokio::test]
async fn a_burnt_key_is_out_at_once_and_a_fresh_one_signs() {
    let app = with_policy("").start().await;
    let burnt = jwks(&app).await[0].clone();
    let access = app
        .internal(Method::POST, "/oauth2/token")
        .basic("ci", &TestApp::secret_of("ci"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body("grant_type=client_credentials")
        .send()
        .await;
    app.remember_secrets_of(&access);
    let access = text(&access.json()["access_token"]);
    let revoked = burn(&app, &burnt).await;
    let fresh = text(&revoked["successor"]);
    assert_eq!(jwks(&app).await, std::slice::from_ref(&fresh));
    assert_eq!(token(&app).await.0, fresh);
    assert_eq!(app.credentials("ci", "default/images").await.status, 200, "and STS takes it");
    let whoami = app.internal(Method::GET, "/v1/whoami").bearer(&access).send().await;
    assert_eq!(whoami.status, 401, "what it signed for feedpass itself is refused");
    let again = post(&app, &format!("/{burnt}/revoke"), why("twice")).await;
    assert_eq!(again.status_and_code(), (409, "key_in_wrong_state".into()));
}

#[tokio::test]
async fn what_was_obtained_with_a_burnt_key_is_dropped_listed_and_ended_by_a_policy() {
    let app = with_policy("").start().await;
    let burnt = jwks(&app).await[0].clone();
    let before = app.credentials("ci", "default/images").await.json();
    let (sts, ecr) = app.calls();
    let revoked = burn(&app, &burnt).await;
    let session = &revoked["exposed"]["sessions"][0];
    assert_eq!(session["feed"], "default/images", "{revoked}");
    assert_eq!(session["role"], "arn:aws:iam::123456789012:role/feedpass-default-images");
    assert_eq!(session["expires_at"], "2026-11-23T12:00:00Z");
    let password = &revoked["exposed"]["passwords"][0];
    assert_eq!((&password["feed"], &password["expires_at"]), (&json!("default/images"), &before["expires_at"]));
    assert_eq!(password["session_name"], session["session_name"]);
    let deny = &revoked["deny"][0];
    assert_eq!(deny["role"], "arn:aws:iam::123456789012:role/feedpass-default-images");
    let statement = &deny["policy"]["Statement"][0];
    assert_eq!((&statement["Effect"], &statement["Action"]), (&json!("Deny"), &json!("*")));
    assert_eq!(statement["Condition"]["DateLessThan"]["aws:TokenIssueTime"], "2026-11-23T11:00:01Z");

    let after = app.credentials("ci", "default/images").await.json();
    assert_ne!(before["password"], after["password"], "what was held is not given out again");
    let (sts_now, ecr_now) = app.calls();
    assert!(sts_now > sts && ecr_now == ecr + 1, "it was obtained anew");
}

#[tokio::test]
async fn sts_is_asked_until_it_refuses_the_burnt_key_whose_private_half_is_destroyed_then() {
    let kept = "[sandbox]\njwks_cache = \"30m\"\njwks_unknown_kid = \"fetch\"";
    let app = with_policy("").tables(kept).start().await;
    let burnt = jwks(&app).await[0].clone();
    assert_eq!(app.credentials("ci", "default/images").await.status, 200, "STS keeps the key for half an hour");
    // The successor is known to STS, so that nothing has it fetch the JWKS again.
    let staged = text(&post(&app, "/stage", json!({})).await.json()["kid"]);
    pass_until(&app, Duration::from_secs(1), "STS has seen the staged key", async || {
        let shown = get(&app, &format!("/{staged}")).await.json();
        shown["places"].as_array().is_some_and(|places| places.len() == 2)
    })
    .await;
    let body = json!({ "reason": "it was in a backup", "successor": staged });
    assert_eq!(post(&app, &format!("/{burnt}/revoke"), body).await.json()["successor"], staged);
    let path = format!("/{burnt}/revocation");
    let place = |report: &Value| {
        let places = report["places"].as_array().unwrap().clone();
        places.into_iter().find(|place| place["place"] == "sts").unwrap()
    };
    pass_until(&app, Duration::from_secs(1), "STS still takes it", async || {
        place(&get(&app, &path).await.json())["state"] == "accepted"
    })
    .await;
    assert!(app.keys().join(format!("{burnt}.pem")).exists(), "it is asked with it");
    let mut destroyed = false;
    for _ in 0..120 {
        app.clock.advance(Duration::from_mins(1));
        for _ in 0..10 {
            destroyed |= get(&app, &path).await.json()["destroyed_at"].is_string();
        }
        if destroyed {
            break;
        }
    }
    let report = get(&app, &path).await.json();
    assert!(destroyed, "{report}");
    let place = place(&report);
    assert_eq!(place["state"], "refused", "{report}");
    let took = place["refused_after"].as_i64().unwrap();
    assert!((29 * 60..=50 * 60).contains(&took), "as long as it kept the JWKS, and a probe's pause: {took} s");
    assert!(!app.keys().join(format!("{burnt}.pem")).exists());
    let until = &report["deny"][0]["policy"]["Statement"][0]["Condition"]["DateLessThan"]["aws:TokenIssueTime"];
    assert!(text(until) > text(&report["destroyed_at"]), "sessions that a thief got until then end too: {report}");
    let ended = app.trail("change").await.pop().unwrap();
    assert_eq!((&ended["change"]["action"], &ended["details"]["unproven"]), (&json!("destroy"), &json!([])));
}

#[tokio::test]
async fn the_panic_button_works_while_the_store_does_not_and_its_line_comes_later() {
    let (app, store, _directory) = with_a_store_to_break(with_policy("")).await;
    let burnt = jwks(&app).await[0].clone();
    assert_eq!(app.credentials("ci", "default/images").await.status, 200);
    rename(&store, "audit", "elsewhere").await;
    let revoked = burn(&app, &burnt).await;
    assert_eq!(revoked["exposed"], json!(null), "what was obtained with it is not known now");
    assert_eq!(jwks(&app).await, [text(&revoked["successor"])]);
    rename(&store, "elsewhere", "audit").await;
    let told = async || {
        app.clock.advance(Duration::from_secs(1));
        let lines = app.trail("change").await;
        lines.into_iter().find(|line| line["change"]["action"] == "revoke")
    };
    let line = until("the line is in the trail", told).await;
    assert_eq!((&line["client"], &line["kid"]), (&json!("keys"), &json!(burnt)));
    assert_eq!(line["at"], "2026-11-23T11:00:00Z", "it says when it was done");
    let report = get(&app, &format!("/{burnt}/revocation")).await.json();
    assert_eq!(report["exposed"]["sessions"].as_array().unwrap().len(), 1, "and now it is known");
}
