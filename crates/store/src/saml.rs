//! The SAML identity provider of each org, and what its groups and roles are here.

use crate::db::{DbError, Row, Statement, sql};
use crate::{Store, groups, write};
use async_trait::async_trait;
use domain::audit::Entry;
use domain::saml::mapping::{GroupChange, Links};
use domain::saml::provider::{Draft, Provider};
use domain::store::{SamlProviders, StoreError};
use domain::time::Timestamp;
use std::collections::BTreeSet;
use wire::{GroupId, IdentityProviderId, OrgId, RoleId};

const OF_ORG: &str = "SELECT id, org_id, terms, created_at, updated_at FROM saml_provider WHERE org_id = $1";

const PUT: &str = "INSERT INTO saml_provider (org_id, id, terms, created_at, updated_at)
    VALUES ($1, $2, $3, $4, $5) ON CONFLICT (org_id) DO UPDATE SET terms = $3, updated_at = $5";

const REMOVE: &str = "DELETE FROM saml_provider WHERE org_id = $1";

const GROUPS: &str = "SELECT name, group_id FROM saml_group WHERE org_id = $1 ORDER BY name";
const ROLES: &str = "SELECT name, role_id FROM saml_role WHERE org_id = $1 ORDER BY name, role_id";

const LINK: &str = "INSERT INTO saml_group (org_id, name, group_id) VALUES ($1, $2, $3)";
const UNLINK: &str = "DELETE FROM saml_group WHERE org_id = $1 AND name = $2";

const GIVE: &str = "INSERT INTO group_role (group_id, role_id) VALUES ($1, $2) ON CONFLICT DO NOTHING";
const TAKE: &str = "DELETE FROM group_role WHERE group_id = $1 AND role_id = $2";

/// What a group is has changed: nobody may write it who has not seen that, nor its members.
const TOUCH: &str = "UPDATE user_group SET revision = revision + 1, updated_at = $2 WHERE id = $1";
const MEMBERS_CHANGED: &str = "UPDATE account SET revision = revision + 1
    WHERE id IN (SELECT account_id FROM group_member WHERE group_id = $1)";

const ADD_ROLE: &str =
    "INSERT INTO saml_role (org_id, name, role_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
const REMOVE_ROLE: &str = "DELETE FROM saml_role WHERE org_id = $1 AND name = $2 AND role_id = $3";

#[async_trait]
impl SamlProviders for Store {
    async fn saml_provider(&self, org: OrgId) -> Result<Option<Provider>, StoreError> {
        let rows = self.db.read(sql(OF_ORG).bind(org.bits().to_be_bytes())).await?;
        Ok(rows.first().map(provider).transpose()?)
    }

    async fn put_saml_provider(&self, provider: &Provider, entry: &Entry) -> Result<(), StoreError> {
        let terms = serde_json::to_string(provider.terms.draft()).map_err(|_| corrupt())?;
        let put = sql(PUT)
            .bind(provider.org.bits().to_be_bytes())
            .bind(provider.id.bits().to_be_bytes())
            .bind(terms)
            .bind(provider.created_at.as_micros())
            .bind(provider.updated_at.as_micros());
        Ok(write(&*self.db, vec![put], entry).await?)
    }

    async fn remove_saml_provider(&self, org: OrgId, entry: &Entry) -> Result<bool, StoreError> {
        let remove = sql(REMOVE).bind(org.bits().to_be_bytes()).must_change();
        match write(&*self.db, vec![remove], entry).await {
            Ok(()) => Ok(true),
            Err(DbError::Unchanged) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    async fn saml_links(&self, org: OrgId) -> Result<Links, StoreError> {
        let org = org.bits().to_be_bytes();
        let (groups, roles) =
            (self.db.read(sql(GROUPS).bind(org)).await?, self.db.read(sql(ROLES).bind(org)).await?);
        let group = |row: &Row| Ok((row.text(0)?.to_owned(), GroupId::from_bits(row.id(1)?)));
        let role = |row: &Row| Ok((row.text(0)?.to_owned(), RoleId::from_bits(row.id(1)?)));
        Ok(Links {
            groups: groups.iter().map(group).collect::<Result<_, DbError>>()?,
            roles: roles.iter().map(role).collect::<Result<_, DbError>>()?,
        })
    }

    async fn change_saml_groups(
        &self,
        org: OrgId,
        change: &GroupChange,
        entry: &Entry,
    ) -> Result<(), StoreError> {
        self.change_many(changed(org, change, entry.at), entry).await
    }

    async fn add_saml_roles(
        &self,
        org: OrgId,
        added: &[(String, RoleId)],
        entry: &Entry,
    ) -> Result<(), StoreError> {
        let add = added.iter().map(|(name, role)| named(ADD_ROLE, org, name).bind(role.bits().to_be_bytes()));
        Ok(write(&*self.db, add.collect(), entry).await?)
    }

    async fn remove_saml_roles(
        &self,
        org: OrgId,
        removed: &[(String, RoleId)],
        entry: &Entry,
    ) -> Result<(), StoreError> {
        let remove =
            removed.iter().map(|(name, role)| named(REMOVE_ROLE, org, name).bind(role.bits().to_be_bytes()));
        Ok(write(&*self.db, remove.collect(), entry).await?)
    }
}

fn changed(org: OrgId, change: &GroupChange, at: Timestamp) -> Vec<Statement> {
    let pair = |text, (group, role): &(GroupId, RoleId)| {
        sql(text).bind(group.bits().to_be_bytes()).bind(role.bits().to_be_bytes())
    };
    let mut statements: Vec<_> = change.made.iter().flat_map(|group| groups::insert(group, &[])).collect();
    let linked =
        change.linked.iter().map(|(name, group)| named(LINK, org, name).bind(group.bits().to_be_bytes()));
    statements.extend(linked);
    let groups: BTreeSet<_> =
        change.given.iter().chain(&change.taken).map(|(group, _)| group.bits()).collect();
    for group in groups {
        let id = group.to_be_bytes();
        statements.push(sql(TOUCH).bind(id).bind(at.as_micros()).must_change());
        statements.push(sql(MEMBERS_CHANGED).bind(id));
    }
    statements.extend(change.given.iter().map(|given| pair(GIVE, given)));
    statements.extend(change.taken.iter().map(|taken| pair(TAKE, taken)));
    statements.extend(change.unlinked.iter().map(|name| named(UNLINK, org, name)));
    statements
}

fn named(text: &'static str, org: OrgId, name: &str) -> Statement {
    sql(text).bind(org.bits().to_be_bytes()).bind(name)
}

fn corrupt() -> DbError {
    DbError::Corrupt("saml_provider.terms".into())
}

fn provider(row: &Row) -> Result<Provider, DbError> {
    let draft: Draft = serde_json::from_str(row.text(2)?).map_err(|_| corrupt())?;
    Ok(Provider {
        id: IdentityProviderId::from_bits(row.id(0)?),
        org: OrgId::from_bits(row.id(1)?),
        terms: draft.try_into().map_err(|_| corrupt())?,
        created_at: Timestamp::from_micros(row.int(3)?),
        updated_at: Timestamp::from_micros(row.int(4)?),
    })
}
