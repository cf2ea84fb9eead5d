//! An access token for a client's secret.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use http::Method;
use serde_json::json;

use super::{access_token, asked, asking, assert_refused, contents, post_bearer, start};
use crate::support::TestApp;

const GRANT: (&str, &str) = ("grant_type", "client_credentials");

#[tokio::test]
async fn the_answer_and_the_token_have_these_members_and_no_others() {
    let app = TestApp::start().await;
    let reply = asked(&app, asking(&app, &[GRANT]).basic("ci", &TestApp::secret_of("ci"))).await;
    assert_eq!((reply.status.as_u16(), reply.header("cache-control")), (200, "no-store"));
    assert_eq!(reply.header("pragma"), "no-cache", "RFC 6749 §5.1");
    let token = reply.json()["access_token"].as_str().unwrap().to_owned();
    let scope = "pull push token session catalog admin";
    let expected = json!({ "access_token": token, "token_type": "Bearer", "expires_in": 600, "scope": scope });
    assert_eq!(reply.json(), expected);
    let (header, claims) = contents(&token);
    let kid = app.app.keyring().current().active_kid().to_string();
    assert_eq!(header, json!({ "typ": "at+jwt", "alg": "RS256", "kid": kid }));
    let expected = json!({
        "iss": format!("urn:feedpass:access:{}", app.issuer().strip_prefix("http://").unwrap()),
        "sub": "client:ci",
        "client_id": "ci",
        "aud": format!("http://{}", app.app.internal_address()),
        "iat": start(),
        "exp": start() + 600,
        "jti": claims["jti"],
        "scope": scope,
    });
    assert_eq!(claims, expected);
}

#[tokio::test]
async fn a_secret_may_be_in_the_header_or_in_the_body_and_written_either_way() {
    let app = TestApp::builder().client_with_secrets("team/ci", &["a+b%:c"], &[], &[]).start().await;
    let basic = |pair: &str| format!("Basic {}", BASE64_STANDARD.encode(pair));
    for header in [basic("team/ci:a+b%:c"), basic("team%2Fci:a%2Bb%25%3Ac")] {
        let reply = asked(&app, asking(&app, &[GRANT]).header("authorization", &header)).await;
        assert_eq!(reply.status, 200, "{header}: {}", reply.text());
    }
    let in_body = [GRANT, ("client_id", "team/ci"), ("client_secret", "a+b%:c")];
    assert_eq!(asked(&app, asking(&app, &in_body)).await.status, 200);
    let both = asking(&app, &[GRANT, ("client_id", "team/ci")]).header("authorization", &basic("team/ci:a+b%:c"));
    assert_eq!(asked(&app, both).await.status, 200, "a client_id that says the same");
}

#[tokio::test]
async fn a_wrong_secret_is_an_invalid_client_however_it_came() {
    let app = TestApp::start().await;
    for (client, secret) in [("ci", "wrong"), ("nobody", "ci-secret-0123456789")] {
        let reply = asking(&app, &[GRANT]).basic(client, secret).send().await;
        assert_refused(&reply, 401, "invalid_client", "not valid");
        assert!(reply.header("www-authenticate").starts_with("Basic "), "{:?}", reply.headers);
        let reply = asking(&app, &[GRANT, ("client_id", client), ("client_secret", secret)]).send().await;
        assert_refused(&reply, 400, "invalid_client", "not valid");
    }
    for unreadable in ["Basic %%%", "Digest abc"] {
        let reply = asking(&app, &[GRANT]).header("authorization", unreadable).send().await;
        assert_refused(&reply, 401, "invalid_client", "malformed");
    }
    let secret = TestApp::secret_of("ci");
    let reply = asking(&app, &[GRANT]).bearer(&secret).send().await;
    assert_refused(&reply, 401, "invalid_client", "malformed");
    for parameters in [&[GRANT][..], &[GRANT, ("client_id", "ci")]] {
        let reply = asking(&app, parameters).send().await;
        assert_refused(&reply, 401, "invalid_client", "no credentials");
    }
}

