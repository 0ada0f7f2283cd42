//! `/latchkey/v1/orgs`: the org of the caller and those below it.

use crate::app::App;
use crate::http::body::{Body, Ignored};
use crate::http::caller::Session;
use crate::http::docs::Problems;
use crate::http::error::ApiError;
use crate::http::query::Listing;
use crate::http::reply;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use domain::access;
use domain::name::Label;
use domain::org::{self, Change, Draft, Profile};
use std::str::FromStr;
use wire::error::Code;
use wire::org::{NewOrg, Org, OrgChange, Orgs};

/// The longest free text, in characters.
const LONG: usize = 2_000;

/// The org of the caller and every org below it, by name.
#[utoipa::path(get, path = "/latchkey/v1/orgs", tag = "orgs", security(("ids_session" = [])),
    params(("limit" = Option<u32>, Query, description = "At most 200; 100 if absent"), ("skip" = Option<u32>, Query)),
    responses((status = 200, description = "The orgs", body = Orgs), Problems))]
pub async fn list(
    State(app): State<App>,
    Session(caller): Session,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let page = Listing::read(query.as_deref(), &[])?.page;
    let permit = access::permit(&app.cx, &caller, caller.org().id).await?;
    let orgs = org::list(&app.cx, &permit, page).await?;
    Ok(reply::json(&Orgs { orgs: orgs.iter().map(|org| shown(org)).collect() }))
}

/// Add an org below that of the caller, or below one that is below it.
#[utoipa::path(post, path = "/latchkey/v1/orgs", tag = "orgs", security(("ids_session" = [])),
    request_body = NewOrg, responses((status = 201, description = "The new org", body = Org), Problems))]
pub async fn add(State(app): State<App>, Session(caller): Session, body: Body) -> Result<Response, ApiError> {
    let own = access::permit(&app.cx, &caller, caller.org().id).await?;
    let NewOrg { name, parent_id, description, region } = body.typed()?;
    let permit = match parent_id {
        Some(id) => access::permit(&app.cx, &caller, named(&id)?).await?,
        None => own,
    };
    let profile = Profile { description: short(description)?, ..Profile::default() };
    let org = org::add(&app.cx, &permit, Draft { name: label(&name)?, region, profile }).await?;
    Ok(reply::created(&shown(&org)))
}

/// An org: the caller's, or one below it.
#[utoipa::path(get, path = "/latchkey/v1/orgs/{id}", tag = "orgs", security(("ids_session" = [])),
    params(("id" = String, Path)), responses((status = 200, description = "The org", body = Org), Problems))]
pub async fn find(
    State(app): State<App>,
    Session(caller): Session,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let permit = access::permit(&app.cx, &caller, named(&id)?).await?;
    let found = org::show(&app.cx, &permit).await?.ok_or_else(ApiError::unknown)?;
    Ok(reply::json(&shown(&found.org)))
}

/// Change an org (JSON merge patch); where its users sign in is for somebody above it to say.
#[utoipa::path(patch, path = "/latchkey/v1/orgs/{id}", tag = "orgs", security(("ids_session" = [])),
    params(("id" = String, Path)), request_body(content = OrgChange, content_type = "application/merge-patch+json"),
    responses((status = 200, description = "The org as it is now", body = Org), Problems))]
pub async fn change(
    State(app): State<App>,
    Session(caller): Session,
    Path(id): Path<String>,
    body: Body,
) -> Result<Response, ApiError> {
    let id = named(&id)?;
    let over = access::over_org(&app.cx, &caller, id).await?;
    let OrgChange { name, description, region } = body.typed()?;
    let name = name.map(|name| label(&name.unwrap_or_default())).transpose()?;
    let old = &over.thing().profile;
    let profile = match description {
        Some(new) => Some(Profile { description: short(new.unwrap_or_default())?, ..old.clone() }),
        None => None,
    };
    let change = Change { name, profile };
    let org = match region {
        None => org::change(&app.cx, over, change).await?,
        Some(region) => {
            let over = access::over_org(&app.cx, &caller, id).await?;
            org::relocate(&app.cx, over, change, region).await?
        }
    };
    Ok(reply::json(&shown(&org)))
}

/// Remove an org below that of the caller with everything in it; its sessions end at once.
#[utoipa::path(delete, path = "/latchkey/v1/orgs/{id}", tag = "orgs", security(("ids_session" = [])),
    params(("id" = String, Path)), responses((status = 204, description = "It is gone"), Problems))]
pub async fn remove(
    State(app): State<App>,
    Session(caller): Session,
    Path(id): Path<String>,
    _ignored: Ignored,
) -> Result<Response, ApiError> {
    let over = access::remove_org(&app.cx, &caller, named(&id)?).await?;
    org::remove(&app.cx, over).await?;
    Ok(reply::no_content())
}

/// What names an org; what cannot be a name names nothing.
fn named<Name: FromStr>(text: &str) -> Result<Name, ApiError> {
    text.parse().map_err(|_| ApiError::unknown())
}

fn label(text: &str) -> Result<Label, ApiError> {
    text.parse().map_err(|error| bad(&error))
}

fn short(text: String) -> Result<String, ApiError> {
    let fits = text.chars().count() <= LONG;
    if fits { Ok(text) } else { Err(bad(&wire::fields::BodyError::TooLong("description", LONG))) }
}

fn bad(error: &impl std::error::Error) -> ApiError {
    ApiError::new(Code::BadRequest, format!("Bad Request. Please check your request: {error}."))
}

fn shown(org: &domain::org::Org) -> Org {
    Org {
        id: org.id,
        name: org.name.clone(),
        parent_id: org.parent,
        description: org.profile.description.clone(),
        region: org.region.clone(),
        created_at: org.created_at.rfc3339(),
        updated_at: org.updated_at.rfc3339(),
    }
}
