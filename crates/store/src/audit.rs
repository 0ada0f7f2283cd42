//! The record of what happened: written in the transaction that makes it happen, and hashed there.

use crate::db::{Db, DbError, Durability, Row, Statement, sql};
use crate::{Store, write};
use async_trait::async_trait;
use domain::audit::Entry;
use domain::audit::chain::{Link, Sealed};
use domain::audit::checkpoint::{Checkpoint, Kind, PublicKey, Statement as Said};
use domain::store::{Audit, StoreError};
use domain::time::Timestamp;
use wire::OrgId;

/// Writers of SQLite take turns, so the last entry is the one before, whoever wrote it.
const APPEND: &str = "INSERT INTO audit (seq, at, org_id, event, hash)
    SELECT COALESCE(head.seq, 0) + 1, $1, $2, $3, audit_hash(
        CASE WHEN head.seq IS NULL THEN $4 ELSE head.hash END, COALESCE(head.seq, 0) + 1, $1, $2, $3)
    FROM (SELECT 1) AS one LEFT JOIN (SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1) AS head ON TRUE";

/// On PostgreSQL it waits for its number: see `postgres/chain.rs`. `$4` is the other text's.
const WAIT: &str = "INSERT INTO audit_waiting (id, placed_at, at, org_id, event)
    VALUES (uuid_send(gen_random_uuid()), CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT), $1, $2, $3)";

const UNSEALED: &str =
    "SELECT seq, at, org_id, event, (SELECT hash FROM audit AS before WHERE before.seq = entry.seq - 1)
    FROM audit AS entry WHERE hash IS NULL ORDER BY seq LIMIT 1000";

const SEAL: &str = "UPDATE audit SET hash = $2 WHERE seq = $1 AND hash IS NULL";

const LAST: &str = "SELECT seq, hash FROM audit WHERE hash IS NOT NULL ORDER BY seq DESC LIMIT 1";

const ENTRIES: &str = "SELECT seq, at, org_id, event, hash FROM audit
    WHERE seq > $1 AND hash IS NOT NULL ORDER BY seq LIMIT $2";

const KEEP: &str = "INSERT INTO audit_checkpoint (seq, kind, at, hash, kid, public_key, signature)
    VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (seq, kind) DO NOTHING";

const CHECKPOINTS: &str = "SELECT seq, kind, at, hash, kid, public_key, signature FROM audit_checkpoint
    WHERE seq > $1 AND seq <= $2 ORDER BY seq, at";

const LAST_CHECKPOINT: &str = "SELECT seq, kind, at, hash, kid, public_key, signature FROM audit_checkpoint
    ORDER BY seq DESC LIMIT 1";

const MARK_BEFORE: &str = "SELECT seq, kind, at, hash, kid, public_key, signature FROM audit_checkpoint
    WHERE kind = 'mark' AND at < $1 ORDER BY at DESC LIMIT 1";

const LAST_CUT: &str = "SELECT seq, kind, at, hash, kid, public_key, signature FROM audit_checkpoint
    WHERE kind = 'cut' ORDER BY seq DESC LIMIT 1";

/// In portions, so that others may write in between.
const FORGET: &str =
    "DELETE FROM audit WHERE seq IN (SELECT seq FROM audit WHERE seq <= $1 ORDER BY seq LIMIT 1000)";

const FORGET_CHECKPOINTS: &str = "DELETE FROM audit_checkpoint WHERE seq < $1 AND seq IN
    (SELECT seq FROM audit_checkpoint WHERE seq < $1 ORDER BY seq LIMIT 1000)";

/// The statement that appends an entry.
pub fn append(entry: &Entry) -> Statement {
    // An event is plain words and ids; writing it as JSON cannot fail.
    let event = serde_json::to_string(&entry.event).unwrap_or_default();
    let org = entry.event.org().map(|org| org.bits().to_be_bytes());
    sql(APPEND).in_postgres(WAIT).bind(entry.at.as_micros()).bind(org).bind(event).bind(Link::NOTHING.0)
}

/// Hashes the entries that have no hash yet, those of an older release.
pub async fn seal(db: &dyn Db) -> Result<(), StoreError> {
    loop {
        let rows = db.read(sql(UNSEALED)).await?;
        let Some(first) = rows.first().map(|row| row.int(0)).transpose()? else { return Ok(()) };
        tracing::info!(
            audit.seq = first,
            "entries of an older release are being hashed, from entry {first} on"
        );
        let (mut before, mut statements) = (None, Vec::with_capacity(rows.len()));
        for row in &rows {
            let hash = sealed_after(row, before)?;
            statements.push(sql(SEAL).bind(row.int(0)?).bind(hash.0));
            before = Some(hash);
        }
        db.write(statements, Durability::Relaxed).await?;
    }
}

