//! `/latchkey/v1/sessions`: who is signed in, from where, and how that ends.

use super::named;
use crate::app::App;
use crate::http::body::Ignored;
use crate::http::caller::Session as Live;
use crate::http::docs::Problems;
use crate::http::error::ApiError;
use crate::http::query::Listing;
use crate::http::reply;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use domain::access::{self, Caller};
use domain::roster::{self, Handle, Seen};
use wire::latchkey::{Session, Sessions};

/// The caller's own sessions, the last used first.
#[utoipa::path(get, path = "/latchkey/v1/sessions", tag = "sessions", security(("ids_session" = [])),
    params(("limit" = Option<u32>, Query, description = "At most 200; 100 if absent"), ("skip" = Option<u32>, Query)),
    responses((status = 200, description = "The sessions", body = Sessions), Problems))]
pub async fn mine(
    State(app): State<App>,
    Live(caller): Live,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let page = Listing::read(query.as_deref(), &[])?.page;
    Ok(shown(&caller, &roster::mine(&app.cx, &caller, page).await?))
}

/// The sessions of an org, the last used first.
#[utoipa::path(get, path = "/latchkey/v1/orgs/{id}/sessions", tag = "sessions", security(("ids_session" = [])),
    params(("id" = String, Path), ("limit" = Option<u32>, Query, description = "At most 200; 100 if absent"),
        ("skip" = Option<u32>, Query)),
    responses((status = 200, description = "The sessions", body = Sessions), Problems))]
pub async fn of_org(
    State(app): State<App>,
    Live(caller): Live,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let page = Listing::read(query.as_deref(), &[])?.page;
    let permit = access::permit(&app.cx, &caller, named(&id)?).await?;
    Ok(shown(&caller, &roster::of_org(&app.cx, &permit, page).await?))
}

/// End one session: one's own, or as an administrator that of somebody else.
#[utoipa::path(delete, path = "/latchkey/v1/sessions/{handle}", tag = "sessions", security(("ids_session" = [])),
    params(("handle" = String, Path)), responses((status = 204, description = "It has ended"), Problems))]
pub async fn end_one(
    State(app): State<App>,
    Live(caller): Live,
    Path(handle): Path<String>,
    _ignored: Ignored,
) -> Result<Response, ApiError> {
    let handle: Handle = named(&handle)?;
    if !roster::end_mine(&app.cx, &caller, handle).await? {
        let over = access::over_session(&app.cx, &caller, handle).await?;
        roster::end_one(&app.cx, over).await?;
    }
    Ok(reply::no_content())
}

/// End every session of a user.
#[utoipa::path(delete, path = "/latchkey/v1/users/{id}/sessions", tag = "sessions", security(("ids_session" = [])),
    params(("id" = String, Path)), responses((status = 204, description = "They have ended"), Problems))]
pub async fn end_user(
    State(app): State<App>,
    Live(caller): Live,
    Path(id): Path<String>,
    _ignored: Ignored,
) -> Result<Response, ApiError> {
    let over = access::over_user(&app.cx, &caller, named(&id)?).await?;
    roster::end_user(&app.cx, over).await?;
    Ok(reply::no_content())
}

/// End every session of an org.
#[utoipa::path(delete, path = "/latchkey/v1/orgs/{id}/sessions", tag = "sessions", security(("ids_session" = [])),
    params(("id" = String, Path)), responses((status = 204, description = "They have ended"), Problems))]
pub async fn end_org(
    State(app): State<App>,
    Live(caller): Live,
    Path(id): Path<String>,
    _ignored: Ignored,
) -> Result<Response, ApiError> {
    let permit = access::permit(&app.cx, &caller, named(&id)?).await?;
    roster::end_org(&app.cx, permit).await?;
    Ok(reply::no_content())
}

fn shown(caller: &Caller, seen: &[Seen]) -> Response {
    let is_current = |seen: &Seen| caller.sessions().any(|session| session.digest == seen.session.digest);
    let sessions = seen.iter().map(|it| session(it, is_current(it))).collect();
    reply::json(&Sessions { sessions })
}

fn session(Seen { session, origin, user }: &Seen, current: bool) -> Session {
    Session {
        handle: Handle::from(session.digest).to_string(),
        current,
        user_id: user.id,
        user_name: user.name.as_str().to_owned(),
        org_id: session.org,
        device: origin.device.clone(),
        address: origin.address.map(|address| address.to_string()),
        opened_at: session.opened_at.rfc3339(),
        last_used_at: session.seen_at().rfc3339(),
        expires_at: session.expires_at().rfc3339(),
    }
}
