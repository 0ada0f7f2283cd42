//! `POST /identity-service/api/v1/Login` (protocol.md 2.1).

use super::session_user;
use crate::app::App;
use crate::http::body::{Body, Credentials};
use crate::http::docs::Refusals;
use crate::http::error::ApiError;
use crate::http::reply;
use axum::extract::State;
use axum::response::Response;
use domain::audit::Door;
use domain::roster;
use wire::v1::{LoginReply, LoginRequest};

/// Sign in with a name and a password.
#[utoipa::path(post, path = "/identity-service/api/v1/Login", tag = "sign in", request_body = LoginRequest,
    responses((status = 200, description = "A new session", body = LoginReply), Refusals))]
pub async fn login(State(app): State<App>, body: Body) -> Result<Response, ApiError> {
    let origin = body.origin();
    let visit = body.visit(Door::V1);
    let credentials = Credentials::try_from(body.json_with_comma()?)?;
    let opened = app.sign_in(credentials, visit).await?;
    roster::came_from(&app.cx, &opened.caller, &origin);
    Ok(reply::json(&LoginReply { session_id: opened.id, user: session_user(&app, &opened.caller) }))
}
