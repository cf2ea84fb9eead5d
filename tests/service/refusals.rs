//! What AWS refuses, and someone must mend: statuses, codes and words, one test for each cause.
//!
//! A token without the right to tag sessions, or in an algorithm that STS does not take, is nothing
//! that feedpass produces; the sandbox's own tests have these (`src/sandbox/tests/sts.rs`).

use std::sync::Arc;
use std::time::Duration;

use feedpass::clock::ManualClock;
use feedpass::entropy::SeededEntropy;
use feedpass::sandbox::{Accounts, Options, Sandbox};
use serde_json::json;

use crate::support::aws::{accounts_for, policy};
use crate::support::stub::Stub;
use crate::support::{Expected, START, TestApp};

const ROLE: &str = "role_arn = \"arn:aws:iam::123456789012:role/images\"";
const TOKEN_REFUSED: &str = "AWS could not validate the token of feed `default/images`. Account 123456789012 needs the \
    OIDC provider arn:aws:iam::123456789012:oidc-provider/ISSUER with the audience `id.example.com`, AWS must be \
    able to fetch http://ISSUER/.well-known/openid-configuration from the internet within 5 s, and this machine's \
    clock must be right";
const ROLE_REFUSED: &str = "AWS would not let feed `default/images` assume \
    arn:aws:iam::123456789012:role/feedpass-default-images. The role must exist, and its trust policy must allow \
    sts:AssumeRoleWithWebIdentity to arn:aws:iam::123456789012:oidc-provider/ISSUER where ISSUER:aud is \
    `id.example.com` and ISSUER:sub is `space:default:feed:images`";

/// The operator's to mend: 502, and no hint that waiting helps.
fn operators(code: &'static str, aws_code: &'static str, detail: &'static str) -> Expected {
    Expected { status: 502, code, whose_move: "operator", aws_code: Some(aws_code), retry_after: None, detail }
}

#[tokio::test]
async fn a_role_that_is_not_there() {
    let app = TestApp::start().await;
    app.change_accounts(|accounts| accounts.roles.clear());
    app.assert_problem(&operators("role_refused", "AccessDenied", ROLE_REFUSED)).await;
    assert_eq!(app.calls(), (1, 0), "AWS is not asked again");
}

#[tokio::test]
async fn a_role_that_trusts_another_feed() {
    let app = TestApp::start_with_charts().await;
    app.change_accounts(|accounts| accounts.roles[0].trust_policy = accounts.roles[1].trust_policy.clone());
    app.assert_problem(&operators("role_refused", "AccessDenied", ROLE_REFUSED)).await;
    assert_eq!(app.calls(), (1, 0));
    assert_eq!(app.credentials("ci", "default/charts").await.status, 200, "the trusted feed is not touched");
}

#[tokio::test]
async fn a_role_that_trusts_another_audience() {
    let app = TestApp::start().await;
    app.change_accounts(|accounts| {
        let other = accounts.roles[0].trust_policy.text().replace("id.example.com", "sts.amazonaws.com");
        accounts.roles[0].trust_policy = other.parse().unwrap();
    });
    app.assert_problem(&operators("role_refused", "AccessDenied", ROLE_REFUSED)).await;
}

#[tokio::test]
async fn an_account_without_the_oidc_provider() {
    let app = TestApp::start().await;
    app.change_accounts(|accounts| accounts.providers.clear());
    app.assert_problem(&operators("token_refused", "InvalidIdentityToken", TOKEN_REFUSED)).await;
    assert_eq!(app.calls(), (3, 0), "the code also stands for a hiccup of the key fetch, so it is tried again");
}

#[tokio::test]
async fn a_provider_without_the_audience() {
    let app = TestApp::start().await;
    app.change_accounts(|accounts| accounts.providers[0].audiences = vec!["other.example.com".parse().unwrap()]);
    app.assert_problem(&operators("token_refused", "InvalidIdentityToken", TOKEN_REFUSED)).await;
}

#[tokio::test]
async fn an_issuer_whose_documents_do_not_have_the_key() {
    let stub = Stub::start(|url, path| {
        let body = match path {
            "/.well-known/openid-configuration" => json!({ "issuer": url, "jwks_uri": format!("{url}/keys") }),
            _ => json!({ "keys": [{ "kty": "RSA", "kid": "another", "alg": "RS256", "n": "AQAB", "e": "AQAB" }] }),
        };
        (200, "application/json", body.to_string())
    })
    .await;
    let app = TestApp::usual().issuer(&stub.url()).start().await;
    app.assert_problem(&operators("token_refused", "InvalidIdentityToken", TOKEN_REFUSED)).await;
    assert_eq!(app.lines().with("has no key with kid").len(), 3, "each attempt looks again");
}

