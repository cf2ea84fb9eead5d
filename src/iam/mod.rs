//! The IAM policy language: parse, evaluate, explain.
//!
//! [`Policy`] reads what IAM reads and refuses what IAM refuses; [`Policy::evaluate`] answers a
//! [`Request`] with a [`Decision`] that says which statement decided, or why each did not. All of
//! it is pure: a policy, a request, the same answer.
//!
//! The clauses are those of the IAM User Guide: "IAM JSON policy elements reference", "Condition
//! operators", "Single-valued vs. multivalued context keys". Policy variables (`${aws:username}`),
//! `BinaryEquals` and `NotPrincipal` with `Allow` are refused with words, never misread.

mod condition;
mod context;
mod evaluate;
mod json;
mod operator;
mod policy;
mod principal;
mod wildcard;

pub use condition::{Condition, FailedCondition};
pub use context::Context;
pub use evaluate::{Decision, Miss, Reasons, Request, StatementName};
pub use policy::{Effect, Policy, PolicyError, PolicyKind, Statement};
pub use principal::Principal;
