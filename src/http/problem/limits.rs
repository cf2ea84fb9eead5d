//! What is said to who asks too often, too much at once, or wrongly.

use std::time::Duration;

use axum::http::StatusCode;

use super::{Problem, WhoseMove};
use crate::http::limits::{Limited, Reached, Whom};

impl From<Limited> for Problem {
    fn from(limited: Limited) -> Self {
        let Limited { whom, what, retry_after } = limited;
        let keys = match whom {
            Whom::Client(_) => "client",
            Whom::Address(_) => "address",
        };
        let seconds = retry_after.as_secs_f64().ceil().max(1.0);
        let pause = Duration::from_secs_f64(seconds);
        let (code, detail) = match what {
            Reached::Rate(rate) => (
                "rate_limited",
                format!(
                    "{whom} may make {} requests a second, after a rest {} at once, and makes more; ask again after \
                     {seconds} s, or have an administrator raise `{keys}_rate` or `{keys}_burst`",
                    rate.per_second, rate.burst,
                ),
            ),
            Reached::Concurrency(most) => (
                "too_many_at_once",
                format!(
                    "{whom} may have {most} requests under way at once, and has; ask again when one is answered, or \
                     have an administrator raise `{keys}_concurrency`"
                ),
            ),
            Reached::FailedAttempts(limit) => (
                "too_many_failed_attempts",
                format!(
                    "more than {} credentials of {whom} were refused within {} s, these too; ask an administrator for \
                     valid ones, which are taken at once, or try again after {seconds} s",
                    limit.most,
                    limit.window.as_duration().as_secs(),
                ),
            ),
        };
        let problem = Self::new(StatusCode::TOO_MANY_REQUESTS, code, WhoseMove::Caller, detail);
        Self { retry_after: Some(pause), ..problem }
    }
}
