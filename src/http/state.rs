//! What handlers can ask for: a few doors, each a cheap clone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::FromRef;

use super::limits::Limiter;
use super::origin::TrustedProxies;
use crate::admin::{Admin, SigningKeys};
use crate::audit::Audit;
use crate::authn::Authn;
use crate::broker::Broker;
use crate::catalog::Catalog;
use crate::clock::Clock;
use crate::entropy::Entropy;
use crate::issuer::metadata::Metadata;
use crate::telemetry::Metrics;

/// The doors.
#[derive(Clone)]
pub struct HttpState {
    /// Who is calling?
    pub authn: Authn,
    /// Credentials and tokens.
    pub broker: Broker,
    /// What there is to see of feeds.
    pub catalog: Catalog,
    /// What operators may do.
    pub admin: Admin,
    /// The signing keys, for operators.
    pub keys: SigningKeys,
    /// The audit trail.
    pub audit: Audit,
    /// The documents that AWS reads.
    pub metadata: Arc<Metadata>,
    /// How much may be asked.
    pub limiter: Limiter,
    /// Whose word on a client's address is taken.
    pub proxies: TrustedProxies,
    /// Whether requests should come here.
    pub readiness: Readiness,
    /// The figures.
    pub metrics: Arc<Metrics>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness, for request ids.
    pub entropy: Arc<dyn Entropy>,
}

/// Whether requests should come here: from start-up until shutdown begins.
#[derive(Clone, Debug, Default)]
pub struct Readiness(Arc<Signs>);

#[derive(Debug, Default)]
struct Signs {
    serving: AtomicBool,
    store_silent: AtomicBool,
}

impl Readiness {
    /// Says whether they should.
    pub fn set(&self, ready: bool) {
        self.0.serving.store(ready, Ordering::Release);
    }

    /// Notes whether the store answers; nothing is given out while it does not. True if that is news.
    #[must_use]
    pub fn store_answers(&self, answers: bool) -> bool {
        self.0.store_silent.swap(!answers, Ordering::AcqRel) == answers
    }

    /// Whether they should.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.0.serving.load(Ordering::Acquire) && !self.0.store_silent.load(Ordering::Acquire)
    }
}

macro_rules! doors {
    ($($field:ident: $door:ty),+ $(,)?) => {
        $(impl FromRef<HttpState> for $door {
            fn from_ref(state: &HttpState) -> Self {
                state.$field.clone()
            }
        })+
    };
}

doors! {
    authn: Authn,
    broker: Broker,
    catalog: Catalog,
    admin: Admin,
    keys: SigningKeys,
    audit: Audit,
    metadata: Arc<Metadata>,
    limiter: Limiter,
    readiness: Readiness,
    metrics: Arc<Metrics>,
    clock: Arc<dyn Clock>,
}
