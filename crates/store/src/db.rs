//! The one seam between the nouns and a database: portable SQL goes in, rows come out.
//!
//! One text runs on SQLite and PostgreSQL, and on what speaks PostgreSQL's language (CockroachDB, YugabyteDB). So:
//!
//! - Bytes are `{BLOB}` in migrations, whole numbers, instants and flags `BIGINT`, words and JSON `TEXT`; no `SERIAL`,
//!   `AUTOINCREMENT`, `BOOLEAN`, arrays, triggers or stored functions. What one engine alone understands (`WITHOUT ROWID`)
//!   stands behind its name in a migration, see `migrate::Engine`.
//! - A flag is bound as 0 or 1 and compared with `= 1`; a condition (`a IS NULL`, `EXISTS (…)`) may be selected, which
//!   gives 0 or 1, but is not put into a column without `CASE`.
//! - `SUM` of numbers is no `BIGINT` on PostgreSQL: `CAST(SUM(n) AS BIGINT)`. `COUNT` and `MAX` are. A division of
//!   numbers, `json_…`, `strftime`, `unixepoch`, `ifnull`, `instr`, `GLOB`, `rowid`, `INSERT OR …`, `LIMIT a, b`, `x'00'`
//!   and double quotes around words are one engine's: write `COALESCE`, `ON CONFLICT … DO`, `LIMIT … OFFSET …`, bind values.
//! - `LIKE` tells capitals apart on PostgreSQL and not on SQLite: compare folded names. `ORDER BY` a name needs a second
//!   column where names may be equal, and `NULLS FIRST` or `LAST` where they may be missing.
//! - `$1` stands for one type wherever it stands. Where no column says which (`SELECT $1`, `$1 IS NULL`), write
//!   `CAST($1 AS BIGINT)`. Every value that is bound is used.
//! - Everything that is selected beside an aggregate stands in `GROUP BY`. An alias of a column is not known to `WHERE`,
//!   and a subquery in `FROM` needs a name.
//! - No text holds U+0000. A column is not named like a reserved word (`user`, `group`, `order`, `limit`, `offset`, `end`).
//! - Statements of one write may rely on each other only if it is `Durable`: on PostgreSQL those run as if alone. In a
//!   `Relaxed` write each statement carries its condition itself (`WHERE version = $7`).
//! - What one write deletes or updates of many rows goes by their keys in order, or it may meet another and start again.

use crate::migrate::{MigrateError, Migration};
use crate::sqlite::Snapshot;
use async_trait::async_trait;
use std::fmt;
use std::path::Path;

/// What a database does for this crate: SQLite for one node, PostgreSQL for many.
#[async_trait]
pub trait Db: Send + Sync {
    /// The rows of a statement that only reads. It sees every write that was acknowledged before.
    async fn read(&self, statement: Statement) -> Result<Vec<Row>, DbError>;

    /// Runs all statements or none, with one outcome for each. A caller that goes away does not undo it.
    ///
    /// # Errors
    /// [`DbError::Unchanged`] when a statement that must change something did not, [`DbError::Conflict`] for a key that
    /// is taken or points nowhere: then nothing was written. [`DbError::Unavailable`]: it was not acknowledged, and a later
    /// try may do; only a disk or a connection that fails while it commits can leave it written all the same.
    async fn write(
        &self,
        statements: Vec<Statement>,
        durability: Durability,
    ) -> Result<Vec<Outcome>, DbError>;

    /// Gives every entry of the record that has none its number and its hash. SQLite does so while it writes.
    async fn settle(&self) -> Result<(), DbError> {
        Ok(())
    }

