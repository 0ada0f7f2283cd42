//! `/saas/public/core/v3/roles` and `/privileges` (protocol.md 5.7).

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
use domain::access::{self, Permit, action::ViewPeople};
use domain::role::{self, AnyRole};
use wire::v3::admin::{NewRole, Privilege, Privileges, Role};

/// The roles that users of the org may have: the built-in ones first.
#[utoipa::path(get, path = "/saas/public/core/v3/roles", tag = "administration", security(("infa_session" = [])),
    params(("q" = Option<String>, Query, description = "`roleId==`, `roleName==`, `orgId==`"),
        ("expand" = Option<String>, Query, description = "`privileges`"),
        ("limit" = Option<u32>, Query, description = "At most 200; 100 if absent"), ("skip" = Option<u32>, Query)),
    responses((status = 200, description = "The roles", body = Vec<Role>), Refusals))]
pub async fn list(
    State(app): State<App>,
    Session(caller): Session,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let asked = Listing::read(query.as_deref(), &["roleId", "roleName", "orgId"])?;
    let permit: Permit<ViewPeople> = access::permit(&app.cx, &caller, people::org(&caller, &asked)?).await?;
    let word = asked.equal("roleId").or(asked.equal("roleName"));
    let roles: Vec<AnyRole> = match word {
        Some(word) => people::part(role::find(&app.cx, &permit, word).await?, asked.page),
        None => role::list(&app.cx, &permit, asked.page).await?,
    };
    let expand = asked.other("expand").is_some_and(|it| it.eq_ignore_ascii_case("privileges"));
    Ok(reply::json(&roles.iter().map(|role| people::role(role, expand)).collect::<Vec<_>>()))
}

/// Add a role that allows what the caller may do, or less.
#[utoipa::path(post, path = "/saas/public/core/v3/roles", tag = "administration", security(("infa_session" = [])),
    request_body = NewRole, responses((status = 201, description = "The new role", body = Role), Refusals))]
pub async fn add(State(app): State<App>, Session(caller): Session, body: Body) -> Result<Response, ApiError> {
    let permit = access::permit(&app.cx, &caller, people::org_of_new(&caller, &body)?).await?;
    let fields = body.json()?;
    let name = people::label(&fields)?;
    let description = people::text(&fields, "description", people::LONG)?;
    let privileges = access::conferrable(&caller, people::privileges_or_none(&fields)?)?;
    let role = role::add(&app.cx, permit, name, description, privileges).await?;
    Ok(reply::created(&people::role(&AnyRole::Custom(role), true)))
}

/// Remove a role, from everybody who has it too.
#[utoipa::path(delete, path = "/saas/public/core/v3/roles/{id}", tag = "administration", security(("infa_session" = [])),
    params(("id" = String, Path, description = "Id or name")), responses((status = 204, description = "It is gone"), Refusals))]
pub async fn remove(
    State(app): State<App>,
    Session(caller): Session,
    Path(word): Path<String>,
    _ignored: Ignored,
) -> Result<Response, ApiError> {
    let over = access::over_role(&app.cx, &caller, &word).await?;
    role::remove(&app.cx, over).await?;
    Ok(reply::no_content())
}

/// Let a role allow more.
#[utoipa::path(put, path = "/saas/public/core/v3/roles/{id}/addPrivileges", tag = "administration", security(("infa_session" = [])),
    params(("id" = String, Path, description = "Id or name")), request_body = Privileges,
    responses((status = 204, description = "It allows them"), Refusals))]
pub async fn add_privileges(
    State(app): State<App>,
    Session(caller): Session,
    Path(word): Path<String>,
    body: Body,
) -> Result<Response, ApiError> {
    let over = access::over_role(&app.cx, &caller, &word).await?;
    let all = over.thing().privileges.and(people::privileges(&body.json()?)?);
    role::allow(&app.cx, over, access::conferrable(&caller, all)?).await?;
    Ok(reply::no_content())
}

/// Let a role allow less.
#[utoipa::path(put, path = "/saas/public/core/v3/roles/{id}/removePrivileges", tag = "administration", security(("infa_session" = [])),
    params(("id" = String, Path, description = "Id or name")), request_body = Privileges,
    responses((status = 204, description = "It allows them no more"), Refusals))]
pub async fn remove_privileges(
    State(app): State<App>,
    Session(caller): Session,
    Path(word): Path<String>,
    body: Body,
) -> Result<Response, ApiError> {
    let over = access::over_role(&app.cx, &caller, &word).await?;
    let left = over.thing().privileges.without(people::privileges(&body.json()?)?);
    role::allow(&app.cx, over, access::conferrable(&caller, left)?).await?;
    Ok(reply::no_content())
}

/// Everything that a role may allow.
#[utoipa::path(get, path = "/saas/public/core/v3/privileges", tag = "administration", security(("infa_session" = [])),
    params(("q" = Option<String>, Query, description = "`status==\"All\"`"),
        ("limit" = Option<u32>, Query, description = "At most 200; 100 if absent"), ("skip" = Option<u32>, Query)),
    responses((status = 200, description = "The privileges", body = Vec<Privilege>), Refusals))]
pub async fn privileges(
    State(app): State<App>,
    Session(caller): Session,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let asked = Listing::read(query.as_deref(), &["status"])?;
    let _may: Permit<ViewPeople> = access::permit(&app.cx, &caller, caller.org().id).await?;
    let status = asked.equal("status").unwrap_or("All");
    let fits = ["All", "Enabled"].iter().any(|known| known.eq_ignore_ascii_case(status));
    let all = domain::privilege::Privileges::all().iter().filter(|_| fits).map(people::privilege);
    Ok(reply::json(&people::slice(all, asked.page)))
}
