//! Signing keys.

use crate::db::{DbError, Durability, Row, sql};
use crate::{Store, write};
use async_trait::async_trait;
use domain::audit::Entry;
use domain::keyring::{KeyRecord, PrivateKey};
use domain::store::{Keys, StoreError};
use domain::time::Timestamp;
use std::sync::atomic::Ordering;

const ALL: &str = "SELECT kid, private_key, created_at, retired_at FROM signing_key ORDER BY created_at, kid";

/// One that another process has just made is not replaced unseen.
const INSERT: &str = "INSERT INTO signing_key (kid, algorithm, private_key, created_at)
    SELECT $1, 'ES256', $2, $3 WHERE EXISTS (SELECT 1 FROM signing_key WHERE kid = $4 AND retired_at IS NULL)
        OR $4 = '' AND NOT EXISTS (SELECT 1 FROM signing_key WHERE retired_at IS NULL)";

const RETIRE: &str = "UPDATE signing_key SET retired_at = $1 WHERE retired_at IS NULL AND kid <> $2";

const FORGET: &str = "DELETE FROM signing_key WHERE retired_at < $1";

#[async_trait]
impl Keys for Store {
    async fn keys(&self) -> Result<Vec<KeyRecord>, StoreError> {
        let rows = self.db.read(sql(ALL)).await?;
        Ok(rows.iter().map(record).collect::<Result<_, _>>()?)
    }

    async fn rotate_key(
        &self,
        key: &KeyRecord,
        before: Option<&str>,
        entry: &Entry,
    ) -> Result<(), StoreError> {
        let (kid, created_at) = (key.kid.as_str(), key.created_at.as_micros());
        let insert = sql(INSERT).bind(kid).bind(key.private.expose().to_vec()).bind(created_at);
        let insert = insert.bind(before.unwrap_or_default()).must_change();
        Ok(write(&*self.db, vec![insert, sql(RETIRE).bind(created_at).bind(kid)], entry).await?)
    }

    async fn forget_keys(&self, before: Timestamp) -> Result<(), StoreError> {
        let statement = sql(FORGET).bind(before.as_micros());
        Ok(self.db.write(vec![statement], Durability::Relaxed).await.map(drop)?)
    }

    async fn changes_elsewhere(&self) -> Result<i64, StoreError> {
        match self.db.is_shared() {
            true => Ok(self.keys_made.load(Ordering::Acquire)),
            false => Ok(self.db.changes_elsewhere().await?),
        }
    }
}

fn record(row: &Row) -> Result<KeyRecord, DbError> {
    Ok(KeyRecord {
        kid: row.text(0)?.to_owned(),
        private: PrivateKey::new(row.blob(1)?.to_vec()),
        created_at: Timestamp::from_micros(row.int(2)?),
        retired_at: row.opt_int(3)?.map(Timestamp::from_micros),
    })
}
