//! What feedpass says to AWS about roles and registries, and what it makes of the answers.

pub mod ambient;
mod connection;
mod credentials;
pub mod ecr;
mod failure;
pub mod permissions;
pub mod sts;
pub mod trust_policy;

pub use connection::{Connection, Endpoints, TimeLimits};
pub use credentials::{Authority, AwsCredentials};
pub use failure::{AwsAnswer, Unavailable};
