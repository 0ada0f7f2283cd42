//! `/saas/public/core/v3/users` (protocol.md 5.5).

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
use domain::attempts;
use domain::password::{self, Answer};
use domain::user;
use wire::UserId;
use wire::v3::admin::{Groups, NewUser, Roles, User, UserChange};

/// The users of the org, or the one that `q` names; past the end an empty list.
#[utoipa::path(get, path = "/saas/public/core/v3/users", tag = "administration", security(("infa_session" = [])),
    params(("q" = Option<String>, Query, description = "`userId==`, `userName==`, `orgId==`"),
        ("limit" = Option<u32>, Query, description = "At most 200; 100 if absent"), ("skip" = Option<u32>, Query)),
    responses((status = 200, description = "The users, by name", body = Vec<User>), Refusals))]
pub async fn list(
    State(app): State<App>,
    Session(caller): Session,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let asked = Listing::read(query.as_deref(), &["userId", "userName", "orgId"])?;
    let permit = access::permit(&app.cx, &caller, people::org(&caller, &asked)?).await?;
    let users = match (asked.equal("userId"), asked.equal("userName")) {
        (None, None) => user::list(&app.cx, &permit, asked.page).await?,
        (Some(id), name) => {
            let found = match id.parse() {
                Ok(id) => user::find(&app.cx, &permit, id).await?,
                Err(_) => None,
            };
            people::part(found.filter(|user| people::is_called(user, name)), asked.page)
        }
        (None, Some(name)) => people::part(user::find_named(&app.cx, &permit, name).await?, asked.page),
    };
    let mut shown = Vec::new();
    for user in &users {
        let last = user::last_sign_in(&app.cx, &permit, user).await?;
        shown.push(people::seen(&app, user, last).await?);
    }
    Ok(reply::json(&shown))
}

/// Add a user to the org of the caller, or to the one below it that `orgId` names.
#[utoipa::path(post, path = "/saas/public/core/v3/users", tag = "administration", security(("infa_session" = [])),
    request_body = NewUser, responses((status = 201, description = "The new user", body = User), Refusals))]
pub async fn add(State(app): State<App>, Session(caller): Session, body: Body) -> Result<Response, ApiError> {
    let org = people::org_of_new(&caller, &body)?;
    let permit = access::permit(&app.cx, &caller, org).await?;
    let fields = body.json()?;
    let answer = people::answer(&fields)?;
    let asked = people::NewUser::try_from(fields)?;
    people::may_answer(answer.as_ref(), asked.draft.authenticator)?;
    let roles = access::grantable(&app.cx, &caller, org, &asked.roles).await?;
    let groups = access::joinable(&app.cx, &caller, org, &asked.groups).await?;
    let user = user::add(&app.cx, permit, asked.draft, roles, groups).await?;
    set_answer(&app, &caller, user.id, answer).await?;
    Ok(reply::created(&people::user(&app, &user).await?))
}

/// Change a user, or let it sign in or not with `state`.
#[utoipa::path(patch, path = "/saas/public/core/v3/users/{id}", tag = "administration", security(("infa_session" = [])),
    params(("id" = String, Path)), request_body = UserChange,
    responses((status = 200, description = "The user as it is now", body = User), Refusals))]
pub async fn change(
    State(app): State<App>,
    Session(caller): Session,
    Path(id): Path<String>,
    body: Body,
) -> Result<Response, ApiError> {
    let (id, cx) = (people::id(&id)?, &app.cx);
    let over = access::over_user(cx, &caller, id).await?;
    let last = user::last_sign_in(cx, over.permit(), over.thing()).await?;
    let fields = body.json()?;
    let (change, answer) = (people::Change::read(&fields, over.thing())?, people::answer(&fields)?);
    people::may_answer(answer.as_ref(), over.thing().authenticator)?;
    let user = match change {
        people::Change::Enable => {
            // What the vendor's administrators call a reset lets somebody in again who was locked out (protocol.md 7.1).
            attempts::lift(cx, &over).await?;
            user::enable(cx, over).await?
        }
        people::Change::Disable => user::disable(cx, access::over_user(cx, &caller, id).await?).await?,
        people::Change::Fields(change) => user::change(cx, over, *change).await?,
    };
    set_answer(&app, &caller, id, answer).await?;
    Ok(reply::json(&people::seen(&app, &user, last).await?))
}

