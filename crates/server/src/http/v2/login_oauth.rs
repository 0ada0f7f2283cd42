//! `POST /ma/api/v2/user/loginOAuth` (protocol.md 4.3).

use super::people;
use crate::app::App;
use crate::http::body::Body;
use crate::http::docs::FlatRefusals;
use crate::http::error::ApiError;
use crate::http::reply::{self, Format};
use axum::extract::State;
use axum::response::Response;
use domain::audit::Door;
use domain::method::bearer::LONGEST;
use domain::roster;
use http::HeaderMap;
use wire::error::Code;
use wire::federation::LoginOAuthRequest;
use wire::v2::User;

/// Sign in with a token of an identity provider that the org has registered; each token opens one session.
#[utoipa::path(post, path = "/ma/api/v2/user/loginOAuth", tag = "sign in",
    request_body(content((LoginOAuthRequest = "application/json"), (LoginOAuthRequest = "application/x-www-form-urlencoded"))),
    responses((status = 200, description = "A new session", body = User), FlatRefusals))]
pub async fn login_oauth(
    State(app): State<App>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let fields = body.any_format("loginOAuth")?;
    let assertion = fields.required("oauthToken", LONGEST)?.clone();
    let org = fields.required("orgId", 36)?.expose().parse();
    let no_id = "Bad Request. Please check your request: the field orgId is not an id.";
    let org = org.map_err(|_| ApiError::new(Code::BadRequest, no_id))?;
    let opened = app.sign_in_with_bearer(org, assertion, body.visit(Door::V2)).await?;
    roster::came_from(&app.cx, &opened.caller, &body.origin());
    Ok(reply::v2(Format::asked_for(&headers), &people::user(&app, opened.caller.user(), Some(&opened.id))))
}
