//! Changes of users, roles and groups: on disk, in what is at hand, and in the live sessions.

use crate::db::{Durability, Statement, sql};
use crate::directory::{authenticator, insert_account, insert_role, profile};
use crate::{Store, audit, change, groups, passwords, roles, roster, write};
use async_trait::async_trait;
use domain::audit::Entry;
use domain::group::Group;
use domain::name::CanonicalName;
use domain::org::Org;
use domain::page::Page;
use domain::password::Replacement;
use domain::role::CustomRole;
use domain::store::{Directory, People, StoreError};
use domain::time::Timestamp;
use domain::user::{Account, Keep, LastSignIn, User};
use std::slice::from_ref;
use std::sync::Arc;
use wire::{GroupId, OrgId, RoleId, UserId};

const OF_ORG: &str = "SELECT id FROM account WHERE org_id = $1 ORDER BY canonical_name LIMIT $2 OFFSET $3";

const BELOW: &str = "SELECT id FROM org WHERE parent_id = $1 ORDER BY name, id LIMIT 1000";

const REPLACE: &str = "UPDATE account SET status = $2, profile = $3, must_change_password = $4,
    max_login_attempts = $5, updated_at = $6, updated_by = $7, revision = $8, name = $9, canonical_name = $10,
    authenticator = $11, external_id = $12 WHERE id = $1 AND revision = $8 - 1";

const LAST_SIGN_IN: &str = "SELECT signed_in_at, signed_in_by FROM account WHERE id = $1";

const NO_ROLES: &str = "DELETE FROM account_role WHERE account_id = $1";
const NO_GROUPS: &str = "DELETE FROM group_member WHERE account_id = $1";
const REMOVE: &str = "DELETE FROM account WHERE id = $1 AND revision = $2";

/// Whoever loses every session loses the tokens that were minted so far as well. Those of the second in which that
/// happened before say that they are of the next one, so that one is over, too.
const NO_TOKENS: &str = "UPDATE account SET tokens_after =
    CASE WHEN tokens_after >= $3 THEN tokens_after + 1000000 ELSE $2 END WHERE id = $1";

/// The statement that takes a user's tokens away.
pub(crate) fn no_tokens(user: UserId, at: Timestamp) -> Statement {
    let second = Timestamp::from_seconds(at.as_seconds());
    sql(NO_TOKENS).bind(user.bits().to_be_bytes()).bind(at.as_micros()).bind(second.as_micros())
}

#[async_trait]
impl People for Store {
    async fn orgs_below(&self, org: OrgId) -> Result<Vec<Arc<Org>>, StoreError> {
        let mut orgs = Vec::new();
        for row in self.db.read(sql(BELOW).bind(org.bits().to_be_bytes())).await? {
            orgs.extend(self.org(OrgId::from_bits(row.id(0)?)).await?);
        }
        Ok(orgs)
    }

    async fn users(&self, org: OrgId, page: Page) -> Result<Vec<UserId>, StoreError> {
        let statement = sql(OF_ORG).bind(org.bits().to_be_bytes()).bind(page.limit()).bind(page.skip());
        let rows = self.db.read(statement).await?;
        Ok(rows.iter().map(|row| row.id(0).map(UserId::from_bits)).collect::<Result<_, _>>()?)
    }

    async fn last_sign_in(&self, user: UserId) -> Result<Option<LastSignIn>, StoreError> {
        let rows = self.db.read(sql(LAST_SIGN_IN).bind(user.bits().to_be_bytes())).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let (at, method) = (row.opt_int(0)?.map(Timestamp::from_micros), row.opt_text(1)?.map(str::to_owned));
        Ok(at.zip(method).map(|(at, method)| LastSignIn { at, method }))
    }

    async fn add_user(&self, account: &Account, entry: &Entry) -> Result<(), StoreError> {
        let statements = [vec![insert_account(account)?], belongings(&account.user)].concat();
        Ok(write(&*self.db, statements, entry).await?)
    }

    async fn add_users(&self, accounts: &[Account], entries: &[Entry]) -> Result<(), StoreError> {
        let mut statements = Vec::new();
        for account in accounts {
            statements.push(insert_account(account)?);
            statements.extend(belongings(&account.user));
        }
        statements.extend(entries.iter().map(audit::append));
        Ok(self.db.write(statements, Durability::Durable).await.map(drop)?)
    }

    async fn replace_user(&self, new: &User, keep: Keep, entry: &Entry) -> Result<(), StoreError> {
        let id = new.id.bits().to_be_bytes();
        let first = sql(REPLACE)
            .bind(id)
            .bind(if new.is_active() { "active" } else { "disabled" })
            .bind(profile(new)?)
            .bind(new.must_change_password)
            .bind(new.max_login_attempts)
            .bind(new.updated_at.as_micros())
            .bind(new.revision.updated_by())
            .bind(new.revision.number)
            .bind(new.name.as_str())
            .bind(new.name.canonical().as_str())
            .bind(authenticator(new))
            .bind(new.profile.provisioned().and_then(|it| it.external_id.clone()))
            .must_change();
        let emptied = vec![first, sql(NO_ROLES).bind(id), sql(NO_GROUPS).bind(id)];
        self.change_user(new.id, [emptied, belongings(new)].concat(), keep, entry).await
    }

