//! The sandbox driven over its wire by AWS's own SDK, against a small issuer.

mod ecr;
mod faults;
mod keys;
mod log;
mod sts;
mod support;
