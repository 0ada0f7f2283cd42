//! What the answer to a path is called in a folder of stubs.

use http::Method;
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use std::borrow::Cow;
use std::path::PathBuf;

/// Deeper than any path that is asked for.
const DEEPEST: usize = 64;

/// What a name of a file may not hold, here or on other systems, and what has a meaning here.
const NOT_IN_NAMES: &AsciiSet = &CONTROLS
    .add(b'%')
    .add(b'/')
    .add(b'\\')
    .add(b'{')
    .add(b'}')
    .add(b':')
    .add(b'*')
    .add(b'?')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'|');

/// The segments of a path, with its percent signs resolved; none when they are no text.
pub fn segments(path: &str) -> Option<Vec<String>> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    if path.is_empty() {
        return Some(Vec::new());
    }
    let segments = path.split('/').map(|segment| decoded(segment).map(Cow::into_owned));
    segments.collect::<Option<Vec<_>>>().filter(|segments| segments.len() <= DEEPEST)
}

/// How a name in a folder fits a segment of a path.
#[derive(Debug, PartialEq, Eq)]
pub enum Fit<'a> {
    /// They are the same.
    Literally,
    /// The name stands for any segment.
    Variable(&'a str),
}

impl<'a> Fit<'a> {
    /// How `name` fits `segment`, if it does.
    pub fn of(name: &'a str, segment: &str) -> Option<Self> {
        match name.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            Some(variable) => Some(Self::Variable(variable)),
            None => (decoded(name)? == segment).then_some(Self::Literally),
        }
    }
}

/// Where the answer to a request lies below a folder of stubs, without extension; none when no file can be called that.
pub fn place(method: &Method, path: &str) -> Option<PathBuf> {
    let method = method.as_str();
    let segments = segments(path)?;
    let is_folder = segments.is_empty() || path.ends_with('/');
    let is_plain = method.bytes().all(|byte| byte.is_ascii_uppercase());
    let names = segments.iter().map(|segment| encoded(segment)).chain(is_folder.then(|| "index".to_owned()));
    let names: Vec<_> = names.collect();
    let fits = is_plain && names.iter().all(|name| (1..=200).contains(&name.len()));
    fits.then(|| std::iter::once(method.to_owned()).chain(names).collect())
}

fn encoded(segment: &str) -> String {
    let name = utf8_percent_encode(segment, NOT_IN_NAMES).to_string();
    // A name that begins with a dot is hidden, or leads elsewhere.
    name.strip_prefix('.').map_or(name.clone(), |rest| format!("%2E{rest}"))
}

fn decoded(text: &str) -> Option<Cow<'_, str>> {
    percent_decode_str(text).decode_utf8().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_a_place_in_a_folder() {
        for (path, at) in [
            ("/saas/api/v2/task", Some("GET/saas/api/v2/task")),
            ("/saas/api/v2/task/", Some("GET/saas/api/v2/task/index")),
            ("/", Some("GET/index")),
            ("/a/My%20Task", Some("GET/a/My Task")),
            ("/a/..", Some("GET/a/%2E.")),
            ("/a/%2e%2e%2fetc", Some("GET/a/%2E.%2Fetc")),
            ("/a/%7Bx%7D", Some("GET/a/%7Bx%7D")),
            ("/a//b", None),
            ("/a/%ff", None),
        ] {
            assert_eq!(place(&Method::GET, path), at.map(PathBuf::from), "{path}");
        }
        assert_eq!(place(&Method::from_bytes(b"..").unwrap(), "/a"), None);
    }

    #[test]
    fn a_name_fits_the_segment_that_it_spells_and_a_variable_fits_every_one() {
        assert_eq!(Fit::of("task", "task"), Some(Fit::Literally));
        assert_eq!(Fit::of("a%2Fb", "a/b"), Some(Fit::Literally));
        assert_eq!(Fit::of("{id}", "x"), Some(Fit::Variable("id")));
        assert_eq!(Fit::of("%7Bid%7D", "x"), None);
        assert_eq!(Fit::of("%7Bid%7D", "{id}"), Some(Fit::Literally));
        assert_eq!(Fit::of("task", "Task"), None);
    }
}
