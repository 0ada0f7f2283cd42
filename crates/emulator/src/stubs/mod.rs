//! Beyond signing in: paths that the service does not own, answered by stubs or by an upstream once the caller is known.

pub mod admit;
pub mod files;
pub mod memory;
pub mod name;
pub mod record;
pub mod scene;
pub mod scrub;
pub mod stub;
pub mod template;
pub mod upload;
pub mod upstream;

use crate::asked::Asked;
use crate::journal::By;
use admit::Refusal;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use domain::access::Visitor;
use files::{Files, Found, StubError};
use http::{HeaderValue, Method, StatusCode};
use http_body_util::BodyExt;
use memory::Memory;
use scene::Setting;
use server::app::App;
use server::http::error::{ApiError, Family, envelope};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use stub::{Broken, Kind, LONGEST_BODY};
use upstream::Upstream;
use wire::error::Code;

/// The stubs of an emulator: those that a test added, then those in files.
#[derive(Debug, Default)]
pub struct Stubs {
    /// Those that were added while the emulator runs.
    pub memory: Memory,
    files: Option<Arc<Files>>,
}

impl Stubs {
    /// Stubs in a folder, and those that will be added.
    pub fn load(folder: &Path) -> Result<Self, StubError> {
        Ok(Self { memory: Memory::default(), files: Some(Arc::new(Files::at(folder)?)) })
    }

    /// The stub that fits a request, if there is one.
    pub async fn find(&self, method: &Method, path: &str) -> Result<Option<Found>, Broken> {
        let Some(segments) = name::segments(path) else {
            return Ok(None);
        };
        let method = method.clone();
        if let Some(found) = self.memory.find(&methods(&method), &segments) {
            return Ok(Some(found));
        }
        let Some(files) = self.files.clone() else {
            return Ok(None);
        };
        // Reading a folder stops the thread that does it.
        let reading = tokio::task::spawn_blocking(move || files.find(&methods(&method), &segments));
        reading.await.unwrap_or_else(|_| Err(Broken::at("the stubs", "reading them failed")))
    }

    /// How one would add a stub for a request.
    fn advice(&self, asked: &Asked) -> String {
        let (method, path) = (&asked.method, &asked.path);
        let call = "POST {\"method\", \"path\", \"body\"} to /_emulator/stubs";
        let Some(place) = name::place(method, path) else {
            return format!("No stub answers {method} {path}. To add one, {call}.");
        };
        match &self.files {
            Some(files) => {
                let file = files.root().join(place);
                format!(
                    "No stub answers {method} {path}. To add one, write {}.json, or {call}.",
                    file.display()
                )
            }
            None => {
                let file = PathBuf::from("DIR").join(place);
                format!(
                    "No stub answers {method} {path}. To add one, write {}.json and start with --stubs DIR, or {call}.",
                    file.display()
                )
            }
        }
    }
}

/// Where a request looks for its stub, one after the other.
fn methods(method: &Method) -> Vec<&str> {
    let own = [method.as_str()].into_iter();
    own.chain((method == Method::HEAD).then_some("GET")).chain(["ANY"]).collect()
}

/// Answers every path that the service does not own.
#[derive(Debug, Default)]
pub struct Elsewhere {
    /// Stubs, which go first.
    pub stubs: Stubs,
    /// Who is asked when no stub fits.
    pub upstream: Option<Upstream>,
}

impl Elsewhere {
    /// Answers, or refuses as the vendor's service at this path would. An error travels bare, for `around` to dress.
    pub async fn answer(&self, app: &App, asked: &Asked, body: Body) -> (By, Response) {
        if asked.method == Method::GET && asked.path == admit::LOGIN_PAGE {
            return (By::Service, admit::login_page());
        }
        match self.turn(app, asked).await {
            Ok(Turn::Stub(found, visitor)) => {
                let answer = found.answer(app, asked, visitor.as_ref(), body).await;
                (By::Stub, answer.map_err(told).into_response())
            }
            Ok(Turn::Upstream(upstream, visitor)) => {
                let sent = upstream.send(asked, &visitor, body).await;
                (By::Upstream, sent.unwrap_or_else(|error| bad_gateway(app, asked, error.to_string())))
            }
            Ok(Turn::Nobody) => {
                kept(body).await;
                (By::Nobody, ApiError::new(Code::NotFound, self.stubs.advice(asked)).into_response())
            }
            Err(refusal) => {
                kept(body).await;
                (By::Service, refusal.into_response())
            }
        }
    }

    async fn turn(&self, app: &App, asked: &Asked) -> Result<Turn<'_>, Refusal> {
        let found = self.stubs.find(&asked.method, &asked.path).await.map_err(told)?;
        if let Some(found) = found.as_ref().filter(|found| found.stub.is_public) {
            return Ok(Turn::Stub(found.clone(), None));
        }
        let visitor = admit::admit(&app.cx, asked).await?;
        Ok(match (found, &self.upstream) {
            (Some(found), _) => Turn::Stub(found, Some(visitor)),
            (None, Some(upstream)) => Turn::Upstream(upstream, visitor),
            (None, None) => Turn::Nobody,
        })
    }
}

/// Who is to answer, and whom.
enum Turn<'a> {
    Stub(Found, Option<Visitor>),
    Upstream(&'a Upstream, Visitor),
    Nobody,
}

fn told(broken: Broken) -> ApiError {
    ApiError::new(Code::Internal, format!("The stub cannot answer: {broken}"))
}

/// 502 in the envelope of the path's family; the service itself has no such status.
fn bad_gateway(app: &App, asked: &Asked, message: String) -> Response {
    let family = Family::of(&asked.path, &asked.headers);
    envelope(family, StatusCode::BAD_GATEWAY, "LK_UPSTREAM", message.into(), app.cx.request_id())
}

impl Found {
    async fn answer(
        &self,
        app: &App,
        asked: &Asked,
        visitor: Option<&Visitor>,
        body: Body,
    ) -> Result<Response, Broken> {
        let sent = kept(body).await;
        let setting = Setting { now: app.cx.now().rfc3339(), base_url: app.saas_url.clone() };
        let scene = scene::scene(setting, asked, &self.kept, visitor, sent.as_deref());
        self.filled(&scene)
    }

    fn filled(&self, scene: &serde_json::Value) -> Result<Response, Broken> {
        let stub = &self.stub;
        let fill = |text: &str, kind| match stub.is_template {
            true => template::fill(&stub.name, text, kind, scene),
            false => Ok(text.to_owned()),
        };
        let body = match std::str::from_utf8(&stub.body) {
            Ok(text) if stub.is_template => fill(text, stub.kind())?.into(),
            _ => stub.body.clone(),
        };
        let mut response = (stub.status, body).into_response();
        response.headers_mut().clear();
        for (name, value) in &stub.headers {
            let value = HeaderValue::try_from(fill(value, Kind::Text)?);
            let value = value.map_err(|_| Broken::at(&stub.name, format!("{name} may not hold that")))?;
            response.headers_mut().append(name, value);
        }
        Ok(response)
    }
}

/// A body as a template sees it, read to its end although one that is longer is forgotten: programs that are not done
/// with sending do not look at an answer.
async fn kept(mut body: Body) -> Option<Vec<u8>> {
    let mut kept = Some(Vec::new());
    while let Some(Ok(frame)) = body.frame().await {
        let Ok(part) = frame.into_data() else { continue };
        kept = kept.filter(|kept: &Vec<u8>| kept.len() + part.len() <= LONGEST_BODY);
        kept.iter_mut().for_each(|kept| kept.extend_from_slice(&part));
    }
    kept
}
