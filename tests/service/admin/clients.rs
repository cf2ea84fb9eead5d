//! Clients.

use feedpass::store::database::LineFilter;
use http::Method;
use serde_json::{Value, json};

use super::{delete, get, names, post, put, start, with_admins};
use crate::support::TestApp;

const CLIENTS: &str = "/v1/admin/clients";

/// Makes a client and a secret for it.
async fn made(app: &TestApp, body: Value) -> String {
    let id = body["id"].as_str().unwrap().to_owned();
    let reply = post(app, CLIENTS, body).await;
    assert_eq!(reply.status, 201, "{}", reply.text());
    let secret = post(app, &format!("{CLIENTS}/{id}/secrets"), json!({})).await;
    assert_eq!((secret.status.as_u16(), secret.header("cache-control")), (201, "no-store"));
    secret.json()["secret"].as_str().unwrap().to_owned()
}

fn pulls(feed: &str) -> Value {
    json!([{ "feeds": [feed], "actions": ["pull"] }])
}

#[tokio::test]
async fn a_client_is_made_used_changed_and_removed_and_each_counts_at_once() {
    let app = start().await;
    let secret = made(&app, json!({ "id": "cd", "name": "Deploys", "grants": pulls("default/images") })).await;
    let credentials = "/v1/spaces/default/feeds/images/credentials";
    let ask = async || app.ask_with(&secret, Method::POST, credentials, &Value::Null, None).await;
    assert_eq!(ask().await.status, 200);
    let me = app.ask_with(&secret, Method::GET, "/v1/whoami", &Value::Null, None).await.json();
    let grants = pulls("default/images");
    let expected = json!({
        "id": "cd", "name": "Deploys", "roles": [], "grants": grants, "via": "secret",
        "scope": "pull push token session catalog admin", "expires_at": null,
    });
    assert_eq!(me, expected);
    assert_eq!(put(&app, "/v1/admin/clients/cd", json!({ "id": "cd" }), "*").await.status, 200);
    assert_eq!(ask().await.status_and_code(), (404, "feed_not_found".into()), "the grant is gone");
    put(&app, "/v1/admin/clients/cd", json!({ "grants": pulls("default/*") }), "*").await;
    assert_eq!(ask().await.status, 200, "the secret stayed");
    assert_eq!(delete(&app, "/v1/admin/clients/cd").await.status, 204);
    assert_eq!(ask().await.status_and_code(), (401, "credentials_refused".into()));
    assert_eq!(post(&app, CLIENTS, json!({ "id": "cd" })).await.status, 201, "an id may be given again");
    assert_eq!(ask().await.status_and_code(), (401, "credentials_refused".into()), "the old secret stays dead");
    assert_eq!(
        app.changes(3).await,
        ["ok: root change client cd", "ok: root remove client cd", "ok: root create client cd"]
    );
}

#[tokio::test]
async fn an_id_with_a_slash_has_its_path() {
    let app = start().await;
    let reply = post(&app, CLIENTS, json!({ "id": "ci/main@prod" })).await;
    assert_eq!(reply.header("location"), "/v1/admin/clients/ci%2Fmain@prod");
    assert_eq!(get(&app, reply.header("location")).await.json()["id"], "ci/main@prod");
}

#[tokio::test]
async fn no_hash_and_no_secret_is_ever_shown_again() {
    let app = start().await;
    let secret = made(&app, json!({ "id": "cd" })).await;
    let hash = crate::support::keys::sha256(&secret);
    let lines = app.app.store().database().lines(&LineFilter::default(), 1000).await.unwrap();
    let trail: String = lines.into_iter().map(|line| line.body).collect();
    let shown = get(&app, "/v1/admin/clients/cd").await.text() + &get(&app, CLIENTS).await.text() + &trail;
    assert!(shown.contains(&hash[..8]), "the secret's id");
    assert!(!shown.contains(&hash[..16]) && !shown.contains(&secret));
}

#[tokio::test]
async fn a_client_that_cannot_be_is_refused_with_a_reason() {
    let app = start().await;
    let key = json!({ "kty": "EC", "crv": "P-256", "x": "AQ", "y": "AQ" });
    for (body, status, code) in [
        (json!({}), 400, "invalid_value"),
        (json!({ "id": "ci" }), 409, "name_taken"),
        (json!({ "id": "a:b" }), 400, "invalid_body"),
        (json!({ "id": "x", "secrets": [] }), 400, "invalid_body"),
        (json!({ "id": "x", "grants": pulls("default/nothing") }), 400, "invalid_value"),
        (json!({ "id": "x", "grants": pulls("nowhere/*") }), 400, "invalid_value"),
        (json!({ "id": "x", "grants": [{ "feeds": [], "actions": ["pull"] }] }), 400, "invalid_value"),
        (json!({ "id": "x", "grants": [{ "feeds": ["default/*"], "actions": ["fly"] }] }), 400, "invalid_body"),
        (json!({ "id": "x", "roles": ["root"] }), 400, "invalid_body"),
        (json!({ "id": "x", "roles": ["space_admin:nowhere"] }), 400, "invalid_value"),
        (json!({ "id": "x", "space": "nowhere" }), 400, "invalid_value"),
        (json!({ "id": "x", "space": "default", "grants": pulls("other/*") }), 400, "invalid_value"),
        (json!({ "id": "x", "space": "default", "roles": ["auditor"] }), 400, "invalid_value"),
        (json!({ "id": "x", "space": "default", "roles": ["space_admin:other"] }), 400, "invalid_value"),
        (json!({ "id": "x", "expires_at": "2026-11-23T11:00:00Z" }), 400, "invalid_value"),
        (json!({ "id": "x", "public_keys": vec![key; 11] }), 400, "invalid_value"),
    ] {
        let reply = post(&app, CLIENTS, body.clone()).await;
        assert_eq!(reply.status_and_code(), (status, code.into()), "{body}: {}", reply.detail());
    }
    for reply in [put(&app, "/v1/admin/clients/ci", json!({}), "*").await, delete(&app, "/v1/admin/clients/ci").await] {
        assert_eq!(reply.status_and_code(), (409, "declared_in_configuration".into()));
    }
}

