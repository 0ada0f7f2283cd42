//! `POST /ma/api/v2/user/login` (protocol.md 4.1, and the seed's `LoginResponse`).

use crate::app::App;
use crate::config::OrgSpelling;
use crate::http::body::{Body, Credentials};
use crate::http::docs::FlatRefusals;
use crate::http::error::ApiError;
use crate::http::reply::{self, Format};
use axum::extract::State;
use axum::response::Response;
use domain::audit::Door;
use domain::role::AnyRole;
use domain::roster;
use domain::session::Opened;
use http::HeaderMap;
use wire::v2::{self, Group, LoginRequest, OrgUuid, User};

/// Sign in with a name and a password.
#[utoipa::path(post, path = "/ma/api/v2/user/login", tag = "sign in",
    request_body(content((LoginRequest = "application/json"), (LoginRequest = "application/x-www-form-urlencoded"))),
    responses((status = 200, description = "A new session", body = User), FlatRefusals))]
pub async fn login(State(app): State<App>, headers: HeaderMap, body: Body) -> Result<Response, ApiError> {
    let origin = body.origin();
    let visit = body.visit(Door::V2);
    let credentials = Credentials::try_from(body.any_format("login")?)?;
    let opened = app.sign_in(credentials, visit).await?;
    roster::came_from(&app.cx, &opened.caller, &origin);
    Ok(reply::v2(Format::asked_for(&headers), &user(&app, &opened)))
}

/// A session as v2 shows it, whichever way it was opened.
pub fn user<'a>(app: &'a App, opened: &'a Opened) -> User<'a> {
    let (user, org) = (opened.caller.user(), opened.caller.org());
    let profile = &user.profile;
    User {
        kind: "user",
        id: user.id,
        org_id: org.id,
        org_uuid: match app.wire.org_uuid {
            OrgSpelling::Uuid => OrgUuid::Uuid(org.id),
            OrgSpelling::Base62 => OrgUuid::Base62(org.id),
        },
        uuid: user.id,
        name: user.name.as_str(),
        description: &profile.description,
        create_time: user.created_at.rfc3339(),
        update_time: user.updated_at.rfc3339(),
        created_by: "System",
        updated_by: "System",
        first_name: &profile.first_name,
        last_name: &profile.last_name,
        title: &profile.title,
        password: "********",
        phone: &profile.phone,
        emails: &profile.email,
        timezone: &profile.timezone,
        server_url: &app.saas_url,
        spi_url: &app.saas_url,
        ic_session_id: opened.id.clone(),
        security_question: &profile.security_question,
        security_answer: "",
        force_change_password: user.must_change_password,
        opt_out_of_emails: false,
        usergroups: user
            .group_names()
            .map(|(name, _)| Group { kind: "usergroup", name: name.to_owned() })
            .collect(),
        roles: user.all_roles().iter().map(role).collect(),
    }
}

fn role(role: &AnyRole) -> v2::Role {
    let (name, description) = (role.name().to_owned(), role.description().to_owned());
    v2::Role { kind: "role", name, description }
}
