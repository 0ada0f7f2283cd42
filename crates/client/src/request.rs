//! A call to a service: the right headers, one replay when the session is dead, no replay of what is not safe.

use crate::client::Client;
use crate::exchange::{self, NetworkError};
use crate::refresh::Need;
use crate::service::Service;
use crate::session::{Session, Token};
use crate::sign_in::SignInError;
use crate::system;
use crate::token::TokenError;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use reqwest::Url;
use std::time::Duration;
use thiserror::Error;
use wire::error::Code;

/// A busy or failing service is asked this often in all.
const TRIES: u32 = 4;
/// A service that wants more time than this is answered for: the caller gets the 429.
const PATIENCE: Duration = Duration::from_secs(60);
/// Redirects of a GET that are followed, and only to trusted hosts.
const HOPS: u32 = 5;
/// Of a refusal's body this much is read to find its code.
const REFUSAL: usize = 64 * 1024;

/// Why there is no reply. A status such as 404 or 500 is a reply, not an error.
#[derive(Debug, Error)]
pub enum CallError {
    /// No session or token could be had.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The URL cannot be read.
    #[error("this is no URL of a service")]
    NotAUrl,
    /// The host is none that may see the session.
    #[error("{host} is not a host of this login, so it gets no session")]
    ForeignHost {
        /// Which host.
        host: String,
    },
    /// There was no answer.
    #[error("the service gave no answer")]
    Network(#[from] NetworkError),
    /// The body is not the JSON that was expected.
    #[error("the reply is not what was expected")]
    NotJson(#[source] serde_json::Error),
}

impl From<SignInError> for CallError {
    fn from(error: SignInError) -> Self {
        Self::Token(error.into())
    }
}

/// Whether a call may be made twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Replay {
    /// If its method says that twice is as good as once: all but POST and PATCH.
    #[default]
    ByMethod,
    /// Yes: the caller says so.
    Safe,
    /// Never.
    Never,
}

/// A call in the making.
#[must_use = "a call is made by `send`"]
pub struct Call {
    client: Client,
    method: Method,
    url: String,
    headers: HeaderMap,
    body: Bytes,
    service: Option<Service>,
    replay: Replay,
}

impl Client {
    /// Begins a call: to a URL, or to a path below the base URL that the sign-in named.
    pub fn request(&self, method: Method, url: impl Into<String>) -> Call {
        Call {
            client: self.clone(),
            method,
            url: url.into(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            service: None,
            replay: Replay::default(),
        }
    }

    /// Headers that make one call to this URL good, for callers that send it themselves.
    pub async fn credentials(&self, url: &Url, service: Service) -> Result<Pass, CallError> {
        let wants_token = service.wants_token() || self.0.is_oauth_client();
        let token = if wants_token { Some(self.token().await?) } else { None };
        let wants_session = service.wants_session() && !self.0.is_oauth_client();
        let session = if wants_session { Some(self.session().await?) } else { None };
        let base = session.as_ref().and_then(|session| session.base_url.as_deref());
        if !self.0.trusts(url, base) {
            return Err(CallError::ForeignHost { host: url.host_str().unwrap_or_default().to_owned() });
        }
        let headers = service.headers(session.as_ref(), token.as_ref());
        Ok(Pass { headers, session, token })
    }

    /// Tells that a service took this pass for dead. Whether there is another now, with which a replay makes sense.
    pub async fn renew(&self, pass: &Pass) -> Result<bool, CallError> {
        let is_alive = match &pass.session {
            Some(session) => self.0.is_alive(session).await,
            None => true,
        };
        let need = match (&pass.session, &pass.token) {
            (Some(session), _) if !is_alive => Need::AnotherSession { dead: session.id.clone() },
            (_, Some(token)) => Need::AnotherToken { dead: token.value.clone() },
            // The session is good; the service refuses for another reason.
            _ => return Ok(false),
        };
        self.0.provide(need).await?;
        Ok(true)
    }

    /// Tells that a service accepted this pass, so that the session slides here as it does there.
    pub fn accepted(&self, pass: &Pass) {
        if let Some(session) = &pass.session {
            self.0.used(session);
        }
    }
}

/// What makes one call good.
#[derive(Debug, Clone)]
pub struct Pass {
    /// To be added to the call. They are marked as sensitive.
    pub headers: HeaderMap,
    pub(crate) session: Option<Session>,
    pub(crate) token: Option<Token>,
}

impl Call {
    /// Adds a header.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.append(name, value);
        self
    }

