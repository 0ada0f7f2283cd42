//! One order of all entries of the record, whichever node wrote them, without a lock that every writer waits for.
//!
//! A transaction writes its entry into `audit_waiting`, without a number. Later somebody numbers what waits: a
//! transaction that holds the row of [`HOLD`] from its first statement to its commit, so there is one at a time. It
//! takes entries whose transactions have committed, gives them the numbers after the last one, hashes each with the
//! one before it, and moves them into `audit`. Three things follow.
//!
//! - The order of the numbers is the order of the commits: number 8 is given by the transaction that gave 7, or by one
//!   that began after that had committed. Who has read up to 7 has missed nothing below 7, ever.
//! - A transaction that commits late is numbered late. Numbers drawn by the writers themselves, from a sequence or a
//!   clock, would not have that: 7 could become visible after 8 was read.
//! - An entry stands in exactly one of the two tables for every snapshot, so who asks for both in one statement sees
//!   every entry whose transaction has committed, numbered or not.
//!
//! Readers of the record let it be numbered first, so who has heard that something happened finds it there.

use super::failure::{Failure, meaning};
use super::migrate::HOLD;
use super::transaction::{Line, commit, keep_or_drop, roll_back, within};
use crate::db::DbError;
use deadpool_postgres::Object;
use domain::audit::chain::{Link, Written};
use domain::time::Timestamp;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Error, Row};
use wire::OrgId;

/// How many entries one transaction numbers.
const PORTION: i64 = 1000;

const ANY: &str = "SELECT 1 FROM audit_waiting LIMIT 1";

const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";

const LAST: &str = "SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1";

/// As they came in by the one clock of the database; entries of one transaction keep their order.
const WAITING: &str = "SELECT id, at, org_id, event FROM audit_waiting ORDER BY placed_at, at, id LIMIT $1";

const NUMBER: &str = "INSERT INTO audit (seq, at, org_id, event, hash)
    SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bytea[], $4::text[], $5::bytea[])";

const NO_LONGER: &str = "DELETE FROM audit_waiting WHERE id = ANY($1::bytea[])";

/// Numbers what waits; when this returns, everything that was committed before the call has its number.
pub async fn settle(line: &Line) -> Result<(), DbError> {
    loop {
        let client = line.pool.get().await.map_err(|error| Failure::from(error).error)?;
        let numbered = portion(line, &client).await;
        if keep_or_drop(client, numbered).map_err(|failure| failure.error)? < PORTION {
            return Ok(());
        }
    }
}

async fn portion(line: &Line, client: &Object) -> Result<i64, Failure> {
    let done = within(line.patience, Failure::silent(), async {
        // What another node is numbering just now is still seen here, so its commit is waited for.
        if client.query_opt(ANY, &[]).await.map_err(|error| Failure::before_commit(&error))?.is_none() {
            return Ok(None);
        }
        client.batch_execute(BEGIN).await.map_err(|error| Failure::before_commit(&error))?;
        number(client).await.map(Some)
    });
    match done.await {
        Ok(None) => Ok(0),
        Ok(Some(count)) => commit(client, line.patience).await.map(|()| count),
        Err(failure) => Err(roll_back(client, line.patience, failure).await),
    }
}

/// What one transaction moves, column by column.
#[derive(Default)]
struct Moved {
    ids: Vec<Vec<u8>>,
    seqs: Vec<i64>,
    ats: Vec<i64>,
    orgs: Vec<Option<Vec<u8>>>,
    events: Vec<String>,
    hashes: Vec<Vec<u8>>,
}

async fn number(client: &Object) -> Result<i64, Failure> {
    let failed = |error: Error| Failure::before_commit(&error);
    client.batch_execute(HOLD).await.map_err(failed)?;
    let (mut seq, mut hash) = match client.query_opt(LAST, &[]).await.map_err(failed)? {
        Some(last) => link(&last)?,
        None => (0, Link::NOTHING),
    };
    let mut moved = Moved::default();
    for row in client.query(WAITING, &[&PORTION]).await.map_err(failed)? {
        seq += 1;
        hash = moved.push(seq, hash, &row)?;
    }
    let Moved { ids, seqs, ats, orgs, events, hashes } = &moved;
    let columns: [&(dyn ToSql + Sync); 5] = [seqs, ats, orgs, events, hashes];
    client.execute(NUMBER, &columns).await.map_err(failed)?;
    client.execute(NO_LONGER, &[ids]).await.map_err(failed)?;
    Ok(i64::try_from(ids.len()).unwrap_or(i64::MAX))
}

impl Moved {
    /// Takes one entry up behind the one with this hash, and answers its own.
    fn push(&mut self, seq: i64, before: Link, row: &Row) -> Result<Link, DbError> {
        let read = |error: Error| meaning(&error);
        let (at, event): (i64, String) = (row.try_get(1).map_err(read)?, row.try_get(3).map_err(read)?);
        let org: Option<Vec<u8>> = row.try_get(2).map_err(read)?;
        let org_id = org.as_deref().map(<[u8; 16]>::try_from).transpose();
        let org_id = org_id.map_err(|_| DbError::Corrupt("audit_waiting.org_id".into()))?;
        let org_id = org_id.map(|bytes| OrgId::from_bits(u128::from_be_bytes(bytes)));
        let hash = Written { seq, at: Timestamp::from_micros(at), org: org_id, event: &event }.after(before);
        self.ids.push(row.try_get(0).map_err(read)?);
        self.seqs.push(seq);
        self.ats.push(at);
        self.orgs.push(org);
        self.events.push(event);
        self.hashes.push(hash.0.to_vec());
        Ok(hash)
    }
}

fn link(last: &Row) -> Result<(i64, Link), DbError> {
    let hash: Vec<u8> = last.try_get(1).map_err(|error| meaning(&error))?;
    let hash = hash.try_into().map_err(|_| DbError::Corrupt("audit.hash".into()))?;
    Ok((last.try_get(0).map_err(|error| meaning(&error))?, Link(hash)))
}
