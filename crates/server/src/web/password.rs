//! `/identity-service/home/password`: people change their own password.

use super::cookies;
use super::page::{self, HOME};
use super::visitor::{Visitor, token};
use crate::app::App;
use crate::http::body::Body;
use crate::http::docs::Troubles;
use crate::http::error::{ApiError, Family, Told};
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use domain::access::Caller;
use domain::audit::Door;
use domain::name::LONGEST;
use domain::user::Authenticator;
use http::StatusCode;
use wire::error::Code;

/// The page where people change their own password.
#[utoipa::path(get, path = "/identity-service/home/password", tag = "pages",
    responses((status = 200, description = "A page for people", body = String, content_type = "text/html"),
        (status = 303, description = "Sign in first"), Troubles))]
pub async fn show(State(app): State<App>, visitor: Visitor) -> Response {
    match &visitor.caller {
        Some(caller) if is_theirs(caller) => form(&app, &visitor, None),
        _ => page::go_to(HOME),
    }
}

/// Change one's own password; every other session of the user ends.
#[utoipa::path(post, path = "/identity-service/home/password", tag = "pages",
    request_body(content = String, content_type = "application/x-www-form-urlencoded"),
    responses((status = 303, description = "It is changed, or there is no session"), Troubles))]
pub async fn change(State(app): State<App>, visitor: Visitor, body: Body) -> Result<Response, ApiError> {
    let Some(caller) = visitor.caller.clone().filter(is_theirs) else {
        return Ok(page::go_to(HOME));
    };
    match changed(&app, &visitor, caller, &body).await {
        Ok(()) => Ok(page::go_to(HOME)),
        Err(error) if error.code() == Code::Denied => Err(error),
        Err(error) => Ok(form(&app, &visitor, Some(&error.told(Family::Page, &app)))),
    }
}

/// Whether somebody has a password here that they may change.
pub fn is_theirs(caller: &Caller) -> bool {
    caller.user().authenticator != Authenticator::Saml
}

/// Whether somebody has to change their password before they go on.
pub fn must_change(caller: &Caller) -> bool {
    is_theirs(caller) && caller.user().must_change_password
}

async fn changed(app: &App, visitor: &Visitor, caller: Caller, body: &Body) -> Result<(), ApiError> {
    let fields = body.strict_form()?;
    visitor.sent(&fields, visitor.purpose())?;
    let wrong = |what: &'static str| ApiError::new(Code::BadRequest, what);
    let field = |name| {
        fields
            .required(name, LONGEST)
            .map_err(|_| wrong("Fill in all three fields, with up to 255 characters each."))
    };
    let (old, new, again) = (field("old_password")?, field("new_password")?, field("new_password_again")?);
    if new.expose() != again.expose() {
        return Err(wrong("The new password is not the same in both fields."));
    }
    app.change_own_password(caller, old.clone(), new.clone(), body.visit(Door::Web)).await
}

#[derive(Template)]
#[template(path = "web/password.html")]
struct Change<'a> {
    name: &'a str,
    must: bool,
    token: String,
    told: Option<&'a Told>,
}

fn form(app: &App, visitor: &Visitor, told: Option<&Told>) -> Response {
    let secret = visitor.form_secret(app);
    let name = visitor.caller.as_ref().map(|caller| caller.user().name.as_str()).unwrap_or_default();
    let must = visitor.caller.as_ref().is_some_and(must_change);
    let page = Change { name, must, token: token(&secret, visitor.purpose()), told };
    let mut response = page::show(told.map_or(StatusCode::OK, Told::status), &page);
    if let Some(told) = told {
        told.hints(response.headers_mut());
    }
    cookies::hand_over_form_secret(&mut response, &secret, app);
    response
}
