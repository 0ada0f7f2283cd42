//! The vendor's login hosts and their pods as data (protocol.md 7.7).

use std::fmt;

/// Where a line of the table comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// The vendor's documentation.
    Documented,
    /// Programs that use it.
    Seen,
}

/// A login host and the pods behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Region {
    /// A short name, such as `us`: the host's label `dm1-em` is `em1`.
    pub name: &'static str,
    /// The first label of the login host, such as `dm-us`.
    pub label: &'static str,
    /// The names of its pods, in capitals.
    pub pods: &'static [&'static str],
    /// Where this line comes from.
    pub evidence: Evidence,
}

impl Region {
    /// Every region that is known.
    pub const ALL: [Self; 18] = [
        documented("us", "dm-us", &["USW1", "USE2", "USW3", "USE4", "USW5", "USE6", "NA1", "NA2", "NA4"]),
        documented("us1", "dm1-us", &["USW1-1", "USW3-1"]),
        documented("us2", "dm2-us", &["USW1-2"]),
        seen("us3", "dm3-us", &["USE1"]),
        documented("na", "dm-na", &["CAC1"]),
        seen("ca1", "dm1-ca", &["CAC2"]),
        documented("ap", "dm-ap", &["APSE1"]),
        documented("ap1", "dm1-ap", &["APNE1"]),
        documented("apse1", "dm1-apse", &["APSE2"]),
        documented("apne", "dm-apne", &["APNE2"]),
        documented("apau1", "dm1-apau", &["APAUC1"]),
        documented("em", "dm-em", &["EMW1"]),
        documented("em1", "dm1-em", &["EMC1"]),
        seen("em2", "dm2-em", &["EMW2"]),
        documented("uk", "dm-uk", &["UK1"]),
        seen("us-preview", "dmp-us", &[]),
        seen("us-release", "dmr-us", &[]),
        seen("sandbox", "dm-sandbox", &[]),
    ];

    /// The region with this short name, label or login host.
    pub fn find(name: &str) -> Option<&'static Self> {
        let name = name.trim().to_ascii_lowercase();
        let label = name.strip_suffix(".informaticacloud.com").unwrap_or(&name);
        REGIONS.iter().find(|region| region.name == label || region.label == label)
    }

    /// The region that a pod belongs to.
    pub fn of_pod(pod: &str) -> Option<&'static Self> {
        REGIONS.iter().find(|region| region.pods.iter().any(|known| known.eq_ignore_ascii_case(pod.trim())))
    }

    /// Where its users sign in.
    pub fn login_url(&self) -> String {
        format!("https://{}.informaticacloud.com", self.label)
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

static REGIONS: [Region; Region::ALL.len()] = Region::ALL;

const fn documented(name: &'static str, label: &'static str, pods: &'static [&'static str]) -> Region {
    Region { name, label, pods, evidence: Evidence::Documented }
}

const fn seen(name: &'static str, label: &'static str, pods: &'static [&'static str]) -> Region {
    Region { name, label, pods, evidence: Evidence::Seen }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::login_url::{LoginUrl, Plain};

    #[test]
    fn a_region_is_found_by_any_of_its_names() {
        let label = |name| Region::find(name).map(|region| region.label);
        assert_eq!(label("us"), Some("dm-us"));
        assert_eq!(label("EM1"), Some("dm1-em"));
        assert_eq!(label("dm1-apse"), Some("dm1-apse"));
        assert_eq!(label("dm-uk.informaticacloud.com"), Some("dm-uk"));
        // In public code, but in no document.
        assert_eq!(label("dm-eu"), None);
    }

    #[test]
    fn a_pod_has_one_region() {
        let label = |pod| Region::of_pod(pod).map(|region| region.label);
        assert_eq!(label("usw3"), Some("dm-us"));
        assert_eq!(label("USW3-1"), Some("dm1-us"));
        assert_eq!(label("nowhere"), None);
        for pod in Region::ALL.iter().flat_map(|region| region.pods) {
            let regions = Region::ALL.iter().filter(|region| region.pods.contains(pod));
            assert_eq!(regions.count(), 1, "{pod}");
        }
    }

    #[test]
    fn every_login_host_is_a_login_url() {
        for region in Region::ALL {
            assert!(LoginUrl::parse(&region.login_url(), Plain::Loopback).is_ok(), "{region}");
        }
    }
}
