//! `POST /saas/public/core/v3/logout` (protocol.md 5.2).

use crate::app::App;
use crate::http::body::Ignored;
use crate::http::caller::Session;
use crate::http::docs::Refusals;
use crate::http::error::ApiError;
use crate::http::reply;
use axum::extract::State;
use axum::response::Response;

/// End the session, for every header and the cookie.
#[utoipa::path(post, path = "/saas/public/core/v3/logout", tag = "sign out", security(("infa_session" = [])),
    responses((status = 200, description = "The session has ended"), Refusals))]
pub async fn logout(
    State(app): State<App>,
    Session(caller): Session,
    _ignored: Ignored,
) -> Result<Response, ApiError> {
    app.sign_out(caller).await?;
    Ok(reply::empty())
}
