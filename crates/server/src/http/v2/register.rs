//! `POST /saas/api/v2/user/register` (protocol.md 4.10): a sub-org and its first user, both or neither.

use super::people;
use crate::app::App;
use crate::http::body::Body;
use crate::http::caller::Session;
use crate::http::docs::FlatRefusals;
use crate::http::error::ApiError;
use crate::http::reply::{self, Format};
use axum::extract::State;
use axum::response::Response;
use domain::access;
use domain::org::{self, FirstUser};
use domain::role::Role;
use http::HeaderMap;
use wire::v2::User;
use wire::v2::admin::Registration;

/// Add a sub-org together with its first user, who administers it.
#[utoipa::path(post, path = "/saas/api/v2/user/register", tag = "administration", security(("ic_session" = [])),
    request_body = Registration, responses((status = 200, description = "The first user", body = User), FlatRefusals))]
pub async fn register(
    State(app): State<App>,
    Session(caller): Session,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let own = caller.org().id;
    let permit = access::permit(&app.cx, &caller, own).await?;
    let fields = body.nested("registration")?;
    let draft = people::new_org(fields.within("org")?)?;
    let user = people::draft(fields.within("user")?)?;
    fields.within("user")?.required("password", domain::name::LONGEST)?;
    let roles = access::grantable(&app.cx, &caller, own, &[Role::Admin.name().to_owned()]).await?;
    let first = FirstUser { draft: user, roles };
    let (_, user) = org::register(&app.cx, &permit, draft, first).await?;
    Ok(reply::v2(Format::asked_for(&headers), &people::user(&app, &user, None)))
}
