//! Spaces, feeds, clients and the rules for workloads from the command line: each command is one request to the admin API, or two where a
//! change is made to what is there.

mod apply;
mod client;
mod collection;
mod feed;
mod policy;
mod space;
mod who;
mod workload;
mod workload_issuer;

pub(super) use apply::Apply;
pub(super) use client::Client;
pub(super) use collection::Confirm;
pub(super) use feed::Feed;
pub(super) use policy::Policy;
pub(super) use space::Space;
pub(super) use who::{WhoCan, Whoami};
pub(super) use workload::Workload;
