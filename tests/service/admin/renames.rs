//! Renames: planned, tried, and switched to when AWS takes them.

use std::time::Duration;

use feedpass::aws::permissions::permissions;
use feedpass::aws::trust_policy::trust_policy;
use feedpass::domain::{Feed, SessionDuration};
use feedpass::sandbox::{Accounts, OidcProvider, Role};
use http::Method;
use serde_json::{Value, json};

use super::{delete, feed, get, names, post, put, with_admins};
use crate::support::TestApp;
use crate::support::aws::policy;

const PICTURES: &str = "/v1/admin/spaces/default/feeds/pictures";

/// A stored feed `default/images2` that the declared client `cd` and the stored client `own` have grants for.
async fn start() -> TestApp {
    let app = with_admins().client("cd", &["default/models"], &["pull", "token"]).start().await;
    post(&app, "/v1/admin/spaces/default/feeds", feed("models")).await;
    let grants = json!([{ "feeds": ["default/models"], "actions": ["pull"] }]);
    post(&app, "/v1/admin/clients", json!({ "id": "own", "grants": grants })).await;
    app
}

/// Has the roles of all feeds trust them under the names that `named` gives them too.
fn trust(app: &TestApp, named: impl Fn(&Feed) -> Option<Feed>) {
    let snapshot = app.app.store().current();
    let issuer = app.app.settings().issuer.clone();
    let mut accounts = Accounts::default();
    let audiences: Vec<_> = snapshot.feeds().map(|feed| feed.web_identity().unwrap().audience.clone()).collect();
    for feed in snapshot.feeds() {
        let identity = feed.web_identity().unwrap();
        let both: Vec<Feed> = [Some(Feed::clone(feed)), named(feed)].into_iter().flatten().collect();
        accounts.roles.push(Role {
            arn: identity.role.clone(),
            trust_policy: policy(&trust_policy(&issuer, &identity.role, &both)),
            permissions: policy(&permissions(&both, false)),
            max_session_duration: SessionDuration::MAX,
        });
        accounts.providers.push(OidcProvider {
            account: identity.role.account().clone(),
            url: issuer.clone(),
            audiences: audiences.clone(),
        });
    }
    app.sandbox().set_accounts(accounts);
}

