//! How the control says no: problem details (RFC 9457).

use axum::response::{IntoResponse, Response};
use domain::store::StoreError;
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

/// A request that was not done.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    detail: String,
}

impl Problem {
    /// The request makes no sense.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, detail: detail.into() }
    }

    /// What the request is about is not there.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self { status: StatusCode::NOT_FOUND, detail: detail.into() }
    }

    /// The path takes another method.
    pub fn wrong_method() -> Self {
        let detail = "this path takes another method: GET /_emulator/ lists them".into();
        Self { status: StatusCode::METHOD_NOT_ALLOWED, detail }
    }

    /// The request comes from a page of another site, or was made for another host.
    pub fn foreign() -> Self {
        let detail =
            "only programs of this machine, that ask for 127.0.0.1 or localhost, are answered here".into();
        Self { status: StatusCode::FORBIDDEN, detail }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Self { status: StatusCode::INTERNAL_SERVER_ERROR, detail: error.to_string() }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        #[derive(Serialize)]
        struct Details<'a> {
            title: &'a str,
            status: u16,
            detail: &'a str,
        }
        let title = self.status.canonical_reason().unwrap_or_default();
        let details = Details { title, status: self.status.as_u16(), detail: &self.detail };
        let mut response = super::json(&details);
        *response.status_mut() = self.status;
        let kind = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        response
    }
}
