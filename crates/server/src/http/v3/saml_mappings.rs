//! `/saas/public/core/v3/Orgs/<orgId>/…Saml…Mappings` (protocol.md 5.10): what groups and roles of a provider are here.

use super::identity_providers::OfOrg;
use crate::app::App;
use crate::http::body::Body;
use crate::http::docs::Refusals;
use crate::http::error::ApiError;
use crate::http::query::Listing;
use crate::http::reply;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use domain::access;
use domain::saml::mapping::{self, Mapped, Mapping};
use wire::error::Code;
use wire::saml::{
    GroupMapping, GroupMappings, GroupMappingsRequest, RoleMapping, RoleMappings, RoleMappingsRequest,
};

/// How many roles one request may map.
const MOST: usize = 200;

/// Give roles to groups of the identity provider.
#[utoipa::path(put, path = "/saas/public/core/v3/Orgs/{org}/addSamlGroupMappings", tag = "federation",
    params(("org" = String, Path, description = "The org's id")), security(("infa_session" = [])),
    request_body = GroupMappingsRequest, responses((status = 204, description = "They have them"), Refusals))]
pub async fn add_groups(State(app): State<App>, of_org: OfOrg, body: Body) -> Result<Response, ApiError> {
    let GroupMappingsRequest { group_mappings, reuse_group } = body.typed()?;
    let rows = group_mappings.into_iter().map(|row| (row.role_name, row.saml_group_names)).collect();
    let rows = mappings(&app, &of_org, rows).await?;
    mapping::add_groups(&app.cx, &of_org.permit, rows, reuse_group).await?;
    Ok(reply::no_content())
}

/// Take roles from groups of the identity provider.
#[utoipa::path(put, path = "/saas/public/core/v3/Orgs/{org}/removeSamlGroupMappings", tag = "federation",
    params(("org" = String, Path, description = "The org's id")), security(("infa_session" = [])),
    request_body = GroupMappingsRequest, responses((status = 204, description = "They have them no more"), Refusals))]
pub async fn remove_groups(State(app): State<App>, of_org: OfOrg, body: Body) -> Result<Response, ApiError> {
    let GroupMappingsRequest { group_mappings, .. } = body.typed()?;
    let rows = group_mappings.into_iter().map(|row| (row.role_name, row.saml_group_names)).collect();
    let rows = mappings(&app, &of_org, rows).await?;
    mapping::remove_groups(&app.cx, &of_org.permit, rows).await?;
    Ok(reply::no_content())
}

/// Map roles of the identity provider to roles of the org.
#[utoipa::path(put, path = "/saas/public/core/v3/Orgs/{org}/addSamlRoleMappings", tag = "federation",
    params(("org" = String, Path, description = "The org's id")), security(("infa_session" = [])),
    request_body = RoleMappingsRequest, responses((status = 204, description = "They are mapped"), Refusals))]
pub async fn add_roles(State(app): State<App>, of_org: OfOrg, body: Body) -> Result<Response, ApiError> {
    let RoleMappingsRequest { role_mappings } = body.typed()?;
    let rows = role_mappings.into_iter().map(|row| (row.role_name, row.saml_role_names)).collect();
    let rows = mappings(&app, &of_org, rows).await?;
    mapping::add_roles(&app.cx, &of_org.permit, rows).await?;
    Ok(reply::no_content())
}

/// Map roles of the identity provider no more.
#[utoipa::path(put, path = "/saas/public/core/v3/Orgs/{org}/removeSamlRoleMappings", tag = "federation",
    params(("org" = String, Path, description = "The org's id")), security(("infa_session" = [])),
    request_body = RoleMappingsRequest, responses((status = 204, description = "They are mapped no more"), Refusals))]
pub async fn remove_roles(State(app): State<App>, of_org: OfOrg, body: Body) -> Result<Response, ApiError> {
    let RoleMappingsRequest { role_mappings } = body.typed()?;
    let rows = role_mappings.into_iter().map(|row| (row.role_name, row.saml_role_names)).collect();
    let rows = mappings(&app, &of_org, rows).await?;
    mapping::remove_roles(&app.cx, &of_org.permit, rows).await?;
    Ok(reply::no_content())
}

