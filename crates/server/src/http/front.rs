//! The short way: three routes that resource servers ask all the time are found without the router.
//!
//! The same handlers answer them between the same bounds (`surround`), and whatever is not exactly one of them goes to the
//! router, which knows them too. They take no privilege, so nobody is denied anything here.

use super::caller::{Session, Shown};
use super::error::ApiError;
use super::{gate, in_time, jwt, session_service, surround};
use crate::app::App;
use axum::body::{Body, HttpBody};
use axum::extract::{FromRequestParts, RawQuery, Request, State};
use axum::response::{IntoResponse, Response};
use axum::{BoxError, Router};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::Method;
use std::convert::Infallible;
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
}

impl<B> Service<http::Request<B>> for Front
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let Some(short) = Short::of(&request) else { return Box::pin(self.router.call(request)) };
        let app = App::clone(&self.app);
        Box::pin(async move {
            let answer = |request| in_time(short.answer(&app, request), &app);
            Ok(surround(&app, request.map(|_unread| Body::empty()), Some(short.route()), answer).await)
        })
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

    async fn answer(self, app: &App, request: Request) -> Response {
        self.handled(app, request).await.unwrap_or_else(ApiError::into_response)
    }

    async fn handled(self, app: &App, request: Request) -> Result<Response, ApiError> {
        let (mut parts, _empty) = request.into_parts();
        let (query, state) = (RawQuery(parts.uri.query().map(str::to_owned)), State(App::clone(app)));
        match self {
            Self::Check => {
                let session = Session::from_request_parts(&mut parts, app).await?;
                Ok(session_service::user(state, session).await)
            }
            Self::Gate => {
                let shown = Shown::from_request_parts(&mut parts, app).await?;
                gate::gate(state, query, shown).await
            }
            Self::Mint => {
                let session = Session::from_request_parts(&mut parts, app).await?;
                jwt::get_token(state, session, query).await
            }
        }
    }
}
