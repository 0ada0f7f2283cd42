//! Which question a browser carried to a provider: only the browser that asked may bring the answer.

use super::cookies::{append, is_https, values};
use crate::app::App;
use axum::response::Response;
use cookie::time::Duration;
use cookie::{Cookie, CookieBuilder, SameSite};
use http::HeaderMap;
use wire::OrgId;

/// How long somebody may take at their provider.
const TIME: Duration = Duration::minutes(30);

/// What a question is about. Each has a cookie of its own, so that two windows do not disturb each other.
#[derive(Debug, Clone, Copy)]
pub enum About {
    /// Who somebody is.
    SignIn,
    /// The end of a session there.
    SignOut,
}

/// Keeps the name of the question in the browser, and which org it is for.
pub fn remember(response: &mut Response, about: About, (org, id): (OrgId, &str), app: &App) {
    append(response, &ours(about, format!("{}.{id}", org.base62()), app).max_age(TIME).build());
}

/// The name of the question that this browser carried to the provider of the org.
pub fn recall(headers: &HeaderMap, about: About, org: OrgId, app: &App) -> Option<String> {
    let mut found = values(headers, name(about, app));
    let (one, other) = (found.next()?, found.next());
    let id = one.strip_prefix(&org.base62())?.strip_prefix('.')?;
    other.is_none().then(|| id.to_owned())
}

/// Forgets it: one question has one answer.
pub fn forget(response: &mut Response, about: About, app: &App) {
    append(response, &ours(about, String::new(), app).max_age(Duration::ZERO).build());
}

fn name(about: About, app: &App) -> &'static str {
    match (about, is_https(app)) {
        (About::SignIn, true) => "__Host-LATCHKEY_SAML",
        (About::SignIn, false) => "LATCHKEY_SAML",
        (About::SignOut, true) => "__Host-LATCHKEY_SAML_OUT",
        (About::SignOut, false) => "LATCHKEY_SAML_OUT",
    }
}

/// The provider's page posts the answer, so the cookie has to come along from another site. In the clear browsers allow
/// that for none.
fn ours(about: About, value: String, app: &App) -> CookieBuilder<'static> {
    let site = if is_https(app) { SameSite::None } else { SameSite::Lax };
    Cookie::build((name(about, app), value)).path("/").http_only(true).secure(is_https(app)).same_site(site)
}
