//! Stubs that a test adds by one call: kept in memory, before those in files.

use super::files::Found;
use super::name::Fit;
use super::stub::{Broken, Recipe, Stub};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

/// More than a test adds, fewer than fill the memory.
const MOST: usize = 10_000;

/// A stub as it is asked for and listed.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// The method, or `ANY`; GET if it names none.
    #[serde(default = "get")]
    pub method: String,
    /// The path; a segment such as `{id}` stands for any one.
    pub path: String,
    /// The status, 200 if it names none.
    #[serde(default)]
    pub status: Option<u16>,
    /// Headers beside the content type, or in its place.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The body: a text as it is, anything else as JSON.
    #[serde(default)]
    pub body: Option<serde_json::Value>,
    /// Whether body and headers are templates; they are unless it says no.
    #[serde(default)]
    pub template: Option<bool>,
    /// Whether it answers without credentials too.
    #[serde(default)]
    pub public: bool,
}

impl Spec {
    fn recipe(&self) -> Recipe {
        let Self { status, template, public, .. } = *self;
        let (headers, body) = (self.headers.clone(), self.body.clone());
        Recipe { status, headers, body, body_file: None, template, public }
    }
}

fn get() -> String {
    "GET".to_owned()
}

/// The stubs that were added.
#[derive(Debug, Default)]
pub struct Memory {
    kept: RwLock<Vec<Kept>>,
}

#[derive(Debug)]
struct Kept {
    spec: Spec,
    segments: Vec<String>,
    stub: Stub,
}

impl Memory {
    /// Adds a stub, in the place of another for the same method and path.
    pub fn add(&self, spec: Spec) -> Result<(), Broken> {
        let name = format!("{} {}", spec.method, spec.path);
        let broken = |reason: &str| Broken::at(&name, reason);
        if spec.method.is_empty() || !spec.method.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return Err(broken("a method is spelled in capital letters"));
        }
        if !spec.path.starts_with('/') || spec.path.contains('?') {
            return Err(broken("a path begins with a slash and has no query"));
        }
        let segments = raw_segments(&spec.path);
        let kept = Kept { stub: Stub::cooked(name.clone(), spec.recipe(), None)?, segments, spec };
        let mut all = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        all.retain(|other| other.spec.method != kept.spec.method || other.spec.path != kept.spec.path);
        if all.len() >= MOST {
            return Err(broken("there are too many stubs: DELETE some"));
        }
        all.push(kept);
        Ok(())
    }

    /// Every stub, in the order in which they came.
    pub fn list(&self) -> Vec<Spec> {
        self.kept
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .map(|kept| kept.spec.clone())
            .collect()
    }

    /// Forgets every stub.
    pub fn clear(&self) {
        self.kept.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The stub for these segments in the first of these methods that has one.
    pub fn find(&self, methods: &[&str], segments: &[String]) -> Option<Found> {
        let all = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        methods.iter().find_map(|method| {
            let of_method = all.iter().filter(|kept| kept.spec.method == *method);
            let fitting = of_method.filter_map(|kept| Some((kept, fits(&kept.segments, segments)?)));
            // The first segment that one spells out and the other does not decides; `false` comes first.
            let best = fitting.min_by_key(|(_, fits)| fits.iter().map(Option::is_some).collect::<Vec<_>>());
            best.map(|(kept, fits)| Found {
                stub: kept.stub.clone(),
                kept: fits.into_iter().flatten().collect(),
            })
        })
    }
}

/// The segments of a pattern; they are compared like names of files.
fn raw_segments(path: &str) -> Vec<String> {
    let path = path.trim_matches('/');
    path.split('/').filter(|_| !path.is_empty()).map(str::to_owned).collect()
}

/// For each segment nothing when it is spelled out, a variable and its value when it is one.
fn fits(pattern: &[String], segments: &[String]) -> Option<Vec<Option<(String, String)>>> {
    let fit = |(name, segment): (&String, &String)| match Fit::of(name, segment)? {
        Fit::Literally => Some(None),
        Fit::Variable(variable) => Some(Some((variable.to_owned(), segment.clone()))),
    };
    let is_as_long = pattern.len() == segments.len();
    is_as_long.then(|| pattern.iter().zip(segments).map(fit).collect::<Option<Vec<_>>>()).flatten()
}
