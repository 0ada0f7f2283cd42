//! Whole answers as text, and the names under which unforeseeable values are compared.

use axum::response::Response;
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};

/// What a caller without a live session hears from v1, v3 and everything that has no family.
pub const DEAD: &str = r#"401 [www-authenticate: Bearer] {"error":{"code":"AUTH_01","message":"The session has expired or is not valid. Sign in again.","requestId":"$request","details":null}}"#;

/// The same from v2.
pub const DEAD_V2: &str = r#"401 [www-authenticate: Bearer] {"@type":"error","code":"AUTH_01","description":"The session has expired or is not valid. Sign in again.","statusCode":401}"#;

/// An answer, read whole.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
    notebook: Arc<Notebook>,
}

/// Headers that stand around every answer and are written down only when they are missing or different.
const USUAL: [(&str, &str); 3] = [
    ("cache-control", "no-store"),
    ("content-type", "application/json"),
    ("x-content-type-options", "nosniff"),
];

impl Answer {
    /// Reads a response. No success has a key `error`: some callers take that for a failure.
    pub async fn read(path: &str, response: Response, notebook: Arc<Notebook>) -> Self {
        let (head, body) = response.into_parts();
        let body = String::from_utf8(body.collect().await.unwrap().to_bytes().into()).unwrap();
        let answer = Self { status: head.status, headers: head.headers, body, notebook };
        let is_json = answer.header("content-type") == "application/json";
        if answer.status.is_success() && is_json && !answer.body.is_empty() {
            assert!(answer.json().get("error").is_none(), "{path} succeeded with an error: {answer}");
            assert!(!answer.body.contains("\\/"), "{path} escapes slashes: {answer}");
        }
        answer
    }

    /// The one value of a header, empty when it is absent.
    pub fn header(&self, name: &str) -> &str {
        let mut values = self.headers.get_all(name).iter();
        let value = values.next().map_or("", |value| value.to_str().unwrap());
        assert_eq!(values.next(), None, "{name} is there twice");
        value
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self}"))
    }

    /// Compares status, headers and body, byte by byte. A `$name` stands for a value of the shape of its kind, see
    /// [`Notebook`]; what it stood for once it stands for ever after.
    #[track_caller]
    pub fn is(self, expected: &str) -> Self {
        let actual = self.to_string();
        if let Err(rest) = self.notebook.matches(expected, &actual) {
            let expected = self.notebook.fill(expected);
            panic!("\n expected {expected}\n but got  {actual}\n they differ from here: {rest}\n");
        }
        self
    }

    /// The answer without the name of its request, the one thing in which two refusals may differ.
    pub fn but_its_request_id(&self) -> String {
        let text = self.to_string();
        match self.body.starts_with('{').then(|| self.json()["error"]["requestId"].clone()) {
            Some(Value::String(id)) => text.replace(&id, "$request"),
            _ => text,
        }
    }
}

/// `STATUS [header: value] body`, with the headers that are not usual.
impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.status.as_u16())?;
        let mut names: Vec<_> = self.headers.keys().map(http::HeaderName::as_str).collect();
        names.extend(USUAL.map(|(name, _)| name));
        names.sort_unstable();
        names.dedup();
        let is_usual = |name: &str| match name {
            "content-length" => self.header(name) == self.body.len().to_string(),
            "content-type" if self.body.is_empty() => self.header(name).is_empty(),
            _ => USUAL.contains(&(name, self.header(name))),
        };
        for name in names.into_iter().filter(|name| !is_usual(name)) {
            write!(f, " [{name}: {}]", self.header(name))?;
        }
        if self.body.is_empty() { Ok(()) } else { write!(f, " {}", self.body) }
    }
}

/// What each `$name` stands for. The letters before the first digit or underscore are its kind.
#[derive(Default)]
pub struct Notebook(Mutex<HashMap<String, String>>);

impl Notebook {
    /// The value that a name stands for.
    pub fn read(&self, name: &str) -> String {
        self.0.lock().unwrap()[name].clone()
    }

    /// Lets a name stand for a value.
    pub fn write(&self, name: &str, value: &str) {
        self.0.lock().unwrap().insert(name.to_owned(), value.to_owned());
    }

