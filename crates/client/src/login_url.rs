//! The address of a login host, parsed once at the door.

use reqwest::Url;
use std::fmt;
use std::net::IpAddr;
use thiserror::Error;

/// Whether passwords may travel without TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Plain {
    /// Only to this machine itself.
    #[default]
    Loopback,
    /// To any host: the caller answers for the network between.
    Anywhere,
}

/// Why a text is no login URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NotALoginUrl {
    /// It is no URL with a host.
    #[error("a login URL is like https://dm-us.informaticacloud.com")]
    NotAUrl,
    /// It would send passwords without TLS.
    #[error("a login URL begins with https://, except on this machine")]
    NotHttps,
    /// It has a user, a query or a fragment.
    #[error("a login URL has no user, query or fragment")]
    TooMuch,
}

/// Where one signs in: an https URL without query and without a slash at its end.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LoginUrl(Url);

impl LoginUrl {
    /// Reads a URL; a bare host name stands for its https URL.
    pub fn parse(text: &str, plain: Plain) -> Result<Self, NotALoginUrl> {
        let text = text.trim();
        let whole = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
        let mut url = Url::parse(&whole).map_err(|_| NotALoginUrl::NotAUrl)?;
        if url.host_str().is_none_or(str::is_empty) || !matches!(url.scheme(), "http" | "https") {
            return Err(NotALoginUrl::NotAUrl);
        }
        if !may_carry_secrets(&url, plain) {
            return Err(NotALoginUrl::NotHttps);
        }
        let much = url.query().is_some() || url.fragment().is_some() || !url.username().is_empty();
        if much || url.password().is_some() {
            return Err(NotALoginUrl::TooMuch);
        }
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&path);
        Ok(Self(url))
    }

    /// The text, without a slash at its end.
    pub fn as_str(&self) -> &str {
        self.0.as_str().trim_end_matches('/')
    }

    /// The host name.
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    /// The address of something there; `path` begins with a slash and may have a query.
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.as_str())
    }

    /// The URL as its parts.
    pub fn url(&self) -> &Url {
        &self.0
    }
}

impl fmt::Display for LoginUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether a session id may travel to this URL.
pub(crate) fn may_carry_secrets(url: &Url, plain: Plain) -> bool {
    url.scheme() == "https" || (url.scheme() == "http" && (plain == Plain::Anywhere || is_loopback(url)))
}

/// Whether a URL names this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    host == "localhost" || host.ends_with(".localhost") || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_url_is_read_as_people_write_it() {
        for (text, read) in [
            ("https://DM-us.informaticacloud.com/", "https://dm-us.informaticacloud.com"),
            (" dm-us.informaticacloud.com ", "https://dm-us.informaticacloud.com"),
            ("http://127.0.0.1:8470", "http://127.0.0.1:8470"),
            ("http://[::1]:8470/", "http://[::1]:8470"),
            ("http://usw1.dm-us.localhost:80/login//", "http://usw1.dm-us.localhost/login"),
        ] {
            assert_eq!(LoginUrl::parse(text, Plain::Loopback).unwrap().as_str(), read);
        }
    }

    #[test]
    fn what_would_leak_or_mislead_is_refused() {
        for (text, why) in [
            ("http://dm-us.informaticacloud.com", NotALoginUrl::NotHttps),
            ("http://localhost.evil.example", NotALoginUrl::NotHttps),
            ("ftp://a", NotALoginUrl::NotAUrl),
            ("", NotALoginUrl::NotAUrl),
            ("https://ada:pw@a.example", NotALoginUrl::TooMuch),
            ("https://a.example?next=1", NotALoginUrl::TooMuch),
        ] {
            assert_eq!(LoginUrl::parse(text, Plain::Loopback), Err(why), "{text}");
        }
        assert!(LoginUrl::parse("http://a.example", Plain::Anywhere).is_ok());
    }
}
