//! `AssumeRoleWithWebIdentity` and `GetCallerIdentity`.

use std::time::Duration;

use serde_json::json;

use super::support::{Key, MAY_LOG_IN, ROLE, Refused, SUBJECT, World, provider, role};
use crate::clock::Clock;
use crate::sandbox::{Accounts, Service};

const NOT_AUTHORIZED: &str = "Not authorized to perform sts:AssumeRoleWithWebIdentity";
const NOT_VALIDATED: &str = "The web identity token provided could not be validated. See the \
                             AssumeRoleWithWebIdentity documentation for requirements.";

fn refused(code: &str, message: &str) -> Refused {
    Refused(code.to_owned(), message.to_owned())
}

#[tokio::test]
async fn a_good_token_gives_a_session_that_says_what_aws_says() {
    let world = World::new().await;
    let token = world.key.sign(&world.claims());
    let call = world.sts().assume_role_with_web_identity().role_arn(ROLE).role_session_name("images");
    let given = call.web_identity_token(token).duration_seconds(900).send().await.unwrap();

    assert_eq!(given.subject_from_web_identity_token(), Some(SUBJECT));
    assert_eq!(given.audience(), Some("images"));
    assert_eq!(given.provider(), Some(world.issuer.as_str()));
    let user = given.assumed_role_user().unwrap();
    assert_eq!(user.arn(), "arn:aws:sts::123456789012:assumed-role/feedpass-images/images");
    assert!(user.assumed_role_id().starts_with("AROA") && user.assumed_role_id().ends_with(":images"));
    let credentials = given.credentials().unwrap();
    assert_eq!(credentials.expiration().secs(), world.clock.now().as_second() + 900);
    assert!(credentials.access_key_id().starts_with("ASIA") && credentials.access_key_id().len() == 20);
    assert_eq!(credentials.secret_access_key().len(), 40);
    assert_eq!(world.sandbox.calls(Service::Sts), 1);
    assert_eq!(world.sandbox.calls_to("AssumeRoleWithWebIdentity"), 1);
    assert_eq!(world.sandbox.issued_secrets().len(), 2);
}

#[tokio::test]
async fn a_session_can_ask_who_it_is() {
    let world = World::new().await;
    let config = world.sts().config().to_builder().credentials_provider(world.session().await).build();
    let identity = aws_sdk_sts::Client::from_conf(config).get_caller_identity().send().await.unwrap();
    assert_eq!(identity.arn(), Some("arn:aws:sts::123456789012:assumed-role/feedpass-images/images"));
    assert_eq!(identity.account(), Some("123456789012"));
    let stranger = aws_sdk_sts::config::Credentials::new("ASIAAAAAAAAAAAAAAAAA", "x", None, None, "test");
    let config = world.sts().config().to_builder().credentials_provider(stranger).build();
    let error = aws_sdk_sts::Client::from_conf(config).get_caller_identity().send().await.unwrap_err();
    assert_eq!(Refused::of(&error).0, "InvalidClientTokenId");
}

#[tokio::test]
async fn a_claim_that_is_wrong_is_refused_in_the_words_of_aws() {
    let world = World::new().await;
    let now = world.clock.now().as_second();
    let invalid = |message: &str| refused("InvalidIdentityToken", message);
    for (claim, value, expected) in [
        ("aud", json!("stranger"), invalid("Incorrect token audience")),
        ("aud", json!(["images", "other"]), invalid("Incorrect token audience")),
        ("aud", json!(null), invalid("Missing a required claim: aud")),
        // docs/aws.md §2.2: `azp` stands in for `aud`, at the provider and in the trust policy.
        ("azp", json!("stranger"), invalid("Incorrect token audience")),
        ("azp", json!("other"), refused("AccessDenied", NOT_AUTHORIZED)),
        ("sub", json!(null), invalid("Missing a required claim: sub")),
        ("sub", json!("short"), invalid(NOT_VALIDATED)),
        ("sub", json!("space:default:feed:charts"), refused("AccessDenied", NOT_AUTHORIZED)),
        ("iat", json!(null), invalid("Missing a required claim: iat")),
        ("iat", json!(now + 400), invalid(NOT_VALIDATED)),
        ("nbf", json!(now + 400), invalid(NOT_VALIDATED)),
        ("exp", json!(null), invalid("Missing a required claim: exp")),
        ("exp", json!(1.5), invalid(NOT_VALIDATED)),
        ("iss", json!(null), invalid("Missing a required claim: iss")),
        (
            "iss",
            json!("https://stranger.example"),
            invalid("No OpenIDConnect provider found in your account for https://stranger.example"),
        ),
    ] {
        let mut claims = world.claims();
        claims[claim] = value.clone();
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(claim);
        }
        let answer = world.assume(ROLE, &world.key.sign(&claims)).await.unwrap_err();
        assert_eq!(answer, expected, "{claim} {value}");
    }
}

#[tokio::test]
async fn an_audience_list_of_one_is_an_audience() {
    let world = World::new().await;
    world.assume(ROLE, &world.token_with("aud", json!(["images"]))).await.unwrap();
}

#[tokio::test]
async fn a_token_is_taken_for_five_minutes_after_it_expired() {
    let world = World::new().await;
    let token = world.key.sign(&world.claims());
    world.clock.advance(Duration::from_mins(10));
    world.assume(ROLE, &token).await.unwrap();
    world.clock.advance(Duration::from_secs(1));
    let Refused(code, message) = world.assume(ROLE, &token).await.unwrap_err();
    assert_eq!(code, "ExpiredTokenException");
    assert!(message.starts_with("Token expired: current date/time "), "{message}");
}