    /// Writes values in the places of the names that stand for something already.
    pub fn fill(&self, text: &str) -> String {
        pieces(text)
            .map(|(literal, name)| {
                let known = name.and_then(|name| self.0.lock().unwrap().get(name).cloned());
                let unknown = || name.map(|name| format!("${name}")).unwrap_or_default();
                format!("{literal}{}", known.unwrap_or_else(unknown))
            })
            .collect()
    }

    /// Compares, and learns the names that are new; the error is the part of `actual` that does not fit.
    fn matches<'a>(&self, expected: &str, actual: &'a str) -> Result<(), &'a str> {
        let mut rest = actual;
        for (literal, name) in pieces(expected) {
            rest = rest.strip_prefix(literal).ok_or(rest)?;
            let Some(name) = name else { continue };
            let value = shaped(name, rest);
            let mut known = self.0.lock().unwrap();
            let fits = match known.get(name) {
                _ if value.is_empty() => false,
                // Every request has a name of its own.
                Some(old) if name == "request" => old != value,
                Some(old) => old == value,
                None => !known.values().any(|other| other == value),
            };
            if !fits {
                return Err(rest);
            }
            known.insert(name.to_owned(), value.to_owned());
            rest = rest.split_at(value.len()).1;
        }
        if rest.is_empty() { Ok(()) } else { Err(rest) }
    }
}

/// Text cut at its `$names`: the literal before each name, and the name.
fn pieces(text: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    let is_of_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let mut parts = text.split('$');
    let first = parts.next().map(|literal| (literal, None));
    let named = parts.map(move |part| part.split_at(part.find(|c| !is_of_name(c)).unwrap_or(part.len())));
    // A name belongs to the literal before it; an empty literal stands before each name.
    first.into_iter().chain(named.flat_map(|(name, literal)| [("", Some(name)), (literal, None)]))
}

/// The longest beginning of `text` that has the shape of the kind of `name`; empty when there is none.
fn shaped<'a>(name: &str, text: &'a str) -> &'a str {
    let of_base64url = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let kind = name.split(|c: char| c == '_' || c.is_ascii_digit()).next().unwrap_or_default();
    let (end, fits): (_, fn(&str) -> bool) = match kind {
        "session" | "request" | "user" | "org" | "kid" | "role" | "group" | "provider" | "client"
        | "named" => (text.find(|c: char| !c.is_ascii_alphanumeric()), |value| value.len() == 22),
        "uuid" => (text.find('"'), |value| value.len() == 36 || value.len() == 22),
        "secret" => (text.find('"'), |value| value.len() == 48 && value.starts_with("lkcs_")),
        "handle" => (text.find(|c: char| !c.is_ascii_hexdigit()), |value| value.len() == 32),
        "scim" => {
            (text.find(|c| !of_base64url(c)), |value| value.starts_with("lk_scim_") && value.len() == 51)
        }
        "etag" => (text.find('"'), |value| value.len() == 14),
        "token" => (text.find(|c| !of_base64url(c) && c != '.'), |value| value.split('.').count() == 3),
        "coordinate" => (text.find(|c| !of_base64url(c)), |value| value.len() == 43),
        other => panic!("${other} has no shape"),
    };
    let (value, _) = text.split_at(end.unwrap_or(text.len()));
    if fits(value) { value } else { "" }
}

#[test]
fn a_comparison_finds_every_difference() {
    let notebook = Notebook::default();
    let (one, two) = ("3fTqk0ZpXyLr9bWcV2uN7e", "5mYdXw9KcJhaf3LrN8pQ2v");
    let differs = |expected: &str, actual: &str| notebook.matches(expected, actual).is_err();
    assert!(differs("200 {}", "200 {} "));
    assert!(differs("200 {} ", "200 {}"));
    assert!(differs("200 $session", "200 short"));
    assert!(differs("200 $session", &format!("200 {one}x")));
    assert!(!differs("a $session b $session", &format!("a {one} b {one}")));
    assert!(differs("$session", two), "a name stands for one value");
    assert!(differs("$session_2", one), "two names stand for two values");
    assert!(!differs("$session_2", two));
    assert_eq!(notebook.fill("$session/$session_2/$other$"), format!("{one}/{two}/$other$"));
}
