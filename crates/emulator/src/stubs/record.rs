//! Stubs out of what an upstream answered: one file per method and path, without secrets, never over another.

use super::name;
use super::scrub;
use super::stub::{Kind, LONGEST_BODY};
use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, header};
use hyper::body::{Body as Frames, Frame, SizeHint};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::{fs, io};

/// Headers that belong to an answer wherever it is given.
const KEPT: [header::HeaderName; 6] = [
    header::CONTENT_TYPE,
    header::CONTENT_DISPOSITION,
    header::CONTENT_LANGUAGE,
    header::LOCATION,
    header::LINK,
    header::ALLOW,
];

/// Words in headers of a service's own that belong to an answer too; all others are about the way that it took.
const PAGING: [&str; 5] = ["total", "count", "page", "next", "limit"];

/// Writes answers into a folder of stubs.
#[derive(Debug, Clone)]
pub struct Recorder {
    root: PathBuf,
}

impl Recorder {
    /// Records into this folder, which is made if it is not there.
    pub fn into_folder(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        Ok(Self { root: folder.canonicalize()? })
    }

    /// Hands over an answer and writes it down once its last byte has passed.
    pub fn watch(&self, method: &Method, path: &str, answer: Response) -> Response {
        let place = name::place(method, path).filter(|_| says_something(answer.status()));
        let Some(place) = place.filter(|_| *method != Method::HEAD) else {
            return answer;
        };
        let (head, body) = answer.into_parts();
        let record = Record {
            recorder: self.clone(),
            called: format!("{method} {path}"),
            place,
            status: head.status,
            headers: head.headers.clone(),
            body: Vec::new(),
        };
        let mut watched = Watched { record: Some(record), body };
        if watched.body.is_end_stream() {
            watched.finish();
        }
        Response::from_parts(head, Body::new(watched))
    }
}

/// Answers that tell of a session, of load or of a cache say nothing about their path.
fn says_something(status: StatusCode) -> bool {
    let passing = [
        StatusCode::UNAUTHORIZED,
        StatusCode::FORBIDDEN,
        StatusCode::REQUEST_TIMEOUT,
        StatusCode::TOO_MANY_REQUESTS,
        StatusCode::PARTIAL_CONTENT,
        StatusCode::NOT_MODIFIED,
    ];
    !status.is_server_error() && !passing.contains(&status)
}

/// An answer that passes by.
struct Record {
    recorder: Recorder,
    called: String,
    place: PathBuf,
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

/// What a file of the folder says of an answer that is more than a body.
#[derive(Serialize)]
struct Written {
    status: u16,
    template: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    body_file: Option<String>,
    headers: BTreeMap<String, String>,
}

impl Record {
    fn write(self) {
        let called = self.called.clone();
        match self.save() {
            Ok(Some(file)) => tracing::info!("recorded {called} in {}", file.display()),
            Ok(None) => tracing::debug!("{called} has been recorded before"),
            Err(error) => tracing::warn!(%error, "{called} could not be recorded"),
        }
    }

    /// Where it was written, or nowhere if there is a stub already.
    fn save(self) -> io::Result<Option<PathBuf>> {
        let stem = self.recorder.root.join(&self.place);
        let folder = stem.parent().unwrap_or(&self.recorder.root);
        fs::create_dir_all(folder)?;
        if !folder.canonicalize()?.starts_with(&self.recorder.root) {
            return Err(io::Error::other(format!("{} leads elsewhere", folder.display())));
        }
        let with = |extension: &str| PathBuf::from(format!("{}.{extension}", stem.display()));
        let known = Kind::ALL.iter().map(|(_, extension, _)| *extension).chain(["toml"]);
        if known.into_iter().any(|extension| with(extension).symlink_metadata().is_ok()) {
            return Ok(None);
        }
        let content_type = self.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let kind = Kind::of_content_type(content_type.unwrap_or_default());
        // In what nobody can read, nobody can find secrets.
        let is_readable = kind == Kind::Bytes || std::str::from_utf8(&self.body).is_ok();
        if !is_readable || self.headers.contains_key(header::CONTENT_ENCODING) {
            return Err(io::Error::other("its body is encoded, or no UTF-8"));
        }
        let body = scrub::body(kind, &self.body);
        let file = with(kind.extension());
        let headers = self.kept_headers();
        let is_plain = self.status == StatusCode::OK
            && headers.len() == 1
            && content_type == Some(kind.content_type())
            && !looks_like_a_template(&body);
        if is_plain {
            return put(&file, &body).map(|is_new| is_new.then_some(file));
        }
        let body_file = file.file_name().filter(|_| !body.is_empty()).and_then(|name| name.to_str());
        let body_file = body_file.map(str::to_owned);
        let written = Written { status: self.status.as_u16(), template: false, body_file, headers };
        let text = toml::to_string(&written).map_err(io::Error::other)?;
        if !body.is_empty() {
            put(&file, &body)?;
        }
        let recipe = with("toml");
        put(&recipe, text.as_bytes()).map(|is_new| is_new.then_some(recipe))
    }

    fn kept_headers(&self) -> BTreeMap<String, String> {
        let kept = self.headers.iter().filter(|(name, _)| {
            let is_paging = PAGING.iter().any(|word| name.as_str().contains(word));
            KEPT.contains(name) || (is_paging && !scrub::is_secret(name.as_str()))
        });
        let text =
            kept.filter_map(|(name, value)| Some((name.to_string(), scrub::text(value.to_str().ok()?))));
        text.collect()
    }
}

fn looks_like_a_template(body: &[u8]) -> bool {
    body.windows(2).any(|pair| matches!(pair, b"{{" | b"{%" | b"{#"))
}

/// Writes a file that is not there yet, whole or not at all, for nobody else to read.
fn put(file: &Path, bytes: &[u8]) -> io::Result<bool> {
    let folder = file.parent().unwrap_or(Path::new("."));
    let mut draft = tempfile::Builder::new().prefix(".draft-").tempfile_in(folder)?;
    draft.write_all(bytes)?;
    match draft.persist_noclobber(file) {
        Ok(_) => Ok(true),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error.error),
    }
}

/// A body that is kept while it passes.
struct Watched {
    body: Body,
    record: Option<Record>,
}

impl Watched {
    fn keep(&mut self, part: &Bytes) {
        let Some(record) = &mut self.record else { return };
        if record.body.len() + part.len() > LONGEST_BODY {
            tracing::warn!("{} is not recorded: it is longer than {LONGEST_BODY} bytes", record.called);
            self.record = None;
        } else {
            record.body.extend_from_slice(part);
        }
    }

    fn finish(&mut self) {
        if let Some(record) = self.record.take() {
            // Writing stops the thread that does it.
            tokio::task::spawn_blocking(move || record.write());
        }
    }
}

impl Frames for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        match &polled {
            Poll::Pending => {}
            Poll::Ready(Some(Err(_))) => self.record = None,
            Poll::Ready(Some(Ok(frame))) => {
                frame.data_ref().into_iter().for_each(|part| self.keep(part));
                // Nobody asks again after the last byte that was promised.
                if self.body.is_end_stream() {
                    self.finish();
                }
            }
            Poll::Ready(None) => self.finish(),
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
