//! The words for what AWS answered, or did not.

use axum::http::StatusCode;

use super::WhoseMove;
use crate::aws::AwsAnswer;
use crate::aws::ecr::EcrError;
use crate::aws::sts::StsError;
use crate::aws::trust_policy::provider_arn;
use crate::domain::{Feed, IssuerUrl};

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

/// What is said when STS gave no role session.
pub(super) fn sts_problem(feed: &Feed, issuer: &IssuerUrl, error: &StsError) -> Parts {
    let name = &feed.name;
    let role = &feed.web_identity.role;
    let (audience, subject) = (&feed.web_identity.audience, feed.subject());
    match error {
        StsError::RoleRefused(answer) => operators(
            format!(
                "AWS would not let feed `{name}` assume {role}. The role must exist, and its trust policy must allow \
                 sts:AssumeRoleWithWebIdentity to {} where {key}:aud is `{audience}` and {key}:sub is `{subject}`",
                provider_arn(issuer, feed),
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
                provider_arn(issuer, feed),
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
        StsError::RegionDisabled(answer) => operators(
            format!(
                "STS is not active in {} for account {}; activate it there, or give the feed another region",
                feed.region,
                role.account()
            ),
            answer,
        ),
        StsError::RequestInvalid(answer) => operators(
            format!(
                "AWS STS did not take the request of feed `{name}`: {answer}. A session of {} s must not exceed the role's maximum",
                feed.web_identity.session_duration.as_secs()
            ),
            answer,
        ),
        StsError::Throttled(answer) => {
            nobodys(format!("AWS STS in {} is throttling; ask again later", feed.region), Some(answer))
        }
        StsError::Unavailable(reason) => {
            nobodys(format!("AWS STS in {} is not available: {reason}; ask again later", feed.region), reason.answer())
        }
    }
}

/// Often passes by itself, so 503; when it lasts, the operator's.
fn operators_later(detail: String, answer: &AwsAnswer) -> Parts {
    (StatusCode::SERVICE_UNAVAILABLE, WhoseMove::Operator, detail, Some(answer.clone()))
}

/// What is said when ECR gave no credentials.
pub(super) fn ecr_problem(feed: &Feed, error: &EcrError) -> Parts {
    let name = &feed.name;
    let role = &feed.web_identity.role;
    match error {
        EcrError::Denied(answer) => operators(
            format!(
                "AWS let feed `{name}` assume {role}, but the role may not ask for registry credentials: allow it ecr:GetAuthorizationToken on `*`"
            ),
            answer,
        ),
        EcrError::SessionRefused(answer) => operators(
            format!(
                "ECR did not take the role session that STS gave feed `{name}` a moment ago; most often this machine's clock is wrong"
            ),
            answer,
        ),
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
        EcrError::Throttled(answer) => {
            nobodys(format!("ECR in {} is throttling; ask again later", feed.region), Some(answer))
        }
        EcrError::Unavailable(reason) => {
            nobodys(format!("ECR in {} is not available: {reason}; ask again later", feed.region), reason.answer())
        }
    }
}
