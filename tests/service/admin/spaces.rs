//! Spaces.

use http::Method;
use serde_json::{Value, json};

use super::{delete, feed, get, names, post, put, start};
use crate::support::TestApp;

#[tokio::test]
async fn a_space_is_made_shown_changed_and_removed_and_each_is_written_down() {
    let app = start().await;
    let made = post(&app, "/v1/admin/spaces", json!({ "name": "Team Ä" })).await;
    assert_eq!((made.status.as_u16(), made.header("location")), (201, "/v1/admin/spaces/team-a"), "{}", made.text());
    let tag = made.header("etag").to_owned();
    let shown = get(&app, "/v1/admin/spaces/team-a").await;
    assert_eq!((shown.header("etag"), shown.json()), (&*tag, made.json()));
    let body = shown.json();
    assert_eq!((&body["slug"], &body["name"], &body["source"]), (&json!("team-a"), &json!("Team Ä"), &json!("store")));
    assert_eq!(format!("\"{}\"", body["version"]), tag);
    assert_eq!(body["created_at"], "2026-11-23T11:00:00Z");

    let changed = put(&app, "/v1/admin/spaces/team-a", json!({ "name": "A" }), &tag).await;
    assert_eq!((changed.status.as_u16(), &changed.json()["name"]), (200, &json!("A")), "{}", changed.text());
    assert_ne!(changed.header("etag"), tag);
    let gone = delete(&app, "/v1/admin/spaces/team-a").await;
    assert_eq!((gone.status.as_u16(), gone.text()), (204, String::new()));
    assert_eq!(get(&app, "/v1/admin/spaces/team-a").await.status_and_code(), (404, "not_found".into()));
    let again = post(&app, "/v1/admin/spaces", json!({ "slug": "team-a" })).await;
    assert_eq!(again.status_and_code(), (409, "name_tombstoned".into()));
    assert_eq!(
        app.changes(10).await,
        [
            "ok: root create space team-a",
            "ok: root change space team-a",
            "ok: root remove space team-a",
            "name_tombstoned: root create space team-a"
        ]
    );
}

#[tokio::test]
async fn a_change_that_changes_nothing_leaves_the_version_and_the_trail() {
    let app = start().await;
    let tag = post(&app, "/v1/admin/spaces", json!({ "slug": "team-a" })).await.header("etag").to_owned();
    let same = put(&app, "/v1/admin/spaces/team-a", json!({}), &tag).await;
    assert_eq!((same.status.as_u16(), same.header("etag")), (200, &*tag));
    assert_eq!(app.changes(10).await.len(), 1);
}

#[tokio::test]
async fn of_two_who_read_the_same_version_one_wins_and_the_other_is_told_who_did() {
    let app = start().await;
    let path = "/v1/admin/spaces/team-a";
    let tag = post(&app, "/v1/admin/spaces", json!({ "slug": "team-a" })).await.header("etag").to_owned();
    let (a, b) =
        tokio::join!(put(&app, path, json!({ "name": "A" }), &tag), put(&app, path, json!({ "name": "B" }), &tag));
    let (won, lost) = if a.status == 200 { (a, b) } else { (b, a) };
    assert_eq!((won.status.as_u16(), lost.status_and_code()), (200, (412, "changed_meanwhile".into())));
    assert!(lost.detail().contains("by client `root`"), "{}", lost.detail());
    assert_eq!(get(&app, path).await.json()["name"], won.json()["name"]);

    let stale = app.ask_with(&TestApp::secret_of("root"), Method::DELETE, path, &Value::Null, Some(&tag)).await;
    assert_eq!(stale.status_and_code(), (412, "changed_meanwhile".into()));
    let unsaid = app.ask("root", Method::PUT, path, &json!({})).await;
    assert_eq!(unsaid.status_and_code(), (428, "if_match_missing".into()));
    for (tag, status) in [("*", 200), ("W/\"1\"", 412), ("\"x\"", 412), ("1", 400)] {
        assert_eq!(put(&app, path, json!({ "name": "C" }), tag).await.status.as_u16(), status, "{tag}");
    }
}

