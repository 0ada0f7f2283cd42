//! Identity providers.

use crate::db::{DbError, Row, Statement, sql};
use crate::{Store, write};
use async_trait::async_trait;
use domain::audit::Entry;
use domain::identity_provider::{Draft, IdentityProvider};
use domain::store::{IdentityProviders, StoreError};
use domain::time::Timestamp;
use wire::{IdentityProviderId, OrgId};

const OF_ORG: &str = "SELECT id, org_id, terms, created_at, updated_at FROM identity_provider
    WHERE org_id = $1 ORDER BY created_at, id";

const INSERT: &str = "INSERT INTO identity_provider (id, org_id, issuer, terms, created_at, updated_at)
    VALUES ($1, $2, $3, $4, $5, $6)";

const CHANGE: &str =
    "UPDATE identity_provider SET issuer = $3, terms = $4, updated_at = $5 WHERE id = $1 AND org_id = $2";

const REMOVE: &str = "DELETE FROM identity_provider WHERE id = $1 AND org_id = $2";

#[async_trait]
impl IdentityProviders for Store {
    async fn identity_providers(&self, org: OrgId) -> Result<Vec<IdentityProvider>, StoreError> {
        let rows = self.db.read(sql(OF_ORG).bind(org.bits().to_be_bytes())).await?;
        Ok(rows.iter().map(provider).collect::<Result<_, _>>()?)
    }

    async fn add_identity_provider(
        &self,
        provider: &IdentityProvider,
        entry: &Entry,
    ) -> Result<(), StoreError> {
        let insert = named(INSERT, provider.org, provider.id)
            .bind(provider.terms.issuer())
            .bind(terms(provider)?)
            .bind(provider.created_at.as_micros())
            .bind(provider.updated_at.as_micros());
        Ok(write(&*self.db, vec![insert], entry).await?)
    }

    async fn change_identity_provider(
        &self,
        provider: &IdentityProvider,
        entry: &Entry,
    ) -> Result<bool, StoreError> {
        let change = named(CHANGE, provider.org, provider.id)
            .bind(provider.terms.issuer())
            .bind(terms(provider)?)
            .bind(provider.updated_at.as_micros());
        was_there(write(&*self.db, vec![change.must_change()], entry).await)
    }

    async fn remove_identity_provider(
        &self,
        org: OrgId,
        id: IdentityProviderId,
        entry: &Entry,
    ) -> Result<bool, StoreError> {
        let remove = named(REMOVE, org, id).must_change();
        was_there(write(&*self.db, vec![remove], entry).await)
    }
}

fn named(text: &'static str, org: OrgId, id: IdentityProviderId) -> Statement {
    sql(text).bind(id.bits().to_be_bytes()).bind(org.bits().to_be_bytes())
}

fn was_there(result: Result<(), DbError>) -> Result<bool, StoreError> {
    match result {
        Ok(()) => Ok(true),
        Err(DbError::Unchanged) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn corrupt() -> DbError {
    DbError::Corrupt("identity_provider.terms".into())
}

fn terms(provider: &IdentityProvider) -> Result<String, DbError> {
    serde_json::to_string(provider.terms.draft()).map_err(|_| corrupt())
}

fn provider(row: &Row) -> Result<IdentityProvider, DbError> {
    let draft: Draft = serde_json::from_str(row.text(2)?).map_err(|_| corrupt())?;
    Ok(IdentityProvider {
        id: IdentityProviderId::from_bits(row.id(0)?),
        org: OrgId::from_bits(row.id(1)?),
        terms: draft.try_into().map_err(|_| corrupt())?,
        created_at: Timestamp::from_micros(row.int(3)?),
        updated_at: Timestamp::from_micros(row.int(4)?),
    })
}
