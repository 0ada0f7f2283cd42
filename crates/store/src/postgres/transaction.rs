//! One transaction: sent, answered, committed; tried again only when surely nothing was committed.

use super::failure::{Failure, Then};
use super::value::{outcome, row, type_of};
use crate::db::{DbError, Durability, Outcome, Row, Statement, Value};
use deadpool_postgres::{Object, Pool};
use futures_util::future::maybe_done;
use futures_util::{TryStreamExt, pin_mut};
use std::collections::HashMap;
use std::future::poll_fn;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{PoisonError, RwLock};
use std::task::Poll;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};
use tokio_postgres::Statement as Prepared;
use tokio_postgres::types::Type;

/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_millis(200);

/// How many statements are under way at once; each answer looks at all of them.
const AT_ONCE: usize = 32;

/// As if alone: a transaction that others would have led to another outcome fails, and is tried again.
const ALONE: &str = "BEGIN ISOLATION LEVEL SERIALIZABLE READ WRITE";

/// Beside others, and the answer does not wait for the disk.
const BESIDE: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL synchronous_commit = off";

/// The way to the database.
pub struct Line {
    pub pool: Pool,
    /// How long one exchange may take, before the connection is given up.
    pub patience: Duration,
    pub tries: u32,
    /// The types that each text was prepared with first; a `NULL` must not make another statement of it.
    types: RwLock<HashMap<&'static str, Vec<Type>>>,
}

impl Line {
    pub fn new(pool: Pool, patience: Duration, tries: u32) -> Self {
        Self { pool, patience, tries, types: RwLock::default() }
    }

    /// The rows of one statement. Reading twice does no harm.
    pub async fn read(&self, statement: &Statement) -> Result<Vec<Row>, DbError> {
        let (mut tried, since) = (0, Instant::now());
        loop {
            match self.look(statement).await {
                Ok(rows) => return Ok(rows),
                Err(failure) => self.before_another_try(failure, &mut tried, since).await?,
            }
        }
    }

    /// All statements or none.
    pub async fn write(
        &self,
        statements: &[Statement],
        durability: Durability,
    ) -> Result<Vec<Outcome>, DbError> {
        let (mut tried, since) = (0, Instant::now());
        loop {
            match self.transact(statements, durability).await {
                Ok(outcomes) => return Ok(outcomes),
                Err(failure) => self.before_another_try(failure, &mut tried, since).await?,
            }
        }
    }

    /// Waits for the time of another try; an error is the answer.
    async fn before_another_try(
        &self,
        failure: Failure,
        tried: &mut u32,
        since: Instant,
    ) -> Result<(), DbError> {
        *tried += 1;
        let is_over = *tried >= self.tries || since.elapsed() >= self.patience;
        if is_over || matches!(failure.then, Then::Answer | Then::Unknown) {
            return Err(failure.error);
        }
        tracing::debug!(error = %failure.error, tried, "what was not committed is tried again");
        sleep(pause(*tried)).await;
        Ok(())
    }

    async fn look(&self, statement: &Statement) -> Result<Vec<Row>, Failure> {
        let client = self.pool.get().await?;
        let read = within(self.patience, Failure::silent(), async {
            let prepared = self.prepare(&client, statement).await?;
            run(&client, statement, &prepared).await
        });
        let read = read.await;
        keep_or_drop(client, read).map(|outcome| outcome.rows)
    }

    async fn transact(
        &self,
        statements: &[Statement],
        durability: Durability,
    ) -> Result<Vec<Outcome>, Failure> {
        let client = self.pool.get().await?;
        let written = self.attempt(&client, statements, durability).await;
        keep_or_drop(client, written)
    }

    async fn attempt(
        &self,
        client: &Object,
        statements: &[Statement],
        durability: Durability,
    ) -> Result<Vec<Outcome>, Failure> {
        let begin = match durability {
            Durability::Durable => ALONE,
            Durability::Relaxed => BESIDE,
        };
        let done = within(self.patience, Failure::silent(), async {
            let mut prepared = Vec::with_capacity(statements.len());
            for statement in statements {
                prepared.push((statement, self.prepare(client, statement).await?));
            }
            // Awaited alone: without it the statements behind it would each commit for itself.
            client.batch_execute(begin).await.map_err(|error| Failure::before_commit(&error))?;
            let mut outcomes = Vec::with_capacity(statements.len());
            for some in prepared.chunks(AT_ONCE) {
                let sent = some.iter().map(|(statement, prepared)| run(client, statement, prepared));
                for done in in_order(sent).await {
                    outcomes.push(done?);
                }
            }
            Ok(outcomes)
        });
        match done.await {
            Ok(outcomes) => commit(client, self.patience).await.map(|()| outcomes),
            Err(failure) => Err(roll_back(client, self.patience, failure).await),
        }
    }

