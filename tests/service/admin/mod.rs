//! What operators do over the API, and what they are kept from.

mod apply;
mod clients;
mod feeds;
mod given;
mod reach;
mod renames;
mod secrets;
mod spaces;
mod subjects;

use http::Method;
use serde_json::{Value, json};

use crate::support::{Reply, TestApp, TestAppBuilder};

/// A feedpass with the usual feed, an admin `root`, and an admin of each of the spaces `default` and `other`.
fn with_admins() -> TestAppBuilder {
    TestApp::usual()
        .feed("other/charts")
        .operator("root", &["admin"])
        .operator("of-default", &["space_admin:default"])
        .operator("of-other", &["space_admin:other"])
}

async fn start() -> TestApp {
    with_admins().start().await
}

/// What `root` is answered.
async fn get(app: &TestApp, path: &str) -> Reply {
    app.ask("root", Method::GET, path, &Value::Null).await
}

async fn post(app: &TestApp, path: &str, body: Value) -> Reply {
    app.ask("root", Method::POST, path, &body).await
}

async fn delete(app: &TestApp, path: &str) -> Reply {
    app.ask("root", Method::DELETE, path, &Value::Null).await
}

/// Puts as `root`, in the place of the version `tag`.
async fn put(app: &TestApp, path: &str, body: Value, tag: &str) -> Reply {
    app.ask_with(&TestApp::secret_of("root"), Method::PUT, path, &body, Some(tag)).await
}

/// A feed's body, of account 123456789012, with a role of its own.
fn feed(slug: &str) -> Value {
    let role = format!("arn:aws:iam::123456789012:role/feedpass-{slug}");
    json!({ "slug": slug, "region": "us-east-1", "web_identity": { "role_arn": role } })
}

/// The names of a list's items.
fn names(reply: &Reply, member: &str) -> Vec<String> {
    assert_eq!(reply.status, 200, "{}", reply.text());
    let items = reply.json()["items"].as_array().unwrap().clone();
    items.iter().map(|item| item[member].as_str().unwrap().to_owned()).collect()
}
