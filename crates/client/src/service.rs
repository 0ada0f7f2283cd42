//! Which service wants which headers (protocol.md 1.3), decided by host and path.

use crate::credential::Family;
use crate::session::{Session, Token};
use crate::sign_in::sensitive;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use reqwest::Url;
use wire::header::{IC_SESSION_ID, IDS_SESSION_ID, INFA_SESSION_ID, ORG_ID, USER_SESSION};

/// Names the product that asks, for services that want to know.
const PRODUCT: HeaderName = HeaderName::from_static("x-infa-product-id");

/// A family of services that take the same headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Service {
    /// Catalog's public API, `/data360/…`: token, org and session.
    Catalog,
    /// Catalog's internal API, `/ccgf-…`: token, cookie and product.
    CatalogInternal,
    /// Classification and metadata command center: token, session and product.
    Classification,
    /// Workflow definitions: token and session.
    Workflow,
    /// Data Marketplace: token alone.
    Marketplace,
    /// Platform v2.
    V2,
    /// Platform v3.
    V3,
    /// identity-service and `jwt/Token`: session and cookie.
    Identity,
    /// Profiling, metrics, mass ingestion, master data: `IDS-SESSION-ID` and nothing else.
    Session,
    /// Application integration, `/active-bpel/…`: the session in the header of the family that opened it.
    Processes,
    /// Nobody knows: the session in all three headers, of which services ignore what they do not know.
    Unknown,
}

/// The beginning of a path, and the service that is there.
const PATHS: [(&str, Service); 18] = [
    ("/data360/", Service::Catalog),
    ("/ccgf-", Service::CatalogInternal),
    ("/classification", Service::Classification),
    ("/mcc", Service::Classification),
    ("/workflow", Service::Workflow),
    ("/data-marketplace", Service::Marketplace),
    ("/ma/api/v2/", Service::V2),
    ("/api/v2/", Service::V2),
    ("/public/core/v3/", Service::V3),
    ("/identity-service/", Service::Identity),
    ("/session-service/", Service::Session),
    ("/gate", Service::Session),
    ("/mftsaas/", Service::Session),
    ("/frs/", Service::Session),
    ("/rdm-service/", Service::Session),
    ("/business-entity/", Service::Session),
    ("/profiling-service/", Service::Session),
    ("/active-bpel/", Service::Processes),
];

/// What the first label of a host ends with, and the service that is there.
const HOSTS: [(&str, Service); 4] = [
    ("-mdm", Service::Session),
    ("-dqprofile", Service::Session),
    ("-ing", Service::Session),
    ("-cai", Service::Processes),
];

impl Service {
    /// The service at a URL.
    pub fn of(url: &Url) -> Self {
        let path = url.path().strip_prefix("/saas").unwrap_or(url.path()).to_ascii_lowercase();
        let by_path = PATHS.iter().find(|(beginning, _)| path.starts_with(beginning));
        let label = url.host_str().and_then(|host| host.split('.').next()).unwrap_or_default();
        let by_host = HOSTS.iter().find(|(ending, _)| label.ends_with(ending));
        by_path.or(by_host).map_or(Self::Unknown, |(_, service)| *service)
    }

    /// Whether it takes a token.
    pub fn wants_token(self) -> bool {
        match self {
            Self::Catalog
            | Self::CatalogInternal
            | Self::Classification
            | Self::Workflow
            | Self::Marketplace => true,
            Self::V2 | Self::V3 | Self::Identity | Self::Session | Self::Processes | Self::Unknown => false,
        }
    }

    /// Whether it takes a session.
    pub fn wants_session(self) -> bool {
        self != Self::Marketplace
    }

