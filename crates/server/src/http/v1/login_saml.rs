//! `POST /identity-service/api/v1/LoginSaml`: ours, for callers of v1 (protocol.md 4.2 has the one of v2).

use super::session_user;
use crate::app::App;
use crate::http::body::Body;
use crate::http::docs::Refusals;
use crate::http::error::ApiError;
use crate::http::{reply, saml};
use axum::extract::State;
use axum::response::Response;
use domain::audit::Door;
use wire::saml::LoginSamlRequest;
use wire::v1::LoginReply;

/// Sign in with a SAML assertion of the org's identity provider; each assertion opens one session.
#[utoipa::path(post, path = "/identity-service/api/v1/LoginSaml", tag = "sign in", request_body = LoginSamlRequest,
    responses((status = 200, description = "A new session", body = LoginReply), Refusals))]
pub async fn login_saml(State(app): State<App>, body: Body) -> Result<Response, ApiError> {
    let opened = saml::sign_in(&app, Door::V1, &body, &body.json()?).await?;
    Ok(reply::json(&LoginReply { session_id: opened.id, user: session_user(&app, &opened.caller) }))
}