    /// The body, whose type is a header.
    pub fn body(self, body: impl Into<Bytes>) -> Self {
        Self { body: body.into(), ..self }
    }

    /// A body of JSON.
    pub fn json<T: serde::Serialize + ?Sized>(self, body: &T) -> Result<Self, CallError> {
        let body = serde_json::to_vec(body).map_err(CallError::NotJson)?;
        let json = HeaderValue::from_static("application/json");
        Ok(self.header(header::CONTENT_TYPE, json).body(body))
    }

    /// Takes the service for another than host and path tell.
    pub fn service(self, service: Service) -> Self {
        Self { service: Some(service), ..self }
    }

    /// Whether the call may be made twice.
    pub fn replay(self, replay: Replay) -> Self {
        Self { replay, ..self }
    }

    /// Makes the call.
    pub async fn send(mut self) -> Result<Reply, CallError> {
        let mut url = self.whole_url().await?;
        if !self.headers.contains_key(header::ACCEPT) {
            self.headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        }
        let mut hops = 0;
        loop {
            let reply = self.to(&url).await?;
            match self.next_hop(&url, &reply) {
                Some(next) if hops < HOPS => url = next,
                _ => return Ok(reply),
            }
            hops += 1;
        }
    }

    async fn whole_url(&self) -> Result<Url, CallError> {
        if !self.url.starts_with('/') {
            return Url::parse(&self.url).map_err(|_| CallError::NotAUrl);
        }
        let session = self.client.session().await?;
        let login = self.client.login_url().as_str();
        let base = session.base_url.as_deref().unwrap_or(login);
        Url::parse(&format!("{base}{}", self.url)).map_err(|_| CallError::NotAUrl)
    }

    /// Where a redirect leads, if it may be followed: a GET, within hosts that may see the session, to no login page.
    fn next_hop(&self, url: &Url, reply: &Reply) -> Option<Url> {
        let is_read = matches!(self.method, Method::GET | Method::HEAD);
        if !reply.status.is_redirection() || !is_read || is_login_page(&reply.headers) {
            return None;
        }
        let next = url.join(exchange::text(&reply.headers, &header::LOCATION)?).ok()?;
        let base = self.client.0.known().session.and_then(|session| session.base_url);
        self.client.0.trusts(&next, base.as_deref()).then_some(next)
    }

    /// One URL, until it answers something that is worth showing.
    async fn to(&self, url: &Url) -> Result<Reply, CallError> {
        let service = self.service.unwrap_or_else(|| Service::of(url));
        let mut replayed = false;
        let mut tried = 1;
        loop {
            let pass = self.client.credentials(url, service).await?;
            let reply = self.once(url, &pass).await?;
            if self.is_dead(&reply) {
                // Even a call that is not replayed tells that the next one needs another session.
                let renewed = !replayed && self.client.renew(&pass).await?;
                if !renewed || !self.is_safe() {
                    return Ok(reply);
                }
                tracing::info!("sending the call again with another session");
                replayed = true;
                continue;
            }
            self.client.accepted(&pass);
            let Some(pause) = self.pause(&reply, tried) else { return Ok(reply) };
            tracing::info!("the service answers {}: asking again in {pause:.1?}", reply.status.as_u16());
            self.client.0.clock.wait(pause).await;
            tried += 1;
        }
    }

