//! The SAML identity provider of an org (protocol.md 6.2): its names and keys, and what an arrival from there becomes.

use super::certificate::Certificate;
use crate::access::{Grantable, Joinable, Permit, action};
use crate::audit::Event;
use crate::cx::{Cx, Policy};
use crate::entropy;
use crate::identity_provider::{ProviderError, Unfit, is_word};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use wire::{GroupId, IdentityProviderId, OrgId, RoleId};

/// Certificates that one provider may have at once, for a roll-over.
const MOST_CERTIFICATES: usize = 8;

/// The longest entity id (SAML 2.0 core, section 8.3.6), and the longest name of an attribute, in characters.
const LONGEST: usize = 1_024;

/// Names that are other ones each time: they mean nobody (core, section 8.3.8).
const TRANSIENT: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient";

/// No format in particular (core, section 8.3.1).
const UNSPECIFIED: &str = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified";

/// The SAML identity provider of an org.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    /// Its id.
    pub id: IdentityProviderId,
    /// The org that trusts it.
    pub org: OrgId,
    /// What was agreed.
    pub terms: Terms,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// What an administrator asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// Its entity id, compared exactly.
    pub issuer: String,
    /// Where sign-ins begin, one place for each binding.
    pub single_sign_on: Vec<Endpoint>,
    /// Where sign-outs go.
    pub single_logout: Vec<Endpoint>,
    /// Certificates with its keys, in PEM; what is signed with any of them is trusted.
    pub certificates: Vec<String>,
    /// The kind of name that it has to give; `None` takes any.
    pub name_id_format: Option<String>,
    /// What its attributes are called.
    pub attributes: Attributes,
    /// The role of an arrival that has no other.
    pub default_role: Option<RoleId>,
    /// The group of an arrival that has no other.
    pub default_group: Option<GroupId>,
    /// Whether only accounts that exist may arrive.
    pub disable_auto_provisioning: bool,
    /// Whether roles and groups are taken from the provider at each sign-in.
    pub map_groups_and_roles: bool,
    /// Whether signatures with SHA-1 are good enough.
    pub allow_sha1: bool,
    /// Whether a browser may bring an assertion that nobody here asked for.
    pub idp_initiated: bool,
}

/// A place at a provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// How a browser is sent there.
    pub binding: Binding,
    /// Where it is.
    pub url: String,
    /// Where answers go, if elsewhere (SAML 2.0 metadata, section 2.2.2).
    #[serde(default)]
    pub response_url: Option<String>,
}

impl Endpoint {
    /// The endpoint that a browser is sent to: in a URL it also arrives where no page of ours may be shown.
    pub(super) fn preferred(all: &[Self]) -> Option<&Self> {
        let by = |binding| all.iter().find(|endpoint| endpoint.binding == binding);
        by(Binding::Redirect).or_else(|| by(Binding::Post))
    }

    /// Every URL of it.
    fn urls(&self) -> impl Iterator<Item = &String> {
        std::iter::once(&self.url).chain(&self.response_url)
    }
}

/// How a browser carries a message (SAML 2.0 bindings, sections 3.4 and 3.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Binding {
    /// In a URL.
    Redirect,
    /// In a form.
    Post,
}

impl Binding {
    /// The name in metadata.
    pub const fn urn(self) -> &'static str {
        match self {
            Self::Redirect => "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect",
            Self::Post => "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST",
        }
    }
}

/// What attributes are called; `None` is not read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each is named like the field of a user that it fills")]
pub struct Attributes {
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub email: Option<String>,
    pub title: Option<String>,
    pub phone: Option<String>,
    pub groups: Option<String>,
    pub roles: Option<String>,
}

/// A draft that keeps the rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    draft: Draft,
    certificates: Vec<Certificate>,
}

impl TryFrom<Draft> for Terms {
    type Error = Unfit;

    fn try_from(mut draft: Draft) -> Result<Self, Unfit> {
        let no = |field, rule| Err(Unfit { field, rule });
        if !is_word(&draft.issuer, LONGEST) {
            return no("issuer", "has 1 to 1024 characters and no blanks");
        }
        for (field, all) in [("singleSignOn", &draft.single_sign_on), ("singleLogout", &draft.single_logout)]
        {
            if !are_good(all) {
                return no(field, "has at most one https URL for each binding");
            }
        }
        let certificates = draft.certificates.iter().map(|text| text.parse::<Certificate>());
        let Ok(certificates) = certificates.collect::<Result<Vec<_>, _>>() else {
            return no(
                "certificates",
                "are X.509 in PEM, with RSA keys from 2048 bits or on P-256, P-384 or P-521",
            );
        };
        if certificates.is_empty() || certificates.len() > MOST_CERTIFICATES {
            return no("certificates", "are 1 to 8");
        }
        draft.certificates = certificates.iter().map(Certificate::pem).collect();
        draft.name_id_format = draft.name_id_format.filter(|format| format != UNSPECIFIED);
        if draft.name_id_format.as_ref().is_some_and(|it| it == TRANSIENT || !is_word(it, LONGEST)) {
            return no("nameIdFormat", "is the URN of a kind of name that stays the same");
        }
        if !draft.attributes.names().all(|name| is_word(name, LONGEST)) {
            return no("attributes", "have names of 1 to 1024 characters without blanks");
        }
        Ok(Self { draft, certificates })
    }
}

