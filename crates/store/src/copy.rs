//! A whole instance from one store into another, whichever engine either has: every row, then a look at both sides.
//!
//! The rows of each table are counted and digested while they are read, and again where they arrived and where they came
//! from. Until all of that agrees the target says of itself that it is not whole, and nothing opens it.

use crate::Store;
use crate::db::{Db, DbError, Durability, Row, Statement, Value, sql};
use crate::migrate::UNFINISHED;
use aws_lc_rs::digest::{Context, SHA256};
use domain::store::StoreError;
use domain::time::Timestamp;

/// How many rows are read and written at once.
const PORTION: usize = 500;

const BEGIN: &str = "INSERT INTO migration (number, name, checksum, applied_at) VALUES ($1, 'copy', $2, $3)";

const END: &str = "DELETE FROM migration WHERE number = $1";

const WAITING: &str = "SELECT 1 FROM audit_waiting LIMIT 1";

/// Why a store was not copied.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The target has rows already.
    #[error("the target is not empty: there is something in its table {0}")]
    NotEmpty(&'static str),
    /// Somebody works with one of them.
    #[error("{0} is in use: a service or a tool is connected to it")]
    InUse(&'static str),
    /// What arrived is not what was read, or what was read has changed since.
    #[error("the table {0} is not the same on both sides; the target is not whole, and nothing opens it")]
    Differs(&'static str),
    /// One of the two did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<DbError> for CopyError {
    fn from(error: DbError) -> Self {
        Self::Store(error.into())
    }
}

/// A table that was copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// Its name.
    pub table: &'static str,
    /// How many rows it has on both sides.
    pub rows: u64,
}

/// A table: its name, how many of its first columns tell its rows apart, and its columns.
type Table = (&'static str, usize, &'static str);

/// Everything that is kept, each table behind those that it refers to. `audit_waiting` is empty when nothing waits.
const TABLES: [Table; 26] = [
    (
        "org",
        1,
        "id, name, parent_id, region, authentication_type, jwt_minutes, idle_minutes, absolute_minutes, \
         session_limit, created_at, updated_at, profile, created_by, updated_by, revision",
    ),
    (
        "org_policy",
        1,
        "org_id, password_min_length, password_char_mix, password_reuse_days, password_expiration_days, \
         max_login_attempts, lock_minutes, trusted_ip_ranges, chose_session_id, expires_since",
    ),
    (
        "role",
        1,
        "id, org_id, name, canonical_name, description, privileges, created_by, updated_by, revision, \
         created_at, updated_at",
    ),
    (
        "account",
        1,
        "id, org_id, name, canonical_name, status, authenticator, password_hash, profile, \
         must_change_password, max_login_attempts, created_at, updated_at, created_by, updated_by, \
         revision, password_at, security_answer, tokens_after, signed_in_at, signed_in_by, external_id",
    ),
    ("account_role", 2, "account_id, role_id"),
    (
        "user_group",
        1,
        "id, org_id, name, canonical_name, description, created_by, updated_by, revision, created_at, \
         updated_at, external_id",
    ),
    ("group_role", 2, "group_id, role_id"),
    ("group_member", 2, "group_id, account_id"),
    ("password_history", 3, "account_id, replaced_at, password_hash"),
    (
        "session",
        1,
        "digest, user_id, org_id, opened_at, seen_at, ends_at, idle_micros, expires_at, unique_id, \
         ended_at, address, device",
    ),
    (
        "saml_session",
        1,
        "digest, org_id, provider_id, subject, name_id, format, name_qualifier, sp_name_qualifier, \
         session_index",
    ),
    ("attempt", 2, "name, network, failures, pending, locked_until, last_at, succeeded_at, version"),
    ("signing_key", 1, "kid, algorithm, private_key, created_at, retired_at"),
    ("spent", 1, "digest, org_id, until"),
    ("identity_provider", 1, "id, org_id, issuer, terms, created_at, updated_at"),
    ("scim_token", 1, "id, org_id, place, digest, made_by, privileges, created_at, expires_at, last_used_at"),
    (
        "oauth_client",
        1,
        "id, org_id, name, description, is_disabled, token_minutes, created_by, updated_by, revision, \
         created_at, updated_at",
    ),
    ("oauth_client_role", 2, "client_id, role_id"),
    ("oauth_client_secret", 1, "id, client_id, digest, created_at, last_used_at"),
    ("revoked_token", 1, "digest, org_id, until"),
    ("saml_provider", 1, "org_id, id, terms, created_at, updated_at"),
    ("saml_group", 2, "org_id, name, group_id"),
    ("saml_role", 3, "org_id, name, role_id"),
    ("saml_key", 1, "id, private_key, certificate, created_at"),
    ("audit", 1, "seq, at, org_id, event, hash"),
    ("audit_checkpoint", 2, "seq, kind, at, hash, kid, public_key, signature"),
];

/// The statements over one table. They are made of constants, once for the one copy that a process makes.
struct Texts {
    table: &'static str,
    keys: usize,
    any: &'static str,
    count: &'static str,
    first: &'static str,
    next: &'static str,
    insert: &'static str,
}

impl Texts {
    fn of((table, keys, all): Table) -> Self {
        let key = all.split(", ").take(keys).collect::<Vec<_>>().join(", ");
        let places = |count: usize| (1..=count).map(|n| format!("${n}")).collect::<Vec<_>>().join(", ");
        let sorted = format!("ORDER BY {key} LIMIT {PORTION}");
        Self {
            table,
            keys,
            any: format!("SELECT 1 FROM {table} LIMIT 1").leak(),
            count: format!("SELECT COUNT(*) FROM {table}").leak(),
            first: format!("SELECT {all} FROM {table} {sorted}").leak(),
            next: format!("SELECT {all} FROM {table} WHERE ({key}) > ({}) {sorted}", places(keys)).leak(),
            insert: format!("INSERT INTO {table} ({all}) VALUES ({})", places(all.split(", ").count()))
                .leak(),
        }
    }

    fn insert(&self, row: Row) -> Statement {
        row.0.into_iter().fold(sql(self.insert), Statement::bind)
    }

    /// The rows behind this one, or the first.
    async fn portion(&self, db: &dyn Db, behind: Option<&Row>) -> Result<Vec<Row>, DbError> {
        let statement = match behind {
            None => sql(self.first),
            Some(row) => row.0.iter().take(self.keys).cloned().fold(sql(self.next), Statement::bind),
        };
        db.read(statement).await
    }
}

/// How many rows there are, and the sum of their digests, which no order changes.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Sum {
    rows: u64,
    digests: [u128; 2],
}

