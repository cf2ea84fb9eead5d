//! What time it is, and waiting: the only place that asks the machine for either.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use tokio::sync::oneshot;

/// Tells the time and waits.
pub trait Clock: Send + Sync {
    /// The wall-clock time.
    fn now(&self) -> Timestamp;

    /// Waits until `length` of this clock has gone by.
    fn sleep(&self, length: Duration) -> BoxFuture<'static, ()>;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that may")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    #[expect(clippy::disallowed_methods, reason = "this is the one place that may")]
    fn sleep(&self, length: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(length))
    }
}

/// A clock that moves only when told to, for tests and rehearsals. Clones share the time.
#[derive(Clone, Debug)]
pub struct ManualClock {
    hands: Arc<Mutex<Hands>>,
}

#[derive(Debug)]
struct Hands {
    now: Timestamp,
    /// Who waits, by when they wake; the counter keeps equal times apart.
    sleepers: BTreeMap<(Timestamp, u64), oneshot::Sender<()>>,
    next: u64,
}

impl ManualClock {
    /// A clock that stands at `now`.
    #[must_use]
    pub fn at(now: Timestamp) -> Self {
        Self { hands: Arc::new(Mutex::new(Hands { now, sleepers: BTreeMap::new(), next: 0 })) }
    }

    /// Moves the clock on and wakes every sleeper whose time has come.
    pub fn advance(&self, length: Duration) {
        let mut hands = self.hands.lock().unwrap_or_else(PoisonError::into_inner);
        hands.now = later(hands.now, length);
        let now = hands.now;
        let still_asleep = hands.sleepers.split_off(&(now, u64::MAX));
        for (_, sleeper) in std::mem::replace(&mut hands.sleepers, still_asleep) {
            // A sleeper that has gone away needs no waking.
            let _ = sleeper.send(());
        }
    }

    /// How many are waiting on this clock.
    #[must_use]
    pub fn sleepers(&self) -> usize {
        self.hands.lock().unwrap_or_else(PoisonError::into_inner).sleepers.values().filter(|s| !s.is_closed()).count()
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.hands.lock().unwrap_or_else(PoisonError::into_inner).now
    }

    fn sleep(&self, length: Duration) -> BoxFuture<'static, ()> {
        let mut hands = self.hands.lock().unwrap_or_else(PoisonError::into_inner);
        let (wake, woken) = oneshot::channel();
        let key = (later(hands.now, length), hands.next);
        hands.next += 1;
        if length.is_zero() {
            let _ = wake.send(());
        } else {
            hands.sleepers.insert(key, wake);
        }
        // A clock that is gone wakes no one, and nobody can tell.
        Box::pin(async move {
            if woken.await.is_err() {
                std::future::pending::<()>().await;
            }
        })
    }
}

/// `time` and `length` later, or the last time there is.
#[must_use]
pub fn later(time: Timestamp, length: Duration) -> Timestamp {
    time.checked_add(length).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn advancing_wakes_those_whose_time_has_come() {
        let clock = ManualClock::at(Timestamp::UNIX_EPOCH);
        let short = tokio::spawn(clock.sleep(Duration::from_secs(5)));
        let long = clock.sleep(Duration::from_mins(1));
        clock.advance(Duration::from_secs(5));
        short.await.unwrap();
        assert_eq!(clock.sleepers(), 1);
        clock.advance(Duration::from_secs(55));
        long.await;
        assert_eq!(clock.now().as_second(), 60);
    }
}
