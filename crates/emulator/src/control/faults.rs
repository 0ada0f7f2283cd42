//! `/_emulator/faults`: what goes wrong, and when.

use super::problem::Problem;
use super::{Control, json};
use crate::faults::scripts::Script;
use crate::faults::{self, FaultId, Standing};
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::Response;
use domain::time::Clock;
use serde::Serialize;

/// How many there were.
#[derive(Serialize)]
struct Removed {
    removed: usize,
}

pub async fn list(State(control): State<Control>) -> Response {
    #[derive(Serialize)]
    struct Listing {
        faults: Vec<Standing>,
        scripts: Vec<Named>,
    }
    #[derive(Serialize)]
    struct Named {
        name: &'static str,
        about: &'static str,
    }
    let scripts = Script::ALL.iter().map(|script| Named { name: script.name, about: script.about });
    json(&Listing { faults: control.emulator.faults.list(), scripts: scripts.collect() })
}

pub async fn add(State(control): State<Control>, body: Bytes) -> Result<Response, Problem> {
    #[derive(Serialize)]
    struct Added {
        added: Vec<FaultId>,
    }
    let rules = faults::asked_for(&body).map_err(|error| Problem::bad_request(error.to_string()))?;
    let now = control.emulator.clock.now();
    let added = control.emulator.faults.add_all(rules, now);
    Ok(json(&Added { added: added.map_err(|error| Problem::bad_request(error.to_string()))? }))
}

pub async fn clear(State(control): State<Control>) -> Response {
    json(&Removed { removed: control.emulator.faults.clear() })
}

pub async fn remove(State(control): State<Control>, Path(name): Path<String>) -> Result<Response, Problem> {
    match control.emulator.faults.remove(&name) {
        0 => Err(Problem::not_found(format!("there is no fault {name}"))),
        removed => Ok(json(&Removed { removed })),
    }
}