    async fn prepare(&self, client: &Object, statement: &Statement) -> Result<Prepared, Failure> {
        let text = statement.text_in_postgres();
        let types = self.types_of(text, &statement.values);
        let prepared = client.prepare_typed_cached(text, &types).await;
        let prepared = prepared.map_err(|error| Failure::before_commit(&error))?;
        self.remember(text, prepared.params());
        if prepared.params().len() == statement.values.len() {
            Ok(prepared)
        } else {
            Err(DbError::Corrupt("a statement and its parameters do not fit together".into()).into())
        }
    }

    fn types_of(&self, text: &'static str, values: &[Value]) -> Vec<Type> {
        let known = self.types.read().unwrap_or_else(PoisonError::into_inner).get(text).cloned();
        known.unwrap_or_else(|| values.iter().map(type_of).collect())
    }

    fn remember(&self, text: &'static str, types: &[Type]) {
        if self.types.read().unwrap_or_else(PoisonError::into_inner).contains_key(text) {
            return;
        }
        let mut known = self.types.write().unwrap_or_else(PoisonError::into_inner);
        known.entry(text).or_insert_with(|| types.to_vec());
    }
}

/// Runs one statement to its end.
async fn run(client: &Object, statement: &Statement, prepared: &Prepared) -> Result<Outcome, Failure> {
    let failed = |error: tokio_postgres::Error| Failure::before_commit(&error);
    let found = client.query_raw(prepared, &statement.values).await.map_err(failed)?;
    pin_mut!(found);
    let mut rows = Vec::new();
    while let Some(next) = found.try_next().await.map_err(failed)? {
        rows.push(row(&next).map_err(failed)?);
    }
    let tagged = found.rows_affected().unwrap_or(0);
    Ok(outcome(statement, rows, tagged)?)
}

/// Sends all without waiting for answers, one behind the other: each is polled for the first time after the one before
/// it. After one that fails, the database refuses the rest.
async fn in_order<T, F: Future<Output = T>>(all: impl Iterator<Item = F>) -> Vec<T> {
    let mut all: Vec<_> = all.map(|one| Box::pin(maybe_done(one))).collect();
    poll_fn(|cx| {
        let unfinished = all.iter_mut().filter_map(|one| one.as_mut().poll(cx).is_pending().then_some(()));
        if unfinished.count() == 0 { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    all.iter_mut().filter_map(|one| one.as_mut().take_output()).collect()
}

pub async fn commit(client: &Object, patience: Duration) -> Result<(), Failure> {
    within(patience, Failure::silent_commit(), async {
        client.batch_execute("COMMIT").await.map_err(|error| Failure::at_commit(&error))
    })
    .await
}

/// Leaves the connection as it was found; one that does not even do that is given up.
pub async fn roll_back(client: &Object, patience: Duration, failure: Failure) -> Failure {
    if failure.then == Then::AgainElsewhere {
        return failure;
    }
    match timeout(patience, client.batch_execute("ROLLBACK")).await {
        Ok(Ok(())) => failure,
        Ok(Err(_)) | Err(_) if failure.then == Then::Again => {
            Failure { then: Then::AgainElsewhere, ..failure }
        }
        Ok(Err(_)) | Err(_) => Failure { then: Then::Unknown, ..failure },
    }
}

/// A connection whose state nobody knows goes back to nobody.
pub fn keep_or_drop<T>(client: Object, result: Result<T, Failure>) -> Result<T, Failure> {
    if result.as_ref().is_err_and(|failure| matches!(failure.then, Then::AgainElsewhere | Then::Unknown)) {
        drop(Object::take(client));
    }
    result
}

/// Gives up when it takes too long: the server's own limit does not help when nothing comes through.
pub async fn within<T>(
    patience: Duration,
    too_late: Failure,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    timeout(patience, work).await.unwrap_or(Err(too_late))
}

/// Longer each time, and not the same for those who met: the hasher's seed is as good as dice for that.
fn pause(tried: u32) -> Duration {
    let most = Duration::from_millis(2).saturating_mul(1 << tried.min(10)).min(LONGEST_PAUSE);
    let share = RandomState::new().build_hasher().finish() % 1024;
    most.mul_f64(f64::from(u32::try_from(share).unwrap_or(0)) / 1024.0)
}
