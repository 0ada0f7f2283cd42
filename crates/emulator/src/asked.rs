//! A request as the emulator sees it before anybody answers: what faults match and what the journal keeps.

use http::{HeaderMap, Method};
use std::net::IpAddr;

/// The way by which a request came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Front {
    /// Straight to the emulator's own address.
    Direct,
    /// Through the intercepting proxy, to this host of the vendor.
    Vendor(String),
}

impl Front {
    /// The vendor's host that was asked, if it was one.
    pub fn host(&self) -> Option<&str> {
        match self {
            Self::Direct => None,
            Self::Vendor(host) => Some(host),
        }
    }
}

/// A request, and who seems to send it.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The way it came.
    pub front: Front,
    /// Its method.
    pub method: Method,
    /// Its path, without the query.
    pub path: String,
    /// The address that it came from, if it is known.
    pub from: Option<IpAddr>,
    /// Its query, without the question mark.
    pub query: Option<String>,
    /// Its headers; some hold secrets.
    pub headers: HeaderMap,
    /// The user that a live session or token names, or that a sign-in names in its body.
    pub user: Option<String>,
    /// The org of that user's session or token.
    pub org: Option<String>,
}
