//! Where a request came from.

use std::net::IpAddr;

/// Where a request came from, as the audit trail has it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Origin {
    /// The caller's address, behind the proxies that are trusted to tell it.
    pub address: IpAddr,
    /// The request's id, as the log and the answer have it: 1 to 64 of letters, digits and `-_.`.
    pub request_id: String,
}
