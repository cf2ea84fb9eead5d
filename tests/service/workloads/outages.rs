//! Issuers that are away, or do not answer.

use std::time::Duration;

use serde_json::json;
use tokio::net::TcpListener;

use super::issuer::{AUDIENCE, Issuer, ask, client, rule};
use crate::support::TestApp;
use crate::support::stub::closed_port;

/// The section of an issuer at `url`, with a rule.
fn section(name: &str, url: &str) -> String {
    let issuer = format!("[[workload_issuer]]\nname = \"{name}\"\nissuer = \"{url}\"\naudiences = [\"{AUDIENCE}\"]\n");
    issuer + &rule(name, name, "builder", "sub = \"main\"")
}

#[tokio::test]
async fn an_issuer_that_is_away_is_nobody_s_move_and_no_failed_attempt() {
    let issuer = Issuer::start("ES256").await;
    let away = format!("http://{}", closed_port().await);
    let tables = ["[limits]\nfailed_attempts = 1\n", &section("away", &away), &client("builder")].concat();
    let app = TestApp::builder().feed("default/images").tables(&tables).start().await;
    let token = issuer.key.token(&issuer.claims(&json!({ "iss": away, "sub": "main" })));
    for _ in 0..3 {
        let reply = ask(&app, &token).await;
        assert_eq!(reply.status_and_code(), (503, "workload_issuer_unreachable".into()), "{}", reply.text());
        assert_eq!((reply.json()["whose_move"].as_str(), reply.header("retry-after")), (Some("nobody"), "5"));
    }
    let line = app.trail("authentication").await.remove(0);
    assert_eq!(
        (line["outcome"].as_str(), line["code"].as_str()),
        (Some("failed"), Some("workload_issuer_unreachable"))
    );
    assert!(line["reason"].as_str().unwrap().contains("/.well-known/openid-configuration failed"), "{line}");
}

#[tokio::test]
async fn an_issuer_that_does_not_answer_delays_nobody_else() {
    let issuer = Issuer::start("ES256").await;
    // It takes connections, and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let tables = [
        section("silent", &url),
        issuer.section("ci"),
        rule("main", "ci", "builder", "sub = \"main\""),
        client("builder"),
    ];
    let app = TestApp::usual().tables(&tables.concat()).start().await;
    let waiting = issuer.key.token(&issuer.claims(&json!({ "iss": url, "sub": "main" })));
    let honest = issuer.token(&json!({ "sub": "main" }));
    let waits = ask(&app, &waiting);
    let others = async {
        // The silent one was asked, and has not answered.
        let _connection = silent.accept().await.unwrap();
        assert_eq!(ask(&app, &honest).await.status, 200, "a workload of another issuer");
        assert_eq!(app.credentials("ci", "default/images").await.status, 200, "a client with a secret");
        // Time stood still for them.
        app.clock.advance(Duration::from_secs(5));
    };
    let (refused, ()) = tokio::join!(waits, others);
    assert_eq!(refused.status_and_code(), (503, "workload_issuer_unreachable".into()), "{}", refused.text());
}
