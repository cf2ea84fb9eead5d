//! feedpass as its users meet it: over HTTP, with AWS faked at the wire alone.

#![expect(unreachable_pub, reason = "a test binary has no outside")]
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

mod admin;
mod audit;
mod credentials;
mod docs;
mod documents;
mod flights;
mod grants;
mod iam;
mod identities;
mod key_files;
mod key_stores;
mod keys;
mod layers;
mod limits;
mod logs;
mod malformed;
mod metrics;
mod oauth;
mod outages;
mod reference;
mod refusals;
mod reload;
mod rotating;
mod routes;
mod signed_tokens;
mod store;
mod store_outage;
mod trust_policies;
mod web_identity;
mod workloads;

// The real program, and the real programs of others.
mod cli;
mod process;
mod real;
