//! `GET /session-service/api/v1/session/User`: how a resource server checks a session (protocol.md 2.4).

use crate::app::App;
use crate::http::caller::Session;
use crate::http::docs::Refusals;
use axum::extract::State;
use axum::response::Response;
use wire::v1::SessionUser;

/// Check a session: 200 with user and org, else 401.
#[utoipa::path(get, path = "/session-service/api/v1/session/User", tag = "check", security(("ids_session" = [])),
    responses((status = 200, description = "The session and its owner", body = SessionUser), Refusals))]
pub async fn user(State(app): State<App>, Session(caller): Session) -> Response {
    app.told.session_user(&app, &caller)
}
