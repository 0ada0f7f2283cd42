//! `/_emulator/…`: what a test asks of the emulator itself.

mod clock;
mod faults;
mod people;
mod problem;
mod requests;
mod snapshot;
mod stubs;

use crate::emulator::Emulator;
use crate::intercept::vendor_host;
use crate::run::Environment;
use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use http::{HeaderMap, header};
use problem::Problem;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// Before every path of the control.
pub const PREFIX: &str = "/_emulator";

/// No seed is longer.
const LONGEST_BODY: usize = 16 << 20;

/// What every handler shares.
#[derive(Clone)]
pub struct Control {
    /// The run.
    pub emulator: Arc<Emulator>,
    /// What a program needs to reach it.
    pub environment: Arc<Environment>,
}

/// Every path on one screen.
pub fn router(control: Control) -> Router {
    let paths = Router::new()
        .route("/", get(overview))
        .route("/clock", get(clock::show).post(clock::change))
        .route("/snapshot", post(snapshot::keep))
        .route("/restore", post(snapshot::go_back))
        .route("/reset", post(snapshot::reset))
        .route("/seed", post(people::seed))
        .route("/orgs", post(people::orgs))
        .route("/users", get(people::list))
        .route("/environment", get(environment))
        .route("/keys/rotate", post(snapshot::rotate_keys))
        .route("/faults", get(faults::list).post(faults::add).delete(faults::clear))
        .route("/faults/{name}", delete(faults::remove))
        .route("/requests", get(requests::list).delete(requests::clear))
        .route("/requests/count", get(requests::count))
        .route("/stubs", get(stubs::list).post(stubs::add).delete(stubs::clear));
    Router::new()
        .nest(PREFIX, paths)
        .fallback(|| async { Problem::not_found(format!("nothing is here: GET {PREFIX}/ lists what is")) })
        .method_not_allowed_fallback(|| async { Problem::wrong_method() })
        .layer(DefaultBodyLimit::max(LONGEST_BODY))
        .with_state(control)
}

/// The answer to a request that is not local.
pub fn foreign() -> Response {
    Problem::foreign().into_response()
}

/// Whether a request was made by no page of another site.
pub fn is_no_page(headers: &HeaderMap) -> bool {
    !headers.contains_key(header::ORIGIN)
}

/// Whether a request was made for this machine, or for a host of the vendor.
///
/// A browser sends what a page asks for to any address that the page's name resolves to; the `Host` header tells.
pub fn is_local(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(header::HOST) else { return true };
    let host = host.to_str().unwrap_or("?").to_ascii_lowercase();
    let name = host.rsplit_once(':').map_or(host.as_str(), |(name, _port)| name);
    matches!(name, "127.0.0.1" | "localhost" | "[::1]")
        || name.ends_with(".localhost")
        || vendor_host(name).is_some()
}

const PATHS: [&str; 15] = [
    "GET  clock                 what time it is",
    "POST clock                 {\"advance\":\"31m\"}, {\"set\":\"2026-08-22T10:00:00Z\"}, {\"freeze\":true}, {\"rate\":60}",
    "POST snapshot              keep this moment: {\"snapshot\":1}",
    "POST restore               {\"snapshot\":1} goes back to it",
    "POST reset                 go back to the beginning",
    "POST seed                  add orgs and users: a seed file, as TOML or JSON",
    "POST orgs                  {\"count\":1000} adds as many orgs, each with an administrator",
    "GET  users                 who is there, with passwords",
    "GET  environment           what a program needs in its environment to reach the emulator",
    "POST keys/rotate           replace the signing key",
    "GET, POST, DELETE faults   what goes wrong; {\"script\":\"flaky-login\"}",
    "DELETE faults/NAME",
    "GET, DELETE requests       what was asked; ?path=&method=&status=&user=…",
    "GET  requests/count        the same, counted: {\"count\":3}",
    "GET, POST, DELETE stubs    answers for paths that the service does not own",
];

async fn overview(State(control): State<Control>) -> Response {
    #[derive(Serialize)]
    struct Overview {
        latchkey: &'static str,
        issuer: &'static str,
        url: String,
        now: String,
        paths: [&'static str; PATHS.len()],
    }
    json(&Overview {
        latchkey: env!("CARGO_PKG_VERSION"),
        issuer: wire::jwt::EMULATOR_ISSUER,
        url: control.environment.url.clone(),
        now: domain::time::Clock::now(&*control.emulator.clock).rfc3339(),
        paths: PATHS,
    })
}

async fn environment(State(control): State<Control>) -> Response {
    let variables = control.environment.variables.iter().cloned();
    json(&variables.collect::<std::collections::BTreeMap<_, _>>())
}

fn json(body: &impl Serialize) -> Response {
    server::http::reply::json(body)
}

/// Reads a body, whatever its content type says; one that is empty stands for `{}`.
fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let body = if body.trim_ascii().is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|error| Problem::bad_request(format!("the body: {error}")))
}