#[tokio::test]
async fn a_slug_is_given_once_and_never_one_that_is_declared() {
    let app = start().await;
    for (body, code) in [
        (json!({ "slug": "default" }), (409, "name_taken")),
        (json!({ "name": "Default" }), (409, "name_taken")),
        (json!({}), (400, "invalid_value")),
        (json!({ "name": "!!!" }), (400, "invalid_value")),
        (json!({ "slug": "All" }), (400, "invalid_body")),
        (json!({ "slug": "x", "colour": "red" }), (400, "invalid_body")),
    ] {
        let (status, code) = code;
        assert_eq!(
            post(&app, "/v1/admin/spaces", body.clone()).await.status_and_code(),
            (status, code.into()),
            "{body}"
        );
    }
    let path = "/v1/admin/spaces/default";
    let shown = get(&app, path).await;
    assert_eq!((&shown.json()["source"], shown.header("etag")), (&json!("configuration"), ""));
    for reply in [put(&app, path, json!({}), "*").await, delete(&app, path).await] {
        assert_eq!(reply.status_and_code(), (409, "declared_in_configuration".into()));
    }
    assert_eq!(post(&app, "/v1/admin/spaces", json!({ "slug": "a" })).await.status, 201);
    let moved = put(&app, "/v1/admin/spaces/a", json!({ "slug": "b" }), "*").await;
    assert_eq!(moved.status_and_code(), (400, "invalid_value".into()));
}

#[tokio::test]
async fn a_space_that_holds_anything_stays() {
    let app = start().await;
    post(&app, "/v1/admin/spaces", json!({ "slug": "team-a" })).await;
    post(&app, "/v1/admin/spaces/team-a/feeds", feed("images")).await;
    post(&app, "/v1/admin/clients", json!({ "id": "a-ci", "space": "team-a" })).await;
    let refused = delete(&app, "/v1/admin/spaces/team-a").await;
    assert_eq!(refused.status_and_code(), (409, "space_not_empty".into()));
    assert!(refused.detail().contains("feed `team-a/images`, client `a-ci`"), "{}", refused.detail());
    delete(&app, "/v1/admin/spaces/team-a/feeds/images").await;
    assert_eq!(delete(&app, "/v1/admin/spaces/team-a").await.status, 409);
    delete(&app, "/v1/admin/clients/a-ci").await;
    assert_eq!(delete(&app, "/v1/admin/spaces/team-a").await.status, 204);
}

#[tokio::test]
async fn a_list_comes_in_pages_and_filtered() {
    let app = start().await;
    for slug in ["a", "m", "z"] {
        post(&app, "/v1/admin/spaces", json!({ "slug": slug, "name": format!("Team {slug}") })).await;
    }
    let mut found = Vec::new();
    let mut path = "/v1/admin/spaces?limit=2".to_owned();
    loop {
        let page = get(&app, &path).await;
        found.push(names(&page, "slug"));
        let next = page.json()["next"].clone();
        let Some(next) = next.as_str() else { break };
        path = format!("/v1/admin/spaces?limit=2&cursor={next}");
    }
    assert_eq!(found, [vec!["a", "default"], vec!["m", "other"], vec!["z"]], "declared and made ones in one order");
    assert_eq!(names(&get(&app, "/v1/admin/spaces?query=TEAM").await, "slug"), ["a", "m", "z"]);
    assert_eq!(names(&get(&app, "/v1/admin/spaces?query=fault").await, "slug"), ["default"]);
    for wrong in ["limit=0", "limit=1001", "limit=x", "cursor=%25", "cursor=QQ", "colour=red"] {
        let reply = get(&app, &format!("/v1/admin/spaces?{wrong}")).await;
        assert_eq!(reply.status_and_code(), (400, "invalid_parameters".into()), "{wrong}");
    }
}

#[tokio::test]
async fn a_body_that_is_no_json_is_refused_with_the_place() {
    let app = start().await;
    let send = async |content_type: &str, body: &str| {
        let request = app.internal(Method::POST, "/v1/admin/spaces").bearer(&TestApp::secret_of("root"));
        request.header("content-type", content_type).body(body.to_owned()).send().await
    };
    assert_eq!(send("text/plain", "{}").await.status_and_code(), (415, "unsupported_media_type".into()));
    let reply = send("application/json; charset=utf-8", "{\"slug\": \"a\",\n \"slug\": \"b\"}").await;
    assert_eq!(reply.status_and_code(), (400, "invalid_body".into()));
    assert!(reply.detail().contains("duplicate field `slug` at line 2"), "{}", reply.detail());
    let long = format!("{{\"slug\": \"{}\"}}", "x".repeat(65 * 1024));
    assert_eq!(send("application/json", &long).await.status_and_code(), (413, "body_too_large".into()));
}
