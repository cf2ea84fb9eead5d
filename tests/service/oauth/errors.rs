//! Requests that make no sense (RFC 6749 §3.2, §5.2).

use http::Method;

use super::{ACCESS_TOKEN, EXCHANGE, JWT, asking, assert_refused};
use crate::support::TestApp;
use crate::support::raw::exchange;

#[tokio::test]
async fn what_cannot_be_read_is_an_invalid_request() {
    let app = TestApp::start().await;
    let credentials = ("grant_type", "client_credentials");
    let subject = [("grant_type", EXCHANGE), ("subject_token", "x"), ("subject_token_type", JWT)];
    let but = |more: &[(&'static str, &'static str)]| [&subject[..], more].concat();
    for (parameters, saying) in [
        (vec![], "`grant_type` is missing"),
        (vec![("grant_type", "")], "`grant_type` is missing"),
        (vec![credentials, credentials], "twice"),
        (vec![credentials, ("x", "1"), ("x", "2")], "twice"),
        (vec![credentials, ("client_secret", "x")], "`client_id` is missing"),
        (vec![credentials, ("client_assertion", "x")], "`client_assertion_type` is missing"),
        (vec![credentials, ("client_id", "ci"), ("client_secret", "x"), ("client_assertion", "y")], "two ways"),
        (vec![credentials, ("scope", "\u{fffd}")], "UTF-8"),
        (subject[..1].to_vec(), "`subject_token_type` is missing"),
        (vec![subject[0], subject[2]], "`subject_token` is missing"),
        (vec![subject[0], subject[1], ("subject_token_type", "saml2")], "`subject_token_type` is to be"),
        (but(&[("actor_token", "x")]), "`actor_token`"),
        (but(&[("requested_token_type", JWT)]), "`requested_token_type` is to be"),
        (but(&[("resource", "x"), ("requested_token_type", ACCESS_TOKEN)]), "`requested_token_type` is to be"),
    ] {
        let reply = asking(&app, &parameters).send().await;
        assert_refused(&reply, 400, "invalid_request", saying);
    }
    let basic = asking(&app, &[credentials, ("client_id", "other")]).basic("ci", "x").send().await;
    assert_refused(&basic, 400, "invalid_request", "not the client of the Authorization header");
    let two = asking(&app, &[credentials, ("client_id", "ci"), ("client_secret", "x")]).basic("ci", "x").send().await;
    assert_refused(&two, 400, "invalid_request", "two ways");
}

#[tokio::test]
async fn several_targets_are_an_invalid_one() {
    let app = TestApp::start().await;
    for name in ["resource", "audience"] {
        let parameters = [
            ("grant_type", EXCHANGE),
            ("subject_token", "x"),
            ("subject_token_type", JWT),
            (name, "https://a.example"),
            (name, "https://b.example"),
        ];
        assert_refused(&asking(&app, &parameters).send().await, 400, "invalid_target", name);
    }
}

#[tokio::test]
async fn another_grant_is_not_supported() {
    let app = TestApp::start().await;
    for grant in ["password", "authorization_code", "refresh_token", "Client_Credentials"] {
        let reply = asking(&app, &[("grant_type", grant)]).basic("ci", &TestApp::secret_of("ci")).send().await;
        assert_refused(&reply, 400, "unsupported_grant_type", "client_credentials");
    }
}

#[tokio::test]
async fn the_body_is_a_form_and_no_query_counts() {
    let app = TestApp::start().await;
    for content_type in ["application/json", "", "text/plain"] {
        let request = app.internal(Method::POST, "/oauth2/token").header("content-type", content_type);
        assert_refused(&request.body("grant_type=client_credentials").send().await, 400, "invalid_request", "form");
    }
    let in_query = app.internal(Method::POST, "/oauth2/token?grant_type=client_credentials");
    let reply = in_query.header("content-type", "application/x-www-form-urlencoded; charset=UTF-8").send().await;
    assert_refused(&reply, 400, "invalid_request", "`grant_type` is missing");
    let huge = asking(&app, &[("grant_type", "x"), ("x", &"x".repeat(65 * 1024))]).send().await;
    assert_eq!(huge.status_and_code(), (413, "body_too_large".into()));
}

#[tokio::test]
async fn nobody_is_waited_for_without_end() {
    let app = TestApp::start().await;
    let head = "POST /oauth2/token HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
                content-type: application/x-www-form-urlencoded\r\ncontent-length: 100\r\n\r\ngrant_type=";
    let address = app.app.internal_address();
    let waiting = tokio::spawn(async move { exchange(address, head.as_bytes()).await });
    // Others sleep too, and begin when they like: time passes until the answer is there.
    let mut passed = 0;
    while !waiting.is_finished() {
        tokio::task::yield_now().await;
        app.clock.advance(std::time::Duration::from_secs(1));
        passed += 1;
    }
    assert!(passed >= 10, "{passed} s");
    let answers = waiting.await.unwrap();
    assert!(answers.len() == 1 && answers[0].body.contains("did not come within 10 s"), "{answers:?}");
}
