//! Reading on as lines come, from this process and from others.

use std::convert::Infallible;
use std::time::Duration;

use tokio::sync::watch;

use super::Audit;
use crate::store::StoreError;
use crate::store::database::{LineFilter, WrittenLine};

/// How often it is asked whether another process wrote lines: whoever follows has them within a second.
const PAUSE: Duration = Duration::from_millis(300);
/// How many lines are read at once.
const PAGE: i64 = 1000;

/// That lines may have come.
#[derive(Debug, Default)]
pub(super) struct News {
    count: u64,
    closing: bool,
}

impl News {
    pub(super) fn came(&mut self) {
        self.count = self.count.wrapping_add(1);
    }
}

/// Someone who reads the trail as it grows.
pub struct Follower {
    audit: Audit,
    filter: LineFilter,
    news: watch::Receiver<News>,
}

impl Audit {
    /// Follows the lines that `filter` wants, in their order, from the one after [`LineFilter::after`] on.
    #[must_use]
    pub fn follow(&self, filter: LineFilter) -> Follower {
        let filter = LineFilter { newest_first: false, before: None, ..filter };
        Follower { audit: self.clone(), filter, news: self.news.subscribe() }
    }

    /// Has everyone who follows come to the end of what there is, and no further.
    pub fn close(&self) {
        self.news.send_modify(|news| news.closing = true);
    }

    /// Tells followers of lines that came by another way than [`Audit::record`], for as long as it is polled.
    pub async fn watch_others(&self) -> Infallible {
        let mut last = None;
        loop {
            // A store that does not answer is told of elsewhere.
            if let Ok(ends) = self.trail().ends().await
                && last.replace(ends.seq) != Some(ends.seq)
            {
                self.news.send_modify(News::came);
            }
            self.clock.sleep(PAUSE).await;
        }
    }
}

impl Follower {
    /// The next lines, at most 1,000, once there are some; none when feedpass is stopping. Whoever stops waiting and
    /// asks again misses none.
    ///
    /// # Errors
    /// [`StoreError::Database`]; asking again goes on where it was.
    pub async fn next(&mut self) -> Result<Option<Vec<WrittenLine>>, StoreError> {
        loop {
            // Before reading, so that what comes meanwhile is read next.
            let closing = self.news.borrow_and_update().closing;
            let end = self.audit.trail().ends().await?.seq;
            let lines = self.audit.trail().lines(&self.filter, PAGE).await?;
            // What was looked through in vain is not looked through again.
            let through = if lines.len() < usize::try_from(PAGE).unwrap_or(usize::MAX) { Some(end) } else { None };
            self.filter.after = self.filter.after.max(through).max(lines.last().map(|line| line.seq));
            if !lines.is_empty() {
                return Ok(Some(lines));
            }
            if closing || self.news.changed().await.is_err() {
                return Ok(None);
            }
        }
    }
}