#[tokio::test]
async fn a_scope_narrows_what_the_token_is_good_for() {
    let app = TestApp::builder()
        .feed("default/images")
        .client("ci", &["default/images"], &["pull", "token"])
        .client("other", &["default/images"], &["pull"])
        .start()
        .await;
    let token = access_token(&app, "ci", Some("token push token")).await;
    assert_eq!(contents(&token).1["scope"], "push token", "each word once, in one order");
    let path = "/v1/spaces/default/feeds/images";
    assert_eq!(post_bearer(&app, &token, &format!("{path}/token")).await.status, 200);
    let refused = post_bearer(&app, &token, &format!("{path}/credentials")).await;
    assert_eq!(refused.status_and_code(), (403, "insufficient_scope".into()));
    assert!(refused.header("www-authenticate").contains("error=\"insufficient_scope\""), "RFC 6750 §3.1");
    let host = "/v1/registries/123456789012.dkr.ecr.us-east-1.amazonaws.com/credentials";
    let narrow = access_token(&app, "ci", Some("token")).await;
    assert_eq!(post_bearer(&app, &narrow, host).await.status_and_code(), (403, "insufficient_scope".into()));
    // A scope gives nothing.
    let all = access_token(&app, "other", Some("pull token admin")).await;
    let refused = post_bearer(&app, &all, &format!("{path}/token")).await;
    assert_eq!(refused.status_and_code(), (403, "action_not_granted".into()));
    assert_eq!(post_bearer(&app, &all, &format!("{path}/credentials")).await.status, 200);
}

#[tokio::test]
async fn an_unknown_word_in_a_scope_is_refused() {
    let app = TestApp::start().await;
    for scope in ["openid", "pull openid", "PULL", "pull  push"] {
        let request = asking(&app, &[GRANT, ("scope", scope)]).basic("ci", &TestApp::secret_of("ci"));
        assert_refused(&request.send().await, 400, "invalid_scope", "pull, push");
    }
    let empty = asking(&app, &[GRANT, ("scope", "")]).basic("ci", &TestApp::secret_of("ci"));
    assert_eq!(asked(&app, empty).await.status, 200, "no value is as good as no parameter");
}

#[tokio::test]
async fn every_token_and_every_refusal_leaves_its_line() {
    let app = TestApp::start().await;
    let token = access_token(&app, "ci", Some("pull")).await;
    let jti = contents(&token).1["jti"].as_str().unwrap().to_owned();
    let issued = app.lines().with("feedpass::audit").into_iter().find(|line| line.contains("access_token ok"));
    let issued = issued.unwrap_or_else(|| panic!("{:?}", app.lines().with("audit")));
    for word in [format!("jti=\"{jti}\""), "client=\"ci\"".into(), "via=\"secret\"".into(), "scope=\"pull\"".into()] {
        assert!(issued.contains(&word), "{word} in {issued}");
    }
    let unknown = asking(&app, &[GRANT, ("scope", "x")]).basic("ci", &TestApp::secret_of("ci")).send().await;
    assert_eq!(unknown.status, 400);
    assert_eq!(app.lines().with("access_token refused").len(), 1);
    asking(&app, &[GRANT]).basic("ci", "wrong").send().await;
    assert_eq!(app.lines().with("authentication refused").len(), 1);
    post_bearer(&app, &token, "/v1/spaces/default/feeds/images/credentials").await;
    assert_eq!(app.lines().with(&format!("via=\"access_token {jti}\"")).len(), 1, "who used it");
}

#[tokio::test]
async fn guessing_is_limited_here_too() {
    let app = TestApp::usual().tables("[limits]\nfailed_attempts = 2\nclient_rate = 1\nclient_burst = 2").start().await;
    for status in [401, 401, 429] {
        assert_eq!(asking(&app, &[GRANT]).basic("ci", "wrong").send().await.status, status);
    }
    for status in [200, 200, 429] {
        let reply = asked(&app, asking(&app, &[GRANT]).basic("ci", &TestApp::secret_of("ci"))).await;
        assert_eq!(reply.status, status);
        assert_eq!(reply.header("retry-after").is_empty(), status == 200);
    }
}

#[tokio::test]
async fn the_lifetime_is_the_configurations() {
    let app = TestApp::usual().tables("[tokens]\naccess_lifetime = \"1h\"").start().await;
    let (_, claims) = contents(&access_token(&app, "ci", None).await);
    assert_eq!(claims["exp"].as_i64(), Some(start() + 3600));
    assert_eq!(app.internal(Method::GET, "/healthz").send().await.status, 200);
}
