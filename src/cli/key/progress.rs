//! How long work goes on, shown to people on standard error.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use jiff::Timestamp;

use crate::cli::api::ApiError;
use crate::cli::output::print_to_people;

/// Shows how far something is: on a terminal in one line that is drawn anew, elsewhere in a line for each change.
pub(super) struct Progress {
    shown: Shown,
    stage: String,
}

#[derive(Clone, Copy, PartialEq)]
enum Shown {
    OneLine,
    EachChange,
    Never,
}

impl Progress {
    /// Nothing is shown where a program reads.
    pub(super) fn new(json: bool) -> Self {
        let shown = match json {
            true => Shown::Never,
            false if std::io::stderr().is_terminal() => Shown::OneLine,
            false => Shown::EachChange,
        };
        Self { shown, stage: String::new() }
    }

    /// Shows `how_far` it is. Elsewhere than on a terminal only if `stage` is another than before: words of AWS hold the
    /// number of each request. On a terminal `left` stands before it, which changes from second to second.
    pub(super) fn show(&mut self, stage: &str, how_far: &str, left: &str) {
        match self.shown {
            // What is too long for the line ends at its edge: wrapped, it could not be drawn over.
            Shown::OneLine => draw(&format!("\r\x1b[K\x1b[?7l{left}{how_far}\x1b[?7h")),
            Shown::EachChange if self.stage != stage => print_to_people(how_far),
            Shown::EachChange | Shown::Never => {}
        }
        stage.clone_into(&mut self.stage);
    }

    /// Shows that nobody could be asked.
    pub(super) fn silent(&mut self, error: &anyhow::Error) {
        self.show("silent", &format!("asked again and again: {error:#}"), "");
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown == Shown::OneLine {
            draw("\r\x1b[K");
        }
    }
}

fn draw(text: &str) {
    // Where that is closed nobody is looking.
    let _ = write!(std::io::stderr(), "{text}");
    let _ = std::io::stderr().flush();
}

/// How long to wait until the next look at what is due at `due`, or goes on since then: each look is a line in the audit
/// trail, so that what takes a day is not looked at every second of it.
pub(super) fn pause(due: Option<Timestamp>, now: Timestamp) -> Duration {
    const LONGEST: u64 = 30;
    let away = due.map_or(0, |due| due.duration_since(now).as_secs().unsigned_abs());
    Duration::from_secs((away / 60).clamp(1, LONGEST))
}

/// Whether asking again may help: feedpass is being restarted, or its store does not answer just now.
pub(super) fn passes(error: &anyhow::Error) -> bool {
    match error.downcast_ref() {
        Some(ApiError::Refused(problem)) => problem.status >= 500 || problem.status == 429,
        Some(ApiError::Unreachable { .. }) => true,
        Some(ApiError::Stranger { status, .. }) => status.is_server_error(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearer_it_is_the_more_often_it_is_looked_at() {
        let now: Timestamp = "2026-11-23T11:00:00Z".parse().unwrap();
        let after = |due: &str| pause(Some(due.parse().unwrap()), now).as_secs();
        assert_eq!(after("2026-11-24T11:00:00Z"), 30);
        assert_eq!(after("2026-11-23T11:10:00Z"), 10);
        assert_eq!(
            (after("2026-11-23T11:01:00Z"), after("2026-11-23T11:00:00Z"), after("2026-11-23T10:59:00Z")),
            (1, 1, 1)
        );
        assert_eq!(pause(None, now).as_secs(), 1);
    }
}
