//! A copy of the database in memory, to go back to.

use super::connection::{failure, memory};
use super::lock;
use crate::db::DbError;
use rusqlite::Connection;
use rusqlite::backup::Backup;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Everything that a database held at one moment.
#[derive(Clone)]
pub struct Snapshot(Arc<Mutex<Connection>>);

impl Snapshot {
    pub(super) fn of(connection: &Connection) -> Result<Self, DbError> {
        let mut copy = memory()?;
        fill(connection, &mut copy)?;
        Ok(Self(Arc::new(Mutex::new(copy))))
    }

    pub(super) fn put_into(&self, connection: &mut Connection) -> Result<(), DbError> {
        fill(&lock(&self.0), connection)
    }
}

fn fill(from: &Connection, to: &mut Connection) -> Result<(), DbError> {
    let copy = Backup::new(from, to).map_err(failure)?;
    // Every page in one step: nobody writes meanwhile, for the writer itself is copying.
    copy.run_to_completion(i32::MAX, Duration::ZERO, None).map_err(failure)
}
