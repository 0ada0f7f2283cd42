//! What this service is to an identity provider (protocol.md 6.1), for each org another one.

use crate::cx::{Cx, Policy};
use wire::OrgId;

/// The names and places of an org's service provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Its entity id, and the audience of assertions for it.
    pub entity_id: String,
    /// Where assertions for it are posted to.
    pub acs: String,
    /// Where messages of a single logout for it are sent to.
    pub slo: String,
}

impl Service {
    /// The service provider of an org.
    pub fn of(cx: &Cx, org: OrgId) -> Self {
        Self::by(&cx.policy, org)
    }

    pub(crate) fn by(policy: &Policy, org: OrgId) -> Self {
        let (id, base) = (org.base62(), &policy.issuer);
        Self {
            entity_id: format!("https://{id}.{}", policy.federation.host),
            acs: format!("{base}/acs/{id}"),
            slo: format!("{base}/slo/{id}"),
        }
    }
}
