//! Which address a request comes from: that of the connection, or what a trusted proxy there says.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap};
use ipnet::IpNet;

use super::problem::Problem;
use super::state::HttpState;
use crate::domain::Origin;

const FORWARDED_FOR: &str = "x-forwarded-for";

/// The proxies whose word on a client's address is taken. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(Arc<ArcSwap<Vec<IpNet>>>);

impl TrustedProxies {
    /// Trusts `networks`, from the next request on, and nobody else.
    pub fn set(&self, networks: Vec<IpNet>) {
        self.0.store(Arc::new(networks));
    }

    /// The client's address of a request with these headers and extensions.
    pub(super) fn client_address(&self, headers: &HeaderMap, extensions: &Extensions) -> IpAddr {
        // The accept loop names the peer of every request.
        let peer = extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
        let peer = peer.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)).to_canonical();
        let trusted = self.0.load();
        let trusts = |address: &IpAddr| trusted.iter().any(|network| network.contains(address));
        if trusts(&peer) { said_by_proxies(headers, trusts).unwrap_or(peer) } else { peer }
    }
}

/// Each proxy appends whom it has the request from, so what stands right was written last. Read from there,
/// the first address that is no proxy's is the client's: what stands left of it may be the client's invention.
/// Where all are proxies', the request began at the left-most. None when an entry on the way is no address.
fn said_by_proxies(headers: &HeaderMap, trusts: impl Fn(&IpAddr) -> bool) -> Option<IpAddr> {
    let mut furthest = None;
    for line in headers.get_all(FORWARDED_FOR).iter().rev() {
        for entry in line.to_str().ok()?.rsplit(',') {
            let address = address(entry.trim())?;
            if !trusts(&address) {
                return Some(address);
            }
            furthest = Some(address);
        }
    }
    furthest
}

/// An address; some proxies put a port after it, some an IPv6 address in brackets.
fn address(entry: &str) -> Option<IpAddr> {
    let bare = entry.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(entry);
    let with_port = || entry.parse().ok().map(|address: SocketAddr| address.ip());
    bare.parse().ok().or_else(with_port).map(|address: IpAddr| address.to_canonical())
}

impl FromRequestParts<HttpState> for Origin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &HttpState) -> Result<Self, Problem> {
        let missing = || Problem::internal(&std::io::Error::other("a route without the access log has no origin"));
        parts.extensions.get::<Self>().cloned().ok_or_else(missing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The client's address of a request from `peer` with lines of X-Forwarded-For.
    fn client(trusted: &[&str], peer: &str, lines: &[&[u8]]) -> String {
        let proxies = TrustedProxies::default();
        proxies.set(trusted.iter().map(|network| network.parse().unwrap()).collect());
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED_FOR, line.to_vec().try_into().unwrap());
        }
        let mut extensions = Extensions::new();
        extensions.insert(ConnectInfo(SocketAddr::new(peer.parse().unwrap(), 40_000)));
        proxies.client_address(&headers, &extensions).to_string()
    }

    const PROXIES: &[&str] = &["10.0.0.0/24", "2001:db8:1::/48"];

    #[test]
    fn nobody_is_believed_who_is_no_trusted_proxy() {
        assert_eq!(client(&[], "10.0.0.1", &[b"203.0.113.9"]), "10.0.0.1");
        assert_eq!(client(PROXIES, "10.0.1.1", &[b"203.0.113.9"]), "10.0.1.1");
        assert_eq!(client(PROXIES, "2001:db8:2::1", &[b"203.0.113.9"]), "2001:db8:2::1");
    }

    #[test]
    fn the_right_most_address_that_is_no_proxys_is_the_clients() {
        for (lines, expected) in [
            (&[&b"203.0.113.9"[..]][..], "203.0.113.9"),
            (&[b"198.51.100.1, 203.0.113.9"], "203.0.113.9"),
            (&[b"198.51.100.1,203.0.113.9 ,10.0.0.2, 2001:db8:1::7"], "203.0.113.9"),
            (&[b"198.51.100.1", b"203.0.113.9", b"10.0.0.2"], "203.0.113.9"),
            (&[b"nonsense, 203.0.113.9, 10.0.0.2"], "203.0.113.9"),
            (&[b"10.0.0.3, 10.0.0.2"], "10.0.0.3"),
            (&[b"203.0.113.9:4711"], "203.0.113.9"),
            (&[b"[2001:db8:9::1]:4711"], "2001:db8:9::1"),
            (&[b"[2001:db8:9::1]"], "2001:db8:9::1"),
            (&[b"2001:db8:9::1"], "2001:db8:9::1"),
        ] {
            assert_eq!(client(PROXIES, "10.0.0.1", lines), expected, "{lines:?}");
        }
    }

    #[test]
    fn what_is_no_address_leaves_the_peers_own() {
        for line in ["", " ", ",", "unknown", "203.0.113.9, unknown", "203.0.113.9,", "203.0.113.256", "1", "é"] {
            assert_eq!(client(PROXIES, "10.0.0.1", &[line.as_bytes()]), "10.0.0.1", "{line:?}");
        }
        assert_eq!(client(PROXIES, "10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn an_ipv4_address_is_one_however_it_is_written() {
        assert_eq!(client(PROXIES, "::ffff:10.0.0.1", &[b"::ffff:203.0.113.9, ::ffff:10.0.0.2"]), "203.0.113.9");
        assert_eq!(client(&[], "::ffff:203.0.113.9", &[]), "203.0.113.9");
    }
}
