//! The two cookies that pages set: the session, and the secret that their forms are made with.

use crate::app::App;
use axum::response::Response;
use cookie::time::Duration;
use cookie::{Cookie, SameSite};
use http::{HeaderMap, HeaderValue, header};
use wire::{Secret, header as names};

/// The secret of forms, in a cookie that no other host and no page in the clear can set (RFC 6265bis section 4.1.3.2).
const SEALED: &str = "__Host-LATCHKEY_FORM";
/// The same where people come in the clear: such a browser takes no cookie with that prefix.
const PLAIN: &str = "LATCHKEY_FORM";

/// Whether people reach this service by https, so that cookies are for https alone.
pub fn is_https(app: &App) -> bool {
    app.cx.policy().issuer.starts_with("https://")
}

/// Hands over the session.
pub fn hand_over_session(response: &mut Response, id: &Secret, app: &App) {
    set(response, names::USER_SESSION, id.expose(), app);
}

/// Takes the session back.
pub fn take_session(response: &mut Response, app: &App) {
    remove(response, names::USER_SESSION, app);
}

/// Hands over the secret of forms.
pub fn hand_over_form_secret(response: &mut Response, secret: &Secret, app: &App) {
    set(response, form_name(app), secret.expose(), app);
}

/// Takes it back: who signs in or out gets another one.
pub fn take_form_secret(response: &mut Response, app: &App) {
    remove(response, form_name(app), app);
}

/// The secret of forms that a request carries; none if it carries two, or something that was not made here.
pub fn form_secret(headers: &HeaderMap, app: &App) -> Option<Secret> {
    let is_ours = |text: &str| {
        text.len() == super::visitor::SECRET_LENGTH && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    let mut found = values(headers, form_name(app));
    let first = found.next().filter(|text| is_ours(text));
    if found.next().is_some() { None } else { first.map(Secret::new) }
}

fn form_name(app: &App) -> &'static str {
    if is_https(app) { SEALED } else { PLAIN }
}

/// The values of the cookies with this name; what is no text is not ours.
pub fn values<'a>(headers: &'a HeaderMap, name: &'a str) -> impl Iterator<Item = String> + 'a {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| Cookie::parse(pair.trim()).ok());
    pairs.filter(move |cookie| cookie.name() == name).map(|cookie| cookie.value_trimmed().to_owned())
}

fn set(response: &mut Response, name: &str, value: &str, app: &App) {
    append(response, &ours(name, value, app).build());
}

fn remove(response: &mut Response, name: &str, app: &App) {
    append(response, &ours(name, "", app).max_age(Duration::ZERO).build());
}

/// No script reads it, no other site's form or frame sends it, and it is gone when the browser is closed.
fn ours<'a>(name: &'a str, value: &'a str, app: &App) -> cookie::CookieBuilder<'a> {
    Cookie::build((name, value)).path("/").http_only(true).secure(is_https(app)).same_site(SameSite::Lax)
}

/// Adds a cookie to an answer.
pub fn append(response: &mut Response, cookie: &Cookie<'_>) {
    // A value that no header can have was not made here.
    if let Ok(line) = HeaderValue::try_from(cookie.to_string()) {
        response.headers_mut().append(header::SET_COOKIE, line);
    }
}
