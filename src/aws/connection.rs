//! What both services share: one pool of connections, time limits, retries, the clock.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_sts::config::retry::RetryConfig;
use aws_sdk_sts::config::timeout::TimeoutConfig;
use aws_sdk_sts::config::{BehaviorVersion, Region as SdkRegion, SharedHttpClient, StalledStreamProtectionConfig};
use aws_smithy_async::time::{SharedTimeSource, TimeSource};
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime::client::retries::{RetryPartition, TokenBucket};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;

use crate::clock::Clock;
use crate::domain::{Feed, Region};
use crate::telemetry::{Metrics, Upstream};

/// Where AWS is asked: its own endpoints in the feed's region and partition, unless told otherwise.
#[derive(Clone, Debug, Default)]
pub struct Endpoints {
    /// The base URL of STS; none means AWS's own.
    pub sts: Option<String>,
    /// The base URL of ECR; none means AWS's own.
    pub ecr: Option<String>,
}

/// How long AWS may take.
#[derive(Clone, Copy, Debug)]
pub struct TimeLimits {
    /// To connect: 3 s by default.
    pub connect: Duration,
    /// One attempt at STS, longer than the 5 s it gives itself to fetch our keys: 8 s by default.
    pub sts_attempt: Duration,
    /// All attempts at STS together: 20 s by default.
    pub sts_operation: Duration,
    /// One attempt at ECR: 5 s by default.
    pub ecr_attempt: Duration,
    /// All attempts at ECR together: 12 s by default.
    pub ecr_operation: Duration,
}

impl Default for TimeLimits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(3),
            sts_attempt: Duration::from_secs(8),
            sts_operation: Duration::from_secs(20),
            ecr_attempt: Duration::from_secs(5),
            ecr_operation: Duration::from_secs(12),
        }
    }
}

/// The way to AWS, shared by all feeds. Cloning shares it.
#[derive(Clone)]
pub struct Connection {
    pub(super) endpoints: Endpoints,
    pub(super) clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
    /// The pool that STS is asked over.
    pub(super) sts_http: SharedHttpClient,
    /// The pool that ECR is asked over: the same, unless only one of the two is AWS's own.
    pub(super) ecr_http: SharedHttpClient,
    /// The pool for what is asked of AWS itself.
    aws_http: SharedHttpClient,
    limits: TimeLimits,
}

impl Connection {
    /// Opens nothing yet: connections are made when they are needed and kept for all feeds.
    #[must_use]
    pub fn new(endpoints: Endpoints, limits: TimeLimits, clock: Arc<dyn Clock>, metrics: Arc<Metrics>) -> Self {
        // What the configuration names is reached directly; AWS itself by the proxy that the environment names.
        let direct = http_client(ProxyConfig::disabled());
        let proxied = http_client(ProxyConfig::from_env());
        let way_to = |endpoint: &Option<String>| if endpoint.is_some() { direct.clone() } else { proxied.clone() };
        let (sts_http, ecr_http) = (way_to(&endpoints.sts), way_to(&endpoints.ecr));
        Self { endpoints, clock, metrics, sts_http, ecr_http, aws_http: proxied, limits }
    }

    /// The pool for AWS's own addresses, whatever the configuration names for STS and ECR.
    pub(super) fn aws_http(&self) -> SharedHttpClient {
        self.aws_http.clone()
    }

    pub(super) fn sts_timeouts(&self) -> TimeoutConfig {
        self.timeouts(self.limits.sts_attempt, self.limits.sts_operation)
    }

    pub(super) fn ecr_timeouts(&self) -> TimeoutConfig {
        self.timeouts(self.limits.ecr_attempt, self.limits.ecr_operation)
    }

    fn timeouts(&self, attempt: Duration, operation: Duration) -> TimeoutConfig {
        TimeoutConfig::builder()
            .connect_timeout(self.limits.connect)
            .operation_attempt_timeout(attempt)
            .operation_timeout(operation)
            .build()
    }

    /// Waits for a call and notes how long it took.
    pub(super) async fn timed<T, E>(
        &self,
        service: Upstream,
        call: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let started = self.clock.now();
        let result = call.await;
        let took = self.clock.now().duration_since(started).unsigned_abs();
        self.metrics.upstream(service, result.is_ok(), took);
        result
    }

    /// The clock as the SDK asks for it: request signatures carry the time.
    pub(super) fn time_source(&self) -> SharedTimeSource {
        SharedTimeSource::new(SdkTime(Arc::clone(&self.clock)))
    }
}

/// A pool of connections for all feeds, by way of `proxy`, which the SDK's ready-made client would ignore
/// (`HTTPS_PROXY`, `NO_PROXY`).
fn http_client(proxy: ProxyConfig) -> SharedHttpClient {
    Builder::new().build_with_connector_fn(move |settings, components| {
        let mut connector = Connector::builder().proxy_config(proxy.clone());
        connector.set_connector_settings(settings.cloned());
        connector.set_sleep_impl(components.and_then(RuntimeComponents::sleep_impl));
        connector.tls_provider(Provider::Rustls(CryptoMode::Ring)).build()
    })
}

/// Three attempts, the second after about 0.1 s: callers are waiting.
pub(super) fn retries() -> RetryConfig {
    RetryConfig::standard()
        .with_max_attempts(3)
        .with_initial_backoff(Duration::from_millis(100))
        .with_max_backoff(Duration::from_secs(2))
}

/// A retry allowance of the call's own: three attempts, and callers share one flight, so that is bound
/// enough. The SDK's default allowance is one per service and region, which a single failing feed would
/// use up for all others.
pub(super) fn retry_partition(feed: &Feed) -> RetryPartition {
    RetryPartition::custom(feed.name.to_string()).token_bucket(TokenBucket::default()).build()
}

pub(super) fn behavior() -> BehaviorVersion {
    BehaviorVersion::v2026_01_12()
}

pub(super) fn sdk_region(region: &Region) -> SdkRegion {
    SdkRegion::new(region.to_string())
}

/// The answers are a few kilobytes, bounded by the attempt's time limit.
pub(super) fn no_stream_watch() -> StalledStreamProtectionConfig {
    StalledStreamProtectionConfig::disabled()
}

struct SdkTime(Arc<dyn Clock>);

impl TimeSource for SdkTime {
    fn now(&self) -> std::time::SystemTime {
        let since_epoch = Duration::try_from(self.0.now().as_duration()).unwrap_or_default();
        std::time::SystemTime::UNIX_EPOCH + since_epoch
    }
}

impl fmt::Debug for SdkTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SdkTime")
    }
}
