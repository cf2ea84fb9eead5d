//! Step 5: a web identity token becomes a role session.

mod session_name;

use std::fmt;

use aws_sdk_sts::config::interceptors::InterceptorContext;
use aws_sdk_sts::config::retry::{ClassifyRetry, RetryAction};
use aws_sdk_sts::operation::RequestId as _;
use aws_sdk_sts::operation::assume_role_with_web_identity::AssumeRoleWithWebIdentityError;
use aws_sdk_sts::types::Credentials;
use aws_sdk_sts::{Client, Config};
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};

use super::connection::{behavior, no_stream_watch, retries, retry_partition, sdk_region};
use super::failure::{Failure, names_a_wrong_key};
use super::{Authority, AwsAnswer, AwsCredentials, Connection, Unavailable, permissions};
use crate::authz::{Permit, TokenPermit};
use crate::domain::{Kid, SecondHop, SessionDuration};
use crate::issuer::mint::WebIdentityToken;
use crate::telemetry::Upstream;

/// Asks STS for role sessions.
#[derive(Clone)]
pub struct Sts {
    connection: Connection,
}

/// The temporary credentials of an assumed role. Its secrets show in no `Debug`.
#[derive(Clone)]
pub struct RoleSession {
    /// What requests in its name are signed with.
    pub credentials: AwsCredentials,
    /// When STS gave it.
    pub obtained_at: Timestamp,
    /// When the session ends.
    pub expires_at: Timestamp,
    /// The key that signed the token that it was given for; none where none was.
    pub kid: Option<Kid>,
    /// What CloudTrail calls the session.
    pub session_name: String,
    /// The STS request's id.
    pub request_id: Option<String>,
}

impl fmt::Debug for RoleSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RoleSession {{ session_name: {}, expires_at: {}, .. }}", self.session_name, self.expires_at)
    }
}

/// Why there is no role session; each variant says whose move it is.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StsError {
    /// The operator's: the role's trust policy does not let the feed in, or there is no such role.
    #[error("STS refused the role: {0}")]
    RoleRefused(AwsAnswer),
    /// The operator's: the account has no OIDC provider for the issuer, the provider does not list
    /// the audience, or STS cannot fetch the issuer's keys.
    #[error("STS could not validate the token: {0}")]
    TokenRefused(AwsAnswer),
    /// The operator's: the token had expired when STS read it, so this machine's clock is wrong.
    #[error("STS found the token expired: {0}")]
    TokenExpired(AwsAnswer),
    /// The operator's: STS could not reach the issuer's documents. Often passes.
    #[error("STS could not reach the issuer: {0}")]
    IssuerUnreachable(AwsAnswer),
    /// The operator's: STS is not switched on in the region for the account.
    #[error("STS is not active in the region: {0}")]
    RegionDisabled(AwsAnswer),
    /// The operator's: a parameter is wrong, such as a session duration above the role's maximum.
    #[error("STS did not take the request: {0}")]
    RequestInvalid(AwsAnswer),
    /// The operator's: AWS does not know the access key, or its secret half is wrong.
    #[error("STS did not take the access key: {0}")]
    KeyRefused(AwsAnswer),
    /// The operator's: the session cannot be narrowed to so many repositories.
    #[error("the session policy is too large for STS: {0}")]
    PolicyTooLarge(String),
    /// Nobody's: too many requests.
    #[error("STS is throttling: {0}")]
    Throttled(AwsAnswer),
    /// Nobody's: STS gave no answer to go by.
    #[error("STS is not available")]
    Unavailable(#[source] Unavailable),
}

