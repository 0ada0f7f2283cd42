//! What the rules ask of a store. One method is one transaction, decides nothing, and carries the event that records it.

mod clients;
mod provisioning;

pub use clients::Clients;
pub use provisioning::Provisioning;

use crate::attempts::{Counters, Tried};
use crate::audit::Entry;
use crate::audit::chain::{Link, Sealed};
use crate::audit::checkpoint::Checkpoint;
use crate::group::Group;
use crate::identity_provider::IdentityProvider;
use crate::keyring::KeyRecord;
use crate::method::hash::PasswordHash;
use crate::name::{CanonicalName, NameDigest};
use crate::once::Mark;
use crate::org::Org;
use crate::page::Page;
use crate::password::Replacement;
use crate::revision::Revision;
use crate::role::CustomRole;
use crate::roster::{Handle, Logged};
pub use crate::saml::key::SamlKeys;
use crate::saml::mapping::{GroupChange, Links};
use crate::saml::provider::Provider as SamlProvider;
use crate::session::{Live, Place, Session, SessionDigest};
use crate::time::Timestamp;
use crate::user::{Account, Keep, LastSignIn, User};
use async_trait::async_trait;
use std::sync::Arc;
use wire::{GroupId, IdentityProviderId, OrgId, RoleId, UserId};

/// Everything that is kept.
pub trait Store:
    Directory
    + Policies
    + Orgs
    + Passwords
    + People
    + Sessions
    + Roster
    + AttemptCounters
    + Keys
    + Audit
    + IdentityProviders
    + SamlProviders
    + SamlKeys
    + OneShot
    + Clients
    + Provisioning
    + Health
{
}
impl<T> Store for T where
    T: Directory
        + Policies
        + Orgs
        + Passwords
        + People
        + Sessions
        + Roster
        + AttemptCounters
        + Keys
        + Audit
        + IdentityProviders
        + SamlProviders
        + SamlKeys
        + SamlKeys
        + OneShot
        + Clients
        + Provisioning
        + Health
{
}

/// Why a store did not do it. Neither names the driver beneath.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The store cannot be reached, is full or is read-only; nothing was written, a later try may do.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// Something else has that id or name already.
    #[error("it exists already")]
    Conflict,
    /// A record does not have the shape it was written in.
    #[error("the store holds a record that cannot be read: {0}")]
    Corrupt(String),
}

/// Orgs and users.
#[async_trait]
pub trait Directory: Send + Sync {
    /// The account with this name, read anew.
    async fn account(&self, name: &CanonicalName) -> Result<Option<Account>, StoreError>;

    /// The org with this id.
    async fn org(&self, id: OrgId) -> Result<Option<Arc<Org>>, StoreError>;

    /// The user with this id.
    async fn user(&self, id: UserId) -> Result<Option<Arc<User>>, StoreError>;

    /// Whether there is no org at all.
    async fn is_empty(&self) -> Result<bool, StoreError>;

    /// Adds orgs and accounts.
    async fn found(&self, orgs: &[Org], accounts: &[Account], entry: &Entry) -> Result<(), StoreError>;

    /// Puts `new` in the place of `old`; does nothing when `old` is no longer there.
    async fn rehash(
        &self,
        user: UserId,
        old: &PasswordHash,
        new: &PasswordHash,
        entry: &Entry,
    ) -> Result<(), StoreError>;
}

/// What orgs decide for themselves.
#[async_trait]
pub trait Policies: Send + Sync {
    /// Puts what an org decides in the place of its writing before; a conflict if that writing is not the last.
    async fn replace_policy(&self, new: &Org, entry: &Entry) -> Result<(), StoreError>;
}

/// Orgs as administrators see them. A change that has happened is seen by the next call of anybody.
#[async_trait]
pub trait Orgs: Send + Sync {
    /// An org and every org below it, by name.
    async fn orgs_within(&self, top: OrgId, page: Page) -> Result<Vec<Arc<Org>>, StoreError>;

