//! `/latchkey/v1/orgs/{id}/clients` and `/latchkey/v1/clients`: the OAuth clients of an org and their secrets.

use super::named;
use crate::app::App;
use crate::http::body::{Body, Ignored};
use crate::http::caller::Session;
use crate::http::docs::Problems;
use crate::http::error::ApiError;
use crate::http::reply;
use axum::extract::{Path, State};
use axum::response::Response;
use domain::access::{self, Over, Permit, action::ManageClients, action::ViewClients};
use domain::client::{self, Change, Client, ClientError, Terms};
use domain::role::AnyRole;
use domain::user::Status;
use wire::oauth::{self, ClientPatch, ClientRequest, Clients, NewClient, NewSecret};
use wire::{ClientId, OrgId};

/// Roles that one client may be given at once.
const MOST_ROLES: usize = 50;

/// The OAuth clients of an org, oldest first.
#[utoipa::path(get, path = "/latchkey/v1/orgs/{id}/clients", tag = "clients", security(("ids_session" = [])),
    params(("id" = String, Path)), responses((status = 200, description = "The clients", body = Clients), Problems))]
pub async fn list(
    State(app): State<App>,
    Session(caller): Session,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let permit: Permit<ViewClients> = access::permit(&app.cx, &caller, named(&id)?).await?;
    let all = client::list(&app.cx, &permit).await?;
    Ok(reply::json(&Clients { clients: all.iter().map(|client| shown(client)).collect() }))
}

/// Add an OAuth client; the answer holds its first secret, which nobody can show again.
#[utoipa::path(post, path = "/latchkey/v1/orgs/{id}/clients", tag = "clients", security(("ids_session" = [])),
    params(("id" = String, Path)), request_body = ClientRequest,
    responses((status = 201, description = "The client and its secret", body = NewClient), Problems))]
pub async fn add(
    State(app): State<App>,
    Session(caller): Session,
    Path(id): Path<String>,
    body: Body,
) -> Result<Response, ApiError> {
    let org: OrgId = named(&id)?;
    let permit = access::permit(&app.cx, &caller, org).await?;
    let ClientRequest { name, description, roles, token_minutes } = body.typed()?;
    let terms = Terms::new(&name, description, token_minutes.unwrap_or(Terms::MINUTES))?;
    let roles = access::grantable(&app.cx, &caller, org, few(&roles)?).await?;
    let made = client::add(&app.cx, permit, terms, roles).await?;
    Ok(reply::created(&NewClient { client: shown(&made.client), secret: made.secret }))
}

/// One OAuth client.
#[utoipa::path(get, path = "/latchkey/v1/clients/{id}", tag = "clients", security(("ids_session" = [])),
    params(("id" = String, Path)), responses((status = 200, description = "The client", body = oauth::Client), Problems))]
pub async fn find(
    State(app): State<App>,
    Session(caller): Session,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let over: Over<ViewClients, Client> = access::over_client(&app.cx, &caller, named(&id)?).await?;
    Ok(reply::json(&shown(over.thing())))
}

/// Change an OAuth client (JSON merge patch, RFC 7396).
#[utoipa::path(patch, path = "/latchkey/v1/clients/{id}", tag = "clients", security(("ids_session" = [])),
    params(("id" = String, Path)), request_body = ClientPatch,
    responses((status = 200, description = "As it stands now", body = oauth::Client), Problems))]
pub async fn change(
    State(app): State<App>,
    Session(caller): Session,
    Path(id): Path<String>,
    body: Body,
) -> Result<Response, ApiError> {
    let over: Over<ManageClients, Client> = access::over_client(&app.cx, &caller, named(&id)?).await?;
    let patch: ClientPatch = body.typed()?;
    let roles = match &patch.roles {
        Some(roles) => {
            let words = few(roles.as_deref().unwrap_or_default())?;
            Some(access::grantable(&app.cx, &caller, over.thing().org, words).await?)
        }
        None => None,
    };
    let change = Change { terms: Some(terms(over.thing(), &patch)?), roles, status: status(&patch) };
    Ok(reply::json(&shown(&client::change(&app.cx, over, change).await?)))
}

