//! Where everything is kept: one SQL text, one file per noun, and the live sessions in memory in front of it.

mod at_hand;
mod attempts;
mod audit;
mod clients;
pub mod copy;
pub mod db;
mod directory;
mod elsewhere;
mod groups;
mod identity_providers;
mod keys;
mod live;
pub mod migrate;
mod once;
mod orgs;
mod passwords;
mod people;
mod places;
mod policies;
pub mod postgres;
pub mod restore;
mod roles;
mod roster;
mod saml;
mod saml_key;
mod saml_sessions;
mod scim;
mod sessions;
pub mod sqlite;
mod withdrawn;

pub use sqlite::Snapshot;

use async_trait::async_trait;
use at_hand::AtHand;
use db::{Db, DbError, Durability, Statement, sql};
use domain::audit::Entry;
use domain::org::Org;
use domain::store::{Health, StoreError};
use domain::time::Timestamp;
use domain::user::User;
use elsewhere::{Hearing, Memory};
use live::LiveTable;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use tokio::task::AbortHandle;
use wire::{OrgId, UserId};
use withdrawn::Withdrawn;

/// The schema, as numbered steps that are never changed once released.
const MIGRATIONS: &[migrate::Migration] = &[
    (1, "init", include_str!("../migrations/0001_init.sql")),
    (2, "audit", include_str!("../migrations/0002_audit.sql")),
    (3, "directory", include_str!("../migrations/0003_directory.sql")),
    (4, "federation", include_str!("../migrations/0004_federation.sql")),
    (5, "policy", include_str!("../migrations/0005_policy.sql")),
    (6, "orgs", include_str!("../migrations/0006_orgs.sql")),
    (7, "scim", include_str!("../migrations/0007_scim.sql")),
    (8, "oauth_client", include_str!("../migrations/0008_oauth_client.sql")),
    (9, "saml", include_str!("../migrations/0009_saml.sql")),
    (11, "nodes", include_str!("../migrations/0011_nodes.sql")),
    (12, "saml_key", include_str!("../migrations/0012_saml_key.sql")),
    (13, "saml_session", include_str!("../migrations/0013_saml_session.sql")),
    (14, "narrow_writes", include_str!("../migrations/0014_narrow_writes.sql")),
];

/// A store that is open. It answers the traits of `domain::store`.
pub struct Store {
    db: Arc<dyn Db>,
    live: Arc<LiveTable>,
    behind: Vec<AbortHandle>,
    users: Arc<AtHand<UserId, User>>,
    orgs: Arc<AtHand<OrgId, Org>>,
    withdrawn: Arc<Withdrawn>,
    /// How often another node may have made a key.
    keys_made: Arc<AtomicI64>,
}

impl Store {
    /// Opens the SQLite store in a folder, and brings its schema up to date; makes both when they are missing.
    pub async fn open(folder: &Path, now: Timestamp) -> Result<Self, StoreError> {
        Self::over(Arc::new(sqlite::Sqlite::open(folder)?), now).await
    }

    /// Opens the store in a PostgreSQL database, and brings its schema up to date. Other nodes may be using it.
    pub async fn open_shared(settings: &postgres::Settings, now: Timestamp) -> Result<Self, StoreError> {
        Self::over(Arc::new(postgres::Postgres::open(settings).await?), now).await
    }

    /// Opens the store in a folder as it is, beside a service that may be running on it.
    pub async fn attach(folder: &Path) -> Result<Self, StoreError> {
        Self::as_it_is(Arc::new(sqlite::Sqlite::open(folder)?)).await
    }

    /// Opens the store in a PostgreSQL database as it is, beside the nodes that serve it.
    pub async fn attach_shared(settings: &postgres::Settings) -> Result<Self, StoreError> {
        Self::as_it_is(Arc::new(postgres::Postgres::open(settings).await?)).await
    }

    async fn as_it_is(db: Arc<dyn Db>) -> Result<Self, StoreError> {
        let rows = db.read(sql("SELECT COUNT(*), MAX(number) FROM migration WHERE number > 0")).await?;
        let known = MIGRATIONS.last().map(|(number, ..)| (MIGRATIONS.len() as i64, i64::from(*number)));
        let found = rows.first().map(|row| Ok::<_, DbError>((row.int(0)?, row.int(1)?))).transpose()?;
        if found != known {
            let what =
                "the store has the schema of another release: use the tool of the release that serves it";
            return Err(StoreError::Unavailable(what.into()));
        }
        Ok(Self::with(db))
    }

    /// A SQLite store in memory, gone when it is dropped.
    pub async fn in_memory(now: Timestamp) -> Result<Self, StoreError> {
        Self::over(Arc::new(sqlite::Sqlite::memory()?), now).await
    }

    async fn over(db: Arc<dyn Db>, now: Timestamp) -> Result<Self, StoreError> {
        db.migrate(MIGRATIONS, now.as_micros()).await?;
        audit::seal(&*db).await?;
        Ok(Self::with(db))
    }

