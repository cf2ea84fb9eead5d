//! The task that looks after one entry: renews what is held while it is in use, then removes it.

use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;

use super::{Flight, Held, Inner, Landed, Occasion, Remembered};
use crate::clock::later;

/// What the caretaker does next.
enum Next<V, E> {
    /// Waits for a flight that is under way.
    Await(Flight<V, E>),
    /// Looks again later.
    Sleep(Duration),
    /// Looks again later, or when someone asks for it.
    Rest(Duration, Arc<Notify>),
    /// The entry is gone.
    Done,
}

/// How long after a failed renewal the next is tried: 5 s, doubling up to 5 minutes.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_mins(5);

impl<K, V, E> Inner<K, V, E>
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
    V: Held,
    E: Remembered,
{
    pub(super) async fn look_after(self: Arc<Self>, key: K, first: Flight<V, E>) {
        let mut renewal = Renewal::default();
        renewal.note(&first.await, self.clock.now());
        loop {
            match self.next(&key, &mut renewal) {
                Next::Await(flight) => renewal.note(&flight.await, self.clock.now()),
                Next::Sleep(length) => self.clock.sleep(length).await,
                Next::Rest(length, used_again) => tokio::select! {
                    () = self.clock.sleep(length) => {}
                    () = used_again.notified() => {}
                },
                Next::Done => return,
            }
        }
    }

    fn next(self: &Arc<Self>, key: &K, renewal: &mut Renewal) -> Next<V, E> {
        let now = self.clock.now();
        let mut entries = self.entries();
        let Some(entry) = entries.get_mut(key) else { return Next::Done };
        if let Some(flight) = &entry.flight {
            return Next::Await(flight.clone());
        }
        let Some(told_until) = entry.told_until(now) else {
            entries.remove(key);
            return Next::Done;
        };
        let Some(value) = entry.live(now) else {
            return Next::Sleep(until(told_until, now));
        };
        let due = renewal.due(&**value, || self.fraction());
        if due > now {
            return Next::Sleep(until(due, now));
        }
        let in_use = now.duration_since(entry.last_used) < life(&**value);
        if !in_use {
            entry.resting = true;
            return Next::Rest(until(told_until, now), Arc::clone(&entry.used_again));
        }
        let flight = self.start(key.clone(), &entry.fetch, Occasion::Renewal);
        entry.flight = Some(flight.clone());
        Next::Await(flight)
    }

    /// A random number of 0 to 1; the middle when the machine gives none.
    fn fraction(&self) -> f64 {
        let mut byte = [128];
        // Jitter only spreads load: without it renewals still happen.
        let _ = self.entropy.fill(&mut byte);
        f64::from(byte[0]) / 255.0
    }
}

/// When the value that is held is renewed, and how often that has failed.
#[derive(Default)]
struct Renewal {
    failures: u32,
    last_failure: Option<Timestamp>,
    /// For the value obtained then: when it is due. Drawn once, so that looking again moves nothing.
    due: Option<(Timestamp, Timestamp)>,
}

impl Renewal {
    fn note<V, E: Remembered>(&mut self, landed: &Landed<V, E>, now: Timestamp) {
        self.due = None;
        if landed.is_err() {
            self.failures += 1;
            self.last_failure = Some(now);
        } else {
            self.failures = 0;
        }
    }

    /// When to renew `value`: at 40 to 50 % of its life, spread so that what was fetched together is
    /// not renewed together, and never later than half, so that half is always left. After a
    /// failure: a doubling pause later, spread likewise.
    fn due(&mut self, value: &impl Held, fraction: impl Fn() -> f64) -> Timestamp {
        let obtained_at = value.obtained_at();
        if let Some((of, due)) = self.due
            && of == obtained_at
        {
            return due;
        }
        // A value that is newer than the last failure was fetched for a caller meanwhile.
        let failure = self.last_failure.filter(|failure| self.failures > 0 && *failure >= obtained_at);
        let due = if let Some(failure) = failure {
            let pause = FIRST_PAUSE.saturating_mul(1 << (self.failures - 1).min(16)).min(LONGEST_PAUSE);
            later(failure, pause.mul_f64(1.0 - 0.2 * fraction()))
        } else {
            let life = Duration::try_from(life(value)).unwrap_or_default();
            later(obtained_at, life.mul_f64(0.5 - 0.1 * fraction()))
        };
        self.due = Some((obtained_at, due));
        due
    }
}

fn life(value: &impl Held) -> SignedDuration {
    value.expires_at().duration_since(value.obtained_at())
}

fn until(time: Timestamp, now: Timestamp) -> Duration {
    // At least a millisecond: a rounding must not make this a busy loop.
    Duration::try_from(time.duration_since(now)).unwrap_or_default().max(Duration::from_millis(1))
}
