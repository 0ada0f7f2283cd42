//! `GET /saas/api/v2/server/serverTime` (protocol.md 4.10).

use crate::app::App;
use crate::http::caller::Session;
use crate::http::docs::FlatRefusals;
use crate::http::reply::{self, Format};
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use wire::v2::ServerTime;

/// What time it is here.
#[utoipa::path(get, path = "/saas/api/v2/server/serverTime", tag = "check", security(("ic_session" = [])),
    responses((status = 200, description = "The instance's clock", body = ServerTime), FlatRefusals))]
pub async fn server_time(State(app): State<App>, _caller: Session, headers: HeaderMap) -> Response {
    reply::v2(Format::asked_for(&headers), &ServerTime { kind: "serverTime", time: app.cx.now().rfc3339() })
}
