//! `POST /ma/api/v2/user/login` (protocol.md 4.1, and the seed's `LoginResponse`).

use super::people;
use crate::app::App;
use crate::http::body::{Body, Credentials};
use crate::http::docs::FlatRefusals;
use crate::http::error::ApiError;
use crate::http::reply::{self, Format};
use axum::extract::State;
use axum::response::Response;
use domain::audit::Door;
use domain::roster;
use http::HeaderMap;
use wire::v2::{LoginRequest, User};

/// Sign in with a name and a password.
#[utoipa::path(post, path = "/ma/api/v2/user/login", tag = "sign in",
    request_body(content((LoginRequest = "application/json"), (LoginRequest = "application/x-www-form-urlencoded"))),
    responses((status = 200, description = "A new session", body = User), FlatRefusals))]
pub async fn login(State(app): State<App>, headers: HeaderMap, body: Body) -> Result<Response, ApiError> {
    let origin = body.origin();
    let visit = body.visit(Door::V2);
    let credentials = Credentials::try_from(body.any_format("login")?)?;
    let opened = app.sign_in(credentials, visit).await?;
    roster::came_from(&app.cx, &opened.caller, &origin);
    Ok(reply::v2(Format::asked_for(&headers), &people::user(&app, opened.caller.user(), Some(&opened.id))))
}