impl Sum {
    fn add(&mut self, row: &Row) {
        let mut digest = Context::new(&SHA256);
        for value in &row.0 {
            let (kind, bytes) = match value {
                Value::Null => (0_u8, Vec::new()),
                Value::Int(number) => (1, number.to_be_bytes().to_vec()),
                Value::Text(text) => (2, text.as_bytes().to_vec()),
                Value::Blob(bytes) => (3, bytes.clone()),
            };
            digest.update(&[kind]);
            digest.update(&(bytes.len() as u64).to_be_bytes());
            digest.update(&bytes);
        }
        let digest = digest.finish();
        let (high, low) = digest.as_ref().split_at(16);
        for (sum, half) in self.digests.iter_mut().zip([high, low]) {
            let half = half.try_into().map_or(0, u128::from_be_bytes);
            *sum = sum.wrapping_add(half);
        }
        self.rows += 1;
    }
}

/// How many steps a copy has: each row is read three times and written once.
pub async fn length(from: &Store) -> Result<u64, CopyError> {
    let mut rows = 0;
    for texts in TABLES.map(Texts::of) {
        let counted = from.db.read(sql(texts.count)).await?;
        rows += counted.first().map_or(Ok(0), |row| row.int(0))?;
    }
    Ok(u64::try_from(rows).unwrap_or(0) * 3)
}

/// Copies everything that one store keeps into another, which is empty, and looks whether it arrived. Nobody else may use
/// either meanwhile. `step` is told how many rows were gone through.
///
/// # Errors
/// [`CopyError::NotEmpty`] and [`CopyError::InUse`]: nothing was written. After every other one the target is not whole:
/// nothing opens it, and it has to be made anew.
pub async fn copy(
    from: &Store,
    to: &Store,
    now: Timestamp,
    mut step: impl FnMut(u64),
) -> Result<Vec<Copied>, CopyError> {
    let tables = TABLES.map(Texts::of);
    is_ours(from, "the source").await?;
    is_ours(to, "the target").await?;
    from.db.settle().await?;
    for texts in &tables {
        if !to.db.read(sql(texts.any)).await?.is_empty() {
            return Err(CopyError::NotEmpty(texts.table));
        }
    }
    let begin = sql(BEGIN).bind(UNFINISHED).bind(Vec::new()).bind(now.as_micros());
    to.db.write(vec![begin], Durability::Durable).await?;
    let mut copied = Vec::new();
    for texts in &tables {
        copied.push(rows(texts, from, to, &mut step).await?);
    }
    for (texts, sum) in tables.iter().zip(&copied) {
        for side in [to, from] {
            if summed(texts, side, &mut step).await? != *sum {
                return Err(CopyError::Differs(texts.table));
            }
        }
    }
    if !from.db.read(sql(WAITING)).await?.is_empty() {
        return Err(CopyError::InUse("the source"));
    }
    is_ours(from, "the source").await?;
    to.db.write(vec![sql(END).bind(UNFINISHED).must_change()], Durability::Durable).await?;
    Ok(tables.iter().zip(copied).map(|(texts, sum)| Copied { table: texts.table, rows: sum.rows }).collect())
}