    /// The headers that it wants, none of which a log shows.
    pub(crate) fn headers(self, session: Option<&Session>, token: Option<&Token>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if let Some(token) = token {
            let bearer = format!("Bearer {}", token.value.expose());
            headers.insert(header::AUTHORIZATION, sensitive(&bearer));
        }
        if let Some(session) = session {
            for name in self.carriers(session.family) {
                headers.insert(HeaderName::from_static(name), sensitive(session.id.expose()));
            }
            if matches!(self, Self::CatalogInternal | Self::Identity) {
                let cookie = format!("{USER_SESSION}={}", session.id.expose());
                headers.insert(header::COOKIE, sensitive(&cookie));
            }
        }
        if self == Self::Catalog
            && let Some(org) = org(session, token)
        {
            headers.insert(HeaderName::from_static(ORG_ID), org);
        }
        if let Some(product) = self.product() {
            headers.insert(PRODUCT, HeaderValue::from_static(product));
        }
        headers
    }

    fn carriers(self, family: Family) -> &'static [&'static str] {
        match (self, family) {
            (Self::CatalogInternal | Self::Marketplace, _) => &[],
            (Self::Catalog | Self::Classification | Self::Workflow | Self::Identity | Self::Session, _)
            | (Self::Processes, Family::V1) => &[IDS_SESSION_ID],
            (Self::V2, _) | (Self::Processes, Family::V2) => &[IC_SESSION_ID],
            (Self::V3, _) => &[INFA_SESSION_ID, IDS_SESSION_ID],
            (Self::Processes, Family::V3) => &[INFA_SESSION_ID],
            (Self::Unknown, _) => &[INFA_SESSION_ID, IDS_SESSION_ID, IC_SESSION_ID],
        }
    }

    fn product(self) -> Option<&'static str> {
        match self {
            Self::CatalogInternal => Some("CDGC"),
            Self::Classification => Some("MCC"),
            _ => None,
        }
    }
}

fn org(session: Option<&Session>, token: Option<&Token>) -> Option<HeaderValue> {
    let in_token = token.map(|token| token.org_id.as_str()).filter(|org| !org.is_empty());
    HeaderValue::from_str(in_token.or(session.map(|session| session.org_id.as_str()))?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::tests::session;
    use crate::time::Timestamp;
    use wire::Secret;

    /// The headers for a URL, in the order of their names.
    fn sent(url: &str) -> String {
        let url = Url::parse(url).unwrap();
        let service = Service::of(&url);
        let session = session("s", Timestamp::default());
        let token = Token {
            value: Secret::new("t"),
            client_id: "idmc_api".to_owned(),
            org_id: "o".to_owned(),
            minted: Timestamp::default(),
            expires: Timestamp::default(),
        };
        let headers = service
            .headers(service.wants_session().then_some(&session), service.wants_token().then_some(&token));
        let mut lines: Vec<_> =
            headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
        lines.sort();
        lines.join(", ")
    }

    #[test]
    fn every_family_gets_its_headers() {
        for (url, headers) in [
            (
                "https://idmc-api.dm-us.informaticacloud.com/data360/search/v1/assets",
                "authorization: Bearer t, ids-session-id: s, x-infa-org-id: o",
            ),
            (
                "https://cdgc-api.dm-us.informaticacloud.com/ccgf-searchv2/api/v1/search",
                "authorization: Bearer t, cookie: USER_SESSION=s, x-infa-product-id: CDGC",
            ),
            (
                "https://usw1.dm-us.informaticacloud.com/saas/public/core/v3/users",
                "ids-session-id: s, infa-session-id: s",
            ),
            ("https://usw1.dm-us.informaticacloud.com/saas/api/v2/task", "icsessionid: s"),
            (
                "https://usw1-mdm.dm-us.informaticacloud.com/business-entity/public/api/v1/entity",
                "ids-session-id: s",
            ),
            ("https://usw1-cai.dm-us.informaticacloud.com/active-bpel/rt/x", "infa-session-id: s"),
            ("https://usw1.dm-us.informaticacloud.com/mftsaas/api/v1/jobs", "ids-session-id: s"),
            (
                "https://dm-us.informaticacloud.com/identity-service/api/v1/CurrentUserInfo",
                "cookie: USER_SESSION=s, ids-session-id: s",
            ),
            ("https://a.example/data-marketplace/x", "authorization: Bearer t"),
            ("https://a.example/what", "icsessionid: s, ids-session-id: s, infa-session-id: s"),
        ] {
            assert_eq!(sent(url), headers, "{url}");
        }
    }
}
