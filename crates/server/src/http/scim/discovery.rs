//! What SCIM says about itself (RFC 7644 section 4).

use super::{Scim, base, json};
use crate::app::App;
use crate::http::body::Ignored;
use crate::http::docs::ScimRefusals;
use crate::http::error::ApiError;
use axum::extract::{Path, State};
use axum::response::Response;
use wire::error::Code;
use wire::scim::{List, Resource, meta};

/// What can be asked of this service.
#[utoipa::path(get, path = "/scim-service/v2/ServiceProviderConfig", tag = "scim", security(("scim_token" = [])),
    responses((status = 200, description = "The configuration", body = serde_json::Value, content_type = "application/scim+json"), ScimRefusals))]
pub async fn configuration(State(app): State<App>, _: Scim) -> Result<Response, ApiError> {
    Ok(json(&meta::configuration(&base(&app))))
}

/// The kinds of resources.
#[utoipa::path(get, path = "/scim-service/v2/ResourceTypes", tag = "scim", security(("scim_token" = [])),
    responses((status = 200, description = "User and Group", body = List, content_type = "application/scim+json"), ScimRefusals))]
pub async fn resource_types(State(app): State<App>, _: Scim) -> Result<Response, ApiError> {
    Ok(json(&List::whole(meta::resource_types(&base(&app)))))
}

/// One kind of resources.
#[utoipa::path(get, path = "/scim-service/v2/ResourceTypes/{id}", tag = "scim", security(("scim_token" = [])),
    params(("id" = String, Path)),
    responses((status = 200, description = "The kind", body = serde_json::Value, content_type = "application/scim+json"), ScimRefusals))]
pub async fn resource_type(
    State(app): State<App>,
    _: Scim,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    one(meta::resource_types(&base(&app)), &id)
}

/// The schemas in use.
#[utoipa::path(get, path = "/scim-service/v2/Schemas", tag = "scim", security(("scim_token" = [])),
    responses((status = 200, description = "All of them", body = List, content_type = "application/scim+json"), ScimRefusals))]
pub async fn schemas(State(app): State<App>, _: Scim) -> Result<Response, ApiError> {
    Ok(json(&List::whole(meta::schemas(&base(&app)))))
}

/// One schema.
#[utoipa::path(get, path = "/scim-service/v2/Schemas/{id}", tag = "scim", security(("scim_token" = [])),
    params(("id" = String, Path)),
    responses((status = 200, description = "The schema", body = serde_json::Value, content_type = "application/scim+json"), ScimRefusals))]
pub async fn schema(State(app): State<App>, _: Scim, Path(id): Path<String>) -> Result<Response, ApiError> {
    one(meta::schemas(&base(&app)), &id)
}

/// Not done here: ask Users and Groups each for itself.
#[utoipa::path(post, path = "/scim-service/v2/.search", tag = "scim", security(("scim_token" = [])),
    request_body(content = serde_json::Value, content_type = "application/scim+json"),
    responses((status = 501, description = "Always", body = wire::scim::Error, content_type = "application/scim+json"), ScimRefusals))]
pub async fn search(_: Scim, _: Ignored) -> Result<Response, ApiError> {
    Err(ApiError::new(
        Code::NotImplemented,
        "Users and groups are not searched together: ask /Users/.search or /Groups/.search.",
    ))
}

fn one(all: Vec<Resource>, id: &str) -> Result<Response, ApiError> {
    let is_meant = |it: &Resource| it.get("id").and_then(serde_json::Value::as_str) == Some(id);
    all.into_iter().find(is_meant).map(|it| json(&it)).ok_or_else(ApiError::unknown)
}
