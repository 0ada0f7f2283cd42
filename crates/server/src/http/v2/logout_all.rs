//! `POST /ma/api/v2/user/logoutall` (protocol.md 4.6): ends every session of the org.

use crate::app::App;
use crate::http::body::{Body, Credentials};
use crate::http::caller::Presented;
use crate::http::docs::FlatRefusals;
use crate::http::error::ApiError;
use crate::http::reply::{self, Format};
use axum::extract::State;
use axum::response::Response;
use domain::audit::Door;
use http::HeaderMap;
use wire::v2::{LoginRequest, Success};

/// End every session of the org; its administrator proves who it is with a password, or with a session and no body.
#[utoipa::path(post, path = "/ma/api/v2/user/logoutall", tag = "sign out", security((), ("ic_session" = [])),
    request_body(content((LoginRequest = "application/json"), (LoginRequest = "application/x-www-form-urlencoded"))),
    responses((status = 200, description = "Every session of the org has ended", body = Success), FlatRefusals))]
pub async fn logout_all(
    State(app): State<App>,
    presented: Result<Presented, ApiError>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let caller = if body.is_empty() {
        presented?.caller(&app).await?
    } else {
        let visit = body.visit(Door::V2);
        app.prove(Credentials::try_from(body.any_format("logout")?)?, visit).await?
    };
    app.sign_out_org(&caller).await?;
    Ok(reply::v2(Format::asked_for(&headers), &Success { kind: "success" }))
}
