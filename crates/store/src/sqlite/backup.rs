//! A copy of the database in one file, made while others read and write.

use super::connection::{create_private, failure, unavailable};
use crate::db::DbError;
use rusqlite::Connection;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;

/// Copies what a connection sees at this moment to a new file; under its name there is the whole copy or nothing.
pub fn copy(connection: &Connection, to: &Path) -> Result<(), DbError> {
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = folder.canonicalize().map_err(|error| unavailable(folder, &error))?;
    let name =
        to.file_name().ok_or_else(|| DbError::Unavailable(format!("{}: not a file name", to.display())))?;
    let (whole, mut partial) = (folder.join(name), name.to_owned());
    partial.push(format!(".{}.partial", std::process::id()));
    let partial = folder.join(partial);
    create_private(&partial).map_err(|error| unavailable(&partial, &error))?;
    let done = fill(connection, &partial).and_then(|()| publish(&partial, &whole));
    if done.is_err() {
        drop(fs::remove_file(&partial));
    }
    done
}

// Not page by page: that starts again with every write, and it copies what has been deleted.
fn fill(connection: &Connection, partial: &Path) -> Result<(), DbError> {
    let name =
        partial.to_str().ok_or_else(|| DbError::Unavailable(format!("{}: not UTF-8", partial.display())))?;
    connection.execute("VACUUM INTO ?1", [name]).map_err(failure)?;
    let file = OpenOptions::new().write(true).open(partial);
    file.and_then(|file| file.sync_all()).map_err(|error| unavailable(partial, &error))
}

fn publish(partial: &Path, whole: &Path) -> Result<(), DbError> {
    if fs::symlink_metadata(whole).is_ok() {
        return Err(unavailable(whole, &io::ErrorKind::AlreadyExists.into()));
    }
    fs::rename(partial, whole).and_then(|()| sync_folder(whole)).map_err(|error| unavailable(whole, &error))
}

/// Puts the name itself on disk.
fn sync_folder(file: &Path) -> io::Result<()> {
    match file.parent() {
        Some(folder) if cfg!(unix) => File::open(folder)?.sync_all(),
        _ => Ok(()),
    }
}
