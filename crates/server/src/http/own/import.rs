//! `/latchkey/v1/users/import`: many users, line by line in and line by line out, however many there are.

mod intake;
mod row;

use crate::app::App;
use crate::http::caller::{Presented, Session};
use crate::http::docs::Problems;
use crate::http::error::ApiError;
use crate::http::form;
use axum::body::Body;
use axum::extract::{RawQuery, Request, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use domain::access::{self, Caller, Permit, action::ManageUsers};
use domain::import::{self, Mode, Outcome, Row};
use futures_util::stream;
use http::{HeaderValue, header};
use intake::{BATCH_BYTES, Intake};
use std::convert::Infallible;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use wire::OrgId;
use wire::error::Code;
use wire::latchkey::Imported;

/// The answer is a body that is written while the one of the request is still being read.
#[derive(Debug, Clone, Copy)]
pub struct Streams;

/// Bring in users, one JSON object per line, with the hashes of their passwords; each line is answered by one.
#[utoipa::path(post, path = "/latchkey/v1/users/import", tag = "users", security(("ids_session" = [])),
    params(("orgId" = Option<String>, Query, description = "The org; that of the caller if absent"),
        ("dryRun" = Option<bool>, Query, description = "Say what would happen, and write nothing")),
    request_body(content = wire::latchkey::NewUser, content_type = "application/x-ndjson"),
    responses((status = 200, description = "One line per row, in their order", body = Imported,
        content_type = "application/x-ndjson"), Problems))]
pub async fn users(
    State(app): State<App>,
    Session(caller): Session,
    presented: Presented,
    RawQuery(query): RawQuery,
    request: Request,
) -> Result<Response, ApiError> {
    let (org, mode) = asked(&caller, query.as_deref())?;
    let _may: Permit<ManageUsers> = access::permit(&app.cx, &caller, org).await?;
    let room = Arc::clone(&app.room).try_acquire_many_owned(BATCH_BYTES as u32);
    let busy = |_| ApiError::new(Code::Busy, "Too many large bodies at once. Try again in a moment.");
    let (answers, lines) = mpsc::channel(1);
    let intake = Intake::new(request.into_body(), app.limits.body_time());
    let import = Import { app, presented, org, mode, answers, _room: room.map_err(busy)? };
    tokio::spawn(import.run(intake));
    Ok(streamed(lines))
}

/// The org, and whether anything is written.
fn asked(caller: &Caller, query: Option<&str>) -> Result<(OrgId, Mode), ApiError> {
    let unreadable = || ApiError::new(Code::BadRequest, "the query cannot be read");
    let pairs = form::pairs(query.unwrap_or_default()).ok_or_else(unreadable)?;
    let (mut org, mut mode) = (caller.org().id, Mode::Write);
    for (name, value) in pairs {
        match (name.as_str(), value.as_str()) {
            ("orgId", id) => org = id.parse().map_err(|_| ApiError::unknown())?,
            ("dryRun", "true") => mode = Mode::DryRun,
            ("dryRun", "false") => mode = Mode::Write,
            // A dry run that is misspelled must not write.
            ("dryRun", _) => return Err(ApiError::new(Code::BadRequest, "dryRun is neither true nor false")),
            _ => {}
        }
    }
    Ok((org, mode))
}

fn streamed(lines: mpsc::Receiver<Bytes>) -> Response {
    let lines =
        stream::unfold(
            lines,
            |mut lines| async move { Some((Ok::<_, Infallible>(lines.recv().await?), lines)) },
        );
    let kind = HeaderValue::from_static("application/x-ndjson");
    let mut response = ([(header::CONTENT_TYPE, kind)], Body::from_stream(lines)).into_response();
    response.extensions_mut().insert(Streams);
    response
}