/// Remove an OAuth client, and with it every token that it has.
#[utoipa::path(delete, path = "/latchkey/v1/clients/{id}", tag = "clients", security(("ids_session" = [])),
    params(("id" = String, Path)), responses((status = 204, description = "It is gone"), Problems))]
pub async fn remove(
    State(app): State<App>,
    Session(caller): Session,
    Path(id): Path<String>,
    _ignored: Ignored,
) -> Result<Response, ApiError> {
    let over = access::over_client(&app.cx, &caller, named(&id)?).await?;
    client::remove(&app.cx, over).await?;
    Ok(reply::no_content())
}

/// Give an OAuth client another secret; two may be alive at once.
#[utoipa::path(post, path = "/latchkey/v1/clients/{id}/secrets", tag = "clients", security(("ids_session" = [])),
    params(("id" = String, Path)), responses((status = 201, description = "The secret", body = NewSecret), Problems))]
pub async fn add_secret(
    State(app): State<App>,
    Session(caller): Session,
    Path(id): Path<String>,
    _ignored: Ignored,
) -> Result<Response, ApiError> {
    let over = access::over_client(&app.cx, &caller, named(&id)?).await?;
    let made = client::add_secret(&app.cx, over).await?;
    let about = made.client.secrets.iter().find(|secret| secret.id == made.id).map(secret);
    let about = about.ok_or(ClientError::NoSecret)?;
    Ok(reply::created(&NewSecret { about, secret: made.secret }))
}

/// Take a secret from an OAuth client, and with it every token that it got by it.
#[utoipa::path(delete, path = "/latchkey/v1/clients/{id}/secrets/{secret}", tag = "clients", security(("ids_session" = [])),
    params(("id" = String, Path), ("secret" = String, Path)),
    responses((status = 204, description = "It is gone"), Problems))]
pub async fn remove_secret(
    State(app): State<App>,
    Session(caller): Session,
    Path((id, secret)): Path<(String, String)>,
    _ignored: Ignored,
) -> Result<Response, ApiError> {
    let over = access::over_client(&app.cx, &caller, named::<ClientId>(&id)?).await?;
    client::remove_secret(&app.cx, over, named(&secret)?).await?;
    Ok(reply::no_content())
}

fn few(roles: &[String]) -> Result<&[String], ApiError> {
    if roles.len() <= MOST_ROLES { Ok(roles) } else { Err(ApiError::unfit("roles has at most 50 entries")) }
}

fn terms(client: &Client, patch: &ClientPatch) -> Result<Terms, ApiError> {
    let old = &client.terms;
    let name = patch.name.as_deref().unwrap_or(old.name());
    let description = patch.description.clone();
    let description = description.map_or_else(|| old.description().to_owned(), Option::unwrap_or_default);
    let minutes = patch.token_minutes.map_or(old.token_minutes(), |given| given.unwrap_or(Terms::MINUTES));
    Ok(Terms::new(name, description, minutes)?)
}

fn status(patch: &ClientPatch) -> Option<Status> {
    let word = |disabled| if disabled { Status::Disabled } else { Status::Active };
    patch.disabled.map(|given| word(given.unwrap_or(false)))
}

fn shown(client: &Client) -> oauth::Client {
    oauth::Client {
        id: client.id,
        org_id: client.org,
        name: client.terms.name().to_owned(),
        description: client.terms.description().to_owned(),
        roles: client.roles.iter().map(AnyRole::id).collect(),
        token_minutes: client.terms.token_minutes(),
        disabled: !client.is_active(),
        secrets: client.secrets.iter().map(secret).collect(),
        created_at: client.created_at.rfc3339(),
        updated_at: client.updated_at.rfc3339(),
    }
}

fn secret(secret: &client::ClientSecret) -> oauth::ClientSecret {
    oauth::ClientSecret {
        id: secret.id,
        created_at: secret.created_at.rfc3339(),
        last_used_at: secret.last_used_at.map(domain::time::Timestamp::rfc3339),
    }
}