#[tokio::test]
async fn a_session_that_is_longer_than_the_role_allows() {
    let app = TestApp::builder()
        .feed_with("default/images", &format!("{ROLE}\nsession_duration = \"2h\""))
        .client("ci", &["default/images"], &["pull"])
        .start()
        .await;
    app.change_accounts(|accounts| accounts.roles[0].max_session_duration = "1h".parse().unwrap());
    app.assert_problem(&operators(
        "sts_request_invalid",
        "ValidationError",
        "AWS STS did not take the request of feed `default/images`: ValidationError: The requested DurationSeconds \
         exceeds the MaxSessionDuration set for this role. (request REQUEST). A session of 7200 s must not exceed the \
         role's maximum",
    ))
    .await;
    assert_eq!(app.calls(), (1, 0));
}

#[tokio::test]
async fn a_role_that_may_not_ask_for_registry_credentials() {
    let app = TestApp::start().await;
    app.change_accounts(|accounts| {
        let pull = json!({ "Statement": { "Effect": "Allow", "Action": "ecr:BatchGetImage", "Resource": "*" } });
        accounts.roles[0].permissions = policy(&pull);
    });
    app.assert_problem(&operators(
        "ecr_denied",
        "AccessDeniedException",
        "AWS let feed `default/images` assume arn:aws:iam::123456789012:role/feedpass-default-images, but the role may \
         not ask for registry credentials: allow it ecr:GetAuthorizationToken on `*`",
    ))
    .await;
    assert_eq!(app.calls(), (1, 1));
}

/// feedpass beside a sandbox whose clock is ahead of its own.
async fn behind_by(behind: Duration) -> (TestApp, Sandbox) {
    let clock = ManualClock::at(START.parse().unwrap());
    clock.advance(behind);
    beside(clock).await
}

/// feedpass beside a sandbox with a clock of its own.
async fn beside(clock: ManualClock) -> (TestApp, Sandbox) {
    let sandbox = sandbox(clock).await;
    let app = TestApp::usual().aws(&format!("endpoint = \"{}\"", sandbox.url())).start().await;
    sandbox.set_accounts(accounts_for(&app.app.settings()));
    (app, sandbox)
}

/// feedpass with a sandbox's STS and another ECR.
async fn with_ecr(ecr: &Stub) -> (TestApp, Sandbox) {
    let sandbox = sandbox(ManualClock::at(START.parse().unwrap())).await;
    let app = TestApp::usual().aws(&format!("sts = \"{}\"\necr = \"{}\"", sandbox.url(), ecr.url())).start().await;
    sandbox.set_accounts(accounts_for(&app.app.settings()));
    (app, sandbox)
}

async fn sandbox(clock: ManualClock) -> Sandbox {
    let entropy = Arc::new(SeededEntropy::new(2));
    Sandbox::start(Options::default(), Accounts::default(), Arc::new(clock), entropy).await.unwrap()
}

#[tokio::test]
async fn a_clock_so_far_behind_that_tokens_are_born_expired() {
    let (app, sandbox) = behind_by(Duration::from_secs(601)).await;
    app.assert_problem(&operators(
        "token_expired",
        "ExpiredTokenException",
        "AWS found the token of feed `default/images` expired although it was just signed: this machine's clock is \
         behind",
    ))
    .await;
    assert_eq!(sandbox.calls_to("AssumeRoleWithWebIdentity"), 1);
}

#[tokio::test]
async fn a_clock_that_is_a_little_behind_does_no_harm() {
    let (app, sandbox) = behind_by(Duration::from_mins(4)).await;
    let given = app.credentials("ci", "default/images").await.json();
    assert_eq!(given["expires_at"], "2026-11-23T23:04:00Z", "AWS's word");
    assert_eq!(sandbox.calls_to("GetAuthorizationToken"), 1);
}

#[tokio::test]
async fn a_clock_too_far_behind_for_signatures_is_corrected_by_that_of_aws() {
    let (app, sandbox) = behind_by(Duration::from_mins(7)).await;
    assert_eq!(app.credentials("ci", "default/images").await.status, 200);
    assert_eq!(
        sandbox.calls_to("GetAuthorizationToken"),
        2,
        "the second is signed with the time of the first's answer"
    );
}

#[tokio::test]
async fn a_clock_that_is_ahead_signs_tokens_of_the_future() {
    let clock = ManualClock::at("2026-11-23T10:54:00Z".parse().unwrap());
    let (app, _sandbox) = beside(clock).await;
    // STS tells nobody that it is the time; so the words are those of a provider that is not right.
    app.assert_problem(&operators("token_refused", "InvalidIdentityToken", TOKEN_REFUSED)).await;
}

