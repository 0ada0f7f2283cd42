//! `POST /saas/api/v2/user/validSessionId` (protocol.md 4.7): asks about a session without sliding it.

use crate::app::App;
use crate::http::body::Body;
use crate::http::docs::FlatRefusals;
use crate::http::error::ApiError;
use crate::http::reply::{self, Format};
use axum::extract::State;
use axum::response::Response;
use domain::name::LONGEST;
use domain::session;
use http::HeaderMap;
use wire::v2::{ValidSessionIdRequest, ValidatedToken};

/// Ask how long a session will live if it is not used.
#[utoipa::path(post, path = "/saas/api/v2/user/validSessionId", tag = "check",
    request_body(content((ValidSessionIdRequest = "application/json"), (ValidSessionIdRequest = "application/x-www-form-urlencoded"))),
    responses((status = 200, description = "Whether the session is alive", body = ValidatedToken), FlatRefusals))]
pub async fn valid_session_id(
    State(app): State<App>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let fields = body.any_format("validatedToken")?;
    let user = fields.optional("userName", LONGEST)?.filter(|name| !name.expose().is_empty());
    let (token, user) = (fields.required("icToken", 16_000)?, user.map(|name| name.expose()));
    let left = session::time_left(&app.cx, token, user, body.address()).await?;
    let reply = ValidatedToken {
        kind: "validatedToken",
        time_until_expire: left.map_or(0, |left| left.as_secs() / 60),
        is_valid_token: left.is_some(),
    };
    Ok(reply::v2(Format::asked_for(&headers), &reply))
}
