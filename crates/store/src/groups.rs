//! Groups, their roles and their members.

use crate::Store;
use crate::db::{DbError, Row, Statement, sql};
use domain::group::Group;
use domain::name::CanonicalName;
use domain::page::Page;
use domain::revision::Revision;
use domain::role::{AnyRole, Role};
use domain::time::Timestamp;
use std::sync::Arc;
use wire::{GroupId, OrgId, RoleId, UserId};

const BY_ID: &str =
    "SELECT id, org_id, name, description, created_by, updated_by, revision, created_at, updated_at,
    external_id FROM user_group WHERE id = $1";

const BY_NAME: &str =
    "SELECT id, org_id, name, description, created_by, updated_by, revision, created_at, updated_at,
    external_id FROM user_group WHERE org_id = $1 AND canonical_name = $2";

const OF_ORG: &str =
    "SELECT id, org_id, name, description, created_by, updated_by, revision, created_at, updated_at,
    external_id FROM user_group WHERE org_id = $1 ORDER BY canonical_name LIMIT $2 OFFSET $3";

const OF_USER: &str = "SELECT g.id, g.org_id, g.name, g.description, g.created_by, g.updated_by, g.revision,
    g.created_at, g.updated_at, g.external_id FROM group_member m JOIN user_group g ON g.id = m.group_id
    WHERE m.account_id = $1 ORDER BY g.canonical_name";

const ROLES: &str = "SELECT role_id FROM group_role WHERE group_id = $1 ORDER BY role_id";

const MEMBERS: &str = "SELECT m.account_id FROM group_member m JOIN account a ON a.id = m.account_id
    WHERE m.group_id = $1 ORDER BY a.canonical_name LIMIT 1000";

const INSERT: &str =
    "INSERT INTO user_group (id, org_id, name, canonical_name, description, created_by, updated_by,
    revision, created_at, updated_at, external_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";

const REPLACE: &str =
    "UPDATE user_group SET name = $2, canonical_name = $3, description = $4, updated_by = $5,
    revision = $6, updated_at = $7, external_id = $8 WHERE id = $1 AND revision = $6 - 1";

const ADD_ROLE: &str = "INSERT INTO group_role (group_id, role_id) VALUES ($1, $2)";
const ADD_MEMBER: &str = "INSERT INTO group_member (group_id, account_id) VALUES ($1, $2)";
/// What a user is has changed: nobody may write it who has not seen that.
const MEMBERS_CHANGED: &str = "UPDATE account SET revision = revision + 1
    WHERE id IN (SELECT account_id FROM group_member WHERE group_id = $1)";
const USER_CHANGED: &str = "UPDATE account SET revision = revision + 1 WHERE id = $1";
const LEAVE: &str = "DELETE FROM group_member WHERE account_id = $1 AND group_id = $2";
const JOIN: &str = "INSERT INTO group_member (account_id, group_id) VALUES ($1, $2) ON CONFLICT (group_id, account_id) DO NOTHING";
const NO_ROLES: &str = "DELETE FROM group_role WHERE group_id = $1";
const NO_MEMBERS: &str = "DELETE FROM group_member WHERE group_id = $1";
const REMOVE: &str = "DELETE FROM user_group WHERE id = $1";

impl Store {
    pub(crate) async fn read_group(&self, id: GroupId) -> Result<Option<Arc<Group>>, DbError> {
        Ok(self.read_groups(sql(BY_ID).bind(id.bits().to_be_bytes())).await?.pop())
    }

    pub(crate) async fn read_group_named(
        &self,
        org: OrgId,
        name: &CanonicalName,
    ) -> Result<Option<Arc<Group>>, DbError> {
        let statement = sql(BY_NAME).bind(org.bits().to_be_bytes()).bind(name.as_str());
        Ok(self.read_groups(statement).await?.pop())
    }

    pub(crate) async fn groups_of_org(&self, org: OrgId, page: Page) -> Result<Vec<Arc<Group>>, DbError> {
        let statement = sql(OF_ORG).bind(org.bits().to_be_bytes()).bind(page.limit()).bind(page.skip());
        self.read_groups(statement).await
    }

    pub(crate) async fn groups_of(&self, user: UserId) -> Result<Vec<Arc<Group>>, DbError> {
        self.read_groups(sql(OF_USER).bind(user.bits().to_be_bytes())).await
    }

    pub(crate) async fn members_of(&self, group: GroupId) -> Result<Vec<UserId>, DbError> {
        let rows = self.db.read(sql(MEMBERS).bind(group.bits().to_be_bytes())).await?;
        rows.iter().map(|row| row.id(0).map(UserId::from_bits)).collect()
    }