impl Attributes {
    fn names(&self) -> impl Iterator<Item = &str> {
        let Self { first_name, last_name, email, title, phone, groups, roles } = self;
        [first_name, last_name, email, title, phone, groups, roles].into_iter().flatten().map(String::as_str)
    }
}

fn are_good(endpoints: &[Endpoint]) -> bool {
    let is_good = |url: &String| {
        let rest = ["https://", "http://"].iter().find_map(|scheme| url.strip_prefix(scheme));
        let is_odd = |c: char| !c.is_ascii_graphic() || "@#\\\"<>".contains(c);
        rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with(['/', '?']))
            && url.len() <= LONGEST
            && !url.contains(is_odd)
    };
    let of = |binding| endpoints.iter().filter(|endpoint| endpoint.binding == binding).count();
    endpoints.iter().flat_map(Endpoint::urls).all(is_good)
        && of(Binding::Redirect) <= 1
        && of(Binding::Post) <= 1
}

impl Terms {
    /// The draft that they are made of, with its certificates in one spelling.
    pub fn draft(&self) -> &Draft {
        &self.draft
    }

    /// Its certificates.
    pub fn certificates(&self) -> &[Certificate] {
        &self.certificates
    }

    /// Keeps what the instance's settings ask for on top.
    fn allowed(self, policy: &Policy) -> Result<Self, Unfit> {
        let all = self.draft.single_sign_on.iter().chain(&self.draft.single_logout);
        if all.flat_map(Endpoint::urls).any(|url| url.starts_with("http://")) && !policy.federation.plain_http
        {
            return Err(Unfit { field: "singleSignOn", rule: "and singleLogout are https URLs" });
        }
        Ok(self)
    }
}

/// What an arrival gets that has nothing else; both were judged as if they were given by hand.
#[derive(Debug, Default)]
pub struct Defaults {
    /// One role, or none.
    pub role: Grantable,
    /// One group, or none.
    pub group: Joinable,
}

/// The provider of the org, if it has one.
pub async fn find(cx: &Cx, permit: &Permit<action::Federate>) -> Result<Provider, ProviderError> {
    cx.store.saml_provider(permit.org()).await?.ok_or(ProviderError::NotFound)
}

/// Trusts a provider from now on, in the place of the one before it.
pub async fn put(
    cx: &Cx,
    permit: &Permit<action::Federate>,
    mut draft: Draft,
    defaults: Defaults,
) -> Result<Provider, ProviderError> {
    draft.default_role = defaults.role.into_roles().first().map(|role| role.id());
    draft.default_group = defaults.group.into_groups().first().map(|group| group.id);
    write(cx, permit, draft).await
}

/// Takes names, places and certificates from a provider's metadata, and leaves everything else as it is.
pub async fn import(
    cx: &Cx,
    permit: &Permit<action::Federate>,
    metadata: super::metadata::Metadata,
) -> Result<Provider, ProviderError> {
    let draft = cx.store.saml_provider(permit.org()).await?.map(|before| before.terms.draft);
    write(cx, permit, metadata.over(draft.unwrap_or_default())).await
}

async fn write(cx: &Cx, permit: &Permit<action::Federate>, draft: Draft) -> Result<Provider, ProviderError> {
    let (org, now, by) = (permit.org(), cx.clock.now(), permit.by());
    let terms = Terms::try_from(draft)?.allowed(&cx.policy)?;
    let (provider, event) = match cx.store.saml_provider(org).await? {
        Some(before) => {
            let provider = before.id;
            let event = Event::IdentityProviderChanged { org, provider, by };
            (Provider { terms, updated_at: now, ..before }, event)
        }
        None => {
            let id = IdentityProviderId::from_bits(entropy::id(&*cx.entropy));
            let event = Event::IdentityProviderAdded { org, provider: id, by };
            (Provider { id, org, terms, created_at: now, updated_at: now }, event)
        }
    };
    cx.store.put_saml_provider(&provider, &event.at(now)).await?;
    Ok(provider)
}

/// Trusts the provider no more. Accounts that came from there stay, and so do sessions that it opened.
pub async fn remove(cx: &Cx, permit: &Permit<action::Federate>) -> Result<(), ProviderError> {
    let before = find(cx, permit).await?;
    let event = Event::IdentityProviderRemoved { org: before.org, provider: before.id, by: permit.by() };
    let was_there = cx.store.remove_saml_provider(before.org, &event.at(cx.clock.now())).await?;
    if was_there { Ok(()) } else { Err(ProviderError::NotFound) }
}
