//! `POST /saas/public/core/v3/login` (protocol.md 5.1).

use crate::app::App;
use crate::http::body::{Body, Credentials};
use crate::http::docs::Refusals;
use crate::http::error::ApiError;
use crate::http::reply;
use axum::extract::State;
use axum::response::Response;
use domain::audit::Door;
use domain::roster;
use domain::session::Opened;
use wire::v1::LoginRequest;
use wire::v3::{LoginReply, PRODUCT, Product, UserInfo};

/// Sign in with a name and a password.
#[utoipa::path(post, path = "/saas/public/core/v3/login", tag = "sign in", request_body = LoginRequest,
    responses((status = 200, description = "A new session", body = LoginReply), Refusals))]
pub async fn login(State(app): State<App>, body: Body) -> Result<Response, ApiError> {
    let origin = body.origin();
    let visit = body.visit(Door::V3);
    let credentials = Credentials::try_from(body.json()?)?;
    let opened = app.sign_in(credentials, visit).await?;
    roster::came_from(&app.cx, &opened.caller, &origin);
    Ok(shown(&app, &opened))
}

/// A new session, as v3 tells it.
pub fn shown(app: &App, opened: &Opened) -> Response {
    let products = [Product { name: PRODUCT, base_api_url: &app.saas_url }];
    reply::json(&LoginReply { products, user_info: user_info(opened) })
}

fn user_info(opened: &Opened) -> UserInfo<'_> {
    let (user, org) = (opened.caller.user(), opened.caller.org());
    UserInfo {
        session_id: opened.id.clone(),
        id: user.id,
        name: user.name.as_str(),
        parent_org_id: org.parent,
        org_id: org.id,
        org_name: &org.name,
        groups: user.group_names().map(|(name, id)| (name, id.base62())).collect(),
        status: if user.is_active() { "Active" } else { "Inactive" },
    }
}
