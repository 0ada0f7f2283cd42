//! `/gate`: checks whatever a request carries, for nginx `auth_request`, Traefik forwardAuth and Envoy ext_authz.

use super::docs::Refusals;
use super::error::ApiError;
use super::{address, caller};
use crate::app::App;
use axum::extract::{Request, State};
use axum::response::Response;
use domain::access::{self, Use};
use http::request::Parts;
use std::net::IpAddr;
use wire::v1::GateReply;

/// Check whatever the request carries: 200 with who it is, else 401, never a redirect.
#[utoipa::path(get, path = "/gate", tag = "check", security(("bearer" = []), ("ids_session" = [])),
    params(("probe" = Option<String>, Query, description = "When present, the session does not slide")),
    responses((status = 200, description = "Who it is, also in the headers `X-Latchkey-*`", body = GateReply), Refusals))]
pub async fn gate(State(app): State<App>, request: Request) -> Result<Response, ApiError> {
    let (parts, _unread) = request.into_parts();
    asked(&app, &parts, address::of(&parts.extensions)).await
}

/// The same for whoever has found the route, and where the request came from.
pub async fn asked(app: &App, parts: &Parts, from: Option<IpAddr>) -> Result<Response, ApiError> {
    let credentials = caller::credentials(&parts.headers, from)?;
    let visitor = access::gate(&app.cx, &credentials, how(parts.uri.query())).await?;
    Ok(app.told.visitor(&visitor))
}

fn how(query: Option<&str>) -> Use {
    let is_probe =
        query.is_some_and(|query| query.split('&').any(|pair| pair == "probe" || pair.starts_with("probe=")));
    if is_probe { Use::Probe } else { Use::Call }
}
