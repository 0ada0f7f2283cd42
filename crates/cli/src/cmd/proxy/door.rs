//! Who may send through a proxy: programs of this machine that know its key, and no web page.

use client::Secret;
use hyper::header::{self, HeaderMap, HeaderName};
use hyper::http::request::Parts;
use hyper::http::uri::Authority;
use std::net::IpAddr;
use subtle::ConstantTimeEq;
use thiserror::Error;

/// Carries the key, when it is not the beginning of the path.
pub const KEY: HeaderName = HeaderName::from_static("x-latchkey-key");
/// Says which page made a browser send a request.
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// What opens the door.
pub enum Lock {
    /// Nothing is needed.
    Open,
    /// This key.
    Key(Secret),
}

/// The door of one proxy.
pub struct Door {
    /// What opens it.
    pub lock: Lock,
}

/// Why a request is not forwarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Refused {
    /// Its host is a name that somebody else may have given to this machine.
    #[error("the Host header does not name this machine: call it 127.0.0.1 or localhost")]
    ForeignHost,
    /// A web page made a browser send it.
    #[error("a web page may not send requests through this proxy")]
    WebPage,
    /// It has no key, or a wrong one.
    #[error("the key is missing or wrong: use the whole URL that `latchkey proxy` printed")]
    NoKey,
    /// It names no path.
    #[error("this is no proxy for whole URLs: put its URL in the place of the service's")]
    NoPath,
}

impl Door {
    /// The path and query to forward, without the key.
    pub fn admit(&self, request: &Parts) -> Result<String, Refused> {
        let headers = &request.headers;
        if request.uri.scheme().is_some() {
            return Err(Refused::NoPath);
        }
        let whole = request.uri.path_and_query().map(|path| path.as_str());
        let whole = whole.filter(|path| path.starts_with('/')).ok_or(Refused::NoPath)?;
        let host = only(headers, &header::HOST).filter(|host| is_this_machine(host));
        let host = host.ok_or(Refused::ForeignHost)?;
        if is_from_another_page(headers, host) {
            return Err(Refused::WebPage);
        }
        match &self.lock {
            Lock::Open => Ok(whole.to_owned()),
            Lock::Key(key) => unlock(key, headers, whole).ok_or(Refused::NoKey),
        }
    }
}

/// The value of a header that stands there once.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())?.to_str().ok()
}

fn is_this_machine(host: &str) -> bool {
    let Ok(host) = host.parse::<Authority>() else { return false };
    let name = host.host().trim_matches(['[', ']']);
    let is_address = name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    !host.as_str().contains('@') && (is_address || name.eq_ignore_ascii_case("localhost"))
}

fn is_from_another_page(headers: &HeaderMap, host: &str) -> bool {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let origin = text(&header::ORIGIN);
    let site = text(&SEC_FETCH_SITE);
    origin.is_some_and(|origin| origin.strip_prefix("http://") != Some(host))
        || site.is_some_and(|site| !matches!(site, "same-origin" | "none"))
}

/// The path without the key. A wrong key in the header is not helped by a right one in the path.
fn unlock(key: &Secret, headers: &HeaderMap, whole: &str) -> Option<String> {
    if headers.contains_key(KEY) {
        return only(headers, &KEY).filter(|given| is_same(given, key)).map(|_| whole.to_owned());
    }
    let path = whole.strip_prefix('/')?;
    let (given, rest) = path.split_at_checked(path.find(['/', '?']).unwrap_or(path.len()))?;
    let slash = if rest.starts_with('/') { "" } else { "/" };
    is_same(given, key).then(|| format!("{slash}{rest}"))
}

fn is_same(given: &str, key: &Secret) -> bool {
    given.as_bytes().ct_eq(key.expose().as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::Request;

    fn admit(lock: Lock, uri: &str, headers: &[(&str, &str)]) -> Result<String, Refused> {
        let request = Request::builder().uri(uri);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        Door { lock }.admit(&request.body(()).unwrap().into_parts().0)
    }

    fn locked(uri: &str, headers: &[(&str, &str)]) -> Result<String, Refused> {
        admit(Lock::Key(Secret::new("k3y")), uri, headers)
    }

    #[test]
    fn the_key_opens_and_is_not_forwarded() {
        let host = ("host", "127.0.0.1:8400");
        for (uri, path) in [
            ("/k3y/api/v2/task?a=/k3y", "/api/v2/task?a=/k3y"),
            ("/k3y", "/"),
            ("/k3y/", "/"),
            ("/k3y?a=1", "/?a=1"),
        ] {
            assert_eq!(locked(uri, &[host]).as_deref(), Ok(path), "{uri}");
        }
        for uri in ["/", "/k3", "/k3yy/a", "//k3y/a", "/api/k3y"] {
            assert_eq!(locked(uri, &[host]), Err(Refused::NoKey), "{uri}");
        }
        assert_eq!(locked("/a", &[host, ("x-latchkey-key", "k3y")]).as_deref(), Ok("/a"));
        assert_eq!(locked("/k3y/a", &[host, ("x-latchkey-key", "k3x")]), Err(Refused::NoKey));
    }

    #[test]
    fn only_names_of_this_machine_are_hosts() {
        for host in ["127.0.0.1:8400", "127.9.9.9", "localhost:1", "LOCALHOST", "[::1]:8400"] {
            assert!(admit(Lock::Open, "/a", &[("host", host)]).is_ok(), "{host}");
        }
        for host in ["evil.example:8400", "localhost.evil.example", "a@127.0.0.1", "10.0.0.1", ""] {
            assert_eq!(admit(Lock::Open, "/a", &[("host", host)]), Err(Refused::ForeignHost), "{host}");
        }
        assert_eq!(admit(Lock::Open, "/a", &[]), Err(Refused::ForeignHost));
        let twice = [("host", "localhost"), ("host", "localhost")];
        assert_eq!(admit(Lock::Open, "/a", &twice), Err(Refused::ForeignHost));
        assert_eq!(admit(Lock::Open, "http://a.example/", &[("host", "localhost")]), Err(Refused::NoPath));
    }

    #[test]
    fn no_web_page_comes_in_but_its_own() {
        let host = ("host", "localhost:8400");
        for (header, comes) in [
            (("origin", "http://localhost:8400"), true),
            (("origin", "http://localhost:3000"), false),
            (("origin", "https://localhost:8400"), false),
            (("origin", "null"), false),
            (("sec-fetch-site", "none"), true),
            (("sec-fetch-site", "same-origin"), true),
            (("sec-fetch-site", "same-site"), false),
            (("sec-fetch-site", "cross-site"), false),
        ] {
            assert_eq!(admit(Lock::Open, "/a", &[host, header]).is_ok(), comes, "{header:?}");
        }
    }
}
