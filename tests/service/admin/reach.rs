//! How far the admin of a space reaches.

use http::Method;
use serde_json::{Value, json};

use super::{feed, names, post, start};
use crate::support::{Reply, TestApp};

async fn ask(app: &TestApp, method: Method, path: &str, body: Value) -> Reply {
    app.ask_with(&TestApp::secret_of("of-default"), method, path, &body, Some("*")).await
}

#[tokio::test]
async fn the_admin_of_a_space_sees_that_space_and_what_is_in_it() {
    let app = start().await;
    post(&app, "/v1/admin/clients", json!({ "id": "a", "space": "default" })).await;
    post(&app, "/v1/admin/clients", json!({ "id": "b", "space": "other" })).await;
    let list = async |path: &str, member: &str| names(&ask(&app, Method::GET, path, Value::Null).await, member);
    assert_eq!(list("/v1/admin/spaces", "slug").await, ["default"]);
    assert_eq!(list("/v1/admin/feeds", "slug").await, ["images"]);
    assert_eq!(list("/v1/admin/feeds?space=other", "slug").await, [""; 0]);
    assert_eq!(list("/v1/admin/clients", "id").await, ["a"]);
    for path in ["spaces/other", "spaces/other/feeds/charts", "clients/b", "clients/root", "who-can?feed=other/charts"]
    {
        let theirs = ask(&app, Method::GET, &format!("/v1/admin/{path}"), Value::Null).await;
        assert_eq!(theirs.status_and_code(), (404, "not_found".into()), "{path}");
    }
}

#[tokio::test]
async fn the_admin_of_a_space_changes_its_feeds_and_no_others() {
    let app = start().await;
    let own = ask(&app, Method::POST, "/v1/admin/spaces/default/feeds", feed("models")).await;
    assert_eq!(own.status, 201, "{}", own.text());
    assert_eq!(ask(&app, Method::PUT, own.header("location"), feed("models")).await.status, 200);
    let mut alone = feed("alone");
    alone["web_identity"]["subject"] = json!(["feed"]);
    let reply = ask(&app, Method::POST, "/v1/admin/spaces/default/feeds", alone.clone()).await;
    assert_eq!(reply.status_and_code(), (403, "beyond_reach".into()));
    let mut of_space = feed("whole");
    of_space["web_identity"]["subject"] = json!(["space"]);
    assert_eq!(ask(&app, Method::POST, "/v1/admin/spaces/default/feeds", of_space).await.status, 201);

    // What an admin has allowed may stay, and not become another.
    assert_eq!(post(&app, "/v1/admin/spaces/default/feeds", alone.clone()).await.status, 201);
    alone["name"] = "Alone".into();
    let path = "/v1/admin/spaces/default/feeds/alone";
    assert_eq!(ask(&app, Method::PUT, path, alone.clone()).await.status, 200);
    alone["web_identity"]["audience"] = "elsewhere".into();
    assert_eq!(ask(&app, Method::PUT, path, alone).await.status_and_code(), (403, "beyond_reach".into()));

    let theirs = "/v1/admin/spaces/other/feeds";
    for (method, path, body) in [
        (Method::POST, theirs.to_owned(), feed("models")),
        (Method::PUT, format!("{theirs}/charts"), feed("charts")),
        (Method::DELETE, format!("{theirs}/charts"), Value::Null),
    ] {
        let reply = ask(&app, method.clone(), &path, body).await;
        assert_eq!(reply.status_and_code(), (404, "not_found".into()), "{method} {path}");
    }
    assert_eq!(
        app.changes(3).await,
        [
            "not_found: of-default create feed other/models",
            "not_found: of-default change feed other/charts",
            "not_found: of-default remove feed other/charts"
        ]
    );
    assert_eq!(ask(&app, Method::POST, "/v1/admin/spaces", json!({ "slug": "x" })).await.code(), "role_missing");
    assert_eq!(ask(&app, Method::POST, "/v1/admin/apply", json!({})).await.code(), "role_missing");
}

#[tokio::test]
async fn the_admin_of_a_space_gives_nothing_beyond_it() {
    let app = start().await;
    post(&app, "/v1/admin/clients", json!({ "id": "free" })).await;
    post(&app, "/v1/admin/clients", json!({ "id": "theirs", "space": "other" })).await;
    let grants = |feed: &str| json!([{ "feeds": [feed], "actions": ["pull"] }]);
    for (body, status, code) in [
        (json!({ "id": "x" }), 403, "beyond_reach"),
        (json!({ "id": "x", "space": "other" }), 403, "beyond_reach"),
        (json!({ "id": "x", "roles": ["admin"] }), 403, "beyond_reach"),
        (json!({ "id": "x", "space": "default", "roles": ["admin"] }), 400, "invalid_value"),
        (json!({ "id": "x", "space": "default", "roles": ["space_admin:other"] }), 400, "invalid_value"),
        (json!({ "id": "x", "space": "default", "grants": grants("other/charts") }), 400, "invalid_value"),
        (
            json!({ "id": "x", "space": "default", "grants": grants("default/*"), "roles": ["space_admin:default"] }),
            201,
            "",
        ),
    ] {
        let reply = ask(&app, Method::POST, "/v1/admin/clients", body.clone()).await;
        assert_eq!(reply.status_and_code(), (status, code.into()), "{body}: {}", reply.text());
    }
    let leave = ask(&app, Method::PUT, "/v1/admin/clients/x", json!({ "space": "other" })).await;
    assert_eq!(leave.status_and_code(), (403, "beyond_reach".into()));
    for id in ["free", "theirs", "root", "ci"] {
        for (method, path, body) in [
            (Method::PUT, format!("/v1/admin/clients/{id}"), json!({ "space": "default" })),
            (Method::DELETE, format!("/v1/admin/clients/{id}"), Value::Null),
            (Method::POST, format!("/v1/admin/clients/{id}/secrets"), json!({})),
        ] {
            let reply = ask(&app, method.clone(), &path, body).await;
            assert_eq!(reply.status_and_code(), (404, "not_found".into()), "{method} {path}");
        }
    }
    assert_eq!(ask(&app, Method::POST, "/v1/admin/clients/x/secrets", json!({})).await.status, 201);
}
