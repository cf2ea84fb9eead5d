//! How often who someone is was not believed.

use std::sync::Mutex;
use std::time::Duration;

use super::keyed::{Keyed, Swept};
use super::{Whom, lock};
use crate::domain::FailedAttempts;

/// Refusals by whom they were told to.
#[derive(Debug, Default)]
pub(super) struct Failures(Mutex<(Keyed<Window>, Swept)>);

/// Refusals since the first of them.
#[derive(Clone, Copy, Debug, Default)]
struct Window {
    opened: Duration,
    refusals: u32,
}

impl Failures {
    /// Counts one at the time `now`. Gives how long the window still lasts when there were too many before it.
    pub(super) fn add(&self, whom: &Whom, limit: FailedAttempts, now: Duration) -> Option<Duration> {
        let length = limit.window.as_duration();
        let is_open = |window: &Window| window.refusals > 0 && now.saturating_sub(window.opened) < length;
        let (windows, swept) = &mut *lock(&self.0);
        if swept.is_due(now, windows.len()) {
            windows.retain(is_open);
        }
        let window = windows.of(whom);
        if !is_open(window) {
            *window = Window { opened: now, refusals: 0 };
        }
        if window.refusals >= limit.most.get() {
            return Some((window.opened + length).saturating_sub(now));
        }
        window.refusals += 1;
        None
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn limit() -> FailedAttempts {
        FailedAttempts { most: NonZeroU32::new(3).unwrap(), window: "1m".parse().unwrap() }
    }

    fn at(last: u8) -> Whom {
        Whom::at([192, 0, 2, last].into())
    }

    #[test]
    fn a_window_lasts_from_its_first_refusal() {
        let failures = Failures::default();
        let add = |last, second| failures.add(&at(last), limit(), second * SECOND);
        assert_eq!([0, 20, 40].map(|second| add(1, second)), [None; 3]);
        assert_eq!(add(1, 41), Some(19 * SECOND));
        assert_eq!(add(1, 59), Some(SECOND), "trying on makes it no longer");
        assert_eq!(add(2, 59), None, "another's is its own");
        assert_eq!([60, 61, 62].map(|second| add(1, second)), [None; 3]);
        assert_eq!(add(1, 63), Some(57 * SECOND));
    }

    #[test]
    fn windows_that_have_passed_are_forgotten() {
        let failures = Failures::default();
        for last in 0..200 {
            failures.add(&at(last), limit(), SECOND);
        }
        failures.add(&at(200), limit(), 61 * SECOND);
        assert_eq!(failures.0.lock().unwrap().0.len(), 1);
    }
}
