//! `/scim-service/v2/Groups` (RFC 7643 section 4.2).

use super::{Asking, Scim, asked, base, created, json, location, tagged};
use crate::app::App;
use crate::http::body::{Body, Ignored};
use crate::http::docs::ScimRefusals;
use crate::http::error::ApiError;
use crate::http::reply;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use domain::access::Provisioner;
use domain::scim;
use domain::scim::groups;
use domain::scim::users::Change;
use http::HeaderMap;
use wire::scim::List;
use wire::scim::schema::GROUP;

/// List the groups of the org, or those that a filter means.
#[utoipa::path(get, path = "/scim-service/v2/Groups", tag = "scim", security(("scim_token" = [])),
    params(("filter" = Option<String>, Query, description = "RFC 7644 section 3.4.2.2"),
        ("startIndex" = Option<i64>, Query, description = "From 1"),
        ("count" = Option<i64>, Query, description = "At most 200; 100 if absent"),
        ("attributes" = Option<String>, Query), ("excludedAttributes" = Option<String>, Query)),
    responses((status = 200, description = "By name", body = List, content_type = "application/scim+json"), ScimRefusals))]
pub async fn list(
    State(app): State<App>,
    Scim(by): Scim,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let question = asked::question(query.as_deref())?;
    Ok(json(&groups::list(&app.cx, &by, &base(&app), &question).await?))
}

/// Search the groups of the org, with the question in the body.
#[utoipa::path(post, path = "/scim-service/v2/Groups/.search", tag = "scim", security(("scim_token" = [])),
    request_body(content = serde_json::Value, content_type = "application/scim+json"),
    responses((status = 200, description = "By name", body = List, content_type = "application/scim+json"), ScimRefusals))]
pub async fn search(State(app): State<App>, Scim(by): Scim, body: Body) -> Result<Response, ApiError> {
    Ok(json(&groups::list(&app.cx, &by, &base(&app), &asked::search(&body)?).await?))
}

/// Add a group.
#[utoipa::path(post, path = "/scim-service/v2/Groups", tag = "scim", security(("scim_token" = [])),
    request_body(content = serde_json::Value, content_type = "application/scim+json"),
    responses((status = 201, description = "The new group", body = serde_json::Value, content_type = "application/scim+json"), ScimRefusals))]
pub async fn add(
    State(app): State<App>,
    Scim(by): Scim,
    RawQuery(query): RawQuery,
    body: Body,
) -> Result<Response, ApiError> {
    let (base, view) = (base(&app), asked::view(query.as_deref())?);
    let new = groups::add(&app.cx, &by, &base, scim::body(body.bytes())?, &view).await?;
    Ok(created(location(&base, GROUP.endpoint, &new.0), new))
}

/// Read a group.
#[utoipa::path(get, path = "/scim-service/v2/Groups/{id}", tag = "scim", security(("scim_token" = [])),
    params(("id" = String, Path), ("attributes" = Option<String>, Query), ("excludedAttributes" = Option<String>, Query)),
    responses((status = 200, description = "The group", body = serde_json::Value, content_type = "application/scim+json"),
        (status = 304, description = "It is as If-None-Match says"), ScimRefusals))]
pub async fn find(
    State(app): State<App>,
    Scim(by): Scim,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let view = asked::view(query.as_deref())?;
    Ok(tagged(groups::find(&app.cx, &by, &base(&app), &id, &view).await?, &headers))
}

/// Put another resource in the place of a group; whom the body does not name leaves it.
#[utoipa::path(put, path = "/scim-service/v2/Groups/{id}", tag = "scim", security(("scim_token" = [])),
    params(("id" = String, Path)), request_body(content = serde_json::Value, content_type = "application/scim+json"),
    responses((status = 200, description = "The group as it is now", body = serde_json::Value, content_type = "application/scim+json"), ScimRefusals))]
pub async fn replace(
    State(app): State<App>,
    Scim(by): Scim,
    Path(id): Path<String>,
    asking: Asking,
    body: Body,
) -> Result<Response, ApiError> {
    changed(&app, &by, &id, (asking, Change::Put(scim::body(body.bytes())?))).await
}

/// Change attributes of a group.
#[utoipa::path(patch, path = "/scim-service/v2/Groups/{id}", tag = "scim", security(("scim_token" = [])),
    params(("id" = String, Path)), request_body(content = serde_json::Value, content_type = "application/scim+json"),
    responses((status = 200, description = "The group as it is now", body = serde_json::Value, content_type = "application/scim+json"), ScimRefusals))]
pub async fn patch(
    State(app): State<App>,
    Scim(by): Scim,
    Path(id): Path<String>,
    asking: Asking,
    body: Body,
) -> Result<Response, ApiError> {
    changed(&app, &by, &id, (asking, Change::patch(&scim::body(body.bytes())?)?)).await
}

/// Remove a group; its members lose what they were by it.
#[utoipa::path(delete, path = "/scim-service/v2/Groups/{id}", tag = "scim", security(("scim_token" = [])),
    params(("id" = String, Path)), responses((status = 204, description = "It is gone"), ScimRefusals))]
pub async fn remove(
    State(app): State<App>,
    Scim(by): Scim,
    Path(id): Path<String>,
    headers: HeaderMap,
    _ignored: Ignored,
) -> Result<Response, ApiError> {
    groups::remove(&app.cx, &by, &id, &asked::expected(&headers)).await?;
    Ok(reply::no_content())
}

async fn changed(
    app: &App,
    by: &Provisioner,
    id: &str,
    (asking, change): (Asking, Change),
) -> Result<Response, ApiError> {
    let base = base(app);
    groups::change(&app.cx, by, &base, (id, &asking.expected), &change).await?;
    Ok(tagged(groups::find(&app.cx, by, &base, id, &asking.view).await?, &HeaderMap::new()))
}
