//! The store made what a file says.

use http::Method;
use serde_json::{Value, json};

use super::{feed, get, names, post, start};

fn wanted() -> Value {
    let mut images = feed("images");
    images["space"] = "team-a".into();
    json!({
        "spaces": [{ "slug": "team-a", "name": "Team A" }, { "slug": "default" }],
        "feeds": [images],
        "clients": [{ "id": "a-ci", "space": "team-a", "grants": [{ "feeds": ["team-a/*"], "actions": ["pull"] }] }],
    })
}

/// The changes of an answer, in words.
fn changes(reply: &crate::support::Reply) -> Vec<String> {
    assert_eq!(reply.status, 200, "{}", reply.text());
    let word = |value: &Value| value.as_str().unwrap().to_owned();
    let changes = reply.json()["changes"].as_array().unwrap().clone();
    changes.iter().map(|c| [word(&c["action"]), word(&c["kind"]), word(&c["name"])].join(" ")).collect()
}

#[tokio::test]
async fn a_dry_run_says_what_would_change_and_applying_it_changes_that_once() {
    let app = start().await;
    let would = post(&app, "/v1/admin/apply?dry_run=true", wanted()).await;
    let expected = ["create space team-a", "create feed team-a/images", "create client a-ci"];
    assert_eq!((changes(&would), &would.json()["applied"]), (expected.map(String::from).to_vec(), &json!(false)));
    assert_eq!(get(&app, "/v1/admin/spaces/team-a").await.status, 404);
    assert_eq!(app.changes(10).await, [""; 0], "nothing happened that would be written down");
    let did = post(&app, "/v1/admin/apply", wanted()).await;
    assert_eq!((changes(&did), &did.json()["applied"]), (changes(&would), &json!(true)));
    assert_eq!(did.json()["changes"], would.json()["changes"]);
    assert_eq!(did.json()["changes"][0]["after"], json!({ "slug": "team-a", "name": "Team A" }));
    assert_eq!(app.changes(10).await.len(), 3);
    assert_eq!(changes(&post(&app, "/v1/admin/apply", wanted()).await), [""; 0], "it is so already");
}

#[tokio::test]
async fn it_is_all_or_nothing() {
    let app = start().await;
    let mut wanted = wanted();
    wanted["clients"].as_array_mut().unwrap().push(json!({ "id": "x", "space": "nowhere" }));
    let refused = post(&app, "/v1/admin/apply", wanted).await;
    assert_eq!(refused.status_and_code(), (400, "invalid_value".into()));
    assert!(refused.detail().contains("client `x`"), "{}", refused.detail());
    assert_eq!(get(&app, "/v1/admin/spaces/team-a").await.status, 404);
    for (body, status, code) in [
        (json!({ "spaces": [{ "slug": "a" }, { "slug": "a" }] }), 400, "invalid_value"),
        (json!({ "spaces": [{ "slug": "default", "name": "Ours" }] }), 409, "declared_in_configuration"),
        (json!({ "feeds": [feed("images")] }), 400, "invalid_value"),
        (json!({ "rooms": [] }), 400, "invalid_body"),
    ] {
        let reply = post(&app, "/v1/admin/apply", body.clone()).await;
        assert_eq!(reply.status_and_code(), (status, code.into()), "{body}: {}", reply.detail());
    }
}

#[tokio::test]
async fn pruning_removes_what_the_file_has_not_but_nothing_that_is_declared() {
    let app = start().await;
    post(&app, "/v1/admin/apply", wanted()).await;
    let secret = post(&app, "/v1/admin/clients/a-ci/secrets", json!({})).await.json()["secret"].clone();
    let kept = post(&app, "/v1/admin/apply", json!({})).await;
    assert_eq!(changes(&kept), [""; 0], "without being told to, it removes nothing");
    let mut less = wanted();
    less["feeds"] = json!([]);
    less["clients"][0]["name"] = "CI".into();
    let pruned = post(&app, "/v1/admin/apply?prune=true", less).await;
    assert_eq!(changes(&pruned), ["change client a-ci", "remove feed team-a/images"]);
    let whoami = app.ask_with(secret.as_str().unwrap(), Method::GET, "/v1/whoami", &Value::Null, None).await;
    assert_eq!(whoami.status, 200, "its secret stayed");
    let pruned = post(&app, "/v1/admin/apply?prune=true", json!({})).await;
    assert_eq!(changes(&pruned), ["remove client a-ci", "remove space team-a"]);
    assert_eq!(names(&get(&app, "/v1/admin/spaces").await, "slug"), ["default", "other"]);
}

#[tokio::test]
async fn it_takes_more_than_other_routes_do() {
    let app = start().await;
    let feeds = (0..600).map(|n| {
        let mut feed = feed(&format!("f{n}"));
        feed["space"] = "default".into();
        feed
    });
    let feeds: Vec<_> = feeds.collect();
    let body = json!({ "feeds": feeds });
    assert!(body.to_string().len() > 64 * 1024);
    assert_eq!(post(&app, "/v1/admin/apply", body).await.json()["changes"].as_array().unwrap().len(), 600);
}