    /// Adds an org below one that is there, and its first user if there is one; a conflict if the org above is gone or
    /// the user's name is taken.
    async fn add_org(&self, org: &Org, first: Option<&Account>, entries: &[Entry]) -> Result<(), StoreError>;

    /// Puts an org in the place of its writing before; a conflict if that writing is not the last.
    async fn replace_org(&self, new: &Org, entry: &Entry) -> Result<(), StoreError>;

    /// Removes an org with all that is its own, and ends its sessions; a conflict if this writing is not the last or an
    /// org stands below it.
    async fn remove_org(&self, org: &Org, entry: &Entry) -> Result<(), StoreError>;
}

/// Passwords and answers beside those that a sign-in reads.
#[async_trait]
pub trait Passwords: Send + Sync {
    /// When the password of a user was set; `None` when it has none.
    async fn password_set_at(&self, user: UserId) -> Result<Option<Timestamp>, StoreError>;

    /// The password of a user in force, and those that were replaced since.
    async fn passwords(&self, user: UserId, since: Timestamp) -> Result<Vec<PasswordHash>, StoreError>;

    /// The answer of a user to the security question.
    async fn security_answer(&self, user: UserId) -> Result<Option<PasswordHash>, StoreError>;

    /// Puts an answer in the place of the one before; a conflict if the user is gone.
    async fn replace_security_answer(
        &self,
        user: UserId,
        answer: &PasswordHash,
        entry: &Entry,
    ) -> Result<(), StoreError>;
}

/// Users, roles and groups as administrators see them. A change that has happened is seen by the next call of anybody.
#[async_trait]
pub trait People: Send + Sync {
    /// The orgs right below an org, by name; the first thousand.
    async fn orgs_below(&self, org: OrgId) -> Result<Vec<Arc<Org>>, StoreError>;

    /// The users of an org, by name.
    async fn users(&self, org: OrgId, page: Page) -> Result<Vec<UserId>, StoreError>;

    /// When and how a user signed in last, read anew: what is at hand of a user does not change with it.
    async fn last_sign_in(&self, user: UserId) -> Result<Option<LastSignIn>, StoreError>;

    /// Adds a user with its roles and groups; a name that is taken is a conflict.
    async fn add_user(&self, account: &Account, entry: &Entry) -> Result<(), StoreError>;

    /// Adds users with their roles and groups, all of them or none; a name that is taken is a conflict.
    async fn add_users(&self, accounts: &[Account], entries: &[Entry]) -> Result<(), StoreError>;

    /// Puts a user in the place of its writing before, and ends the sessions that do not go on; a conflict if that
    /// writing is not the last.
    async fn replace_user(&self, new: &User, keep: Keep, entry: &Entry) -> Result<(), StoreError>;

    /// Gives a user another password, remembers the one before, and ends the sessions that do not go on; a conflict if this writing of the user is
    /// not the last.
    async fn replace_password(
        &self,
        user: &User,
        new: &Replacement,
        keep: Keep,
        entry: &Entry,
    ) -> Result<(), StoreError>;

    /// Removes a user and ends its sessions; a conflict if this writing of the user is not the last.
    async fn remove_user(&self, user: &User, entry: &Entry) -> Result<(), StoreError>;

    /// The roles that an org has made, by name.
    async fn roles(&self, org: OrgId) -> Result<Vec<Arc<CustomRole>>, StoreError>;

    /// The role with this id, if an org has made it.
    async fn role(&self, id: RoleId) -> Result<Option<Arc<CustomRole>>, StoreError>;

    /// The role that an org has made under this name.
    async fn role_named(
        &self,
        org: OrgId,
        name: &CanonicalName,
    ) -> Result<Option<Arc<CustomRole>>, StoreError>;

    /// Adds a role; a name that is taken is a conflict.
    async fn add_role(&self, role: &CustomRole, entry: &Entry) -> Result<(), StoreError>;

    /// Puts a role in the place of its writing before; a conflict if that writing is not the last.
    async fn replace_role(&self, new: &CustomRole, entry: &Entry) -> Result<(), StoreError>;

