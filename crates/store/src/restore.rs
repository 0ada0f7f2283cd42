//! Puts a backup in the place of a store. The store that was there is kept beside it.

use crate::Store;
use domain::store::{Directory, Health, StoreError};
use domain::time::Timestamp;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

const FILE: &str = "latchkey.db";

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

/// Moves the old store aside, its log with it, and the new one in.
fn exchange(beside: &Path, folder: &Path) -> io::Result<()> {
    for log in ["-wal", "-shm", ""] {
        match fs::rename(
            folder.join(format!("{FILE}{log}")),
            folder.join(format!("{FILE}.before-restore{log}")),
        ) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    fs::rename(beside.join(FILE), folder.join(FILE))?;
    fs::remove_dir_all(beside)?;
    File::open(folder)?.sync_all()
}

fn unavailable(error: io::Error) -> StoreError {
    StoreError::Unavailable(error.to_string())
}
