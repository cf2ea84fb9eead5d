//! The words for what AWS answered, or did not.

use axum::http::StatusCode;

use super::WhoseMove;
use crate::aws::AwsAnswer;
use crate::aws::ecr::EcrError;
use crate::aws::sts::StsError;
use crate::aws::trust_policy::provider_arn;
use crate::domain::{Feed, Identity, IssuerUrl, Region, RoleArn, SecondHop, SessionDuration, WebIdentity};

/// What a problem is made of: status, whose move, words, and AWS's answer where there is one.
pub(super) type Parts = (StatusCode, WhoseMove, String, Option<AwsAnswer>);

/// The account's side answered no: 502, the operator's.
fn operators(detail: String, answer: &AwsAnswer) -> Parts {
    (StatusCode::BAD_GATEWAY, WhoseMove::Operator, detail, Some(answer.clone()))
}

/// AWS is busy or away: 503, nobody's.
fn nobodys(detail: String, answer: Option<&AwsAnswer>) -> Parts {
    (StatusCode::SERVICE_UNAVAILABLE, WhoseMove::Nobody, detail, answer.cloned())
}

/// What is said when STS gave no session of the role of a web identity.
pub(super) fn sts_problem(
    feed: &Feed,
    identity: &WebIdentity,
    region: &Region,
    issuer: &IssuerUrl,
    error: &StsError,
) -> Parts {
    let name = &feed.name;
    let role = &identity.role;
    let (audience, subject) = (&identity.audience, identity.subject_of(name));
    match error {
        StsError::RoleRefused(answer) => operators(
            format!(
                "AWS would not let feed `{name}` assume {role}. The role must exist, and its trust policy must allow \
                 {} to {} where {key}:aud is `{audience}` and {key}:sub is `{subject}`",
                actions(identity),
                provider_arn(issuer, role),
                key = issuer.without_scheme(),
            ),
            answer,
        ),
        StsError::TokenRefused(answer) => operators(
            format!(
                "AWS could not validate the token of feed `{name}`. Account {} needs the OIDC provider {} with the \
                 audience `{audience}`, AWS must be able to fetch {issuer}/.well-known/openid-configuration from the \
                 internet within 5 s, and this machine's clock must be right",
                role.account(),
                provider_arn(issuer, role),
            ),
            answer,
        ),
        StsError::TokenExpired(answer) => operators(
            format!(
                "AWS found the token of feed `{name}` expired although it was just signed: this machine's clock is behind"
            ),
            answer,
        ),
        StsError::IssuerUnreachable(answer) => operators_later(
            format!(
                "AWS could not reach {issuer}/.well-known/openid-configuration or the JWKS that it names; both must answer from the internet within 5 s"
            ),
            answer,
        ),
        _ => any_sts_problem(feed, role, identity.session_duration, region, error),
    }
}

/// The actions that a trust policy has to allow: one right does not give the others.
fn actions(identity: &WebIdentity) -> String {
    let tags = (!identity.session_tags.is_empty()).then_some("sts:TagSession");
    let source = identity.source_identity.is_some().then_some("sts:SetSourceIdentity");
    let actions: Vec<_> = std::iter::once("sts:AssumeRoleWithWebIdentity").chain(tags).chain(source).collect();
    actions.join(" and ")
}

/// What is said when STS gave no session of the second role.
pub(super) fn second_hop_problem(feed: &Feed, hop: &SecondHop, region: &Region, error: &StsError) -> Parts {
    let (name, role) = (&feed.name, &hop.role);
    let first = match &feed.identity {
        Identity::WebIdentity(identity) => identity.role.to_string(),
        Identity::AccessKey(key) => format!("the user of access key {}", key.access_key_id),
        Identity::Ambient(_) => "feedpass's own identity".to_owned(),
    };
    match error {
        StsError::RoleRefused(answer) => {
            let external_id = hop.external_id.as_ref();
            let condition = external_id.map(|id| format!(" where sts:ExternalId is `{id}`")).unwrap_or_default();
            operators(
                format!(
                    "AWS would not let {first} assume {role} for feed `{name}`. The role must exist, its trust policy must \
                     allow sts:AssumeRole to {first}{condition}, and {first} must be allowed sts:AssumeRole on it"
                ),
                answer,
            )
        }
        StsError::TokenExpired(answer) => operators(
            format!("AWS found the credentials of {first} expired, by which feed `{name}` assumes {role}"),
            answer,
        ),
        _ => any_sts_problem(feed, role, hop.session_duration, region, error),
    }
}

