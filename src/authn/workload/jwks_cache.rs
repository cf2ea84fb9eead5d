//! Issuers' keys, held so that a token rarely waits for its issuer and never for another.
//!
//! Each issuer has an entry and at most one flight, which runs in a task of its own: a caller who hangs up ends it
//! for nobody. No lock is held while anything is waited for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use jiff::Timestamp;
use tracing::Instrument as _;

use super::discovery::{Held, KeysError, fetch_keys};
use super::fetch::Fetch;
use crate::authn::jws::{KeySet, KeySetError, NoKey, VerificationKey};
use crate::clock::{Clock, later};
use crate::domain::{JwsAlgorithm, KeySource, Slug, TrustedIssuer, WorkloadIssuerUrl};

/// How long an issuer is not asked again for a key that it did not have: tokens with made-up `kid`s must not make
/// feedpass ask without end.
const COOL_DOWN: Duration = Duration::from_secs(30);
/// How long a failure is told without asking again.
const FAILURE: Duration = Duration::from_secs(5);
/// How long after a failure nobody waits for the next attempt who can do with the keys that are held.
const DOWN: Duration = Duration::from_mins(1);
/// How long keys are used at most whose issuer does not answer.
const STALE: Duration = Duration::from_hours(24);

/// Why there is no key for a token.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum KeyError {
    /// The issuer publishes none that is meant. The caller's to mend, or the issuer's.
    #[error(transparent)]
    None(NoKey),
    /// The issuer's keys are not to be had.
    #[error("the keys of {issuer} are not to be had")]
    Unavailable {
        /// Whose.
        issuer: WorkloadIssuerUrl,
        /// Why.
        #[source]
        source: KeysError,
    },
}

/// The keys of all trusted issuers. Cloning shares them.
#[derive(Clone)]
pub struct JwksCache {
    fetch: Arc<dyn Fetch>,
    clock: Arc<dyn Clock>,
    entries: Arc<Mutex<HashMap<Slug, Arc<Entry>>>>,
}

struct Entry {
    issuer: WorkloadIssuerUrl,
    source: KeySource,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    held: Option<Held>,
    /// The failure of the last attempt, and when.
    failed: Option<(Timestamp, KeysError)>,
    /// When the last attempt began.
    asked_at: Option<Timestamp>,
    flight: Option<Flight>,
}

/// A fetch as those see it who wait for it.
type Flight = Shared<BoxFuture<'static, Result<Arc<KeySet>, KeysError>>>;

/// What to do for a token.
enum Step {
    Answer(Result<VerificationKey, Trouble>),
    /// Answer, and ask the issuer meanwhile.
    AnswerAndAsk(VerificationKey),
    Wait,
}

enum Trouble {
    NoKey(NoKey),
    Keys(KeysError),
}

impl JwksCache {
    /// Holds nothing yet.
    #[must_use]
    pub fn new(fetch: Arc<dyn Fetch>, clock: Arc<dyn Clock>) -> Self {
        Self { fetch, clock, entries: Arc::default() }
    }

    /// The key of `issuer` that a token means which names `kid` and is signed with `algorithm`.
    ///
    /// Keys are fetched at most every `max-age` (1 minute to 24 hours, 10 minutes unless said), and for an unknown
    /// `kid`, every 30 s at most. Those held are used for up to 24 h while the issuer does not answer.
    ///
    /// # Errors
    /// [`KeyError`], within 5 s.
    pub async fn key(
        &self,
        issuer: &TrustedIssuer,
        kid: Option<&str>,
        algorithm: JwsAlgorithm,
    ) -> Result<VerificationKey, KeyError> {
        let choose = |keys: &KeySet| keys.choose(kid, algorithm).cloned();
        let entry = self.entry(issuer);
        let flight = {
            let mut state = entry.state();
            match state.step(self.clock.now(), choose) {
                Step::Answer(answer) => return answer.map_err(|trouble| trouble.of(issuer)),
                Step::AnswerAndAsk(key) => {
                    // Nobody waits for it.
                    drop(self.flight(&entry, &mut state));
                    return Ok(key);
                }
                Step::Wait => self.flight(&entry, &mut state),
            }
        };
        let fetched = flight.await;
        let answer = match fetched {
            Ok(keys) => choose(&keys).map_err(Trouble::NoKey),
            Err(error) => entry.state().despite(error, self.clock.now(), choose),
        };
        answer.map_err(|trouble| trouble.of(issuer))
    }

