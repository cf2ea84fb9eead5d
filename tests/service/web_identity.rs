//! The web identity token: what it says, who signed it, and under which name AWS knows its session.

use std::time::Duration;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use http::Method;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use serde_json::{Value, json};

use crate::support::{START, TestApp};

const PATH: &str = "/v1/spaces/default/feeds/images/token";

/// A token's header and claims, its signature verified with the key that the JWKS has under its `kid`.
async fn verified(app: &TestApp, token: &str) -> (Value, Value) {
    let parts: Vec<&str> = token.split('.').collect();
    let [header, claims, signature] = parts.as_slice() else { panic!("a JWT has three parts: {}", parts.len()) };
    let part = |text: &str| serde_json::from_slice::<Value>(&BASE64_URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap();
    let jwks = app.public(Method::GET, "/.well-known/jwks").send().await.json();
    let keys = jwks["keys"].as_array().unwrap();
    let key = keys.iter().find(|key| key["kid"] == part(header)["kid"]).expect("the JWKS has the token's kid");
    let number = |name: &str| BASE64_URL_SAFE_NO_PAD.decode(key[name].as_str().unwrap()).unwrap();
    RsaPublicKeyComponents { n: number("n"), e: number("e") }
        .verify(
            &RSA_PKCS1_2048_8192_SHA256,
            format!("{header}.{claims}").as_bytes(),
            &BASE64_URL_SAFE_NO_PAD.decode(signature).unwrap(),
        )
        .expect("the signature is the key's");
    (part(header), part(claims))
}

async fn claims(app: &TestApp, path: &str) -> Value {
    let reply = app.post_as("ci", path).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    verified(app, reply.json()["token"].as_str().unwrap()).await.1
}

fn start() -> i64 {
    START.parse::<jiff::Timestamp>().unwrap().as_second()
}

#[tokio::test]
async fn a_token_has_these_members_and_no_others() {
    let app = TestApp::start().await;
    app.clock.advance(Duration::from_millis(999));
    let reply = app.post_as("ci", PATH).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let token = reply.json()["token"].as_str().unwrap().to_owned();
    let (header, claims) = verified(&app, &token).await;
    let kid = app.app.keyring().current().active_kid().to_string();
    assert_eq!(header, json!({ "alg": "RS256", "kid": kid, "typ": "JWT" }));
    let jti = claims["jti"].as_str().unwrap();
    assert!(jti.len() == 22 && BASE64_URL_SAFE_NO_PAD.decode(jti).is_ok_and(|id| id.len() == 16), "{jti}");
    let expected = json!({
        "iss": app.issuer(),
        "sub": "space:default:feed:images",
        "aud": "id.example.com",
        "iat": start(),
        "exp": start() + 300,
        "jti": jti,
    });
    assert_eq!(claims, expected);
    let body = json!({
        "space": "default",
        "feed": "images",
        "token": token,
        "subject": "space:default:feed:images",
        "audience": "id.example.com",
        "role_arn": "arn:aws:iam::123456789012:role/feedpass-default-images",
        "expires_at": "2026-11-23T11:05:00Z",
    });
    assert_eq!(reply.json(), body);
}

#[tokio::test]
async fn no_token_is_given_twice() {
    let app = TestApp::start().await;
    let (first, second) = (claims(&app, PATH).await, claims(&app, PATH).await);
    assert_ne!(first["jti"], second["jti"]);
}

#[tokio::test]
async fn lifetime_and_audience_are_the_configurations() {
    let identity = "role_arn = \"arn:aws:iam::123456789012:role/images\"\naudience = \"sts.amazonaws.com\"";
    let app = TestApp::builder()
        .feed_with("default/images", identity)
        .client("ci", &["default/images"], &["token", "pull"])
        .tables("[tokens]\nlifetime = \"15m\"")
        .start()
        .await;
    let claims = claims(&app, PATH).await;
    assert_eq!(claims["aud"], "sts.amazonaws.com", "a string, never a list");
    assert_eq!((claims["iat"].as_i64(), claims["exp"].as_i64()), (Some(start()), Some(start() + 900)));
    assert_eq!(app.credentials("ci", "default/images").await.status, 200, "and AWS takes such a token");
}

#[tokio::test]
async fn a_subject_may_drop_one_of_its_parts() {
    for (parts, subject) in [
        (r#"["feed"]"#, "feed:images"),
        (r#"["space"]"#, "space:default"),
        (r#"["space", "feed"]"#, "space:default:feed:images"),
    ] {
        let identity = format!("role_arn = \"arn:aws:iam::123456789012:role/images\"\nsubject = {parts}");
        let app = TestApp::builder()
            .feed_with("default/images", &identity)
            .client("ci", &["default/images"], &["token", "pull"])
            .start()
            .await;
        assert_eq!(claims(&app, PATH).await["sub"], subject);
        assert_eq!(app.credentials("ci", "default/images").await.status, 200, "{subject}");
    }
}

#[tokio::test]
async fn nothing_that_a_caller_sends_enters_the_token() {
    let app = TestApp::start().await;
    let body =
        json!({ "sub": "space:other:feed:x", "aud": "evil", "role_arn": "arn:aws:iam::1:role/evil", "ttl": 900 });
    let reply = app
        .internal(Method::POST, PATH)
        .bearer(&TestApp::secret_of("ci"))
        .header("content-type", "application/json")
        .header("x-forwarded-host", "evil.example")
        .header("host", "evil.example")
        .body(body.to_string())
        .send()
        .await;
    let (_, claims) = verified(&app, reply.json()["token"].as_str().unwrap()).await;
    assert_eq!(claims["sub"], "space:default:feed:images");
    assert_eq!((claims["aud"].as_str(), claims["iss"].as_str()), (Some("id.example.com"), Some(app.issuer())));
    assert_eq!(claims["exp"].as_i64(), Some(start() + 300));
    let parameter = app.post_as("ci", &format!("{PATH}?audience=evil")).await;
    assert_eq!(parameter.status_and_code(), (400, "invalid_parameters".into()));
}

#[tokio::test]
async fn cloudtrail_would_know_each_session_by_its_feed_and_token() {
    let app = TestApp::start().await;
    assert_eq!(app.credentials("ci", "default/images").await.status, 200);
    let minted = app.trail("mint").await;
    let jti = minted[0]["jti"].as_str().unwrap();
    let seen = app.lines().with("sandbox STS AssumeRoleWithWebIdentity → OK");
    let arn = format!("arn:aws:sts::123456789012:assumed-role/feedpass-default-images/default.images@{jti}");
    assert!(minted.len() == 1 && seen.len() == 1 && seen[0].contains(&arn), "{minted:?} {seen:?}");
}
