//! Counters of failed sign-ins. They are compared and replaced, so that concurrent attempts count exactly once each.

use crate::Store;
use crate::audit;
use crate::db::{DbError, Durability, Row, Statement, sql};
use async_trait::async_trait;
use domain::attempts::Attempts;
use domain::audit::Entry;
use domain::name::NameDigest;
use domain::store::{AttemptCounters, StoreError};
use domain::time::Timestamp;

const FIND: &str = "SELECT failures, pending, locked_until, last_at, version FROM attempt WHERE name = $1";

const INSERT: &str = "INSERT INTO attempt (name, failures, pending, locked_until, last_at, version)
    VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (name) DO NOTHING";

const REPLACE: &str =
    "UPDATE attempt SET failures = $2, pending = $3, locked_until = $4, last_at = $5, version = $6
    WHERE name = $1 AND version = $7";

const FORGET_OLD: &str = "DELETE FROM attempt WHERE last_at < $1 AND COALESCE(locked_until, 0) < $1";

const FORGET_MANY: &str = "DELETE FROM attempt WHERE name IN
    (SELECT name FROM attempt ORDER BY last_at DESC LIMIT 1000 OFFSET $1)";

#[async_trait]
impl AttemptCounters for Store {
    async fn attempts(&self, name: &NameDigest) -> Result<Option<Attempts>, StoreError> {
        let rows = self.db.read(sql(FIND).bind(name.0)).await?;
        Ok(rows.first().map(attempts).transpose()?)
    }

    async fn replace_attempts(
        &self,
        name: &NameDigest,
        old: Option<&Attempts>,
        new: &Attempts,
        entry: Option<&Entry>,
    ) -> Result<bool, StoreError> {
        let mut statements = vec![replace(name, old, new).must_change()];
        statements.extend(entry.map(audit::append));
        // Not forced to disk: the answer to an attempt is not worth a power cut, and a crash forgets nothing.
        match self.db.write(statements, Durability::Relaxed).await {
            Ok(_) => Ok(true),
            Err(DbError::Unchanged) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    async fn forget_attempts(&self, before: Timestamp, most: u32) -> Result<(), StoreError> {
        self.db.write(vec![sql(FORGET_OLD).bind(before.as_micros())], Durability::Relaxed).await?;
        self.delete_all(|| sql(FORGET_MANY).bind(most)).await
    }
}

fn replace(name: &NameDigest, old: Option<&Attempts>, new: &Attempts) -> Statement {
    let statement = sql(if old.is_some() { REPLACE } else { INSERT })
        .bind(name.0)
        .bind(new.failures)
        .bind(new.pending)
        .bind(new.locked_until.map(Timestamp::as_micros))
        .bind(new.last_at.as_micros())
        .bind(old.map_or(1, |old| old.version + 1));
    match old {
        Some(old) => statement.bind(old.version),
        None => statement,
    }
}

fn attempts(row: &Row) -> Result<Attempts, DbError> {
    let small = |number: i64| u32::try_from(number).map_err(|_| DbError::Corrupt("attempt".into()));
    Ok(Attempts {
        failures: small(row.int(0)?)?,
        pending: small(row.int(1)?)?,
        locked_until: row.opt_int(2)?.map(Timestamp::from_micros),
        last_at: Timestamp::from_micros(row.int(3)?),
        version: row.int(4)?,
    })
}
