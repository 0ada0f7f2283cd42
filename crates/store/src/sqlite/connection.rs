//! One connection to SQLite: how it is opened, how it runs a statement, what its errors mean.

use crate::db::{DbError, Outcome, Row, Statement, Value};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, Error, ErrorCode, OpenFlags, ffi};
use std::fs::{self, DirBuilder, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a statement waits while another process holds the lock.
const PATIENCE: Duration = Duration::from_secs(5);

/// The connection that may write. The file is made readable for its owner alone, and SQLite gives its companions
/// (`-wal`, `-shm`) the same mode.
pub fn writer(file: &Path) -> Result<Connection, DbError> {
    // Closing a handle of one's own would release the locks of any other connection to this file in this process, so a
    // file that is there is not opened but by SQLite.
    match create_private(file) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => keep_private(file),
        made => made,
    }
    .map_err(|error| unavailable(file, &error))?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags).and_then(tuned).and_then(logging_ahead);
    connection.map_err(|error| at(file, error))
}

/// A connection that cannot write.
pub fn reader(file: &Path) -> Result<Connection, DbError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(file, flags).and_then(tuned).map_err(|error| at(file, error))
}

/// The only connection to a database in memory.
pub fn memory() -> Result<Connection, DbError> {
    Connection::open_in_memory().and_then(tuned).map_err(failure)
}

fn tuned(connection: Connection) -> Result<Connection, Error> {
    connection.busy_timeout(PATIENCE)?;
    connection.set_prepared_statement_cache_capacity(128);
    super::chain::teach(&connection)?;
    connection.execute_batch(
        "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -8000;",
    )?;
    Ok(connection)
}

fn logging_ahead(connection: Connection) -> Result<Connection, Error> {
    let mode: String = connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if mode != "wal" {
        let no_log = "this file system cannot hold a write-ahead log".to_owned();
        return Err(Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_CANTOPEN), Some(no_log)));
    }
    // The writer brings a commit to disk itself, and has the log emptied: see `log.rs`.
    connection.execute_batch(
        "PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = 67108864;",
    )?;
    Ok(connection)
}

/// Makes the folder, for its owner alone, and answers its full name.
pub fn private_folder(folder: &Path) -> Result<PathBuf, DbError> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).and_then(|()| folder.canonicalize()).map_err(|error| unavailable(folder, &error))
}

/// Makes an empty file for its owner alone; an error when there is one already.
pub fn create_private(file: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file).map(drop)
}

/// Takes away what a careless copy or restore may have given to others.
fn keep_private(file: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(file)?.permissions().mode();
        if mode & 0o077 != 0 {
            fs::set_permissions(file, fs::Permissions::from_mode(mode & 0o700))?;
        }
    }
    Ok(())
}

/// Runs one statement to its end.
pub fn run(connection: &Connection, statement: &Statement) -> Result<Outcome, DbError> {
    let mut prepared = connection.prepare_cached(statement.sql).map_err(failure)?;
    bind(&mut prepared, &statement.values)?;
    let before = connection.total_changes();
    let rows = rows(&mut prepared)?;
    // `changes` keeps the number of the last statement that changed something, so a pragma or a SELECT would inherit it.
    let changed = if connection.total_changes() == before { 0 } else { connection.changes() };
    if statement.must_change && changed == 0 && rows.is_empty() {
        return Err(DbError::Unchanged);
    }
    Ok(Outcome { changed, rows })
}

/// The rows of a statement, which is refused if it would write.
pub fn fetch(connection: &Connection, statement: &Statement) -> Result<Vec<Row>, DbError> {
    if !connection.prepare_cached(statement.sql).map_err(failure)?.readonly() {
        return Err(DbError::Corrupt("a statement that writes was taken for one that reads".into()));
    }
    run(connection, statement).map(|outcome| outcome.rows)
}

