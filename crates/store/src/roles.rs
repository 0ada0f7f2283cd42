//! Roles that orgs have made.

use crate::Store;
use crate::db::{DbError, Row, Statement, sql};
use domain::name::CanonicalName;
use domain::privilege::{Privilege, Privileges};
use domain::revision::Revision;
use domain::role::CustomRole;
use domain::time::Timestamp;
use std::sync::Arc;
use wire::{OrgId, RoleId, UserId};

const BY_ID: &str =
    "SELECT id, org_id, name, description, privileges, created_by, updated_by, revision, created_at,
    updated_at FROM role WHERE id = $1";

const BY_NAME: &str =
    "SELECT id, org_id, name, description, privileges, created_by, updated_by, revision, created_at,
    updated_at FROM role WHERE org_id = $1 AND canonical_name = $2";

const OF_ORG: &str =
    "SELECT id, org_id, name, description, privileges, created_by, updated_by, revision, created_at,
    updated_at FROM role WHERE org_id = $1 ORDER BY canonical_name";

const OF_USER: &str =
    "SELECT r.id, r.org_id, r.name, r.description, r.privileges, r.created_by, r.updated_by,
    r.revision, r.created_at, r.updated_at FROM account_role a JOIN role r ON r.id = a.role_id
    WHERE a.account_id = $1 ORDER BY r.canonical_name";

const INSERT: &str =
    "INSERT INTO role (id, org_id, name, canonical_name, description, privileges, created_by,
    updated_by, revision, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";

const REPLACE: &str = "UPDATE role SET name = $2, canonical_name = $3, description = $4, privileges = $5,
    updated_by = $6, revision = $7, updated_at = $8 WHERE id = $1 AND revision = $7 - 1";

/// What a user is has changed: nobody may write it who has not seen that.
const USERS_CHANGED: &str = "UPDATE account SET revision = revision + 1
    WHERE id IN (SELECT account_id FROM account_role WHERE role_id = $1)";
const FROM_USERS: &str = "DELETE FROM account_role WHERE role_id = $1";
const FROM_GROUPS: &str = "DELETE FROM group_role WHERE role_id = $1";
const FROM_CLIENTS: &str = "DELETE FROM oauth_client_role WHERE role_id = $1";
const FROM_SAML: &str = "DELETE FROM saml_role WHERE role_id = $1";
const REMOVE: &str = "DELETE FROM role WHERE id = $1";

impl Store {
    pub(crate) async fn read_role(&self, id: RoleId) -> Result<Option<Arc<CustomRole>>, DbError> {
        Ok(self.read_roles(sql(BY_ID).bind(id.bits().to_be_bytes())).await?.pop())
    }

    pub(crate) async fn read_role_named(
        &self,
        org: OrgId,
        name: &CanonicalName,
    ) -> Result<Option<Arc<CustomRole>>, DbError> {
        let statement = sql(BY_NAME).bind(org.bits().to_be_bytes()).bind(name.as_str());
        Ok(self.read_roles(statement).await?.pop())
    }

    pub(crate) async fn roles_of_org(&self, org: OrgId) -> Result<Vec<Arc<CustomRole>>, DbError> {
        self.read_roles(sql(OF_ORG).bind(org.bits().to_be_bytes())).await
    }

    pub(crate) async fn roles_of(&self, user: UserId) -> Result<Vec<Arc<CustomRole>>, DbError> {
        self.read_roles(sql(OF_USER).bind(user.bits().to_be_bytes())).await
    }

    async fn read_roles(&self, statement: Statement) -> Result<Vec<Arc<CustomRole>>, DbError> {
        self.db.read(statement).await?.iter().map(|row| role(row).map(Arc::new)).collect()
    }
}

/// The statements that add a role.
pub fn insert(role: &CustomRole) -> Vec<Statement> {
    vec![
        sql(INSERT)
            .bind(role.id.bits().to_be_bytes())
            .bind(role.org.bits().to_be_bytes())
            .bind(role.name.as_str())
            .bind(role.name.canonical().as_str())
            .bind(role.description.as_str())
            .bind(words(role.privileges))
            .bind(role.revision.created_by())
            .bind(role.revision.updated_by())
            .bind(role.revision.number)
            .bind(role.created_at.as_micros())
            .bind(role.updated_at.as_micros()),
    ]
}

/// The statements that put a role in the place of its writing before.
pub fn replace(role: &CustomRole) -> Vec<Statement> {
    vec![
        sql(REPLACE)
            .bind(role.id.bits().to_be_bytes())
            .bind(role.name.as_str())
            .bind(role.name.canonical().as_str())
            .bind(role.description.as_str())
            .bind(words(role.privileges))
            .bind(role.revision.updated_by())
            .bind(role.revision.number)
            .bind(role.updated_at.as_micros())
            .must_change(),
    ]
}

/// The statements that remove a role, from users, groups and OAuth clients too.
pub fn remove(id: RoleId) -> Vec<Statement> {
    let id = id.bits().to_be_bytes();
    let texts = [USERS_CHANGED, FROM_USERS, FROM_GROUPS, FROM_CLIENTS, FROM_SAML];
    let emptied = texts.map(|text| sql(text).bind(id));
    emptied.into_iter().chain([sql(REMOVE).bind(id).must_change()]).collect()
}

/// Privileges as they are kept: their names.
pub(crate) fn words(privileges: Privileges) -> String {
    privileges.iter().map(Privilege::name).collect::<Vec<_>>().join(" ")
}

/// The privileges that are kept so; a name that no release knows any more allows nothing.
pub(crate) fn privileges(words: &str) -> Privileges {
    words.split_whitespace().filter_map(|word| word.parse::<Privilege>().ok()).collect()
}

fn role(row: &Row) -> Result<CustomRole, DbError> {
    let corrupt = |what: &str| DbError::Corrupt(format!("role.{what}"));
    // A privilege that this release does not know allows nothing here.
    Ok(CustomRole {
        id: RoleId::from_bits(row.id(0)?),
        org: OrgId::from_bits(row.id(1)?),
        name: row.text(2)?.parse().map_err(|_| corrupt("name"))?,
        description: row.text(3)?.to_owned(),
        privileges: privileges(row.text(4)?),
        revision: Revision::of(row.text(5)?, row.text(6)?, row.int(7)?),
        created_at: Timestamp::from_micros(row.int(8)?),
        updated_at: Timestamp::from_micros(row.int(9)?),
    })
}
