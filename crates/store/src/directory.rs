//! Orgs and users.

use crate::db::{DbError, Row, Statement, sql};
use crate::{Store, or_done, write};
use async_trait::async_trait;
use domain::audit::Entry;
use domain::method::hash::PasswordHash;
use domain::name::CanonicalName;
use domain::org::{Authentication, Org};
use domain::org_policy::Decided;
use domain::revision::Revision;
use domain::role::Role;
use domain::store::{Directory, StoreError};
use domain::time::Timestamp;
use domain::user::{Account, Authenticator, Grants, Profile, Status, User};
use std::sync::Arc;
use wire::{OrgId, RoleId, UserId};

const ORG: &str = "SELECT id, name, parent_id, region, authentication_type, jwt_minutes, idle_minutes,
    absolute_minutes, session_limit, created_at, updated_at, profile, created_by, updated_by, revision FROM org WHERE id = $1";

const ANY_ORG: &str = "SELECT id FROM org LIMIT 1";

const INSERT_ORG: &str = "INSERT INTO org (id, name, parent_id, region, authentication_type, jwt_minutes,
    idle_minutes, absolute_minutes, session_limit, created_at, updated_at, profile, created_by, updated_by, revision)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)";

const ACCOUNT_BY_NAME: &str = "SELECT a.id, a.org_id, a.name, a.status, a.authenticator, a.password_hash, a.profile,
    a.must_change_password, a.max_login_attempts, a.created_at, a.updated_at, r.role_id, a.created_by, a.updated_by,
    a.revision, (SELECT COUNT(*) FROM group_member m WHERE m.account_id = a.id), a.tokens_after
    FROM account a LEFT JOIN account_role r ON r.account_id = a.id WHERE a.canonical_name = $1 ORDER BY r.role_id";

const ACCOUNT_BY_ID: &str =
    "SELECT a.id, a.org_id, a.name, a.status, a.authenticator, a.password_hash, a.profile,
    a.must_change_password, a.max_login_attempts, a.created_at, a.updated_at, r.role_id, a.created_by, a.updated_by,
    a.revision, (SELECT COUNT(*) FROM group_member m WHERE m.account_id = a.id), a.tokens_after
    FROM account a LEFT JOIN account_role r ON r.account_id = a.id WHERE a.id = $1 ORDER BY r.role_id";

const INSERT_ACCOUNT: &str = "INSERT INTO account (id, org_id, name, canonical_name, status, authenticator,
    password_hash, profile, must_change_password, max_login_attempts, created_at, updated_at, created_by, updated_by,
    revision, external_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)";

const INSERT_ROLE: &str = "INSERT INTO account_role (account_id, role_id) VALUES ($1, $2)";

const REHASH: &str = "UPDATE account SET password_hash = $3 WHERE id = $1 AND password_hash = $2";

#[async_trait]
impl Directory for Store {
    async fn account(&self, name: &CanonicalName) -> Result<Option<Account>, StoreError> {
        let rows = self.db.read(sql(ACCOUNT_BY_NAME).bind(name.as_str())).await?;
        self.with_grants(&rows).await
    }

    async fn org(&self, id: OrgId) -> Result<Option<Arc<Org>>, StoreError> {
        if let Some(org) = self.orgs.get(&id) {
            return Ok(Some(org));
        }
        let reading = self.orgs.start_reading();
        let rows = self.db.read(sql(ORG).bind(id.bits().to_be_bytes())).await?;
        let mut found = rows.first().map(org).transpose()?;
        if let Some(org) = &mut found {
            org.decided = self.decided(id).await?;
        }
        let found = found.map(Arc::new);
        found.iter().for_each(|org| self.orgs.keep(reading, id, org));
        Ok(found)
    }

    fn org_at_hand(&self, id: OrgId) -> Option<Arc<Org>> {
        self.orgs.get(&id)
    }

    fn user_at_hand(&self, id: UserId) -> Option<Arc<User>> {
        self.users.get(&id)
    }

