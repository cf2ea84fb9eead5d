//! How an error is said where it is handled.

use std::error::Error;

/// An error's own words and those of all its causes, the nearest first.
#[must_use]
pub fn with_causes(error: &(dyn Error + 'static)) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words = format!("{words}: {error}");
        cause = error.source();
    }
    words
}
