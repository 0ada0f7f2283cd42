//! One request at the door: answered here, sent on, made a tunnel, or refused.

use super::host::{host_of, is_loopback, vendor_host};
use super::{Guest, Reply, forward, tunnel};
use crate::asked::Front;
use axum::body::Body;
use http::header::{CONTENT_TYPE, HOST};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri, Version};
use hyper::ext::ReasonPhrase;
use std::sync::Arc;

/// Headers between a caller and its proxy; they are nobody else's business.
pub(super) const TO_THE_PROXY: [&str; 2] = ["proxy-connection", "proxy-authorization"];

/// Where a request goes.
enum Way {
    Here(Front),
    On(Authority),
    NotInTls(String),
    Nowhere(String),
}

pub(super) async fn receive(guest: Guest, request: Request<Body>) -> Reply {
    if request.method() == Method::CONNECT {
        return tunnel::open(guest, request).await;
    }
    match guest.way(&request) {
        Way::Here(front) => {
            let answers = Arc::clone(&guest.house.answers);
            answers.answer(front, guest.peer, in_origin_form(request)).await
        }
        Way::On(target) => Ok(forward::send(&target, in_origin_form(request)).await),
        Way::NotInTls(host) => Ok(say(
            StatusCode::FORBIDDEN,
            &format!("latchkey emulate reaches {host} for https only by CONNECT"),
        )),
        Way::Nowhere(host) => Ok(refuse(&host)),
    }
}

impl Guest {
    fn way(&self, request: &Request<Body>) -> Way {
        let target = request.uri().authority();
        if let Some(believed) = &self.believes {
            let named = target.map(Authority::host).or_else(|| host_header(request));
            return Way::Here(Front::Vendor(named.and_then(vendor_host).unwrap_or_else(|| believed.clone())));
        }
        let Some(target) = target else { return Way::Here(Front::Direct) };
        let host = host_of(target);
        if let Some(host) = vendor_host(&host) {
            return Way::Here(Front::Vendor(host));
        }
        let is_own = is_loopback(&host) && target.port_u16().unwrap_or(80) == self.own_port;
        // Every request of HTTP/2 names a host, and nobody speaks it to a proxy.
        if is_own || request.version() == Version::HTTP_2 {
            return Way::Here(Front::Direct);
        }
        match self.may_reach(&host) {
            false => Way::Nowhere(host),
            true if request.uri().scheme() == Some(&Scheme::HTTP) => Way::On(target.clone()),
            true => Way::NotInTls(host),
        }
    }

    /// Whether a host that is not the vendor's may be reached through the emulator.
    pub(super) fn may_reach(&self, host: &str) -> bool {
        is_loopback(host) || self.house.allowed.has(host)
    }
}

fn host_header(request: &Request<Body>) -> Option<&str> {
    let name = request.headers().get(HOST)?.to_str().ok()?;
    Some(name.split_once(':').map_or(name, |(host, _)| host))
}

/// The request as the host itself would have received it.
fn in_origin_form(mut request: Request<Body>) -> Request<Body> {
    for name in TO_THE_PROXY {
        request.headers_mut().remove(name);
    }
    if let Some(authority) = request.uri().authority() {
        let host = authority.as_str().rsplit_once('@').map_or(authority.as_str(), |(_, host)| host);
        if let Ok(host) = HeaderValue::try_from(host) {
            request.headers_mut().insert(HOST, host);
        }
        let path = request.uri().path_and_query().cloned();
        *request.uri_mut() = Uri::from(path.unwrap_or_else(|| PathAndQuery::from_static("/")));
    }
    request
}

/// The refusal of a host that is neither the vendor's nor allowed.
pub(super) fn refuse(host: &str) -> Response<Body> {
    tracing::warn!("the program asked for {host}, which is not the vendor's");
    say(
        StatusCode::FORBIDDEN,
        &format!("latchkey emulate does not reach {host}, allow it with --allow {host}"),
    )
}

/// One sentence, in the status line too: most programs show nothing else of what a proxy says.
pub(super) fn say(status: StatusCode, sentence: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(format!("{sentence}\n")));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    if let Ok(reason) = ReasonPhrase::try_from(sentence.as_bytes()) {
        response.extensions_mut().insert(reason);
    }
    response
}
