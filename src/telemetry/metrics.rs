//! The figures at `/metrics`.

use std::fmt::Error;
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use crate::domain::SpaceFeed;

/// All of feedpass's metrics, in a registry of their own: two instances in a process do not mix.
pub struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    request_seconds: Family<RouteLabels, Histogram>,
    mints: Family<MintLabels, Counter>,
    exchanges: Family<ExchangeLabels, Counter>,
    lookups: Family<LookupLabels, Counter>,
    flights: Gauge,
    upstream_seconds: Family<UpstreamLabels, Histogram>,
    reloads: Family<ReloadLabels, Counter>,
    limited: Family<LimitLabels, Counter>,
    keys: KeyGauges,
}

/// The figures of the signing keys.
#[derive(Default)]
struct KeyGauges {
    active_age: Gauge,
    next_change: Gauge,
    live: Family<KidLabels, Gauge>,
    held: Gauge,
    troubles: Gauge,
}

/// How the signing keys stand.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct KeyFigures {
    /// How long the active key has signed, in seconds.
    pub active_age: i64,
    /// How many seconds it is to the next step that is planned; none when none is.
    pub next_change: Option<i64>,
    /// How many live tokens each published key has signed.
    pub live: Vec<(String, u64)>,
    /// Whether a key is due to sign and held back by contrary evidence.
    pub held: bool,
    /// How much is wrong with the stored keys.
    pub troubles: u64,
}

/// How an exchange with AWS ended.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum ExchangeOutcome {
    /// Credentials came back.
    Ok,
    /// It failed; the problem code says how.
    Failed(&'static str),
}

/// What a look into the cache found.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum CacheLookup {
    /// Credentials that were held.
    Hit,
    /// A flight under way, which was joined.
    Joined,
    /// Nothing: a flight was started.
    Miss,
    /// A refusal that is remembered.
    RefusalRemembered,
}

/// Who is asked beyond feedpass.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Upstream {
    /// AWS STS.
    Sts,
    /// AWS ECR.
    Ecr,
}

/// What a request was refused for, that asked too much.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Limit {
    /// Its client asks too often.
    ClientRate,
    /// Its client has too many requests under way.
    ClientConcurrency,
    /// Its address asks too often.
    AddressRate,
    /// Its address has too many requests under way.
    AddressConcurrency,
    /// Too many credentials of its address were refused.
    FailedAttempts,
}

macro_rules! label_value {
    ($name:ident { $($variant:pat => $word:expr),+ $(,)? }) => {
        impl EncodeLabelValue for $name {
            fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), Error> {
                let word: &str = match self { $($variant => $word),+ };
                EncodeLabelValue::encode(&word, encoder)
            }
        }
    };
}