    async fn user(&self, id: UserId) -> Result<Option<Arc<User>>, StoreError> {
        if let Some(user) = self.users.get(&id) {
            return Ok(Some(user));
        }
        let reading = self.users.start_reading();
        let rows = self.db.read(sql(ACCOUNT_BY_ID).bind(id.bits().to_be_bytes())).await?;
        let found = self.with_grants(&rows).await?.map(|account| Arc::new(account.user));
        found.iter().for_each(|user| self.users.keep(reading, id, user));
        Ok(found)
    }

    async fn is_empty(&self) -> Result<bool, StoreError> {
        Ok(self.db.read(sql(ANY_ORG)).await?.is_empty())
    }

    async fn found(&self, orgs: &[Org], accounts: &[Account], entry: &Entry) -> Result<(), StoreError> {
        let mut statements = orgs.iter().map(insert_org).collect::<Result<Vec<_>, _>>()?;
        for account in accounts {
            statements.push(insert_account(account)?);
            statements.extend(account.user.roles.iter().map(|role| insert_role(account.user.id, role.id())));
        }
        Ok(write(&*self.db, statements, entry).await?)
    }

    async fn rehash(
        &self,
        user: UserId,
        old: &PasswordHash,
        new: &PasswordHash,
        entry: &Entry,
    ) -> Result<(), StoreError> {
        let statement = sql(REHASH).bind(user.bits().to_be_bytes()).bind(old.expose()).bind(new.expose());
        or_done(write(&*self.db, vec![statement.must_change()], entry).await)
    }
}

impl Store {
    /// The account of these rows, with the roles and groups that are not in them.
    async fn with_grants(&self, rows: &[Row]) -> Result<Option<Account>, StoreError> {
        let (Some(mut account), Some(row)) = (account(rows)?, rows.first()) else {
            return Ok(None);
        };
        let built_in = account.user.roles.count();
        let every = rows.iter().filter(|row| row.id(11).is_ok()).count();
        if every > built_in {
            account.user.grants.roles = self.roles_of(account.user.id).await?;
        }
        if row.int(15)? > 0 {
            account.user.grants.groups = self.groups_of(account.user.id).await?;
        }
        Ok(Some(account))
    }
}

/// The statement that adds an org.
pub fn insert_org(org: &Org) -> Result<Statement, DbError> {
    let (kind, minutes) = match org.authentication {
        Authentication::SessionId => ("session_id", None),
        Authentication::Jwt { minutes } => ("jwt", Some(minutes)),
    };
    Ok(sql(INSERT_ORG)
        .bind(org.id.bits().to_be_bytes())
        .bind(org.name.as_str())
        .bind(org.parent.bits().to_be_bytes())
        .bind(org.region.clone())
        .bind(kind)
        .bind(minutes)
        .bind(org.idle_minutes)
        .bind(org.absolute_minutes)
        .bind(org.session_limit)
        .bind(org.created_at.as_micros())
        .bind(org.updated_at.as_micros())
        .bind(org_profile(org)?)
        .bind(org.revision.created_by())
        .bind(org.revision.updated_by())
        .bind(org.revision.number))
}

/// What people read about an org, as it is kept.
pub fn org_profile(org: &Org) -> Result<String, DbError> {
    serde_json::to_string(&org.profile).map_err(|_| DbError::Corrupt("org.profile".into()))
}

fn org(row: &Row) -> Result<Org, DbError> {
    let authentication = match (row.text(4)?, small(row.opt_int(5)?)?) {
        ("session_id", _) => Authentication::SessionId,
        ("jwt", Some(minutes)) => Authentication::Jwt { minutes },
        _ => return Err(DbError::Corrupt("org.authentication_type".into())),
    };
    Ok(Org {
        id: OrgId::from_bits(row.id(0)?),
        name: row.text(1)?.to_owned(),
        parent: OrgId::from_bits(row.id(2)?),
        region: row.opt_text(3)?.map(str::to_owned),
        authentication,
        idle_minutes: small(row.opt_int(6)?)?,
        absolute_minutes: small(row.opt_int(7)?)?,
        session_limit: small(row.opt_int(8)?)?,
        decided: Decided::default(),
        created_at: Timestamp::from_micros(row.int(9)?),
        updated_at: Timestamp::from_micros(row.int(10)?),
        profile: serde_json::from_str(row.text(11)?).map_err(|_| DbError::Corrupt("org.profile".into()))?,
        revision: Revision::of(row.text(12)?, row.text(13)?, row.int(14)?),
    })
}

