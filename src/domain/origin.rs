//! Where a request came from.

use std::net::IpAddr;

/// Where a request came from, as the audit trail has it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Origin {
    /// The client's address: the connection's other end, or what a trusted proxy there says of it. An
    /// IPv4 address is one, however its socket writes it.
    pub address: IpAddr,
    /// The request's id, 1 to 64 of letters, digits and `-_.`; the caller may have chosen it.
    pub request_id: String,
}
