//! `/_emulator/requests`: what was asked.

use super::problem::Problem;
use super::{Control, json};
use crate::journal::Filter;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::StatusCode;

pub async fn list(State(control): State<Control>, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    Ok(json(&control.emulator.journal.list(&filter(query)?)))
}

pub async fn count(State(control): State<Control>, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    Ok(json(&control.emulator.journal.count(&filter(query)?)))
}

pub async fn clear(State(control): State<Control>) -> StatusCode {
    control.emulator.journal.clear();
    StatusCode::NO_CONTENT
}

fn filter(query: Option<String>) -> Result<Filter, Problem> {
    Filter::read(&query.unwrap_or_default()).map_err(|error| Problem::bad_request(error.to_string()))
}
