//! Whom orgs trust besides themselves, and what was used once.

use super::StoreError;
use crate::audit::Entry;
use crate::identity_provider::IdentityProvider;
use crate::once::Mark;
use crate::revision::Revision;
use crate::saml::mapping::{GroupChange, Links};
use crate::saml::provider::Provider as SamlProvider;
use crate::saml::session::{SamlSession, Subject};
use crate::session::{Session, SessionDigest};
use crate::time::Timestamp;
use async_trait::async_trait;
use std::sync::Arc;
use wire::{IdentityProviderId, OrgId, RoleId};

/// Whose assertions each org accepts.
#[async_trait]
pub trait IdentityProviders: Send + Sync {
    /// The providers of an org, oldest first, read anew.
    async fn identity_providers(&self, org: OrgId) -> Result<Vec<IdentityProvider>, StoreError>;

    /// Adds a provider; a conflict when the org has one of that issuer.
    async fn add_identity_provider(
        &self,
        provider: &IdentityProvider,
        entry: &Entry,
    ) -> Result<(), StoreError>;

    /// Writes the terms of a provider; says whether the org has it.
    async fn change_identity_provider(
        &self,
        provider: &IdentityProvider,
        entry: &Entry,
    ) -> Result<bool, StoreError>;

    /// Removes a provider; says whether the org had it.
    async fn remove_identity_provider(
        &self,
        org: OrgId,
        id: IdentityProviderId,
        entry: &Entry,
    ) -> Result<bool, StoreError>;
}

/// The SAML identity provider of each org, and what its groups and roles are here.
#[async_trait]
pub trait SamlProviders: Send + Sync {
    /// The provider of an org, read anew.
    async fn saml_provider(&self, org: OrgId) -> Result<Option<SamlProvider>, StoreError>;

    /// Keeps a provider in the place of the one before it.
    async fn put_saml_provider(&self, provider: &SamlProvider, entry: &Entry) -> Result<(), StoreError>;

    /// Removes the provider of an org; says whether it had one.
    async fn remove_saml_provider(&self, org: OrgId, entry: &Entry) -> Result<bool, StoreError>;

    /// What is mapped in an org, by name.
    async fn saml_links(&self, org: OrgId) -> Result<Links, StoreError>;

    /// Makes groups, links names with them, and gives and takes their roles; a conflict when something is taken or gone.
    async fn change_saml_groups(
        &self,
        org: OrgId,
        change: &GroupChange,
        entry: &Entry,
    ) -> Result<(), StoreError>;

    /// Maps names to roles.
    async fn add_saml_roles(
        &self,
        org: OrgId,
        added: &[(String, RoleId)],
        entry: &Entry,
    ) -> Result<(), StoreError>;

    /// Takes such mappings back.
    async fn remove_saml_roles(
        &self,
        org: OrgId,
        removed: &[(String, RoleId)],
        entry: &Entry,
    ) -> Result<(), StoreError>;
}

/// What a single logout has to know of the sessions that SAML opened; it is forgotten with its session.
#[async_trait]
pub trait SamlSessions: Send + Sync {
    /// Keeps a new session like [`open_session`](super::Sessions::open_session), and what its provider calls it.
    async fn open_saml_session(
        &self,
        session: &Arc<Session>,
        proven: &Revision,
        known_as: &SamlSession,
        entry: &Entry,
    ) -> Result<(), StoreError>;

    /// What its provider calls a session; `None` when none opened it.
    async fn saml_session(&self, digest: &SessionDigest) -> Result<Option<SamlSession>, StoreError>;

    /// The sessions of whom a provider calls so that have not been ended, read anew.
    async fn saml_sessions(&self, of: Subject) -> Result<Vec<(Arc<Session>, SamlSession)>, StoreError>;

    /// Ends sessions, all or none; it is on disk before this returns, and comes to its end even if nobody waits.
    async fn end_sessions(&self, sessions: &[Arc<Session>], entries: &[Entry]) -> Result<(), StoreError>;
}

/// Marks of what may be used once.
#[async_trait]
pub trait OneShot: Send + Sync {
    /// Remembers a mark; it is on disk before this returns. False when it was remembered already, by whichever node.
    async fn spend(&self, mark: &Mark) -> Result<bool, StoreError>;

    /// Forgets the marks whose time ended before `before`, and says how many each org has left.
    async fn forget_marks(&self, before: Timestamp) -> Result<Vec<(OrgId, u64)>, StoreError>;
}
