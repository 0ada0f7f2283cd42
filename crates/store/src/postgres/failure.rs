//! What an error of PostgreSQL means to the caller, and whether the same may be tried again.

use crate::db::DbError;
use deadpool_postgres::{PoolError, TimeoutType};
use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

/// Why an attempt failed, and what is known of it.
#[derive(Debug)]
pub struct Failure {
    /// What the caller hears if nobody tries again.
    pub error: DbError,
    /// What may be done about it.
    pub then: Then,
}

/// What may be done after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// Nothing: it is the answer.
    Answer,
    /// Surely nothing was committed, and another try may do.
    Again,
    /// The same, but not over this connection.
    AgainElsewhere,
    /// Nobody knows whether it was committed, so nobody may try again; the connection is of no use.
    Unknown,
}

impl Failure {
    /// The connection does not answer in time, before anything could be committed.
    pub fn silent() -> Self {
        Self { error: unavailable("the database does not answer in time"), then: Then::AgainElsewhere }
    }

    /// The same, while it committed.
    pub fn silent_commit() -> Self {
        let error = unavailable("the database did not say in time whether it was written");
        Self { error, then: Then::Unknown }
    }

    /// An error of a statement before the commit was sent: whatever it is, nothing was committed.
    pub fn before_commit(error: &Error) -> Self {
        let then = match error.code() {
            Some(state) if may_pass(state) => Then::Again,
            Some(state) if leaves(state) => Then::AgainElsewhere,
            Some(_) => Then::Answer,
            None if error.is_closed() || is_of_the_line(error) => Then::AgainElsewhere,
            None => Then::Answer,
        };
        Self { error: meaning(error), then }
    }

    /// An error of the commit itself. Only an answer of the database says that it did not happen.
    pub fn at_commit(error: &Error) -> Self {
        match error.code() {
            Some(state) if may_pass(state) => Self { error: meaning(error), then: Then::Again },
            Some(state) if !leaves(state) => Self { error: meaning(error), then: Then::Answer },
            _ => Self {
                error: unavailable("the connection ended before the database said whether it was written"),
                then: Then::Unknown,
            },
        }
    }
}

impl From<DbError> for Failure {
    fn from(error: DbError) -> Self {
        Self { error, then: Then::Answer }
    }
}

impl From<PoolError> for Failure {
    fn from(error: PoolError) -> Self {
        let answer = |why: &str| Self { error: unavailable(why), then: Then::Answer };
        match error {
            PoolError::Timeout(TimeoutType::Wait) => answer("too many requests are waiting for the database"),
            PoolError::Timeout(TimeoutType::Create | TimeoutType::Recycle) => Self::silent(),
            PoolError::Closed => answer("the database is closed"),
            PoolError::Backend(error) => {
                // A wrong password or a missing database does not become right by asking again.
                let then = match error.code() {
                    Some(state) if !may_pass(state) && !leaves(state) => Then::Answer,
                    Some(_) | None => Then::Again,
                };
                Self { error: cannot_connect(&error), then }
            }
            PoolError::NoRuntimeSpecified | PoolError::PostCreateHook(_) => answer(&error.to_string()),
        }
    }
}

/// Two transactions were in each other's way, or the database is starting up: a later try may do.
fn may_pass(state: &SqlState) -> bool {
    *state == SqlState::T_R_SERIALIZATION_FAILURE
        || *state == SqlState::T_R_DEADLOCK_DETECTED
        || *state == SqlState::CANNOT_CONNECT_NOW
}

/// The server ends this connection, or it is not the one that may be written to any more.
fn leaves(state: &SqlState) -> bool {
    ["08", "57P"].iter().any(|class| state.code().starts_with(class))
        || *state == SqlState::READ_ONLY_SQL_TRANSACTION
}

/// The socket failed, rather than what was sent over it.
fn is_of_the_line(error: &Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(at) = cause {
        if at.is::<std::io::Error>() {
            return true;
        }
        cause = at.source();
    }
    false
}

/// What an answer of the database means. Details are left out: they have values in them.
pub fn meaning(error: &Error) -> DbError {
    let Some(said) = error.as_db_error() else {
        return match error.is_closed() || is_of_the_line(error) {
            true => unavailable("the connection to the database ended"),
            // A value or a column of another type than the statement has: its text names the type alone.
            false => DbError::Corrupt(with_causes(error)),
        };
    };
    let state = said.code();
    if *state == SqlState::UNIQUE_VIOLATION || *state == SqlState::FOREIGN_KEY_VIOLATION {
        return DbError::Conflict;
    }
    let is = |classes: &[&str]| classes.iter().any(|class| state.code().starts_with(class));
    // The connection, the login, the transaction, resources, the operator's hand, the disk, a standby.
    if is(&["08", "28", "3D", "40", "53", "55", "57", "58", "25006"]) {
        return DbError::Unavailable(format!("{} (SQLSTATE {})", said.message(), state.code()));
    }
    // A text of the class 22 quotes the value.
    let message = if is(&["22"]) { "a value cannot be kept" } else { said.message() };
    DbError::Corrupt(format!("{message} (SQLSTATE {})", state.code()))
}

pub fn cannot_connect(error: &Error) -> DbError {
    match error.as_db_error() {
        Some(_) => match meaning(error) {
            DbError::Unavailable(why) | DbError::Corrupt(why) => unavailable(&why),
            DbError::Conflict | DbError::Unchanged => unavailable("the database refused the connection"),
        },
        None => unavailable(&with_causes(error)),
    }
}

fn with_causes(error: &Error) -> String {
    let (mut text, mut cause) = (error.to_string(), std::error::Error::source(error));
    while let Some(at) = cause {
        let next = at.to_string();
        if !text.contains(&next) {
            text = format!("{text}: {next}");
        }
        cause = at.source();
    }
    text
}

pub fn unavailable(why: &str) -> DbError {
    DbError::Unavailable(why.to_owned())
}
