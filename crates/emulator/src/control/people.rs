//! `/_emulator/seed`, `orgs` and `users`: who is there.

use super::problem::Problem;
use super::{Control, json, read};
use crate::seed::Person;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use domain::founding::{FoundingError, NewOrg};
use serde::{Deserialize, Serialize};
use server::seed;

/// More orgs than this in one call are more than a test can mean.
const MOST_ORGS: u32 = 100_000;

pub async fn list(State(control): State<Control>) -> Response {
    json(&control.emulator.people())
}

pub async fn seed(State(control): State<Control>, body: Bytes) -> Result<Response, Problem> {
    let text = std::str::from_utf8(&body).map_err(|_| Problem::bad_request("a seed is UTF-8"))?;
    let is_json = text.trim_start().starts_with('{');
    let text = if is_json { as_toml(text)? } else { text.to_owned() };
    let orgs = seed::parse(&text).map_err(|error| Problem::bad_request(format!("the seed: {error}")))?;
    add(control, orgs).await
}

/// JSON of the same structure as a seed file.
fn as_toml(text: &str) -> Result<String, Problem> {
    let seed: serde_json::Value = read(text.as_bytes())?;
    toml::to_string(&seed).map_err(|error| Problem::bad_request(format!("the seed: {error}")))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Orgs {
    count: u32,
}

pub async fn orgs(State(control): State<Control>, body: Bytes) -> Result<Response, Problem> {
    let Orgs { count } = read(&body)?;
    if !(1..=MOST_ORGS).contains(&count) {
        return Err(Problem::bad_request(format!("count is a number from 1 to {MOST_ORGS}")));
    }
    let before = control.emulator.people().len();
    let orgs = (before..before + count as usize).map(numbered).collect::<Vec<_>>().concat();
    let orgs = seed::parse(&orgs).map_err(|error| Problem::bad_request(error.to_string()))?;
    add(control, orgs).await
}

fn numbered(number: usize) -> String {
    format!(
        "[[org]]\nname = \"Org {number}\"\n[[org.user]]\nname = \"admin{number}\"\npassword = \"Emulated-1!\"\n\
         description = \"administers Org {number}\"\nroles = [\"Admin\"]\n"
    )
}

async fn add(control: Control, orgs: Vec<NewOrg>) -> Result<Response, Problem> {
    #[derive(Serialize)]
    struct Added {
        users: Vec<Person>,
    }
    let users = control.emulator.extend(orgs).await.map_err(|error| match error {
        FoundingError::Store(error) => error.into(),
        other => Problem::bad_request(other.to_string()),
    })?;
    Ok(json(&Added { users }))
}