/// What may be said of either.
fn any_sts_problem(feed: &Feed, role: &RoleArn, duration: SessionDuration, region: &Region, error: &StsError) -> Parts {
    let name = &feed.name;
    match error {
        StsError::KeyRefused(answer) => operators(key_refused(feed), answer),
        StsError::RegionDisabled(answer) => operators(
            format!(
                "STS is not active in {region} for account {}; activate it there, or give the feed another region",
                role.account()
            ),
            answer,
        ),
        StsError::PolicyTooLarge(why) => (
            StatusCode::BAD_GATEWAY,
            WhoseMove::Operator,
            format!(
                "the session of feed `{name}` cannot be narrowed to what the client's grants name, since that is more than \
                 STS takes ({why}); name fewer repositories, with `*` for those that begin alike"
            ),
            None,
        ),
        StsError::Throttled(answer) => {
            nobodys(format!("AWS STS in {region} is throttling; ask again later"), Some(answer))
        }
        StsError::Unavailable(reason) => {
            nobodys(format!("AWS STS in {region} is not available: {reason}; ask again later"), reason.answer())
        }
        StsError::RoleRefused(answer)
        | StsError::TokenRefused(answer)
        | StsError::TokenExpired(answer)
        | StsError::IssuerUnreachable(answer)
        | StsError::RequestInvalid(answer) => operators(
            format!(
                "AWS STS did not take the request of feed `{name}`: {answer}. A session of {} s must not exceed the role's maximum",
                duration.as_secs()
            ),
            answer,
        ),
    }
}

/// What is said of credentials that AWS does not know.
fn key_refused(feed: &Feed) -> String {
    let name = &feed.name;
    match &feed.identity {
        Identity::AccessKey(key) => format!(
            "AWS does not take access key {} of feed `{name}`: it was deleted or switched off, its secret half is another, or \
             this machine's clock is wrong",
            key.access_key_id
        ),
        Identity::WebIdentity(_) | Identity::Ambient(_) => format!(
            "AWS does not take the credentials that feed `{name}` goes by; are they of this partition, and is this machine's \
             clock right?"
        ),
    }
}

/// Often passes by itself, so 503; when it lasts, the operator's.
fn operators_later(detail: String, answer: &AwsAnswer) -> Parts {
    (StatusCode::SERVICE_UNAVAILABLE, WhoseMove::Operator, detail, Some(answer.clone()))
}

/// What is said when ECR gave no credentials.
pub(super) fn ecr_problem(feed: &Feed, region: &Region, error: &EcrError) -> Parts {
    let name = &feed.name;
    match error {
        EcrError::Denied(answer) => operators(
            match feed.role() {
                Some(role) => format!(
                    "AWS let feed `{name}` assume {role}, but the role may not ask for registry credentials: allow it ecr:GetAuthorizationToken on `*`"
                ),
                None => format!(
                    "the identity of feed `{name}` may not ask for registry credentials: allow it ecr:GetAuthorizationToken on `*`"
                ),
            },
            answer,
        ),
        EcrError::SessionRefused(answer) => operators(
            format!(
                "ECR did not take the role session that STS gave feed `{name}` a moment ago; most often this machine's clock is wrong"
            ),
            answer,
        ),
        EcrError::KeyRefused(answer) => operators(key_refused(feed), answer),
        EcrError::RequestInvalid(answer) => {
            operators(format!("ECR did not take the request of feed `{name}`: {answer}"), answer)
        }
        EcrError::OtherRegistry { answered, expected } => (
            StatusCode::BAD_GATEWAY,
            WhoseMove::Operator,
            format!(
                "ECR answered for the registry {answered}, and feed `{name}` is for {expected}; correct the feed's `registry` or `region`"
            ),
            None,
        ),
        EcrError::Throttled(answer) => nobodys(format!("ECR in {region} is throttling; ask again later"), Some(answer)),
        EcrError::Unavailable(reason) => {
            nobodys(format!("ECR in {region} is not available: {reason}; ask again later"), reason.answer())
        }
    }
}