#[tokio::test]
async fn a_key_that_is_published_for_another_algorithm() {
    let keys = Arc::new(std::sync::Mutex::new(json!({ "keys": [] })));
    let served = Arc::clone(&keys);
    let issuer = Stub::start(move |url, path| {
        let discovery = json!({ "issuer": url, "jwks_uri": format!("{url}/jwks") });
        let jwks = served.lock().unwrap();
        (200, "application/json", if path == "/jwks" { jwks.to_string() } else { discovery.to_string() })
    })
    .await;
    let app = TestApp::usual().issuer(&issuer.url()).start().await;
    let mut ours = app.public(http::Method::GET, "/.well-known/jwks").send().await.json();
    ours["keys"][0]["alg"] = json!("RS512");
    *keys.lock().unwrap() = ours;
    app.assert_problem(&operators("token_refused", "InvalidIdentityToken", TOKEN_REFUSED)).await;
}

#[tokio::test]
async fn a_role_without_the_right_to_session_tags_looks_like_one_that_does_not_trust_the_feed() {
    // feedpass writes no tags today, so the sandbox cannot refuse them; AWS's answer would be this one.
    let stub = Stub::start(|_, _| {
        let error = "<Error><Type>Sender</Type><Code>AccessDenied</Code><Message>no</Message></Error>";
        (403, "text/xml", format!("<ErrorResponse>{error}<RequestId>7</RequestId></ErrorResponse>"))
    })
    .await;
    let app = TestApp::usual().aws(&format!("endpoint = \"{}\"", stub.url())).start().await;
    app.assert_problem(&operators("role_refused", "AccessDenied", ROLE_REFUSED)).await;
}

#[tokio::test]
async fn an_ecr_that_answers_for_another_registry() {
    let stub = Stub::start(|_, _| {
        let token = "QVdTOnBhc3N3b3Jk";
        let host = "https://210987654321.dkr.ecr.us-east-1.amazonaws.com";
        let data = json!([{ "authorizationToken": token, "expiresAt": 1_900_000_000, "proxyEndpoint": host }]);
        (200, "application/x-amz-json-1.1", json!({ "authorizationData": data }).to_string())
    })
    .await;
    let problem = Expected {
        aws_code: None,
        ..operators(
            "ecr_other_registry",
            "",
            "ECR answered for the registry 210987654321.dkr.ecr.us-east-1.amazonaws.com, and feed `default/images` is \
             for 123456789012.dkr.ecr.us-east-1.amazonaws.com; correct the feed's `registry` or `region`",
        )
    };
    with_ecr(&stub).await.0.assert_problem(&problem).await;
}

#[tokio::test]
async fn an_ecr_that_does_not_know_the_session() {
    for aws_code in ["UnrecognizedClientException", "ExpiredTokenException", "InvalidSignatureException"] {
        let stub = Stub::start(move |_, _| {
            (400, "application/x-amz-json-1.1", json!({ "__type": aws_code, "message": "no" }).to_string())
        })
        .await;
        let (app, _sandbox) = with_ecr(&stub).await;
        app.assert_problem(&operators(
            "ecr_session_refused",
            aws_code,
            "ECR did not take the role session that STS gave feed `default/images` a moment ago; most often this \
             machine's clock is wrong",
        ))
        .await;
    }
}

#[tokio::test]
async fn an_sts_that_is_not_active_in_the_region() {
    let stub = Stub::start(|_, _| {
        let error = "<Error><Type>Sender</Type><Code>RegionDisabledException</Code><Message>no</Message></Error>";
        (403, "text/xml", format!("<ErrorResponse>{error}<RequestId>7</RequestId></ErrorResponse>"))
    })
    .await;
    let app = TestApp::usual().aws(&format!("endpoint = \"{}\"", stub.url())).start().await;
    app.assert_problem(&operators(
        "sts_region_disabled",
        "RegionDisabledException",
        "STS is not active in us-east-1 for account 123456789012; activate it there, or give the feed another region",
    ))
    .await;
}

#[tokio::test]
async fn a_refusal_is_remembered_for_a_while_and_then_asked_again() {
    let app = TestApp::start().await;
    app.change_accounts(|accounts| accounts.roles.clear());
    let first = app.credentials("ci", "default/images").await;
    app.change_accounts(|_| {});
    app.clock.advance(Duration::from_secs(9));
    let again = app.credentials("ci", "default/images").await;
    assert_eq!((again.text(), app.calls()), (first.text(), (1, 0)), "told without asking AWS");
    app.clock.advance(Duration::from_secs(1));
    assert_eq!(app.credentials("ci", "default/images").await.status, 200, "who mends it does not wait long");
}

#[tokio::test]
async fn a_refusal_of_one_feed_is_none_of_another() {
    let app = TestApp::start_with_charts().await;
    app.change_accounts(|accounts| accounts.roles.retain(|role| role.arn.name().ends_with("charts")));
    assert_eq!(app.credentials("ci", "default/images").await.status, 502);
    assert_eq!(app.credentials("ci", "default/charts").await.status, 200);
}
