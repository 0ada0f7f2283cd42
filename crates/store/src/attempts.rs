//! Counters of failed sign-ins. They are compared and replaced, so that concurrent attempts count exactly once each.

use crate::db::{DbError, Durability, Row, Statement, sql};
use crate::{Store, audit, write};
use async_trait::async_trait;
use domain::attempts::{Attempts, Counters, Tried};
use domain::audit::Entry;
use domain::name::NameDigest;
use domain::network::Network;
use domain::store::{AttemptCounters, StoreError};
use domain::time::Timestamp;

const FIND: &str =
    "SELECT network, failures, pending, locked_until, last_at, succeeded_at, version FROM attempt
    WHERE name = $1 AND network IN ($2, $3)";

const INSERT: &str =
    "INSERT INTO attempt (name, network, failures, pending, locked_until, last_at, succeeded_at, version)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (name, network) DO NOTHING";

const REPLACE: &str =
    "UPDATE attempt SET failures = $3, pending = $4, locked_until = $5, last_at = $6, succeeded_at = $7,
    version = $8 WHERE name = $1 AND network = $2 AND version = $9";

const LIFT: &str =
    "UPDATE attempt SET failures = 0, locked_until = NULL, version = version + 1 WHERE name = $1";

const FORGET_OLD: &str =
    "DELETE FROM attempt WHERE succeeded_at < $2 AND last_at < $1 AND COALESCE(locked_until, 0) < $1";

/// When the last one was that is within the number. No index knows it, so it is looked for where nobody waits for it.
///
/// Those where somebody signed in and those where nobody did, so that neither push out the other.
const WITHIN: [&str; 2] = [
    "SELECT last_at FROM attempt WHERE succeeded_at = 0 ORDER BY last_at DESC LIMIT 1 OFFSET $1",
    "SELECT succeeded_at FROM attempt WHERE succeeded_at > 0 ORDER BY succeeded_at DESC LIMIT 1 OFFSET $1",
];

/// In portions, so that others may write in between.
const FORGET_BEYOND: [&str; 2] = [
    "DELETE FROM attempt WHERE (name, network) IN (SELECT name, network FROM attempt
    WHERE succeeded_at = 0 AND last_at < $1 ORDER BY name, network LIMIT 1000)",
    "DELETE FROM attempt WHERE (name, network) IN (SELECT name, network FROM attempt
    WHERE succeeded_at > 0 AND succeeded_at < $1 ORDER BY name, network LIMIT 1000)",
];

#[async_trait]
impl AttemptCounters for Store {
    async fn attempts(&self, tried: Tried) -> Result<Counters, StoreError> {
        let [here, everywhere] = [tried.network, Network::Everywhere].map(|network| network.to_string());
        let find = sql(FIND).bind(tried.name.0).bind(here).bind(everywhere);
        let mut counters = Counters::default();
        for row in self.db.read(find).await? {
            let counter = if row.text(0)?.is_empty() { &mut counters.everywhere } else { &mut counters.here };
            *counter = Some(attempts(&row)?);
        }
        Ok(counters)
    }

    async fn replace_attempts(
        &self,
        tried: Tried,
        old: &Counters,
        new: &Counters,
        entry: Option<&Entry>,
    ) -> Result<bool, StoreError> {
        let here = new.here.as_ref().map(|new| replace(tried, old.here.as_ref(), new));
        let all = Tried { network: Network::Everywhere, ..tried };
        let all = new.everywhere.as_ref().map(|new| replace(all, old.everywhere.as_ref(), new));
        let statements = here.into_iter().chain(all).chain(entry.map(audit::append)).collect();
        // Not forced to disk: the answer to an attempt is not worth a power cut, and a crash forgets nothing.
        match self.db.write(statements, Durability::Relaxed).await {
            Ok(_) => Ok(true),
            Err(DbError::Unchanged) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    async fn lift_lock(&self, name: NameDigest, entry: &Entry) -> Result<(), StoreError> {
        Ok(write(&*self.db, vec![sql(LIFT).bind(name.0)], entry).await?)
    }

    async fn forget_attempts(
        &self,
        before: Timestamp,
        known: Timestamp,
        most: u32,
    ) -> Result<(), StoreError> {
        let old = sql(FORGET_OLD).bind(before.as_micros()).bind(known.as_micros());
        self.db.write(vec![old], Durability::Relaxed).await?;
        for (within, forget) in WITHIN.into_iter().zip(FORGET_BEYOND) {
            let rows = self.db.read(sql(within).bind((most / 2).saturating_sub(1))).await?;
            if let Some(last) = rows.first().map(|row| row.int(0)).transpose()? {
                self.delete_all(|| sql(forget).bind(last)).await?;
            }
        }
        Ok(())
    }
}

fn replace(tried: Tried, old: Option<&Attempts>, new: &Attempts) -> Statement {
    let statement = sql(if old.is_some() { REPLACE } else { INSERT })
        .bind(tried.name.0)
        .bind(tried.network.to_string())
        .bind(new.failures)
        .bind(new.pending)
        .bind(new.locked_until.map(Timestamp::as_micros))
        .bind(new.last_at.as_micros())
        .bind(new.succeeded_at.as_micros())
        .bind(old.map_or(1, |old| old.version + 1))
        .must_change();
    match old {
        Some(old) => statement.bind(old.version),
        None => statement,
    }
}

fn attempts(row: &Row) -> Result<Attempts, DbError> {
    let small = |number: i64| u32::try_from(number).map_err(|_| DbError::Corrupt("attempt".into()));
    Ok(Attempts {
        failures: small(row.int(1)?)?,
        pending: small(row.int(2)?)?,
        locked_until: row.opt_int(3)?.map(Timestamp::from_micros),
        last_at: Timestamp::from_micros(row.int(4)?),
        succeeded_at: Timestamp::from_micros(row.int(5)?),
        version: row.int(6)?,
    })
}
