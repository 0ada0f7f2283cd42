//! `/saas/public/core/v3/scimTokens` (protocol.md 5.10): the tokens with which an identity provider manages the org.

use super::people;
use crate::app::App;
use crate::http::body::{Body, Ignored};
use crate::http::caller::Session;
use crate::http::docs::Refusals;
use crate::http::error::ApiError;
use crate::http::reply;
use axum::extract::{Path, State};
use axum::response::Response;
use domain::access;
use domain::privilege::{NotAPrivilege, Privilege, Privileges};
use domain::scim::token;
use wire::error::Code;
use wire::v3::scim::{NewScimToken, ScimToken, ScimTokenRequest, ScimTokens};

/// List the SCIM tokens of the caller's org.
#[utoipa::path(get, path = "/saas/public/core/v3/scimTokens", tag = "administration", security(("infa_session" = [])),
    responses((status = 200, description = "Oldest first, without the secrets", body = ScimTokens), Refusals))]
pub async fn list(State(app): State<App>, Session(caller): Session) -> Result<Response, ApiError> {
    let permit = access::permit(&app.cx, &caller, caller.org().id).await?;
    let scim_tokens = token::list(&app.cx, &permit).await?.into_iter().map(shown).collect();
    Ok(reply::json(&ScimTokens { scim_tokens }))
}

/// Make a SCIM token for the caller's org: at most two at a time, good for 180 days, told this once.
#[utoipa::path(post, path = "/saas/public/core/v3/scimTokens", tag = "administration", security(("infa_session" = [])),
    request_body = Option<ScimTokenRequest>,
    responses((status = 201, description = "The only reply with the secret", body = NewScimToken), Refusals))]
pub async fn make(
    State(app): State<App>,
    Session(caller): Session,
    body: Body,
) -> Result<Response, ApiError> {
    let permit = access::permit(&app.cx, &caller, caller.org().id).await?;
    let given = access::conferrable(&caller, privileges(&body)?)?;
    let (about, token) = token::make(&app.cx, permit, given).await?;
    Ok(reply::created(&NewScimToken { about: shown(about), token }))
}

/// Remove a SCIM token: its next call is refused.
#[utoipa::path(delete, path = "/saas/public/core/v3/scimTokens/{id}", tag = "administration",
    security(("infa_session" = [])), params(("id" = String, Path)),
    responses((status = 204, description = "It is gone"), Refusals))]
pub async fn remove(
    State(app): State<App>,
    Session(caller): Session,
    Path(id): Path<String>,
    _ignored: Ignored,
) -> Result<Response, ApiError> {
    let permit = access::permit(&app.cx, &caller, caller.org().id).await?;
    token::remove(&app.cx, permit, people::id(&id)?).await?;
    Ok(reply::no_content())
}

/// What every token has, and what a body asks for on top; without a body nothing.
fn privileges(body: &Body) -> Result<Privileges, ApiError> {
    let asked = if body.is_empty() { ScimTokenRequest::default() } else { body.typed()? };
    let more = asked.privileges.iter().map(|word| word.parse::<Privilege>());
    let more: Privileges = more.collect::<Result<_, _>>().map_err(|error: NotAPrivilege| {
        ApiError::new(Code::BadRequest, format!("Bad Request. Please check your request: {error}."))
    })?;
    Ok(more.and(token::BASE.into_iter().collect()))
}

fn shown(token: token::ScimToken) -> ScimToken {
    ScimToken {
        id: token.id,
        org_id: token.org,
        privileges: token.privileges.iter().map(Privilege::name).collect(),
        create_time: token.created_at.rfc3339(),
        expiration_time: token.expires_at.rfc3339(),
        last_used_time: token.last_used_at.map(|at| at.rfc3339()),
    }
}
