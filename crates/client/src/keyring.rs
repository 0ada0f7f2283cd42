//! Where remembered passwords are: in files that are sealed where that is possible.

use crate::cache::{FileShelf, Shelf, seal_lock};
use crate::seal::{Keep, Seal};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use wire::Secret;

/// Begins a file that is sealed.
const SEALED: &str = "sealed:";

/// Where a password is kept, so that the caller can say it once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// In files that only their owner may read, and only with a key from the keyring of this machine.
    Sealed,
    /// In files that only their owner may read.
    InFiles,
}

/// Where passwords are kept on this machine; files are in this folder.
pub fn shelf(folder: impl Into<PathBuf>, keep: Keep) -> (Arc<dyn Shelf>, Kept) {
    let folder = folder.into();
    // Whoever remembers a password has signed in, and so has made the key if there can be one.
    let sealed = keep == Keep::Keyring && Seal::find().is_some();
    (Arc::new(SealedShelf::new(folder, keep)), if sealed { Kept::Sealed } else { Kept::InFiles })
}

/// Files in a folder, sealed if that is wanted and possible.
struct SealedShelf {
    folder: PathBuf,
    files: FileShelf,
    keep: Keep,
}

impl SealedShelf {
    fn new(folder: PathBuf, keep: Keep) -> Self {
        Self { files: FileShelf::new(&folder), folder, keep }
    }

    fn seal(&self) -> Option<Seal> {
        let wanted = self.keep == Keep::Keyring;
        wanted.then(|| Seal::find_or_make(&seal_lock(&self.folder)?)).flatten()
    }
}

impl Shelf for SealedShelf {
    fn get(&self, name: &str) -> io::Result<Option<Secret>> {
        let Some(kept) = self.files.get(name)? else { return Ok(None) };
        let Some(sealed) = kept.expose().strip_prefix(SEALED) else { return Ok(Some(kept)) };
        // Without the key the password is forgotten.
        Ok(Seal::find().and_then(|seal| seal.open(name, sealed)))
    }

    fn put(&self, name: &str, value: &Secret) -> io::Result<()> {
        match self.seal().and_then(|seal| seal.close(name, value)) {
            Some(sealed) => self.files.put(name, &Secret::new(format!("{SEALED}{sealed}"))),
            None => self.files.put(name, value),
        }
    }

    fn clear(&self, name: &str) -> io::Result<()> {
        self.files.clear(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shelf_keeps_secrets_whatever_machine_this_is() {
        for keep in [Keep::Keyring, Keep::File] {
            let folder = tempfile::tempdir().unwrap();
            let (shelf, kept) = shelf(folder.path(), keep);
            assert!(keep == Keep::Keyring || kept == Kept::InFiles);
            let is_sealed =
                keep == Keep::Keyring && Seal::find_or_make(&seal_lock(folder.path()).unwrap()).is_some();
            let name = format!("test-{}", std::process::id());
            assert!(shelf.get(&name).unwrap().is_none());
            for value in ["short", &"long".repeat(20_000), "short again"] {
                shelf.put(&name, &Secret::new(value)).unwrap();
                assert_eq!(shelf.get(&name).unwrap().unwrap().expose(), value);
                let file =
                    std::fs::read_to_string(folder.path().join(format!("{name}.json"))).unwrap_or_default();
                assert_eq!(file.contains(value), !is_sealed);
            }
            shelf.clear(&name).unwrap();
            assert!(shelf.get(&name).unwrap().is_none());
        }
    }
}
