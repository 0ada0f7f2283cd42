//! `/saas/public/core/v3/license/org/<id>` (protocol.md 5.9): there are no licences here, only the limit of sessions.

use super::people;
use crate::app::App;
use crate::http::caller::Session;
use crate::http::docs::Refusals;
use crate::http::error::ApiError;
use crate::http::reply;
use axum::extract::{Path, State};
use axum::response::Response;
use domain::time::Timestamp;
use domain::{access, org};
use wire::v3::license::{CustomLimit, License};

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
    let value = i64::try_from(org.session_limit(app.cx.policy())).unwrap_or(i64::MAX);
    Ok(reply::json(&License {
        create_time: to_the_second(org.created_at),
        update_time: to_the_second(org.updated_at),
        created_by: "System",
        updated_by: "System",
        id: org.id,
        parent_org: org.parent,
        custom_licenses: Vec::new(),
        assigned_editions: Vec::new(),
        custom_limits: vec![CustomLimit { limit_definition: "restApiSessionLimit", value }],
    }))
}

/// This resource alone has times without milliseconds (protocol.md 1.2).
fn to_the_second(at: Timestamp) -> String {
    at.rfc3339().split('.').next().unwrap_or_default().to_owned() + "Z"
}
