//! Identity providers (protocol.md 5.4): whose JWTs an org accepts for a sign-in, and which user each of them means.

use crate::access::{Permit, action};
use crate::audit::Event;
use crate::cx::{Cx, Federation, Policy};
use crate::entropy;
use crate::key_set::{Algorithm, KeySetUrl};
use crate::name::UserName;
use crate::store::StoreError;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use wire::{IdentityProviderId, OrgId, UserId};

/// Providers that one org may have; each sign-in reads them all.
const MOST: usize = 32;

/// Users that one provider may name by hand.
const MOST_ALIASES: usize = 200;

/// Claims that are about the token and not about its subject.
const NOT_A_SUBJECT: [&str; 7] = ["iss", "aud", "exp", "nbf", "iat", "jti", "uti"];

/// An identity provider of an org.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityProvider {
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

/// What an administrator asks for, as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// The `iss` of its tokens.
    pub issuer: String,
    /// Where it publishes its keys.
    pub keys: String,
    /// What it signs with.
    pub algorithm: String,
    /// The claim that says who it is.
    pub token_claim: String,
    /// What that claim is compared with: `aliasName` or `uid`.
    pub match_type: String,
    /// Values of the claim, each with the user that it means; when there are any, no other value means anybody.
    pub aliases: Vec<Alias>,
    /// The `aud` of its tokens; `None` is the org's entity id.
    pub audience: Option<String>,
}

/// A value of a claim, and the user that it means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alias {
    /// The value, compared exactly.
    pub value: String,
    /// The name of the user.
    pub user: String,
}

/// A draft that keeps the rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    draft: Draft,
    keys: KeySetUrl,
    algorithm: Algorithm,
    by_id: bool,
}

/// A field that breaks its rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{field} {rule}")]
pub struct Unfit {
    /// Which, by its name on the wire.
    pub field: &'static str,
    /// What it has to be.
    pub rule: &'static str,
}

/// Whom a value of a claim means.
pub(crate) enum Meant<'a> {
    /// The user of this name.
    Name(&'a str),
    /// The user with this id.
    Id(UserId),
}

impl TryFrom<Draft> for Terms {
    type Error = Unfit;

    fn try_from(draft: Draft) -> Result<Self, Unfit> {
        let no = |field, rule| Err(Unfit { field, rule });
        if !is_word(&draft.issuer, 255) {
            return no("endPoints.issuer", "has 1 to 255 characters and no blanks");
        }
        let Ok(keys) = draft.keys.parse() else {
            return no("endPoints.keys", "is the https URL of a key set, at most 255 characters");
        };
        let Ok(algorithm) = draft.algorithm.parse() else {
            return no(
                "signingAlgorithm",
                "is RS, PS or ES with 256, 384 or 512, or EdDSA: keys are published",
            );
        };
        let by_id = match draft.match_type.as_str() {
            "aliasName" => false,
            "uid" if draft.aliases.is_empty() => true,
            _ => return no("accountPolicy.link.matchType", "is aliasName, or uid without aliases"),
        };
        if !is_word(&draft.token_claim, 64) || NOT_A_SUBJECT.contains(&draft.token_claim.as_str()) {
            return no(
                "accountPolicy.link.tokenClaim",
                "is the name of a claim about the subject, such as sub",
            );
        }
        if draft.audience.as_ref().is_some_and(|audience| !is_word(audience, 255)) {
            return no("audience", "has 1 to 255 characters and no blanks");
        }
        if !are_good(&draft.aliases) {
            return no(
                "accountPolicy.link.aliases",
                "has at most 200 different values, each with a user name",
            );
        }
        Ok(Self { draft, keys, algorithm, by_id })
    }
}

pub(crate) fn is_word(text: &str, most: usize) -> bool {
    !text.is_empty()
        && text.chars().count() <= most
        && !text.contains(|c: char| c.is_whitespace() || c.is_control())
}

fn are_good(aliases: &[Alias]) -> bool {
    let mut values = HashSet::new();
    let is_good = |alias: &Alias| {
        (1..=512).contains(&alias.value.chars().count()) && alias.user.parse::<UserName>().is_ok()
    };
    aliases.len() <= MOST_ALIASES && aliases.iter().all(|alias| is_good(alias) && values.insert(&alias.value))
}

impl Terms {
    /// The draft that they are made of.
    pub fn draft(&self) -> &Draft {
        &self.draft
    }

    /// The `iss` of its tokens.
    pub fn issuer(&self) -> &str {
        &self.draft.issuer
    }

    /// Where it publishes its keys.
    pub fn keys(&self) -> &KeySetUrl {
        &self.keys
    }

    /// What it signs with, whatever a token says.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The claim that says who it is.
    pub fn claim(&self) -> &str {
        &self.draft.token_claim
    }

    /// Whom a value of that claim means.
    pub(crate) fn meant<'a>(&'a self, value: &'a str) -> Option<Meant<'a>> {
        if self.by_id {
            return value.parse().ok().map(Meant::Id);
        }
        if self.draft.aliases.is_empty() {
            return Some(Meant::Name(value));
        }
        let alias = self.draft.aliases.iter().find(|alias| alias.value == value);
        alias.map(|alias| Meant::Name(&alias.user))
    }

    /// Keeps what the instance's settings ask for on top.
    fn allowed(self, policy: &Policy) -> Result<Self, Unfit> {
        let no = |field, rule| Err(Unfit { field, rule });
        if self.keys.is_plain() && !policy.federation.plain_http {
            return no("endPoints.keys", "is the https URL of a key set, at most 255 characters");
        }
        if policy.federation.vendor_rules && !is_under(self.issuer(), self.keys.as_str()) {
            return no("endPoints.keys", "begins with the issuer");
        }
        if policy.federation.vendor_rules && (self.draft.audience.is_some() || !self.draft.aliases.is_empty())
        {
            return no("audience", "is not taken here, nor are aliases");
        }
        Ok(self)
    }
}

