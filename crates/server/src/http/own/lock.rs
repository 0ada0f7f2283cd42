//! `/latchkey/v1/users/{id}/lock`: the lock on a name, lifted.

use super::named;
use crate::app::App;
use crate::http::body::Ignored;
use crate::http::caller::Session;
use crate::http::docs::Problems;
use crate::http::error::ApiError;
use crate::http::reply;
use axum::extract::{Path, State};
use axum::response::Response;
use domain::{access, attempts};

/// Forget the failures of a user, and lift the lock on its name.
#[utoipa::path(delete, path = "/latchkey/v1/users/{id}/lock", tag = "policy", security(("ids_session" = [])),
    params(("id" = String, Path)), responses((status = 204, description = "It may try again"), Problems))]
pub async fn lift(
    State(app): State<App>,
    Session(caller): Session,
    Path(id): Path<String>,
    _ignored: Ignored,
) -> Result<Response, ApiError> {
    let over = access::over_user(&app.cx, &caller, named(&id)?).await?;
    attempts::lift(&app.cx, &over).await?;
    Ok(reply::no_content())
}
