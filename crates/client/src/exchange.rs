//! One request, one answer: the only place that knows the HTTP library's settings.

use crate::time::Timestamp;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode, header};
use reqwest::redirect;
use std::sync::OnceLock;
use std::time::Duration;
use thiserror::Error;

/// A connection that is not there after this long will not be.
const CONNECT: Duration = Duration::from_secs(10);
/// A server that says nothing for this long has hung.
const SILENCE: Duration = Duration::from_secs(120);
/// The whole time of a request that signs in, mints or fetches keys.
const SMALL: Duration = Duration::from_secs(30);
/// The longest answer to such a request.
const MOST: usize = 1 << 20;

/// Why there is no answer.
#[derive(Debug, Error)]
#[error("{reason}")]
pub struct NetworkError {
    /// What a caller can look into.
    pub reason: Unreachable,
    /// What the library says, without the URL.
    #[source]
    pub source: reqwest::Error,
}

/// What stood between us and an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Unreachable {
    /// No connection: the name, the address, a proxy or TLS.
    #[error("the host cannot be reached")]
    Connect,
    /// It took too long.
    #[error("the host does not answer in time")]
    Time,
    /// The answer ended in the middle.
    #[error("the answer was cut short")]
    Cut,
    /// The request could not be made at all.
    #[error("the request cannot be made")]
    Request,
}

impl From<reqwest::Error> for NetworkError {
    fn from(error: reqwest::Error) -> Self {
        let reason = if error.is_timeout() {
            Unreachable::Time
        } else if error.is_connect() {
            Unreachable::Connect
        } else if error.is_builder() {
            Unreachable::Request
        } else {
            Unreachable::Cut
        };
        Self { reason, source: error.without_url() }
    }
}

/// How requests leave this machine.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outward {
    /// Authorities beside those of the platform, in PEM.
    pub authorities: Vec<reqwest::Certificate>,
    /// Whether the proxies that the environment names are passed by.
    pub direct: bool,
}

/// The HTTP client, made when it is first needed: a warm cache never needs it.
#[derive(Debug, Default)]
pub(crate) struct Exchange {
    outward: Outward,
    http: OnceLock<reqwest::Client>,
}

impl Exchange {
    pub(crate) fn new(outward: Outward) -> Self {
        Self { outward, http: OnceLock::new() }
    }

    pub(crate) fn authorities(&self) -> &[reqwest::Certificate] {
        &self.outward.authorities
    }

    /// The same way out, with other authorities beside those of the platform.
    pub(crate) fn believing(self, authorities: Vec<reqwest::Certificate>) -> Self {
        Self::new(Outward { authorities, ..self.outward })
    }

    /// The client itself. It follows no redirect: a header with a session id would follow it too.
    pub(crate) fn http(&self) -> Result<&reqwest::Client, NetworkError> {
        if let Some(http) = self.http.get() {
            return Ok(http);
        }
        let builder = reqwest::Client::builder()
            .user_agent(concat!("latchkey/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT)
            .read_timeout(SILENCE)
            .tls_certs_merge(self.outward.authorities.iter().cloned());
        let builder = if self.outward.direct { builder.no_proxy() } else { builder };
        let made = builder.build()?;
        Ok(self.http.get_or_init(|| made))
    }

    /// Sends a small request and reads its whole answer.
    pub(crate) async fn ask(&self, request: reqwest::RequestBuilder) -> Result<Answer, NetworkError> {
        let (http, request) = request.timeout(SMALL).build_split();
        let request = request?;
        let (method, url) = (request.method().clone(), request.url().clone());
        let response = http.execute(request).await?;
        trace(&method, &url, response.status());
        let (status, headers) = (response.status(), response.headers().clone());
        Ok(Answer { status, headers, body: read(response, MOST).await? })
    }
}

/// One line about a request. Its query and its headers may hold what no log should.
pub(crate) fn trace(method: &http::Method, url: &reqwest::Url, status: StatusCode) {
    let (host, path) = (url.host_str().unwrap_or_default(), url.path());
    tracing::trace!("{method} {path} at {host}: {}", status.as_u16());
}

/// The beginning of a body, at most about this long.
pub(crate) async fn read(mut response: reqwest::Response, most: usize) -> Result<Bytes, NetworkError> {
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await? {
        body.extend_from_slice(&chunk);
        if body.len() >= most {
            break;
        }
    }
    Ok(body.freeze())
}

/// A whole answer. It may hold a session id, so it has no `Debug`.
pub(crate) struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub(crate) fn is_html(&self) -> bool {
        is_html(&self.headers) || self.body.trim_ascii_start().starts_with(b"<")
    }

    pub(crate) fn retry_after(&self) -> Option<Duration> {
        retry_after(&self.headers)
    }

    /// The server's clock as of the answer.
    pub(crate) fn date(&self) -> Option<Timestamp> {
        Timestamp::parse_http_date(text(&self.headers, &header::DATE)?)
    }

    pub(crate) fn location(&self) -> Option<&str> {
        text(&self.headers, &header::LOCATION)
    }
}

pub(crate) fn is_html(headers: &HeaderMap) -> bool {
    text(headers, &header::CONTENT_TYPE).is_some_and(|kind| kind.to_ascii_lowercase().contains("html"))
}

/// `Retry-After` in seconds; the spelling as a date is not used by anybody here.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    text(headers, &header::RETRY_AFTER)?.trim().parse().ok().map(Duration::from_secs)
}

pub(crate) fn text<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
