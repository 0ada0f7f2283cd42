//! The keyring of the operating system as a shelf, and a file where there is none.

use crate::cache::{FileShelf, Shelf};
use keyring_core::api::CredentialStoreApi;
use keyring_core::{Entry, Error};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use wire::Secret;

/// The name under which a keyring files what is ours.
const SERVICE: &str = "latchkey";

/// Which shelf was found, so that the caller can say it once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// In a keyring of the operating system.
    InKeyring,
    /// In files that only their owner may read, because there is no keyring here.
    InFiles,
}

/// The keyring if there is one that works, else files in this folder.
pub fn shelf(folder: impl Into<PathBuf>) -> (Arc<dyn Shelf>, Kept) {
    let files = FileShelf::new(folder);
    match KeyringShelf::open() {
        Some(keyring) => (Arc::new(Both { keyring, files }), Kept::InKeyring),
        None => (Arc::new(files), Kept::InFiles),
    }
}

/// A keyring of the operating system.
pub struct KeyringShelf(Arc<dyn CredentialStoreApi + Send + Sync>);

impl KeyringShelf {
    /// The keyring of this machine, if it keeps what is put there.
    pub fn open() -> Option<Self> {
        Self::stores().into_iter().flatten().map(Self).find(Self::works)
    }

    fn stores() -> Vec<Option<Arc<dyn CredentialStoreApi + Send + Sync>>> {
        vec![
            #[cfg(all(target_os = "linux", feature = "secret-service"))]
            zbus_secret_service_keyring_store::Store::new().ok().map(|store| store as _),
            #[cfg(target_os = "linux")]
            linux_keyutils_keyring_store::Store::new().ok().map(|store| store as _),
        ]
    }

    /// A container may have a keyring that takes nothing.
    fn works(&self) -> bool {
        let probe = format!("probe-{}", std::process::id());
        let kept = self.put(&probe, &Secret::new("probe")).is_ok()
            && matches!(self.get(&probe), Ok(Some(secret)) if secret.expose() == "probe");
        kept && self.clear(&probe).is_ok()
    }

    fn entry(&self, name: &str) -> io::Result<Entry> {
        self.0.build(SERVICE, name, None).map_err(io::Error::other)
    }
}

impl Shelf for KeyringShelf {
    fn get(&self, name: &str) -> io::Result<Option<Secret>> {
        match self.entry(name)?.get_password() {
            Ok(secret) => Ok(Some(Secret::new(secret))),
            Err(Error::NoEntry) => Ok(None),
            Err(error) => Err(io::Error::other(error)),
        }
    }

    fn put(&self, name: &str, value: &Secret) -> io::Result<()> {
        self.entry(name)?.set_password(value.expose()).map_err(io::Error::other)
    }

    fn clear(&self, name: &str) -> io::Result<()> {
        match self.entry(name)?.delete_credential() {
            Ok(()) | Err(Error::NoEntry) => Ok(()),
            Err(error) => Err(io::Error::other(error)),
        }
    }
}

/// A keyring, and files for what is too long for it.
struct Both {
    keyring: KeyringShelf,
    files: FileShelf,
}

impl Shelf for Both {
    fn get(&self, name: &str) -> io::Result<Option<Secret>> {
        match self.keyring.get(name) {
            Ok(Some(secret)) => Ok(Some(secret)),
            Ok(None) | Err(_) => self.files.get(name),
        }
    }

    fn put(&self, name: &str, value: &Secret) -> io::Result<()> {
        match self.keyring.put(name, value) {
            Ok(()) => self.files.clear(name),
            Err(error) => {
                tracing::debug!("the keyring does not take an entry, a file does: {error}");
                // An older entry in the keyring would hide the file.
                self.keyring.clear(name)?;
                self.files.put(name, value)
            }
        }
    }

    fn clear(&self, name: &str) -> io::Result<()> {
        self.keyring.clear(name).and(self.files.clear(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shelf_keeps_secrets_whatever_machine_this_is() {
        let folder = tempfile::tempdir().unwrap();
        let (shelf, _) = shelf(folder.path());
        let name = format!("test-{}", std::process::id());
        assert!(shelf.get(&name).unwrap().is_none());
        for value in ["short", &"long".repeat(20_000)] {
            shelf.put(&name, &Secret::new(value)).unwrap();
            assert_eq!(shelf.get(&name).unwrap().unwrap().expose(), value);
        }
        shelf.put(&name, &Secret::new("short again")).unwrap();
        assert_eq!(shelf.get(&name).unwrap().unwrap().expose(), "short again");
        shelf.clear(&name).unwrap();
        assert!(shelf.get(&name).unwrap().is_none());
    }
}
