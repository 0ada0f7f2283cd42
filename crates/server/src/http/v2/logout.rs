//! `POST /ma/api/v2/user/logout` and `/saas/api/v2/user/logout` (protocol.md 4.5).

use crate::app::App;
use crate::http::body::Ignored;
use crate::http::caller::Session;
use crate::http::docs::FlatRefusals;
use crate::http::error::ApiError;
use crate::http::reply::{self, Format};
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use wire::v2::Success;

/// End the session, for every header and the cookie.
#[utoipa::path(post, path = "/saas/api/v2/user/logout", tag = "sign out", security(("ic_session" = [])),
    responses((status = 200, description = "The session has ended", body = Success), FlatRefusals))]
pub async fn saas_logout(
    State(app): State<App>,
    Session(caller): Session,
    headers: HeaderMap,
    _ignored: Ignored,
) -> Result<Response, ApiError> {
    app.sign_out(caller).await?;
    Ok(reply::v2(Format::asked_for(&headers), &Success { kind: "success" }))
}

/// The same on the login host.
#[utoipa::path(post, path = "/ma/api/v2/user/logout", tag = "sign out", security(("ic_session" = [])),
    responses((status = 200, description = "The session has ended", body = Success), FlatRefusals))]
pub async fn ma_logout(
    app: State<App>,
    session: Session,
    headers: HeaderMap,
    body: Ignored,
) -> Result<Response, ApiError> {
    saas_logout(app, session, headers, body).await
}
