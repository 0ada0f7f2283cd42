//! Stubs in files, by method and path. The folder is read at each request, so that a test can add a file at any time.

use super::name::Fit;
use super::stub::{Broken, Kind, LONGEST_BODY, Recipe, Stub};
use bytes::Bytes;
use std::path::{Path, PathBuf};
use std::{fs, io};
use thiserror::Error;

/// Why a folder of stubs cannot be used.
#[derive(Debug, Error)]
pub enum StubError {
    /// It cannot be read.
    #[error("{} cannot be read", folder.display())]
    Folder {
        /// Which.
        folder: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A folder in it is not called like a method.
    #[error("{} is not called like a method: stubs are in folders such as GET, POST or ANY", .0.display())]
    NotAMethod(PathBuf),
}

/// A folder of stubs.
#[derive(Debug, Clone)]
pub struct Files {
    root: PathBuf,
}

/// A stub that fits a request, and the segments for which its name has variables.
#[derive(Debug, Clone)]
pub struct Found {
    /// The stub.
    pub stub: Stub,
    /// Names of variables and the segments in their place.
    pub kept: Vec<(String, String)>,
}

impl Files {
    /// The folder at this path. Its first folders must be methods; the rest is looked at when it is asked for.
    pub fn at(folder: &Path) -> Result<Self, StubError> {
        let failed = |source| StubError::Folder { folder: folder.to_owned(), source };
        let root = folder.canonicalize().map_err(failed)?;
        for entry in fs::read_dir(&root).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let is_method = name.starts_with('.') || name.bytes().all(|byte| byte.is_ascii_uppercase());
            if path.is_dir() && !is_method {
                return Err(StubError::NotAMethod(path));
            }
        }
        Ok(Self { root })
    }

    /// Where it is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The stub for these segments in the first of these methods that has one.
    pub fn find(&self, methods: &[&str], segments: &[String]) -> Result<Option<Found>, Broken> {
        let there = |method: &&str| {
            let folder =
                entries(&self.root).into_iter().find(|entry| entry.is_folder && entry.name == *method);
            folder.and_then(|folder| walk(&folder.path, segments))
        };
        let Some((file, kept)) = methods.iter().find_map(there) else {
            return Ok(None);
        };
        self.read(&file).map(|stub| Some(Found { stub, kept }))
    }

    fn read(&self, file: &Path) -> Result<Stub, Broken> {
        let name = file.display().to_string();
        let bytes = self.bytes(file)?;
        match kind(file) {
            Some(kind) => Ok(Stub::plain(name, kind, bytes)),
            None => self.cook(file, &bytes),
        }
    }

    fn cook(&self, file: &Path, bytes: &[u8]) -> Result<Stub, Broken> {
        let name = file.display().to_string();
        let text = std::str::from_utf8(bytes).map_err(|_| Broken::at(&name, "it is not UTF-8"))?;
        let recipe: Recipe = toml::from_str(text).map_err(|error| {
            let before = text.bytes().take(error.span().map_or(0, |span| span.start));
            let line = before.filter(|&byte| byte == b'\n').count() + 1;
            Broken::at(format!("{name}:{line}"), error.message())
        })?;
        let beside = |body: &String| file.parent().unwrap_or(&self.root).join(body);
        let body = recipe.body_file.as_ref().map(beside);
        let body =
            body.map(|body| Ok((kind(&body).unwrap_or(Kind::Bytes), self.bytes(&body)?))).transpose()?;
        Stub::cooked(name, recipe, body)
    }

    /// The bytes of a file that is in this folder, wherever its name or a symbolic link leads.
    fn bytes(&self, file: &Path) -> Result<Bytes, Broken> {
        let broken = |reason: String| Broken::at(file.display().to_string(), reason);
        let path = file.canonicalize().map_err(|error| broken(format!("it cannot be read: {error}")))?;
        if !path.starts_with(&self.root) {
            return Err(broken(format!("it leads out of {}", self.root.display())));
        }
        let length = fs::metadata(&path).map_or(0, |file| file.len());
        if length > LONGEST_BODY as u64 {
            return Err(broken(format!("it is longer than {LONGEST_BODY} bytes")));
        }
        fs::read(&path).map(Bytes::from).map_err(|error| broken(format!("it cannot be read: {error}")))
    }
}

