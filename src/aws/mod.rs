//! What feedpass says to AWS about roles and registries, and what it makes of the answers.

mod connection;
pub mod ecr;
mod failure;
pub mod sts;
pub mod trust_policy;

pub use connection::{Connection, Endpoints, TimeLimits};
pub use failure::{AwsAnswer, Unavailable};
