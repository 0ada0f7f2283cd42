//! A session here as the provider that opened it knows it: what a single logout names (SAML 2.0 profiles, section 4.4).

use super::service::Service;
use aws_lc_rs::digest;
use std::fmt;
use wire::{IdentityProviderId, OrgId};

/// What a provider calls somebody (SAML 2.0 core, section 2.2.3). It is no secret, but in no log either.
#[derive(Clone, PartialEq, Eq)]
pub struct NameId {
    /// The name itself.
    pub value: String,
    /// What kind of name it is; `None` is no kind in particular.
    pub format: Option<String>,
    /// The provider among whose names it is one, where it says so.
    pub name_qualifier: Option<String>,
    /// The service that it is a name for, where it says so.
    pub sp_name_qualifier: Option<String>,
}

impl fmt::Debug for NameId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NameId(..)")
    }
}

/// No kind in particular, written out (core, section 8.3.1).
const UNSPECIFIED: &str = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified";

impl NameId {
    /// Whether two names are one, said by this issuer to this service: what a name leaves out is that (core, section 8.3.7).
    pub(crate) fn is_same(&self, other: &Self, issuer: &str, service: &Service) -> bool {
        let or = |said: &Option<String>, else_said: &str| said.as_deref().unwrap_or(else_said).to_owned();
        self.value == other.value
            && or(&self.format, UNSPECIFIED) == or(&other.format, UNSPECIFIED)
            && or(&self.name_qualifier, issuer) == or(&other.name_qualifier, issuer)
            && or(&self.sp_name_qualifier, &service.entity_id)
                == or(&other.sp_name_qualifier, &service.entity_id)
    }
}

/// What a single logout has to know of a session that SAML opened.
#[derive(Clone, PartialEq, Eq)]
pub struct SamlSession {
    /// The org that it was opened in.
    pub org: OrgId,
    /// Whose assertion opened it.
    pub provider: IdentityProviderId,
    /// Whom the assertion was about.
    pub name: NameId,
    /// What the provider calls its own session, if it does.
    pub index: Option<String>,
}

impl fmt::Debug for SamlSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SamlSession({}, {})", self.org, self.provider)
    }
}

impl SamlSession {
    /// By what it is found.
    pub fn subject(&self) -> Subject {
        Subject::of(self.provider, &self.name)
    }
}

/// SHA-256 of a provider and the value of a name there: what the sessions of one person are found by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subject(pub [u8; 32]);

impl Subject {
    /// The digest of whom a provider calls so.
    pub fn of(provider: IdentityProviderId, name: &NameId) -> Self {
        let mut all = digest::Context::new(&digest::SHA256);
        all.update(&provider.bits().to_be_bytes());
        all.update(name.value.as_bytes());
        Self(all.finish().as_ref().try_into().unwrap_or([0; 32]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUER: &str = "https://idp.test";

    fn name(value: &str, format: Option<&str>, qualifiers: [Option<&str>; 2]) -> NameId {
        let [name_qualifier, sp_name_qualifier] = qualifiers.map(|it| it.map(str::to_owned));
        NameId { value: value.into(), format: format.map(str::to_owned), name_qualifier, sp_name_qualifier }
    }

    #[test]
    fn a_name_is_the_same_with_what_it_may_leave_out() {
        let service = Service {
            entity_id: "https://us.test".into(),
            acs: "https://us.test/acs".into(),
            slo: "https://us.test/slo".into(),
        };
        let plain = name("ada", None, [None, None]);
        let is_same = |other: NameId| {
            assert_eq!(plain.is_same(&other, ISSUER, &service), other.is_same(&plain, ISSUER, &service));
            plain.is_same(&other, ISSUER, &service)
        };
        assert!(is_same(name("ada", Some(UNSPECIFIED), [Some(ISSUER), Some("https://us.test")])));
        for other in [
            name("Ada", None, [None, None]),
            name("ada", Some("urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"), [None, None]),
            name("ada", None, [Some("https://other.test"), None]),
            name("ada", None, [None, Some("https://other.test")]),
        ] {
            assert!(!is_same(other));
        }
        assert_eq!(format!("{plain:?}"), "NameId(..)");
    }
}
