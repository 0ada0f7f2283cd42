//! An upstream: somebody else who answers what no stub does, without ever seeing the emulator's credentials.

use super::record::Recorder;
use super::scene;
use super::upload::Upload;
use crate::asked::Asked;
use axum::body::Body;
use axum::response::Response;
use domain::access::Visitor;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use reqwest::Url;
use std::time::Duration;
use thiserror::Error;
use wire::header as names;

/// How long it may take until there is a connection.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// How long a call may take with its whole body.
const ANSWER_WITHIN: Duration = Duration::from_secs(600);
/// The bytes that the headers of an answer may take.
const LONGEST_HEAD: usize = 256 << 10;

/// Headers that are about one connection (RFC 9110 section 7.6.1), or that the next one makes anew.
const OF_CONNECTION: [HeaderName; 11] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::HOST,
    header::EXPECT,
];

/// What the gate's headers spell in hexadecimal digits.
const UNSAFE: &AsciiSet = &CONTROLS.add(b' ').add(b'%');

/// Why there is no answer from an upstream.
#[derive(Debug, Error)]
pub enum UpstreamError {
    /// Its URL is none that can be asked.
    #[error("{0} is no http or https URL without query and user name")]
    Url(String),
    /// The client did not start.
    #[error("the client for the upstream did not start")]
    Client(#[source] reqwest::Error),
    /// The path leads out of the upstream's URL.
    #[error("This path leads out of the upstream's URL.")]
    Path,
    /// It was not reached, or did not answer in time.
    #[error("{origin} does not answer: {reason}")]
    Silent {
        /// Who.
        origin: String,
        /// What the client says.
        reason: String,
    },
    /// Its headers are longer than are read.
    #[error("The headers of the upstream's answer are longer than {LONGEST_HEAD} bytes.")]
    Head,
}

/// Who is asked when no stub fits.
#[derive(Debug)]
pub struct Upstream {
    base: Url,
    http: reqwest::Client,
    recorder: Option<Recorder>,
}

impl Upstream {
    /// The upstream at this URL, whose path goes before every other.
    pub fn at(url: &str) -> Result<Self, UpstreamError> {
        let is_good = |url: &Url| {
            let is_bare = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
            matches!(url.scheme(), "http" | "https") && url.has_host() && is_bare
        };
        let base = Url::parse(url).ok().filter(is_good).ok_or_else(|| UpstreamError::Url(url.to_owned()))?;
        let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
        let http = http.connect_timeout(CONNECT_WITHIN).timeout(ANSWER_WITHIN).build();
        Ok(Self { base, http: http.map_err(UpstreamError::Client)?, recorder: None })
    }

    /// The same upstream, whose answers become stubs.
    pub fn recorded(self, recorder: Recorder) -> Self {
        Self { recorder: Some(recorder), ..self }
    }

    /// Sends a request on, and hands over the answer as it comes.
    pub async fn send(
        &self,
        asked: &Asked,
        visitor: &Visitor,
        body: Body,
    ) -> Result<Response, UpstreamError> {
        let url = self.url(asked)?;
        let mut headers = forwarded(&asked.headers, visitor);
        if self.recorder.is_some() {
            // What is recorded must be whole, and readable.
            for name in
                [header::ACCEPT_ENCODING, header::RANGE, header::IF_NONE_MATCH, header::IF_MODIFIED_SINCE]
            {
                headers.remove(name);
            }
        }
        let request = self.http.request(asked.method.clone(), url).headers(headers).body(Upload::of(body));
        let answer = request.send().await.map_err(|error| self.silent(error))?;
        let (mut head, body) = http::Response::<reqwest::Body>::from(answer).into_parts();
        if head.headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum::<usize>()
            > LONGEST_HEAD
        {
            return Err(UpstreamError::Head);
        }
        head.headers = without_session(end_to_end(head.headers));
        head.version = http::Version::default();
        let answer = Response::from_parts(head, Body::new(body));
        Ok(match &self.recorder {
            Some(recorder) => recorder.watch(&asked.method, &asked.path, answer),
            None => answer,
        })
    }

    fn url(&self, asked: &Asked) -> Result<Url, UpstreamError> {
        let base = self.base.as_str().trim_end_matches('/');
        let query = asked.query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
        let url = Url::parse(&format!("{base}{}{query}", asked.path)).map_err(|_| UpstreamError::Path)?;
        // Dots in the path may have taken segments of the base away.
        let is_below = url.path().starts_with(self.base.path().trim_end_matches('/'));
        if is_below && url.origin() == self.base.origin() { Ok(url) } else { Err(UpstreamError::Path) }
    }

    /// The path of the URL is not told: it may hold the key of a proxy.
    fn silent(&self, error: reqwest::Error) -> UpstreamError {
        let error = error.without_url();
        let causes = std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source());
        let reason = causes.last().map(ToString::to_string).unwrap_or_default();
        UpstreamError::Silent { origin: self.base.origin().ascii_serialization(), reason }
    }
}

/// The headers for the upstream: without credentials, and with who passed the gate.
fn forwarded(theirs: &HeaderMap, visitor: &Visitor) -> HeaderMap {
    let mut headers = end_to_end(theirs.clone());
    let ours =
        |name: &HeaderName| scene::is_credential(name.as_str()) || name.as_str().starts_with("x-latchkey-");
    let dropped: Vec<_> = headers.keys().filter(|name| ours(name)).cloned().collect();
    for name in dropped {
        headers.remove(name);
    }
    let cookies = theirs.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let cookies = cookies.flat_map(|value| value.split(';')).map(str::trim);
    let cookies: Vec<_> = cookies.filter(|cookie| !cookie.is_empty() && !is_session(cookie)).collect();
    if let Some(cookies) = HeaderValue::try_from(cookies.join("; ")).ok().filter(|value| !value.is_empty()) {
        headers.insert(header::COOKIE, cookies);
    }
    let user = utf8_percent_encode(visitor.user.name.as_str(), UNSAFE).to_string();
    let said = [
        (names::GATE_USER, user),
        (names::GATE_USER_ID, visitor.user.id.base62()),
        (names::GATE_ORG, visitor.org.base62()),
    ];
    for (name, value) in said {
        headers.extend(HeaderValue::try_from(value).map(|value| (HeaderName::from_static(name), value)));
    }
    headers
}

fn end_to_end(mut headers: HeaderMap) -> HeaderMap {
    let named = headers.get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
    let named = named.flat_map(|value| value.split(',')).filter_map(|name| name.trim().parse().ok());
    let named: Vec<HeaderName> = named.collect();
    for name in named.iter().chain(&OF_CONNECTION) {
        headers.remove(name);
    }
    headers
}

/// A real session must not take the place of the emulator's in somebody's cookies.
fn without_session(mut headers: HeaderMap) -> HeaderMap {
    if let header::Entry::Occupied(cookies) = headers.entry(header::SET_COOKIE) {
        let (name, cookies) = cookies.remove_entry_mult();
        let others = cookies.filter(|cookie| !is_session(cookie.to_str().unwrap_or_default()));
        let others: Vec<_> = others.collect();
        headers.extend(others.into_iter().map(|cookie| (name.clone(), cookie)));
    }
    headers
}

fn is_session(cookie: &str) -> bool {
    cookie.split('=').next().is_some_and(|name| name.trim() == names::USER_SESSION)
}
