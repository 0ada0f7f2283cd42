//! The short way: three routes that resource servers ask all the time are found without the router.
//!
//! The same handlers answer them between the same bounds (`Bounds`), and whatever is not exactly one of them goes to the
//! router, which knows them too. They take no privilege, so nobody is denied anything here.

use super::caller::Session;
use super::error::{ApiError, Family};
use super::{Bounds, address, gate, in_time, jwt, session_service};
use crate::app::App;
use crate::listen::{Answer, Door};
use axum::body::HttpBody;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use axum::{BoxError, Router};
use bytes::Bytes;
use http::request::Parts;
use http::{Method, Request};
use hyper::body::Incoming;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::task::{Context, Poll};
use tower::Service;

/// The whole service: the router, and the short way past it.
#[derive(Clone)]
pub struct Front {
    app: App,
    router: Router,
}

impl Front {
    /// The short way past this router.
    pub fn new(app: App, router: Router) -> Self {
        Self { app, router }
    }

    fn at_once<B>(&self, short: Short, request: Request<B>, peer: Option<IpAddr>) -> Answer {
        let (app, (parts, _unread)) = (App::clone(&self.app), request.into_parts());
        Box::pin(async move {
            let bounds = Bounds::of(&app, (&parts.method, &parts.headers), Family::V1, Some(short.route()));
            let answer = pin!(short.answer(&app, &parts, peer));
            let answer = pin!(in_time(answer, &app));
            Ok(bounds.around(&app, answer).await)
        })
    }
}

/// Nothing is written into a request that takes the short way, not even where it came from.
impl Door for Front {
    fn answer(&self, request: Request<Incoming>, peer: SocketAddr) -> Answer {
        match Short::of(&request) {
            Some(short) => self.at_once(short, request, Some(peer.ip())),
            None => self.router.answer(request, peer),
        }
    }
}

impl<B> Service<Request<B>> for Front
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Answer {
        match Short::of(&request) {
            Some(short) => {
                let peer = address::of(request.extensions());
                self.at_once(short, request, peer)
            }
            None => Box::pin(self.router.call(request)),
        }
    }
}

/// A route that is asked all the time, by its exact path and its one method.
#[derive(Debug, Clone, Copy)]
enum Short {
    Check,
    Gate,
    Mint,
}

impl Short {
    const ALL: [Self; 3] = [Self::Check, Self::Gate, Self::Mint];

    fn of<B>(request: &http::Request<B>) -> Option<Self> {
        let path = request.uri().path();
        Self::ALL.into_iter().find(|short| *request.method() == Method::GET && short.route() == path)
    }

    fn route(self) -> &'static str {
        match self {
            Self::Check => "/session-service/api/v1/session/User",
            Self::Gate => "/gate",
            Self::Mint => "/identity-service/api/v1/jwt/Token",
        }
    }

    async fn answer(self, app: &App, parts: &Parts, peer: Option<IpAddr>) -> Response {
        self.handled(app, parts, peer).await.unwrap_or_else(ApiError::into_response)
    }

    async fn handled(self, app: &App, parts: &Parts, peer: Option<IpAddr>) -> Result<Response, ApiError> {
        let from = peer.map(|peer| address::settled(&parts.headers, peer, &app.proxies)).transpose()?;
        let state = State(App::clone(app));
        match self {
            Self::Check => Ok(session_service::user(state, Session::by(parts, from, app).await?).await),
            Self::Gate => gate::asked(app, parts, from).await,
            Self::Mint => {
                let query = RawQuery(parts.uri.query().map(str::to_owned));
                jwt::get_token(state, Session::by(parts, from, app).await?, query).await
            }
        }
    }
}
