//! Where remembered passwords are: in the keyring of a desktop, else in files that are sealed where that is possible.

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
    /// In the keyring of the desktop.
    InKeyring,
    /// In files that only their owner may read, and only with a key from the keyring of this machine.
    Sealed,
    /// In files that only their owner may read.
    InFiles,
}

/// Where passwords are kept on this machine; files are in this folder.
pub fn shelf(folder: impl Into<PathBuf>, keep: Keep) -> (Arc<dyn Shelf>, Kept) {
    let folder = folder.into();
    #[cfg(feature = "secret-service")]
    if keep == Keep::Keyring
        && let Some(keyring) = desktop::KeyringShelf::open()
    {
        return (Arc::new(desktop::Both { keyring, files: SealedShelf::new(folder, keep) }), Kept::InKeyring);
    }
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

#[cfg(feature = "secret-service")]
mod desktop {
    //! The keyring of Linux desktops.

    use super::SealedShelf;
    use crate::cache::Shelf;
    use keyring_core::api::CredentialStoreApi;
    use keyring_core::{Entry, Error};
    use std::io;
    use std::sync::Arc;
    use wire::Secret;

    /// The name under which a keyring files what is ours.
    const SERVICE: &str = "latchkey";

    /// The keyring of the desktop.
    pub(super) struct KeyringShelf(Arc<dyn CredentialStoreApi + Send + Sync>);

    impl KeyringShelf {
        /// The keyring of this session, if it keeps what is put there.
        pub(super) fn open() -> Option<Self> {
            let store = zbus_secret_service_keyring_store::Store::new().ok()?;
            Some(Self(store)).filter(Self::works)
        }

        fn works(&self) -> bool {
            let probe = format!("probe-{}", std::process::id());
            let kept = self.put(&probe, &Secret::new("probe")).is_ok()
                && matches!(self.get(&probe), Ok(Some(secret)) if secret.expose() == "probe");
            // A keyring that refuses in the middle keeps no litter either.
            self.clear(&probe).is_ok() && kept
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

    /// A keyring, and files for what it does not take.
    pub(super) struct Both {
        pub(super) keyring: KeyringShelf,
        pub(super) files: SealedShelf,
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
