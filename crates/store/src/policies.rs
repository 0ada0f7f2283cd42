//! What orgs decide for themselves.

use crate::db::{DbError, Row, Statement, sql};
use crate::{Store, change};
use async_trait::async_trait;
use domain::audit::Entry;
use domain::org::{Authentication, Org};
use domain::org_policy::Decided;
use domain::store::{Policies, StoreError};
use domain::time::Timestamp;
use ipnet::IpNet;
use std::slice::from_ref;
use std::sync::Arc;
use wire::OrgId;

const FIND: &str =
    "SELECT password_min_length, password_char_mix, password_reuse_days, password_expiration_days,
    max_login_attempts, lock_minutes, trusted_ip_ranges, chose_session_id, expires_since
    FROM org_policy WHERE org_id = $1";

const SESSIONS: &str = "UPDATE org SET authentication_type = $2, jwt_minutes = $3, idle_minutes = $4,
    absolute_minutes = $5, session_limit = $6, updated_at = $7, updated_by = $8, revision = $9
    WHERE id = $1 AND revision = $9 - 1";

const REPLACE: &str = "INSERT INTO org_policy (org_id, password_min_length, password_char_mix, password_reuse_days,
    password_expiration_days, max_login_attempts, lock_minutes, trusted_ip_ranges, chose_session_id, expires_since)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
    ON CONFLICT (org_id) DO UPDATE SET password_min_length = $2, password_char_mix = $3, password_reuse_days = $4,
    password_expiration_days = $5, max_login_attempts = $6, lock_minutes = $7, trusted_ip_ranges = $8,
    chose_session_id = $9, expires_since = $10";

#[async_trait]
impl Policies for Store {
    async fn replace_policy(&self, new: &Org, entry: &Entry) -> Result<(), StoreError> {
        let statements = vec![sessions(new).must_change(), decided(new)];
        let (orgs, id) = (Arc::clone(&self.orgs), new.id);
        change(&self.db, statements, from_ref(entry), move || orgs.changed(&id)).await
    }
}

impl Store {
    /// What an org has decided.
    pub(crate) async fn decided(&self, org: OrgId) -> Result<Decided, DbError> {
        let rows = self.db.read(sql(FIND).bind(org.bits().to_be_bytes())).await?;
        Ok(rows.first().map(row).transpose()?.unwrap_or_default())
    }
}

fn sessions(org: &Org) -> Statement {
    let (kind, minutes) = match org.authentication {
        Authentication::SessionId => ("session_id", None),
        Authentication::Jwt { minutes } => ("jwt", Some(minutes)),
    };
    sql(SESSIONS)
        .bind(org.id.bits().to_be_bytes())
        .bind(kind)
        .bind(minutes)
        .bind(org.idle_minutes)
        .bind(org.absolute_minutes)
        .bind(org.session_limit)
        .bind(org.updated_at.as_micros())
        .bind(org.revision.updated_by())
        .bind(org.revision.number)
}

fn decided(org: &Org) -> Statement {
    let decided = &org.decided;
    let ranges = decided.trusted_ip_ranges.as_ref();
    let ranges = ranges.map(|ranges| ranges.iter().map(IpNet::to_string).collect::<Vec<_>>().join(" "));
    sql(REPLACE)
        .bind(org.id.bits().to_be_bytes())
        .bind(decided.password_min_length)
        .bind(decided.password_char_mix)
        .bind(decided.password_reuse_days)
        .bind(decided.password_expiration_days)
        .bind(decided.max_login_attempts)
        .bind(decided.lock_minutes)
        .bind(ranges)
        .bind(decided.chose_session_id)
        .bind(decided.expires_since.map(Timestamp::as_micros))
}

fn row(row: &Row) -> Result<Decided, DbError> {
    let small = |column| {
        let number = row.opt_int(column)?.map(u32::try_from).transpose();
        number.map_err(|_| DbError::Corrupt("org_policy: a number out of its range".into()))
    };
    let ranges = row.opt_text(6)?.map(|text| text.split_whitespace().map(str::parse::<IpNet>).collect());
    let ranges = ranges.transpose().map_err(|_| DbError::Corrupt("org_policy.trusted_ip_ranges".into()))?;
    Ok(Decided {
        password_min_length: small(0)?,
        password_char_mix: small(1)?,
        password_reuse_days: small(2)?,
        password_expiration_days: small(3)?,
        max_login_attempts: small(4)?,
        lock_minutes: small(5)?,
        trusted_ip_ranges: ranges,
        chose_session_id: row.flag(7)?,
        expires_since: row.opt_int(8)?.map(Timestamp::from_micros),
    })
}