/// What is in a folder. Names that begin with a dot are nobody's stubs.
struct Entry {
    name: String,
    path: PathBuf,
    is_folder: bool,
}

/// Text from a request never becomes a path: it is compared with the names that are there.
fn entries(folder: &Path) -> Vec<Entry> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let entries = entries.filter_map(|entry| {
        let name = entry.file_name().into_string().ok().filter(|name| !name.starts_with('.'))?;
        let path = entry.path();
        let meta = fs::metadata(&path).ok().filter(|meta| meta.is_dir() || meta.is_file())?;
        Some(Entry { name, path, is_folder: meta.is_dir() })
    });
    let mut entries: Vec<_> = entries.collect();
    entries.sort_by(|one, other| one.name.cmp(&other.name));
    entries
}

/// The variables of names, and the segments in their place.
type Kept = Vec<(String, String)>;

/// Which names are looked at.
#[derive(Clone, Copy)]
enum Names {
    SpelledOut,
    Variable,
}

impl Names {
    /// What is kept when a name is one of these and fits a segment.
    fn fit(self, name: &str, segment: &str) -> Option<Kept> {
        match (self, Fit::of(name, segment)?) {
            (Self::SpelledOut, Fit::Literally) => Some(Vec::new()),
            (Self::Variable, Fit::Variable(variable)) => {
                Some(vec![(variable.to_owned(), segment.to_owned())])
            }
            (Self::SpelledOut, Fit::Variable(_)) | (Self::Variable, Fit::Literally) => None,
        }
    }
}

/// Looks for the file of a path: a name that is spelled out goes before a variable, a file before a folder.
fn walk(folder: &Path, segments: &[String]) -> Option<(PathBuf, Kept)> {
    let entries = entries(folder);
    let Some((segment, rest)) = segments.split_first() else {
        return file(&entries, Names::SpelledOut, "index");
    };
    let folders = || entries.iter().filter(|entry| entry.is_folder);
    let below = |entry: &Entry, names: Names| {
        let mut kept = names.fit(&entry.name, segment)?;
        let (file, more) = walk(&entry.path, rest)?;
        kept.extend(more);
        Some((file, kept))
    };
    [Names::SpelledOut, Names::Variable].into_iter().find_map(|names| {
        let here = if rest.is_empty() { file(&entries, names, segment) } else { None };
        here.or_else(|| folders().find_map(|entry| below(entry, names)))
    })
}

/// The file whose stem fits, a recipe before a body; else the file whose whole name fits.
fn file(entries: &[Entry], names: Names, segment: &str) -> Option<(PathBuf, Kept)> {
    let files = || entries.iter().filter(|entry| !entry.is_folder && rank(&entry.path).is_some());
    let stem = |entry: &Entry| names.fit(entry.path.file_stem()?.to_str()?, segment);
    let by_stem = files().filter_map(|entry| Some((entry, stem(entry)?)));
    let by_stem = by_stem.min_by_key(|(entry, _)| rank(&entry.path));
    let by_name = || files().find_map(|entry| Some((entry, names.fit(&entry.name, segment)?)));
    by_stem.or_else(by_name).map(|(entry, kept)| (entry.path.clone(), kept))
}

fn rank(file: &Path) -> Option<usize> {
    let extension = file.extension()?.to_str()?;
    let place = Kind::ALL.iter().position(|(_, known, _)| *known == extension).map(|place| place + 1);
    if extension == "toml" { Some(0) } else { place }
}

fn kind(file: &Path) -> Option<Kind> {
    Kind::of_extension(file.extension()?.to_str()?)
}
