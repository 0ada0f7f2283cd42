//! Bodies of replies: compact JSON, and XML where v2 is asked for it.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Serialize;
use wire::xml;

/// The format of a v2 body (protocol.md 1.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// The default.
    Json,
    /// When it is asked for by name.
    Xml,
}

impl Format {
    /// The format that `Accept` asks for: XML when it is named before JSON, or alone.
    pub fn asked_for(headers: &HeaderMap) -> Self {
        let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let accept = accept.to_ascii_lowercase();
        let place = |name| accept.find(name).unwrap_or(usize::MAX);
        let xml = place("application/xml").min(place("text/xml"));
        if xml < place("application/json").min(place("*/*")) { Self::Xml } else { Self::Json }
    }
}

/// 200 with a JSON body.
pub fn json(body: &impl Serialize) -> Response {
    json_of(1_024, body)
}

/// The same, of about this many bytes: a buffer that grows is copied.
pub fn json_of(bytes: usize, body: &impl Serialize) -> Response {
    let mut written = Vec::with_capacity(bytes);
    match serde_json::to_writer(&mut written, body) {
        Ok(()) => written_as("application/json", written.into()),
        Err(error) => {
            tracing::error!(%error, "a reply could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// 200 with a body that is written already.
pub fn written_as(media: &'static str, body: Bytes) -> Response {
    let mut response = Response::new(Body::from(body));
    // There is room for those that every answer has, and three of its own. A map for more than six takes an allocation
    // that is not a small one any more.
    response.headers_mut().reserve(6);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    response
}

/// A problem (RFC 9457).
pub fn problem(body: &impl Serialize) -> Response {
    let mut response = json(body);
    let kind = HeaderValue::from_static("application/problem+json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// 200 with a body of v2.
pub fn v2(format: Format, body: &impl Serialize) -> Response {
    match format {
        Format::Json => json(body),
        Format::Xml => {
            ([(header::CONTENT_TYPE, HeaderValue::from_static("application/xml"))], xml::document(body))
                .into_response()
        }
    }
}

/// 201 with a JSON body.
pub fn created(body: &impl Serialize) -> Response {
    let mut response = json(body);
    if response.status() == StatusCode::OK {
        *response.status_mut() = StatusCode::CREATED;
    }
    response
}

/// 204: it is done, and there is nothing to say.
pub fn no_content() -> Response {
    StatusCode::NO_CONTENT.into_response()
}

/// 200 with a list of v2: an array, and in XML an element around the others.
pub fn v2_list(format: Format, root: &str, items: &impl Serialize) -> Response {
    match format {
        Format::Json => json(items),
        Format::Xml => {
            let kind = HeaderValue::from_static("application/xml");
            ([(header::CONTENT_TYPE, kind)], xml::list(root, items)).into_response()
        }
    }
}

/// 200 with nothing to say.
pub fn empty() -> Response {
    StatusCode::OK.into_response()
}
