//! Whether a page of another origin sent a request, as its browser says (Fetch Metadata 2.1; RFC 6454 section 7).

use crate::app::App;
use http::request::Parts;
use http::{HeaderMap, HeaderName, Method, Uri, header};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Whether a page of another origin asks for a change. A program says neither header and is not a page; a browser lets
/// no page write them.
pub fn is_foreign_change(parts: &Parts, app: &App) -> bool {
    let reads = matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS);
    !reads && is_foreign(parts, app)
}

fn is_foreign(Parts { headers, uri, .. }: &Parts, app: &App) -> bool {
    // Over plain HTTP to other machines browsers leave the first one out.
    match (only(headers, SEC_FETCH_SITE), only(headers, header::ORIGIN)) {
        (Said::Nothing, Said::Nothing) => false,
        (Said::This(site), _) => !matches!(site, "same-origin" | "none"),
        (Said::Nothing, Said::This(origin)) => !is_ours(origin, headers, uri, app),
        (Said::Unclear, _) | (_, Said::Unclear) => true,
    }
}

/// Ours is the origin that clients are told, and whichever the request itself was sent to.
fn is_ours(origin: &str, headers: &HeaderMap, uri: &Uri, app: &App) -> bool {
    let Some((_, authority)) = origin.split_once("://") else {
        return false;
    };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let asked = uri.authority().map(http::uri::Authority::as_str).or(host);
    let told = app.cx.policy().federation.host.as_str();
    [asked, Some(told)].into_iter().flatten().any(|ours| ours.eq_ignore_ascii_case(authority))
}

enum Said<'a> {
    Nothing,
    This(&'a str),
    Unclear,
}

fn only(headers: &HeaderMap, name: HeaderName) -> Said<'_> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Said::Nothing,
        (Some(value), None) => value.to_str().map_or(Said::Unclear, Said::This),
        (Some(_), Some(_)) => Said::Unclear,
    }
}
