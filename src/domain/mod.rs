//! The words of feedpass as types: values that are right once they exist.
//!
//! Text becomes one of these once, at the edge (`config`, `http`, `cli`), and is never checked
//! again. Nothing here does I/O, is asynchronous or asks for the time.

mod arn;
mod client;
mod feed;
mod invalid;
mod issuer_url;
mod key;
mod period;
mod region;
mod registry;
mod slug;
mod subject;
mod workload;

pub use arn::{AccountId, RoleArn};
pub use client::{Action, Client, ClientId, EXAMPLE_SECRET, FeedPattern, Grant, SecretHash};
pub use feed::{Feed, Space, WebIdentity};
pub use invalid::Invalid;
pub(crate) use invalid::shown;
pub use issuer_url::{Audience, IssuerUrl, is_loopback};
pub use key::{Algorithm, Kid};
pub use period::{Period, SessionDuration, TokenLifetime};
pub use region::{Partition, Region};
pub use registry::RegistryHost;
pub use slug::Slug;
pub use subject::{SpaceFeed, Subject, SubjectPart, SubjectParts};
pub use workload::{
    ClaimMatcher, ClaimPath, ClaimPattern, Glob, JwksUrl, JwsAlgorithm, KeySource, MOST_KEYS, PRIVATE_MEMBERS,
    PinnedJwks, RuleMode, TrustedIssuer, WorkloadIssuerUrl, WorkloadRule,
};
