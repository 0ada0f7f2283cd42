//! Marks of what was used once: one insertion, which the second of two does not do.

use crate::Store;
use crate::db::{DbError, Durability, Row, sql};
use async_trait::async_trait;
use domain::once::Mark;
use domain::store::{OneShot, StoreError};
use domain::time::Timestamp;
use wire::OrgId;

const SPEND: &str =
    "INSERT INTO spent (digest, org_id, until) VALUES ($1, $2, $3) ON CONFLICT (digest) DO NOTHING";

const FORGET: &str =
    "DELETE FROM spent WHERE digest IN (SELECT digest FROM spent WHERE until < $1 LIMIT 1000)";

const COUNT: &str = "SELECT org_id, COUNT(*) FROM spent GROUP BY org_id";

#[async_trait]
impl OneShot for Store {
    async fn spend(&self, mark: &Mark) -> Result<bool, StoreError> {
        let org = mark.org.bits().to_be_bytes();
        let statement = sql(SPEND).bind(mark.digest).bind(org).bind(mark.until.as_micros());
        match self.db.write(vec![statement.must_change()], Durability::Durable).await {
            Ok(_) => Ok(true),
            Err(DbError::Unchanged) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    async fn forget_marks(&self, before: Timestamp) -> Result<Vec<(OrgId, u64)>, StoreError> {
        self.delete_all(|| sql(FORGET).bind(before.as_micros())).await?;
        let rows = self.db.read(sql(COUNT)).await?;
        Ok(rows.iter().map(counted).collect::<Result<_, _>>()?)
    }
}

fn counted(row: &Row) -> Result<(OrgId, u64), DbError> {
    Ok((OrgId::from_bits(row.id(0)?), u64::try_from(row.int(1)?).unwrap_or(0)))
}
