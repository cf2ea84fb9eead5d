//! The process's own identity: for a feed that says so, and for no other.

use serde_json::json;

use super::{KEY_ID, SECRET};
use crate::process::Site;
use crate::support::TestApp;

const USER: &str = "arn:aws:iam::123456789012:user/build-host";

/// A feed `default/own` that goes by feedpass's own identity, beside one that does not.
fn site() -> Site {
    let site = Site::example();
    site.edit(
        "[[client]]",
        "[[feed]]\nspace = \"default\"\nslug = \"own\"\nregion = \"us-east-1\"\nregistry = \"123456789012\"\n\
         [feed.ambient]\n\n[[client]]",
    );
    site.edit("feeds = [\"default/images\"]", "feeds = [\"default/*\"]");
    site.append(&format!(
        "[[sandbox.user]]\narn = \"{USER}\"\naccess_key_id = \"{KEY_ID}\"\nsecret_access_key = \"{SECRET}\"\n"
    ));
    site
}

#[test]
fn a_feed_that_says_so_goes_by_what_the_environment_gives() {
    let site = site();
    let serving = site.serving().env("AWS_ACCESS_KEY_ID", KEY_ID).env("AWS_SECRET_ACCESS_KEY", SECRET);
    let server = serving.serves();
    let given = site.client(["credentials", "default/own", "--json"]).gives_json();
    assert_eq!(given["registry"], "123456789012.dkr.ecr.us-east-1.amazonaws.com");
    let seen = server.log.wait_for(&[&format!("{USER} in us-east-1 may")]);
    assert!(seen.is_some(), "the sandbox saw the host's own user");
    server.signal("TERM");
    let log = server.log.clone();
    assert_eq!(server.ends(), Some(0));
    assert!(!log.to_end().contains(SECRET), "the secret was logged");
}

#[test]
fn where_there_is_none_that_feed_says_so_and_no_other_is_touched() {
    let site = site();
    let none = ["AWS_EC2_METADATA_DISABLED", "true"];
    let server = site.serving().env(none[0], none[1]).serves();
    let words = site.client(["credentials", "default/own"]).fails();
    assert!(
        words
            .contains("feed `default/own` goes by feedpass's own AWS identity, and the process has no AWS credentials"),
        "{words}"
    );
    site.client(["credentials", "default/images"]).works();
    drop(server);
}

#[test]
fn no_other_feed_falls_back_on_it() {
    let site = site();
    // The role of the other feed trusts nobody.
    site.append(
        "[[sandbox.role]]\narn = \"arn:aws:iam::123456789012:role/feedpass-images\"\n\
         trust_policy = '{\"Statement\": [{\"Effect\": \"Deny\", \"Principal\": \"*\", \"Action\": \"sts:*\"}]}'\n",
    );
    let serving = site.serving().env("AWS_ACCESS_KEY_ID", KEY_ID).env("AWS_SECRET_ACCESS_KEY", SECRET);
    let server = serving.serves();
    let words = site.client(["credentials", "default/images"]).fails();
    assert!(words.contains("would not let feed `default/images` assume"), "{words}");
    drop(server);
}

#[tokio::test]
async fn the_admin_of_a_space_cannot_give_itself_feedpass_s_own_identity() {
    let app = TestApp::usual().operator("root", &["admin"]).operator("of-default", &["space_admin:default"]);
    let app = app.start().await;
    let body = json!({ "slug": "own", "region": "us-east-1", "registry": "123456789012", "ambient": {} });
    let path = "/v1/admin/spaces/default/feeds";
    let refused = app.ask("of-default", http::Method::POST, path, &body).await;
    assert_eq!(refused.status_and_code(), (403, "beyond_reach".into()));
    assert!(refused.detail().contains("feedpass's own AWS identity is not the space's"), "{}", refused.detail());
    assert_eq!(app.ask("root", http::Method::POST, path, &body).await.status, 201);
    let both = json!({ "slug": "two", "region": "us-east-1", "registry": "123456789012", "ambient": {},
        "web_identity": { "role_arn": "arn:aws:iam::123456789012:role/x" } });
    let refused = app.ask("root", http::Method::POST, path, &both).await;
    assert_eq!(refused.status_and_code(), (400, "invalid_value".into()));
    assert!(refused.detail().contains("exactly one of `web_identity`, `access_key` and `ambient`"));
}
