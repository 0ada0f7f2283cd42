//! `/scim-service/v2/…` (protocol.md 6.4, RFC 7644): users and groups, kept by an identity provider.

pub mod asked;
pub mod discovery;
pub mod groups;
pub mod users;

use crate::app::App;
use crate::http::error::ApiError;
use crate::http::reply;
use crate::http::{address, caller};
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use domain::access::{self, NotACaller, Provisioner};
use domain::scim::{Expected, View};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Serialize;
use wire::Secret;
use wire::error::Code;
use wire::scim::{MEDIA_TYPE, Resource};

/// Who holds a SCIM token.
pub struct Scim(pub Provisioner);

impl FromRequestParts<App> for Scim {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let token = caller::bearer(&parts.headers).map_err(|_| nobody())?.map(Secret::from);
        let from = address::of(&parts.extensions);
        match access::provisioner(&app.cx, token.as_ref(), from).await {
            Ok(by) => {
                caller::asks(parts, by.org(), by.id());
                Ok(Self(by))
            }
            Err(NotACaller::Dead) => Err(nobody()),
            Err(NotACaller::Store(error)) => Err(error.into()),
        }
    }
}

/// What a change says beside its body: which writing it is about, and which attributes it wants to see.
pub struct Asking {
    expected: Expected,
    view: View,
}

impl FromRequestParts<App> for Asking {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, ApiError> {
        Ok(Self { expected: asked::expected(&parts.headers), view: asked::view(parts.uri.query())? })
    }
}

/// The same for no token, one that nobody knows, and one whose time is over.
fn nobody() -> ApiError {
    ApiError::new(Code::DeadSession, "The SCIM token is missing, has expired or is not valid.")
}

/// Where resources say that they are: configured, never taken from a request.
pub fn base(app: &App) -> String {
    let host = app.saas_url.strip_suffix("/saas").unwrap_or(&app.saas_url);
    format!("{host}/scim-service/v2")
}

/// 200 with a body of SCIM.
pub fn json(body: &impl Serialize) -> Response {
    let mut response = reply::json(body);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    response
}

/// A resource with its entity tag, or 304 for who has it already.
fn tagged((resource, version): (Resource, String), headers: &HeaderMap) -> Response {
    if asked::knows(headers, &version) {
        let mut response = StatusCode::NOT_MODIFIED.into_response();
        tag(&mut response, header::ETAG, &version);
        return response;
    }
    let mut response = json(&resource);
    tag(&mut response, header::ETAG, &version);
    response
}

/// 201 with a new resource, and where it is.
fn created(location: String, (resource, version): (Resource, String)) -> Response {
    let mut response = json(&resource);
    tag(&mut response, header::ETAG, &version);
    tag(&mut response, header::LOCATION, &location);
    *response.status_mut() = StatusCode::CREATED;
    response
}

/// Where a new resource is.
fn location(base: &str, endpoint: &str, resource: &Resource) -> String {
    let id = resource.get("id").and_then(serde_json::Value::as_str).unwrap_or_default();
    format!("{base}{endpoint}/{id}")
}

fn tag(response: &mut Response, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}
