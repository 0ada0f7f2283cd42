//! A request on its way to a service: sent once, or twice if nothing speaks against it.

use super::headers;
use super::reply::Sign;
use bytes::Bytes;
use client::{Pass, Url};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use hyper::http::request::Parts;
use hyper::{HeaderMap, Method};

/// A body that says it is no longer than this is kept, so that it can be sent twice.
const KEPT: u64 = 1 << 20;

/// A request without credentials.
pub struct Call {
    /// Where it goes.
    pub url: Url,
    method: Method,
    headers: HeaderMap,
    load: Load,
}

/// The body of a request.
enum Load {
    /// Here it is.
    Kept(Bytes),
    /// It goes through as it comes, once.
    Passing(Option<Incoming>),
}

impl Call {
    /// Takes a request in; waits for its body if that is short.
    pub async fn of(url: Url, head: Parts, body: Incoming) -> Result<Self, hyper::Error> {
        let is_short = body.size_hint().exact().is_some_and(|length| length <= KEPT);
        let load = match is_short {
            true => Load::Kept(body.collect().await?.to_bytes()),
            false => Load::Passing(Some(body)),
        };
        Ok(Self { url, method: head.method, headers: headers::forwarded(head.headers), load })
    }

    /// Sends it with credentials.
    pub async fn send(
        &mut self,
        http: &reqwest::Client,
        pass: &Pass,
    ) -> Result<reqwest::Response, reqwest::Error> {
        let body = match &mut self.load {
            Load::Kept(bytes) => reqwest::Body::from(bytes.clone()),
            Load::Passing(body) => body.take().map_or_else(reqwest::Body::default, reqwest::Body::wrap),
        };
        let headers = headers::with_credentials(&self.headers, &pass.headers);
        let request = http.request(self.method.clone(), self.url.clone()).headers(headers).body(body);
        let response = request.send().await?;
        let (host, path) = (self.url.host_str().unwrap_or_default(), self.url.path());
        tracing::trace!("{} {path} at {host}: {}", self.method, response.status().as_u16());
        Ok(response)
    }

    /// Whether it may be sent a second time: its body is still here, and the first time did nothing that a second one
    /// could do again.
    pub fn may_go_again(&self, sign: Sign) -> bool {
        let is_safe = !matches!(self.method, Method::POST | Method::PATCH | Method::CONNECT);
        matches!(self.load, Load::Kept(_)) && (is_safe || sign == Sign::Gate)
    }

    /// Whether the caller can do with a page: it says so, or asks for anything where pages may be.
    pub fn may_get_page(&self, has_pages: bool) -> bool {
        let kinds = self.headers.get_all(hyper::header::ACCEPT);
        let has =
            |wanted: &str| kinds.iter().any(|kind| kind.to_str().is_ok_and(|kind| kind.contains(wanted)));
        has("text/html") || (has_pages && (kinds.iter().next().is_none() || has("*/*")))
    }
}