    /// Removes a role, from users and groups too; a conflict if it is gone.
    async fn remove_role(&self, id: RoleId, entry: &Entry) -> Result<(), StoreError>;

    /// The groups of an org, by name.
    async fn groups(&self, org: OrgId, page: Page) -> Result<Vec<Arc<Group>>, StoreError>;

    /// The group with this id.
    async fn group(&self, id: GroupId) -> Result<Option<Arc<Group>>, StoreError>;

    /// The group of an org with this name.
    async fn group_named(&self, org: OrgId, name: &CanonicalName) -> Result<Option<Arc<Group>>, StoreError>;

    /// The first thousand members of a group.
    async fn members(&self, group: GroupId) -> Result<Vec<UserId>, StoreError>;

    /// Adds a group with its members; a name that is taken is a conflict.
    async fn add_group(&self, group: &Group, members: &[UserId], entry: &Entry) -> Result<(), StoreError>;

    /// Puts a group with its members in the place of its writing before; a conflict if that writing is not the last.
    async fn replace_group(&self, new: &Group, members: &[UserId], entry: &Entry) -> Result<(), StoreError>;

    /// Removes a group; a conflict if it is gone.
    async fn remove_group(&self, id: GroupId, entry: &Entry) -> Result<(), StoreError>;
}

/// Sessions and what happened, as administrators see them.
#[async_trait]
pub trait Roster: Send + Sync {
    /// The sessions of an org, or of one user of it, that are alive at `now`, the last used first.
    async fn sessions(
        &self,
        org: OrgId,
        user: Option<UserId>,
        page: Page,
        now: Timestamp,
    ) -> Result<Vec<Arc<Session>>, StoreError>;

    /// The session that a handle names.
    async fn session_by_handle(&self, handle: Handle) -> Result<Option<Arc<Session>>, StoreError>;

    /// Ends every session of a user; it is on disk before this returns.
    async fn end_user_sessions(&self, user: UserId, entry: &Entry) -> Result<(), StoreError>;

    /// What happened in an org between two instants, the latest first.
    async fn logged(
        &self,
        org: OrgId,
        between: (Timestamp, Timestamp),
        page: Page,
    ) -> Result<Vec<Logged>, StoreError>;
}

/// Sessions: a table in memory that answers, and a store that is the truth.
#[async_trait]
pub trait Sessions: Send + Sync {
    /// Keeps a new session; it is on disk before this returns. A conflict when its user is not active any more or not
    /// as it was when it was proven.
    async fn open_session(
        &self,
        session: &Arc<Session>,
        proven: &Revision,
        entry: &Entry,
    ) -> Result<(), StoreError>;

    /// The session with this digest, with its user and org; ended ones may be absent or marked.
    async fn live(&self, digest: &SessionDigest) -> Result<Option<Live>, StoreError>;

    /// Notes that the session has changed in memory; written behind, at most five seconds late.
    fn touched(&self, session: &Arc<Session>);

    /// Ends a session; it is on disk before this returns, and comes to its end even if nobody waits.
    async fn end_session(&self, session: &Arc<Session>, entry: &Entry) -> Result<(), StoreError>;

    /// Ends every session of an org; it is on disk before this returns.
    async fn end_org_sessions(&self, org: OrgId, entry: &Entry) -> Result<(), StoreError>;

    /// Takes a place among the `limit` sessions that the org may hold at `now`; `None` when all are taken.
    async fn place(&self, org: OrgId, limit: u64, now: Timestamp) -> Result<Option<Place>, StoreError>;

    /// Forgets what ended before `before`.
    async fn forget_sessions(&self, before: Timestamp) -> Result<(), StoreError>;
}

/// Counters of failed sign-ins: one for each name and network, and one for each name.
#[async_trait]
pub trait AttemptCounters: Send + Sync {
    /// The counters of a name and a network.
    async fn attempts(&self, tried: Tried) -> Result<Counters, StoreError>;

