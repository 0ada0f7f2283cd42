//! The schema's steps on PostgreSQL, also when many nodes start at once.

use super::failure::{Failure, Then, meaning, unavailable};
use super::transaction::{commit, roll_back};
use crate::db::DbError;
use crate::migrate::{Applied, Engine, MigrateError, Migration, checksum_of, missing};
use deadpool_postgres::{Object, Pool};
use std::time::Duration;
use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

/// One node holds this row while it brings the schema up to date, so the others wait and find it done. The same row is
/// held by whoever numbers the entries of the record.
pub const HOLD: &str = "SELECT number FROM migration WHERE number = 0 FOR UPDATE";

const TABLE: &str = "CREATE TABLE IF NOT EXISTS migration (
    number BIGINT PRIMARY KEY, name TEXT NOT NULL, checksum BYTEA NOT NULL, applied_at BIGINT NOT NULL)";

const ROW: &str = "INSERT INTO migration (number, name, checksum, applied_at) VALUES (0, 'hold', '', 0) ON CONFLICT (number) DO NOTHING";

const APPLIED: &str = "SELECT number, name, checksum FROM migration WHERE number > 0 ORDER BY number";

const INSERT: &str = "INSERT INTO migration (number, name, checksum, applied_at) VALUES ($1, $2, $3, $4)";

/// How long one look at the database may take; the steps themselves take as long as they take.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a step waits for a table that somebody reads, for example for a dump: whoever comes behind the step waits for
/// that table, too, so a start is given up instead.
const LOCK_PATIENCE: &str = "SET LOCAL lock_timeout = '5s'";

/// How often the table is made: two that make it at once can fail even with `IF NOT EXISTS`.
const TRIES: usize = 5;

/// Brings the schema up to date in one transaction.
pub async fn run(pool: &Pool, steps: &[Migration], applied_at: i64) -> Result<(), MigrateError> {
    let client = pool.get().await.map_err(|error| Failure::from(error).error)?;
    make_table(&client).await?;
    client
        .batch_execute("BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0")
        .await
        .map_err(|error| meaning(&error))?;
    match apply_missing(&client, steps, applied_at).await {
        Ok(()) => Ok(commit(&client, PATIENCE).await.map_err(|failure| failure.error)?),
        Err(refused) => {
            let answer = Failure { error: unavailable("the schema is as it was"), then: Then::Answer };
            if roll_back(&client, PATIENCE, answer).await.then != Then::Answer {
                drop(Object::take(client));
            }
            Err(refused)
        }
    }
}

async fn make_table(client: &Object) -> Result<(), DbError> {
    let mut made = client.batch_execute(TABLE).await;
    for _ in 1..TRIES {
        if !made.as_ref().is_err_and(was_made_meanwhile) {
            break;
        }
        made = client.batch_execute(TABLE).await;
    }
    made.map_err(|error| meaning(&error))?;
    client.batch_execute(ROW).await.map_err(|error| meaning(&error))
}

fn was_made_meanwhile(error: &Error) -> bool {
    error.code().is_some_and(|state| {
        [SqlState::UNIQUE_VIOLATION, SqlState::DUPLICATE_TABLE, SqlState::DUPLICATE_OBJECT].contains(state)
    })
}

async fn apply_missing(client: &Object, steps: &[Migration], applied_at: i64) -> Result<(), MigrateError> {
    client.batch_execute(HOLD).await.map_err(|error| meaning(&error))?;
    let rows = client.query(APPLIED, &[]).await.map_err(|error| meaning(&error))?;
    let applied = rows.iter().map(applied).collect::<Result<Vec<_>, _>>().map_err(|error| meaning(&error))?;
    client.batch_execute(LOCK_PATIENCE).await.map_err(|error| meaning(&error))?;
    for step in missing(steps, &applied)? {
        let (number, name, _) = *step;
        apply(client, step, applied_at).await.map_err(|error| MigrateError::Failed {
            number,
            name,
            cause: meaning(&error),
        })?;
        tracing::info!(
            migration.number = number,
            migration.name = name,
            "the schema has step {number} ({name}) now"
        );
    }
    Ok(())
}

fn applied(row: &tokio_postgres::Row) -> Result<Applied, Error> {
    Ok(Applied { number: row.try_get(0)?, name: row.try_get(1)?, checksum: row.try_get(2)? })
}

async fn apply(client: &Object, step: &Migration, applied_at: i64) -> Result<(), Error> {
    let (number, name, text) = *step;
    client.batch_execute(&Engine::Postgres.spelled(text)).await?;
    let checksum = checksum_of(text);
    client.execute(INSERT, &[&i64::from(number), &name, &checksum.as_ref(), &applied_at]).await.map(drop)
}
