//! Rotating the signing keys, through the API and by the calendar.

mod calendar;
mod evidence;
mod faults;
mod killed;
mod live;
mod program;
mod revoking;
mod side_by_side;
mod simulation;

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use crate::support::http::Reply;
use crate::support::{TestApp, TestAppBuilder};

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// The usual one with an admin `keys` for its keys, which are rotated by `policy`, keys of `[keys]`.
fn with_policy(policy: &str) -> TestAppBuilder {
    TestApp::usual().operator("keys", &["key_admin"]).keys(policy)
}

async fn post(app: &TestApp, path: &str, body: Value) -> Reply {
    app.ask("keys", Method::POST, &format!("/v1/admin/keys{path}"), &body).await
}

async fn get(app: &TestApp, path: &str) -> Reply {
    app.get_as("keys", &format!("/v1/admin/keys{path}")).await
}

/// All keys, as the API lists them.
async fn keys(app: &TestApp) -> Vec<Value> {
    get(app, "").await.json()["items"].as_array().unwrap().clone()
}

/// The ids of the keys in `state`.
async fn kids(app: &TestApp, state: &str) -> Vec<String> {
    let keys = keys(app).await;
    keys.iter().filter(|key| key["state"] == state).map(|key| text(&key["kid"])).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The ids of the keys that the world sees, the active one first.
async fn jwks(app: &TestApp) -> Vec<String> {
    let jwks = app.public(Method::GET, "/.well-known/jwks").send().await.json();
    jwks["keys"].as_array().unwrap().iter().map(|key| text(&key["kid"])).collect()
}

/// Waits until `wanted` gives something: what the clock set off takes its turns meanwhile.
async fn until<T>(what: &str, mut wanted: impl AsyncFnMut() -> Option<T>) -> T {
    let reached = async {
        loop {
            if let Some(found) = wanted().await {
                return found;
            }
        }
    };
    let within = Duration::from_secs(20);
    tokio::time::timeout(within, reached).await.unwrap_or_else(|_| panic!("within {within:?}: {what}"))
}

/// Moves the clock on by `step` until `wanted`.
async fn pass_until(app: &TestApp, step: Duration, what: &str, mut wanted: impl AsyncFnMut() -> bool) {
    for _ in 0..200 {
        for _ in 0..20 {
            if wanted().await {
                return;
            }
        }
        app.clock.advance(step);
    }
    panic!("{what}");
}

/// Waits until exactly `count` keys are in `state`, and gives their ids.
async fn until_there_are(app: &TestApp, count: usize, state: &str) -> Vec<String> {
    until(&format!("{count} keys are {state}"), async || {
        let kids = kids(app, state).await;
        (kids.len() == count).then_some(kids)
    })
    .await
}

/// The key and the end of a web identity token that is signed now.
async fn token(app: &TestApp) -> (String, String) {
    let reply = app.post_as("ci", "/v1/spaces/default/feeds/images/token").await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let token = reply.json();
    let header = text(&token["token"]).split('.').next().unwrap().to_owned();
    let header = base64::Engine::decode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, header).unwrap();
    let header: Value = serde_json::from_slice(&header).unwrap();
    (text(&header["kid"]), text(&token["expires_at"]))
}

/// How long the JWKS may be kept, in seconds.
async fn max_age(app: &TestApp) -> u64 {
    let reply = app.public(Method::GET, "/.well-known/jwks").send().await;
    reply.header("cache-control").strip_prefix("public, max-age=").unwrap().parse().unwrap()
}

fn why(reason: &str) -> Value {
    json!({ "reason": reason })
}
