//! `[limits]`

use std::num::NonZeroU32;

use crate::config::reader::Reader;
use crate::domain::{Allowance, FailedAttempts, Invalid, Limits, Period, Rate};

/// Above what any machine does, and low enough that no arithmetic overflows.
const LARGEST: u32 = 1_000_000;
const OFF: &str = "off";
const HINT: &str = "a whole number, or `\"off\"`";
const BURST: &str = "it is 1 to 1000000; where the rate is off there is no burst either";

/// A thousand jobs that start at once, each with a handful of requests, stay below the defaults; an address
/// has twice what a client has, since several clients share one.
pub(super) fn read(limits: &mut Reader<'_>) -> Option<Limits> {
    let client = Allowance {
        rate: rate(limits, ("client_rate", 500), ("client_burst", 10_000)),
        concurrency: or_off(limits, "client_concurrency", 5_000),
    };
    let address = Allowance {
        rate: rate(limits, ("address_rate", 1_000), ("address_burst", 20_000)),
        concurrency: or_off(limits, "address_concurrency", 10_000),
    };
    let most = or_off(limits, "failed_attempts", 30);
    let minute: Period = "1m".parse().ok()?;
    let window = limits.get_with("failed_window", window).map_or(minute, |window| window.value);
    Some(Limits { client, address, failed_attempts: most.map(|most| FailedAttempts { most, window }) })
}

fn rate(limits: &mut Reader<'_>, per_second: (&'static str, u32), burst: (&'static str, u32)) -> Option<Rate> {
    let per_second = or_off(limits, per_second.0, per_second.1);
    let given = limits.number_or_word(burst.0, BURST, |text| number(text, BURST));
    let burst = given.map_or_else(|| NonZeroU32::new(burst.1), |burst| Some(burst.value));
    Some(Rate { per_second: per_second?, burst: burst? })
}

/// None is off; what was left out is `default`.
fn or_off(limits: &mut Reader<'_>, key: &'static str, default: u32) -> Option<NonZeroU32> {
    let read = |text: &str| match text {
        OFF => Ok(None),
        // Would 0 let nobody in, or everybody? It is neither.
        _ => number(text, "it is 1 to 1000000, or `off` for no such limit").map(Some),
    };
    limits.number_or_word(key, HINT, read).map_or_else(|| NonZeroU32::new(default), |found| found.value)
}

fn number(text: &str, expected: &str) -> Result<NonZeroU32, Invalid> {
    let number = text.parse().ok().filter(|number: &NonZeroU32| number.get() <= LARGEST);
    number.ok_or_else(|| Invalid::new("a limit", text, expected))
}

fn window(text: &str) -> Result<Period, Invalid> {
    let window: Period = text.parse()?;
    match window.as_duration().as_secs() {
        1..=86_400 => Ok(window),
        _ => Err(Invalid::new("a window", text, "it is 1 second to 24 hours, as in `1m`")),
    }
}
