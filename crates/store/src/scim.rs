//! SCIM tokens, and users and groups as an identity provider counts and calls them.

use crate::db::{DbError, Durability, Row, Statement, sql};
use crate::{Store, groups, roles, write};
use async_trait::async_trait;
use domain::audit::Entry;
use domain::group::Group;
use domain::scim::{ScimToken, TokenDigest};
use domain::store::{Provisioning, StoreError};
use domain::time::Timestamp;
use wire::{GroupId, OrgId, ScimTokenId, UserId};

const BY_DIGEST: &str = "SELECT id, org_id, place, made_by, privileges, created_at, expires_at, last_used_at
    FROM scim_token WHERE digest = $1";

const BY_ID: &str = "SELECT id, org_id, place, made_by, privileges, created_at, expires_at, last_used_at
    FROM scim_token WHERE id = $1";

const OF_ORG: &str = "SELECT id, org_id, place, made_by, privileges, created_at, expires_at, last_used_at
    FROM scim_token WHERE org_id = $1 ORDER BY created_at, id";

const MAKE_ROOM: &str = "DELETE FROM scim_token WHERE org_id = $1 AND place = $2 AND expires_at <= $3";

const INSERT: &str = "INSERT INTO scim_token (id, org_id, place, digest, made_by, privileges, created_at,
    expires_at, last_used_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, NULL)";

const REMOVE: &str = "DELETE FROM scim_token WHERE org_id = $1 AND id = $2";

const USED: &str =
    "UPDATE scim_token SET last_used_at = $2 WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < $2)";

const USERS: &str =
    "SELECT id FROM account WHERE org_id = $1 AND external_id = $2 ORDER BY canonical_name LIMIT 200";

const GROUPS: &str =
    "SELECT id FROM user_group WHERE org_id = $1 AND external_id = $2 ORDER BY canonical_name LIMIT 200";

const COUNT_USERS: &str = "SELECT COUNT(*) FROM account WHERE org_id = $1";
const COUNT_GROUPS: &str = "SELECT COUNT(*) FROM user_group WHERE org_id = $1";
const MEMBERS: &str = "SELECT account_id FROM group_member WHERE group_id = $1 ORDER BY account_id LIMIT $2";

#[async_trait]
impl Provisioning for Store {
    async fn scim_token(&self, digest: &TokenDigest) -> Result<Option<ScimToken>, StoreError> {
        let rows = self.db.read(sql(BY_DIGEST).bind(digest.0)).await?;
        Ok(rows.first().map(token).transpose()?)
    }

    async fn scim_token_by_id(&self, id: ScimTokenId) -> Result<Option<ScimToken>, StoreError> {
        let rows = self.db.read(sql(BY_ID).bind(id.bits().to_be_bytes())).await?;
        Ok(rows.first().map(token).transpose()?)
    }

    async fn scim_tokens(&self, org: OrgId) -> Result<Vec<ScimToken>, StoreError> {
        let rows = self.db.read(of_org(OF_ORG, org)).await?;
        Ok(rows.iter().map(token).collect::<Result<_, _>>()?)
    }

    async fn add_scim_token(
        &self,
        token: &ScimToken,
        digest: &TokenDigest,
        entry: &Entry,
    ) -> Result<(), StoreError> {
        let room = of_org(MAKE_ROOM, token.org).bind(token.place).bind(entry.at.as_micros());
        let insert = sql(INSERT)
            .bind(token.id.bits().to_be_bytes())
            .bind(token.org.bits().to_be_bytes())
            .bind(token.place)
            .bind(digest.0)
            .bind(token.by.bits().to_be_bytes())
            .bind(roles::words(token.privileges))
            .bind(token.created_at.as_micros())
            .bind(token.expires_at.as_micros());
        Ok(write(&*self.db, vec![room, insert], entry).await?)
    }

    async fn remove_scim_token(
        &self,
        org: OrgId,
        id: ScimTokenId,
        entry: &Entry,
    ) -> Result<bool, StoreError> {
        let remove = of_org(REMOVE, org).bind(id.bits().to_be_bytes()).must_change();
        match write(&*self.db, vec![remove], entry).await {
            Ok(()) => Ok(true),
            Err(DbError::Unchanged) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    async fn note_scim_use(&self, id: ScimTokenId, at: Timestamp) -> Result<(), StoreError> {
        let used = sql(USED).bind(id.bits().to_be_bytes()).bind(at.as_micros());
        Ok(self.db.write(vec![used], Durability::Relaxed).await.map(drop)?)
    }

    async fn users_with_external_id(&self, org: OrgId, external: &str) -> Result<Vec<UserId>, StoreError> {
        let rows = self.db.read(of_org(USERS, org).bind(external)).await?;
        Ok(rows.iter().map(|row| row.id(0).map(UserId::from_bits)).collect::<Result<_, _>>()?)
    }

    async fn groups_with_external_id(&self, org: OrgId, external: &str) -> Result<Vec<GroupId>, StoreError> {
        let rows = self.db.read(of_org(GROUPS, org).bind(external)).await?;
        Ok(rows.iter().map(|row| row.id(0).map(GroupId::from_bits)).collect::<Result<_, _>>()?)
    }

    async fn count_users(&self, org: OrgId) -> Result<u64, StoreError> {
        self.count(of_org(COUNT_USERS, org)).await
    }

    async fn count_groups(&self, org: OrgId) -> Result<u64, StoreError> {
        self.count(of_org(COUNT_GROUPS, org)).await
    }

    async fn member_ids(&self, group: GroupId, most: u32) -> Result<Vec<UserId>, StoreError> {
        let rows = self.db.read(sql(MEMBERS).bind(group.bits().to_be_bytes()).bind(most)).await?;
        Ok(rows.iter().map(|row| row.id(0).map(UserId::from_bits)).collect::<Result<_, _>>()?)
    }

    async fn change_members(
        &self,
        new: &Group,
        joining: &[UserId],
        leaving: &[UserId],
        entry: &Entry,
    ) -> Result<(), StoreError> {
        self.change_many(groups::change_members(new, joining, leaving), entry).await
    }
}

impl Store {
    async fn count(&self, statement: Statement) -> Result<u64, StoreError> {
        let rows = self.db.read(statement).await?;
        let count = rows.first().map(|row| row.int(0)).transpose()?.unwrap_or_default();
        Ok(u64::try_from(count).unwrap_or_default())
    }
}

fn of_org(text: &'static str, org: OrgId) -> Statement {
    sql(text).bind(org.bits().to_be_bytes())
}

fn token(row: &Row) -> Result<ScimToken, DbError> {
    let place = u32::try_from(row.int(2)?).map_err(|_| DbError::Corrupt("scim_token.place".into()))?;
    Ok(ScimToken {
        id: ScimTokenId::from_bits(row.id(0)?),
        org: OrgId::from_bits(row.id(1)?),
        place,
        by: UserId::from_bits(row.id(3)?),
        privileges: roles::privileges(row.text(4)?),
        created_at: Timestamp::from_micros(row.int(5)?),
        expires_at: Timestamp::from_micros(row.int(6)?),
        last_used_at: row.opt_int(7)?.map(Timestamp::from_micros),
    })
}
