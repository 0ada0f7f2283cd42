//! A folder that a run leaves for the next: its store, apart from any real one, and who is there.

use crate::seed::Person;
use server::folder::{self, EMULATED, FolderError, Hold};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The folder of one run at a time. A service refuses it, for its passwords are known to everybody.
#[derive(Debug)]
pub struct Kept {
    folder: PathBuf,
    _hold: Hold,
}

impl Kept {
    /// Takes the part of a folder that is for emulators.
    pub fn open(within: &Path) -> Result<Self, FolderError> {
        let folder = within.join("emulator");
        let hold = folder::hold_any(&folder)?;
        Ok(Self { folder, _hold: hold })
    }

    /// Where the store is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether an earlier run has filled it.
    pub fn is_filled(&self) -> bool {
        self.file().exists()
    }

    /// Who was there when the earlier run ended.
    pub fn people(&self) -> io::Result<Vec<Person>> {
        serde_json::from_slice(&fs::read(self.file())?).map_err(io::Error::other)
    }

    /// Says who is there, and with it that the store is an emulator's.
    pub fn remember(&self, people: &[Person]) -> io::Result<()> {
        fs::write(self.file(), serde_json::to_vec(people).map_err(io::Error::other)?)
    }

    fn file(&self) -> PathBuf {
        self.folder.join(EMULATED)
    }
}
