//! `/_emulator/clock`: what time it is, and how it goes on.

use super::problem::Problem;
use super::{Control, json, read};
use crate::clock::{FASTEST, MovableClock};
use crate::faults::span::Span;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use domain::time::{Clock, NotATime, Timestamp};
use serde::{Deserialize, Serialize};

/// What is asked of the clock; the parts are done in this order.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    set: Option<String>,
    advance: Option<Span>,
    freeze: Option<bool>,
    rate: Option<f64>,
}

pub async fn show(State(control): State<Control>) -> Response {
    shown(&control.emulator.clock)
}

pub async fn change(State(control): State<Control>, body: Bytes) -> Result<Response, Problem> {
    let Change { set, advance, freeze, rate } = read(&body)?;
    if rate.is_some_and(|rate| !(0.0..=FASTEST).contains(&rate)) {
        return Err(Problem::bad_request(format!("rate is a number from 0 to {FASTEST}")));
    }
    let set: Option<Timestamp> = set
        .map(|text| text.parse())
        .transpose()
        .map_err(|error: NotATime| Problem::bad_request(format!("set: {error}")))?;
    let clock = &control.emulator.clock;
    set.into_iter().for_each(|to| clock.set(to));
    advance.into_iter().for_each(|Span(by)| clock.advance(by));
    freeze.into_iter().for_each(|frozen| clock.freeze(frozen));
    rate.into_iter().for_each(|rate| clock.hurry(rate));
    control.emulator.tidy().await?;
    Ok(shown(clock))
}

fn shown(clock: &MovableClock) -> Response {
    #[derive(Serialize)]
    struct Shown {
        now: String,
        frozen: bool,
        rate: f64,
    }
    let motion = clock.motion();
    json(&Shown { now: clock.now().rfc3339(), frozen: motion.is_frozen(), rate: motion.rate() })
}
