//! The body of a request on its way to an upstream, as it comes.

use axum::body::Body;
use bytes::Bytes;
use hyper::body::{Body as Frames, Frame, SizeHint};
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};

/// A body that threads may share as the client library wants it; only its owner ever reads it.
pub struct Upload(Mutex<Body>);

impl Upload {
    /// Takes a body.
    pub fn of(body: Body) -> reqwest::Body {
        reqwest::Body::wrap(Self(Mutex::new(body)))
    }
}

impl Frames for Upload {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let body = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        Pin::new(body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).size_hint()
    }
}
