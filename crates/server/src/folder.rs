//! The data folder: one service at a time, and everything in it for its owner's eyes only.

use fs4::FileExt;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// The name of a file that says that a store is an emulator's.
pub const EMULATED: &str = "emulated";

/// Why a data folder cannot be had.
#[derive(Debug, Error)]
pub enum FolderError {
    /// Another service has it.
    #[error("{} is in use by another latchkey", .0.display())]
    InUse(PathBuf),
    /// What is in it has passwords that everybody knows.
    #[error("{} is of an emulator: nothing real may be served from it", .0.display())]
    Emulated(PathBuf),
    /// It cannot be made, read or written.
    #[error("{} cannot be used", path.display())]
    Unusable {
        /// The folder or the file in it.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// The right to be the one service on a folder. The system takes it back when the process ends, however it ends.
#[derive(Debug)]
pub struct Hold(#[expect(dead_code, reason = "the lock lives as long as the file is open")] File);

/// Makes the folder if it is missing, and takes it for this process alone.
pub fn hold(folder: &Path) -> Result<Hold, FolderError> {
    refuse_emulated(folder)?;
    hold_any(folder)
}

/// Refuses what an emulator has made.
pub fn refuse_emulated(folder: &Path) -> Result<(), FolderError> {
    if folder.join(EMULATED).exists() { Err(FolderError::Emulated(folder.to_path_buf())) } else { Ok(()) }
}

/// The same for whichever kind of store.
pub fn hold_any(folder: &Path) -> Result<Hold, FolderError> {
    let unusable = |path: &Path| {
        let path = path.to_path_buf();
        move |source| FolderError::Unusable { path, source }
    };
    create(folder).map_err(unusable(folder))?;
    let path = folder.join("lock");
    let file =
        OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(unusable(&path))?;
    match FileExt::try_lock(&file) {
        Ok(()) => Ok(Hold(file)),
        Err(fs4::TryLockError::WouldBlock) => Err(FolderError::InUse(folder.to_path_buf())),
        Err(fs4::TryLockError::Error(source)) => Err(unusable(&path)(source)),
    }
}

#[cfg(unix)]
fn create(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(not(unix))]
fn create(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
}
