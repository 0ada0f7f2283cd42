//! `/latchkey/v1/orgs/<id>/saml`: the SAML identity provider that an org trusts (protocol.md 6.2).

use crate::app::App;
use crate::http::body::{Body, Ignored};
use crate::http::docs::Problems;
use crate::http::error::ApiError;
use crate::http::reply;
use crate::http::v3::identity_providers::OfOrg;
use axum::extract::State;
use axum::response::Response;
use domain::access;
use domain::identity_provider::ProviderError;
use domain::saml::certificate::Certificate;
use domain::saml::metadata::Metadata;
use domain::saml::provider::{self, Attributes, Binding, Defaults, Draft, Endpoint, Provider};
use domain::saml::service::Service;
use wire::saml::{self, AttributeNames, SamlProvider, SamlProviderRequest};

/// Read the SAML identity provider of an org.
#[utoipa::path(get, path = "/latchkey/v1/orgs/{id}/saml", tag = "federation", security(("ids_session" = [])),
    params(("id" = String, Path)), responses((status = 200, description = "As it stands", body = SamlProvider), Problems))]
pub async fn find(State(app): State<App>, OfOrg { permit, .. }: OfOrg) -> Result<Response, ApiError> {
    Ok(shown(&app, provider::find(&app.cx, &permit).await?))
}

/// Trust a SAML identity provider, in the place of the one before it; what is left out takes its default.
#[utoipa::path(put, path = "/latchkey/v1/orgs/{id}/saml", tag = "federation", security(("ids_session" = [])),
    params(("id" = String, Path)), request_body = SamlProviderRequest,
    responses((status = 200, description = "As it stands now", body = SamlProvider), Problems))]
pub async fn put(State(app): State<App>, of_org: OfOrg, body: Body) -> Result<Response, ApiError> {
    let asked: SamlProviderRequest = body.typed()?;
    let (org, role, group) =
        (of_org.permit.org(), asked.default_role.as_slice(), asked.default_group.as_slice());
    let defaults = Defaults {
        role: access::grantable(&app.cx, &of_org.caller, org, role).await?,
        group: access::joinable(&app.cx, &of_org.caller, org, group).await?,
    };
    Ok(shown(&app, provider::put(&app.cx, &of_org.permit, draft(asked), defaults).await?))
}

/// Take issuer, places and certificates from the metadata of a provider; everything else stays, or takes its default.
#[utoipa::path(post, path = "/latchkey/v1/orgs/{id}/saml/metadata", tag = "federation", security(("ids_session" = [])),
    params(("id" = String, Path)), request_body(content = String, content_type = "application/samlmetadata+xml"),
    responses((status = 200, description = "As it stands now", body = SamlProvider), Problems))]
pub async fn import(
    State(app): State<App>,
    OfOrg { permit, .. }: OfOrg,
    body: Body,
) -> Result<Response, ApiError> {
    let metadata = Metadata::read(body.text()?).map_err(ProviderError::from)?;
    Ok(shown(&app, provider::import(&app.cx, &permit, metadata).await?))
}

/// Trust the SAML identity provider no more; accounts that came from there stay.
#[utoipa::path(delete, path = "/latchkey/v1/orgs/{id}/saml", tag = "federation", security(("ids_session" = [])),
    params(("id" = String, Path)), responses((status = 204, description = "It is not trusted any more"), Problems))]
pub async fn remove(
    State(app): State<App>,
    OfOrg { permit, .. }: OfOrg,
    _ignored: Ignored,
) -> Result<Response, ApiError> {
    provider::remove(&app.cx, &permit).await?;
    Ok(reply::no_content())
}

fn draft(asked: SamlProviderRequest) -> Draft {
    let place = |saml::Endpoint { binding, url, response_url }| {
        let binding = match binding {
            saml::Binding::Redirect => Binding::Redirect,
            saml::Binding::Post => Binding::Post,
        };
        Endpoint { binding, url, response_url }
    };
    let AttributeNames { first_name, last_name, email, title, phone, groups, roles } = asked.attributes;
    Draft {
        issuer: asked.issuer,
        single_sign_on: asked.single_sign_on.into_iter().map(place).collect(),
        single_logout: asked.single_logout.into_iter().map(place).collect(),
        certificates: asked.certificates,
        name_id_format: asked.name_id_format,
        attributes: Attributes { first_name, last_name, email, title, phone, groups, roles },
        default_role: None,
        default_group: None,
        disable_auto_provisioning: asked.disable_auto_provisioning,
        map_groups_and_roles: asked.map_groups_and_roles,
        allow_sha1: asked.allow_sha1,
        idp_initiated: asked.idp_initiated,
    }
}

fn shown(app: &App, provider: Provider) -> Response {
    let Service { entity_id, acs, slo } = Service::of(&app.cx, provider.org);
    let draft = provider.terms.draft().clone();
    let place = |Endpoint { binding, url, response_url }| {
        let binding = match binding {
            Binding::Redirect => saml::Binding::Redirect,
            Binding::Post => saml::Binding::Post,
        };
        saml::Endpoint { binding, url, response_url }
    };
    let Attributes { first_name, last_name, email, title, phone, groups, roles } = draft.attributes;
    let terms = SamlProviderRequest {
        issuer: draft.issuer,
        single_sign_on: draft.single_sign_on.into_iter().map(place).collect(),
        single_logout: draft.single_logout.into_iter().map(place).collect(),
        certificates: draft.certificates,
        name_id_format: draft.name_id_format,
        attributes: AttributeNames { first_name, last_name, email, title, phone, groups, roles },
        default_role: draft.default_role.map(|role| role.base62()),
        default_group: draft.default_group.map(|group| group.base62()),
        disable_auto_provisioning: draft.disable_auto_provisioning,
        map_groups_and_roles: draft.map_groups_and_roles,
        allow_sha1: draft.allow_sha1,
        idp_initiated: draft.idp_initiated,
    };
    reply::json(&SamlProvider {
        id: provider.id,
        org_id: provider.org,
        entity_id,
        acs_url: acs,
        slo_url: slo,
        terms,
        fingerprints: provider.terms.certificates().iter().map(Certificate::fingerprint).collect(),
        created_at: provider.created_at.rfc3339(),
        updated_at: provider.updated_at.rfc3339(),
    })
}