impl StsError {
    /// The stable code that callers, logs and metrics know it by.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::RoleRefused(_) => "role_refused",
            Self::TokenRefused(_) => "token_refused",
            Self::TokenExpired(_) => "token_expired",
            Self::IssuerUnreachable(_) => "issuer_unreachable",
            Self::RegionDisabled(_) => "sts_region_disabled",
            Self::RequestInvalid(_) => "sts_request_invalid",
            Self::KeyRefused(_) => "access_key_refused",
            Self::PolicyTooLarge(_) => "session_policy_too_large",
            Self::Throttled(_) => "sts_throttled",
            Self::Unavailable(_) => "sts_unavailable",
        }
    }

    /// Whether AWS said no, and did not merely fail.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        !matches!(self, Self::IssuerUnreachable(_) | Self::Throttled(_) | Self::Unavailable(_))
    }
}

impl Sts {
    /// Asks over `connection`.
    #[must_use]
    pub fn new(connection: Connection) -> Self {
        Self { connection }
    }

    /// Exchanges `token` for a session of the role of the feed's web identity, by `AssumeRoleWithWebIdentity`, unsigned,
    /// in the permit's region. The session is narrowed as the permit says, unless another role comes after it.
    ///
    /// Transient failures are tried again, three attempts in all.
    ///
    /// # Errors
    /// [`StsError`].
    pub async fn assume_role_with_web_identity(
        &self,
        permit: TokenPermit<'_>,
        token: &WebIdentityToken,
    ) -> Result<RoleSession, StsError> {
        let exchange = async {
            let (feed, identity) = (permit.feed(), permit.identity());
            let session_name = session_name::session_name(&feed.name, &token.jti);
            let policy = if feed.assume_role.is_none() { session_policy(permit.permit())? } else { None };
            let answer = self
                .client(permit.permit(), None)
                .assume_role_with_web_identity()
                .role_arn(identity.role.as_str())
                .role_session_name(&session_name)
                .web_identity_token(token.token.expose_secret())
                .duration_seconds(seconds(identity.session_duration))
                .set_policy(policy)
                .send()
                .await
                .map_err(|error| meaning(Failure::of(&error, error.request_id())))?;
            let request_id = answer.request_id().map(str::to_owned);
            self.session(answer.credentials, session_name, request_id, Some(&token.kid))
        };
        self.connection.timed(Upstream::Sts, exchange).await
    }

    /// Has the feed's second role assumed in the name of `first`, by `AssumeRole`, in the permit's region, narrowed as
    /// the permit says. `id` tells the session from others of the feed: the first token's, where there is one.
    ///
    /// # Errors
    /// [`StsError`].
    pub async fn assume_role(
        &self,
        permit: &Permit,
        hop: &SecondHop,
        first: &Authority,
        id: &str,
    ) -> Result<RoleSession, StsError> {
        let exchange = async {
            let session_name = session_name::session_name(&permit.feed().name, id);
            let answer = self
                .client(permit, Some(first))
                .assume_role()
                .role_arn(hop.role.as_str())
                .role_session_name(&session_name)
                .set_external_id(hop.external_id.as_ref().map(ToString::to_string))
                .duration_seconds(seconds(hop.session_duration))
                .set_policy(session_policy(permit)?)
                .send()
                .await
                .map_err(|error| meaning(Failure::of(&error, error.request_id())))?;
            let request_id = answer.request_id().map(str::to_owned);
            self.session(answer.credentials, session_name, request_id, first.kid())
        };
        self.connection.timed(Upstream::Sts, exchange).await
    }

    fn session(
        &self,
        credentials: Option<Credentials>,
        session_name: String,
        request_id: Option<String>,
        kid: Option<&Kid>,
    ) -> Result<RoleSession, StsError> {
        let unintelligible = |what| StsError::Unavailable(Unavailable::Unintelligible(what));
        let credentials = credentials.ok_or_else(|| unintelligible("it holds no credentials"))?;
        let expires_at = Timestamp::from_second(credentials.expiration.secs())
            .map_err(|_| unintelligible("the session's end is no time"))?;
        Ok(RoleSession {
            credentials: AwsCredentials {
                access_key_id: credentials.access_key_id,
                secret_access_key: SecretString::from(credentials.secret_access_key),
                session_token: Some(SecretString::from(credentials.session_token)),
            },
            obtained_at: self.connection.clock.now(),
            expires_at,
            kid: kid.cloned(),
            session_name,
            request_id,
        })
    }

