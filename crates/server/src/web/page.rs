//! A page: its template, and the headers without which it is not sent.

use askama::Template;
use aws_lc_rs::digest;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::time::Timestamp;
use http::{HeaderName, HeaderValue, StatusCode, header};
use std::sync::LazyLock;

/// The path of the first page (protocol.md 2.3).
pub const HOME: &str = "/identity-service/home";

/// The path of the page where people change their password.
pub const PASSWORD: &str = "/identity-service/home/password";

/// How every page looks; it is part of the page, and the policy names its digest.
pub const STYLE: &str = include_str!("../../static/page.css");

/// What no page may do: load anything, run anything, be framed, or send a form to somebody else.
static POLICY: LazyLock<String> = LazyLock::new(|| policy("none", "'self'"));

/// The same, but for the script with one digest and forms to one place.
pub fn policy(script: &str, forms: &str) -> String {
    let style = hash(STYLE);
    format!(
        "default-src 'none'; script-src '{script}'; style-src '{style}'; img-src data:; form-action {forms}; \
         frame-ancestors 'none'; base-uri 'none'"
    )
}

/// The source expression for one text (CSP Level 3 section 2.3.1).
pub fn hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(digest::digest(&digest::SHA256, text.as_bytes())))
}

/// Shows a page.
pub fn show(status: StatusCode, page: &impl Template) -> Response {
    show_by(&POLICY, status, page)
}

/// Shows a page under a policy of its own.
pub fn show_by(policy: &str, status: StatusCode, page: &impl Template) -> Response {
    let text = match page.render() {
        Ok(text) => text,
        Err(error) => {
            tracing::error!(%error, "a page could not be written");
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
    };
    let mut response = (status, text).into_response();
    let headers = response.headers_mut();
    // Another referrer policy would make browsers say `Origin: null` for our own forms.
    let fixed: [(HeaderName, &'static str); 5] = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Ok(policy) = HeaderValue::from_str(policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// Sends a browser to another page of ours, with a GET (RFC 9110 section 15.4.4).
pub fn go_to(path: &str) -> Response {
    match HeaderValue::from_str(path) {
        Ok(path) => (StatusCode::SEE_OTHER, [(header::LOCATION, path)]).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// An instant for people, to the minute.
pub fn minute(at: Timestamp) -> String {
    at.rfc3339().get(..16).unwrap_or_default().replace('T', " ") + " UTC"
}

/// Why something was not done, in plain words, and the name by which it is found in the log.
#[derive(Template)]
#[template(path = "web/trouble.html")]
struct Trouble<'a> {
    message: &'a str,
    reference: &'a str,
}

/// The page that stands for a refusal.
pub fn trouble(status: StatusCode, message: &str, reference: &str) -> Response {
    show(status, &Trouble { message, reference })
}
