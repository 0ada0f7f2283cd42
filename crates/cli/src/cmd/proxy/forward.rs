//! The way of one request: through the door, to its service with credentials, and back.

use super::call::Call;
use super::door::{Door, Refused};
use super::reply::{Reply, Sign};
use super::target;
use crate::print;
use client::{CallError, Client, Service, SignInError, TokenError, Url};
use hyper::body::Incoming;
use hyper::header::{self, HeaderValue};
use hyper::{Request, Response, StatusCode};
use std::error::Error;
use std::time::Duration;
use thiserror::Error;

/// A connection that is not there after this long will not be.
const CONNECT: Duration = Duration::from_secs(10);

/// Forwards requests; shared by every connection.
pub struct Forwarder {
    client: Client,
    http: reqwest::Client,
    to: Option<Url>,
    door: Door,
}

/// Why a request was not forwarded.
#[derive(Debug, Error)]
enum Trouble {
    /// It may not come in.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The caller stopped in the middle of its body.
    #[error("the request was cut short")]
    Cut(#[source] hyper::Error),
    /// There are no credentials for it.
    #[error("no credentials for this request")]
    Credentials(#[from] CallError),
    /// There is no URL for its path.
    #[error("no service has such a path")]
    NoPlace,
    /// The service gave no answer.
    #[error("the service gave no answer")]
    Service(#[source] reqwest::Error),
}

impl From<SignInError> for Trouble {
    fn from(error: SignInError) -> Self {
        Self::Credentials(error.into())
    }
}

impl From<reqwest::Error> for Trouble {
    fn from(error: reqwest::Error) -> Self {
        // A URL may hold more than a log should.
        Self::Service(error.without_url())
    }
}

impl Forwarder {
    /// Forwards to one place, or to wherever the session works. Redirects are the caller's to follow.
    pub fn new(client: Client, to: Option<Url>, door: Door) -> Result<Self, reqwest::Error> {
        let direct = to.as_ref().unwrap_or(client.login_url().url());
        let builder =
            reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).connect_timeout(CONNECT);
        let builder = builder.tls_certs_merge(client.authorities().iter().cloned());
        let builder = if is_this_machine(direct) { builder.no_proxy() } else { builder };
        Ok(Self { http: builder.build()?, client, to, door })
    }

    /// Answers a request, whatever happens to it.
    pub async fn answer(&self, request: Request<Incoming>) -> Response<reqwest::Body> {
        match self.forward(request).await {
            Ok(response) => response,
            Err(trouble) => refuse(&trouble),
        }
    }

    async fn forward(&self, request: Request<Incoming>) -> Result<Response<reqwest::Body>, Trouble> {
        let (head, body) = request.into_parts();
        let path = self.door.admit(&head)?;
        let base = self.base(&path).await?;
        let url = target::url(self.client.login_url(), &base, &path).ok_or(Trouble::NoPlace)?;
        let service = Service::of(&url);
        let mut call = Call::of(url, head, body).await.map_err(Trouble::Cut)?;
        let may_get_page = call.may_get_page(service == Service::Unknown);
        let mut replayed = false;
        loop {
            let pass = self.client.credentials(&call.url, service).await?;
            let reply = Reply::of(call.send(&self.http, &pass).await?, may_get_page).await?;
            if reply.sign == Sign::Good {
                self.client.accepted(&pass);
                return Ok(reply.response);
            }
            // Even a call that is not replayed tells that the next one needs another session.
            let renewed = !replayed && self.client.renew(&pass).await?;
            if !renewed || !call.may_go_again(reply.sign) {
                return Ok(reply.response);
            }
            tracing::info!("sending the request again with other credentials");
            replayed = true;
        }
    }

    /// Below which URL a path is, if it is not one of the login host.
    async fn base(&self, path: &str) -> Result<Url, Trouble> {
        let login = self.client.login_url().url();
        if let Some(to) = self.to.as_ref().or(target::is_of_login(path).then_some(login)) {
            return Ok(to.clone());
        }
        let base = match self.client.session().await {
            Ok(session) => session.base_url,
            // An OAuth client has tokens only, and no reply that names a place.
            Err(SignInError::NoSession) => None,
            Err(error) => return Err(error.into()),
        };
        Ok(base.and_then(|base| Url::parse(&base).ok()).unwrap_or_else(|| login.clone()))
    }
}

/// Whether a URL leads to this machine, past every proxy.
fn is_this_machine(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    host == "localhost" || host.ends_with(".localhost") || address.is_ok_and(|address| address.is_loopback())
}

/// Tells the caller, in the envelope that callers of these services read, and the person at the terminal.
fn refuse(trouble: &Trouble) -> Response<reqwest::Body> {
    let (status, code) = match trouble {
        Trouble::Refused(Refused::NoPath) => (StatusCode::BAD_REQUEST, "PROXY_NO_PATH"),
        Trouble::Refused(Refused::ForeignHost) => (StatusCode::FORBIDDEN, "PROXY_FOREIGN_HOST"),
        Trouble::Refused(Refused::WebPage) => (StatusCode::FORBIDDEN, "PROXY_WEB_PAGE"),
        Trouble::Refused(Refused::NoKey) => (StatusCode::FORBIDDEN, "PROXY_NO_KEY"),
        Trouble::Cut(_) => (StatusCode::BAD_REQUEST, "PROXY_CUT_SHORT"),
        Trouble::NoPlace => (StatusCode::NOT_FOUND, "PROXY_NO_PLACE"),
        Trouble::Credentials(CallError::ForeignHost { .. }) => (StatusCode::FORBIDDEN, "PROXY_NOT_TRUSTED"),
        Trouble::Credentials(CallError::Token(TokenError::SignIn(_))) => {
            (StatusCode::BAD_GATEWAY, "PROXY_NOT_SIGNED_IN")
        }
        Trouble::Credentials(_) => (StatusCode::BAD_GATEWAY, "PROXY_NO_CREDENTIALS"),
        Trouble::Service(_) => (StatusCode::BAD_GATEWAY, "PROXY_NO_ANSWER"),
    };
    let causes = std::iter::successors(trouble.source(), |cause| (*cause).source());
    let words: Vec<String> =
        std::iter::once(trouble.to_string()).chain(causes.map(ToString::to_string)).collect();
    let message = words.join(": ");
    print::note(&format!("error: {message}"));
    let body = serde_json::json!({"error": {"code": code, "message": message}}).to_string();
    let mut response = Response::new(reqwest::Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
