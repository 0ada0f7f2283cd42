//! The schema as numbered steps, each applied once, in order, forward only.

use crate::db::DbError;
use crate::sqlite::failure;
use aws_lc_rs::digest::{SHA256, digest};
use domain::store::StoreError;
use rusqlite::{Connection, Transaction, TransactionBehavior};

/// A step: its number, its name, and its SQL as an [`Engine`] spells it. A released step never changes.
pub type Migration = (u32, &'static str, &'static str);

/// The number of a step that no release has: it stands in a store while another one is copied into it.
pub(crate) const UNFINISHED: i64 = 1_000_000;

/// Who runs a step. In its SQL `{BLOB}` stands for the engine's type of bytes. A line `{SQLITE}` or `{POSTGRES}` says that
/// the lines behind it are for one of them alone, a line `{BOTH}` that they are for both again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

impl Engine {
    /// The SQL of a step as this engine reads it.
    pub(crate) fn spelled(self, text: &str) -> String {
        let (mut only, mut spelled) = (None, String::with_capacity(text.len()));
        for line in text.lines() {
            match line {
                "{SQLITE}" => only = Some(Self::Sqlite),
                "{POSTGRES}" => only = Some(Self::Postgres),
                "{BOTH}" => only = None,
                _ if only.is_none_or(|engine| engine == self) => {
                    spelled.push_str(line);
                    spelled.push('\n');
                }
                _ => {}
            }
        }
        spelled.replace(
            "{BLOB}",
            match self {
                Self::Sqlite => "BLOB",
                Self::Postgres => "BYTEA",
            },
        )
    }
}

/// Why the schema is not up to date; nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MigrateError {
    /// The database knows a step that this program does not.
    #[error(
        "the schema is newer than this program: it has step {number} ({name}); \
         start the newer release again, or restore the backup from before the upgrade"
    )]
    Newer {
        /// The number of the unknown step.
        number: i64,
        /// Its name, as the newer program wrote it.
        name: String,
    },
    /// Another store was copied into it, and that did not come to its end.
    #[error("a copy into this store did not come to its end; make it anew, empty, and copy again")]
    Unfinished,
    /// A step was applied with another number, name or text than the one that this program carries in its place.
    #[error(
        "step {number} ({name}) of the schema was applied with another text than this program has; \
         start the release that applied it, or restore a backup; a released step must not be edited"
    )]
    Changed {
        /// The number of the step in the database.
        number: i64,
        /// Its name in the database.
        name: String,
    },
    /// The SQL of a step failed.
    #[error("step {number} ({name}) of the schema failed, and nothing was changed: {cause}")]
    Failed {
        /// The number of the step.
        number: u32,
        /// Its name.
        name: &'static str,
        /// What the database said.
        cause: DbError,
    },
    /// The database did not let itself be read or locked.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<MigrateError> for StoreError {
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::Db(error) => error.into(),
            refused => Self::Unavailable(refused.to_string()),
        }
    }
}

/// A step that the database has.
pub(crate) struct Applied {
    pub number: i64,
    pub name: String,
    pub checksum: Vec<u8>,
}

/// Brings a SQLite database up to date in one transaction, so that of two processes one waits and finds it done.
pub(crate) fn run(
    connection: &mut Connection,
    steps: &[Migration],
    applied_at: i64,
) -> Result<(), MigrateError> {
    let whole = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failure)?;
    for step in missing(steps, &applied(&whole).map_err(failure)?)? {
        let (number, name, _) = *step;
        apply(&whole, step, applied_at).map_err(|error| MigrateError::Failed {
            number,
            name,
            cause: failure(error),
        })?;
        tracing::info!(
            migration.number = number,
            migration.name = name,
            "the schema has step {number} ({name}) now"
        );
    }
    Ok(whole.commit().map_err(failure)?)
}

fn applied(whole: &Transaction<'_>) -> Result<Vec<Applied>, rusqlite::Error> {
    whole.execute_batch(&Engine::Sqlite.spelled(
        "CREATE TABLE IF NOT EXISTS migration (
            number BIGINT PRIMARY KEY, name TEXT NOT NULL, checksum {BLOB} NOT NULL, applied_at BIGINT NOT NULL)",
    ))?;
    let mut found = whole.prepare("SELECT number, name, checksum FROM migration ORDER BY number")?;
    let rows = found
        .query_map([], |row| Ok(Applied { number: row.get(0)?, name: row.get(1)?, checksum: row.get(2)? }))?;
    rows.collect()
}

/// The steps that are still to be done, if those that are done are the ones we know.
pub(crate) fn missing<'a>(
    steps: &'a [Migration],
    applied: &[Applied],
) -> Result<&'a [Migration], MigrateError> {
    let mut left = steps;
    for Applied { number, name, checksum } in applied {
        let (number, name) = (*number, name.clone());
        if number == UNFINISHED {
            return Err(MigrateError::Unfinished);
        }
        let Some(((known, known_name, text), rest)) = left.split_first() else {
            return Err(MigrateError::Newer { number, name });
        };
        if number != i64::from(*known) || name != *known_name || checksum != checksum_of(text).as_ref() {
            return Err(MigrateError::Changed { number, name });
        }
        left = rest;
    }
    Ok(left)
}