    /// Writes what `new` has if the counters still have the versions of `old`; says whether they had.
    async fn replace_attempts(
        &self,
        tried: Tried,
        old: &Counters,
        new: &Counters,
        entry: Option<&Entry>,
    ) -> Result<bool, StoreError>;

    /// Forgets the failures of a name from everywhere, and its locks.
    async fn lift_lock(&self, name: NameDigest, entry: &Entry) -> Result<(), StoreError>;

    /// Forgets counters untouched since `before`, those of networks that signed in since `known` excepted, and the
    /// oldest of each kind beyond half of `most`.
    async fn forget_attempts(&self, before: Timestamp, known: Timestamp, most: u32)
    -> Result<(), StoreError>;
}

/// Signing keys.
#[async_trait]
pub trait Keys: Send + Sync {
    /// Every key that has not been forgotten, oldest first.
    async fn keys(&self) -> Result<Vec<KeyRecord>, StoreError>;

    /// Adds a key and retires every other one that is not retired yet.
    async fn rotate_key(&self, key: &KeyRecord, entry: &Entry) -> Result<(), StoreError>;

    /// Forgets keys that were retired before `before`.
    async fn forget_keys(&self, before: Timestamp) -> Result<(), StoreError>;

    /// A number that changes when another process has written to the store.
    async fn changes_elsewhere(&self) -> Result<i64, StoreError>;
}

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

/// Marks of what may be used once.
#[async_trait]
pub trait OneShot: Send + Sync {
    /// Remembers a mark; it is on disk before this returns. False when it was remembered already, by whichever node.
    async fn spend(&self, mark: &Mark) -> Result<bool, StoreError>;

    /// Forgets the marks whose time ended before `before`, and says how many each org has left.
    async fn forget_marks(&self, before: Timestamp) -> Result<Vec<(OrgId, u64)>, StoreError>;
}

/// The record of what happened, entry by entry, with its checkpoints.
#[async_trait]
pub trait Audit: Send + Sync {
    /// Records events that change nothing else, in this order; not forced to disk.
    async fn record_behind(&self, entries: &[Entry]) -> Result<(), StoreError>;

    /// Number and hash of the last entry; `None` for an empty record.
    async fn last_entry(&self) -> Result<Option<(i64, Link)>, StoreError>;

    /// The entries after this number, in order, at most so many.
    async fn entries(&self, after: i64, most: u32) -> Result<Vec<Sealed>, StoreError>;

    /// Keeps a checkpoint; does nothing when there is one of its kind for that entry.
    async fn keep_checkpoint(&self, checkpoint: &Checkpoint) -> Result<(), StoreError>;

    /// The checkpoints after one number and up to another, in order.
    async fn checkpoints(&self, after: i64, through: i64) -> Result<Vec<Checkpoint>, StoreError>;

    /// The last checkpoint of any kind.
    async fn last_checkpoint(&self) -> Result<Option<Checkpoint>, StoreError>;

    /// The last mark that was signed before `before`.
    async fn mark_before(&self, before: Timestamp) -> Result<Option<Checkpoint>, StoreError>;

    /// The last cut.
    async fn last_cut(&self) -> Result<Option<Checkpoint>, StoreError>;

    /// Keeps a cut: from now on the record begins after it.
    async fn cut(&self, cut: &Checkpoint, entry: &Entry) -> Result<(), StoreError>;

    /// Deletes the entries up to this number, and the checkpoints before it.
    async fn forget_entries(&self, through: i64) -> Result<(), StoreError>;
}

/// The record of what happened, and whether the store can do its work at all.
#[async_trait]
pub trait Health: Send + Sync {
    /// Records an event that changes nothing else.
    async fn record(&self, entry: &Entry) -> Result<(), StoreError>;

    /// Succeeds when the store can be read and written.
    async fn ready(&self) -> Result<(), StoreError>;

    /// Writes what is pending and lets go of the store.
    async fn close(&self);
}
