//! Where somebody tries from, as coarse as one attacker can change for nothing.

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::fmt;
use std::net::IpAddr;

/// Bits of an IPv6 address that a provider gives to one customer at least; who has the rest has all of it.
const CUSTOMER: u8 = 64;

/// A network that tries names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Network {
    /// All of them together.
    Everywhere,
    /// One whose address nobody knows.
    Unknown,
    /// One address of IPv4, or 64 bits of IPv6.
    Known(IpNet),
}

impl Network {
    /// The network of an address.
    pub fn of(address: Option<IpAddr>) -> Self {
        let net = match address.map(|address| address.to_canonical()) {
            None => return Self::Unknown,
            Some(IpAddr::V4(address)) => Ipv4Net::new(address, 32).map(IpNet::from),
            Some(IpAddr::V6(address)) => Ipv6Net::new(address, CUSTOMER).map(IpNet::from),
        };
        net.map_or(Self::Unknown, |net| Self::Known(net.trunc()))
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everywhere => Ok(()),
            Self::Unknown => f.write_str("unknown"),
            Self::Known(net) => net.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_one_customer_can_change_are_one_network() {
        let of = |text: &str| Network::of(Some(text.parse().unwrap())).to_string();
        assert_eq!(of("203.0.113.7"), "203.0.113.7/32");
        assert_eq!(of("::ffff:203.0.113.7"), "203.0.113.7/32");
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
        assert_eq!(of("2001:db8:1:2:ffff::1"), "2001:db8:1:2::/64");
        assert_eq!(Network::of(None).to_string(), "unknown");
    }
}