/// Which roles groups of the identity provider have.
#[utoipa::path(get, path = "/saas/public/core/v3/Orgs/{org}/SAMLConfig/groupMappings", tag = "federation",
    params(("org" = String, Path, description = "The org's id"),
        ("q" = Option<String>, Query, description = "`roleId==`, `roleName==`"),
        ("limit" = Option<u32>, Query, description = "At most 200; 100 if absent"), ("skip" = Option<u32>, Query)),
    security(("infa_session" = [])), responses((status = 200, description = "One row for each role", body = GroupMappings), Refusals))]
pub async fn groups(
    State(app): State<App>,
    OfOrg { permit, .. }: OfOrg,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let (count, part) = part(query.as_deref(), mapping::groups(&app.cx, &permit).await?)?;
    let group_mappings = part.into_iter().map(|Mapped { role, names }| GroupMapping {
        role_id: Some(role.id().base62()),
        role_name: role.name().to_owned(),
        saml_group_names: names,
    });
    Ok(reply::json(&GroupMappings { count, group_mappings: group_mappings.collect() }))
}

/// Which roles of the org are which at the identity provider.
#[utoipa::path(get, path = "/saas/public/core/v3/Orgs/{org}/SAMLConfig/roleMappings", tag = "federation",
    params(("org" = String, Path, description = "The org's id"),
        ("q" = Option<String>, Query, description = "`roleId==`, `roleName==`"),
        ("limit" = Option<u32>, Query, description = "At most 200; 100 if absent"), ("skip" = Option<u32>, Query)),
    security(("infa_session" = [])), responses((status = 200, description = "One row for each role", body = RoleMappings), Refusals))]
pub async fn roles(
    State(app): State<App>,
    OfOrg { permit, .. }: OfOrg,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let (count, part) = part(query.as_deref(), mapping::roles(&app.cx, &permit).await?)?;
    let role_mappings = part.into_iter().map(|Mapped { role, names }| RoleMapping {
        role_id: Some(role.id().base62()),
        role_name: role.name().to_owned(),
        saml_role_names: names,
    });
    Ok(reply::json(&RoleMappings { count, role_mappings: role_mappings.collect() }))
}

/// Roles that the caller may give, each with names that a provider may have.
async fn mappings(
    app: &App,
    of_org: &OfOrg,
    rows: Vec<(String, Vec<String>)>,
) -> Result<Vec<Mapping>, ApiError> {
    let wrong = |what: String| {
        ApiError::new(Code::BadRequest, format!("Bad Request. Please check your request: {what}."))
    };
    if rows.is_empty() || rows.len() > MOST {
        return Err(wrong(format!("there are 1 to {MOST} mappings")));
    }
    let mut mappings = Vec::new();
    for (role, names) in rows {
        let role = access::grantable(&app.cx, &of_org.caller, of_org.permit.org(), &[role]).await?;
        let names = names.iter().map(|name| name.parse()).collect::<Result<_, mapping::NotAName>>();
        mappings.push(Mapping { role, names: names.map_err(|error| wrong(error.to_string()))? });
    }
    Ok(mappings)
}

/// The rows that a query asks for, and how many there are of them.
fn part(query: Option<&str>, all: Vec<Mapped>) -> Result<(usize, Vec<Mapped>), ApiError> {
    let asked = Listing::read(query, &["roleId", "roleName"])?;
    let is_meant = |row: &Mapped| {
        let id = asked.equal("roleId").is_none_or(|id| id.parse() == Ok(row.role.id()));
        id && asked.equal("roleName").is_none_or(|name| name == row.role.name())
    };
    let all: Vec<_> = all.into_iter().filter(is_meant).collect();
    let (skip, limit) = (asked.page.skip() as usize, asked.page.limit() as usize);
    Ok((all.len(), all.into_iter().skip(skip).take(limit).collect()))
}