/// Whether a URL is the issuer's own or below it; another host that only begins alike is not.
fn is_under(issuer: &str, url: &str) -> bool {
    let rest = url.strip_prefix(issuer);
    rest.is_some_and(|rest| issuer.ends_with('/') || rest.is_empty() || rest.starts_with('/'))
}

/// The audience that the tokens of a provider must name.
pub(crate) enum Audience<'a> {
    /// The org's entity id, or a resource below it (protocol.md 4.3, 6.1).
    Entity(String),
    /// This very word.
    Word(&'a str),
}

impl Audience<'_> {
    /// Whether a given audience is this one.
    pub(crate) fn is(&self, given: &str) -> bool {
        match self {
            Self::Entity(entity) => given
                .strip_prefix(entity.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/')),
            Self::Word(word) => given == *word,
        }
    }
}

impl IdentityProvider {
    /// The audience that its tokens must name.
    pub(crate) fn audience(&self, federation: &Federation) -> Audience<'_> {
        match &self.terms.draft.audience {
            Some(word) => Audience::Word(word),
            None => Audience::Entity(format!("https://{}.{}", self.org.base62(), federation.host)),
        }
    }
}

/// Why a provider was not added, changed or found.
#[derive(Debug)]
pub enum ProviderError {
    /// What was asked for breaks a rule.
    Unfit(Unfit),
    /// The org has a provider of that issuer.
    Taken,
    /// The org has as many as it may.
    TooMany,
    /// The org has none with that id.
    NotFound,
    /// The store did not do it.
    Store(StoreError),
}

impl From<Unfit> for ProviderError {
    fn from(unfit: Unfit) -> Self {
        Self::Unfit(unfit)
    }
}

impl From<StoreError> for ProviderError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict => Self::Taken,
            other => Self::Store(other),
        }
    }
}

/// The providers of the org, oldest first.
pub async fn list(
    cx: &Cx,
    permit: &Permit<action::Federate>,
) -> Result<Vec<IdentityProvider>, ProviderError> {
    Ok(cx.store.identity_providers(permit.org()).await?)
}

/// One provider of the org.
pub async fn find(
    cx: &Cx,
    permit: &Permit<action::Federate>,
    id: IdentityProviderId,
) -> Result<IdentityProvider, ProviderError> {
    let all = list(cx, permit).await?;
    all.into_iter().find(|provider| provider.id == id).ok_or(ProviderError::NotFound)
}

/// Adds a provider, whose tokens are accepted from now on.
pub async fn add(
    cx: &Cx,
    permit: Permit<action::Federate>,
    terms: Terms,
) -> Result<IdentityProvider, ProviderError> {
    let (org, now, terms) = (permit.org(), cx.clock.now(), terms.allowed(&cx.policy)?);
    let most = if cx.policy.federation.vendor_rules { 1 } else { MOST };
    if cx.store.identity_providers(org).await?.len() >= most {
        return Err(ProviderError::TooMany);
    }
    let id = IdentityProviderId::from_bits(entropy::id(&*cx.entropy));
    let provider = IdentityProvider { id, org, terms, created_at: now, updated_at: now };
    let event = Event::IdentityProviderAdded { org, provider: id, by: permit.by() };
    cx.store.add_identity_provider(&provider, &event.at(now)).await?;
    Ok(provider)
}

/// Puts other terms in the place of those of a provider.
pub async fn change(
    cx: &Cx,
    permit: Permit<action::Federate>,
    id: IdentityProviderId,
    terms: Terms,
) -> Result<IdentityProvider, ProviderError> {
    let terms = terms.allowed(&cx.policy)?;
    let provider = IdentityProvider { terms, updated_at: cx.clock.now(), ..find(cx, &permit, id).await? };
    let event = Event::IdentityProviderChanged { org: provider.org, provider: id, by: permit.by() };
    let was_there = cx.store.change_identity_provider(&provider, &event.at(provider.updated_at)).await?;
    if was_there { Ok(provider) } else { Err(ProviderError::NotFound) }
}

/// Removes a provider: no token of it opens a session any more, and the sessions that it opened live on.
pub async fn remove(
    cx: &Cx,
    permit: Permit<action::Federate>,
    id: IdentityProviderId,
) -> Result<(), ProviderError> {
    let event = Event::IdentityProviderRemoved { org: permit.org(), provider: id, by: permit.by() };
    let was_there = cx.store.remove_identity_provider(permit.org(), id, &event.at(cx.clock.now())).await?;
    if was_there { Ok(()) } else { Err(ProviderError::NotFound) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_below_the_issuer_is_on_its_host() {
        let issuer = "https://idp.example.com";
        assert!(is_under(issuer, "https://idp.example.com/.well-known/jwks.json"));
        assert!(is_under("https://idp.example.com/", "https://idp.example.com/keys"));
        for url in
            ["https://idp.example.com.evil.test/keys", "https://idp.example.com:8443/keys", "https://other/"]
        {
            assert!(!is_under(issuer, url), "{url}");
        }
    }

    #[test]
    fn the_audience_is_the_entity_or_something_below_it() {
        let audience = Audience::Entity("https://org.host".to_owned());
        assert!(audience.is("https://org.host") && audience.is("https://org.host/LoginResource1"));
        for given in
            ["", "https://org.host.evil.test", "https://org.hos", "HTTPS://ORG.HOST", "https://org.host1"]
        {
            assert!(!audience.is(given), "{given}");
        }
        assert!(!Audience::Word("ci").is("ci/more"));
    }
}
