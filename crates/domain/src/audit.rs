//! Everything worth remembering, as one enum. No secret ever enters: no password, no session id, no token.

pub mod chain;
pub mod checkpoint;
pub mod denial;
pub mod export;
mod kind;
pub mod line;
mod reason;
pub(crate) mod scim_use;
pub mod seal;
pub mod trail;
pub mod verify;

pub use kind::Kind;
pub use reason::{Distrust, MintRefusal, Refusal, TokenRefusal};

use crate::name::NameDigest;
use crate::session::SessionDigest;
use crate::time::Timestamp;
use checkpoint::Endorsement;
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;
use std::net::IpAddr;
use wire::{ClientId, ClientSecretId, GroupId, IdentityProviderId, OrgId, RoleId, ScimTokenId, UserId};

/// An event and the instant at which it happened.
#[derive(Debug, Clone)]
pub struct Entry {
    /// When.
    pub at: Timestamp,
    /// What.
    pub event: Event,
}

/// What happened.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[expect(missing_docs, reason = "the fields are the who, where and which of the event, and named so")]
pub enum Event {
    /// A proof was accepted and a session opened.
    SignedIn { user: UserId, org: OrgId, session: SessionMark, method: &'static str, visit: Visit },
    /// A sign-in was refused; the caller heard none of this.
    SignInRefused { name: NameMark, user: Option<UserId>, reason: Refusal, locked: bool, visit: Visit },
    /// An assertion was refused; the caller heard none of this.
    AssertionRefused {
        org: Option<OrgId>,
        provider: Option<IdentityProviderId>,
        user: Option<UserId>,
        reason: Distrust,
        visit: Visit,
    },
    /// A message of a single logout was refused; whoever brought it heard none of this.
    LogoutRefused { org: Option<OrgId>, provider: Option<IdentityProviderId>, reason: Distrust, visit: Visit },
    /// Sessions of somebody were ended because their identity provider said so; no user when there were none.
    SignedOutByProvider {
        org: OrgId,
        provider: IdentityProviderId,
        user: Option<UserId>,
        sessions: Vec<SessionMark>,
        visit: Visit,
    },
    /// An identity provider answered that somebody who left here was signed out there, everywhere or not.
    LogoutAnswered { org: OrgId, provider: IdentityProviderId, everywhere: bool, visit: Visit },
    /// An org trusts an identity provider from now on.
    IdentityProviderAdded { org: OrgId, provider: IdentityProviderId, by: UserId },
    /// The terms of an identity provider were changed.
    IdentityProviderChanged { org: OrgId, provider: IdentityProviderId, by: UserId },
    /// An org does not trust an identity provider any more.
    IdentityProviderRemoved { org: OrgId, provider: IdentityProviderId, by: UserId },
    /// An OAuth client was refused; the caller heard none of this.
    ClientRefused {
        name: NameMark,
        org: Option<OrgId>,
        client: Option<ClientId>,
        reason: Refusal,
        locked: bool,
        visit: Visit,
    },
    /// A token was withdrawn before its time by an OAuth client that presented it.
    TokenRevoked { org: OrgId, user: UserId, jti: String, by: ClientId },
    /// An account was made or changed by what an identity provider says.
    UserProvisioned { org: OrgId, user: UserId, provider: IdentityProviderId, how: Written },
    /// Groups or roles of an identity provider mean roles here, or do so no more.
    SamlMappingsWritten { org: OrgId, roles: Vec<RoleId>, by: UserId, how: Written },
    /// Sign-ins were tried while the name was locked: the first of a lock, and once it is over all others together.
    LockedAttempts { name: NameMark, user: Option<UserId>, count: u64, visit: Visit },
    /// Tokens were minted; written a moment later, many together.
    TokensMinted { org: OrgId, tokens: Vec<Minted> },
    /// No token was minted.
    MintRefused { org: OrgId, user: UserId, session: Option<SessionMark>, reason: MintRefusal },
    /// Somebody tried what they may not do: the method and the route, and on what, if that is theirs to know.
    Denied { org: OrgId, user: UserId, act: String, on: Option<denial::Target> },
    /// More happened at once than could be kept until it was written.
    NotRecorded { count: u64 },
    /// A password hash was made anew because its kind or cost was outdated.
    PasswordRehashed { user: UserId, org: OrgId },
    /// A session was ended by its holder.
    SignedOut { user: UserId, org: OrgId, session: SessionMark },
    /// Every session of an org was ended.
    OrgSessionsEnded { org: OrgId, by: UserId },
    /// A signing key took over from the one before it.
    KeyRotated { kid: String, thumbprint: String, endorsed: Option<Endorsement>, by: Hand },
    /// The key that signs for SAML identity providers was made.
    SamlKeyMade { fingerprint: String },
    /// Entries that were older than they are kept were let go, up to this one.
    AuditCut { through: i64 },
    /// Who holds the machine is about to copy the whole store.
    BackedUp {},
    /// Who holds the machine is about to read the record of every org.
    AuditExported { since: Option<String> },
    /// A backup took the place of the store.
    Restored { sessions_ended: bool },
    /// Who holds the machine put orgs and users into the store.
    Founded { orgs: usize, users: usize },
    /// A user was added, changed, disabled, removed or given another password.
    UserWritten { org: OrgId, user: UserId, by: UserId, how: Written },
    /// A role was added, changed or removed.
    RoleWritten { org: OrgId, role: RoleId, by: UserId, how: Written },
    /// A group was added, changed or removed.
    GroupWritten { org: OrgId, group: GroupId, by: UserId, how: Written },
    /// An OAuth client was added, changed, disabled or removed.
    ClientWritten { org: OrgId, client: ClientId, by: UserId, how: Written },
    /// An OAuth client got another secret.
    ClientSecretAdded { org: OrgId, client: ClientId, secret: ClientSecretId, by: UserId },
    /// An OAuth client lost a secret, and the tokens that it got by it.
    ClientSecretRemoved { org: OrgId, client: ClientId, secret: ClientSecretId, by: UserId },
    /// The failures of a user were forgotten, and the lock on its name lifted.
    LockLifted { org: OrgId, user: UserId, by: UserId },
    /// An address failed too often; written once an hour, however often it goes on.
    AddressThrottled { visit: Visit },
    /// An org decided something else for itself: the fields, with what they say now.
    PolicyChanged { org: OrgId, by: UserId, changed: BTreeMap<&'static str, serde_json::Value> },
    /// An org was changed.
    OrgWritten { org: OrgId, by: UserId, how: Written },
    /// An org right below another was added or removed, with everything in it; it is in the record of the upper one.
    SubOrgWritten { org: OrgId, sub_org: OrgId, by: UserId, how: Written },
    /// A session was ended by somebody who may.
    SessionEnded { org: OrgId, user: UserId, session: SessionMark, by: UserId },
    /// Every session of a user was ended.
    UserSessionsEnded { org: OrgId, user: UserId, by: UserId },
    /// A SCIM token was made for an org.
    ScimTokenMade { org: OrgId, token: ScimTokenId, by: UserId },
    /// A SCIM token was removed.
    ScimTokenRemoved { org: OrgId, token: ScimTokenId, by: UserId },
    /// SCIM was asked with a token that is not good any more, or that nobody knows: all requests of a minute together.
    ScimRefused {
        org: Option<OrgId>,
        token: Option<ScimTokenId>,
        reason: TokenRefusal,
        count: u64,
        address: Option<IpAddr>,
    },
}

impl Event {
    /// The event, at `at`.
    pub fn at(self, at: Timestamp) -> Entry {
        Entry { at, event: self }
    }

    /// The org whose record it is, when it has one.
    pub fn org(&self) -> Option<OrgId> {
        match self {
            Self::SignedIn { org, .. }
            | Self::TokensMinted { org, .. }
            | Self::MintRefused { org, .. }
            | Self::Denied { org, .. }
            | Self::PasswordRehashed { org, .. }
            | Self::SignedOut { org, .. }
            | Self::OrgSessionsEnded { org, .. }
            | Self::UserWritten { org, .. }
            | Self::RoleWritten { org, .. }
            | Self::GroupWritten { org, .. }
            | Self::LockLifted { org, .. }
            | Self::PolicyChanged { org, .. }
            | Self::OrgWritten { org, .. }
            | Self::TokenRevoked { org, .. }
            | Self::ClientWritten { org, .. }
            | Self::ClientSecretAdded { org, .. }
            | Self::ClientSecretRemoved { org, .. }
            | Self::SubOrgWritten { org, .. }
            | Self::SessionEnded { org, .. }
            | Self::UserSessionsEnded { org, .. }
            | Self::ScimTokenMade { org, .. }
            | Self::ScimTokenRemoved { org, .. }
            | Self::UserProvisioned { org, .. }
            | Self::SignedOutByProvider { org, .. }
            | Self::LogoutAnswered { org, .. }
            | Self::SamlMappingsWritten { org, .. }
            | Self::IdentityProviderAdded { org, .. }
            | Self::IdentityProviderChanged { org, .. }
            | Self::IdentityProviderRemoved { org, .. } => Some(*org),
            Self::AssertionRefused { org, .. }
            | Self::LogoutRefused { org, .. }
            | Self::ClientRefused { org, .. }
            | Self::ScimRefused { org, .. } => *org,
            Self::SignInRefused { .. }
            | Self::LockedAttempts { .. }
            | Self::AddressThrottled { .. }
            | Self::NotRecorded { .. }
            | Self::AuditCut { .. }
            | Self::KeyRotated { .. }
            | Self::BackedUp { .. }
            | Self::AuditExported { .. }
            | Self::SamlKeyMade { .. }
            | Self::Restored { .. }
            | Self::Founded { .. } => None,
        }
    }
}

/// What was done to a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Written {
    /// It is new.
    Added,
    /// It says something else.
    Changed,
    /// Its user may not sign in any more.
    Disabled,
    /// Its user has other roles or groups.
    Granted,
    /// Its user has another password.
    Password,
    /// Its user has another answer to the security question.
    SecurityAnswer,
    /// It is gone.
    Removed,
}

/// A token that was minted; of the token itself only its name.
#[derive(Debug, Clone, Serialize)]
pub struct Minted {
    /// The `jti` of the token.
    pub jti: String,
    /// Whom it is for.
    pub user: UserId,
    /// From which session.
    pub session: Option<SessionMark>,
    /// For which client.
    pub client: String,
    /// The `iat` of the token, in seconds since 1970.
    pub iat: i64,
}

/// By what a key was replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Hand {
    /// By the service, because it was time.
    Service,
    /// By somebody who holds the machine.
    Tool,
}

