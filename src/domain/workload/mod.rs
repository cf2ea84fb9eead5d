//! Workload identities: which outside issuers are believed, and whom their tokens stand for.

mod algorithm;
mod claim_path;
mod claim_pattern;
mod glob;
mod issuer;
mod jwks;
mod rule;
mod urls;

pub use algorithm::JwsAlgorithm;
pub use claim_path::ClaimPath;
pub use claim_pattern::{ClaimMatcher, ClaimPattern};
pub use glob::Glob;
pub use issuer::{KeySource, TrustedIssuer};
pub use jwks::{MOST_KEYS, PRIVATE_MEMBERS, PinnedJwks};
pub use rule::{RuleMode, WorkloadRule};
pub use urls::{JwksUrl, WorkloadIssuerUrl};
