//! Step 6: a role session, or a key of the feed's own, becomes registry credentials.

use std::fmt;

use aws_sdk_ecr::operation::RequestId as _;
use aws_sdk_ecr::types::AuthorizationData;
use aws_sdk_ecr::{Client, Config};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use jiff::Timestamp;
use secrecy::SecretString;
use zeroize::Zeroizing;

use super::connection::{behavior, no_stream_watch, retries, retry_partition, sdk_region};
use super::failure::{Failure, names_a_wrong_key};
use super::{Authority, AwsAnswer, Connection, Unavailable};
use crate::authz::Permit;
use crate::domain::{Kid, RegistryHost};
use crate::telemetry::Upstream;

/// Asks ECR for registry credentials.
#[derive(Clone)]
pub struct Ecr {
    connection: Connection,
}

/// What docker needs to pull from and push to a registry. The password shows in no `Debug`.
///
/// AWS makes it last 12 hours and can neither shorten nor revoke it.
#[derive(Clone)]
pub struct RegistryCredentials {
    /// The host that AWS names for the feed's account.
    pub registry: RegistryHost,
    /// The user, always `AWS`.
    pub username: String,
    /// The password, about 2 kB.
    pub password: SecretString,
    /// When AWS gave them.
    pub obtained_at: Timestamp,
    /// When they end, as AWS says.
    pub expires_at: Timestamp,
    /// The key that signed the token that the role session was given for; none where none was.
    pub kid: Option<Kid>,
    /// What CloudTrail calls the role session that they were obtained with; none where it was none.
    pub session_name: Option<String>,
    /// The ECR request's id.
    pub request_id: Option<String>,
}

impl RegistryCredentials {
    /// From when on asking again gives newer ones: half of their life, in whole seconds.
    #[must_use]
    pub fn refresh_after(&self) -> Timestamp {
        let (obtained, ends) = (self.obtained_at.as_second(), self.expires_at.as_second());
        Timestamp::from_second(obtained + (ends - obtained).max(0) / 2).unwrap_or(self.expires_at)
    }
}

impl fmt::Debug for RegistryCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RegistryCredentials {{ registry: {}, expires_at: {}, .. }}", self.registry, self.expires_at)
    }
}

/// Why there are no registry credentials; each variant says whose move it is.
#[derive(Clone, Debug, thiserror::Error)]
pub enum EcrError {
    /// The operator's: the role lacks `ecr:GetAuthorizationToken` on `*`.
    #[error("ECR denied it: {0}")]
    Denied(AwsAnswer),
    /// The operator's: ECR does not take the session, which STS gave a moment ago; most often this
    /// machine's clock is wrong, since request signatures carry the time.
    #[error("ECR did not take the role session: {0}")]
    SessionRefused(AwsAnswer),
    /// The operator's: AWS does not know the access key, or its secret half is wrong; or this machine's clock is.
    #[error("ECR did not take the access key: {0}")]
    KeyRefused(AwsAnswer),
    /// The operator's: a parameter is wrong, such as the registry's account.
    #[error("ECR did not take the request: {0}")]
    RequestInvalid(AwsAnswer),
    /// The operator's: ECR answered for another registry than the feed's.
    #[error("ECR answered for the registry {answered}, and the feed's is {expected}")]
    OtherRegistry {
        /// The host that it named.
        answered: RegistryHost,
        /// The host of the feed's account and region.
        expected: RegistryHost,
    },
    /// Nobody's: too many requests.
    #[error("ECR is throttling: {0}")]
    Throttled(AwsAnswer),
    /// Nobody's: ECR gave no answer to go by.
    #[error("ECR is not available")]
    Unavailable(#[source] Unavailable),
}

impl EcrError {
    /// The stable code that callers, logs and metrics know it by.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Denied(_) => "ecr_denied",
            Self::SessionRefused(_) => "ecr_session_refused",
            Self::KeyRefused(_) => "access_key_refused",
            Self::RequestInvalid(_) => "ecr_request_invalid",
            Self::OtherRegistry { .. } => "ecr_other_registry",
            Self::Throttled(_) => "ecr_throttled",
            Self::Unavailable(_) => "ecr_unavailable",
        }
    }

    /// Whether AWS said no, and did not merely fail.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Denied(_) | Self::SessionRefused(_) | Self::KeyRefused(_) | Self::RequestInvalid(_))
    }
}

impl Ecr {
    /// Asks over `connection`.
    #[must_use]
    pub fn new(connection: Connection) -> Self {
        Self { connection }
    }

    /// Exchanges `authority` for credentials of the feed's registry in the permit's region, by `GetAuthorizationToken`.
    ///
    /// # Errors
    /// [`EcrError`].
    pub async fn registry_credentials(
        &self,
        permit: &Permit,
        authority: &Authority,
    ) -> Result<RegistryCredentials, EcrError> {
        self.connection.timed(Upstream::Ecr, self.call(permit, authority)).await
    }