/// Waits until the planned renames are as `wanted` says.
async fn until(app: &TestApp, wanted: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let reached = async {
        loop {
            let items = get(app, "/v1/admin/renames").await.json()["items"].as_array().unwrap().clone();
            if wanted(&items) {
                return items;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), reached).await.expect("STS is asked within 10 s")
}

fn asked(items: &[Value]) -> bool {
    items.iter().all(|item| item["feeds"].as_array().unwrap().iter().all(|feed| !feed["asked_at"].is_null()))
}

#[tokio::test]
async fn a_feed_keeps_its_name_until_its_role_accepts_the_new_one_and_answers_to_both_after() {
    let app = start().await;
    let planned = post(&app, "/v1/admin/spaces/default/feeds/models/rename", json!({ "slug": "pictures" })).await;
    assert_eq!(
        (planned.status.as_u16(), &planned.json()["of"]),
        (202, &json!("feed:default/models")),
        "{}",
        planned.text()
    );
    let items = until(&app, asked).await;
    let progress = &items[0]["feeds"][0];
    assert_eq!(progress["subject"], "space:default:feed:pictures");
    assert_eq!((&progress["accepted"], &progress["code"]), (&json!(false), &json!("role_refused")));
    assert_eq!(app.credentials("cd", "default/models").await.json()["feed"], "models", "it goes on as before");

    trust(&app, |feed| {
        let pictures = Feed { name: "default/pictures".parse().unwrap(), ..feed.clone() };
        (feed.name.to_string() == "default/models").then_some(pictures)
    });
    app.clock.advance(Duration::from_mins(1));
    until(&app, <[Value]>::is_empty).await;
    for name in ["default/models", "default/pictures"] {
        let reply = app.credentials("cd", name).await;
        assert_eq!(
            (reply.status.as_u16(), &reply.json()["feed"]),
            (200, &json!("pictures")),
            "{name}: {}",
            reply.text()
        );
        let (space, slug) = name.split_once('/').unwrap();
        let token = app.post_as("cd", &format!("/v1/spaces/{space}/feeds/{slug}/token")).await.json();
        assert_eq!((&token["feed"], &token["subject"]), (&json!("pictures"), &json!("space:default:feed:pictures")));
    }
    let own = get(&app, "/v1/admin/clients/own").await.json();
    assert_eq!(own["grants"][0]["feeds"], json!(["default/pictures"]), "the store's grants are rewritten");
    let again = post(&app, "/v1/admin/spaces/default/feeds", feed("models")).await;
    assert_eq!(again.status_and_code(), (409, "name_tombstoned".into()));
    assert!(again.detail().contains("is `default/pictures` now"), "{}", again.detail());
    assert_eq!(get(&app, PICTURES).await.json()["source"], "store");
    let changes = app.changes(5).await;
    assert_eq!(
        changes[..4],
        [
            "ok: root remove feed default/models",
            "ok: root create feed default/pictures",
            "ok: root change client own",
            "ok: root remove rename feed:default/models"
        ]
    );
}

#[tokio::test]
async fn a_planned_name_is_nobody_elses_and_free_again_when_the_plan_is_given_up() {
    let app = start().await;
    let path = "/v1/admin/spaces/default/feeds/models/rename";
    assert_eq!(post(&app, path, json!({ "slug": "pictures" })).await.status, 202);
    let taken = post(&app, "/v1/admin/spaces/default/feeds", feed("pictures")).await;
    assert_eq!(taken.status_and_code(), (409, "name_taken".into()));
    let planned = (409, "rename_planned".to_owned());
    assert_eq!(post(&app, path, json!({ "slug": "other" })).await.status_and_code(), planned);
    assert_eq!(delete(&app, "/v1/admin/spaces/default/feeds/models").await.status_and_code(), planned);
    assert_eq!(delete(&app, "/v1/admin/renames/feed:default%2Fmodels").await.status, 204);
    assert_eq!(post(&app, "/v1/admin/spaces/default/feeds", feed("pictures")).await.status, 201);
    for (path, slug, status, code) in [
        ("spaces/default/feeds/models", "pictures", 409, "name_taken"),
        ("spaces/default/feeds/models", "models", 409, "name_taken"),
        ("spaces/default/feeds/images", "x", 409, "declared_in_configuration"),
        ("spaces/default/feeds/nothing", "x", 404, "not_found"),
        ("spaces/default", "x", 409, "declared_in_configuration"),
    ] {
        let reply = post(&app, &format!("/v1/admin/{path}/rename"), json!({ "slug": slug })).await;
        assert_eq!(reply.status_and_code(), (status, code.into()), "{path} to {slug}");
    }
}

#[tokio::test]
async fn a_space_waits_for_all_its_feeds_and_takes_its_clients_along() {
    let app = with_admins()
        .client("cd", &["default/images"], &["pull"])
        .client("ce", &["old/*"], &["pull"])
        .operator("of-old", &["space_admin:old"])
        .start()
        .await;
    post(&app, "/v1/admin/spaces", json!({ "slug": "old" })).await;
    for slug in ["a", "b"] {
        post(&app, "/v1/admin/spaces/old/feeds", feed(slug)).await;
    }
    let grants = json!([{ "feeds": ["old/*", "old/a"], "actions": ["pull"] }]);
    let client = json!({ "id": "own", "space": "old", "grants": grants, "roles": ["space_admin:old"] });
    post(&app, "/v1/admin/clients", client).await;
    assert_eq!(post(&app, "/v1/admin/spaces/old/rename", json!({ "slug": "new", "name": "New" })).await.status, 202);
    until(&app, asked).await;
    let renamed = |feed: &Feed| Feed { name: format!("new/{}", feed.name.feed).parse().unwrap(), ..feed.clone() };
    trust(&app, |feed| (feed.name.to_string() == "old/a").then(|| renamed(feed)));
    app.clock.advance(Duration::from_mins(1));
    let half = until(&app, |items| items.iter().any(|item| item["feeds"][0]["accepted"] == true)).await;
    assert_eq!(half[0]["feeds"][1]["accepted"], false);
    assert_eq!(get(&app, "/v1/admin/spaces/new").await.status, 404);
    trust(&app, |feed| (feed.name.space.as_str() == "old").then(|| renamed(feed)));
    app.clock.advance(Duration::from_mins(1));
    until(&app, <[Value]>::is_empty).await;
    assert_eq!(get(&app, "/v1/admin/spaces/new").await.json()["name"], "New");
    assert_eq!(get(&app, "/v1/admin/spaces/old").await.status, 404);
    let own = get(&app, "/v1/admin/clients/own").await.json();
    assert_eq!((&own["space"], &own["roles"]), (&json!("new"), &json!(["space_admin:new"])));
    assert_eq!(own["grants"][0]["feeds"], json!(["new/*", "new/a"]));
    assert_eq!(post(&app, "/v1/admin/spaces", json!({ "slug": "old" })).await.code(), "name_tombstoned");

    // What the configuration declares cannot be rewritten; its names lead to the new ones.
    let seen = app.get_as("of-old", "/v1/admin/feeds").await;
    assert_eq!(names(&seen, "space"), ["new", "new"]);
    assert_eq!(app.ask("of-old", Method::POST, "/v1/admin/spaces/new/feeds", &feed("c")).await.status, 201);
    for name in ["new/a", "old/a"] {
        let reply = get(&app, &format!("/v1/admin/who-can?feed={name}")).await.json();
        let holders: Vec<_> =
            reply["clients"].as_array().unwrap().iter().map(|holder| holder["id"].as_str().unwrap()).collect();
        assert_eq!((&reply["feed"], holders), (&json!("new/a"), vec!["ce", "of-old", "own", "root"]), "{name}");
    }
    let theirs = app.get_as("of-other", "/v1/admin/who-can?feed=old/a").await;
    assert_eq!(theirs.status_and_code(), (404, "not_found".into()));
}

#[tokio::test]
async fn a_rename_waits_whose_subject_became_another_feeds_meanwhile() {
    let app = start().await;
    let alone = |slug: &str, audience: &str| {
        let mut body = feed(slug);
        body["web_identity"]["subject"] = json!(["feed"]);
        body["web_identity"]["audience"] = audience.into();
        body
    };
    assert_eq!(post(&app, "/v1/admin/spaces/other/feeds", alone("pictures", "b")).await.status, 201);
    let path = "/v1/admin/spaces/default/feeds/models";
    assert_eq!(put(&app, path, alone("models", "a"), "*").await.status, 200);
    assert_eq!(post(&app, &format!("{path}/rename"), json!({ "slug": "pictures" })).await.status, 202);
    until(&app, asked).await;
    assert_eq!(put(&app, path, alone("models", "b"), "*").await.status, 200);
    trust(&app, |feed| {
        let pictures = Feed { name: "default/pictures".parse().unwrap(), ..feed.clone() };
        (feed.name.to_string() == "default/models").then_some(pictures)
    });
    app.clock.advance(Duration::from_mins(1));
    let said = "the rename of feed:default/models is not further";
    // Though STS takes it.
    until(&app, |items| items[0]["feeds"][0]["accepted"] == true && !app.lines().with(said).is_empty()).await;
    assert!(app.lines().with(said)[0].contains("as feed `other/pictures` is, was or will be"));
    assert_eq!(get(&app, path).await.status, 200);
}

#[tokio::test]
async fn what_changes_while_sts_is_asked_is_asked_about_anew() {
    let app = start().await;
    post(&app, "/v1/admin/spaces/default/feeds/models/rename", json!({ "slug": "pictures" })).await;
    until(&app, asked).await;
    let mut moved = feed("models");
    moved["web_identity"]["role_arn"] = "arn:aws:iam::123456789012:role/another".into();
    assert_eq!(put(&app, "/v1/admin/spaces/default/feeds/models", moved, "*").await.status, 200);
    trust(&app, |feed| {
        let pictures = Feed { name: "default/pictures".parse().unwrap(), ..feed.clone() };
        (feed.name.to_string() == "default/models").then_some(pictures)
    });
    app.clock.advance(Duration::from_mins(1));
    until(&app, <[Value]>::is_empty).await;
    assert_eq!(get(&app, PICTURES).await.json()["web_identity"]["role_arn"], "arn:aws:iam::123456789012:role/another");
}

#[tokio::test]
async fn the_admin_of_a_space_renames_its_feeds_and_cancels_no_plan_of_others() {
    let app = start().await;
    post(&app, "/v1/admin/spaces", json!({ "slug": "mine" })).await;
    post(&app, "/v1/admin/spaces/mine/feeds", feed("a")).await;
    post(&app, "/v1/admin/clients", json!({ "id": "x", "space": "mine", "roles": ["space_admin:mine"] })).await;
    let secret = post(&app, "/v1/admin/clients/x/secrets", json!({})).await.json()["secret"].clone();
    let secret = secret.as_str().unwrap();
    let ask = async |method: Method, path: &str, body: Value| app.ask_with(secret, method, path, &body, None).await;
    post(&app, "/v1/admin/spaces/default/feeds/models/rename", json!({ "slug": "pictures" })).await;
    let theirs = ask(Method::DELETE, "/v1/admin/renames/feed:default%2Fmodels", Value::Null).await;
    assert_eq!(theirs.status_and_code(), (404, "not_found".into()));
    let own = ask(Method::POST, "/v1/admin/spaces/mine/feeds/a/rename", json!({ "slug": "b" })).await;
    assert_eq!(own.status, 202, "{}", own.text());
    let seen = ask(Method::GET, "/v1/admin/renames", Value::Null).await.json();
    assert_eq!(seen["items"].as_array().unwrap().len(), 1);
    assert_eq!(ask(Method::DELETE, "/v1/admin/renames/feed:mine%2Fa", Value::Null).await.status, 204);
    post(&app, "/v1/admin/spaces/mine/rename", json!({ "slug": "ours" })).await;
    let refused = ask(Method::DELETE, "/v1/admin/renames/space:mine", Value::Null).await;
    assert_eq!(refused.status_and_code(), (403, "beyond_reach".into()));
}