/// An import under way. It goes on without its request, so that it can tell who neither sends nor listens any more.
struct Import {
    app: App,
    presented: Presented,
    org: OrgId,
    mode: Mode,
    answers: mpsc::Sender<Bytes>,
    /// Its share of the memory that all bodies may take together.
    _room: OwnedSemaphorePermit,
}

impl Import {
    async fn run(self, mut intake: Intake) {
        let mut rows = 0;
        loop {
            let (lines, end) = intake.batch().await;
            let mut told = match lines.is_empty() {
                true => Vec::new(),
                false => self.batch(rows, &lines).await,
            };
            rows += lines.len() as u64;
            let stopped = told.last().is_some_and(|last| last.result == "stopped");
            told.extend(end.filter(|_| !stopped).and_then(|end| end.reason()).map(|why| stop(rows + 1, why)));
            if !self.tell(&told).await || stopped || end.is_some() {
                return;
            }
        }
    }

    /// Hands on lines of the answer; whether anybody took them in time.
    async fn tell(&self, told: &[Imported]) -> bool {
        let lines: Vec<u8> = told.iter().flat_map(line).collect();
        let patience = self.app.limits.body_time();
        lines.is_empty()
            || matches!(tokio::time::timeout(patience, self.answers.send(lines.into())).await, Ok(Ok(())))
    }

    /// A batch, by whoever the caller is now.
    async fn batch(&self, before: u64, lines: &[Bytes]) -> Vec<Imported> {
        let (rows, mut told) = sorted(before, lines);
        match self.write(rows).await {
            Ok(outcomes) => {
                let open = told.iter_mut().filter(|told| told.result.is_empty());
                open.zip(outcomes).for_each(|(told, outcome)| *told = shown(told.row, outcome));
            }
            Err(why) => {
                told.retain(|told| !told.result.is_empty());
                told.push(stop(before + 1, why));
            }
        }
        told
    }

    async fn write(&self, rows: Vec<Row>) -> Result<Vec<Outcome>, String> {
        let cx = &self.app.cx;
        let gone = |_| "the session has ended, or may not do this any more".to_owned();
        let caller = self.presented.caller(&self.app).await.map_err(gone)?;
        let permit = access::permit(cx, &caller, self.org).await;
        let permit = permit.map_err(|_| "the session has ended, or may not do this any more".to_owned())?;
        import::batch(cx, &caller, &permit, rows, self.mode).await.map_err(|error| {
            tracing::error!(%error, "an import was stopped");
            "the store cannot be used right now".to_owned()
        })
    }
}

/// The rows of a batch, and what is to be said of each: why it is none, or nothing yet.
fn sorted(before: u64, lines: &[Bytes]) -> (Vec<Row>, Vec<Imported>) {
    let (mut rows, mut told) = (Vec::new(), Vec::new());
    for (line, number) in lines.iter().zip(before + 1..) {
        match row::parse(line) {
            Ok(None) => {}
            Ok(Some(row)) => {
                rows.push(row);
                told.push(Imported { row: number, result: "", id: None, reason: None });
            }
            Err(why) => told.push(refused(number, why)),
        }
    }
    (rows, told)
}

fn shown(row: u64, outcome: Outcome) -> Imported {
    let told = |result, id, reason| Imported { row, result, id, reason };
    match outcome {
        Outcome::Added(id) => told("added", Some(id), None),
        Outcome::Unchanged(id) => told("unchanged", Some(id), None),
        Outcome::Refused(refusal) => refused(row, refusal.to_string()),
    }
}

fn refused(row: u64, reason: String) -> Imported {
    Imported { row, result: "refused", id: None, reason: Some(reason) }
}

fn stop(row: u64, reason: impl Into<String>) -> Imported {
    Imported { row, result: "stopped", id: None, reason: Some(reason.into()) }
}

fn line(told: &Imported) -> Vec<u8> {
    // Numbers, ids and words; writing them as JSON cannot fail.
    let mut line = serde_json::to_vec(told).unwrap_or_default();
    line.push(b'\n');
    line
}