    async fn read_groups(&self, statement: Statement) -> Result<Vec<Arc<Group>>, DbError> {
        let mut groups = Vec::new();
        for row in self.db.read(statement).await? {
            let mut group = group(&row)?;
            group.roles = self.roles_of_group(group.id).await?;
            groups.push(Arc::new(group));
        }
        Ok(groups)
    }

    async fn roles_of_group(&self, id: GroupId) -> Result<Vec<AnyRole>, DbError> {
        let mut roles = Vec::new();
        for row in self.db.read(sql(ROLES).bind(id.bits().to_be_bytes())).await? {
            let id = RoleId::from_bits(row.id(0)?);
            match Role::with_id(id) {
                Some(role) => roles.push(AnyRole::BuiltIn(role)),
                None => roles.extend(self.read_role(id).await?.map(AnyRole::Custom)),
            }
        }
        Ok(roles)
    }
}

/// The statements that add a group.
pub fn insert(group: &Group, members: &[UserId]) -> Vec<Statement> {
    let first = sql(INSERT)
        .bind(group.id.bits().to_be_bytes())
        .bind(group.org.bits().to_be_bytes())
        .bind(group.name.as_str())
        .bind(group.name.canonical().as_str())
        .bind(group.description.as_str())
        .bind(group.revision.created_by())
        .bind(group.revision.updated_by())
        .bind(group.revision.number)
        .bind(group.created_at.as_micros())
        .bind(group.updated_at.as_micros())
        .bind(group.external_id.clone());
    [vec![first], belongings(group, members)].concat()
}

/// The statements that put a group in the place of its writing before.
pub fn replace(group: &Group, members: &[UserId]) -> Vec<Statement> {
    let id = group.id.bits().to_be_bytes();
    let emptied =
        vec![rewrite(group), sql(MEMBERS_CHANGED).bind(id), sql(NO_ROLES).bind(id), sql(NO_MEMBERS).bind(id)];
    [emptied, belongings(group, members)].concat()
}

/// The statements that put a group in the place of its writing before, and let users join and leave.
pub fn change_members(group: &Group, joining: &[UserId], leaving: &[UserId]) -> Vec<Statement> {
    let id = group.id.bits().to_be_bytes();
    let of = |text, user: &UserId| sql(text).bind(user.bits().to_be_bytes());
    let changed = joining.iter().chain(leaving).map(|user| of(USER_CHANGED, user));
    let left = leaving.iter().map(|user| of(LEAVE, user).bind(id));
    let joined = joining.iter().map(|user| of(JOIN, user).bind(id));
    std::iter::once(rewrite(group)).chain(changed).chain(left).chain(joined).collect()
}

fn rewrite(group: &Group) -> Statement {
    sql(REPLACE)
        .bind(group.id.bits().to_be_bytes())
        .bind(group.name.as_str())
        .bind(group.name.canonical().as_str())
        .bind(group.description.as_str())
        .bind(group.revision.updated_by())
        .bind(group.revision.number)
        .bind(group.updated_at.as_micros())
        .bind(group.external_id.clone())
        .must_change()
}

/// The statements that remove a group.
pub fn remove(id: GroupId) -> Vec<Statement> {
    let id = id.bits().to_be_bytes();
    let emptied = [MEMBERS_CHANGED, NO_ROLES, NO_MEMBERS].map(|text| sql(text).bind(id));
    emptied.into_iter().chain([sql(REMOVE).bind(id).must_change()]).collect()
}

/// The statement that puts an account into a group.
pub fn insert_member(group: GroupId, account: UserId) -> Statement {
    sql(ADD_MEMBER).bind(group.bits().to_be_bytes()).bind(account.bits().to_be_bytes())
}

fn belongings(group: &Group, members: &[UserId]) -> Vec<Statement> {
    let id = group.id.bits().to_be_bytes();
    let roles = group.roles.iter().map(|role| sql(ADD_ROLE).bind(id).bind(role.id().bits().to_be_bytes()));
    roles.chain(members.iter().map(|member| insert_member(group.id, *member))).collect()
}

fn group(row: &Row) -> Result<Group, DbError> {
    Ok(Group {
        id: GroupId::from_bits(row.id(0)?),
        org: OrgId::from_bits(row.id(1)?),
        name: row.text(2)?.parse().map_err(|_| DbError::Corrupt("user_group.name".into()))?,
        description: row.text(3)?.to_owned(),
        roles: Vec::new(),
        revision: Revision::of(row.text(4)?, row.text(5)?, row.int(6)?),
        created_at: Timestamp::from_micros(row.int(7)?),
        updated_at: Timestamp::from_micros(row.int(8)?),
        external_id: row.opt_text(9)?.map(str::to_owned),
    })
}
