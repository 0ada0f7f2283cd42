//! From where requests come: ranges of addresses.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// From where anybody may come.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Network {
    /// Proxies whose word is taken for where a request came from (`Forwarded`, `X-Forwarded-For`).
    pub proxies: Vec<Range>,
    /// Ranges from which users may come, unless their org says otherwise; empty is anywhere.
    pub trusted_ip_ranges: Vec<Range>,
}

/// A range of addresses, such as `10.0.0.0/8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Range(pub IpNet);

impl TryFrom<String> for Range {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let range: IpNet = text.parse().map_err(|_| format!("{text} is no range such as 10.0.0.0/8"))?;
        let exact = range.trunc();
        if exact == range { Ok(Self(range)) } else { Err(format!("{text} is no network; {exact} is")) }
    }
}

impl From<Range> for String {
    fn from(range: Range) -> Self {
        range.0.to_string()
    }
}