    /// Unsigned without `signer`.
    fn client(&self, permit: &Permit, signer: Option<&Authority>) -> Client {
        let mut config = Config::builder()
            .behavior_version(behavior())
            .region(sdk_region(permit.region()))
            .http_client(self.connection.sts_http.clone())
            .timeout_config(self.connection.sts_timeouts())
            .retry_config(retries())
            .retry_classifier(KeyFetchRetry)
            .retry_partition(retry_partition(permit.feed()))
            .stalled_stream_protection(no_stream_watch())
            .time_source(self.connection.time_source());
        if let Some(signer) = signer {
            config = config.credentials_provider(signer.credentials().for_sdk());
        }
        config.set_endpoint_url(self.connection.endpoints.sts.clone());
        Client::from_conf(config.build())
    }
}

/// The longest session policy that STS takes, in characters.
const LONGEST_POLICY: usize = 2048;

fn session_policy(permit: &Permit) -> Result<Option<String>, StsError> {
    let Some(narrowing) = permit.narrowing() else { return Ok(None) };
    let policy = permissions::session_policy(permit.feed(), permit.region(), narrowing);
    if policy.len() > LONGEST_POLICY {
        return Err(StsError::PolicyTooLarge(format!("it has {} characters", policy.len())));
    }
    Ok(Some(policy))
}

/// At most 43 200, well inside the type.
fn seconds(duration: SessionDuration) -> i32 {
    i32::try_from(duration.as_secs()).unwrap_or(i32::MAX)
}

/// Gives what STS said its meaning, by its code alone: its words change without notice.
fn meaning(failure: Failure) -> StsError {
    let answer = match failure {
        Failure::Unavailable(unavailable) => return StsError::Unavailable(unavailable),
        Failure::Answer(answer) => answer,
    };
    match answer.code.as_deref() {
        Some("AccessDenied" | "AccessDeniedException") => StsError::RoleRefused(answer),
        Some(
            "InvalidIdentityToken" | "InvalidIdentityTokenException" | "IDPRejectedClaim" | "IDPRejectedClaimException",
        ) => StsError::TokenRefused(answer),
        Some("ExpiredToken" | "ExpiredTokenException") => StsError::TokenExpired(answer),
        Some(code) if names_a_wrong_key(code) => StsError::KeyRefused(answer),
        Some("IDPCommunicationError" | "IDPCommunicationErrorException") => StsError::IssuerUnreachable(answer),
        Some("RegionDisabledException" | "RegionDisabled") => StsError::RegionDisabled(answer),
        Some("PackedPolicyTooLarge" | "PackedPolicyTooLargeException") => StsError::PolicyTooLarge(answer.to_string()),
        Some(
            "Throttling" | "ThrottlingException" | "RequestLimitExceeded" | "TooManyRequestsException" | "SlowDown",
        ) => StsError::Throttled(answer),
        _ => StsError::RequestInvalid(answer),
    }
}

/// Tries again when STS could not validate a token.
///
/// The code also stands for "could not fetch the issuer's keys just now", which happens when many
/// ask at once; AWS's SDKs for Go and PHP retry it for that reason, the one for Rust does not. The
/// words that would tell the cases apart are no contract.
#[derive(Debug)]
struct KeyFetchRetry;

impl ClassifyRetry for KeyFetchRetry {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let refused = context
            .output_or_error()
            .and_then(Result::err)
            .and_then(|error| error.as_operation_error())
            .and_then(|error| error.downcast_ref::<AssumeRoleWithWebIdentityError>())
            .is_some_and(|error| error.meta().code() == Some("InvalidIdentityToken"));
        if refused { RetryAction::transient_error() } else { RetryAction::NoActionIndicated }
    }

    fn name(&self) -> &'static str {
        "an issuer's keys could not be fetched"
    }
}
