//! Limits on requests: by address before anyone is asked who they are, by client afterwards.

mod failures;
mod keyed;
mod rates;
mod steady;
mod under_way;

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;

use self::failures::Failures;
use self::rates::Rates;
use self::steady::Steady;
use self::under_way::{Answering, Place, Places, UnderWay};
use super::problem::Problem;
use crate::clock::Clock;
use crate::domain::{Allowance, ClientId, FailedAttempts, Limits, Origin, Rate};
use crate::telemetry::{Limit, Metrics};

/// How long to wait for a place among the requests at once. Nobody knows when one will be free.
const UNTIL_A_PLACE: Duration = Duration::from_secs(1);

/// Counts requests and refuses those beyond the limits. Clones share the counts.
#[derive(Clone)]
pub struct Limiter(Arc<Counts>);

struct Counts {
    in_force: ArcSwap<InForce>,
    under_way: Arc<UnderWay>,
    failures: Failures,
    clock: Steady,
    metrics: Arc<Metrics>,
}

/// The limits that count now, with what was counted since they do.
struct InForce {
    limits: Limits,
    client_rates: Option<Arc<Rates>>,
    address_rates: Option<Arc<Rates>>,
}

/// Whom a limit is for.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) enum Whom {
    Client(ClientId),
    /// An IPv4 address, or the first of an IPv6 network of 64 bits: whoever has one of its addresses has all.
    Address(IpAddr),
}

/// A limit that was reached.
#[derive(Debug)]
pub(super) struct Limited {
    pub(super) whom: Whom,
    pub(super) what: Reached,
    pub(super) retry_after: Duration,
}

/// Which limit was reached.
#[derive(Debug)]
pub(super) enum Reached {
    Rate(Rate),
    Concurrency(u32),
    FailedAttempts(FailedAttempts),
}

impl Limiter {
    /// Holds callers to `limits`, by `clock`.
    #[must_use]
    pub fn new(limits: Limits, clock: Arc<dyn Clock>, metrics: Arc<Metrics>) -> Self {
        let clock = Steady::new(clock);
        let in_force = ArcSwap::from_pointee(InForce::new(limits, &clock));
        Self(Arc::new(Counts { in_force, under_way: Arc::default(), failures: Failures::default(), clock, metrics }))
    }

    /// Holds callers to `limits` from the next request on. What was counted still counts, but for a rate
    /// that changes: everyone begins anew with that one.
    pub fn set(&self, limits: Limits) {
        self.0.in_force.rcu(|in_force| in_force.changed_to(limits, &self.0.clock));
    }

    /// Counts a request of `address`, and gives the places that it takes.
    fn admit_address(&self, address: IpAddr) -> Result<Places, Limited> {
        let in_force = self.0.in_force.load();
        let whom = Whom::at(address);
        let most = in_force.limits.address;
        let place = self.0.admit(&whom, most, in_force.address_rates.as_deref())?;
        Ok(Places::of_address(place))
    }

    /// Counts a request of `client`, which has a place among `places` until it is answered.
    pub(super) fn admit_client(&self, client: &ClientId, places: Option<&Places>) -> Result<(), Limited> {
        let in_force = self.0.in_force.load();
        let whom = Whom::Client(client.clone());
        let place = self.0.admit(&whom, in_force.limits.client, in_force.client_rates.as_deref())?;
        if let (Some(places), Some(place)) = (places, place) {
            places.add(place);
        }
        Ok(())
    }

    /// Counts a refusal of what `address` proved who it is with.
    pub(super) fn refused(&self, address: IpAddr) -> Result<(), Limited> {
        let Some(limit) = self.0.in_force.load().limits.failed_attempts else { return Ok(()) };
        let whom = Whom::at(address);
        let Some(retry_after) = self.0.failures.add(&whom, limit, self.0.clock.now()) else { return Ok(()) };
        self.0.metrics.limited(Limit::FailedAttempts);
        Err(Limited { whom, what: Reached::FailedAttempts(limit), retry_after })
    }
}

impl Counts {
    /// Counts a request of `whom`, and gives its place among those at once, where that is limited.
    fn admit(&self, whom: &Whom, allowance: Allowance, rates: Option<&Rates>) -> Result<Option<Place>, Limited> {
        let limited = |limit, what, retry_after| {
            self.metrics.limited(limit);
            Limited { whom: whom.clone(), what, retry_after }
        };
        let (rate, concurrency) = match whom {
            Whom::Client(_) => (Limit::ClientRate, Limit::ClientConcurrency),
            Whom::Address(_) => (Limit::AddressRate, Limit::AddressConcurrency),
        };
        if let (Some(rates), Some(most)) = (rates, allowance.rate) {
            rates.check(whom).map_err(|wait| limited(rate, Reached::Rate(most), wait))?;
        }
        let Some(most) = allowance.concurrency.map(u32::from) else { return Ok(None) };
        let place = self.under_way.enter(whom, most);
        place.map(Some).ok_or_else(|| limited(concurrency, Reached::Concurrency(most), UNTIL_A_PLACE))
    }
}

impl InForce {
    fn new(limits: Limits, clock: &Steady) -> Self {
        let rates = |of: Allowance| of.rate.map(|rate| Arc::new(Rates::new(rate, clock.clone())));
        Self { client_rates: rates(limits.client), address_rates: rates(limits.address), limits }
    }

    /// `limits` in place of these; rates that stay as they are keep what they counted.
    fn changed_to(&self, limits: Limits, clock: &Steady) -> Self {
        let mut new = Self::new(limits, clock);
        if limits.client.rate == self.limits.client.rate {
            new.client_rates.clone_from(&self.client_rates);
        }
        if limits.address.rate == self.limits.address.rate {
            new.address_rates.clone_from(&self.address_rates);
        }
        new
    }
}

impl Whom {
    fn at(address: IpAddr) -> Self {
        Self::Address(match address {
            IpAddr::V4(_) => address,
            IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64)).into(),
        })
    }
}

impl fmt::Display for Whom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client(client) => write!(f, "client {client}"),
            Self::Address(IpAddr::V4(address)) => write!(f, "address {address}"),
            Self::Address(IpAddr::V6(network)) => write!(f, "network {network}/64"),
        }
    }
}

/// Holds a request to what its address may. The places that it takes, and those that [`Limiter::admit_client`]
/// adds, are free again once the answer is sent, or when its caller goes away before.
pub(super) async fn by_address(
    State(limiter): State<Limiter>,
    origin: Origin,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let places = limiter.admit_address(origin.address)?;
    request.extensions_mut().insert(places.clone());
    let response = next.run(request).await;
    Ok(response.map(|body| Body::new(Answering::new(body, places))))
}

fn lock<T>(counts: &Mutex<T>) -> MutexGuard<'_, T> {
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}
