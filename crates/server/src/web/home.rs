//! `/identity-service/home`: sign in, see who you are, sign out (protocol.md 2.3).

use super::cookies;
use super::logout;
use super::page::{self, HOME, PASSWORD};
use super::password;
use super::saml::NO_ORG;
use super::visitor::{Purpose, Visitor, token};
use crate::app::App;
use crate::http::body::{Body, Credentials};
use crate::http::docs::Troubles;
use crate::http::error::{ApiError, Family, Told};
use crate::http::form::pairs;
use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use domain::access::Caller;
use domain::audit::Door;
use domain::roster;
use domain::saml::sought::Sought;
use domain::session::Opened;
use http::StatusCode;
use wire::error::Code;

/// The page where people sign in, or see who they are.
#[utoipa::path(get, path = "/identity-service/home", tag = "pages",
    params(("org" = Option<String>, Query, description = "The id or the name of an org whose single sign-on the page offers")),
    responses((status = 200, description = "A page for people", body = String, content_type = "text/html"), Troubles))]
pub async fn show(State(app): State<App>, visitor: Visitor, RawQuery(query): RawQuery) -> Response {
    match &visitor.caller {
        Some(caller) if password::must_change(caller) => page::go_to(PASSWORD),
        Some(caller) => signed_in(&app, &visitor, caller),
        None => {
            form(&app, &visitor, Show { told: None, single_sign_on: SingleSignOn::asked(query.as_deref()) })
        }
    }
}

/// Where the vendor's users begin.
#[utoipa::path(get, path = "/ma/home", tag = "pages",
    responses((status = 303, description = "The page is /identity-service/home"), Troubles))]
pub async fn begin() -> Response {
    page::go_to(HOME)
}

/// Sign in with the form of the page.
#[utoipa::path(post, path = "/identity-service/home", tag = "pages",
    request_body(content = String, content_type = "application/x-www-form-urlencoded"),
    responses((status = 303, description = "Signed in, with the cookie USER_SESSION"), Troubles))]
pub async fn sign_in(State(app): State<App>, visitor: Visitor, body: Body) -> Result<Response, ApiError> {
    let opened = match open(&app, &visitor, &body).await {
        Ok(opened) => opened,
        Err(error) if error.code() == Code::Denied => return Err(error),
        Err(error) => {
            let told = Some(error.told(Family::Page, &app));
            return Ok(form(&app, &visitor, Show { told, single_sign_on: SingleSignOn::Unasked }));
        }
    };
    roster::came_from(&app.cx, &opened.caller, &body.origin());
    let response = hand_over(&app, &opened, HOME);
    if let Some(before) = visitor.caller {
        app.sign_out(before).await?;
    }
    Ok(response)
}

/// Sign out with the button of the page.
#[utoipa::path(post, path = "/identity-service/home/sign-out", tag = "pages",
    request_body(content = String, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "Signed out; a page that goes on to the identity provider", body = String, content_type = "text/html"),
        (status = 303, description = "Signed out"), Troubles))]
pub async fn sign_out(State(app): State<App>, visitor: Visitor, body: Body) -> Result<Response, ApiError> {
    let mut response = page::go_to(HOME);
    // Without a session there is nothing to end; whoever sent this may not even take the cookies away.
    if visitor.caller.is_some() {
        visitor.sent(&body.strict_form()?, visitor.purpose())?;
    }
    if let Some(caller) = visitor.caller {
        if let Some(question) = app.sign_out_everywhere(caller).await? {
            response = logout::ask(&app, &question)?;
        }
        cookies::take_session(&mut response, &app);
        cookies::take_form_secret(&mut response, &app);
    }
    Ok(response)
}

async fn open(app: &App, visitor: &Visitor, body: &Body) -> Result<Opened, ApiError> {
    let fields = body.strict_form()?;
    visitor.sent(&fields, Purpose::SignIn)?;
    let unfilled = |_| ApiError::new(Code::BadRequest, "Enter your user name and your password.");
    let credentials = Credentials::try_from(fields).map_err(unfilled)?;
    app.sign_in(credentials, body.visit(Door::Web)).await
}

/// Sends a browser on with its new session.
pub fn hand_over(app: &App, opened: &Opened, path: &str) -> Response {
    let mut response = page::go_to(path);
    cookies::hand_over_session(&mut response, &opened.id, app);
    // Whoever knew the secret before knows nothing about the forms of this session.
    cookies::take_form_secret(&mut response, app);
    response
}

/// What else stands on the page.
struct Show {
    told: Option<Told>,
    single_sign_on: SingleSignOn,
}

/// What somebody said about the provider of their org.
enum SingleSignOn {
    Unasked,
    Of(Sought),
    Unreadable,
}

impl SingleSignOn {
    fn asked(query: Option<&str>) -> Self {
        let pairs = pairs(query.unwrap_or_default()).unwrap_or_default();
        let org = pairs.into_iter().find(|(name, value)| name == "org" && !value.is_empty());
        org.map_or(Self::Unasked, |(_, text)| text.parse().map_or(Self::Unreadable, Self::Of))
    }
}

#[derive(Template)]
#[template(path = "web/sign_in.html")]
struct SignIn<'a> {
    token: String,
    told: Option<&'a Told>,
    single_sign_on: &'a SingleSignOn,
}

fn form(app: &App, visitor: &Visitor, Show { told, single_sign_on }: Show) -> Response {
    let (secret, told) = (visitor.form_secret(app), told.as_ref());
    let token = token(&secret, Purpose::SignIn);
    let sign_in = SignIn { token, told, single_sign_on: &single_sign_on };
    let mut response = page::show(told.map_or(StatusCode::OK, Told::status), &sign_in);
    if let Some(told) = told {
        told.hints(response.headers_mut());
    }
    cookies::hand_over_form_secret(&mut response, &secret, app);
    response
}

#[derive(Template)]
#[template(path = "web/signed_in.html")]
struct SignedIn<'a> {
    name: &'a str,
    org: &'a str,
    ends: String,
    ends_exactly: String,
    has_password: bool,
    token: String,
}

fn signed_in(app: &App, visitor: &Visitor, caller: &Caller) -> Response {
    let secret = visitor.form_secret(app);
    let ends = caller.session().map(|session| session.expires_at()).unwrap_or_default();
    let page = SignedIn {
        name: caller.user().name.as_str(),
        org: &caller.org().name,
        ends: page::minute(ends),
        ends_exactly: ends.rfc3339(),
        has_password: password::is_theirs(caller),
        token: token(&secret, visitor.purpose()),
    };
    let mut response = page::show(StatusCode::OK, &page);
    cookies::hand_over_form_secret(&mut response, &secret, app);
    response
}
