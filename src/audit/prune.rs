//! Letting old lines go.

use std::convert::Infallible;
use std::time::Duration;

use serde_json::json;

use super::{Audit, Event, What};
use crate::store::StoreError;
use crate::store::database::Pruned;

const PAUSE: Duration = Duration::from_hours(1);

impl Audit {
    /// Once an hour, lets the lines go that are older than `keep_for`, for as long as it is polled.
    pub async fn prune_hourly(&self, keep_for: Duration) -> Infallible {
        loop {
            if let Err(error) = self.prune(keep_for).await {
                tracing::warn!("old lines of the audit trail could not be let go: {error}");
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
}
