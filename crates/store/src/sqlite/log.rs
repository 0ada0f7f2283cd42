//! The write-ahead log as a file: brought to disk after commits that have to be there, and emptied beside them.

use super::connection::{self, failure};
use super::lock;
use crate::db::DbError;
use rusqlite::Connection;
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
    /// Held by whoever empties it.
    turn: Arc<Mutex<()>>,
}

/// What the thread that empties the log works with.
pub struct Emptier {
    pub connection: Connection,
    pub turn: Arc<Mutex<()>>,
    pub suspect: Arc<AtomicBool>,
}

impl Log {
    /// The log of this connection to a database file.
    pub fn of(
        writer: &mut Connection,
        database: &Path,
        emptier: SyncSender<()>,
        turn: Arc<Mutex<()>>,
    ) -> Result<Self, DbError> {
        let pages = Arc::new(AtomicI32::new(0));
        let told = Arc::clone(&pages);
        let note = move |_: &mut _, pages| {
            told.store(pages, Ordering::Relaxed);
            Ok(())
        };
        writer.wal_hook(Some(note)).map_err(failure)?;
        let mut path = database.as_os_str().to_owned();
        path.push("-wal");
        Ok(Self { path: path.into(), file: None, pages, tended: 0, emptier, turn })
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
        let _turn = lock(&self.turn);
        if let Err(error) = empty(writer) {
            told(&error);
        }
    }
}

/// Empties the log whenever it is asked to, on a connection of its own, while others write.
pub fn serve(emptier: Emptier, asked: &Mutex<Receiver<()>>) {
    while lock(asked).recv().is_ok() {
        let _turn = lock(&emptier.turn);
        if let Err(error) = empty(&emptier.connection) {
            // Nobody knows now what of the log is on disk.
            emptier.suspect.fetch_or(connection::is_of_the_disk(&error), Ordering::SeqCst);
            told(&error);
        }
    }
}

fn told(error: &rusqlite::Error) {
    tracing::warn!(%error, "the log could not be emptied into the database");
}

/// Moves what no reader needs any more into the database file, without keeping anybody waiting for a lock.
fn empty(connection: &Connection) -> Result<(), rusqlite::Error> {
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
}
