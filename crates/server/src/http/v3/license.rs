//! `/saas/public/core/v3/license/org/<id>` (protocol.md 5.9): there are no licences here, only the limit of sessions.

use super::people;
use crate::app::App;
use crate::http::body::Body;
use crate::http::caller::Session;
use crate::http::docs::Refusals;
use crate::http::error::ApiError;
use crate::http::reply;
use axum::extract::{Path, State};
use axum::response::Response;
use domain::org::Org;
use domain::org_policy::MOST_SESSIONS;
use domain::time::Timestamp;
use domain::{access, org};
use wire::error::Code;
use wire::v3::license::{CustomLimit, License, LicenseChange, LimitChange};

/// The limit that counts here (protocol.md 1.4).
const SESSIONS: &str = "restApiSessionLimit";

/// As many sessions as any org may hold.
const UNLIMITED: u32 = MOST_SESSIONS;

/// The licence of an org: nothing runs out, and one limit.
#[utoipa::path(get, path = "/saas/public/core/v3/license/org/{id}", tag = "administration", security(("infa_session" = [])),
    params(("id" = String, Path)), responses((status = 200, description = "The licence", body = License), Refusals))]
pub async fn read(
    State(app): State<App>,
    Session(caller): Session,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let permit = access::permit(&app.cx, &caller, people::id(&id)?).await?;
    let org = org::show(&app.cx, &permit).await?.ok_or_else(ApiError::unknown)?.org;
    Ok(shown(&app, &org))
}

/// Say how many sessions an org below that of the caller may hold at once.
#[utoipa::path(put, path = "/saas/public/core/v3/license/org/{id}", tag = "administration", security(("infa_session" = [])),
    params(("id" = String, Path)), request_body = LicenseChange,
    responses((status = 200, description = "The licence as it is now", body = License), Refusals))]
pub async fn change(
    State(app): State<App>,
    Session(caller): Session,
    Path(id): Path<String>,
    body: Body,
) -> Result<Response, ApiError> {
    let over = access::over_org(&app.cx, &caller, people::id(&id)?).await?;
    let org = org::license(&app.cx, over, session_limit(&body.typed()?)?).await?;
    Ok(shown(&app, &org))
}

/// The one limit that counts here.
fn session_limit(asked: &LicenseChange) -> Result<Option<u32>, ApiError> {
    let wrong =
        |what| ApiError::new(Code::BadRequest, format!("Bad Request. Please check your request: {what}."));
    if !asked.custom_licenses.is_empty() || !asked.assigned_editions.is_empty() {
        return Err(wrong("licenses and editions are not kept here"));
    }
    match asked.custom_limits.as_slice() {
        [LimitChange { limit_definition, value }] if limit_definition == SESSIONS => match value {
            -1 => Ok(Some(UNLIMITED)),
            0 => Ok(None),
            number => match u32::try_from(*number) {
                Ok(limit @ ..=UNLIMITED) => Ok(Some(limit)),
                _ => Err(wrong("a limit is -1, 0 or a number up to ten million")),
            },
        },
        _ => Err(wrong("customLimits has one limit, restApiSessionLimit")),
    }
}

fn shown(app: &App, org: &Org) -> Response {
    let limit = org.session_limit(app.cx.policy());
    let value = if limit == u64::from(UNLIMITED) { -1 } else { i64::try_from(limit).unwrap_or(i64::MAX) };
    reply::json(&License {
        create_time: to_the_second(org.created_at),
        update_time: to_the_second(org.updated_at),
        created_by: org.revision.created_by(),
        updated_by: org.revision.updated_by(),
        id: org.id,
        parent_org: org.parent,
        custom_licenses: Vec::new(),
        assigned_editions: Vec::new(),
        custom_limits: vec![CustomLimit { limit_definition: SESSIONS, value }],
    })
}

/// This resource alone has times without milliseconds (protocol.md 1.2).
fn to_the_second(at: Timestamp) -> String {
    at.rfc3339().split('.').next().unwrap_or_default().to_owned() + "Z"
}
