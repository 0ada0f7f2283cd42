//! Puts a backup in the place of a store. The store that was there is kept beside it.

use crate::Store;
use crate::db::Db;
use crate::sqlite::Sqlite;
use domain::store::{Directory, Health, StoreError};
use domain::time::Timestamp;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

const FILE: &str = "latchkey.db";
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
    prepare(from, &beside).map_err(unavailable)?;
    let store = Store::open(&beside, now).await?;
    if store.is_empty().await? {
        return Err(StoreError::Corrupt("the file holds no store of latchkey".into()));
    }
    if end_sessions {
        store.end_every_session(now).await?;
    }
    store.close().await;
    fold(folder).await.map_err(unavailable)?;
    exchange(&beside, folder).map_err(unavailable)
}

fn prepare(from: &Path, beside: &Path) -> io::Result<()> {
    let mut start = [0; 16];
    File::open(from)?.read_exact(&mut start)?;
    if &start != b"SQLite format 3\0" {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the file is no backup of latchkey"));
    }
    if beside.exists() {
        fs::remove_dir_all(beside)?;
    }
    fs::create_dir(beside)?;
    fs::copy(from, beside.join(FILE)).map(drop)
}

/// Closes the old store, which folds its log into its one file; a store that cannot be opened is moved aside as it is.
async fn fold(folder: &Path) -> io::Result<()> {
    match Sqlite::open(folder) {
        Ok(old) => old.close().await,
        Err(error) => tracing::warn!(%error, "the old store cannot be opened; it is kept as it is"),
    }
    ["-wal", "-shm"].iter().try_for_each(|log| {
        if_there(fs::rename(folder.join(format!("{FILE}{log}")), folder.join(format!("{ASIDE}{log}"))))
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

fn if_there(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn unavailable(error: io::Error) -> StoreError {
    StoreError::Unavailable(error.to_string())
}
