//! `/saas/api/v2/auditlog` (protocol.md 4.10).

use super::people;
use crate::app::App;
use crate::http::caller::Session;
use crate::http::docs::FlatRefusals;
use crate::http::error::ApiError;
use crate::http::query::Listing;
use crate::http::reply::{self, Format};
use axum::extract::{RawQuery, State};
use axum::response::Response;
use domain::access;
use domain::log::{self, Wanted};
use domain::page::Page;
use domain::time::Timestamp;
use http::HeaderMap;
use wire::v2::admin::AuditLogEntry;

/// What happened in the org, the latest first, in batches.
#[utoipa::path(get, path = "/saas/api/v2/auditlog", tag = "administration", security(("ic_session" = [])),
    params(("batchId" = Option<u32>, Query, description = "0 is the latest batch"),
        ("batchSize" = Option<u32>, Query, description = "At most 200; 200 if absent")),
    responses((status = 200, description = "The entries", body = Vec<AuditLogEntry>), FlatRefusals))]
pub async fn read(
    State(app): State<App>,
    Session(caller): Session,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let asked = Listing::read(query.as_deref(), &[])?;
    let size = asked.number("batchSize")?.unwrap_or(Page::MOST).min(Page::MOST);
    let page = Page::new(size, size.saturating_mul(asked.number("batchId")?.unwrap_or(0)));
    let org = caller.org().id;
    let permit = access::permit(&app.cx, &caller, org).await?;
    let between = (Timestamp::default(), app.cx.now());
    let wanted = Wanted { between, actor: None, object: None, category: None };
    let told = log::read(&app.cx, &permit, &wanted, page).await?;
    let entries: Vec<_> = told.into_iter().map(|told| people::entry(org, told)).collect();
    Ok(reply::v2_list(Format::asked_for(&headers), "auditLogEntries", &entries))
}