    /// Brings the schema up to date; `applied_at` is in microseconds since 1970.
    async fn migrate(&self, migrations: &'static [Migration], applied_at: i64) -> Result<(), MigrateError>;

    /// Writes a consistent copy to a new file that only its owner may read, while others read and write.
    ///
    /// # Errors
    /// [`DbError::Unavailable`] when the file exists already or cannot be written, or copying is not ours to do.
    async fn backup(&self, _to: &Path) -> Result<(), DbError> {
        Err(not_ours())
    }

    /// A copy in memory of everything at this moment.
    async fn snapshot(&self) -> Result<Snapshot, DbError> {
        Err(not_ours())
    }

    /// Puts what a snapshot holds in the place of everything.
    async fn restore(&self, _snapshot: &Snapshot) -> Result<(), DbError> {
        Err(not_ours())
    }

    /// Whether other processes serve from the same database.
    fn is_shared(&self) -> bool {
        false
    }

    /// What time it is for the database, in microseconds since 1970, when other processes share it.
    async fn time(&self) -> Result<Option<i64>, DbError> {
        Ok(None)
    }

    /// The rows of a statement that asks for news of other processes. However many others are waiting, this is not.
    async fn listen(&self, statement: Statement) -> Result<Vec<Row>, DbError> {
        self.read(statement).await
    }

    /// How many connections to the same database somebody else has, as the same user; a file says nothing of that.
    async fn others(&self) -> Result<i64, DbError> {
        Ok(0)
    }

    /// A number that is another one whenever another process has written since; of no use for one that is shared, where
    /// somebody always has.
    async fn changes_elsewhere(&self) -> Result<i64, DbError> {
        Ok(0)
    }

    /// Whether it can read, and has written durably since the last question or can do so now.
    async fn ready(&self) -> Result<(), DbError>;

    /// Finishes what was accepted, puts everything on disk and lets go of it. Later calls are refused.
    async fn close(&self);
}

/// What a database answers that has tools of its own for copies.
fn not_ours() -> DbError {
    let tools = "a PostgreSQL database is copied by pg_dump and brought back by pg_restore, not by latchkey";
    DbError::Unavailable(tools.into())
}

/// How far a write has come when it is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// On disk: it survives a power cut.
    Durable,
    /// With the operating system: it survives the death of this process, but perhaps not a power cut.
    Relaxed,
}

/// Why the database did not do it. No text carries a value that was bound.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DbError {
    /// A statement that must change something changed nothing, so nothing was written.
    #[error("nothing was there to change")]
    Unchanged,
    /// A key is taken, or a reference points to nothing; nothing was written.
    #[error("a key is taken or points to nothing")]
    Conflict,
    /// The disk is full, read-only or failing, the database is locked, overloaded or closed; a later try may do.
    #[error("{0}")]
    Unavailable(String),
    /// What the database holds and what this program expects do not fit together.
    #[error("{0}")]
    Corrupt(String),
}

/// One value of a row or a parameter. Its `Debug` shows the kind alone: it may be a digest, a key or a hash.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    /// No value.
    Null,
    /// A number, an instant in microseconds, or a flag.
    Int(i64),
    /// Words.
    Text(String),
    /// Bytes: an id, a digest, a key.
    Blob(Vec<u8>),
}

impl fmt::Debug for Value {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Null => "Null",
            Self::Int(_) => "Int(..)",
            Self::Text(_) => "Text(..)",
            Self::Blob(_) => "Blob(..)",
        })
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Int(i64::from(number))
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Int(i64::from(flag))
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Blob(bytes)
    }
}

impl From<[u8; 16]> for Value {
    fn from(id: [u8; 16]) -> Self {
        Self::Blob(id.to_vec())
    }
}

impl From<[u8; 32]> for Value {
    fn from(digest: [u8; 32]) -> Self {
        Self::Blob(digest.to_vec())
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// SQL with its values. `$1` is the first value that is bound, wherever it stands and however often.
#[derive(Debug, Clone)]
pub struct Statement {
    pub(crate) sql: &'static str,
    pub(crate) in_postgres: Option<&'static str>,
    pub(crate) values: Vec<Value>,
    pub(crate) must_change: bool,
}

/// A statement in the SQL that SQLite and PostgreSQL share. The text is a constant, so nothing from outside gets into it.
///
/// ```
/// # use store::db::sql;
/// let statement = sql("UPDATE org SET name = $2 WHERE id = $1").bind([7_u8; 16]).bind("Ada & Co").must_change();
/// ```
pub fn sql(text: &'static str) -> Statement {
    Statement { sql: text, in_postgres: None, values: Vec::new(), must_change: false }
}

impl Statement {
    /// This statement with another text for PostgreSQL, of the same values: for what cannot be said to both.
    #[must_use]
    pub(crate) fn in_postgres(mut self, text: &'static str) -> Self {
        self.in_postgres = Some(text);
        self
    }

    pub(crate) fn text_in_postgres(&self) -> &'static str {
        self.in_postgres.unwrap_or(self.sql)
    }

    /// This statement with one more value: `$1`, then `$2`, and so on.
    #[must_use]
    pub fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    /// This statement as a condition: unless it changes or returns a row, nothing of its write happens.
    #[must_use]
    pub fn must_change(mut self) -> Self {
        self.must_change = true;
        self
    }
}

/// What one statement of a write did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outcome {
    /// How many rows it changed, without those that followed by `ON DELETE`.
    pub changed: u64,
    /// The rows that it returned.
    pub rows: Vec<Row>,
}

/// One row; columns count from 0. A column of another shape than the one asked for is [`DbError::Corrupt`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row(pub(crate) Vec<Value>);

impl Row {
    /// The number in this column.
    pub fn int(&self, column: usize) -> Result<i64, DbError> {
        match self.value(column)? {
            Value::Int(number) => Ok(*number),
            _ => Err(unlike(column, "a number")),
        }
    }

