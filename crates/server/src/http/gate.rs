//! `/gate`: checks whatever a request carries, for nginx `auth_request`, Traefik forwardAuth and Envoy ext_authz.

use super::address;
use super::caller;
use super::docs::Refusals;
use super::error::ApiError;
use super::reply;
use crate::app::App;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use domain::access::{self, Use};
use http::{Extensions, HeaderMap, HeaderName, HeaderValue};
use wire::header as names;
use wire::v1::GateReply;

/// Check whatever the request carries: 200 with who it is, else 401, never a redirect.
#[utoipa::path(get, path = "/gate", tag = "check", security(("bearer" = []), ("ids_session" = [])),
    params(("probe" = Option<String>, Query, description = "When present, the session does not slide")),
    responses((status = 200, description = "Who it is, also in the headers `X-Latchkey-*`", body = GateReply), Refusals))]
pub async fn gate(
    State(app): State<App>,
    RawQuery(query): RawQuery,
    extensions: Extensions,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let credentials = caller::credentials(&headers, address::of(&extensions))?;
    let visitor = access::gate(&app.cx, &credentials, how(query.as_deref())).await?;
    let (user, org, expires) = (visitor.user.name.as_str(), visitor.org.base62(), visitor.until.rfc3339());
    let mut response = reply::json(&GateReply { user, org: visitor.org, expires: &expires });
    let user_id = visitor.user.id.base62();
    let said = [
        (names::GATE_USER, user),
        (names::GATE_USER_ID, &user_id),
        (names::GATE_ORG, &org),
        (names::GATE_EXPIRES, &expires),
    ];
    for (name, value) in said {
        response.headers_mut().insert(HeaderName::from_static(name), header_value(value));
    }
    Ok(response)
}

fn how(query: Option<&str>) -> Use {
    let is_probe =
        query.is_some_and(|query| query.split('&').any(|pair| pair == "probe" || pair.starts_with("probe=")));
    if is_probe { Use::Probe } else { Use::Call }
}

/// A name may hold letters that a header may not; those are written as `%` and hexadecimal digits (RFC 3986 section 2.1).
fn header_value(text: &str) -> HeaderValue {
    let encoded: String = text
        .bytes()
        .map(|byte| {
            if byte.is_ascii_graphic() && byte != b'%' {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect();
    HeaderValue::try_from(encoded).unwrap_or(HeaderValue::from_static(""))
}
