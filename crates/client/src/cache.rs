//! Sessions and tokens on disk: shared by every process, one refresh at a time, readable at any moment.
//!
//! Each login host and user has one file, replaced whole by a rename, and beside it a file that is only locked. The lock
//! is the system's, so it ends with its process, however that ends.

use crate::refusal::Refusal;
use crate::seal::{Keep, Seal};
use crate::session::{Session, Token};
use crate::time::Timestamp;
use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use wire::Secret;
use zeroize::Zeroizing;

/// The version of the format. A file of another version is not read.
const VERSION: u32 = 1;

/// Whose sessions are meant: where, and by which name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Key {
    /// The login URL, without a slash at its end.
    pub login_url: String,
    /// The name that signs in.
    pub user: String,
}

impl Key {
    /// The name of its file: a digest, because user names may hold anything.
    pub fn name(&self) -> String {
        let digest = digest(&SHA256, format!("{}\n{}", self.login_url, self.user).as_bytes());
        digest.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }
}

/// What is kept for one key.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Entry {
    version: u32,
    /// Whose it is.
    #[serde(flatten)]
    pub key: Key,
    /// The session, when one was opened and is not known to be dead.
    pub session: Option<Session>,
    /// Tokens, one per client id.
    #[serde(default)]
    pub tokens: Vec<Token>,
    /// The last password that was refused.
    pub refused: Option<Refusal>,
}

impl Entry {
    /// An entry that holds nothing yet.
    pub fn new(key: Key) -> Self {
        Self { version: VERSION, key, session: None, tokens: Vec::new(), refused: None }
    }

    /// A session that is good for at least this long.
    pub fn session_for(&self, life: Duration, now: Timestamp) -> Option<&Session> {
        self.session.as_ref().filter(|session| session.is_good_for(life, now))
    }

    /// A token of this client that is good for at least this long.
    pub fn token_for(&self, client_id: &str, life: Duration, now: Timestamp) -> Option<&Token> {
        self.tokens.iter().find(|token| token.client_id == client_id && token.is_good_for(life, now))
    }

    /// Takes a session in, whose predecessor's tokens may be dead too.
    pub(crate) fn open(&mut self, session: Session) {
        self.session = Some(session);
        self.tokens.clear();
        self.refused = None;
    }

    pub(crate) fn keep(&mut self, token: Token) {
        self.tokens.retain(|other| other.client_id != token.client_id);
        self.tokens.push(token);
    }
}

/// An entry as it stands on a shelf: what is secret in it may be sealed.
#[derive(Serialize, Deserialize)]
struct OnShelf {
    #[serde(flatten)]
    entry: Entry,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sealed: Option<String>,
}

/// What is secret in an entry.
#[derive(Serialize, Deserialize)]
struct Secrets {
    session: Option<Session>,
    tokens: Vec<Token>,
}

impl OnShelf {
    fn of(entry: &Entry) -> Self {
        Self { entry: entry.clone(), sealed: None }
    }

    fn sealed_with(mut self, seal: &Seal) -> Option<Self> {
        let secrets =
            Secrets { session: self.entry.session.take(), tokens: std::mem::take(&mut self.entry.tokens) };
        let text = Secret::new(serde_json::to_string(&secrets).ok()?);
        self.sealed = Some(seal.close(&self.entry.key.name(), &text)?);
        Some(self)
    }

    /// The entry; one whose key is lost has no session, but still knows what was refused.
    fn opened(self) -> Entry {
        let Self { mut entry, sealed: Some(sealed) } = self else { return self.entry };
        let text = Seal::find().and_then(|seal| seal.open(&entry.key.name(), &sealed));
        match text.and_then(|text| serde_json::from_str::<Secrets>(text.expose()).ok()) {
            Some(secrets) => (entry.session, entry.tokens) = (secrets.session, secrets.tokens),
            None => tracing::info!("the keyring has lost the key to what is kept"),
        }
        entry
    }
}