#[tokio::test]
async fn what_is_not_a_signed_token_is_refused() {
    let world = World::new().await;
    let claims = world.claims();
    let good = world.key.sign(&claims);
    let signed_as = |header| world.key.sign_as(&header, &claims);
    for token in [
        "not a token".to_owned(),
        "a.b.c".to_owned(),
        format!("{good}="),
        signed_as(json!({ "alg": "none", "kid": "first" })),
        signed_as(json!({ "alg": "HS256", "kid": "first" })),
        signed_as(json!({ "alg": "PS256", "kid": "first" })),
        signed_as(json!({ "alg": "EdDSA", "kid": "first" })),
        signed_as(json!({ "alg": "ES256", "kid": "first", "crit": ["exp"] })),
    ] {
        let Refused(code, message) = world.assume(ROLE, &token).await.unwrap_err();
        assert_eq!(code, "InvalidIdentityToken");
        assert!(message.starts_with("The ID Token provided is not a valid JWT."), "{message}");
    }
    let forged = Key::new("first").sign(&claims);
    assert_eq!(world.assume(ROLE, &forged).await.unwrap_err(), refused("InvalidIdentityToken", NOT_VALIDATED));
}

#[tokio::test]
async fn a_role_that_is_not_there_looks_like_one_that_does_not_trust() {
    let world = World::new().await;
    let token = world.key.sign(&world.claims());
    let unknown = world.assume("arn:aws:iam::123456789012:role/unknown", &token).await.unwrap_err();
    assert_eq!(unknown, refused("AccessDenied", NOT_AUTHORIZED));
}

#[tokio::test]
async fn another_account_or_partition_has_no_such_provider() {
    let world = World::new().await;
    let token = world.key.sign(&world.claims());
    for role in ["arn:aws:iam::210987654321:role/x", "arn:aws-cn:iam::123456789012:role/ci/feedpass-images"] {
        let Refused(code, message) = world.assume(role, &token).await.unwrap_err();
        assert_eq!(code, "InvalidIdentityToken", "{role}");
        assert!(message.starts_with("No OpenIDConnect provider found in your account for http://"), "{message}");
    }
}

#[tokio::test]
async fn tags_and_source_identity_need_rights_of_their_own() {
    let world = World::new().await;
    let tagged = world.token_with("https://aws.amazon.com/tags/principal_tags/Feed", "images");
    let sourced = world.token_with("https://aws.amazon.com/source_identity", "images");
    for token in [&tagged, &sourced] {
        assert_eq!(world.assume(ROLE, token).await.unwrap_err(), refused("AccessDenied", NOT_AUTHORIZED));
    }
    let trust = |condition: &str| {
        format!(
            r#"{{"Version": "2012-10-17", "Statement": {{"Effect": "Allow",
                "Principal": {{"Federated": "arn:aws:iam::123456789012:oidc-provider/ISSUER"}},
                "Action": ["sts:AssumeRoleWithWebIdentity", "sts:TagSession", "sts:SetSourceIdentity"],
                "Condition": {condition}}}}}"#
        )
    };
    world.set_policies(&trust(r#"{"StringEquals": {"aws:RequestTag/Feed": "images"}}"#), MAY_LOG_IN);
    world.assume(ROLE, &tagged).await.unwrap();
    world.assume(ROLE, &sourced).await.unwrap_err();
    world.set_policies(&trust(r#"{"StringEquals": {"sts:SourceIdentity": "images"}}"#), MAY_LOG_IN);
    world.assume(ROLE, &sourced).await.unwrap();
}

#[tokio::test]
async fn a_session_is_no_longer_than_its_role_allows() {
    let world = World::new().await;
    let call = world.sts().assume_role_with_web_identity().role_arn(ROLE).role_session_name("images");
    let call = call.web_identity_token(world.key.sign(&world.claims())).duration_seconds(3601);
    let message = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.";
    assert_eq!(Refused::of(&call.send().await.unwrap_err()), refused("ValidationError", message));
}

#[tokio::test]
async fn a_session_policy_is_read_and_bounded() {
    let world = World::new().await;
    let broad =
        format!(r#"{{"Statement": {{"Effect": "Allow", "Action": "*", "Resource": "*"}}{}}}"#, " ".repeat(2000));
    for (policy, code) in [
        ("{", "MalformedPolicyDocument"),
        (r#"{"Statement": {"Effect": "Allow", "Action": "*"}}"#, "MalformedPolicyDocument"),
        (broad.as_str(), "ValidationError"),
    ] {
        let call = world.sts().assume_role_with_web_identity().role_arn(ROLE).role_session_name("images");
        let call = call.web_identity_token(world.key.sign(&world.claims())).policy(policy);
        assert_eq!(Refused::of(&call.send().await.unwrap_err()).0, code, "{policy}");
    }
}

#[tokio::test]
async fn what_sts_does_not_know_is_an_invalid_action() {
    let world = World::new().await;
    let credentials = world.session().await;
    let config = world.sts().config().to_builder().credentials_provider(credentials).build();
    let error = aws_sdk_sts::Client::from_conf(config).get_session_token().send().await.unwrap_err();
    let message = "Could not find operation GetSessionToken for version 2011-06-15";
    assert_eq!(Refused::of(&error), refused("InvalidAction", message));
}

#[tokio::test]
async fn accounts_can_change_under_way() {
    let world = World::new().await;
    let token = world.key.sign(&world.claims());
    world.session().await;
    let other = role(&world.issuer, ROLE, "space:default:feed:other");
    world.sandbox.set_accounts(Accounts {
        providers: vec![provider(&world.issuer)],
        roles: vec![other],
        users: Vec::new(),
    });
    assert_eq!(world.assume(ROLE, &token).await.unwrap_err().0, "AccessDenied");
}
