//! Puts a backup in the place of a store. The store that was there is kept beside it.

use crate::Store;
use crate::db::{Db, sql};
use crate::sqlite::{FILE, Sqlite};
use domain::audit::Event;
use domain::store::{Directory, Health, StoreError};
use domain::time::Timestamp;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

const ASIDE: &str = "latchkey.db.before-restore";

/// Reads the backup `from` into `folder`, which no service may be using.
///
/// The backup is opened, and brought up to date, beside the store before anything is replaced. Sessions that were
/// ended after it was made are alive again until they expire, unless `end_sessions`.
pub async fn from_backup(
    from: &Path,
    folder: &Path,
    now: Timestamp,
    end_sessions: bool,
) -> Result<(), StoreError> {
    let beside = folder.join("restoring");
    if let Err(error) = bring_up(from, &beside, now, end_sessions).await {
        if_there(fs::remove_dir_all(&beside)).map_err(unavailable)?;
        return Err(error);
    }
    fold(folder).await.map_err(unavailable)?;
    exchange(&beside, folder).map_err(unavailable)
}

/// Copies the backup, opens the copy, and refuses it unless it is whole.
async fn bring_up(from: &Path, beside: &Path, now: Timestamp, end_sessions: bool) -> Result<(), StoreError> {
    prepare(from, beside).map_err(unavailable)?;
    let store = Store::open(beside, now).await?;
    let faults = store.db.read(sql("PRAGMA integrity_check")).await?;
    if faults.first().map(|row| row.text(0)) != Some(Ok("ok")) {
        return Err(StoreError::Corrupt("the file is damaged".into()));
    }
    if store.is_empty().await? {
        return Err(StoreError::Corrupt("the file holds no store of latchkey".into()));
    }
    let entry = Event::Restored { sessions_ended: end_sessions }.at(now);
    if end_sessions {
        store.end_every_session(&entry).await?
    } else {
        store.record(&entry).await?
    }
    store.close().await;
    Ok(())
}

fn prepare(from: &Path, beside: &Path) -> io::Result<()> {
    let mut start = [0; 16];
    File::open(from)?.read_exact(&mut start)?;
    if &start != b"SQLite format 3\0" {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the file is no backup of latchkey"));
    }
    if_there(fs::remove_dir_all(beside))?;
    private_folder(beside)?;
    // Written anew rather than copied, as a copy would take over who may read it.
    let mut copy = File::create(beside.join(FILE))?;
    io::copy(&mut File::open(from)?, &mut copy)?;
    copy.sync_all()
}

/// Closes the old store, which folds its log into its one file; a store that cannot be opened is moved aside as it is.
async fn fold(folder: &Path) -> io::Result<()> {
    match Sqlite::open(folder) {
        Ok(old) => old.close().await,
        Err(error) => tracing::warn!(%error, "the old store cannot be opened; it is kept as it is"),
    }
    ["-wal", "-shm"].iter().try_for_each(|log| {
        let (old, aside) = (folder.join(format!("{FILE}{log}")), folder.join(format!("{ASIDE}{log}")));
        // A log that an earlier restore left would be taken for the log of the file kept now.
        if_there(fs::remove_file(&aside))?;
        if_there(fs::rename(old, aside))
    })
}

/// Keeps the old file under another name and puts the new one in its place, so that at every moment one is there.
fn exchange(beside: &Path, folder: &Path) -> io::Result<()> {
    if_there(fs::remove_file(folder.join(ASIDE)))?;
    if_there(fs::hard_link(folder.join(FILE), folder.join(ASIDE)))?;
    fs::rename(beside.join(FILE), folder.join(FILE))?;
    File::open(folder)?.sync_all()?;
    fs::remove_dir_all(beside)
}

#[cfg(unix)]
fn private_folder(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().mode(0o700).create(folder)
}

#[cfg(not(unix))]
fn private_folder(folder: &Path) -> io::Result<()> {
    fs::create_dir(folder)
}

fn if_there(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn unavailable(error: io::Error) -> StoreError {
    StoreError::Unavailable(error.to_string())
}
