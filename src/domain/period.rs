//! Lengths of time as people write them, and the two that have bounds.

use std::str::FromStr;
use std::time::Duration;

use jiff::{Span, SpanRelativeTo};

use super::Invalid;
use super::invalid::serde_by_text;

/// A length of time in whole seconds, written `90d`, `24h`, `5m` or `1h 30m`; a day is 24 hours.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Period(Duration);

impl Period {
    /// So many seconds.
    #[must_use]
    pub const fn of_seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// The length as the standard library has it.
    #[must_use]
    pub fn as_duration(self) -> Duration {
        self.0
    }
}

impl FromStr for Period {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let invalid = || Invalid::new("a length of time", text, "it is written as in `90d`, `24h`, `5m` or `30s`");
        let span: Span = text.parse().map_err(|_| invalid())?;
        let length = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| invalid())?;
        let length = Duration::try_from(length).map_err(|_| invalid())?;
        if length.subsec_nanos() != 0 {
            return Err(Invalid::new("a length of time", text, "it is whole seconds"));
        }
        Ok(Self(length))
    }
}

impl std::fmt::Display for Period {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write_period(f, self.0.as_secs())
    }
}

serde_by_text!(Period);

/// How long after its end a token may still be accepted: STS allows for clocks that differ by so much (IAM User
/// Guide, `id_roles_providers_oidc`), and feedpass by less.
pub const TOKEN_LEEWAY: Duration = Duration::from_mins(5);

/// In the largest unit that leaves no rest.
fn write_period(f: &mut std::fmt::Formatter<'_>, seconds: u64) -> std::fmt::Result {
    match seconds {
        0 => f.write_str("0s"),
        days if days.is_multiple_of(86_400) => write!(f, "{}d", days / 86_400),
        hours if hours.is_multiple_of(3600) => write!(f, "{}h", hours / 3600),
        minutes if minutes.is_multiple_of(60) => write!(f, "{}m", minutes / 60),
        seconds => write!(f, "{seconds}s"),
    }
}

/// Makes a period type with bounds, in seconds, and the words for them.
macro_rules! bounded_period {
    ($(#[$doc:meta])* $name:ident, $what:literal, $range:expr, $default:literal, $expected:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub struct $name(u32);

        impl $name {
            /// The longest.
            pub const MAX: Self = Self(*$range.end());

            /// The length in seconds.
            #[must_use]
            pub fn as_secs(self) -> u32 {
                self.0
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self($default)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write_period(f, u64::from(self.0))
            }
        }

        serde_by_text!($name);

        impl FromStr for $name {
            type Err = Invalid;

            fn from_str(text: &str) -> Result<Self, Invalid> {
                let seconds = text.parse::<Period>()?.as_duration().as_secs();
                match u32::try_from(seconds) {
                    Ok(seconds) if $range.contains(&seconds) => Ok(Self(seconds)),
                    _ => Err(Invalid::new($what, text, $expected)),
                }
            }
        }
    };
}

bounded_period!(
    /// How long a web identity token lives: 1 to 15 minutes, 5 by default. STS accepts it for
    /// 5 minutes more.
    TokenLifetime, "a token lifetime", (60..=900), 300, "it is 1 to 15 minutes, as in `5m`"
);

bounded_period!(
    /// How long an access token of feedpass lives: 1 minute to 1 hour, 10 minutes by default.
    AccessLifetime, "an access token's lifetime", (60..=3600), 600, "it is 1 minute to 1 hour, as in `10m`"
);

bounded_period!(
    /// How long a role session lives: 15 minutes to 12 hours, 1 hour by default (STS
    /// `DurationSeconds`). The role's own maximum may be lower; STS then refuses.
    SessionDuration, "a session duration", (900..=43_200), 3600, "it is 15 minutes to 12 hours, as in `1h`"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_are_read_as_people_write_them() {
        for (text, seconds) in [("90d", 7_776_000), ("24h", 86_400), ("5m", 300), ("30s", 30), ("1h 30m", 5400)] {
            assert_eq!(text.parse::<Period>().unwrap().as_duration().as_secs(), seconds, "{text}");
        }
        for bad in ["", "5", "-5m", "soon", "1.5s", "5 parsecs"] {
            assert!(bad.parse::<Period>().is_err(), "{bad} must be refused");
        }
    }

    #[test]
    fn a_period_is_shown_as_it_can_be_read() {
        for (text, shown) in [("90d", "90d"), ("24h", "1d"), ("90m", "90m"), ("1h 30s", "3630s"), ("0s", "0s")] {
            let period: Period = text.parse().unwrap();
            assert_eq!(period.to_string(), shown, "{text}");
            assert_eq!(shown.parse(), Ok(period), "{text}");
        }
        assert_eq!(serde_json::to_string(&"1h".parse::<SessionDuration>().unwrap()).unwrap(), "\"1h\"");
    }

    #[test]
    fn bounds_hold() {
        for (text, good) in [("59s", false), ("60s", true), ("15m", true), ("901s", false), ("99999999999h", false)] {
            assert_eq!(text.parse::<TokenLifetime>().is_ok(), good, "{text}");
        }
        for (text, good) in [("14m", false), ("15m", true), ("12h", true), ("13h", false)] {
            assert_eq!(text.parse::<SessionDuration>().is_ok(), good, "{text}");
        }
    }
}