/// Why the cache could not do what was asked. None of it keeps a sign-in from being made anew.
#[derive(Debug, Error)]
pub enum CacheError {
    /// The file was cut, is damaged or of another version.
    #[error("{} cannot be understood: {why}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it; nothing of it is quoted.
        why: String,
    },
    /// The system refuses a file or a folder.
    #[error("{} cannot be used", path.display())]
    Unusable {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// A place for entries that have a name: a folder, or a keyring of the operating system.
pub trait Shelf: Send + Sync {
    /// What stands under a name.
    fn get(&self, name: &str) -> io::Result<Option<Secret>>;
    /// Puts something under a name, in place of what was there, whole or not at all.
    fn put(&self, name: &str, value: &Secret) -> io::Result<()>;
    /// Takes away what stands under a name, if anything does.
    fn clear(&self, name: &str) -> io::Result<()>;
}

/// The cache of one person on one machine.
#[derive(Clone)]
pub struct Cache {
    folder: PathBuf,
    shelf: Arc<dyn Shelf>,
    keep: Keep,
}

impl Cache {
    /// A cache in this folder, which is made when something is first kept.
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        let folder = folder.into();
        Self { shelf: Arc::new(FileShelf { folder: folder.clone() }), folder, keep: Keep::default() }
    }

    /// A cache whose entries stand on another shelf; the locks are in the folder.
    pub fn on_shelf(folder: impl Into<PathBuf>, shelf: Arc<dyn Shelf>) -> Self {
        Self { folder: folder.into(), shelf, keep: Keep::default() }
    }

    /// Keeps what is secret in this way from now on. What is kept already is read however it was kept.
    #[must_use]
    pub fn keep(self, keep: Keep) -> Self {
        Self { keep, ..self }
    }

    /// What is kept under a key: one small read, without lock, network or runtime.
    pub fn read(&self, key: &Key) -> Result<Option<Entry>, CacheError> {
        let name = key.name();
        let path = self.folder.join(file_name(&name));
        let kept = self.shelf.get(&name).map_err(unusable(&path))?;
        let Some(kept) = kept else { return Ok(None) };
        let unreadable = |why| CacheError::Unreadable { path: path.clone(), why };
        let on_shelf: OnShelf = serde_json::from_str(kept.expose())
            .map_err(|error| unreadable(format!("line {} column {}", error.line(), error.column())))?;
        let entry = &on_shelf.entry;
        if entry.version != VERSION {
            return Err(unreadable(format!("it has version {}, not {VERSION}", entry.version)));
        }
        if entry.key != *key {
            return Err(unreadable("it belongs to another user".to_owned()));
        }
        Ok(Some(on_shelf.opened()))
    }

    /// Waits until nobody else refreshes this key. The lock ends when it is dropped, or with the process.
    pub fn lock(&self, key: &Key) -> Result<Hold, CacheError> {
        let (file, path) = self.lock_file(key)?;
        file.lock().map_err(unusable(&path))?;
        Ok(Hold { cache: self.clone(), key: key.clone(), _file: file })
    }

    /// The lock, unless somebody has it.
    pub fn try_lock(&self, key: &Key) -> Result<Option<Hold>, CacheError> {
        let (file, path) = self.lock_file(key)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Hold { cache: self.clone(), key: key.clone(), _file: file })),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(source)) => Err(unusable(&path)(source)),
        }
    }

    /// Every key of which there is a file.
    pub fn keys(&self) -> Result<Vec<Key>, CacheError> {
        let names = match fs::read_dir(&self.folder) {
            Ok(names) => names,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(unusable(&self.folder)(error)),
        };
        let locks = names.flatten().map(|name| name.path());
        let locks = locks.filter(|path| path.extension().is_some_and(|extension| extension == "lock"));
        Ok(locks.filter_map(|path| serde_json::from_str(&fs::read_to_string(path).ok()?).ok()).collect())
    }

    /// Sealed, unless the secrets are to be in the file or there is no keyring.
    fn on_its_shelf(&self, entry: &Entry) -> OnShelf {
        let plain = || OnShelf::of(entry);
        if self.keep == Keep::File {
            return plain();
        }
        let seal = seal_lock(&self.folder).and_then(|lock| Seal::find_or_make(&lock));
        seal.and_then(|seal| plain().sealed_with(&seal)).unwrap_or_else(plain)
    }

    /// Whether what is kept is worth nothing without the key in the keyring; `None` when nothing is kept.
    pub fn is_sealed(&self, key: &Key) -> Option<bool> {
        let kept = self.shelf.get(&key.name()).ok()??;
        let on_shelf = serde_json::from_str::<OnShelf>(kept.expose()).ok()?;
        Some(on_shelf.sealed.is_some())
    }

    /// The lock's file says whose it is, so that keys are known whatever the shelf is.
    fn lock_file(&self, key: &Key) -> Result<(File, PathBuf), CacheError> {
        make_folder(&self.folder).map_err(unusable(&self.folder))?;
        let path = self.folder.join(format!("{}.lock", key.name()));
        let mut options = private();
        let mut file = options.create(true).truncate(false).open(&path).map_err(unusable(&path))?;
        if file.metadata().is_ok_and(|metadata| metadata.len() == 0) {
            let text = serde_json::to_string(key).unwrap_or_default();
            file.write_all(text.as_bytes()).map_err(unusable(&path))?;
        }
        Ok((file, path))
    }
}