/// The hash of an entry behind the one that was hashed just now, else behind the one that the store has.
fn sealed_after(row: &Row, before: Option<Link>) -> Result<Link, DbError> {
    let known = row.opt_blob(4)?.map(|_| row.digest(4)).transpose()?.map(Link);
    let entry = entry(row, Link::NOTHING)?;
    Ok(entry.written().after(known.or(before).unwrap_or(Link::NOTHING)))
}

#[async_trait]
impl Audit for Store {
    async fn record_behind(&self, entries: &[Entry]) -> Result<(), StoreError> {
        let statements = entries.iter().map(append).collect();
        Ok(self.db.write(statements, Durability::Relaxed).await.map(drop)?)
    }

    async fn last_entry(&self) -> Result<Option<(i64, Link)>, StoreError> {
        self.db.settle().await?;
        let rows = self.db.read(sql(LAST)).await?;
        Ok(rows.first().map(|row| Ok::<_, DbError>((row.int(0)?, Link(row.digest(1)?)))).transpose()?)
    }

    async fn entries(&self, after: i64, most: u32) -> Result<Vec<Sealed>, StoreError> {
        self.db.settle().await?;
        let rows = self.db.read(sql(ENTRIES).bind(after).bind(most)).await?;
        Ok(rows.iter().map(|row| entry(row, Link(row.digest(4)?))).collect::<Result<_, _>>()?)
    }

    async fn keep_checkpoint(&self, checkpoint: &Checkpoint) -> Result<(), StoreError> {
        Ok(self.db.write(vec![keep(checkpoint)], Durability::Relaxed).await.map(drop)?)
    }

    async fn checkpoints(&self, after: i64, through: i64) -> Result<Vec<Checkpoint>, StoreError> {
        self.found(sql(CHECKPOINTS).bind(after).bind(through)).await
    }

    async fn last_checkpoint(&self) -> Result<Option<Checkpoint>, StoreError> {
        Ok(self.found(sql(LAST_CHECKPOINT)).await?.pop())
    }

    async fn mark_before(&self, before: Timestamp) -> Result<Option<Checkpoint>, StoreError> {
        Ok(self.found(sql(MARK_BEFORE).bind(before.as_micros())).await?.pop())
    }

    async fn last_cut(&self) -> Result<Option<Checkpoint>, StoreError> {
        Ok(self.found(sql(LAST_CUT)).await?.pop())
    }

    async fn cut(&self, cut: &Checkpoint, entry: &Entry) -> Result<(), StoreError> {
        Ok(write(&*self.db, vec![keep(cut)], entry).await?)
    }

    async fn forget_entries(&self, through: i64) -> Result<(), StoreError> {
        // What says that they were cut is numbered after them, so one entry always stays.
        self.db.settle().await?;
        self.delete_all(|| sql(FORGET).bind(through)).await?;
        self.delete_all(|| sql(FORGET_CHECKPOINTS).bind(through)).await
    }
}

impl Store {
    async fn found(&self, statement: Statement) -> Result<Vec<Checkpoint>, StoreError> {
        let rows = self.db.read(statement).await?;
        Ok(rows.iter().map(checkpoint).collect::<Result<_, _>>()?)
    }
}

fn keep(checkpoint: &Checkpoint) -> Statement {
    let Checkpoint { statement: Said { kind, seq, hash, at }, kid, public, signature } = checkpoint;
    sql(KEEP)
        .bind(*seq)
        .bind(kind.word())
        .bind(at.as_micros())
        .bind(hash.0)
        .bind(kid.as_str())
        .bind(public.point().to_vec())
        .bind(signature.clone())
}

fn entry(row: &Row, hash: Link) -> Result<Sealed, DbError> {
    let org = row.opt_blob(2)?.map(|_| row.id(2)).transpose()?.map(OrgId::from_bits);
    let (seq, at) = (row.int(0)?, Timestamp::from_micros(row.int(1)?));
    Ok(Sealed { seq, at, org, event: row.text(3)?.to_owned(), hash })
}

fn checkpoint(row: &Row) -> Result<Checkpoint, DbError> {
    let unreadable = || DbError::Corrupt("a checkpoint of the audit record".into());
    let kind = Kind::of(row.text(1)?, None).ok_or_else(unreadable)?;
    let (seq, at) = (row.int(0)?, Timestamp::from_micros(row.int(2)?));
    let (hash, kid) = (Link(row.digest(3)?), row.text(4)?.to_owned());
    let public = PublicKey::at(row.blob(5)?).ok_or_else(unreadable)?;
    Ok(Checkpoint { statement: Said { kind, seq, hash, at }, kid, public, signature: row.blob(6)?.to_vec() })
}
