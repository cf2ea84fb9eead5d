//! Step 5: a web identity token becomes a role session.

mod session_name;

use std::fmt;

use aws_sdk_sts::config::interceptors::InterceptorContext;
use aws_sdk_sts::config::retry::{ClassifyRetry, RetryAction};
use aws_sdk_sts::operation::RequestId as _;
use aws_sdk_sts::operation::assume_role_with_web_identity::AssumeRoleWithWebIdentityError;
use aws_sdk_sts::{Client, Config};
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};

use super::connection::{behavior, no_stream_watch, retries, retry_partition, sdk_region};
use super::failure::Failure;
use super::{AwsAnswer, Connection, Unavailable};
use crate::domain::{Feed, Kid};
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
    /// The access key's id.
    pub access_key_id: String,
    /// The secret key.
    pub secret_access_key: SecretString,
    /// The session token.
    pub session_token: SecretString,
    /// When STS gave it.
    pub obtained_at: Timestamp,
    /// When the session ends.
    pub expires_at: Timestamp,
    /// The key that signed the token that it was given for.
    pub kid: Kid,
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

    /// Exchanges `token` for a session of the feed's role, by `AssumeRoleWithWebIdentity`, unsigned,
    /// in the feed's region and partition.
    ///
    /// Transient failures are tried again, three attempts in all.
    ///
    /// # Errors
    /// [`StsError`].
    pub async fn assume_role(&self, feed: &Feed, token: &WebIdentityToken) -> Result<RoleSession, StsError> {
        self.connection.timed(Upstream::Sts, self.call(feed, token)).await
    }

    async fn call(&self, feed: &Feed, token: &WebIdentityToken) -> Result<RoleSession, StsError> {
        let identity = &feed.web_identity;
        let session_name = session_name::session_name(&feed.name, &token.jti);
        // At most 43 200, well inside the type.
        let duration = i32::try_from(identity.session_duration.as_secs()).unwrap_or(i32::MAX);
        let answer = Client::from_conf(self.config(feed))
            .assume_role_with_web_identity()
            .role_arn(identity.role.as_str())
            .role_session_name(&session_name)
            .web_identity_token(token.token.expose_secret())
            .duration_seconds(duration)
            .send()
            .await
            .map_err(|error| meaning(Failure::of(&error, error.request_id())))?;
        let request_id = answer.request_id().map(str::to_owned);
        let unintelligible = |what| StsError::Unavailable(Unavailable::Unintelligible(what));
        let credentials = answer.credentials.ok_or_else(|| unintelligible("it holds no credentials"))?;
        let expires_at = Timestamp::from_second(credentials.expiration.secs())
            .map_err(|_| unintelligible("the session's end is no time"))?;
        Ok(RoleSession {
            access_key_id: credentials.access_key_id,
            secret_access_key: SecretString::from(credentials.secret_access_key),
            session_token: SecretString::from(credentials.session_token),
            obtained_at: self.connection.clock.now(),
            expires_at,
            kid: token.kid.clone(),
            session_name,
            request_id,
        })
    }

    fn config(&self, feed: &Feed) -> Config {
        let mut config = Config::builder()
            .behavior_version(behavior())
            .region(sdk_region(&feed.region))
            .http_client(self.connection.sts_http.clone())
            .timeout_config(self.connection.sts_timeouts())
            .retry_config(retries())
            .retry_classifier(KeyFetchRetry)
            .retry_partition(retry_partition(feed))
            .stalled_stream_protection(no_stream_watch())
            .time_source(self.connection.time_source());
        config.set_endpoint_url(self.connection.endpoints.sts.clone());
        config.build()
    }
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
        Some("IDPCommunicationError" | "IDPCommunicationErrorException") => StsError::IssuerUnreachable(answer),
        Some("RegionDisabledException" | "RegionDisabled") => StsError::RegionDisabled(answer),
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
