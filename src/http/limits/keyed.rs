//! What is counted, by whom it is for, in bounded memory.

use std::collections::HashMap;
use std::time::Duration;

use super::Whom;

/// How many are told apart. Those beyond share one state: whoever comes from a hundred thousand addresses
/// at once is held to what one may, and the memory stays below some 20 MB.
pub(super) const MOST: usize = 100_000;
/// How often those who have gone quiet are forgotten: each look goes through all.
const SWEEP: Duration = Duration::from_mins(1);
/// The same while there is no room.
const SWEEP_FULL: Duration = Duration::from_secs(1);

/// States by whom they are for.
#[derive(Debug, Default)]
pub(super) struct Keyed<S> {
    own: HashMap<Whom, S>,
    shared: S,
}

impl<S: Default> Keyed<S> {
    /// The state of `whom`: a new one when there is none yet, or the shared one when there is no room.
    pub(super) fn of(&mut self, whom: &Whom) -> &mut S {
        if self.own.len() >= MOST && !self.own.contains_key(whom) {
            return &mut self.shared;
        }
        self.own.entry(whom.clone()).or_default()
    }

    /// Forgets those that are not to `keep`.
    pub(super) fn retain(&mut self, keep: impl Fn(&S) -> bool) {
        self.own.retain(|_, state| keep(state));
        // Room for the busiest hour is not kept for ever.
        self.own.shrink_to(self.own.len().saturating_mul(2));
    }

    pub(super) fn len(&self) -> usize {
        self.own.len()
    }
}

/// When those who have gone quiet were last forgotten.
#[derive(Debug, Default)]
pub(super) struct Swept(Duration);

impl Swept {
    /// Whether to do so now, with `states` held; if so, that is noted as done.
    pub(super) fn is_due(&mut self, now: Duration, states: usize) -> bool {
        let every = if states >= MOST { SWEEP_FULL } else { SWEEP };
        let due = now.saturating_sub(self.0) >= every;
        if due {
            self.0 = now;
        }
        due
    }
}
