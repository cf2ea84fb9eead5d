//! The words of feedpass as types: values that are right once they exist.
//!
//! Text becomes one of these once, at the edge (`config`, `http`, `cli`), and is never checked
//! again. Nothing here does I/O, is asynchronous or asks for the time.

mod arn;
mod client;
mod encryption_key;
mod feed;
mod grant;
mod invalid;
mod issuer_url;
mod key;
mod limits;
mod name;
mod narrowing;
mod origin;
mod period;
mod public_jwk;
mod reason;
mod region;
mod registry;
mod rename;
mod role;
mod scope;
mod secret;
mod slug;
mod subject;
pub(crate) mod wildcard;
mod workload;

pub use arn::{AccountId, RoleArn, UserArn};
pub use client::{Client, ClientId};
pub use encryption_key::EncryptionKey;
pub use feed::{
    AccessKey, AccessKeyId, Ambient, AwsSecret, ExternalId, Feed, Identity, SecondHop, SessionTags, SourceIdentity,
    Space, WebIdentity,
};
pub use grant::{Action, FeedPattern, Grant};
pub use invalid::Invalid;
pub(crate) use invalid::shown;
pub use issuer_url::{Audience, IssuerUrl, is_loopback};
pub use key::{Algorithm, KeySpec, KeyType, Kid, Misfit, PromoteOn, RsaBits};
pub use limits::{Allowance, FailedAttempts, Limits, Rate};
pub use name::DisplayName;
pub use narrowing::{Narrowing, Repositories, RepositoryPattern};
pub use origin::Origin;
pub use period::{AccessLifetime, Period, SessionDuration, TOKEN_LEEWAY, TokenLifetime};
pub use public_jwk::{PublicJwk, PublicJwks};
pub use reason::Reason;
pub use region::{Partition, Region};
pub use registry::RegistryHost;
pub use rename::{Rename, RenameOf};
pub use role::Role;
pub use scope::Scope;
pub use secret::{ClientSecret, EXAMPLE_SECRET, SECRET_PREFIX, SecretHash, client_secret, is_client_secret};
pub use slug::Slug;
pub use subject::{SpaceFeed, Subject, SubjectPart, SubjectParts};
pub use workload::{
    ClaimMatcher, ClaimPath, ClaimPattern, Glob, JwksUrl, JwsAlgorithm, KeySource, MOST_KEYS, PRIVATE_MEMBERS,
    PinnedJwks, RuleMode, TrustedIssuer, WorkloadIssuerUrl, WorkloadRule,
};