    fn with(db: Arc<dyn Db>) -> Self {
        let hearing = Arc::new(if db.is_shared() { Hearing::of_many() } else { Hearing::default() });
        let live = Arc::new(LiveTable::of(Arc::clone(&hearing)));
        let users = Arc::new(AtHand::of(Arc::clone(&hearing)));
        let orgs = Arc::new(AtHand::of(Arc::clone(&hearing)));
        let withdrawn = Arc::new(Withdrawn::of(Arc::clone(&hearing)));
        let keys_made = Arc::<AtomicI64>::default();
        let mut behind =
            vec![tokio::spawn(live::write_behind(Arc::clone(&live), Arc::clone(&db))).abort_handle()];
        if db.is_shared() {
            let memory = Memory {
                hearing,
                live: Arc::clone(&live),
                users: Arc::clone(&users),
                orgs: Arc::clone(&orgs),
                withdrawn: Arc::clone(&withdrawn),
                keys_made: Arc::clone(&keys_made),
            };
            behind.push(tokio::spawn(elsewhere::follow(memory, Arc::clone(&db))).abort_handle());
        }
        Self { db, live, behind, users, orgs, withdrawn, keys_made }
    }

    /// Writes a consistent copy of the store to a new file, while others use it.
    pub async fn backup(&self, to: &Path) -> Result<(), StoreError> {
        self.live.flush_all(&*self.db).await?;
        Ok(self.db.backup(to).await?)
    }

    /// A copy in memory of everything that is kept.
    pub async fn snapshot(&self) -> Result<Snapshot, StoreError> {
        self.live.flush_all(&*self.db).await?;
        Ok(self.db.snapshot().await?)
    }

    /// Goes back to a snapshot. This store must not be used any more: its memory is of another time.
    pub async fn restored(&self, snapshot: &Snapshot) -> Result<Self, StoreError> {
        self.behind.iter().for_each(AbortHandle::abort);
        self.db.restore(snapshot).await?;
        Ok(Self::with(Arc::clone(&self.db)))
    }

    /// Repeats a statement that deletes a portion until nothing is left, so that others may write in between.
    async fn delete_all(&self, portion: impl Fn() -> Statement) -> Result<(), StoreError> {
        loop {
            let outcomes = self.db.write(vec![portion()], Durability::Relaxed).await?;
            if outcomes.first().is_none_or(|outcome| outcome.changed == 0) {
                return Ok(());
            }
        }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.behind.iter().for_each(AbortHandle::abort);
    }
}

impl From<DbError> for StoreError {
    fn from(error: DbError) -> Self {
        match error {
            DbError::Unavailable(why) => Self::Unavailable(why),
            DbError::Conflict => Self::Conflict,
            DbError::Corrupt(what) => Self::Corrupt(what),
            DbError::Unchanged => Self::Conflict,
        }
    }
}

/// Runs statements together with the event that records them, on disk before this returns.
async fn write(db: &dyn Db, statements: Vec<Statement>, entry: &Entry) -> Result<(), DbError> {
    write_with(db, statements, std::slice::from_ref(entry)).await
}

/// The same with several events.
async fn write_with(db: &dyn Db, mut statements: Vec<Statement>, entries: &[Entry]) -> Result<(), DbError> {
    statements.extend(entries.iter().map(audit::append));
    db.write(statements, Durability::Durable).await.map(drop)
}

/// Does a change to its end even when nobody waits for it any more: what stands on disk must stand in memory too.
async fn to_the_end<T: Send + 'static>(
    change: impl Future<Output = Result<T, StoreError>> + Send + 'static,
) -> Result<T, StoreError> {
    let gone = |_| Err(StoreError::Unavailable("the change did not come to its end".into()));
    tokio::spawn(change).await.unwrap_or_else(gone)
}

/// Makes a change on disk and then in memory, to its end. Memory also forgets what a failure of the disk leaves unknown.
async fn change(
    db: &Arc<dyn Db>,
    statements: Vec<Statement>,
    entries: &[Entry],
    forget: impl FnOnce() + Send + 'static,
) -> Result<(), StoreError> {
    let (db, entries) = (Arc::clone(db), entries.to_vec());
    to_the_end(async move {
        let written = write_with(&*db, statements, &entries).await;
        if !matches!(written, Err(DbError::Conflict | DbError::Unchanged)) {
            forget();
        }
        Ok(written?)
    })
    .await
}

/// Takes a statement that changed nothing for one that had nothing left to do.
fn or_done(result: Result<(), DbError>) -> Result<(), StoreError> {
    match result {
        Ok(()) | Err(DbError::Unchanged) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

#[async_trait]
impl Health for Store {
    async fn record(&self, entry: &Entry) -> Result<(), StoreError> {
        Ok(write(&*self.db, Vec::new(), entry).await?)
    }

    async fn ready(&self) -> Result<(), StoreError> {
        Ok(self.db.ready().await?)
    }

    fn news_age(&self) -> Option<std::time::Duration> {
        self.live.age()
    }

    async fn time(&self) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.db.time().await?.map(Timestamp::from_micros))
    }

    async fn close(&self) {
        if let Err(error) = self.live.flush_all(&*self.db).await {
            tracing::error!(%error, "the last use of some sessions was not written: they will end earlier");
        }
        self.db.close().await;
    }
}
