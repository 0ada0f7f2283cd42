//! PostgreSQL, for many nodes over one database: a bounded pool of connections, and transactions that are tried again
//! only when surely nothing was committed.
//!
//! No advisory locks, no LISTEN and NOTIFY and no sequences: poolers and distributed databases do not have them. Durable
//! writes are SERIALIZABLE, so whatever they read in their statements holds when they commit, as with SQLite's one
//! writer; relaxed writes change single rows that carry their own condition, and stand beside each other.

mod chain;
mod connect;
mod failure;
mod migrate;
mod settings;
mod transaction;
mod value;

pub use settings::{ALONE, NotAUrl, Settings, Url};

use crate::db::{Db, DbError, Durability, Outcome, Row, Statement, Value, sql};
use crate::migrate::{MigrateError, Migration};
use async_trait::async_trait;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::RwLock;
use transaction::Line;

/// How many requests may wait for a connection. Beyond that a caller is refused at once.
const QUEUE: usize = 4096;

/// News that take longer are asked for again, over another connection.
const PATIENCE_FOR_NEWS: Duration = Duration::from_secs(2);

const TIME: &str = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)";

/// Whoever is connected as the same user and is no tool that has the database for itself.
const OTHERS: &str = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database()
    AND usename = current_user AND application_name <> $1 AND pid <> pg_backend_pid()";

/// Writes without changing anything: a standby refuses it.
const PROVE: &str = "UPDATE migration SET applied_at = applied_at WHERE number = 1";

/// Takes a quarter of a megabyte that nothing had before, which a full disk refuses; what has a place already would
/// still be written over. It is undone, and leaves nothing in the log of the database that could fill its last place.
const TAKE_ROOM: &str = "CREATE UNLOGGED TABLE latchkey_room AS
    SELECT n, repeat('x', 1000) AS filler FROM generate_series(1, 256) AS n";

/// Changes nothing, and so undoes what stands before it.
const UNDO: &str = "SELECT 1 WHERE 1 = 0";

/// A PostgreSQL database.
pub struct Postgres {
    line: Arc<Line>,
    /// One connection more, for news alone. A node that waited for them behind its own requests would ask the database
    /// for every answer just when it has too much to do.
    ear: Line,
    /// Every write that is under way reads it; closing waits to write it.
    under_way: Arc<RwLock<()>>,
    /// Whether something that should have been written was not since the last question whether this is ready.
    refused: Arc<AtomicBool>,
}

impl Postgres {
    /// Connects once, so that what cannot work is said at the start.
    ///
    /// # Errors
    /// [`DbError::Unavailable`] when the database cannot be reached or would not keep what it acknowledges.
    pub async fn open(settings: &Settings) -> Result<Self, DbError> {
        let pool = connect::pool(settings).await?;
        let line = Line::new(pool, settings.statement + settings.connect, settings.tries);
        let short = settings.statement.min(PATIENCE_FOR_NEWS);
        let settings = Settings { connections: 1, statement: short, wait: short, ..settings.clone() };
        let ear = Line::new(connect::pool(&settings).await?, short, 1);
        Ok(Self { line: Arc::new(line), ear, under_way: Arc::default(), refused: Arc::default() })
    }

    fn admit(&self) -> Result<(), DbError> {
        match self.line.pool.status().waiting < QUEUE {
            true => Ok(()),
            false => Err(failure::unavailable("too many requests are waiting for the database")),
        }
    }

    /// Does something to its end, whoever goes away, and notes whether it was refused.
    async fn to_the_end<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, DbError>> + Send + 'static,
    ) -> Result<T, DbError> {
        let (under_way, refused) = (Arc::clone(&self.under_way), Arc::clone(&self.refused));
        let done = tokio::spawn(async move {
            let _under_way = under_way.read().await;
            let done = work.await;
            if matches!(done, Err(DbError::Unavailable(_))) {
                refused.store(true, Ordering::Relaxed);
            }
            done
        });
        done.await.unwrap_or_else(|_| Err(failure::unavailable("the write did not come to its end")))
    }
}

#[async_trait]
impl Db for Postgres {
    async fn read(&self, statement: Statement) -> Result<Vec<Row>, DbError> {
        self.admit()?;
        // PostgreSQL keeps no text with U+0000 and takes none, so nothing is found by it.
        if statement.values.iter().any(|value| matches!(value, Value::Text(text) if text.contains('\0'))) {
            return Ok(Vec::new());
        }
        self.line.read(&statement).await
    }

    async fn listen(&self, statement: Statement) -> Result<Vec<Row>, DbError> {
        self.ear.read(&statement).await
    }

    async fn write(
        &self,
        statements: Vec<Statement>,
        durability: Durability,
    ) -> Result<Vec<Outcome>, DbError> {
        self.admit()?;
        let line = Arc::clone(&self.line);
        self.to_the_end(async move { line.write(&statements, durability).await }).await
    }

    async fn migrate(&self, migrations: &'static [Migration], applied_at: i64) -> Result<(), MigrateError> {
        migrate::run(&self.line.pool, migrations, applied_at).await
    }

    fn is_shared(&self) -> bool {
        true
    }

    // What is half numbered must not go back into the pool with its connection.
    async fn settle(&self) -> Result<(), DbError> {
        let line = Arc::clone(&self.line);
        self.to_the_end(async move { chain::settle(&line).await }).await
    }

    async fn time(&self) -> Result<Option<i64>, DbError> {
        self.listen(sql(TIME)).await?.first().map(|row| row.int(0)).transpose()
    }

    async fn others(&self) -> Result<i64, DbError> {
        let rows = self.read(sql(OTHERS).bind(ALONE)).await?;
        rows.first().ok_or_else(|| DbError::Corrupt("a count without a row".into()))?.int(0)
    }

    // A full disk refuses what needs room, and goes on taking what needs none. Whoever may not make a table, but only
    // write, is not ready as long as that is refused.
    async fn ready(&self) -> Result<(), DbError> {
        if self.refused.swap(false, Ordering::Relaxed) {
            let take_room = vec![sql(TAKE_ROOM), sql(UNDO).must_change()];
            match self.write(take_room, Durability::Relaxed).await {
                Err(refused @ DbError::Unavailable(_)) => return Err(refused),
                Ok(_) | Err(DbError::Unchanged | DbError::Conflict | DbError::Corrupt(_)) => {}
            }
        }
        self.write(vec![sql(PROVE)], Durability::Durable).await.map(drop)
    }

    async fn close(&self) {
        let _nothing_is_under_way = self.under_way.write().await;
        self.line.pool.close();
        self.ear.pool.close();
    }
}