impl std::fmt::Debug for Cache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cache").field("folder", &self.folder).finish_non_exhaustive()
    }
}

/// The right to refresh one key, held by one process and one task at a time.
#[derive(Debug)]
pub struct Hold {
    cache: Cache,
    key: Key,
    _file: File,
}

impl Hold {
    /// What is kept now, perhaps by somebody who held the lock before.
    pub fn read(&self) -> Result<Option<Entry>, CacheError> {
        self.cache.read(&self.key)
    }

    /// Keeps an entry in place of the one before.
    pub fn write(&self, entry: &Entry) -> Result<(), CacheError> {
        let name = self.key.name();
        let path = self.cache.folder.join(file_name(&name));
        let on_shelf = self.cache.on_its_shelf(entry);
        let text = serde_json::to_string(&on_shelf).map_err(|error| unusable(&path)(error.into()))?;
        self.cache.shelf.put(&name, &Secret::new(text)).map_err(unusable(&path))
    }

    /// Forgets everything about the key.
    pub fn clear(&self) -> Result<(), CacheError> {
        let name = self.key.name();
        self.cache.shelf.clear(&name).map_err(unusable(&self.cache.folder.join(file_name(&name))))
    }
}

/// Files in a folder, for their owner's eyes only.
#[derive(Debug, Clone)]
pub struct FileShelf {
    folder: PathBuf,
}

impl FileShelf {
    /// Files in this folder, which is made when something is first put there.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }
}

impl Shelf for FileShelf {
    fn get(&self, name: &str) -> io::Result<Option<Secret>> {
        match fs::read(self.folder.join(file_name(name))) {
            Ok(bytes) => {
                let bytes = Zeroizing::new(bytes);
                Ok(Some(Secret::new(String::from_utf8_lossy(&bytes))))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn put(&self, name: &str, value: &Secret) -> io::Result<()> {
        make_folder(&self.folder)?;
        let new = self.folder.join(format!("{name}.new"));
        // One that was left by a killed process, perhaps with other rights.
        ignore_absent(fs::remove_file(&new))?;
        let mut file = private().create_new(true).open(&new)?;
        file.write_all(value.expose().as_bytes())?;
        file.sync_data()?;
        fs::rename(&new, self.folder.join(file_name(name)))
    }

    fn clear(&self, name: &str) -> io::Result<()> {
        ignore_absent(fs::remove_file(self.folder.join(file_name(name))))
    }
}

/// The file that is locked by whoever makes a key.
pub(crate) fn seal_lock(folder: &Path) -> Option<File> {
    make_folder(folder).ok()?;
    private().create(true).truncate(false).open(folder.join("seal.lock")).ok()
}

fn file_name(name: &str) -> String {
    format!("{name}.json")
}

fn unusable(path: &Path) -> impl Fn(io::Error) -> CacheError + use<> {
    let path = path.to_path_buf();
    move |source| CacheError::Unusable { path: path.clone(), source }
}

fn ignore_absent(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(unix)]
fn private() -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    options
}

#[cfg(not(unix))]
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    options
}

pub(crate) fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::tests::session;

    fn key() -> Key {
        Key { login_url: "https://a.example".to_owned(), user: "ada/../b\n".to_owned() }
    }