/// Through which door a caller came, and from where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Visit {
    /// The family of the endpoint.
    pub door: Door,
    /// The address of the peer.
    pub address: Option<IpAddr>,
}

/// The families of endpoints where one can sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Door {
    /// identity-service v1.
    V1,
    /// Platform v2.
    V2,
    /// Platform v3.
    V3,
    /// authz-service, OAuth 2.
    #[serde(rename = "oauth")]
    OAuth,
    /// Our own administration.
    Own,
    /// The pages for people.
    Web,
}

/// The first bytes of a session's digest: enough to tell sessions apart, useless for finding one.
#[derive(Debug, Clone, Copy)]
pub struct SessionMark(SessionDigest);

impl From<SessionDigest> for SessionMark {
    fn from(digest: SessionDigest) -> Self {
        Self(digest)
    }
}

impl Serialize for SessionMark {
    fn serialize<S: Serializer>(&self, into: S) -> Result<S::Ok, S::Error> {
        into.collect_str(&format_args!("{:?}", self.0))
    }
}

/// The first bytes of a name's digest: people type passwords into name fields.
#[derive(Debug, Clone, Copy)]
pub struct NameMark(NameDigest);

impl From<NameDigest> for NameMark {
    fn from(digest: NameDigest) -> Self {
        Self(digest)
    }
}

impl Serialize for NameMark {
    fn serialize<S: Serializer>(&self, into: S) -> Result<S::Ok, S::Error> {
        into.collect_str(&format_args!("{:?}", self.0))
    }
}
