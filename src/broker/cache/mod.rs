//! Step 3: what was fetched is held, fetched once for all who want the same, and renewed ahead.
//!
//! Knows no AWS. Each key has an entry; a key that nothing is held for has at most one flight, which
//! runs in a task of its own, so that a caller who hangs up ends it for nobody. From its first
//! flight on a caretaker looks after an entry: it renews what is held while it is in use, and
//! removes the entry when it is not.

mod caretaker;
mod entry;

use std::collections::HashMap;
use std::future::Future;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use jiff::Timestamp;
use tokio::sync::oneshot;
use tracing::Instrument as _;

use self::entry::{Entry, Found};
use crate::clock::Clock;
use crate::entropy::Entropy;
use crate::telemetry::CacheLookup;

/// A value with a life.
pub trait Held: Send + Sync + 'static {
    /// When it was given.
    fn obtained_at(&self) -> Timestamp;
    /// When it ends. One that ends before it began is handed on and never held.
    fn expires_at(&self) -> Timestamp;
    /// Until when callers are content with it: after that they have a newer one fetched, and this one only if that
    /// fails.
    fn good_until(&self) -> Timestamp {
        self.expires_at()
    }
}

/// A failure that is remembered for a while.
pub trait Remembered: Clone + From<FlightLost> + Send + Sync + 'static {
    /// How long the next callers are told of it without asking again.
    fn remember_for(&self) -> Duration;
    /// Whether renewing is over for good, and what is held is to be dropped.
    fn ends_renewal(&self) -> bool;
}

/// Why something is fetched.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Occasion {
    /// Someone waits for it.
    Asked,
    /// What is held is renewed; nobody waits.
    Renewal,
}

/// The task of a flight ended without a result.
#[derive(Clone, Copy, Debug)]
pub struct FlightLost;

/// Holds values by key. Cloning shares it.
pub struct Cache<K, V, E> {
    inner: Arc<Inner<K, V, E>>,
}

impl<K, V, E> Clone for Cache<K, V, E> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

struct Inner<K, V, E> {
    entries: Mutex<HashMap<K, Entry<V, E>>>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

type Landed<V, E> = Result<Arc<V>, E>;
/// A flight as those see it who wait for it.
type Flight<V, E> = Shared<BoxFuture<'static, Landed<V, E>>>;
/// Starts a fetch; kept for renewals.
type Fetch<V, E> = Arc<dyn Fn(Occasion) -> BoxFuture<'static, Result<V, E>> + Send + Sync>;

impl<K, V, E> Cache<K, V, E>
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
    V: Held,
    E: Remembered,
{
    /// An empty cache.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self { inner: Arc::new(Inner { entries: Mutex::default(), clock, entropy }) }
    }

    /// Gives what is held for `key`, or has it fetched: once for all who ask at the same time.
    ///
    /// `fetch` is called again for each renewal; of several callers' it is the one that started the
    /// last flight. It must give the same for the same key, whoever asked.
    pub async fn get_or_fetch<F, R>(&self, key: K, fetch: F) -> (CacheLookup, Landed<V, E>)
    where
        F: Fn(Occasion) -> R + Send + Sync + 'static,
        R: Future<Output = Result<V, E>> + Send + 'static,
    {
        let (lookup, flight) = match self.inner.find_or_start(&key, fetch) {
            Found::Held(value) => return (CacheLookup::Hit, Ok(value)),
            Found::Refused(error) => return (CacheLookup::RefusalRemembered, Err(error)),
            Found::Flight(flight) => (CacheLookup::Joined, flight),
            Found::Nothing(flight) => (CacheLookup::Miss, flight),
        };
        match flight.await {
            Ok(value) => (lookup, Ok(value)),
            // What is held may not have ended, and is better than nothing.
            Err(error) => (lookup, self.inner.still_live(&key).ok_or(error)),
        }
    }
}

impl<K, V, E> Cache<K, V, E> {
    /// Forgets every failure, so that whoever mended its cause is not told of it again.
    pub fn forget_failures(&self) {
        self.inner.entries().values_mut().for_each(Entry::forget_failure);
    }

    /// Forgets what is held and `void` says may not be given any more.
    pub fn forget_where(&self, void: impl Fn(&V) -> bool) {
        self.inner.entries().values_mut().for_each(|entry| entry.forget_if(&void));
    }

    /// Forgets all that is held too; the next callers have it fetched.
    pub fn forget_all(&self) {
        // The entries stay: each has a caretaker, and a flight under way lands in the one it began for.
        self.inner.entries().values_mut().for_each(Entry::forget);
    }
}

impl<K, V, E> Inner<K, V, E> {
    fn entries(&self) -> MutexGuard<'_, HashMap<K, Entry<V, E>>> {
        // Nothing panics while holding the lock in a state that others may not see.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K, V, E> Inner<K, V, E>
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
    V: Held,
    E: Remembered,
{
    fn find_or_start<F, R>(self: &Arc<Self>, key: &K, fetch: F) -> Found<V, E>
    where
        F: Fn(Occasion) -> R + Send + Sync + 'static,
        R: Future<Output = Result<V, E>> + Send + 'static,
    {
        let now = self.clock.now();
        let mut entries = self.entries();
        if let Some(entry) = entries.get_mut(key) {
            entry.touch(now);
            if let Some(found) = entry.find(now) {
                return found;
            }
            entry.fetch = Arc::new(move |occasion| fetch(occasion).boxed());
            let flight = self.start(key.clone(), &entry.fetch, Occasion::Asked);
            entry.flight = Some(flight.clone());
            return Found::Nothing(flight);
        }
        let fetch: Fetch<V, E> = Arc::new(move |occasion| fetch(occasion).boxed());
        let flight = self.start(key.clone(), &fetch, Occasion::Asked);
        entries.insert(key.clone(), Entry::in_flight(fetch, flight.clone(), now));
        tokio::spawn(Arc::clone(self).look_after(key.clone(), flight.clone()));
        Found::Nothing(flight)
    }

    /// Starts a flight in a task of its own. The caller holds the lock and notes the flight.
    fn start(self: &Arc<Self>, key: K, fetch: &Fetch<V, E>, occasion: Occasion) -> Flight<V, E> {
        let (landed, landing) = oneshot::channel();
        let (inner, fetch) = (Arc::clone(self), Arc::clone(fetch));
        let flight = async move {
            // A fetch that panics must not leave the key in flight for ever.
            let result = match std::panic::AssertUnwindSafe(async move { fetch(occasion).await }).catch_unwind().await {
                Ok(result) => result.map(Arc::new),
                Err(_) => Err(E::from(FlightLost)),
            };
            inner.land(&key, &result);
            // Nobody may be waiting any more.
            let _ = landed.send(result);
        };
        // The log then ties what a flight says to the request that started it.
        tokio::spawn(flight.in_current_span());
        async move { landing.await.unwrap_or_else(|_| Err(E::from(FlightLost))) }.boxed().shared()
    }

    /// What is held for `key` and has not ended, unless a failure dropped it.
    fn still_live(&self, key: &K) -> Option<Arc<V>> {
        let now = self.clock.now();
        self.entries().get(key).and_then(|entry| entry.live(now).cloned())
    }

    fn land(&self, key: &K, result: &Landed<V, E>) {
        let now = self.clock.now();
        if let Some(entry) = self.entries().get_mut(key) {
            entry.land(result, now);
        }
    }
}

#[cfg(test)]
mod tests;
