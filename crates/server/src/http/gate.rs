//! `/gate`: checks whatever a request carries, for nginx `auth_request`, Traefik forwardAuth and Envoy ext_authz.

use super::caller::Shown;
use super::docs::Refusals;
use super::error::ApiError;
use super::reply;
use crate::app::App;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use domain::access::{self, Use};
use http::{HeaderName, HeaderValue};
use wire::header as names;
use wire::v1::GateReply;

/// Check whatever the request carries: 200 with who it is, else 401, never a redirect.
#[utoipa::path(get, path = "/gate", tag = "check", security(("bearer" = []), ("ids_session" = [])),
    params(("probe" = Option<String>, Query, description = "When present, the session does not slide")),
    responses((status = 200, description = "Who it is, also in the headers `X-Latchkey-*`", body = GateReply), Refusals))]
pub async fn gate(
    State(app): State<App>,
    RawQuery(query): RawQuery,
    Shown(credentials): Shown,
) -> Result<Response, ApiError> {
    let visitor = access::gate(&app.cx, &credentials, how(query.as_deref())).await?;
    let (user, org, expires) = (visitor.user.name.as_str(), visitor.org.base62(), visitor.until.rfc3339());
    let mut response = reply::json(&GateReply { user, org: visitor.org, expires: &expires });
    let user_id = visitor.user.id.base62();
    for (name, value) in [(USER, user), (USER_ID, &user_id), (ORG, &org), (EXPIRES, &expires)] {
        response.headers_mut().insert(name, header_value(value));
    }
    Ok(response)
}

const USER: HeaderName = HeaderName::from_static(names::GATE_USER);
const USER_ID: HeaderName = HeaderName::from_static(names::GATE_USER_ID);
const ORG: HeaderName = HeaderName::from_static(names::GATE_ORG);
const EXPIRES: HeaderName = HeaderName::from_static(names::GATE_EXPIRES);

fn how(query: Option<&str>) -> Use {
    let is_probe =
        query.is_some_and(|query| query.split('&').any(|pair| pair == "probe" || pair.starts_with("probe=")));
    if is_probe { Use::Probe } else { Use::Call }
}

/// A name may hold letters that a header may not; those are written as `%` and hexadecimal digits (RFC 3986 section 2.1).
fn header_value(text: &str) -> HeaderValue {
    let stays = |byte: u8| byte.is_ascii_graphic() && byte != b'%';
    let encoded = if text.bytes().all(stays) {
        HeaderValue::from_str(text)
    } else {
        let written = |byte| if stays(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
        HeaderValue::try_from(text.bytes().map(written).collect::<String>())
    };
    encoded.unwrap_or(HeaderValue::from_static(""))
}
