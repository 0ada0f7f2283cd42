//! `/saas/public/core/v3/Users/ChangePassword` and `/ResetPassword` (protocol.md 5.6).

use super::people;
use crate::app::App;
use crate::http::body::Body;
use crate::http::caller::Session;
use crate::http::docs::Refusals;
use crate::http::error::ApiError;
use crate::http::reply;
use axum::extract::State;
use axum::response::Response;
use domain::access;
use domain::audit::Door;
use domain::name::LONGEST;
use domain::password;
use wire::v3::password::{PasswordChange, PasswordReset};

/// Change one's own password with the old one, or as an administrator that of somebody else.
#[utoipa::path(post, path = "/saas/public/core/v3/users/ChangePassword", tag = "administration", security(("infa_session" = [])),
    request_body = PasswordChange, responses((status = 200, description = "It is changed; other sessions of the user have ended"), Refusals))]
pub async fn change(
    State(app): State<App>,
    Session(caller): Session,
    body: Body,
) -> Result<Response, ApiError> {
    let fields = body.json()?;
    let whose = fields.optional("userId", LONGEST)?.map(|id| people::id(id.expose())).transpose()?;
    let new = fields.required("newPassword", LONGEST)?.clone();
    if whose.is_none_or(|id| id == caller.user().id) {
        let old = fields.required("oldPassword", LONGEST)?.clone();
        app.change_own_password(caller, old, new, body.visit(Door::V3)).await?;
    } else if let Some(id) = whose {
        let over = access::over_user(&app.cx, &caller, id).await?;
        password::give(&app.cx, over, new).await?;
    }
    Ok(reply::empty())
}

/// Choose a new password with the answer to the security question instead of the old one; no session is asked for.
#[utoipa::path(post, path = "/saas/public/core/v3/users/ResetPassword", tag = "administration",
    request_body = PasswordReset, responses((status = 200, description = "It is changed; every session of the user has ended"), Refusals))]
pub async fn reset(State(app): State<App>, body: Body) -> Result<Response, ApiError> {
    let fields = body.json()?;
    let whose = fields.required("userId", LONGEST)?.expose().to_owned();
    let answer = fields.required("securityAnswer", LONGEST)?.clone();
    let new = fields.required("newPassword", LONGEST)?.clone();
    app.reset_password(whose, answer, new, body.visit(Door::V3)).await?;
    Ok(reply::empty())
}