label_value!(ExchangeOutcome { Self::Ok => "ok", Self::Failed(code) => code });
label_value!(CacheLookup {
    Self::Hit => "hit",
    Self::Joined => "joined",
    Self::Miss => "miss",
    Self::RefusalRemembered => "refusal_remembered",
});
label_value!(Upstream { Self::Sts => "sts", Self::Ecr => "ecr" });
label_value!(Limit {
    Self::ClientRate => "client_rate",
    Self::ClientConcurrency => "client_concurrency",
    Self::AddressRate => "address_rate",
    Self::AddressConcurrency => "address_concurrency",
    Self::FailedAttempts => "failed_attempts",
});

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct RequestLabels {
    method: String,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct RouteLabels {
    route: String,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct MintLabels {
    outcome: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct ExchangeLabels {
    feed: String,
    outcome: ExchangeOutcome,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct LookupLabels {
    outcome: CacheLookup,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct UpstreamLabels {
    service: Upstream,
    outcome: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct ReloadLabels {
    outcome: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct LimitLabels {
    limit: Limit,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct KidLabels {
    kid: String,
}

fn ok_or_failed(ok: bool) -> &'static str {
    if ok { "ok" } else { "failed" }
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("feedpass"),
            requests: Family::default(),
            // 0.1 ms to 3.3 s.
            request_seconds: Family::new_with_constructor(|| Histogram::new(exponential_buckets(0.0001, 4.0, 9))),
            mints: Family::default(),
            exchanges: Family::default(),
            lookups: Family::default(),
            flights: Gauge::default(),
            // 5 ms to 41 s.
            upstream_seconds: Family::new_with_constructor(|| Histogram::new(exponential_buckets(0.005, 2.0, 14))),
            reloads: Family::default(),
            limited: Family::default(),
            keys: KeyGauges::default(),
        };
        let registry = &mut metrics.registry;
        registry.register("http_requests", "HTTP requests answered", metrics.requests.clone());
        registry.register("http_request_seconds", "Time from request to answer", metrics.request_seconds.clone());
        registry.register("mints", "Web identity tokens signed", metrics.mints.clone());
        registry.register("exchanges", "Exchanges with AWS, by feed and outcome", metrics.exchanges.clone());
        registry.register("cache_lookups", "Looks into the cache of credentials", metrics.lookups.clone());
        registry.register("flights", "Exchanges under way", metrics.flights.clone());
        registry.register("upstream_seconds", "Time AWS took to answer", metrics.upstream_seconds.clone());
        registry.register("config_reloads", "Configuration changes picked up", metrics.reloads.clone());
        registry.register("limited", "Requests refused for asking too much", metrics.limited.clone());
        let keys = &metrics.keys;
        registry.register("key_active_age_seconds", "How long the active key has signed", keys.active_age.clone());
        let next = "Time to the next planned step of a signing key; -1 while none is planned";
        registry.register("key_next_change_seconds", next, keys.next_change.clone());
        registry.register("key_live_tokens", "Tokens that may still be accepted, by the key", keys.live.clone());
        let held = "1 while a key is due to sign and verifiers were seen not to take it";
        registry.register("key_promotion_held", held, keys.held.clone());
        registry.register("key_troubles", "What is wrong with the stored signing keys", keys.troubles.clone());
        metrics
    }
}

impl Metrics {
    /// Counts one HTTP request; `route` is the matched pattern, never the path as sent.
    pub fn request(&self, method: &str, route: &str, status: u16, took: Duration) {
        let labels = RequestLabels { method: method.to_owned(), route: route.to_owned(), status };
        self.requests.get_or_create(&labels).inc();
        self.request_seconds.get_or_create(&RouteLabels { route: route.to_owned() }).observe(took.as_secs_f64());
    }

    /// Counts one signature.
    pub fn mint(&self, ok: bool) {
        self.mints.get_or_create(&MintLabels { outcome: ok_or_failed(ok) }).inc();
    }

    /// Counts one exchange of a feed.
    pub fn exchange(&self, feed: &SpaceFeed, outcome: ExchangeOutcome) {
        self.exchanges.get_or_create(&ExchangeLabels { feed: feed.to_string(), outcome }).inc();
    }

    /// Counts one look into the cache.
    pub fn cache_lookup(&self, outcome: CacheLookup) {
        self.lookups.get_or_create(&LookupLabels { outcome }).inc();
    }

    /// Notes that an exchange begins; it ends when what is returned is dropped.
    #[must_use]
    pub fn flight(&self) -> FlightGuard {
        self.flights.inc();
        FlightGuard(self.flights.clone())
    }

    /// Notes how long AWS took.
    pub fn upstream(&self, service: Upstream, ok: bool, took: Duration) {
        let labels = UpstreamLabels { service, outcome: ok_or_failed(ok) };
        self.upstream_seconds.get_or_create(&labels).observe(took.as_secs_f64());
    }

    /// Counts one changed configuration file.
    pub fn config_reload(&self, ok: bool) {
        self.reloads.get_or_create(&ReloadLabels { outcome: ok_or_failed(ok) }).inc();
    }

    /// Counts one request that asked too much.
    pub fn limited(&self, limit: Limit) {
        self.limited.get_or_create(&LimitLabels { limit }).inc();
    }

    /// Says how the signing keys stand.
    pub fn keys(&self, figures: &KeyFigures) {
        let KeyFigures { active_age, next_change, live, held, troubles } = figures;
        let gauge = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        self.keys.active_age.set(*active_age);
        self.keys.next_change.set(next_change.unwrap_or(-1));
        self.keys.held.set(i64::from(*held));
        self.keys.troubles.set(gauge(*troubles));
        // Those that are not published any more are not told of any more.
        self.keys.live.clear();
        for (kid, tokens) in live {
            self.keys.live.get_or_create(&KidLabels { kid: kid.clone() }).set(gauge(*tokens));
        }
    }

    /// All figures in the `OpenMetrics` text format.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail; the format's writer only passes such failures on.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

/// An exchange under way.
pub struct FlightGuard(Gauge);

impl Drop for FlightGuard {
    fn drop(&mut self) {
        self.0.dec();
    }
}