    async fn replace_password(
        &self,
        user: &User,
        new: &Replacement,
        keep: Keep,
        entry: &Entry,
    ) -> Result<(), StoreError> {
        self.change_user(user.id, passwords::replace(user, new, entry.at), keep, entry).await
    }

    async fn remove_user(&self, user: &User, entry: &Entry) -> Result<(), StoreError> {
        let id = user.id.bits().to_be_bytes();
        let removal = sql(REMOVE).bind(id).bind(user.revision.number).must_change();
        let statements = vec![sql(NO_ROLES).bind(id), sql(NO_GROUPS).bind(id), removal];
        self.change_user(user.id, statements, Keep::None, entry).await
    }

    async fn roles(&self, org: OrgId) -> Result<Vec<Arc<CustomRole>>, StoreError> {
        Ok(self.roles_of_org(org).await?)
    }

    async fn role(&self, id: RoleId) -> Result<Option<Arc<CustomRole>>, StoreError> {
        Ok(self.read_role(id).await?)
    }

    async fn role_named(
        &self,
        org: OrgId,
        name: &CanonicalName,
    ) -> Result<Option<Arc<CustomRole>>, StoreError> {
        Ok(self.read_role_named(org, name).await?)
    }

    async fn add_role(&self, role: &CustomRole, entry: &Entry) -> Result<(), StoreError> {
        Ok(write(&*self.db, roles::insert(role), entry).await?)
    }

    async fn replace_role(&self, new: &CustomRole, entry: &Entry) -> Result<(), StoreError> {
        self.change_many(roles::replace(new), entry).await
    }

    async fn remove_role(&self, id: RoleId, entry: &Entry) -> Result<(), StoreError> {
        self.change_many(roles::remove(id), entry).await
    }

    async fn groups(&self, org: OrgId, page: Page) -> Result<Vec<Arc<Group>>, StoreError> {
        Ok(self.groups_of_org(org, page).await?)
    }

    async fn group(&self, id: GroupId) -> Result<Option<Arc<Group>>, StoreError> {
        Ok(self.read_group(id).await?)
    }

    async fn group_named(&self, org: OrgId, name: &CanonicalName) -> Result<Option<Arc<Group>>, StoreError> {
        Ok(self.read_group_named(org, name).await?)
    }

    async fn members(&self, group: GroupId) -> Result<Vec<UserId>, StoreError> {
        Ok(self.members_of(group).await?)
    }

    async fn add_group(&self, group: &Group, members: &[UserId], entry: &Entry) -> Result<(), StoreError> {
        self.change_many(groups::insert(group, members), entry).await
    }

    async fn replace_group(&self, new: &Group, members: &[UserId], entry: &Entry) -> Result<(), StoreError> {
        self.change_many(groups::replace(new, members), entry).await
    }

    async fn remove_group(&self, id: GroupId, entry: &Entry) -> Result<(), StoreError> {
        self.change_many(groups::remove(id), entry).await
    }
}

impl Store {
    /// Writes what changes one user, and ends those of its sessions that do not go on, in the same transaction.
    async fn change_user(
        &self,
        user: UserId,
        mut statements: Vec<Statement>,
        keep: Keep,
        entry: &Entry,
    ) -> Result<(), StoreError> {
        let but = match keep {
            Keep::All => None,
            Keep::Only(digest) => Some(Some(digest)),
            Keep::None => Some(None),
        };
        statements.extend(but.map(|but| roster::end_user(user, but, entry.at)));
        let tokens = no_tokens(user, entry.at);
        statements.extend(but.map(|_| tokens));
        let (users, live) = (Arc::clone(&self.users), Arc::clone(&self.live));
        change(&self.db, statements, from_ref(entry), move || {
            users.changed(&user);
            but.into_iter().for_each(|but| live.ended_user(user, but));
        })
        .await
    }

    /// Writes what may change what any user is.
    pub(crate) async fn change_many(
        &self,
        statements: Vec<Statement>,
        entry: &Entry,
    ) -> Result<(), StoreError> {
        let users = Arc::clone(&self.users);
        change(&self.db, statements, from_ref(entry), move || users.all_changed()).await
    }
}

/// The statements that give a user its roles and groups.
pub fn belongings(user: &User) -> Vec<Statement> {
    let roles = user.own_roles().map(|role| insert_role(user.id, role.id()));
    let groups = user.grants.groups.iter().map(|group| groups::insert_member(group.id, user.id));
    roles.chain(groups).collect()
}