    fn kept(folder: &Path) -> (Cache, Entry) {
        let cache = Cache::in_folder(folder.join("state"));
        let mut entry = Entry::new(key());
        entry.open(session("s3cret", Timestamp::from_seconds(1_000_000)));
        cache.lock(&key()).unwrap().write(&entry).unwrap();
        (cache, entry)
    }

    #[test]
    fn what_was_kept_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let (cache, _) = kept(folder.path());
        let entry = cache.read(&key()).unwrap().unwrap();
        let now = Timestamp::from_seconds(1_000_060);
        assert_eq!(entry.session_for(Duration::from_secs(300), now).unwrap().id.expose(), "s3cret");
        assert_eq!(cache.keys().unwrap(), [key()]);
        assert!(!format!("{entry:?}{cache:?}").contains("s3cret"));
        cache.lock(&key()).unwrap().clear().unwrap();
        assert!(cache.read(&key()).unwrap().is_none());
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_may_look() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let _kept = kept(folder.path());
        let state = folder.path().join("state");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&state), 0o700);
        for file in fs::read_dir(&state).unwrap().flatten() {
            assert_eq!(mode(&file.path()), 0o600, "{file:?}");
        }
    }

    #[test]
    fn a_file_cut_anywhere_is_reported_and_never_quoted() {
        let folder = tempfile::tempdir().unwrap();
        let (cache, entry) = kept(folder.path());
        let path = folder.path().join("state").join(file_name(&key().name()));
        let whole = fs::read(&path).unwrap();
        for length in 0..whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            let error = cache.read(&key()).unwrap_err();
            assert!(matches!(error, CacheError::Unreadable { .. }), "{error}");
            assert!(!error.to_string().contains("s3cret"));
        }
        fs::write(&path, String::from_utf8(whole).unwrap().replace("\"version\":1", "\"version\":2"))
            .unwrap();
        assert!(cache.read(&key()).unwrap_err().to_string().ends_with("it has version 2, not 1"));
        cache.lock(&key()).unwrap().write(&entry).unwrap();
        assert!(cache.read(&key()).unwrap().is_some());
    }

    #[test]
    fn a_sealed_entry_is_read_again_and_without_its_key_only_the_refusal_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let (cache, mut entry) = kept(folder.path());
        let now = Timestamp::from_seconds(1_000_000);
        let plain = cache.clone().keep(Keep::File);
        entry.refused = Some(Refusal::of(&Secret::new("wrong"), now, "IDS_085", "no"));
        let path = folder.path().join("state").join(file_name(&key().name()));
        for cache in [cache, plain] {
            cache.lock(&key()).unwrap().write(&entry).unwrap();
            let is_plain = fs::read_to_string(&path).unwrap().contains("s3cret");
            assert_eq!(cache.is_sealed(&key()), Some(!is_plain));
            assert!(is_plain || cache.keep == Keep::Keyring);
            let read = cache.read(&key()).unwrap().unwrap();
            assert_eq!(read.session.unwrap().id.expose(), "s3cret");
        }
        let sealed =
            OnShelf { sealed: Some("AAAA".to_owned()), ..OnShelf::of(&Entry { session: None, ..entry }) };
        fs::write(&path, serde_json::to_string(&sealed).unwrap()).unwrap();
        let left = Cache::in_folder(folder.path().join("state")).read(&key()).unwrap().unwrap();
        assert!(left.session.is_none() && left.refused.is_some());
    }

    #[test]
    fn one_holds_the_lock_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let (cache, _) = kept(folder.path());
        let hold = cache.lock(&key()).unwrap();
        assert!(cache.try_lock(&key()).unwrap().is_none());
        drop(hold);
        assert!(cache.try_lock(&key()).unwrap().is_some());
    }

    #[test]
    fn what_a_killed_writer_left_is_in_nobodys_way() {
        let folder = tempfile::tempdir().unwrap();
        let (cache, entry) = kept(folder.path());
        let left = folder.path().join("state").join(format!("{}.new", key().name()));
        fs::write(&left, "{\"version\":1,").unwrap();
        assert!(cache.read(&key()).unwrap().is_some());
        cache.lock(&key()).unwrap().write(&entry).unwrap();
        assert!(!left.exists());
    }
}
