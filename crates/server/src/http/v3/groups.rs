//! `/saas/public/core/v3/userGroups` (protocol.md 5.7).

use super::people;
use crate::app::App;
use crate::http::body::{Body, Ignored};
use crate::http::caller::Session;
use crate::http::docs::Refusals;
use crate::http::error::ApiError;
use crate::http::query::Listing;
use crate::http::reply;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use domain::access::{self, Caller};
use domain::group::{self, Draft};
use wire::OrgId;
use wire::fields::Fields;
use wire::v3::admin::{Group, NewGroup};

/// The groups of the org, or the one that `q` names.
#[utoipa::path(get, path = "/saas/public/core/v3/userGroups", tag = "administration", security(("infa_session" = [])),
    params(("q" = Option<String>, Query, description = "`userGroupId==`, `userGroupName==`, `orgId==`"),
        ("limit" = Option<u32>, Query, description = "At most 200; 100 if absent"), ("skip" = Option<u32>, Query)),
    responses((status = 200, description = "The groups, by name", body = Vec<Group>), Refusals))]
pub async fn list(
    State(app): State<App>,
    Session(caller): Session,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let asked = Listing::read(query.as_deref(), &["userGroupId", "userGroupName", "orgId"])?;
    let permit = access::permit(&app.cx, &caller, people::org(&caller, &asked)?).await?;
    let groups = match (asked.equal("userGroupId").map(str::parse), asked.equal("userGroupName")) {
        (None, None) => group::list(&app.cx, &permit, asked.page).await?,
        (Some(Err(_)), _) => Vec::new(),
        (Some(Ok(id)), _) => people::part(group::find(&app.cx, &permit, id).await?, asked.page),
        (None, Some(name)) => people::part(group::find_named(&app.cx, &permit, name).await?, asked.page),
    };
    Ok(reply::json(&groups.iter().map(people::group).collect::<Vec<_>>()))
}

/// Add a group to the org of the caller, or to the one below it that `orgId` names.
#[utoipa::path(post, path = "/saas/public/core/v3/userGroups", tag = "administration", security(("infa_session" = [])),
    request_body = NewGroup, responses((status = 201, description = "The new group", body = Group), Refusals))]
pub async fn add(State(app): State<App>, Session(caller): Session, body: Body) -> Result<Response, ApiError> {
    let org = people::org_of_new(&caller, &body)?;
    let permit = access::permit(&app.cx, &caller, org).await?;
    let draft = draft(&app, &caller, org, &body.json()?).await?;
    Ok(reply::created(&people::group(&group::add(&app.cx, permit, draft).await?)))
}

/// Put something else in the place of a group.
#[utoipa::path(put, path = "/saas/public/core/v3/userGroups/{id}", tag = "administration", security(("infa_session" = [])),
    params(("id" = String, Path)), request_body = NewGroup,
    responses((status = 200, description = "The group as it is now", body = Group), Refusals))]
pub async fn replace(
    State(app): State<App>,
    Session(caller): Session,
    Path(id): Path<String>,
    body: Body,
) -> Result<Response, ApiError> {
    let over = access::over_group(&app.cx, &caller, people::id(&id)?).await?;
    let draft = draft(&app, &caller, over.thing().org, &body.json()?).await?;
    Ok(reply::json(&people::group(&group::replace(&app.cx, over, draft).await?)))
}

/// Remove a group; its members lose what they were by it.
#[utoipa::path(delete, path = "/saas/public/core/v3/userGroups/{id}", tag = "administration", security(("infa_session" = [])),
    params(("id" = String, Path)), responses((status = 204, description = "It is gone"), Refusals))]
pub async fn remove(
    State(app): State<App>,
    Session(caller): Session,
    Path(id): Path<String>,
    _ignored: Ignored,
) -> Result<Response, ApiError> {
    let over = access::over_group(&app.cx, &caller, people::id(&id)?).await?;
    group::remove(&app.cx, over).await?;
    Ok(reply::no_content())
}

async fn draft(app: &App, caller: &Caller, org: OrgId, fields: &Fields) -> Result<Draft, ApiError> {
    let (roles, users) = (people::words_or_none(fields, "roles")?, people::ids(fields, "users")?);
    Ok(Draft {
        name: people::label(fields)?,
        description: people::text(fields, "description", people::LONG)?,
        roles: access::grantable(&app.cx, caller, org, &roles).await?,
        members: access::members(&app.cx, org, &users).await?,
    })
}