// `$1` is a name to SQLite, numbered by its first appearance: the number in the name says which value it stands for.
fn bind(prepared: &mut rusqlite::Statement<'_>, values: &[Value]) -> Result<(), DbError> {
    let misfit = || DbError::Corrupt("a statement and its parameters do not fit together".into());
    if prepared.parameter_count() != values.len() {
        return Err(misfit());
    }
    for place in 1..=values.len() {
        let number =
            prepared.parameter_name(place).and_then(|name| name.strip_prefix('$')?.parse::<usize>().ok());
        let value = number.and_then(|number| values.get(number.checked_sub(1)?)).ok_or_else(misfit)?;
        prepared.raw_bind_parameter(place, value).map_err(failure)?;
    }
    Ok(())
}

impl rusqlite::ToSql for Value {
    fn to_sql(&self) -> Result<ToSqlOutput<'_>, Error> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

fn rows(prepared: &mut rusqlite::Statement<'_>) -> Result<Vec<Row>, DbError> {
    let columns = prepared.column_count();
    let mut found = Vec::new();
    let mut cursor = prepared.raw_query();
    while let Some(row) = cursor.next().map_err(failure)? {
        let values = (0..columns).map(|column| value(row.get_ref(column).map_err(failure)?));
        found.push(Row(values.collect::<Result<_, _>>()?));
    }
    Ok(found)
}

fn value(value: ValueRef<'_>) -> Result<Value, DbError> {
    Ok(match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Int(number),
        ValueRef::Text(bytes) => Value::Text(
            String::from_utf8(bytes.to_vec()).map_err(|_| DbError::Corrupt("a text is not UTF-8".into()))?,
        ),
        ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
        ValueRef::Real(_) => return Err(DbError::Corrupt("a number is not whole".into())),
    })
}

/// What an error of SQLite means to the caller.
pub fn failure(error: Error) -> DbError {
    use ErrorCode::*;
    match error.sqlite_error() {
        Some(ffi::Error { code: ConstraintViolation, extended_code }) if is_about_keys(*extended_code) => {
            DbError::Conflict
        }
        Some(ffi::Error {
            code:
                DiskFull
                | ReadOnly
                | SystemIoFailure
                | CannotOpen
                | DatabaseBusy
                | DatabaseLocked
                | OutOfMemory
                | PermissionDenied
                | FileLockingProtocolFailed
                | NoLargeFileSupport
                | OperationInterrupted,
            ..
        }) => DbError::Unavailable(error.to_string()),
        _ => DbError::Corrupt(error.to_string()),
    }
}

/// Whether the disk failed.
pub fn is_of_the_disk(error: &Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::SystemIoFailure)
}

/// Whether something was written that may not be on disk.
pub fn is_not_on_disk(error: &Error) -> bool {
    use ffi::{SQLITE_IOERR_DIR_FSYNC, SQLITE_IOERR_FSYNC, SQLITE_IOERR_TRUNCATE, SQLITE_IOERR_WRITE};
    let writing = [SQLITE_IOERR_WRITE, SQLITE_IOERR_FSYNC, SQLITE_IOERR_DIR_FSYNC, SQLITE_IOERR_TRUNCATE];
    error.sqlite_error().is_some_and(|error| writing.contains(&error.extended_code))
}

/// The same for a file that is being opened, so that the text says which.
fn at(file: &Path, error: Error) -> DbError {
    match failure(error) {
        DbError::Unavailable(why) => DbError::Unavailable(format!("{}: {why}", file.display())),
        DbError::Corrupt(what) => DbError::Corrupt(format!("{}: {what}", file.display())),
        other => other,
    }
}

fn is_about_keys(extended_code: i32) -> bool {
    matches!(
        extended_code,
        ffi::SQLITE_CONSTRAINT_UNIQUE
            | ffi::SQLITE_CONSTRAINT_PRIMARYKEY
            | ffi::SQLITE_CONSTRAINT_ROWID
            | ffi::SQLITE_CONSTRAINT_FOREIGNKEY
    )
}

/// A file that cannot be used, and why.
pub fn unavailable(file: &Path, error: &io::Error) -> DbError {
    DbError::Unavailable(format!("{}: {error}", file.display()))
}
