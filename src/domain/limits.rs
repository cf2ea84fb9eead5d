//! How much may be asked in a second, at once, and wrongly.

use std::num::NonZeroU32;

use super::Period;

/// The limits on requests. Each may be off, which is none.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// What one client may.
    pub client: Allowance,
    /// What one address may, whoever asks from there; of IPv6, one network of 64 bits.
    pub address: Allowance,
    /// How many credentials of one address may be refused.
    pub failed_attempts: Option<FailedAttempts>,
}

/// How much one may ask.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Allowance {
    /// How often.
    pub rate: Option<Rate>,
    /// How many requests at once, from their head until their answer is sent.
    pub concurrency: Option<NonZeroU32>,
}

/// How often one may ask.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rate {
    /// Requests per second, on average.
    pub per_second: NonZeroU32,
    /// Requests at one moment after a rest.
    pub burst: NonZeroU32,
}

/// How many credentials may be refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FailedAttempts {
    /// So many in a window.
    pub most: NonZeroU32,
    /// The window's length, from its first refusal on; at least a second.
    pub window: Period,
}
