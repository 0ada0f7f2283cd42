//! The write-ahead log as a file: brought to disk after commits that have to be there, and emptied beside them.

use super::connection::{self, failure};
use super::lock;
use crate::db::DbError;
use rusqlite::Connection;
use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::mpsc::{Receiver, SyncSender};
use std::sync::{Arc, Mutex};

/// How many pages of 4 KiB the log gains between two emptyings.
const LONG: i32 = 1_000;

/// How many pages it may have before the writer itself empties it, and lets everybody wait.
const TOO_LONG: i32 = 8 * LONG;

/// The log of the writer's connection. SQLite brings it to disk by `fsync`, which waits for the time of the last change of
/// the file as well, that is for the journal of the file system; `fdatasync` waits for what is in it.
pub struct Log {
    path: PathBuf,
    file: Option<File>,
    /// How many pages it has, as SQLite told after the last commit.
    pages: Arc<AtomicI32>,
    /// With how many it was emptied last.
    tended: i32,
    emptier: SyncSender<()>,
    state: Arc<State>,
}

/// What those who empty the log have in common.
#[derive(Default)]
pub struct State {
    /// Held by whoever empties it.
    turn: Mutex<()>,
    /// The disk failed meanwhile. SQLite believes that what it has moved is in the database file, and the kernel reports a
    /// failed write-back once, so nothing is written any more: the next process reads the whole log again.
    is_broken: AtomicBool,
}

impl State {
    /// Whether the log must stay as it is, for whoever opens the database next.
    pub fn is_broken(&self) -> bool {
        self.is_broken.load(Ordering::SeqCst)
    }

    /// Notes what came of moving the log, and whether all of it was moved.
    pub fn told(&self, moved: Result<bool, rusqlite::Error>) -> bool {
        moved.unwrap_or_else(|error| {
            self.is_broken.fetch_or(connection::is_not_on_disk(&error), Ordering::SeqCst);
            tracing::error!(%error, "the log could not be moved into the database");
            false
        })
    }
}

impl Log {
    /// The log of this connection to a database file.
    pub fn of(
        writer: &mut Connection,
        database: &Path,
        emptier: SyncSender<()>,
        state: Arc<State>,
    ) -> Result<Self, DbError> {
        let pages = Arc::new(AtomicI32::new(0));
        let told = Arc::clone(&pages);
        let note = move |_: &mut _, pages| {
            told.store(pages, Ordering::Relaxed);
            Ok(())
        };
        writer.wal_hook(Some(note)).map_err(failure)?;
        // SQLite puts it beside the file that a link leads to.
        let mut path = writer.path().map_or_else(|| database.as_os_str().to_owned(), OsString::from);
        path.push("-wal");
        Ok(Self { path: path.into(), file: None, pages, tended: 0, emptier, state })
    }

    /// Waits until everything that was committed is on disk. The file stays the same one for as long as the writer is
    /// connected: only the last connection to leave removes it.
    pub fn sync(&mut self) -> io::Result<()> {
        match &self.file {
            Some(file) => file.sync_data(),
            None => {
                let file = OpenOptions::new().write(true).open(&self.path)?;
                file.sync_data()?;
                // A new file has a name only when its folder is on disk.
                self.path
                    .parent()
                    .filter(|_| cfg!(unix))
                    .map_or(Ok(()), |folder| File::open(folder)?.sync_all())?;
                self.file = Some(file);
                Ok(())
            }
        }
    }

    #[cfg(test)]
    pub fn misplaced(&mut self, path: PathBuf) {
        (self.path, self.file) = (path, None);
    }

    /// Has a long log emptied, after everybody has their answer.
    pub fn tend(&mut self, writer: &Connection) {
        let pages = self.pages.load(Ordering::Relaxed);
        if pages < self.tended {
            self.tended = 0;
        }
        if pages < self.tended + LONG {
            return;
        }
        self.tended = pages;
        if pages < TOO_LONG {
            // Whoever was asked before and has not come to it will find this, too.
            let _asked = self.emptier.try_send(()).is_ok();
            return;
        }
        empty(writer, &self.state);
    }
}

/// Empties the log whenever it is asked to, on a connection of its own, while others write.
pub fn serve((connection, state): (Connection, Arc<State>), asked: &Mutex<Receiver<()>>) {
    while lock(asked).recv().is_ok() {
        empty(&connection, &state);
    }
    leave(connection, &state);
}

/// Moves what no reader needs any more into the database file, without keeping anybody waiting for a lock.
fn empty(connection: &Connection, state: &State) {
    let _turn = lock(&state.turn);
    if !state.is_broken() {
        state.told(connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(true)));
    }
}

/// Closes a connection that may write. The last one to close moves the log and removes it, so one to a broken log stays open
/// until the process ends.
pub fn leave(connection: Connection, state: &State) {
    if state.is_broken() {
        std::mem::forget(connection);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::sync_channel;

    #[test]
    fn a_long_log_is_emptied_by_whoever_is_asked_and_a_broken_one_by_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("some.db");
        let size = || std::fs::metadata(&database).unwrap().len();
        let (door, asked) = sync_channel(1);
        let mut writer = connection::writer(&database).unwrap();
        let state = Arc::new(State::default());
        let mut log = Log::of(&mut writer, &database, door, Arc::clone(&state)).unwrap();
        writer.execute_batch("CREATE TABLE text (text TEXT)").unwrap();
        log.tend(&writer);
        let asked = Mutex::new(asked);
        assert!(lock(&asked).try_recv().is_err(), "it is short");
        writer.execute_batch("INSERT INTO text VALUES (hex(zeroblob(3000000)))").unwrap();
        log.tend(&writer);
        assert!(lock(&asked).try_recv().is_ok(), "it is long");
        state.told(Err(rusqlite::Error::SqliteFailure(
            rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR_FSYNC),
            None,
        )));
        empty(&writer, &state);
        assert!(state.is_broken() && size() < 1_000_000);
        empty(&writer, &State::default());
        assert!(size() > 6_000_000);
    }
}
