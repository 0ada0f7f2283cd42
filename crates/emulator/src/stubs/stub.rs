//! A stub: the status, headers and body that somebody wrote down for a path.

use bytes::Bytes;
use http::{HeaderName, StatusCode, header};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use thiserror::Error;

/// Longer bodies are neither read from a stub nor recorded.
pub const LONGEST_BODY: usize = 16 << 20;

/// What the bytes of a body are, by the extension of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `.json`
    Json,
    /// `.xml`
    Xml,
    /// `.html`
    Html,
    /// `.txt`
    Text,
    /// `.csv`
    Csv,
    /// `.bin`
    Bytes,
}

impl Kind {
    /// Every kind: its extension and the content type of a file that says no other.
    pub const ALL: [(Self, &'static str, &'static str); 6] = [
        (Self::Json, "json", "application/json"),
        (Self::Xml, "xml", "application/xml"),
        (Self::Html, "html", "text/html; charset=utf-8"),
        (Self::Text, "txt", "text/plain; charset=utf-8"),
        (Self::Csv, "csv", "text/csv; charset=utf-8"),
        (Self::Bytes, "bin", "application/octet-stream"),
    ];

    /// The kind of a file with this extension.
    pub fn of_extension(extension: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, known, _)| *known == extension).map(|(kind, ..)| kind)
    }

    /// The kind of a body with this content type.
    pub fn of_content_type(content_type: &str) -> Self {
        let lower = content_type.to_ascii_lowercase();
        let known = [("json", Self::Json), ("html", Self::Html), ("xml", Self::Xml), ("csv", Self::Csv)];
        let named = known.into_iter().find(|(word, _)| lower.contains(word)).map(|(_, kind)| kind);
        named.unwrap_or(if lower.starts_with("text/") { Self::Text } else { Self::Bytes })
    }

    /// The kind of a text that says nothing of itself but how it begins.
    fn of_text(text: &str) -> Self {
        match text.trim_start().bytes().next() {
            Some(b'{' | b'[') => Self::Json,
            Some(b'<') => Self::Xml,
            _ => Self::Text,
        }
    }

    /// Its extension.
    pub fn extension(self) -> &'static str {
        Self::ALL.into_iter().find(|(kind, ..)| *kind == self).map_or("bin", |(_, extension, _)| extension)
    }

    /// Its content type.
    pub fn content_type(self) -> &'static str {
        Self::ALL.into_iter().find(|(kind, ..)| *kind == self).map_or("", |(.., content_type)| content_type)
    }
}

/// A stub that cannot answer: where it stands, and why.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{place}: {reason}")]
pub struct Broken {
    /// The file and the line.
    pub place: String,
    /// What is wrong there.
    pub reason: String,
}

impl Broken {
    /// What is wrong, and where.
    pub fn at(place: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { place: place.into(), reason: reason.into() }
    }
}

/// What a file with the extension `.toml` says.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Recipe {
    /// The status, 200 if it says none.
    pub status: Option<u16>,
    /// Headers beside the content type, or in its place.
    pub headers: BTreeMap<String, String>,
    /// The body: a text as it is, anything else as JSON.
    pub body: Option<serde_json::Value>,
    /// The file that holds the body, beside this one.
    pub body_file: Option<String>,
    /// Whether body and headers are templates; they are unless it says no.
    pub template: Option<bool>,
    /// Whether it answers without credentials too.
    pub public: bool,
}

/// A stub that can answer.
#[derive(Debug, Clone)]
pub struct Stub {
    /// What a complaint about it says: its file, or its method and path.
    pub name: String,
    /// The status.
    pub status: StatusCode,
    /// The headers, the content type among them; their values may be templates.
    pub headers: Vec<(HeaderName, String)>,
    /// The body, which may be a template.
    pub body: Bytes,
    /// Whether it is filled in before it is sent.
    pub is_template: bool,
    /// Whether it answers without credentials too.
    pub is_public: bool,
}

impl Stub {
    /// A file that is nothing but a body.
    pub fn plain(name: String, kind: Kind, body: Bytes) -> Self {
        let headers = vec![(header::CONTENT_TYPE, kind.content_type().to_owned())];
        let is_template = kind != Kind::Bytes;
        Self { name, status: StatusCode::OK, headers, body, is_template, is_public: false }
    }

    /// What a recipe says, with the body that its file holds if it names one.
    pub fn cooked(name: String, recipe: Recipe, file: Option<(Kind, Bytes)>) -> Result<Self, Broken> {
        let broken = |reason: String| Broken::at(&name, reason);
        let status = recipe.status.unwrap_or(200);
        let status = StatusCode::from_u16(status).ok().filter(|status| (200..600).contains(&status.as_u16()));
        let status = status.ok_or_else(|| broken("a status is a number from 200 to 599".to_owned()))?;
        let (kind, body) = file.or_else(|| recipe.body.map(inline)).unwrap_or((Kind::Text, Bytes::new()));
        let mut headers = Vec::new();
        for (header, value) in recipe.headers {
            let known = header.parse().map_err(|_| broken(format!("{header:?} is no name of a header")))?;
            headers.push((known, value));
        }
        if !body.is_empty() && !headers.iter().any(|(header, _)| *header == header::CONTENT_TYPE) {
            headers.push((header::CONTENT_TYPE, kind.content_type().to_owned()));
        }
        let is_template = recipe.template.unwrap_or(true);
        Ok(Self { name, status, headers, body, is_template, is_public: recipe.public })
    }

    /// What its content type says that its body is.
    pub fn kind(&self) -> Kind {
        let content_type = self.headers.iter().find(|(header, _)| *header == header::CONTENT_TYPE);
        content_type.map_or(Kind::Text, |(_, value)| Kind::of_content_type(value))
    }
}

/// A text is sent as it is, anything else as JSON.
fn inline(body: serde_json::Value) -> (Kind, Bytes) {
    match body {
        serde_json::Value::String(text) => (Kind::of_text(&text), text.into()),
        other => (Kind::Json, other.to_string().into()),
    }
}
