//! Where the agent of one person listens: a socket in the state folder, and a lock that says whose it is.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use thiserror::Error;
use tokio::net::UnixListener;

/// The place of an agent.
#[derive(Debug, Clone)]
pub struct Spot {
    folder: PathBuf,
}

/// Why the place is not ours.
#[derive(Debug, Error)]
pub enum Taken {
    /// Another agent has it.
    #[error("an agent runs already")]
    ByAgent,
    /// The system refuses a file.
    #[error(transparent)]
    Not(io::Error),
}

impl Spot {
    /// The place in this state folder.
    pub fn in_folder(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The socket.
    pub fn socket(&self) -> PathBuf {
        self.folder.join("agent.sock")
    }

    /// Whether an agent listens there. A socket that a killed agent left does not answer.
    pub fn answers(&self) -> bool {
        UnixStream::connect(self.socket()).is_ok()
    }

    /// Takes the place, if nobody has it. The lock is the system's, so it ends with its process, however that ends.
    pub fn hold(&self) -> Result<Held, Taken> {
        let lock = self.file("agent.lock").map_err(Taken::Not)?;
        match lock.try_lock() {
            Ok(()) => Ok(Held { spot: self.clone(), lock }),
            Err(TryLockError::WouldBlock) => Err(Taken::ByAgent),
            Err(TryLockError::Error(error)) => Err(Taken::Not(error)),
        }
    }

    /// Waits until nobody else starts an agent.
    pub fn turn(&self) -> io::Result<File> {
        let file = self.file("agent.start")?;
        file.lock()?;
        Ok(file)
    }

    fn file(&self, name: &str) -> io::Result<File> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(0o600).open(self.folder.join(name))
    }
}

/// The place, held by this process.
#[derive(Debug)]
pub struct Held {
    spot: Spot,
    lock: File,
}

impl Held {
    /// Whose it is: the user of this process, who owns its lock.
    pub fn owner(&self) -> Option<u32> {
        self.lock.metadata().ok().map(|metadata| metadata.uid())
    }

    /// Listens, in place of whatever was left there. Nobody can connect before only the owner may.
    pub fn listen(&self) -> io::Result<UnixListener> {
        let new = self.spot.folder.join("agent.new");
        remove(&new)?;
        let listener = UnixListener::bind(&new)?;
        fs::set_permissions(&new, Permissions::from_mode(0o600))?;
        fs::rename(&new, self.spot.socket())?;
        Ok(listener)
    }

    /// Takes the socket away, for nobody listens there any more.
    pub fn leave(&self) {
        // One that stays is replaced by the next agent.
        let _stays = remove(&self.spot.socket());
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
