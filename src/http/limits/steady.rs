//! Time that never goes back.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;

use super::lock;
use crate::clock::Clock;

/// How long it has been since the start, by the wall clock. Where that is set back, this goes on from where it
/// was: else a clock that is put right by an hour would have everyone over their limit for that hour.
#[derive(Clone)]
pub(super) struct Steady {
    clock: Arc<dyn Clock>,
    /// The wall clock when it was last read, and how long it had been then.
    last: Arc<Mutex<(Timestamp, Duration)>>,
}

impl Steady {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        let last = Arc::new(Mutex::new((clock.now(), Duration::ZERO)));
        Self { clock, last }
    }

    pub(super) fn now(&self) -> Duration {
        let mut last = lock(&self.last);
        let (then, so_far) = *last;
        let now = self.clock.now();
        // Negative, and so no Duration, when the clock was set back.
        let since = so_far + Duration::try_from(now.duration_since(then)).unwrap_or_default();
        *last = (now, since);
        since
    }
}

impl governor::clock::Clock for Steady {
    type Instant = Duration;

    fn now(&self) -> Duration {
        Self::now(self)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::BoxFuture;

    use super::*;

    /// A wall clock that can be set.
    struct Wall(Mutex<Timestamp>);

    impl Clock for Wall {
        fn now(&self) -> Timestamp {
            *self.0.lock().unwrap()
        }

        fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
            Box::pin(std::future::pending())
        }
    }

    #[test]
    fn a_clock_that_is_set_back_takes_nothing_from_what_has_gone_by() {
        let wall = Arc::new(Wall(Mutex::new(Timestamp::from_second(10_000).unwrap())));
        let steady = Steady::new(Arc::clone(&wall) as Arc<dyn Clock>);
        let at = |second| {
            *wall.0.lock().unwrap() = Timestamp::from_second(second).unwrap();
            steady.now().as_secs()
        };
        assert_eq!([10_005, 6_000, 6_001, 6_001, 9_000].map(at), [5, 5, 6, 6, 3_005]);
    }
}
