//! One token for another (RFC 8693).

use std::time::Duration;

use serde_json::json;

use super::{
    ACCESS_TOKEN, ClientKey, EXCHANGE, JWT, access_token, asked, asking, assert_refused, contents, post_bearer, start,
    web_identity_token,
};
use crate::support::{Reply, Request, TestApp};

/// An exchange of an access token, with more parameters.
fn exchanging(app: &TestApp, token: &str, more: &[(&str, &str)]) -> Request {
    let subject = [("grant_type", EXCHANGE), ("subject_token", token), ("subject_token_type", ACCESS_TOKEN)];
    asking(app, &[&subject[..], more].concat())
}

async fn exchanged(app: &TestApp, token: &str, more: &[(&str, &str)]) -> Reply {
    asked(app, exchanging(app, token, more)).await
}

fn feed_url(app: &TestApp, feed: &str) -> String {
    format!("http://{}/v1/spaces/default/feeds/{feed}", app.app.internal_address())
}

#[tokio::test]
async fn an_access_token_becomes_one_that_is_good_for_less_and_no_longer() {
    let app = TestApp::start().await;
    let token = access_token(&app, "ci", Some("pull token")).await;
    app.clock.advance(Duration::from_mins(4));
    let reply = exchanged(&app, &token, &[("scope", "token"), ("requested_token_type", ACCESS_TOKEN)]).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let body = reply.json();
    let narrowed = body["access_token"].as_str().unwrap();
    let expected = json!({
        "access_token": narrowed,
        "issued_token_type": ACCESS_TOKEN,
        "token_type": "Bearer",
        "expires_in": 360,
        "scope": "token",
    });
    assert_eq!(body, expected);
    let (_, claims) = contents(narrowed);
    assert_eq!((claims["exp"].as_i64(), claims["client_id"].as_str()), (Some(start() + 600), Some("ci")));
    let path = "/v1/spaces/default/feeds/images";
    assert_eq!(post_bearer(&app, narrowed, &format!("{path}/token")).await.status, 200);
    let refused = post_bearer(&app, narrowed, &format!("{path}/credentials")).await;
    assert_eq!(refused.status_and_code(), (403, "insufficient_scope".into()));
    for wider in ["pull", "admin", "token pull"] {
        let reply = exchanged(&app, narrowed, &[("scope", wider)]).await;
        assert_refused(&reply, 400, "invalid_scope", "more than the subject token's, which is `token`");
    }
    let same = exchanged(&app, narrowed, &[]).await.json();
    assert_eq!(same["scope"], "token", "no scope asks for all that the subject has");
}

#[tokio::test]
async fn no_chain_of_exchanges_outlives_the_first_token() {
    let app = TestApp::start().await;
    let mut token = access_token(&app, "ci", None).await;
    for _ in 0..3 {
        app.clock.advance(Duration::from_secs(190));
        let reply = exchanged(&app, &token, &[]).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        token = reply.json()["access_token"].as_str().unwrap().to_owned();
        assert_eq!(contents(&token).1["exp"].as_i64(), Some(start() + 600));
    }
    app.clock.advance(Duration::from_secs(90));
    assert_refused(&exchanged(&app, &token, &[]).await, 400, "invalid_request", "expired");
}

#[tokio::test]
async fn what_counts_by_the_leeway_alone_has_no_time_left_to_give() {
    let app = TestApp::start().await;
    let token = access_token(&app, "ci", None).await;
    app.clock.advance(Duration::from_secs(599));
    let last = exchanged(&app, &token, &[]).await.json();
    let (_, claims) = contents(last["access_token"].as_str().unwrap());
    assert_eq!((&last["expires_in"], claims["exp"].as_i64()), (&json!(1), Some(start() + 600)));
    assert_eq!(claims["iat"].as_i64(), Some(start() + 599));
    for seconds in [1, 30] {
        app.clock.advance(Duration::from_secs(seconds));
        let path = "/v1/spaces/default/feeds/images/credentials";
        assert_eq!(post_bearer(&app, &token, path).await.status, 200, "it counts still, clocks may be apart");
        assert_refused(&exchanged(&app, &token, &[]).await, 400, "invalid_request", "no token that is got for it");
    }
    let trail = app.trail("access_token").await;
    let codes: Vec<_> = trail.iter().map(|line| line["code"].as_str().unwrap_or_default()).collect();
    assert_eq!(codes, ["", "", "subject_token_expired", "subject_token_expired"]);
}

#[tokio::test]
async fn a_resource_is_a_feed_whose_web_identity_token_is_given() {
    let app = TestApp::start().await;
    let token = access_token(&app, "ci", None).await;
    let url = feed_url(&app, "images");
    let more = [("resource", &*url), ("requested_token_type", JWT), ("audience", "id.example.com"), ("scope", "token")];
    for more in [&more[..1], &more] {
        let reply = exchanged(&app, &token, more).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        let body = reply.json();
        let given = body["access_token"].as_str().unwrap();
        let expected = json!({
            "access_token": given,
            "issued_token_type": JWT,
            "token_type": "N_A",
            "expires_in": 300,
        });
        assert_eq!(body, expected);
        let (header, claims) = contents(given);
        assert_eq!((&header["typ"], &claims["iss"]), (&json!("JWT"), &json!(app.issuer())));
        assert_eq!(claims["sub"], "space:default:feed:images");
    }
    assert_eq!(app.lines().with("web_identity_token ok").len(), 2);
}

