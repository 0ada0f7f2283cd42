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

/// When the last one was that is within the number: of those where somebody signed in and of those where nobody did, so that
/// neither push out the other.
const WITHIN: [&str; 2] = [
    "SELECT last_at FROM attempt WHERE succeeded_at = 0 ORDER BY last_at DESC LIMIT 1 OFFSET $1",
    "SELECT succeeded_at FROM attempt WHERE succeeded_at > 0 ORDER BY succeeded_at DESC LIMIT 1 OFFSET $1",
];

/// What is old, or beyond the number.
macro_rules! over {
    () => {
        "(succeeded_at < $4 AND last_at < $3 AND COALESCE(locked_until, 0) < $3
        OR succeeded_at = 0 AND last_at < $5 OR succeeded_at > 0 AND succeeded_at < $6)"
    };
}

/// No index knows what is over, so it is looked for where nobody waits for it, a portion behind the other.
const OVER: &str = concat!(
    "SELECT name, network FROM attempt WHERE (name, network) > ($1, $2) AND ",
    over!(),
    " ORDER BY name, network LIMIT 1000"
);

/// Unless it has been used meanwhile.
const FORGET: &str = concat!("DELETE FROM attempt WHERE name = $1 AND network = $2 AND ", over!());

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
        // In the order of their keys, as they are forgotten, so that neither waits for the other.
        let statements = all.into_iter().chain(here).chain(entry.map(audit::append)).collect();
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
        let mut bounds = [before.as_micros(), known.as_micros(), i64::MIN, i64::MIN];
        for (bound, within) in bounds.iter_mut().skip(2).zip(WITHIN) {
            let rows = self.db.read(sql(within).bind((most / 2).saturating_sub(1))).await?;
            *bound = rows.first().map(|row| row.int(0)).transpose()?.unwrap_or(*bound);
        }
        let over = |text, name: &[u8], network: &str| {
            bounds.into_iter().fold(sql(text).bind(name.to_vec()).bind(network), Statement::bind)
        };
        let (mut name, mut network) = (Vec::new(), String::new());
        loop {
            let rows = self.db.read(over(OVER, &name, &network)).await?;
            let Some(last) = rows.last() else { return Ok(()) };
            (name, network) = (last.blob(0)?.to_vec(), last.text(1)?.to_owned());
            let forget = rows.iter().map(|row| Ok(over(FORGET, row.blob(0)?, row.text(1)?)));
            self.db.write(forget.collect::<Result<_, DbError>>()?, Durability::Relaxed).await?;
        }
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
