//! `/_emulator/stubs`: answers that a test adds for paths that the service does not own.

use super::problem::Problem;
use super::{Control, json, read};
use crate::stubs::memory::Spec;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Serialize;

pub async fn list(State(control): State<Control>) -> Response {
    #[derive(Serialize)]
    struct Listing {
        stubs: Vec<Spec>,
    }
    json(&Listing { stubs: control.emulator.elsewhere.stubs.memory.list() })
}

pub async fn add(State(control): State<Control>, body: Bytes) -> Result<StatusCode, Problem> {
    let spec: Spec = read(&body)?;
    let added = control.emulator.elsewhere.stubs.memory.add(spec);
    added.map(|()| StatusCode::CREATED).map_err(|broken| Problem::bad_request(broken.to_string()))
}

pub async fn clear(State(control): State<Control>) -> StatusCode {
    control.emulator.elsewhere.stubs.memory.clear();
    StatusCode::NO_CONTENT
}
