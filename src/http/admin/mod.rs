//! The admin API: typed parts in, one call of the `admin` room, JSON out.

pub(super) mod audit;
pub(super) mod lineage;