/// Sets the answer to a user's security question, if there is one to set.
async fn set_answer(app: &App, caller: &Caller, id: UserId, answer: Option<Answer>) -> Result<(), ApiError> {
    if let Some(answer) = answer {
        let over = access::over_user(&app.cx, caller, id).await?;
        password::set_answer(&app.cx, &over, answer).await?;
    }
    Ok(())
}

/// Remove a user, and end its sessions.
#[utoipa::path(delete, path = "/saas/public/core/v3/users/{id}", tag = "administration", security(("infa_session" = [])),
    params(("id" = String, Path)), responses((status = 204, description = "It is gone"), Refusals))]
pub async fn remove(
    State(app): State<App>,
    Session(caller): Session,
    Path(id): Path<String>,
    _ignored: Ignored,
) -> Result<Response, ApiError> {
    let over = access::over_user(&app.cx, &caller, people::id(&id)?).await?;
    user::remove(&app.cx, over).await?;
    Ok(reply::no_content())
}

/// Give a user more roles.
#[utoipa::path(put, path = "/saas/public/core/v3/users/{id}/addRoles", tag = "administration", security(("infa_session" = [])),
    params(("id" = String, Path)), request_body = Roles, responses((status = 204, description = "It has them"), Refusals))]
pub async fn add_roles(
    State(app): State<App>,
    Session(caller): Session,
    Path(id): Path<String>,
    body: Body,
) -> Result<Response, ApiError> {
    let over = access::over_user(&app.cx, &caller, people::id(&id)?).await?;
    let words = people::words(&body.json()?, "roles")?;
    let roles = access::grantable(&app.cx, &caller, over.thing().org, &words).await?;
    user::grant(&app.cx, over, roles, access::Joinable::default()).await?;
    Ok(reply::no_content())
}

/// Take roles from a user; its next call is judged without them.
#[utoipa::path(put, path = "/saas/public/core/v3/users/{id}/removeRoles", tag = "administration", security(("infa_session" = [])),
    params(("id" = String, Path)), request_body = Roles, responses((status = 204, description = "It has them no more"), Refusals))]
pub async fn remove_roles(
    State(app): State<App>,
    Session(caller): Session,
    Path(id): Path<String>,
    body: Body,
) -> Result<Response, ApiError> {
    let over = access::over_user(&app.cx, &caller, people::id(&id)?).await?;
    let words = people::words(&body.json()?, "roles")?;
    let roles = access::grantable(&app.cx, &caller, over.thing().org, &words).await?;
    user::narrow(&app.cx, over, roles, access::Joinable::default()).await?;
    Ok(reply::no_content())
}

/// Put a user into more groups.
#[utoipa::path(put, path = "/saas/public/core/v3/users/{id}/addGroups", tag = "administration", security(("infa_session" = [])),
    params(("id" = String, Path)), request_body = Groups, responses((status = 204, description = "It is in them"), Refusals))]
pub async fn add_groups(
    State(app): State<App>,
    Session(caller): Session,
    Path(id): Path<String>,
    body: Body,
) -> Result<Response, ApiError> {
    let over = access::over_user(&app.cx, &caller, people::id(&id)?).await?;
    let words = people::words(&body.json()?, "groups")?;
    let groups = access::joinable(&app.cx, &caller, over.thing().org, &words).await?;
    user::grant(&app.cx, over, access::Grantable::default(), groups).await?;
    Ok(reply::no_content())
}

/// Take a user out of groups.
#[utoipa::path(put, path = "/saas/public/core/v3/users/{id}/removeGroups", tag = "administration", security(("infa_session" = [])),
    params(("id" = String, Path)), request_body = Groups, responses((status = 204, description = "It is in them no more"), Refusals))]
pub async fn remove_groups(
    State(app): State<App>,
    Session(caller): Session,
    Path(id): Path<String>,
    body: Body,
) -> Result<Response, ApiError> {
    let over = access::over_user(&app.cx, &caller, people::id(&id)?).await?;
    let words = people::words(&body.json()?, "groups")?;
    let groups = access::joinable(&app.cx, &caller, over.thing().org, &words).await?;
    user::narrow(&app.cx, over, access::Grantable::default(), groups).await?;
    Ok(reply::no_content())
}
