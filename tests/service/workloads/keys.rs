//! Issuers' keys: fetched when they are needed, and no more often.

use std::time::Duration;

use serde_json::json;

use super::issuer::{Issuer, Key, ask, client, rule};
use crate::support::TestApp;

#[tokio::test]
async fn an_unknown_key_has_them_fetched_again_but_not_for_each_token() {
    let issuer = Issuer::start("ES256").await;
    let tables = [issuer.section("ci"), rule("main", "ci", "builder", "sub = \"main\""), client("builder")].concat();
    let app = TestApp::builder().feed("default/images").tables(&tables).start().await;
    let claims = issuer.claims(&json!({ "sub": "main" }));
    assert_eq!(ask(&app, &issuer.key.token(&claims)).await.status, 200);
    assert_eq!(issuer.fetches(), 1);
    // Its keys are fresh: within the cool-down nobody has it asked, whatever they make up.
    let next = Key::new("k2", "ES256");
    issuer.publish(&next);
    for kid in ["made-up-1", "made-up-2", "k2"] {
        let reply = ask(&app, &Key::new(kid, "ES256").token(&claims)).await;
        assert_eq!(reply.status_and_code(), (401, "workload_token_refused".into()), "{kid}");
    }
    assert_eq!(issuer.fetches(), 1);
    app.clock.advance(Duration::from_secs(31));
    let reply = ask(&app, &next.token(&claims)).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(ask(&app, &issuer.key.token(&claims)).await.status, 200, "the old one counts still");
    assert_eq!(issuer.fetches(), 2);
}
