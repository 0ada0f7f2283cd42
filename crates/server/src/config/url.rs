//! The base of URLs that clients are told, parsed once at the door.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

/// An `http` or `https` URL without query and without a slash at its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BaseUrl(String);

impl BaseUrl {
    /// The URL of a service at an address.
    pub fn of(tls: bool, address: SocketAddr) -> Self {
        Self(format!("{}://{address}", if tls { "https" } else { "http" }))
    }

    /// The text, without a slash at its end.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The host, and the port if one was written.
    pub fn authority(&self) -> &str {
        let after_scheme = self.0.split_once("://").map_or(self.0.as_str(), |(_, rest)| rest);
        after_scheme.split_once('/').map_or(after_scheme, |(authority, _)| authority)
    }
}

/// This text cannot be the base of other URLs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotABaseUrl(String);

impl fmt::Display for NotABaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is not like https://host or http://host:port/path, without user, query and fragment",
            self.0
        )
    }
}

impl std::error::Error for NotABaseUrl {}

impl FromStr for BaseUrl {
    type Err = NotABaseUrl;

    fn from_str(text: &str) -> Result<Self, NotABaseUrl> {
        let no = || NotABaseUrl(text.to_owned());
        let url: http::Uri = text.parse().map_err(|_| no())?;
        let (Some(scheme), Some(authority)) = (url.scheme_str(), url.authority()) else { return Err(no()) };
        let plain = url.query().is_none() && !text.contains('#') && !authority.as_str().contains('@');
        if !plain || !matches!(scheme, "http" | "https") || authority.host().is_empty() {
            return Err(no());
        }
        Ok(Self(format!("{scheme}://{authority}{}", url.path().trim_end_matches('/'))))
    }
}

impl TryFrom<String> for BaseUrl {
    type Error = NotABaseUrl;

    fn try_from(text: String) -> Result<Self, NotABaseUrl> {
        text.parse()
    }
}

impl From<BaseUrl> for String {
    fn from(url: BaseUrl) -> Self {
        url.0
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_ends_without_a_slash() {
        for (text, kept) in [
            ("https://id.example.com", "https://id.example.com"),
            ("https://id.example.com/", "https://id.example.com"),
            ("HTTP://Id.example.com:8080/login//", "http://Id.example.com:8080/login"),
            ("http://[::1]:8470", "http://[::1]:8470"),
        ] {
            assert_eq!(text.parse::<BaseUrl>().unwrap().as_str(), kept);
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "id.example.com",
            "/login",
            "ftp://a",
            "https://",
            "https://a?b",
            "https://a#b",
            "https://u@a",
            "http://a b",
        ] {
            assert!(text.parse::<BaseUrl>().is_err(), "{text}");
        }
    }
}