    /// The words in this column.
    pub fn text(&self, column: usize) -> Result<&str, DbError> {
        match self.value(column)? {
            Value::Text(text) => Ok(text),
            _ => Err(unlike(column, "text")),
        }
    }

    /// The bytes in this column.
    pub fn blob(&self, column: usize) -> Result<&[u8], DbError> {
        match self.value(column)? {
            Value::Blob(bytes) => Ok(bytes),
            _ => Err(unlike(column, "bytes")),
        }
    }

    /// The id in this column: 16 bytes, the highest first.
    pub fn id(&self, column: usize) -> Result<u128, DbError> {
        let bytes = self.blob(column)?.try_into().map_err(|_| unlike(column, "an id"))?;
        Ok(u128::from_be_bytes(bytes))
    }

    /// The SHA-256 digest in this column.
    pub fn digest(&self, column: usize) -> Result<[u8; 32], DbError> {
        self.blob(column)?.try_into().map_err(|_| unlike(column, "a digest"))
    }

    /// The flag in this column: 0 or 1.
    pub fn flag(&self, column: usize) -> Result<bool, DbError> {
        match self.int(column)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(unlike(column, "a flag")),
        }
    }

    /// The number in this column, if there is one.
    pub fn opt_int(&self, column: usize) -> Result<Option<i64>, DbError> {
        self.unless_null(column)?.map(|row| row.int(column)).transpose()
    }

    /// The words in this column, if there are any.
    pub fn opt_text(&self, column: usize) -> Result<Option<&str>, DbError> {
        self.unless_null(column)?.map(|row| row.text(column)).transpose()
    }

    /// The bytes in this column, if there are any.
    pub fn opt_blob(&self, column: usize) -> Result<Option<&[u8]>, DbError> {
        self.unless_null(column)?.map(|row| row.blob(column)).transpose()
    }

    fn unless_null(&self, column: usize) -> Result<Option<&Self>, DbError> {
        Ok((*self.value(column)? != Value::Null).then_some(self))
    }

    fn value(&self, column: usize) -> Result<&Value, DbError> {
        self.0.get(column).ok_or_else(|| unlike(column, "there"))
    }
}

fn unlike(column: usize, expected: &str) -> DbError {
    DbError::Corrupt(format!("column {column} of a row is not {expected}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn corrupt<T>(what: &str) -> Result<T, DbError> {
        Err(DbError::Corrupt(what.to_owned()))
    }

    #[test]
    fn a_row_gives_back_what_was_bound() {
        let row = Row(sql("")
            .bind(-7_i64)
            .bind(7_u32)
            .bind(true)
            .bind("ada")
            .bind(String::from("bob"))
            .bind(vec![1_u8])
            .bind(3_u128.to_be_bytes())
            .bind([4_u8; 32])
            .bind(None::<i64>)
            .bind(Some("eve"))
            .values);
        assert_eq!((row.int(0), row.int(1), row.flag(2)), (Ok(-7), Ok(7), Ok(true)));
        assert_eq!((row.text(3), row.text(4), row.blob(5)), (Ok("ada"), Ok("bob"), Ok([1].as_slice())));
        assert_eq!((row.id(6), row.digest(7)), (Ok(3), Ok([4; 32])));
        assert_eq!((row.opt_int(8), row.opt_text(8), row.opt_blob(8)), (Ok(None), Ok(None), Ok(None)));
        assert_eq!((row.opt_int(0), row.opt_text(9)), (Ok(Some(-7)), Ok(Some("eve"))));
    }

    #[test]
    fn a_column_of_another_shape_is_corrupt_and_not_a_panic() {
        let row = Row(vec![Value::Int(2), Value::Text("ada".into()), Value::Blob(vec![1; 17]), Value::Null]);
        assert_eq!(row.flag(0), corrupt("column 0 of a row is not a flag"));
        assert_eq!(row.int(1), corrupt("column 1 of a row is not a number"));
        assert_eq!(row.opt_int(1), corrupt("column 1 of a row is not a number"));
        assert_eq!(row.id(2), corrupt("column 2 of a row is not an id"));
        assert_eq!(row.digest(2), corrupt("column 2 of a row is not a digest"));
        assert_eq!(row.text(3), corrupt("column 3 of a row is not text"));
        assert_eq!(row.opt_blob(4), corrupt("column 4 of a row is not there"));
    }

    #[test]
    fn a_statement_may_be_logged() {
        let statement = sql("SELECT $1, $2").bind("correct horse").bind([7_u8; 32]);
        assert_eq!(
            format!("{statement:?}"),
            r#"Statement { sql: "SELECT $1, $2", in_postgres: None, values: [Text(..), Blob(..)], must_change: false }"#
        );
    }
}