fn apply(whole: &Transaction<'_>, step: &Migration, applied_at: i64) -> Result<(), rusqlite::Error> {
    let (number, name, text) = *step;
    whole.execute_batch(&Engine::Sqlite.spelled(text))?;
    whole.execute(
        "INSERT INTO migration (number, name, checksum, applied_at) VALUES (?1, ?2, ?3, ?4)",
        (number, name, checksum_of(text).as_ref(), applied_at),
    )?;
    Ok(())
}

pub(crate) fn checksum_of(text: &str) -> aws_lc_rs::digest::Digest {
    digest(&SHA256, text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::{Db, Durability, sql};
    use crate::sqlite::Sqlite;

    const FIRST: Migration =
        (1, "init", "CREATE TABLE name (id {BLOB} PRIMARY KEY); CREATE INDEX a ON name (id);");
    const SECOND: Migration = (2, "add_age", "ALTER TABLE name ADD COLUMN age BIGINT");
    const EDITED: Migration = (2, "add_age", "ALTER TABLE name ADD COLUMN years BIGINT");
    const BROKEN: Migration = (3, "broken", "CREATE TABLE half (id BIGINT); CREATE TABLE name (id BIGINT);");
    const AT: i64 = 1_787_395_152_736_999;

    async fn applied(db: &Sqlite) -> Vec<(i64, String, i64)> {
        let rows =
            db.read(sql("SELECT number, name, applied_at FROM migration ORDER BY number")).await.unwrap();
        let step = |row: &crate::db::Row| Ok((row.int(0)?, row.text(1)?.to_owned(), row.int(2)?));
        rows.iter().map(step).collect::<Result<_, DbError>>().unwrap()
    }

    #[tokio::test]
    async fn each_step_is_applied_once_and_with_the_bytes_of_the_engine() {
        let db = Sqlite::memory().unwrap();
        db.migrate(&[FIRST], AT).await.unwrap();
        db.migrate(&[FIRST, SECOND], AT + 1).await.unwrap();
        db.migrate(&[FIRST, SECOND], AT + 2).await.unwrap();
        assert_eq!(applied(&db).await, [(1, "init".to_owned(), AT), (2, "add_age".to_owned(), AT + 1)]);
        let insert = sql("INSERT INTO name (id, age) VALUES ($1, 7)").bind(7_u128.to_be_bytes());
        db.write(vec![insert], Durability::Durable).await.unwrap();
        let rows =
            db.read(sql("SELECT id, type FROM name, pragma_table_info('name') WHERE pk = 1")).await.unwrap();
        assert_eq!((rows[0].id(0), rows[0].text(1)), (Ok(7), Ok("BLOB")));
    }

    #[test]
    fn each_engine_reads_what_is_for_it() {
        let text = "a {BLOB};\n{SQLITE}\nb {BLOB};\n{POSTGRES}\nc {BLOB};\n{BOTH}\nd;\n";
        assert_eq!(Engine::Sqlite.spelled(text), "a BLOB;\nb BLOB;\nd;\n");
        assert_eq!(Engine::Postgres.spelled(text), "a BYTEA;\nc BYTEA;\nd;\n");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn two_that_start_at_once_apply_each_step_once() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (Sqlite::open(folder.path()).unwrap(), Sqlite::open(folder.path()).unwrap());
        let (first, second) =
            tokio::join!(one.migrate(&[FIRST, SECOND], AT), two.migrate(&[FIRST, SECOND], AT + 1));
        assert_eq!((first, second), (Ok(()), Ok(())));
        assert_eq!(applied(&one).await.len(), 2);
    }

    const SESSIONS: &str =
        "SELECT hex(digest) || hex(user_id) || hex(org_id) || opened_at || seen_at || ends_at
        || COALESCE(idle_micros, '-') || expires_at || COALESCE(unique_id, '-') || COALESCE(ended_at, '-')
        || COALESCE(address, '-') || COALESCE(device, '-') FROM session ORDER BY digest";
    const CALLED: &str = "SELECT hex(digest) || hex(org_id) || hex(provider_id) || hex(subject) || name_id
        || COALESCE(format, '-') || COALESCE(session_index, '-') FROM saml_session ORDER BY digest";
    const COUNTERS: &str = "SELECT hex(name) || network || failures || pending || COALESCE(locked_until, '-')
        || last_at || succeeded_at || version FROM attempt ORDER BY name, network";
    const KEYS: &str = "SELECT i.name || ' ' || group_concat(c.name) FROM pragma_index_list('session') i,
        pragma_index_info(i.name) c GROUP BY i.name ORDER BY i.name";

    /// Sessions, some of which SAML has opened, and counters, as they stand in step 13.
    const FILL: [&str; 4] = [
        "INSERT INTO org (id, name, parent_id, authentication_type, created_at, updated_at)
         VALUES (x'01', 'Acme', x'01', 'NATIVE', 0, 0)",
        "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 500)
         INSERT INTO session (digest, user_id, org_id, opened_at, seen_at, ends_at, idle_micros, expires_at,
             unique_id, ended_at, address, device)
         SELECT randomblob(32), randomblob(16), x'01', n, n + 1, n + 9, CASE WHEN n % 2 THEN n END, n + 5,
             CASE WHEN n % 3 THEN 'u' || n END, CASE WHEN n % 5 = 0 THEN n END,
             CASE WHEN n % 7 THEN '2001:db8::' || n END, CASE WHEN n % 11 THEN 'program ' || n END FROM n",
        "INSERT INTO saml_session (digest, org_id, provider_id, subject, name_id, format, session_index)
         SELECT digest, org_id, x'02', randomblob(32), 'ada' || opened_at, 'f', unique_id FROM session
         WHERE opened_at % 4 = 0",
        "INSERT INTO attempt (name, network, failures, pending, locked_until, last_at, succeeded_at, version)
         SELECT digest, address, opened_at, 1, ended_at, seen_at, expires_at, 7 FROM session
         WHERE address IS NOT NULL",
    ];

    async fn texts(db: &Sqlite, statement: &'static str) -> Vec<String> {
        db.read(sql(statement)).await.unwrap().iter().map(|row| row.text(0).unwrap().to_owned()).collect()
    }

    #[tokio::test]
    async fn sessions_and_counters_move_to_where_their_keys_are_and_nothing_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let db = Sqlite::open(folder.path()).unwrap();
        let steps = crate::MIGRATIONS;
        db.migrate(steps.split_at(steps.partition_point(|step| step.0 < 14)).0, AT).await.unwrap();
        db.write(FILL.map(sql).to_vec(), Durability::Durable).await.unwrap();
        let kept =
            async || (texts(&db, SESSIONS).await, texts(&db, CALLED).await, texts(&db, COUNTERS).await);
        let before = kept().await;
        assert_eq!((before.0.len(), before.1.len(), before.2.len()), (500, 125, 429));
        db.migrate(steps, AT).await.unwrap();
        assert_eq!(kept().await, before);
        let keys = [
            "session_by_org org_id,ends_at,ended_at",
            "session_by_user user_id",
            "sqlite_autoindex_session_1 digest",
        ];
        assert_eq!(texts(&db, KEYS).await, keys, "no key has what a use of a session changes");
        assert_eq!(texts(&db, "SELECT name FROM sqlite_schema WHERE name LIKE '%before'").await, [""; 0]);
        assert_eq!(texts(&db, "SELECT parent FROM pragma_foreign_key_check").await, [""; 0]);
        db.migrate(steps, AT + 1).await.unwrap();
        assert_eq!(kept().await, before);
        assert_eq!(applied(&db).await.last(), Some(&(14, "narrow_writes".to_owned(), AT)));
        db.write(vec![sql("DELETE FROM session")], Durability::Durable).await.unwrap();
        assert_eq!(texts(&db, CALLED).await, [""; 0], "they still go together");
    }

    #[tokio::test]
    async fn a_newer_schema_is_refused() {
        let db = Sqlite::memory().unwrap();
        db.migrate(&[FIRST, SECOND], AT).await.unwrap();
        let refused = db.migrate(&[FIRST], AT).await.unwrap_err();
        assert_eq!(
            refused.to_string(),
            "the schema is newer than this program: it has step 2 (add_age); \
             start the newer release again, or restore the backup from before the upgrade"
        );
        assert_eq!(StoreError::from(refused.clone()), StoreError::Unavailable(refused.to_string()));
    }

    #[tokio::test]
    async fn an_edited_or_replaced_step_is_refused() {
        let db = Sqlite::memory().unwrap();
        db.migrate(&[FIRST, SECOND], AT).await.unwrap();
        let changed = Err(MigrateError::Changed { number: 2, name: "add_age".into() });
        assert_eq!(db.migrate(&[FIRST, EDITED], AT).await, changed);
        assert_eq!(db.migrate(&[FIRST, (3, SECOND.1, SECOND.2)], AT).await, changed);
        assert_eq!(db.migrate(&[FIRST, (2, "other", SECOND.2)], AT).await, changed);
    }

    #[tokio::test]
    async fn a_step_that_fails_changes_nothing() {
        let db = Sqlite::memory().unwrap();
        db.migrate(&[FIRST], AT).await.unwrap();
        let failed = db.migrate(&[FIRST, SECOND, BROKEN], AT).await.unwrap_err();
        assert!(matches!(&failed, MigrateError::Failed { number: 3, name: "broken", .. }), "{failed}");
        assert_eq!(applied(&db).await, [(1, "init".to_owned(), AT)]);
        assert_eq!(db.read(sql("SELECT name FROM sqlite_schema WHERE name = 'half'")).await, Ok(Vec::new()));
        db.migrate(&[FIRST, SECOND], AT).await.unwrap();
    }
}