    async fn once(&self, url: &Url, pass: &Pass) -> Result<Reply, CallError> {
        let http = self.client.0.exchange.http()?;
        let request = http.request(self.method.clone(), url.clone()).headers(self.headers.clone());
        let request = request.headers(pass.headers.clone()).body(self.body.clone());
        let response = request.send().await.map_err(NetworkError::from)?;
        exchange::trace(&self.method, url, response.status());
        let (status, headers) = (response.status(), response.headers().clone());
        let body = match status {
            // Its code tells a dead session from a missing permission.
            StatusCode::FORBIDDEN => Body::Read(exchange::read(response, REFUSAL).await?),
            _ => Body::Coming(response),
        };
        Ok(Reply { status, headers, body })
    }

    fn is_safe(&self) -> bool {
        match self.replay {
            Replay::Safe => true,
            Replay::Never => false,
            Replay::ByMethod => !matches!(self.method, Method::POST | Method::PATCH | Method::CONNECT),
        }
    }

    /// Whether the session is dead: 401, 403 with the code of a dead session, or a page where JSON is due.
    fn is_dead(&self, reply: &Reply) -> bool {
        let page_is_due =
            self.headers.get_all(header::ACCEPT).iter().any(|kind| {
                kind.to_str().is_ok_and(|kind| kind.contains("text/html") || kind.contains("*/*"))
            });
        match reply.status {
            StatusCode::UNAUTHORIZED => true,
            StatusCode::FORBIDDEN => reply.has_code(Code::DeadSession),
            status if status.is_redirection() => is_login_page(&reply.headers),
            status => status.is_success() && !page_is_due && exchange::is_html(&reply.headers),
        }
    }

    /// How long to wait before the same call is made again, if it may be.
    fn pause(&self, reply: &Reply, tried: u32) -> Option<Duration> {
        let doubling = Duration::from_millis(250) * 2u32.saturating_pow(tried);
        let asked = exchange::retry_after(&reply.headers);
        let least = match reply.status {
            StatusCode::TOO_MANY_REQUESTS => asked.unwrap_or(doubling),
            StatusCode::NOT_IMPLEMENTED => return None,
            status if status.is_server_error() && self.is_safe() => asked.unwrap_or(doubling),
            _ => return None,
        };
        (tried < TRIES && least <= PATIENCE).then(|| system::between(least, least.mul_f32(1.5)))
    }
}

/// Where a service sends somebody who is not signed in.
fn is_login_page(headers: &HeaderMap) -> bool {
    let location = exchange::text(headers, &header::LOCATION).unwrap_or_default();
    ["/identity-service/home", "/ma/home", "/ma/sso", "/login"].iter().any(|page| location.contains(page))
}

/// The reply of a service, whatever its status.
#[derive(Debug)]
pub struct Reply {
    /// The HTTP status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    body: Body,
}

#[derive(Debug)]
enum Body {
    Read(Bytes),
    Coming(reqwest::Response),
}

impl Reply {
    /// The next part of the body, for bodies of any length.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, CallError> {
        match &mut self.body {
            Body::Read(bytes) => Ok(Some(std::mem::take(bytes)).filter(|bytes| !bytes.is_empty())),
            Body::Coming(response) => Ok(response.chunk().await.map_err(NetworkError::from)?),
        }
    }

    /// The whole body.
    pub async fn bytes(self) -> Result<Bytes, CallError> {
        match self.body {
            Body::Read(bytes) => Ok(bytes),
            Body::Coming(response) => Ok(response.bytes().await.map_err(NetworkError::from)?),
        }
    }

    /// The whole body, as JSON of this type.
    pub async fn json<T: serde::de::DeserializeOwned>(self) -> Result<T, CallError> {
        serde_json::from_slice(&self.bytes().await?).map_err(CallError::NotJson)
    }

    fn has_code(&self, code: Code) -> bool {
        let Body::Read(body) = &self.body else { return false };
        let complaint = crate::reply::complaint(body);
        complaint.is_some_and(|complaint| complaint.code == code.nested() || complaint.code == code.flat())
    }
}
