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

/// Keeps the name of the question in the browser, and which org it is for.
pub fn remember(response: &mut Response, org: OrgId, id: &str, app: &App) {
    append(response, &ours(format!("{}.{id}", org.base62()), app).max_age(TIME).build());
}

/// The name of the question that this browser carried to the provider of the org.
pub fn recall(headers: &HeaderMap, org: OrgId, app: &App) -> Option<String> {
    let mut found = values(headers, name(app));
    let (one, other) = (found.next()?, found.next());
    let id = one.strip_prefix(&org.base62())?.strip_prefix('.')?;
    other.is_none().then(|| id.to_owned())
}

/// Forgets it: one question has one answer.
pub fn forget(response: &mut Response, app: &App) {
    append(response, &ours(String::new(), app).max_age(Duration::ZERO).build());
}

fn name(app: &App) -> &'static str {
    if is_https(app) { "__Host-LATCHKEY_SAML" } else { "LATCHKEY_SAML" }
}

/// The provider's page posts the answer, so the cookie has to come along from another site. In the clear browsers allow
/// that for none.
fn ours(value: String, app: &App) -> CookieBuilder<'static> {
    let site = if is_https(app) { SameSite::None } else { SameSite::Lax };
    Cookie::build((name(app), value)).path("/").http_only(true).secure(is_https(app)).same_site(site)
}
