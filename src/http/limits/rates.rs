//! How often: governor's algorithm (GCRA, a leaky bucket) on states of ours.

use std::sync::Mutex;
use std::time::Duration;

use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::StateStore;
use governor::state::keyed::ShrinkableKeyedStateStore;
use governor::{Quota, RateLimiter};

use super::keyed::{Keyed, Swept};
use super::steady::Steady;
use super::{Whom, lock};
use crate::domain::Rate;

/// Who asks how often.
pub(super) struct Rates {
    limiter: RateLimiter<Whom, Arrivals, Steady, NoOpMiddleware<Duration>>,
    clock: Steady,
    swept: Mutex<Swept>,
}

/// When a request of each would come that keeps to the rate. Our own store, since governor's have no bound.
#[derive(Default)]
struct Arrivals(Mutex<Keyed<Option<Nanos>>>);

impl Rates {
    pub(super) fn new(rate: Rate, clock: Steady) -> Self {
        let quota = Quota::per_second(rate.per_second).allow_burst(rate.burst);
        let limiter = RateLimiter::new(quota, Arrivals::default(), clock.clone());
        Self { limiter, clock, swept: Mutex::default() }
    }

    /// Counts a request.
    ///
    /// # Errors
    /// How long until one more may come; this one is not counted then.
    pub(super) fn check(&self, whom: &Whom) -> Result<(), Duration> {
        let now = self.clock.now();
        let due = lock(&self.swept).is_due(now, self.limiter.len());
        if due {
            self.limiter.retain_recent();
        }
        self.limiter.check_key(whom).map_err(|not_until| not_until.wait_time_from(now))
    }
}

impl StateStore for Arrivals {
    type Key = Whom;

    fn measure_and_replace<T, F, E>(&self, whom: &Whom, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let mut states = lock(&self.0);
        let state = states.of(whom);
        let (outcome, next) = decide(*state)?;
        *state = Some(next);
        Ok(outcome)
    }
}

impl ShrinkableKeyedStateStore<Whom> for Arrivals {
    fn retain_recent(&self, drop_below: Nanos) {
        lock(&self.0).retain(|state| state.is_some_and(|arrival| arrival > drop_below));
    }

    fn len(&self) -> usize {
        lock(&self.0).len()
    }

    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;
    use std::num::NonZeroU32;
    use std::sync::Arc;

    use jiff::Timestamp;

    use super::super::keyed::MOST;
    use super::*;
    use crate::clock::ManualClock;

    fn rates(per_second: u32, burst: u32) -> (Rates, ManualClock) {
        let clock = ManualClock::at(Timestamp::UNIX_EPOCH);
        let of = |number| NonZeroU32::new(number).unwrap();
        let rate = Rate { per_second: of(per_second), burst: of(burst) };
        (Rates::new(rate, Steady::new(Arc::new(clock.clone()))), clock)
    }

    /// One of 2^32 networks.
    fn network(number: u32) -> Whom {
        Whom::at(Ipv6Addr::from_bits(0x2001_0db8 << 96 | u128::from(number) << 64 | 1).into())
    }

    /// How many of `tries` requests of `whom` pass.
    fn passes(rates: &Rates, whom: &Whom, tries: u32) -> usize {
        (0..tries).filter(|_| rates.check(whom).is_ok()).count()
    }

    #[test]
    fn a_burst_is_spent_and_comes_back_at_the_rate() {
        let (rates, clock) = rates(2, 5);
        assert_eq!(passes(&rates, &network(1), 20), 5);
        assert_eq!(rates.check(&network(1)), Err(Duration::from_millis(500)));
        assert_eq!(passes(&rates, &network(2), 20), 5, "another's is its own");
        clock.advance(Duration::from_secs(1));
        assert_eq!(passes(&rates, &network(1), 20), 2);
        clock.advance(Duration::from_hours(1));
        assert_eq!(passes(&rates, &network(1), 20), 5, "and no more than the burst");
    }

    #[test]
    fn those_who_have_gone_quiet_are_forgotten() {
        let (rates, clock) = rates(1, 100);
        for number in 0..1000 {
            rates.check(&network(number)).unwrap();
        }
        assert_eq!(passes(&rates, &network(0), 99), 99, "this one is busy");
        assert_eq!(rates.limiter.len(), 1000);
        clock.advance(Duration::from_secs(61));
        rates.check(&network(1000)).unwrap();
        assert_eq!(rates.limiter.len(), 2, "the busy one and the new one");
        assert_eq!(passes(&rates, &network(0), 100), 61, "who is not forgotten has what came back");
    }

    #[test]
    fn the_memory_is_bounded_however_many_addresses_come() {
        let (rates, clock) = rates(1, 10);
        for number in 0..200_000 {
            // Those without a state of their own share one, of 10.
            let passed = rates.check(&network(number)).is_ok();
            assert_eq!(passed, number < 100_010, "{number}");
        }
        assert_eq!(rates.limiter.len(), MOST);
        assert_eq!(passes(&rates, &network(7), 20), 9, "who was known before keeps what it has");
        clock.advance(Duration::from_secs(10));
        assert_eq!(passes(&rates, &network(300_000), 20), 10, "there is room again");
        assert!(rates.limiter.len() <= 2, "{}", rates.limiter.len());
    }
}
