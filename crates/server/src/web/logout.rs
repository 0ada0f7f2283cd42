//! Single logout in a browser: it carries our question to the org's provider and brings the answer, or theirs and ours.

use super::asked::{self, About};
use super::cookies;
use super::page;
use super::saml::{of_text, send};
use crate::app::App;
use crate::http::body::Body;
use crate::http::caller;
use crate::http::docs::Troubles;
use crate::http::error::ApiError;
use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use domain::access::{self, NotACaller, Use};
use domain::audit::Door;
use domain::method::saml::{Delivered, Kind, LONGEST};
use domain::saml::carry::Carried;
use domain::saml::logout::{self, Farewell, NotEnded, Question};
use http::{HeaderMap, StatusCode};
use wire::OrgId;
use wire::error::Code;

/// The longest `RelayState` that is read; what is longer than its standard allows is not carried on.
const LONGEST_RELAY: usize = 1_024;

/// Take a message of a single logout out of a URL.
#[utoipa::path(get, path = "/identity-service/slo/{org}", tag = "pages",
    params(("org" = String, Path), ("SAMLRequest" = Option<String>, Query, description = "The provider asks that sessions end"),
        ("SAMLResponse" = Option<String>, Query, description = "The provider says what became of its own session"),
        ("RelayState" = Option<String>, Query), ("SigAlg" = Option<String>, Query), ("Signature" = Option<String>, Query)),
    responses((status = 200, description = "A page that says what happened, or carries the answer on", body = String, content_type = "text/html"),
        (status = 303, description = "The provider, with the answer"), Troubles))]
pub async fn by_url(
    State(app): State<App>,
    Path(org): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let delivered = Delivered::in_url(query.as_deref().unwrap_or_default()).ok_or_else(no_message)?;
    take(&Brought { app, org: of_text(&org)?, headers, body }, delivered).await
}

/// Take a message of a single logout out of a form.
#[utoipa::path(post, path = "/identity-service/slo/{org}", tag = "pages", params(("org" = String, Path)),
    request_body(content = String, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "A page that says what happened, or carries the answer on", body = String, content_type = "text/html"),
        (status = 303, description = "The provider, with the answer"), Troubles))]
pub async fn by_form(
    State(app): State<App>,
    Path(org): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let (org, fields) = (of_text(&org)?, body.strict_form()?);
    let message = |name| fields.optional(name, LONGEST);
    let (kind, message) = match (message("SAMLRequest")?, message("SAMLResponse")?) {
        (Some(message), None) => (Kind::Request, message.clone()),
        (None, Some(message)) => (Kind::Response, message.clone()),
        _ => return Err(no_message()),
    };
    let relay = fields.optional("RelayState", LONGEST_RELAY).ok().flatten();
    let delivered = Delivered::in_form(kind, message, relay.map(|relay| relay.expose().to_owned()));
    take(&Brought { app, org, headers, body }, delivered).await
}

/// Sends a browser to the provider of whoever has just left, to leave there as well.
pub fn ask(app: &App, question: &Question) -> Result<Response, ApiError> {
    let mut response = match &question.carried {
        // No redirect: browsers hold the policy of the page with the form against where its answer sends them.
        Carried::InUrl(url) => page::show(StatusCode::OK, &GoOn { url }),
        in_form @ Carried::InForm { .. } => send(in_form)?,
    };
    asked::remember(&mut response, About::SignOut, (question.org, &question.id), app);
    Ok(response)
}

fn no_message() -> ApiError {
    ApiError::new(
        Code::BadRequest,
        "There is no message of an identity provider in this request, or more than one.",
    )
}

/// By whom a message was brought, and for which org.
struct Brought {
    app: App,
    org: OrgId,
    headers: HeaderMap,
    body: Body,
}

async fn take(brought: &Brought, delivered: Delivered) -> Result<Response, ApiError> {
    match delivered.kind() {
        Kind::Request => obey(brought, delivered).await,
        Kind::Response => conclude(brought, delivered).await,
    }
}

async fn obey(brought: &Brought, delivered: Delivered) -> Result<Response, ApiError> {
    let Brought { app, org, body, .. } = brought;
    let obeyed = app.obey(*org, delivered, body.visit(Door::Web)).await?;
    let mut response = match (obeyed.carried, obeyed.ended) {
        (Some(carried), _) => send(&carried)?,
        (None, Ok(_)) => said("Your identity provider has signed you out here."),
        (None, Err(NotEnded::Unclear)) => return Err(logout::LogoutError::NotTrusted.into()),
        (None, Err(NotEnded::Store(error))) => return Err(error.into()),
    };
    if has_dead_session(brought).await {
        cookies::take_session(&mut response, app);
        cookies::take_form_secret(&mut response, app);
    }
    Ok(response)
}

/// Whether the browser still carries a session that is over; one of somebody else goes on.
async fn has_dead_session(Brought { app, headers, body, .. }: &Brought) -> bool {
    let Ok(ids) = caller::in_cookie_alone(headers) else { return false };
    let known = access::caller(&app.cx, &ids, body.address(), Use::Probe).await;
    !ids.is_empty() && matches!(known, Err(NotACaller::Dead))
}

async fn conclude(brought: &Brought, delivered: Delivered) -> Result<Response, ApiError> {
    let Brought { app, org, headers, body } = brought;
    let carried = asked::recall(headers, About::SignOut, *org, app);
    let mut response = match app.conclude(*org, delivered, carried, body.visit(Door::Web)).await? {
        Farewell::Everywhere => said("You are signed out here and at your identity provider."),
        Farewell::NotEverywhere => said(
            "You are signed out here. Your identity provider says that it did not sign you out everywhere: sign out \
             there, or close your browser.",
        ),
    };
    asked::forget(&mut response, About::SignOut, app);
    Ok(response)
}

#[derive(Template)]
#[template(path = "web/go_on.html")]
struct GoOn<'a> {
    url: &'a str,
}

#[derive(Template)]
#[template(path = "web/signed_out.html")]
struct SignedOut {
    told: &'static str,
}

fn said(told: &'static str) -> Response {
    page::show(StatusCode::OK, &SignedOut { told })
}
