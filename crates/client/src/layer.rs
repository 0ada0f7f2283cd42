//! A layer for services written in Rust: only requests with a good token come through.

use crate::verify::{NotVerified, Verifier};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tower_layer::Layer;
use tower_service::Service;
use wire::Secret;
use wire::header::ORG_ID;

/// Lets requests with a good token through, with [`Verified`](crate::Verified) among their extensions.
#[derive(Clone)]
pub struct RequireToken(Arc<Verifier>);

impl RequireToken {
    /// A layer that asks this verifier.
    pub fn new(verifier: Arc<Verifier>) -> Self {
        Self(verifier)
    }
}

impl<S> Layer<S> for RequireToken {
    type Service = WithToken<S>;

    fn layer(&self, inner: S) -> WithToken<S> {
        WithToken { inner, verifier: Arc::clone(&self.0) }
    }
}

/// A service behind [`RequireToken`].
#[derive(Clone)]
pub struct WithToken<S> {
    inner: S,
    verifier: Arc<Verifier>,
}

impl<S, B, R> Service<Request<B>> for WithToken<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
    R: From<String>,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<R>, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        // The service that was found ready is the one to call; its clone takes its place.
        let next = self.inner.clone();
        let mut ready = std::mem::replace(&mut self.inner, next);
        let verifier = Arc::clone(&self.verifier);
        Box::pin(async move {
            let verified = match bearer(request.headers()) {
                Some(token) => verifier.verify(&token).await,
                None => Err(NotVerified::NotAToken),
            };
            match verified {
                Ok(verified) if org_fits(request.headers(), &verified.org_id) => {
                    request.extensions_mut().insert(verified);
                    ready.call(request).await
                }
                Ok(_) => Ok(refusal(StatusCode::FORBIDDEN, "the token is for another org")),
                Err(NotVerified::NoKeys(error)) => {
                    tracing::warn!("tokens cannot be judged: {error}");
                    Ok(refusal(StatusCode::SERVICE_UNAVAILABLE, "tokens cannot be judged right now"))
                }
                Err(why) => {
                    tracing::debug!("a token was refused: {why}");
                    Ok(refusal(StatusCode::UNAUTHORIZED, "the token is missing or not valid"))
                }
            }
        })
    }
}

fn bearer(headers: &HeaderMap) -> Option<Secret> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("Bearer").then(|| Secret::new(token.trim()))
}

/// A request that names an org means that of its token.
fn org_fits(headers: &HeaderMap, org_id: &str) -> bool {
    headers.get_all(ORG_ID).iter().all(|named| named.as_bytes() == org_id.as_bytes())
}

fn refusal<R: From<String>>(status: StatusCode, message: &str) -> Response<R> {
    let code = if status == StatusCode::UNAUTHORIZED { "AUTH_01" } else { "LK_DENIED" };
    let body = serde_json::json!({"error": {"code": code, "message": message}}).to_string();
    let mut response = Response::new(R::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if status == StatusCode::UNAUTHORIZED {
        let challenge = HeaderValue::from_static("Bearer error=\"invalid_token\"");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
    response
}
