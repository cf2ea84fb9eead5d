//! Letting old lines go, and the counts of tokens that ended.

use std::convert::Infallible;
use std::time::Duration;

use serde_json::json;

use super::{Audit, Event, What};
use crate::store::StoreError;
use crate::store::database::Pruned;

const PAUSE: Duration = Duration::from_hours(1);
/// How long the counts of tokens that ended are kept: for longer than any may still be accepted, or clocks be apart.
const KEEP_COUNTS: Duration = Duration::from_hours(2);

impl Audit {
    /// Once an hour, lets the lines go that are older than `keep_for`, and the counts of tokens that ended, for as long
    /// as it is polled.
    pub async fn prune_hourly(&self, keep_for: Duration) -> Infallible {
        loop {
            if let Err(error) = self.prune(keep_for).await {
                tracing::warn!("old lines of the audit trail could not be let go: {error}");
            }
            if let Err(error) = self.forget_signed().await {
                tracing::warn!("the counts of tokens that ended could not be let go: {error}");
            }
            self.clock.sleep(PAUSE).await;
        }
    }

    /// Lets the lines go that are older than `keep_for`, and writes down that it did, if there were any.
    ///
    /// # Errors
    /// [`StoreError::Database`]; all lines are still there then.
    pub async fn prune(&self, keep_for: Duration) -> Result<Option<Pruned>, StoreError> {
        let now = self.now();
        let Ok(before) = now.checked_sub(keep_for) else { return Ok(None) };
        let event = |pruned: Pruned| {
            let details = json!({ "lines": pruned.lines, "through": pruned.through });
            Event { details: Some(details), ..Event::new(now, What::Pruned) }
        };
        // An event always has a JSON form.
        let tell = |pruned| event(pruned).line().unwrap_or_default();
        let pruned = self.trail().prune(before, now, &tell).await?;
        if let Some(pruned) = pruned {
            event(pruned).log();
        }
        Ok(pruned)
    }

    /// Lets the counts of tokens go that ended two hours ago, but for the last end of each key.
    ///
    /// # Errors
    /// [`StoreError::Database`]; all counts are still there then.
    pub async fn forget_signed(&self) -> Result<(), StoreError> {
        let Ok(before) = self.now().checked_sub(KEEP_COUNTS) else { return Ok(()) };
        self.trail().forget_signed(before).await
    }
}