    async fn call(&self, permit: &Permit, authority: &Authority) -> Result<RegistryCredentials, EcrError> {
        let feed = permit.feed();
        let mut request = self.client(permit, authority).get_authorization_token();
        // AWS deprecates the parameter, so it is sent only where the default would be another registry, or may be.
        if feed.role().is_none_or(|role| feed.registry != *role.account()) {
            #[expect(deprecated, reason = "the only way to be told the host of another account's registry")]
            {
                request = request.registry_ids(feed.registry.as_str());
            }
        }
        let answer =
            request.send().await.map_err(|error| meaning(Failure::of(&error, error.request_id()), authority))?;
        let request_id = answer.request_id().map(str::to_owned);
        let read = answer
            .authorization_data
            .unwrap_or_default()
            .into_iter()
            .map(|data| read_authorization(data, self.connection.clock.now(), authority, request_id.clone()))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|what| EcrError::Unavailable(Unavailable::Unintelligible(what)))?;
        of_the_feed(permit, read)
    }

    fn client(&self, permit: &Permit, authority: &Authority) -> Client {
        let mut config = Config::builder()
            .behavior_version(behavior())
            .region(sdk_region(permit.region()))
            .credentials_provider(authority.credentials().for_sdk())
            .http_client(self.connection.ecr_http.clone())
            .timeout_config(self.connection.ecr_timeouts())
            .retry_config(retries())
            .retry_partition(retry_partition(permit.feed()))
            .stalled_stream_protection(no_stream_watch())
            .time_source(self.connection.time_source());
        config.set_endpoint_url(self.connection.endpoints.ecr.clone());
        Client::from_conf(config.build())
    }
}

/// Takes the password out of AWS's answer, whose own `Debug` would print it.
fn read_authorization(
    data: AuthorizationData,
    obtained_at: Timestamp,
    authority: &Authority,
    request_id: Option<String>,
) -> Result<RegistryCredentials, &'static str> {
    let token = Zeroizing::new(data.authorization_token.ok_or("it holds no authorization token")?);
    let pair = BASE64_STANDARD.decode(token.as_bytes()).map_err(|_| "the authorization token is not base64")?;
    let pair = Zeroizing::new(String::from_utf8(pair).map_err(|_| "the authorization token is not text")?);
    let (username, password) = pair.split_once(':').ok_or("the authorization token has no colon")?;
    let registry = data.proxy_endpoint.ok_or("it names no registry")?;
    let expires_at = data.expires_at.ok_or("it names no end")?;
    Ok(RegistryCredentials {
        registry: registry.parse().map_err(|_| "the registry it names is no host")?,
        username: username.to_owned(),
        password: SecretString::from(password),
        obtained_at,
        expires_at: Timestamp::from_second(expires_at.secs()).map_err(|_| "its end is no time")?,
        kid: authority.kid().cloned(),
        session_name: authority.session_name().map(str::to_owned),
        request_id,
    })
}

/// Picks the answer for the feed's registry. A host of another form than ECR's own is an
/// emulator's, and taken at its word.
fn of_the_feed(permit: &Permit, answers: Vec<RegistryCredentials>) -> Result<RegistryCredentials, EcrError> {
    let (feed, region) = (permit.feed(), permit.region());
    let fits = |host: &RegistryHost| {
        host.ecr().is_none_or(|(account, answered)| account == feed.registry && answered == *region)
    };
    let first = answers.first().map(|credentials| credentials.registry.clone());
    let first = first.ok_or(EcrError::Unavailable(Unavailable::Unintelligible("it holds no authorization data")))?;
    answers
        .into_iter()
        .find(|credentials| fits(&credentials.registry))
        .ok_or_else(|| EcrError::OtherRegistry { answered: first, expected: feed.registry_host(region) })
}

/// Gives what ECR said its meaning, by its code alone.
fn meaning(failure: Failure, authority: &Authority) -> EcrError {
    let answer = match failure {
        Failure::Unavailable(unavailable) => return EcrError::Unavailable(unavailable),
        Failure::Answer(answer) => answer,
    };
    match answer.code.as_deref() {
        Some("AccessDeniedException" | "AccessDenied") => EcrError::Denied(answer),
        Some(code) if names_a_wrong_key(code) || ["ExpiredTokenException", "ExpiredToken"].contains(&code) => {
            match authority {
                Authority::Session(_) => EcrError::SessionRefused(answer),
                Authority::Own(_) => EcrError::KeyRefused(answer),
            }
        }
        Some(
            "ThrottlingException" | "Throttling" | "RequestLimitExceeded" | "TooManyRequestsException" | "SlowDown",
        ) => EcrError::Throttled(answer),
        _ => EcrError::RequestInvalid(answer),
    }
}