/// What people read about a user, as it is kept.
pub fn profile(user: &User) -> Result<String, DbError> {
    serde_json::to_string(&user.profile.open()).map_err(|_| DbError::Corrupt("account.profile".into()))
}

/// The statement that adds an account, without its roles and groups.
pub fn insert_account(account: &Account) -> Result<Statement, DbError> {
    let user = &account.user;
    let profile = profile(user)?;
    Ok(sql(INSERT_ACCOUNT)
        .bind(user.id.bits().to_be_bytes())
        .bind(user.org.bits().to_be_bytes())
        .bind(user.name.as_str())
        .bind(user.name.canonical().as_str())
        .bind(if user.is_active() { "active" } else { "disabled" })
        .bind(authenticator(user))
        .bind(account.password.as_ref().map(|hash| hash.expose().to_owned()))
        .bind(profile)
        .bind(user.must_change_password)
        .bind(user.max_login_attempts)
        .bind(user.created_at.as_micros())
        .bind(user.updated_at.as_micros())
        .bind(user.revision.created_by())
        .bind(user.revision.updated_by())
        .bind(user.revision.number)
        .bind(user.profile.provisioned().and_then(|it| it.external_id.clone())))
}

/// How a user proves who it is, as it is kept.
pub fn authenticator(user: &User) -> &'static str {
    if user.authenticator == Authenticator::Native { "native" } else { "saml" }
}

/// The statement that gives an account a role.
pub fn insert_role(user: UserId, role: RoleId) -> Statement {
    sql(INSERT_ROLE).bind(user.bits().to_be_bytes()).bind(role.bits().to_be_bytes())
}

/// Folds the rows of one account, one for each of its roles.
fn account(rows: &[Row]) -> Result<Option<Account>, DbError> {
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    let corrupt = |what: &str| DbError::Corrupt(format!("account.{what}"));
    let password =
        row.opt_text(5)?.map(str::parse::<PasswordHash>).transpose().map_err(|_| corrupt("password_hash"))?;
    let status = match row.text(3)? {
        "active" => Status::Active,
        "disabled" => Status::Disabled,
        _ => return Err(corrupt("status")),
    };
    let authenticator = match row.text(4)? {
        "native" => Authenticator::Native,
        "saml" => Authenticator::Saml,
        _ => return Err(corrupt("authenticator")),
    };
    let user = User {
        id: UserId::from_bits(row.id(0)?),
        org: OrgId::from_bits(row.id(1)?),
        name: row.text(2)?.parse().map_err(|_| corrupt("name"))?,
        status,
        authenticator,
        roles: rows.iter().filter_map(role).collect(),
        profile: serde_json::from_str::<Profile>(row.text(6)?).map_err(|_| corrupt("profile"))?.into(),
        must_change_password: row.flag(7)?,
        max_login_attempts: small(row.opt_int(8)?)?,
        created_at: Timestamp::from_micros(row.int(9)?),
        updated_at: Timestamp::from_micros(row.int(10)?),
        grants: Grants::default(),
        tokens_after: row.opt_int(16)?.map(Timestamp::from_micros),
        revision: Revision::of(row.text(12)?, row.text(13)?, row.int(14)?),
    };
    Ok(Some(Account { user, password }))
}

fn role(row: &Row) -> Option<Role> {
    row.id(11).ok().map(RoleId::from_bits).and_then(Role::with_id)
}

fn small(number: Option<i64>) -> Result<Option<u32>, DbError> {
    number.map(u32::try_from).transpose().map_err(|_| DbError::Corrupt("a number out of its range".into()))
}