#[tokio::test]
async fn what_is_no_feed_of_the_callers_is_an_invalid_target() {
    let app = TestApp::builder()
        .feed("default/images")
        .feed("default/charts")
        .client("ci", &["default/images"], &["pull", "token"])
        .client("puller", &["default/images"], &["pull"])
        .start()
        .await;
    let token = access_token(&app, "ci", None).await;
    let images = feed_url(&app, "images");
    for (resource, saying) in [
        (feed_url(&app, "charts"), "no grant that reaches"),
        (feed_url(&app, "nothing"), "no grant that reaches"),
        ("https://elsewhere.example/v1/spaces/default/feeds/images".into(), "a feed's URL"),
        (format!("{images}/token"), "a feed's URL"),
        (format!("{images}/"), "a feed's URL"),
        (images.replace("/v1", "/x/../v1"), "a feed's URL"),
        (images.replace("127.0.0.1", "127.0.0.1.evil.example"), "a feed's URL"),
        ("default/images".into(), "a feed's URL"),
    ] {
        let reply = exchanged(&app, &token, &[("resource", &resource)]).await;
        assert_refused(&reply, 400, "invalid_target", saying);
    }
    let puller = access_token(&app, "puller", None).await;
    assert_refused(&exchanged(&app, &puller, &[("resource", &images)]).await, 400, "invalid_target", "`token`");
    let narrow = access_token(&app, "ci", Some("pull")).await;
    assert_refused(&exchanged(&app, &narrow, &[("resource", &images)]).await, 400, "invalid_scope", "`pull`");
    let asked_for_less = [("resource", &*images), ("scope", "pull")];
    assert_refused(&exchanged(&app, &token, &asked_for_less).await, 400, "invalid_scope", "`token`");
    for more in [&[("audience", "sts.amazonaws.com")][..], &[("audience", "sts.amazonaws.com"), ("resource", &images)]]
    {
        assert_refused(&exchanged(&app, &token, more).await, 400, "invalid_target", "audience");
    }
    assert_eq!(app.lines().with("web_identity_token refused").len(), 12, "each leaves its line");
}

#[tokio::test]
async fn no_token_passes_for_one_of_another_kind() {
    let app = TestApp::start().await;
    let (access, web_identity) = (access_token(&app, "ci", None).await, web_identity_token(&app).await);
    let stranger =
        ClientKey::new("k", 1).sign(&json!({ "alg": "EdDSA" }), &json!({ "iss": "https://elsewhere.example" }));
    let secret = TestApp::secret_of("ci");
    for (token, kind, saying) in [
        (&access, JWT, "not a JWT of a workload's issuer"),
        (&web_identity, JWT, "for AWS STS alone"),
        (&web_identity, ACCESS_TOKEN, "for AWS STS alone"),
        (&stranger, JWT, "none that is trusted"),
        (&stranger, "urn:ietf:params:oauth:token-type:id_token", "none that is trusted"),
        (&stranger, ACCESS_TOKEN, "not an access token of feedpass"),
        (&secret, ACCESS_TOKEN, "not an access token of feedpass"),
        (&secret, JWT, "not a JWT of a workload's issuer"),
    ] {
        let parameters = [("grant_type", EXCHANGE), ("subject_token", token), ("subject_token_type", kind)];
        assert_refused(&asking(&app, &parameters).send().await, 400, "invalid_request", saying);
    }
}

#[tokio::test]
async fn whoever_authenticates_is_the_subject() {
    let app = TestApp::builder().feed("default/images").client("ci", &[], &[]).client("other", &[], &[]).start().await;
    let token = access_token(&app, "ci", None).await;
    let secret = TestApp::secret_of;
    let own = exchanging(&app, &token, &[]).basic("ci", &secret("ci"));
    assert_eq!(asked(&app, own).await.status, 200);
    assert_eq!(exchanged(&app, &token, &[("client_id", "ci")]).await.status, 200, "a client by its id alone");
    let other = exchanging(&app, &token, &[]).basic("other", &secret("other")).send().await;
    assert_refused(&other, 400, "invalid_request", "different clients");
    let named = exchanged(&app, &token, &[("client_id", "other")]).await;
    assert_refused(&named, 400, "invalid_request", "different clients");
    let wrong = exchanging(&app, &token, &[]).basic("ci", "wrong").send().await;
    assert_refused(&wrong, 401, "invalid_client", "not valid");
}

#[tokio::test]
async fn a_removed_clients_token_is_exchanged_for_nothing() {
    let app = TestApp::start().await;
    let token = access_token(&app, "ci", None).await;
    app.change_clients(|clients| clients.client("other", &[], &[]));
    assert_refused(&exchanged(&app, &token, &[]).await, 400, "invalid_request", "there no more");
}
