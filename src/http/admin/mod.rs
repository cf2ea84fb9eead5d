//! The admin API: typed parts in, one call of the `admin` room, JSON out.

mod answers;
pub(super) mod apply;
pub(super) mod audit;
pub(super) mod clients;
pub(super) mod feeds;
pub(super) mod keys;
pub(super) mod lineage;
mod lists;
pub(super) mod one;
mod parts;
pub(super) mod policy;
pub(super) mod renames;
pub(super) mod spaces;
pub(super) mod who_can;
pub(super) mod workloads;

/// The largest body of [`apply`], in bytes: tens of thousands of feeds at once.
pub(super) const LARGEST_APPLICATION: usize = 16 * 1024 * 1024;
