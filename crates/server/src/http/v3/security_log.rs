//! `/saas/public/core/v3/securityLog` (protocol.md 5.8).

use super::people;
use crate::app::App;
use crate::http::caller::Session;
use crate::http::docs::Refusals;
use crate::http::error::ApiError;
use crate::http::query::{Compares, Listing};
use crate::http::reply;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use domain::access;
use domain::log::{self, Told, Wanted};
use domain::time::Timestamp;
use std::time::Duration;
use wire::OrgId;
use wire::error::Code;
use wire::v3::admin::{LogEntry, SecurityLog};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What happened in the org, the latest first.
#[utoipa::path(get, path = "/saas/public/core/v3/securityLog", tag = "administration", security(("infa_session" = [])),
    params(("q" = Option<String>, Query, description = "`entryTime>=`, `entryTime<=`, `actionCategory==`, `actor==`, `objectName==`, `orgId==`"),
        ("limit" = Option<u32>, Query, description = "At most 200; 100 if absent"), ("skip" = Option<u32>, Query)),
    responses((status = 200, description = "The entries", body = SecurityLog), Refusals))]
pub async fn read(
    State(app): State<App>,
    Session(caller): Session,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let known = ["entryTime", "actionCategory", "actor", "objectName", "orgId"];
    let asked = Listing::read(query.as_deref(), &known)?;
    let org = people::org(&caller, &asked)?;
    let permit = access::permit(&app.cx, &caller, org).await?;
    let wanted = wanted(&asked, app.cx.now())?;
    let told = log::read(&app.cx, &permit, &wanted, asked.page).await?;
    let entries = told.into_iter().map(|told| entry(org, told)).collect();
    Ok(reply::json(&SecurityLog { entries }))
}

/// The last 24 hours unless another span is named, of at most 14 days.
fn wanted(asked: &Listing, now: Timestamp) -> Result<Wanted, ApiError> {
    let to = time(asked, Compares::AtMost)?.unwrap_or(now);
    let from = time(asked, Compares::AtLeast)?.unwrap_or(to - DAY);
    if to.since(from) > DAY * 14 {
        return Err(ApiError::new(Code::BadRequest, "entryTime spans more than 14 days"));
    }
    let equal = |name| asked.equal(name).map(str::to_owned);
    let (actor, object, category) = (equal("actor"), equal("objectName"), equal("actionCategory"));
    Ok(Wanted { between: (from, to), actor, object, category })
}

fn time(asked: &Listing, compares: Compares) -> Result<Option<Timestamp>, ApiError> {
    let Some(text) = asked.value("entryTime", compares) else { return Ok(None) };
    let unreadable =
        |_| ApiError::new(Code::BadRequest, "entryTime is not a time such as 2026-08-01T00:00:00.000Z");
    text.parse().map(Some).map_err(unreadable)
}

fn entry(org_id: OrgId, told: Told) -> LogEntry {
    LogEntry {
        id: told.number.to_string(),
        org_id,
        actor: told.actor,
        entry_time: told.at.rfc3339(),
        object_id: told.object_id,
        object_name: told.object_name,
        action_category: told.category.to_owned(),
        action_event: told.action,
    }
}
