//! `/saas/api/v2/org` (protocol.md 4.8): orgs are read, described and removed; `user/register` makes them.

use super::people;
use crate::app::App;
use crate::http::body::{Body, Ignored};
use crate::http::caller::Session;
use crate::http::docs::FlatRefusals;
use crate::http::error::ApiError;
use crate::http::reply::{self, Format};
use axum::extract::{Path, State};
use axum::response::Response;
use domain::{access, org};
use http::HeaderMap;
use wire::v2::Success;
use wire::v2::admin::{Org, OrgChange};

/// The org of the caller.
#[utoipa::path(get, path = "/saas/api/v2/org", tag = "administration", security(("ic_session" = [])),
    responses((status = 200, description = "The org", body = Org), FlatRefusals))]
pub async fn own(app: State<App>, caller: Session, headers: HeaderMap) -> Result<Response, ApiError> {
    let id = caller.0.org().id.base62();
    by_id(app, caller, headers, Path(id)).await
}

/// An org by id: the caller's, or one below it.
#[utoipa::path(get, path = "/saas/api/v2/org/{id}", tag = "administration", security(("ic_session" = [])),
    params(("id" = String, Path)), responses((status = 200, description = "The org", body = Org), FlatRefusals))]
pub async fn by_id(
    State(app): State<App>,
    Session(caller): Session,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let permit = access::permit(&app.cx, &caller, people::id(&id)?).await?;
    let shown = org::show(&app.cx, &permit).await?.ok_or_else(ApiError::unknown)?;
    Ok(reply::v2(Format::asked_for(&headers), &people::org(&app, &shown)))
}

/// An org by name: the caller's, or one right below it.
#[utoipa::path(get, path = "/saas/api/v2/org/name/{name}", tag = "administration", security(("ic_session" = [])),
    params(("name" = String, Path)), responses((status = 200, description = "The org", body = Org), FlatRefusals))]
pub async fn by_name(
    State(app): State<App>,
    Session(caller): Session,
    headers: HeaderMap,
    Path(name): Path<String>,
) -> Result<Response, ApiError> {
    let permit = access::permit(&app.cx, &caller, caller.org().id).await?;
    let shown = org::named(&app.cx, &permit, &name).await?.ok_or_else(ApiError::unknown)?;
    Ok(reply::v2(Format::asked_for(&headers), &people::org(&app, &shown)))
}

/// Change what people read about an org.
#[utoipa::path(post, path = "/saas/api/v2/org/{id}", tag = "administration", security(("ic_session" = [])),
    params(("id" = String, Path)), request_body = OrgChange,
    responses((status = 200, description = "The org as it is now", body = Org), FlatRefusals))]
pub async fn change(
    State(app): State<App>,
    Session(caller): Session,
    headers: HeaderMap,
    Path(id): Path<String>,
    body: Body,
) -> Result<Response, ApiError> {
    let id = people::id(&id)?;
    let over = access::over_org(&app.cx, &caller, id).await?;
    let permit = access::permit(&app.cx, &caller, id).await?;
    let change = people::org_change(&body.any_format("org")?, &over.thing().profile)?;
    org::change(&app.cx, over, change).await?;
    let shown = org::show(&app.cx, &permit).await?.ok_or_else(ApiError::unknown)?;
    Ok(reply::v2(Format::asked_for(&headers), &people::org(&app, &shown)))
}

/// Remove an org below that of the caller with everything in it; its sessions end at once.
#[utoipa::path(delete, path = "/saas/api/v2/org/{id}", tag = "administration", security(("ic_session" = [])),
    params(("id" = String, Path)), responses((status = 200, description = "It is gone", body = Success), FlatRefusals))]
pub async fn remove(
    State(app): State<App>,
    Session(caller): Session,
    headers: HeaderMap,
    Path(id): Path<String>,
    _ignored: Ignored,
) -> Result<Response, ApiError> {
    let over = access::remove_org(&app.cx, &caller, people::id(&id)?).await?;
    org::remove(&app.cx, over).await?;
    Ok(reply::v2(Format::asked_for(&headers), &Success { kind: "success" }))
}
