//! What an operator and a load balancer ask.

use super::docs::Refusals;
use super::error::ApiError;
use super::reply;
use crate::app::App;
use crate::metrics::CONTENT_TYPE;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use domain::audit::trail;
use http::{HeaderValue, header};
use serde_json::json;
use wire::error::Code;

/// The process is alive.
#[utoipa::path(get, path = "/healthz", tag = "operations", responses((status = 200, description = "Alive", body = serde_json::Value)))]
pub async fn healthz() -> Response {
    reply::json(&json!({"status": "alive"}))
}

/// The store can be read and written, and there is a key to sign with.
#[utoipa::path(get, path = "/readyz", tag = "operations",
    responses((status = 200, description = "Ready", body = serde_json::Value), Refusals))]
pub async fn readyz(State(app): State<App>) -> Result<Response, ApiError> {
    app.is_ready().await?;
    Ok(reply::json(&json!({"status": "ready"})))
}

/// Numbers for Prometheus, unless they have an address of their own.
#[utoipa::path(get, path = "/metrics", tag = "operations",
    responses((status = 200, description = "OpenMetrics text", body = String, content_type = "application/openmetrics-text"), Refusals))]
pub async fn metrics(State(app): State<App>) -> Result<Response, ApiError> {
    if app.metrics_elsewhere {
        return Err(ApiError::new(Code::NotFound, "the metrics have an address of their own"));
    }
    Ok(numbers_alone(State(app)).await)
}

/// The numbers, at an address of their own.
pub async fn numbers_alone(State(app): State<App>) -> Response {
    app.metrics.not_recorded(trail::not_recorded(&app.cx));
    // Now, and not when a job came to it: a job may be waiting for the database.
    app.metrics.heard(app.store.news_age());
    app.metrics.lags(app.store.lag());
    ([(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE))], app.metrics.encode()).into_response()
}
