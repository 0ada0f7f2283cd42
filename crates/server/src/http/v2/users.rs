//! `/saas/api/v2/user` (protocol.md 4.9): users are made, read, described and removed.

use super::people;
use crate::app::App;
use crate::http::body::{Body, Ignored};
use crate::http::caller::Session;
use crate::http::docs::FlatRefusals;
use crate::http::error::ApiError;
use crate::http::query::Listing;
use crate::http::reply::{self, Format};
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use domain::access;
use domain::user;
use http::HeaderMap;
use wire::v2::{
    Success, User,
    admin::{NewUser, UserChange},
};

/// The users of the org, by name.
#[utoipa::path(get, path = "/saas/api/v2/user", tag = "administration", security(("ic_session" = [])),
    params(("limit" = Option<u32>, Query, description = "At most 200; 100 if absent"), ("skip" = Option<u32>, Query)),
    responses((status = 200, description = "The users", body = Vec<User>), FlatRefusals))]
pub async fn list(
    State(app): State<App>,
    Session(caller): Session,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let page = Listing::read(query.as_deref(), &[])?.page;
    let permit = access::permit(&app.cx, &caller, caller.org().id).await?;
    let users = user::list(&app.cx, &permit, page).await?;
    let shown: Vec<_> = users.iter().map(|user| people::user(&app, user, None)).collect();
    Ok(reply::v2_list(Format::asked_for(&headers), "users", &shown))
}

/// Add a user to the org of the caller, or to one below it.
#[utoipa::path(post, path = "/saas/api/v2/user", tag = "administration", security(("ic_session" = [])),
    request_body = NewUser, responses((status = 200, description = "The new user", body = User), FlatRefusals))]
pub async fn add(
    State(app): State<App>,
    Session(caller): Session,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let own = access::permit(&app.cx, &caller, caller.org().id).await?;
    let fields = body.nested("user")?;
    let permit = match people::org_named(&fields)? {
        Some(org) => access::permit(&app.cx, &caller, org).await?,
        None => own,
    };
    let (draft, words) = (people::draft(&fields)?, people::Words::read(&fields)?);
    let roles = access::grantable(&app.cx, &caller, permit.org(), &words.roles).await?;
    let groups = access::joinable(&app.cx, &caller, permit.org(), &words.groups).await?;
    let user = user::add(&app.cx, permit, draft, roles, groups).await?;
    Ok(reply::v2(Format::asked_for(&headers), &people::user(&app, &user, None)))
}

/// A user by id.
#[utoipa::path(get, path = "/saas/api/v2/user/{id}", tag = "administration", security(("ic_session" = [])),
    params(("id" = String, Path)), responses((status = 200, description = "The user", body = User), FlatRefusals))]
pub async fn by_id(
    State(app): State<App>,
    Session(caller): Session,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let permit = access::permit(&app.cx, &caller, caller.org().id).await?;
    let found = user::find(&app.cx, &permit, people::id(&id)?).await?.ok_or_else(ApiError::unknown)?;
    Ok(reply::v2(Format::asked_for(&headers), &people::user(&app, &found, None)))
}

/// A user of the org by name.
#[utoipa::path(get, path = "/saas/api/v2/user/name/{name}", tag = "administration", security(("ic_session" = [])),
    params(("name" = String, Path)), responses((status = 200, description = "The user", body = User), FlatRefusals))]
pub async fn by_name(
    State(app): State<App>,
    Session(caller): Session,
    headers: HeaderMap,
    Path(name): Path<String>,
) -> Result<Response, ApiError> {
    let permit = access::permit(&app.cx, &caller, caller.org().id).await?;
    let found = user::find_named(&app.cx, &permit, &name).await?.ok_or_else(ApiError::unknown)?;
    Ok(reply::v2(Format::asked_for(&headers), &people::user(&app, &found, None)))
}

/// Change what people read about a user.
#[utoipa::path(post, path = "/saas/api/v2/user/{id}", tag = "administration", security(("ic_session" = [])),
    params(("id" = String, Path)), request_body = UserChange,
    responses((status = 200, description = "The user as it is now", body = User), FlatRefusals))]
pub async fn change(
    State(app): State<App>,
    Session(caller): Session,
    headers: HeaderMap,
    Path(id): Path<String>,
    body: Body,
) -> Result<Response, ApiError> {
    let over = access::over_user(&app.cx, &caller, people::id(&id)?).await?;
    let change = people::change(&body.nested("user")?, &over.thing().profile.open())?;
    let user = user::change(&app.cx, over, change).await?;
    Ok(reply::v2(Format::asked_for(&headers), &people::user(&app, &user, None)))
}

/// Remove a user, and end its sessions.
#[utoipa::path(delete, path = "/saas/api/v2/user/{id}", tag = "administration", security(("ic_session" = [])),
    params(("id" = String, Path)), responses((status = 200, description = "It is gone", body = Success), FlatRefusals))]
pub async fn remove(
    State(app): State<App>,
    Session(caller): Session,
    headers: HeaderMap,
    Path(id): Path<String>,
    _ignored: Ignored,
) -> Result<Response, ApiError> {
    let over = access::over_user(&app.cx, &caller, people::id(&id)?).await?;
    user::remove(&app.cx, over).await?;
    Ok(reply::v2(Format::asked_for(&headers), &Success { kind: "success" }))
}
