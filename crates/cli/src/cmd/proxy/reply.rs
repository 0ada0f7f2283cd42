//! What comes back from a service, and what it says about the session.

use super::headers;
use bytes::{Bytes, BytesMut};
use hyper::body::{Body, Frame};
use hyper::header::{self, HeaderMap};
use hyper::{Response, StatusCode};
use std::pin::Pin;
use std::task::{Context, Poll};

/// Of a refusal's body this much is read to find its code.
const REFUSAL: usize = 64 * 1024;
/// The code of a dead session, in whichever envelope (protocol.md 8.3).
const DEAD_SESSION: &[u8] = b"AUTH_01";
/// Where a service sends somebody who is not signed in.
const LOGIN_PAGES: [&str; 4] = ["/identity-service/home", "/ma/home", "/ma/sso", "/login"];

/// What a reply says about the session that was presented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// Nothing bad.
    Good,
    /// It was refused at the gate, with the code of a dead session, before anything was done.
    Gate,
    /// It may be dead: 401 without that code, or a page where something else is due.
    Dead,
}

/// A reply, ready to be passed on.
pub struct Reply {
    /// What it says about the session.
    pub sign: Sign,
    /// What the caller gets.
    pub response: Response<reqwest::Body>,
}

impl Reply {
    /// Looks at a reply; of a refusal it reads the beginning.
    pub async fn of(response: reqwest::Response, may_be_page: bool) -> Result<Self, reqwest::Error> {
        let (status, headers) = (response.status(), response.headers().clone());
        let is_refusal = matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
        let (sign, body) = if is_refusal {
            let (beginning, rest) = beginning(response).await?;
            let sign = match status {
                _ if has_code(&beginning) => Sign::Gate,
                StatusCode::UNAUTHORIZED => Sign::Dead,
                _ => Sign::Good,
            };
            (sign, reqwest::Body::wrap(Begun { beginning: Some(beginning), rest }))
        } else {
            let is_page = is_login(status, &headers) || (!may_be_page && is_page(status, &headers));
            (if is_page { Sign::Dead } else { Sign::Good }, response.into())
        };
        let mut passed_on = Response::new(body);
        *passed_on.status_mut() = status;
        *passed_on.headers_mut() = headers::end_to_end(headers);
        Ok(Self { sign, response: passed_on })
    }
}

async fn beginning(mut response: reqwest::Response) -> Result<(Bytes, reqwest::Body), reqwest::Error> {
    let mut beginning = BytesMut::new();
    while beginning.len() < REFUSAL {
        let Some(chunk) = response.chunk().await? else { break };
        beginning.extend_from_slice(&chunk);
    }
    Ok((beginning.freeze(), response.into()))
}

fn has_code(beginning: &[u8]) -> bool {
    beginning.windows(DEAD_SESSION.len()).any(|part| part == DEAD_SESSION)
}

fn is_login(status: StatusCode, headers: &HeaderMap) -> bool {
    let location = text(headers, &header::LOCATION);
    status.is_redirection() && LOGIN_PAGES.iter().any(|page| location.contains(page))
}

fn is_page(status: StatusCode, headers: &HeaderMap) -> bool {
    status.is_success() && text(headers, &header::CONTENT_TYPE).to_ascii_lowercase().contains("html")
}

fn text<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// A body whose beginning was read already.
struct Begun {
    beginning: Option<Bytes>,
    rest: reqwest::Body,
}

impl Body for Begun {
    type Data = Bytes;
    type Error = reqwest::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, reqwest::Error>>> {
        match self.beginning.take().filter(|bytes| !bytes.is_empty()) {
            Some(bytes) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
            None => Pin::new(&mut self.rest).poll_frame(cx),
        }
    }
}