async fn is_ours(store: &Store, which: &'static str) -> Result<(), CopyError> {
    if store.db.others().await? == 0 { Ok(()) } else { Err(CopyError::InUse(which)) }
}

/// Copies one table, and sums up what was read.
async fn rows(texts: &Texts, from: &Store, to: &Store, step: &mut impl FnMut(u64)) -> Result<Sum, CopyError> {
    let (mut sum, mut portion) = (Sum::default(), texts.portion(&*from.db, None).await?);
    while let Some(last) = portion.last().cloned() {
        portion.iter().for_each(|row| sum.add(row));
        step(portion.len() as u64);
        let written = portion.into_iter().map(|row| texts.insert(row)).collect();
        to.db.write(written, Durability::Relaxed).await?;
        portion = texts.portion(&*from.db, Some(&last)).await?;
    }
    Ok(sum)
}

async fn summed(texts: &Texts, store: &Store, step: &mut impl FnMut(u64)) -> Result<Sum, CopyError> {
    let (mut sum, mut portion) = (Sum::default(), texts.portion(&*store.db, None).await?);
    while let Some(last) = portion.last().cloned() {
        portion.iter().for_each(|row| sum.add(row));
        step(portion.len() as u64);
        portion = texts.portion(&*store.db, Some(&last)).await?;
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeMap, BTreeSet};

    /// A table or a column that somebody adds must be copied too.
    #[tokio::test]
    async fn whatever_is_kept_is_copied() {
        let store = Store::in_memory(Timestamp::from_seconds(0)).await.unwrap();
        let columns =
            "SELECT m.name, c.name FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table'";
        let mut found = BTreeMap::<_, BTreeSet<_>>::new();
        for row in store.db.read(sql(columns)).await.unwrap() {
            found.entry(row.text(0).unwrap().to_owned()).or_default().insert(row.text(1).unwrap().to_owned());
        }
        for left in ["migration", "audit_waiting"] {
            assert!(found.remove(left).is_some(), "{left}");
        }
        let copied = TABLES
            .map(|(table, _, columns)| (table.to_owned(), columns.split(", ").map(str::to_owned).collect()));
        assert_eq!(BTreeMap::from(copied), found);
    }

    #[tokio::test]
    async fn a_store_that_is_not_whole_is_not_opened() {
        let store = Store::in_memory(Timestamp::from_seconds(0)).await.unwrap();
        let begin = sql(BEGIN).bind(UNFINISHED).bind(Vec::new()).bind(0_i64);
        store.db.write(vec![begin], Durability::Durable).await.unwrap();
        assert_eq!(
            store.db.migrate(crate::MIGRATIONS, 0).await,
            Err(crate::migrate::MigrateError::Unfinished)
        );
    }

    #[test]
    fn a_sum_tells_rows_apart_and_not_their_order() {
        let row = |values: &[Value]| Row(values.to_vec());
        let (one, other) = (row(&["ab".into(), "c".into()]), row(&["a".into(), "bc".into()]));
        let sum = |rows: &[&Row]| {
            rows.iter().fold(Sum::default(), |mut sum, row| {
                sum.add(row);
                sum
            })
        };
        assert_ne!(sum(&[&one]), sum(&[&other]));
        assert_ne!(sum(&[&row(&[Value::Null])]), sum(&[&row(&[Value::Text(String::new())])]));
        assert_ne!(sum(&[&one, &one]), sum(&[&other, &other]), "equal rows do not cancel each other out");
        assert_eq!(sum(&[&one, &other]), sum(&[&other, &one]));
    }
}
