//! Workload identities, on a clock that only the tests move and with issuers that answer as told.

mod attacks;
mod fetching;
mod keys;
mod policies;
mod support;
