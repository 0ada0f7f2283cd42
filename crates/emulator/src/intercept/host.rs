//! Which hosts are the vendor's, which were allowed, and which are this machine.

use http::uri::Authority;
use std::net::IpAddr;
use std::str::FromStr;
use thiserror::Error;

/// The domains under which every host is the vendor's.
pub(super) const VENDOR: [&str; 2] = ["informaticacloud.com", "informaticaondemand.com"];

/// The host that the emulator's own tokens name as their issuer.
pub(super) const ISSUER: &str = "emulator.latchkey.invalid";

/// The host in one spelling, if the emulator speaks for it: a host of the vendor, or the issuer of its own tokens.
pub fn vendor_host(host: &str) -> Option<String> {
    let host = plain(host);
    let is_vendors = VENDOR.iter().any(|domain| is_under(&host, domain));
    (is_vendors || host == ISSUER).then_some(host)
}

/// The host of an authority, in one spelling.
pub(super) fn host_of(authority: &Authority) -> String {
    plain(authority.host())
}

/// Lower case, without the dot of the root and the brackets of IPv6.
fn plain(host: &str) -> String {
    host.trim_matches(['[', ']']).trim_end_matches('.').to_ascii_lowercase()
}

fn is_under(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain)
        .and_then(|labels| labels.strip_suffix('.'))
        .is_some_and(|labels| !labels.is_empty())
}

/// Whether a host is this machine by its name alone.
pub(super) fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Hosts other than the vendor's that may be reached through the emulator.
#[derive(Debug, Clone, Default)]
pub struct Allowed(Vec<Pattern>);

#[derive(Debug, Clone)]
enum Pattern {
    Exactly(String),
    Under(String),
}

/// Why a text cannot be allowed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is not a host: write a name without scheme, port and path, or `*.` and a domain")]
pub struct NotAHost(String);

impl Allowed {
    /// Understands host names, and `*.domain` for all hosts under a domain.
    pub fn parse<'a>(hosts: impl IntoIterator<Item = &'a str>) -> Result<Self, NotAHost> {
        hosts.into_iter().map(str::parse).collect::<Result<_, _>>().map(Self)
    }

    /// Whether no host was allowed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn has(&self, host: &str) -> bool {
        self.0.iter().any(|pattern| match pattern {
            Pattern::Exactly(name) => name == host,
            Pattern::Under(domain) => is_under(host, domain),
        })
    }
}

impl FromStr for Pattern {
    type Err = NotAHost;

    fn from_str(text: &str) -> Result<Self, NotAHost> {
        let (name, pattern): (_, fn(String) -> Self) = match text.strip_prefix("*.") {
            Some(domain) => (domain, Self::Under),
            None => (text, Self::Exactly),
        };
        let name = plain(name);
        let is_host = name.parse::<IpAddr>().is_ok()
            || !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
        is_host.then(|| pattern(name)).ok_or_else(|| NotAHost(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vendors_hosts_are_known_in_every_spelling() {
        for (host, known) in [
            ("dm-us.informaticacloud.com", "dm-us.informaticacloud.com"),
            ("USE4.DM-US.InformaticaCloud.Com.", "use4.dm-us.informaticacloud.com"),
            ("app.informaticaondemand.com", "app.informaticaondemand.com"),
            ("a.b.c.d.informaticacloud.com", "a.b.c.d.informaticacloud.com"),
            ("emulator.latchkey.invalid", "emulator.latchkey.invalid"),
        ] {
            assert_eq!(vendor_host(host).as_deref(), Some(known));
        }
    }

    #[test]
    fn hosts_that_only_look_like_the_vendors_are_not() {
        for host in [
            "informaticacloud.com",
            ".informaticacloud.com",
            "evilinformaticacloud.com",
            "informaticacloud.com.example",
            "latchkey.invalid",
            "",
        ] {
            assert_eq!(vendor_host(host), None, "{host}");
        }
    }

    #[test]
    fn a_host_is_allowed_by_name_or_by_domain() {
        let allowed = Allowed::parse(["PyPI.org", "*.example.com", "::1"]).unwrap();
        for host in ["pypi.org", "a.example.com", "a.b.example.com", "::1"] {
            assert!(allowed.has(host), "{host}");
        }
        for host in ["files.pypi.org", "example.com", "notexample.com", ""] {
            assert!(!allowed.has(host), "{host}");
        }
        assert!(Allowed::default().is_empty() && !allowed.is_empty());
    }

    #[test]
    fn what_is_no_host_is_not_allowed() {
        for text in
            ["", "*", "*.", "https://example.com", "example.com:443", "example.com/path", "a b", "*.*.com"]
        {
            assert_eq!(Allowed::parse([text]).unwrap_err(), NotAHost(text.to_owned()));
        }
    }

    #[test]
    fn this_machine_is_known_by_name_and_address() {
        for host in ["localhost", "127.0.0.1", "127.1.2.3", "::1"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["localhost.example.com", "10.0.0.1", "0.0.0.0", "127.example.com"] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
