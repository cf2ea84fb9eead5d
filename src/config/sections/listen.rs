//! `[listen]`, and the addresses and URLs that other sections have too.

use std::net::{IpAddr, SocketAddr};

use ipnet::{IpNet, Ipv4Net};
use url::Url;

use crate::config::reader::Reader;
use crate::config::settings::Listen;
use crate::domain::{Invalid, is_loopback};

pub(super) fn read(listen: &mut Reader<'_>) -> Option<Listen> {
    let public = address_or(listen, "public", ([127, 0, 0, 1], 8080));
    let internal = address_or(listen, "internal", ([127, 0, 0, 1], 8081));
    let trusted_proxies = proxies(listen);
    let internal_url = if listen.has("internal_url") {
        listen.get_with("internal_url", plain_url).map(|url| url.value)
    } else if internal.ip().is_loopback() {
        Url::parse(&format!("http://{internal}")).ok()
    } else {
        // No client could use `http://0.0.0.0:8081`, and secrets cross no network in clear.
        let hint = "how clients reach `internal`, which is no loopback address: as in `https://feedpass.example.com`";
        listen.missing("internal_url", hint);
        None
    }?;
    Some(Listen { public, internal, internal_url, trusted_proxies })
}

fn address_or(reader: &mut Reader<'_>, key: &'static str, default: ([u8; 4], u16)) -> SocketAddr {
    reader.get_with(key, address).map_or_else(|| default.into(), |found| found.value)
}

fn proxies(listen: &mut Reader<'_>) -> Vec<IpNet> {
    let hint = r#"a list of addresses and networks, as in `["10.0.0.7", "10.1.0.0/16"]`"#;
    let Some(texts) = listen.one_or_more("trusted_proxies", hint) else { return Vec::new() };
    listen.values(texts, network).into_iter().map(|network| network.value).collect()
}

/// One address is a network of itself. IPv4 is IPv4, also where it is written as IPv6 has it.
fn network(text: &str) -> Result<IpNet, Invalid> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(address.to_canonical().into());
    }
    let expected = "it is written as in `10.0.0.7`, `10.1.0.0/16` or `2001:db8::/32`";
    let network: IpNet = text.parse().map_err(|_| Invalid::new("an address or a network", text, expected))?;
    let mapped = |v6: ipnet::Ipv6Net| {
        Ipv4Net::new(v6.addr().to_ipv4_mapped()?, v6.prefix_len().checked_sub(96)?).ok().map(IpNet::V4)
    };
    match network {
        IpNet::V6(v6) => Ok(mapped(v6).unwrap_or(network)),
        IpNet::V4(_) => Ok(network),
    }
}

pub(super) fn address(text: &str) -> Result<SocketAddr, Invalid> {
    let expected = "it is an IP address and a port, as in `127.0.0.1:8080` or `[::]:8080`";
    text.parse().map_err(|_| Invalid::new("an address", text, expected))
}

/// A URL that programs may be sent to with secrets: `https`, or `http` to this machine.
pub(super) fn plain_url(text: &str) -> Result<Url, Invalid> {
    let invalid = |expected: &str| Invalid::new("a URL", text, expected);
    let url = Url::parse(text).map_err(|_| invalid("it is written as in `https://feedpass.example.com`"))?;
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(&url) => {}
        "http" => {
            return Err(invalid("it is https: what is sent there is secret; http is for loopback addresses alone"));
        }
        _ => return Err(invalid("its scheme is https, or http for a loopback address")),
    }
    if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() || url.password().is_some() {
        return Err(invalid("it has no query, fragment or user"));
    }
    Ok(url)
}
