//! `/latchkey/v1/roles`: what people read about a role, for which v3 has no request.

use super::named;
use crate::app::App;
use crate::http::body::Body;
use crate::http::caller::Session;
use crate::http::docs::Problems;
use crate::http::error::ApiError;
use crate::http::reply;
use crate::http::v3::people::{self, LONG};
use axum::extract::{Path, State};
use axum::response::Response;
use domain::access;
use domain::role::{self, AnyRole};
use wire::RoleId;
use wire::error::Code;
use wire::latchkey::RoleChange;

/// Say something else about a role.
#[utoipa::path(patch, path = "/latchkey/v1/roles/{id}", tag = "roles", security(("ids_session" = [])),
    params(("id" = String, Path)), request_body = RoleChange,
    responses((status = 200, description = "The role as it is now", body = wire::v3::admin::Role), Problems))]
pub async fn change(
    State(app): State<App>,
    Session(caller): Session,
    Path(id): Path<String>,
    body: Body,
) -> Result<Response, ApiError> {
    let id: RoleId = named(&id)?;
    let over = access::over_role(&app.cx, &caller, &id.base62()).await?;
    let RoleChange { description } = body.typed()?;
    if description.chars().count() > LONG {
        return Err(ApiError::new(Code::BadRequest, "the field description is longer than 2000 characters"));
    }
    let role = role::describe(&app.cx, over, description).await?;
    Ok(reply::json(&people::role(&AnyRole::Custom(role), true)))
}