#[tokio::test]
async fn a_client_ends_at_its_date() {
    let app = start().await;
    let secret = made(&app, json!({ "id": "cd", "expires_at": "2026-11-23T12:00:00Z" })).await;
    let whoami = async || app.ask_with(&secret, Method::GET, "/v1/whoami", &Value::Null, None).await.status.as_u16();
    assert_eq!(whoami().await, 200);
    app.clock.advance(std::time::Duration::from_hours(1));
    assert_eq!(whoami().await, 401);
    let renamed =
        put(&app, "/v1/admin/clients/cd", json!({ "name": "old", "expires_at": "2026-11-23T12:00:00Z" }), "*").await;
    assert_eq!(renamed.status, 200, "its past end is no obstacle to other changes");
}

#[tokio::test]
async fn a_grant_whose_feed_is_gone_stands_in_nobodys_way() {
    let app = start().await;
    post(&app, "/v1/admin/spaces/default/feeds", super::feed("models")).await;
    post(&app, CLIENTS, json!({ "id": "cd", "grants": pulls("default/models") })).await;
    delete(&app, "/v1/admin/spaces/default/feeds/models").await;
    let kept = put(&app, "/v1/admin/clients/cd", json!({ "name": "CD", "grants": pulls("default/models") }), "*").await;
    assert_eq!(kept.status, 200, "{}", kept.text());
}

#[tokio::test]
async fn the_last_admin_stays_one() {
    let app = TestApp::usual().operator("root", &["admin"]).start().await;
    let secret = made(&app, json!({ "id": "second", "roles": ["admin"] })).await;
    made(&app, json!({ "id": "passing", "roles": ["admin"], "expires_at": "2027-01-01T00:00:00Z" })).await;
    // The configuration's admin goes; the store's is the last without an end.
    app.change_clients(|app| app.client("ci", &[], &[]));
    let ask =
        async |method: Method, path: &str, body: Value| app.ask_with(&secret, method, path, &body, Some("*")).await;
    let path = "/v1/admin/clients/second";
    let id = ask(Method::GET, path, Value::Null).await.json()["secrets"][0]["id"].as_str().unwrap().to_owned();
    for (method, path, body) in [
        (Method::DELETE, path, Value::Null),
        (Method::PUT, path, json!({})),
        (Method::PUT, path, json!({ "roles": ["admin"], "expires_at": "2027-06-01T00:00:00Z" })),
        (Method::DELETE, &*format!("{path}/secrets/{id}"), Value::Null),
        (Method::POST, "/v1/admin/apply?prune=true", json!({})),
    ] {
        let reply = ask(method.clone(), path, body).await;
        assert_eq!(reply.status_and_code(), (409, "last_admin".into()), "{method} {path}: {}", reply.text());
    }
    assert_eq!(ask(Method::DELETE, "/v1/admin/clients/passing", Value::Null).await.status, 204);
    made_by(&secret, &app, json!({ "id": "third", "roles": ["admin"] })).await;
    assert_eq!(ask(Method::DELETE, path, Value::Null).await.status, 204, "there is a third one");
}

async fn made_by(secret: &str, app: &TestApp, body: Value) {
    let id = body["id"].as_str().unwrap().to_owned();
    assert_eq!(app.ask_with(secret, Method::POST, CLIENTS, &body, None).await.status, 201);
    let path = format!("{CLIENTS}/{id}/secrets");
    assert_eq!(app.ask_with(secret, Method::POST, &path, &json!({}), None).await.status, 201);
}

#[tokio::test]
async fn clients_are_listed_by_space_and_role() {
    let app = with_admins().start().await;
    post(&app, CLIENTS, json!({ "id": "a", "space": "default" })).await;
    post(&app, CLIENTS, json!({ "id": "b", "roles": ["auditor"] })).await;
    let list = async |query: &str| names(&get(&app, &format!("{CLIENTS}?{query}")).await, "id");
    assert_eq!(list("space=default").await, ["a"]);
    assert_eq!(list("role=auditor").await, ["b"]);
    assert_eq!(list("role=space_admin:other").await, ["of-other"]);
    assert_eq!(list("query=of-").await, ["of-default", "of-other"]);
    assert_eq!(list("").await, ["a", "b", "ci", "of-default", "of-other", "root"]);
}

#[tokio::test]
async fn who_can_have_a_feed_is_told_with_the_grants_and_roles_that_let_them() {
    let app = start().await;
    let body = get(&app, "/v1/admin/who-can?feed=default/images").await.json();
    let clients = body["clients"].as_array().unwrap();
    let ids: Vec<_> = clients.iter().map(|client| client["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["ci", "of-default", "root"]);
    let grants = json!([{ "feeds": ["default/images"], "actions": ["pull", "token"] }]);
    let expected = json!({ "id": "ci", "live": true, "actions": ["pull", "token"], "grants": grants, "roles": [], "workloads": [] });
    assert_eq!(clients[0], expected);
    assert_eq!(clients[1]["roles"], json!(["space_admin:default"]));
    assert_eq!(get(&app, "/v1/admin/who-can?feed=default/nothing").await.status_and_code(), (404, "not_found".into()));
}
