//! Where a request came from: the socket's peer, or what a listed proxy says; decided here and nowhere else.

use super::error::ApiError;
use axum::extract::ConnectInfo;
use http::{Extensions, HeaderMap, HeaderName, header};
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};
use wire::error::Code;

/// How many addresses one request may have come through.
const MOST: usize = 32;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The address that a request came from, if it is known.
pub fn of(extensions: &Extensions) -> Option<IpAddr> {
    let ConnectInfo(from) = extensions.get::<ConnectInfo<SocketAddr>>()?;
    Some(from.ip().to_canonical())
}

/// Puts the address that a request came from in the place of the peer's, when the peer is a listed proxy.
pub fn settle(headers: &HeaderMap, extensions: &mut Extensions, proxies: &[IpNet]) -> Result<(), ApiError> {
    let Some(ConnectInfo(from)) = extensions.get_mut::<ConnectInfo<SocketAddr>>() else { return Ok(()) };
    // The port is that of the proxy's connection; nobody asks for it.
    from.set_ip(settled(headers, from.ip(), proxies)?);
    Ok(())
}

/// The address that a request came from which this peer sent.
pub fn settled(headers: &HeaderMap, peer: IpAddr, proxies: &[IpNet]) -> Result<IpAddr, ApiError> {
    let peer = peer.to_canonical();
    let is_proxy = |address: IpAddr| proxies.iter().any(|range| range.contains(&address.to_canonical()));
    if !is_proxy(peer) {
        return Ok(peer);
    }
    let client = |way: Vec<IpAddr>| {
        let stranger = way.iter().rev().find(|address| !is_proxy(**address));
        stranger.or(way.first()).copied()
    };
    let said = [way(headers, &header::FORWARDED, forwarded)?, way(headers, &X_FORWARDED_FOR, plain)?];
    match said.map(|way| way.and_then(client)) {
        [None, None] => Ok(peer),
        [Some(one), None] | [None, Some(one)] => Ok(one),
        [Some(one), Some(other)] if one == other => Ok(one),
        [Some(_), Some(_)] => Err(unreadable()),
    }
}

fn unreadable() -> ApiError {
    ApiError::new(Code::BadRequest, "the proxy does not say in a readable way where this request came from")
}

/// The addresses that one header names, the nearest last; `None` when it is not there.
fn way(
    headers: &HeaderMap,
    name: &HeaderName,
    read: fn(&str) -> Option<IpAddr>,
) -> Result<Option<Vec<IpAddr>>, ApiError> {
    let mut way = Vec::new();
    for line in headers.get_all(name) {
        let line = line.to_str().map_err(|_| unreadable())?;
        for element in line.split(',') {
            way.push(read(element.trim()).ok_or_else(unreadable)?);
            if way.len() > MOST {
                return Err(unreadable());
            }
        }
    }
    Ok(Some(way).filter(|way| !way.is_empty()))
}

/// An element of `Forwarded` (RFC 7239 section 4) that names an address; a comma or semicolon in quotes is none.
fn forwarded(element: &str) -> Option<IpAddr> {
    let mut found = None;
    for pair in element.split(';') {
        let (name, value) = pair.trim().split_once('=')?;
        if name.eq_ignore_ascii_case("for") {
            let quoted = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
            let address = plain(quoted.unwrap_or(value))?;
            if found.replace(address).is_some() {
                return None;
            }
        }
    }
    found
}

/// An address, with or without a port.
fn plain(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let bare = bare.unwrap_or(text).parse::<IpAddr>().ok();
    let address = bare.or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where a request is from that came from `peer` with these headers, through proxies of 10.0.0.0/8 and 2001:db8::/32.
    fn from(peer: &str, lines: &[(&'static str, &str)]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        let mut extensions = Extensions::new();
        extensions.insert(ConnectInfo(SocketAddr::new(peer.parse().unwrap(), 4711)));
        let proxies = ["10.0.0.0/8".parse().unwrap(), "2001:db8::/32".parse().unwrap()];
        settle(&headers, &mut extensions, &proxies).ok()?;
        of(&extensions).map(|address| address.to_string())
    }

    #[test]
    fn only_a_listed_proxy_is_believed() {
        let spoof = [("x-forwarded-for", "198.51.100.1"), ("forwarded", "for=198.51.100.2")];
        assert_eq!(from("203.0.113.7", &spoof).as_deref(), Some("203.0.113.7"));
        assert_eq!(from("::ffff:203.0.113.7", &spoof).as_deref(), Some("203.0.113.7"));
        assert_eq!(from("10.1.1.1", &spoof[..1]).as_deref(), Some("198.51.100.1"));
        assert_eq!(from("::ffff:10.1.1.1", &spoof[..1]).as_deref(), Some("198.51.100.1"));
        assert_eq!(from("10.1.1.1", &[]).as_deref(), Some("10.1.1.1"));
    }

    #[test]
    fn the_last_address_that_is_no_proxy_is_the_client() {
        for (line, expected) in [
            ("198.51.100.1", "198.51.100.1"),
            ("203.0.113.9, 198.51.100.1", "198.51.100.1"),
            ("203.0.113.9, 198.51.100.1, 10.2.2.2", "198.51.100.1"),
            ("198.51.100.1:4711", "198.51.100.1"),
            ("[2001:4860::1]:4711", "2001:4860::1"),
            ("2001:4860::1", "2001:4860::1"),
            ("10.3.3.3, 10.2.2.2", "10.3.3.3"),
        ] {
            assert_eq!(from("10.1.1.1", &[("x-forwarded-for", line)]).as_deref(), Some(expected), "{line}");
        }
        let lines = [("x-forwarded-for", "203.0.113.9"), ("x-forwarded-for", "198.51.100.1, 10.2.2.2")];
        assert_eq!(from("10.1.1.1", &lines).as_deref(), Some("198.51.100.1"));
        for (line, expected) in [
            ("for=198.51.100.1;proto=https;by=10.1.1.1", "198.51.100.1"),
            ("For=203.0.113.9, FOR=\"198.51.100.1:47\"", "198.51.100.1"),
            ("for=\"[2001:4860::1]:4711\"", "2001:4860::1"),
            ("for=198.51.100.1, for=\"[2001:db8::1]\"", "198.51.100.1"),
        ] {
            assert_eq!(from("2001:db8::9", &[("forwarded", line)]).as_deref(), Some(expected), "{line}");
        }
    }

    #[test]
    fn what_cannot_be_read_refuses() {
        let many = vec!["198.51.100.1"; MOST + 1].join(",");
        let lines = [
            "",
            "unknown",
            "198.51.100.1,",
            "198.51.100",
            "1.2.3.4 5.6.7.8",
            "[::1",
            "a, 198.51.100.1",
            &many,
        ];
        for line in lines {
            assert_eq!(from("10.1.1.1", &[("x-forwarded-for", line)]), None, "{line}");
        }
        let lines = [
            "",
            "for=unknown",
            "for=_hidden",
            "proto=https",
            "for",
            "for=1.2.3.4;for=5.6.7.8",
            "for=\"1.2.3.4",
        ];
        for line in lines {
            assert_eq!(from("10.1.1.1", &[("forwarded", line)]), None, "{line}");
        }
        let two = [("x-forwarded-for", "198.51.100.1"), ("forwarded", "for=198.51.100.2")];
        assert_eq!(from("10.1.1.1", &two), None);
        let agreed = [("x-forwarded-for", "198.51.100.1"), ("forwarded", "for=198.51.100.1")];
        assert_eq!(from("10.1.1.1", &agreed).as_deref(), Some("198.51.100.1"));
    }
}
