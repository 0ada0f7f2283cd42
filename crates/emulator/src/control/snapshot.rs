//! `/_emulator/snapshot`, `restore`, `reset` and `keys/rotate`: what happens to the whole world at once.

use super::problem::Problem;
use super::{Control, json, read};
use crate::emulator::RestoreError;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};

/// The number of a moment that was kept.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Number {
    snapshot: u64,
}

pub async fn keep(State(control): State<Control>) -> Result<Response, Problem> {
    Ok(json(&Number { snapshot: control.emulator.keep().await? }))
}

pub async fn go_back(State(control): State<Control>, body: Bytes) -> Result<Response, Problem> {
    let Number { snapshot } = read(&body)?;
    control.emulator.go_back(snapshot).await.map_err(|error| match error {
        RestoreError::Unknown(_) => Problem::not_found(error.to_string()),
        RestoreError::Store(error) => error.into(),
    })?;
    Ok(super::clock::show(State(control)).await)
}

pub async fn reset(State(control): State<Control>) -> Result<Response, Problem> {
    control.emulator.reset().await?;
    Ok(super::clock::show(State(control)).await)
}

pub async fn rotate_keys(State(control): State<Control>) -> Result<Response, Problem> {
    #[derive(Serialize)]
    struct Rotated {
        kid: String,
    }
    Ok(json(&Rotated { kid: control.emulator.world().await.rotate_keys().await? }))
}
