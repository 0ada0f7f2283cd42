//! `POST /ma/api/v2/user/loginSaml` (protocol.md 4.2).

use super::people;
use crate::app::App;
use crate::http::body::Body;
use crate::http::docs::FlatRefusals;
use crate::http::error::ApiError;
use crate::http::reply::{self, Format};
use crate::http::saml;
use axum::extract::State;
use axum::response::Response;
use domain::audit::Door;
use http::HeaderMap;
use wire::saml::LoginSamlRequest;
use wire::v2::User;

/// Sign in with a SAML assertion of the org's identity provider; each assertion opens one session.
#[utoipa::path(post, path = "/ma/api/v2/user/loginSaml", tag = "sign in",
    request_body(content((LoginSamlRequest = "application/json"), (LoginSamlRequest = "application/x-www-form-urlencoded"))),
    responses((status = 200, description = "A new session", body = User), FlatRefusals))]
pub async fn login_saml(
    State(app): State<App>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let opened = saml::sign_in(&app, Door::V2, &body, &body.any_format("loginSaml")?).await?;
    Ok(reply::v2(Format::asked_for(&headers), &people::user(&app, opened.caller.user(), Some(&opened.id))))
}
