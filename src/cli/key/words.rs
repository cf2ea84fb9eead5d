//! Times, places and texts of answers, as people read them.

use jiff::Timestamp;
use serde_json::Value;

use crate::cli::output::harmless;
use crate::issuer::keyring::Place;

/// A value without what a terminal would take for a command.
pub(super) fn word(value: &Value) -> String {
    match value {
        Value::Null => "-".into(),
        Value::String(text) => harmless(text),
        other => harmless(&other.to_string()),
    }
}

pub(super) fn timestamp(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}

/// A time to the second.
pub(super) fn time(value: &Value) -> String {
    timestamp(value).map_or_else(|| word(value), |at| format!("{at:.0}"))
}

/// A time, and how far it is from `now`.
pub(super) fn time_and_distance(value: &Value, now: Timestamp) -> String {
    match timestamp(value) {
        Some(at) => format!("{at:.0} ({})", distance(at, now)),
        None => word(value),
    }
}

/// How far `at` is from `now`: `in 3 h`.
pub(super) fn distance(at: Timestamp, now: Timestamp) -> String {
    match at.duration_since(now).as_secs() {
        0 => "now".into(),
        ahead @ 1.. => format!("in {}", length(ahead)),
        behind => format!("{} ago", length(-behind)),
    }
}

/// So many seconds, in the unit that people would choose.
pub(super) fn length(seconds: i64) -> String {
    const MINUTE: i64 = 60;
    const HOUR: i64 = 60 * MINUTE;
    const DAY: i64 = 24 * HOUR;
    match seconds {
        seconds if seconds < 2 * MINUTE => format!("{seconds} s"),
        seconds if seconds < 2 * HOUR => format!("{} min", seconds / MINUTE),
        seconds if seconds < 2 * DAY => format!("{} h", seconds / HOUR),
        seconds => format!("{} days", seconds / DAY),
    }
}

/// Where verifiers were asked.
pub(super) fn place(value: &Value) -> String {
    Place::from_json(value).map_or_else(|| word(&value["place"]), |place| place.to_string())
}

/// So many of something.
pub(super) fn count(many: u64, one: &str) -> String {
    format!("{many} {one}{}", if many == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_are_to_the_second_and_say_how_far_they_are() {
        let now = "2026-11-23T11:00:00Z".parse().unwrap();
        let at = |text: &str| time_and_distance(&json!(text), now);
        assert_eq!(at("2026-11-23T11:00:00.123456789Z"), "2026-11-23T11:00:00Z (now)");
        assert_eq!(at("2026-11-23T11:01:59Z"), "2026-11-23T11:01:59Z (in 119 s)");
        assert_eq!(at("2026-11-23T11:59:59Z"), "2026-11-23T11:59:59Z (in 59 min)");
        assert_eq!(at("2026-11-23T14:00:00Z"), "2026-11-23T14:00:00Z (in 3 h)");
        assert_eq!(at("2027-02-21T11:00:00Z"), "2027-02-21T11:00:00Z (in 90 days)");
        assert_eq!(at("2026-11-23T08:00:00Z"), "2026-11-23T08:00:00Z (3 h ago)");
        assert_eq!(at("soon"), "soon");
        assert_eq!(time(&Value::Null), "-");
    }

    #[test]
    fn what_a_verifier_said_commands_no_terminal() {
        assert_eq!(word(&json!("\u{1b}[2J it shows")), "\u{fffd}[2J it shows");
    }
}