    /// The issuer's entry; a new one where the issuer is new or its keys now come from elsewhere.
    fn entry(&self, issuer: &TrustedIssuer) -> Arc<Entry> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |entry: &&Arc<Entry>| entry.issuer == *issuer.issuer() && entry.source == *issuer.keys();
        if let Some(entry) = entries.get(issuer.name()).filter(same) {
            return Arc::clone(entry);
        }
        let state = match issuer.keys() {
            KeySource::Pinned(set) => State::pinned(KeySet::pinned(set)),
            KeySource::Discovery | KeySource::JwksUrl(_) => State::default(),
        };
        let (url, source) = (issuer.issuer().clone(), issuer.keys().clone());
        let entry = Arc::new(Entry { issuer: url, source, state: Mutex::new(state) });
        entries.insert(issuer.name().clone(), Arc::clone(&entry));
        entry
    }

    /// The flight under way, or a new one.
    fn flight(&self, entry: &Arc<Entry>, state: &mut State) -> Flight {
        // One whose task panicked has landed and is still here.
        if let Some(flight) = state.flight.as_ref().filter(|flight| flight.peek().is_none()) {
            return flight.clone();
        }
        let (fetch, clock, entry) = (Arc::clone(&self.fetch), Arc::clone(&self.clock), Arc::clone(entry));
        let task = async move {
            let fetched = fetch_keys(&entry.issuer, &entry.source, &*fetch, &*clock).await;
            entry.land(fetched, clock.now())
        };
        let task = tokio::spawn(task.in_current_span());
        let flight = async move { task.await.unwrap_or(Err(KeysError::Lost)) }.boxed().shared();
        state.asked_at = Some(self.clock.now());
        state.flight = Some(flight.clone());
        flight
    }
}

impl Entry {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn land(&self, fetched: Result<Held, KeysError>, now: Timestamp) -> Result<Arc<KeySet>, KeysError> {
        let mut state = self.state();
        state.flight = None;
        match fetched {
            Ok(held) => {
                let keys = Arc::clone(&held.keys);
                state.held = Some(held);
                state.failed = None;
                Ok(keys)
            }
            Err(error) => {
                tracing::warn!(issuer = %self.issuer, "the keys of {} cannot be fetched: {error}", self.issuer);
                state.failed = Some((now, error.clone()));
                Err(error)
            }
        }
    }
}

impl State {
    /// Keys for ever, or a failure for ever.
    fn pinned(keys: Result<KeySet, KeySetError>) -> Self {
        match keys {
            Ok(keys) => {
                let held = Held { keys: Arc::new(keys), fetched_at: Timestamp::MAX, fresh_until: Timestamp::MAX };
                Self { held: Some(held), asked_at: Some(Timestamp::MAX), ..Self::default() }
            }
            Err(error) => Self { failed: Some((Timestamp::MAX, KeysError::Set(error))), ..Self::default() },
        }
    }

    /// What to do for a token whose key `choose` finds.
    fn step(&self, now: Timestamp, choose: impl Fn(&KeySet) -> Result<VerificationKey, NoKey>) -> Step {
        let failure = |length| self.failed.as_ref().filter(|(at, _)| now < later(*at, length)).map(|(_, error)| error);
        let Some(held) = self.usable(now) else {
            return failure(FAILURE).map_or(Step::Wait, |error| Step::Answer(Err(Trouble::Keys(error.clone()))));
        };
        let chosen = choose(&held.keys);
        if now < held.fresh_until {
            return match chosen {
                Err(no_key) if no_key.may_be_new() => self.step_for_unknown(now, no_key),
                answer => Step::Answer(answer.map_err(Trouble::NoKey)),
            };
        }
        match (chosen, failure(FAILURE), failure(DOWN)) {
            (Ok(key), Some(_), _) => Step::Answer(Ok(key)),
            (Ok(key), None, Some(_)) => Step::AnswerAndAsk(key),
            (Err(_), Some(error), _) => Step::Answer(Err(Trouble::Keys(error.clone()))),
            (Ok(_) | Err(_), None, _) => Step::Wait,
        }
    }

    fn step_for_unknown(&self, now: Timestamp, no_key: NoKey) -> Step {
        let cooling = self.asked_at.is_some_and(|asked_at| now < later(asked_at, COOL_DOWN));
        match &self.failed {
            // One under way may bring it.
            _ if !cooling || self.flight.is_some() => Step::Wait,
            // The issuer could not say.
            Some((_, error)) => Step::Answer(Err(Trouble::Keys(error.clone()))),
            None => Step::Answer(Err(Trouble::NoKey(no_key))),
        }
    }

    /// After a fetch that failed: what is held may still do.
    fn despite(
        &self,
        error: KeysError,
        now: Timestamp,
        choose: impl Fn(&KeySet) -> Result<VerificationKey, NoKey>,
    ) -> Result<VerificationKey, Trouble> {
        self.usable(now).and_then(|held| choose(&held.keys).ok()).ok_or(Trouble::Keys(error))
    }

    fn usable(&self, now: Timestamp) -> Option<&Held> {
        self.held.as_ref().filter(|held| now < later(held.fetched_at, STALE).max(held.fresh_until))
    }
}

impl Trouble {
    fn of(self, issuer: &TrustedIssuer) -> KeyError {
        match self {
            Self::NoKey(no_key) => KeyError::None(no_key),
            Self::Keys(source) => KeyError::Unavailable { issuer: issuer.issuer().clone(), source },
        }
    }
}
