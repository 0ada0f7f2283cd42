//! `/saas/public/core/v3/Orgs/<orgId>/IdentityProviders` (protocol.md 5.4): whose tokens open sessions of an org.

use crate::app::App;
use crate::http::body::Body;
use crate::http::caller::Session;
use crate::http::docs::Refusals;
use crate::http::error::ApiError;
use crate::http::reply;
use axum::extract::{FromRequestParts, Path, State};
use axum::response::{IntoResponse, Response};
use domain::access::{self, Caller, Denied, Permit, action::Federate};
use domain::identity_provider::{self as providers, Alias, Draft, IdentityProvider, Terms};
use http::{StatusCode, request::Parts};
use wire::IdentityProviderId;
use wire::federation::{self as wire_of, AccountPolicy, EndPoints, IdentityProviderRequest, Kind, Link};

/// The permit to decide whose assertions the org of the path accepts.
pub struct OfOrg {
    /// Who asks.
    pub caller: Caller,
    /// The permit.
    pub permit: Permit<Federate>,
}

impl FromRequestParts<App> for OfOrg {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let Session(caller) = Session::from_request_parts(parts, app).await?;
        let path = Path::<Vec<(String, String)>>::from_request_parts(parts, app).await;
        let ids = path.map(|Path(ids)| ids).unwrap_or_default();
        let org =
            ids.first().filter(|(name, _)| name == "org" || name == "id").and_then(|(_, id)| id.parse().ok());
        // An id that nobody can have is somebody else's.
        let permit = access::may_federate(&caller, org.ok_or(Denied)?)?;
        Ok(Self { caller, permit })
    }
}

/// List the identity providers of the org.
#[utoipa::path(get, path = "/saas/public/core/v3/Orgs/{org}/IdentityProviders", tag = "federation",
    params(("org" = String, Path, description = "The org's id")), security(("infa_session" = [])),
    responses((status = 200, description = "Oldest first", body = Vec<wire_of::IdentityProvider>), Refusals))]
pub async fn list(State(app): State<App>, OfOrg { permit, .. }: OfOrg) -> Result<Response, ApiError> {
    let all = providers::list(&app.cx, &permit).await?;
    Ok(reply::json(&all.into_iter().map(shown).collect::<Vec<_>>()))
}

/// Register an identity provider.
#[utoipa::path(post, path = "/saas/public/core/v3/Orgs/{org}/IdentityProviders", tag = "federation",
    params(("org" = String, Path, description = "The org's id")), security(("infa_session" = [])),
    request_body = IdentityProviderRequest,
    responses((status = 201, description = "It is trusted from now on", body = wire_of::IdentityProvider), Refusals))]
pub async fn add(
    State(app): State<App>,
    OfOrg { permit, .. }: OfOrg,
    body: Body,
) -> Result<Response, ApiError> {
    let added = providers::add(&app.cx, permit, terms(&body)?).await?;
    Ok((StatusCode::CREATED, reply::json(&shown(added))).into_response())
}

/// Read an identity provider.
#[utoipa::path(get, path = "/saas/public/core/v3/Orgs/{org}/IdentityProviders/{id}", tag = "federation",
    params(("org" = String, Path, description = "The org's id"), ("id" = String, Path, description = "The provider's id")),
    security(("infa_session" = [])),
    responses((status = 200, description = "As it stands", body = wire_of::IdentityProvider), Refusals))]
pub async fn find(
    State(app): State<App>,
    OfOrg { permit, .. }: OfOrg,
    Named(id): Named,
) -> Result<Response, ApiError> {
    Ok(reply::json(&shown(providers::find(&app.cx, &permit, id).await?)))
}

/// Change an identity provider; what is left out takes its default.
#[utoipa::path(put, path = "/saas/public/core/v3/Orgs/{org}/IdentityProviders/{id}", tag = "federation",
    params(("org" = String, Path, description = "The org's id"), ("id" = String, Path, description = "The provider's id")),
    security(("infa_session" = [])), request_body = IdentityProviderRequest,
    responses((status = 200, description = "As it stands now", body = wire_of::IdentityProvider), Refusals))]
pub async fn change(
    State(app): State<App>,
    OfOrg { permit, .. }: OfOrg,
    Named(id): Named,
    body: Body,
) -> Result<Response, ApiError> {
    Ok(reply::json(&shown(providers::change(&app.cx, permit, id, terms(&body)?).await?)))
}

/// Remove an identity provider; sessions that it opened live on.
#[utoipa::path(delete, path = "/saas/public/core/v3/Orgs/{org}/IdentityProviders/{id}", tag = "federation",
    params(("org" = String, Path, description = "The org's id"), ("id" = String, Path, description = "The provider's id")),
    security(("infa_session" = [])),
    responses((status = 204, description = "It is not trusted any more"), Refusals))]
pub async fn remove(
    State(app): State<App>,
    OfOrg { permit, .. }: OfOrg,
    Named(id): Named,
) -> Result<Response, ApiError> {
    providers::remove(&app.cx, permit, id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The provider that the path names.
pub struct Named(IdentityProviderId);

impl FromRequestParts<App> for Named {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let path = Path::<Vec<(String, String)>>::from_request_parts(parts, app).await;
        let ids = path.map(|Path(ids)| ids).unwrap_or_default();
        let id = ids.iter().find(|(name, _)| name == "id").and_then(|(_, id)| id.parse().ok());
        Ok(Self(id.ok_or(providers::ProviderError::NotFound)?))
    }
}

fn terms(body: &Body) -> Result<Terms, ApiError> {
    let IdentityProviderRequest { kind: Kind::Oidc, end_points, account_policy, signing_algorithm, audience } =
        body.typed()?;
    let Link { token_claim, match_type, aliases } = account_policy.link;
    let aliases =
        aliases.into_iter().map(|alias| Alias { value: alias.value, user: alias.alias_name }).collect();
    let EndPoints { issuer, keys } = end_points;
    let algorithm = signing_algorithm;
    let draft = Draft { issuer, keys, algorithm, token_claim, match_type, aliases, audience };
    Ok(Terms::try_from(draft).map_err(providers::ProviderError::from)?)
}

fn shown(provider: IdentityProvider) -> wire_of::IdentityProvider {
    let Draft { issuer, keys, algorithm, token_claim, match_type, aliases, audience } =
        provider.terms.draft().clone();
    let aliases = aliases
        .into_iter()
        .map(|alias| wire_of::Alias { value: alias.value, alias_name: alias.user })
        .collect();
    let terms = IdentityProviderRequest {
        kind: Kind::Oidc,
        end_points: EndPoints { issuer, keys },
        account_policy: AccountPolicy { link: Link { token_claim, match_type, aliases } },
        signing_algorithm: algorithm,
        audience,
    };
    wire_of::IdentityProvider { id: provider.id, org_id: provider.org, terms }
}
