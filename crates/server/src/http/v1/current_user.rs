//! `GET /identity-service/api/v1/CurrentUserInfo` (protocol.md 2.3).

use super::session_user;
use crate::app::App;
use crate::http::caller::Session;
use crate::http::docs::Refusals;
use crate::http::reply;
use axum::extract::State;
use axum::response::Response;
use wire::v1::SessionUser;

/// Who holds the session.
#[utoipa::path(get, path = "/identity-service/api/v1/CurrentUserInfo", tag = "check", security(("ids_session" = [])),
    responses((status = 200, description = "The session and its owner", body = SessionUser), Refusals))]
pub async fn current_user(State(app): State<App>, Session(caller): Session) -> Response {
    reply::json(&session_user(&app, &caller))
}
