//! Whom a password is hashed with: what shares the hashing threads fairly, known before anything is read.
//!
//! An org is in a flow only where somebody proved to belong to it: with this name, from this network, lately, on this
//! node. A name that exists and one that does not are in the same flow until then, so waiting tells nothing of either.

use crate::name::NameDigest;
use crate::network::Network;
use crate::org::Org;
use quick_cache::sync::Cache;
use std::sync::{Arc, Weak};
use wire::OrgId;

/// What shares the hashing threads: orgs first, then the networks of an org, then the names that a network tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Flow {
    /// The org that was proven; none for whoever proved nothing yet.
    pub org: Option<OrgId>,
    /// Where it is tried from.
    pub network: Network,
    /// What is tried; none for what is not a sign-in.
    pub name: Option<NameDigest>,
}

impl Flow {
    /// That of what is done in an org by somebody who is known already.
    pub(crate) fn within(org: OrgId) -> Self {
        Self { org: Some(org), network: Network::Everywhere, name: None }
    }
}

/// How many proven flows are remembered, about 150 bytes each.
const REMEMBERED: usize = 50_000;

/// The orgs that were proven lately, by name and network.
pub(crate) struct Flows(Cache<(NameDigest, Network), OrgId>);

impl Default for Flows {
    fn default() -> Self {
        Self(Cache::new(REMEMBERED))
    }
}

impl Flows {
    /// The flow of a name that is tried from a network, whether there is such a name or not.
    pub(crate) fn of(&self, name: NameDigest, network: Network) -> Flow {
        Flow { org: self.0.get(&(name, network)), network, name: Some(name) }
    }

    /// Remembers that whoever has this name belongs to the org.
    pub(crate) fn proven(&self, name: NameDigest, network: Network, org: &Org) {
        if self.0.get(&(name, network)) != Some(org.id) {
            self.0.insert((name, network), org.id);
        }
    }
}

/// Whether somebody still waits for an answer; what nobody waits for is not hashed.
#[derive(Debug, Clone, Default)]
pub struct Waiter(Option<Weak<()>>);

/// Somebody who waits for an answer, until it is dropped.
#[derive(Debug)]
pub struct Waiting(#[expect(dead_code, reason = "it is there to be dropped")] Arc<()>);

impl Waiter {
    /// Somebody who waits, and what tells whether they still do.
    pub fn new() -> (Waiting, Self) {
        let here = Arc::new(());
        let waiter = Self(Some(Arc::downgrade(&here)));
        (Waiting(here), waiter)
    }

    /// What is done whether anybody waits or not.
    pub fn always() -> Self {
        Self(None)
    }

    /// Whether nobody waits any more.
    pub fn has_gone(&self) -> bool {
        self.0.as_ref().is_some_and(|here| here.strong_count() == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::CanonicalName;

    fn from(address: u8) -> Network {
        Network::of(Some(std::net::IpAddr::from([203, 0, 113, address])))
    }

    #[test]
    fn an_org_is_known_by_what_was_proven_from_the_same_network() {
        let flows = Flows::default();
        let (ada, org) = (CanonicalName::of("ada").digest(), OrgId::from_bits(7));
        assert_eq!(flows.of(ada, from(1)), Flow { org: None, network: from(1), name: Some(ada) });
        flows.0.insert((ada, from(1)), org);
        assert_eq!(flows.of(ada, from(1)).org, Some(org));
        assert_eq!(flows.of(ada, from(2)).org, None);
        assert_eq!(flows.of(CanonicalName::of("bob").digest(), from(1)).org, None);
    }

    #[test]
    fn a_waiter_knows_when_nobody_waits() {
        let (waiting, waiter) = Waiter::new();
        assert!(!waiter.has_gone() && !Waiter::always().has_gone());
        drop(waiting);
        assert!(waiter.has_gone());
    }
}
