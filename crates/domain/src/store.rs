//! What the rules ask of a store. One method is one transaction, decides nothing, and carries the event that records it.

mod clients;
mod federation;
mod orgs;
mod people;
mod provisioning;

pub use clients::Clients;
pub use federation::{IdentityProviders, OneShot, SamlProviders, SamlSessions};
pub use orgs::{Orgs, Policies};
pub use people::{Passwords, People};
pub use provisioning::Provisioning;

use crate::attempts::{Counters, Tried};
use crate::audit::Entry;
use crate::audit::chain::{Link, Sealed};
use crate::audit::checkpoint::Checkpoint;
use crate::keyring::KeyRecord;
use crate::method::hash::PasswordHash;
use crate::name::{CanonicalName, NameDigest};
use crate::org::Org;
use crate::page::Page;
use crate::revision::Revision;
use crate::roster::{Handle, Logged, Origin};
pub use crate::saml::key::SamlKeys;
use crate::session::{Live, Place, Session, SessionDigest};
use crate::time::Timestamp;
use crate::user::{Account, User};
use async_trait::async_trait;
use std::sync::Arc;
use std::time::Duration;
use wire::{OrgId, UserId};

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
    + SamlSessions
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
        + SamlSessions
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

    /// The same org at once, if it is in memory; `None` says nothing but that the store has to be asked.
    fn org_at_hand(&self, id: OrgId) -> Option<Arc<Org>>;

    /// The same user at once, if they are in memory.
    fn user_at_hand(&self, id: UserId) -> Option<Arc<User>>;

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

/// Sessions and what happened, as administrators see them.
#[async_trait]
pub trait Roster: Send + Sync {
    /// The sessions of an org, or of one user of it, that are alive at `now`, the last used first, each with what is known
    /// of where it was opened from.
    async fn sessions(
        &self,
        org: OrgId,
        user: Option<UserId>,
        page: Page,
        now: Timestamp,
    ) -> Result<Vec<(Arc<Session>, Origin)>, StoreError>;

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

    /// The same at once, if session, user and org are all in memory; `None` says nothing but that the store has to be asked.
    fn at_hand(&self, digest: &SessionDigest) -> Option<Live>;

    /// How late the last use of a session reaches the disk, beside the two seconds between two rounds of writing.
    fn lag(&self) -> Duration;

    /// Notes that the session has changed in memory; written behind.
    fn touched(&self, session: &Arc<Session>);

    /// Ends a session; it is on disk before this returns, and comes to its end even if nobody waits.
    async fn end_session(&self, session: &Arc<Session>, entry: &Entry) -> Result<(), StoreError>;

    /// Ends every session of an org; it is on disk before this returns.
    async fn end_org_sessions(&self, org: OrgId, entry: &Entry) -> Result<(), StoreError>;

    /// Takes a place among the `limit` sessions that the org may hold at `now`; `None` when all are taken.
    async fn place(&self, org: OrgId, limit: u64, now: Timestamp) -> Result<Option<Place>, StoreError>;

    /// Forgets sessions that ended before `before`: in each minute others, all of them in about an hour.
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
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when not `before` signs now, or not nobody: somebody else has made a key meanwhile.
    async fn rotate_key(
        &self,
        key: &KeyRecord,
        before: Option<&str>,
        entry: &Entry,
    ) -> Result<(), StoreError>;

    /// Forgets keys that were retired before `before`.
    async fn forget_keys(&self, before: Timestamp) -> Result<(), StoreError>;

    /// A number that changes when another process may have made a key.
    async fn changes_elsewhere(&self) -> Result<i64, StoreError>;
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

    /// How long ago what is in memory was certainly true, when other nodes change the same store; `Duration::MAX` before
    /// anything was heard of them. `None` for a store of one node.
    fn news_age(&self) -> Option<Duration> {
        None
    }

    /// What time it is for the store itself, when other nodes use it whose clocks may be others. `None` for a store of
    /// one node.
    async fn time(&self) -> Result<Option<Timestamp>, StoreError> {
        Ok(None)
    }

    /// Writes what is pending and lets go of the store.
    async fn close(&self);
}
