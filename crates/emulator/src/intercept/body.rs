//! Bodies that end early: an answer's reaches the caller as far as it went, and a request's is read although nobody
//! wants it.

use axum::body::{Body, Bytes};
use http_body_util::{BodyExt, Limited};
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{Sleep, sleep, timeout};

/// How long a failure is kept back. The connection drops what it has not sent when a body fails, and sends only while
/// the body is quiet.
const QUIET: Duration = Duration::from_millis(20);

/// How much, and for how long, is read of a request that was answered already.
const UNWANTED: (usize, Duration) = (64 * 1_024 * 1_024, Duration::from_secs(2));

/// The body of an answer, whose failure comes a moment later.
pub(super) struct Cut {
    body: Body,
    failed: Option<(axum::Error, Pin<Box<Sleep>>)>,
}

impl Cut {
    pub(super) fn late(body: Body) -> Body {
        Body::new(Self { body, failed: None })
    }
}

impl HttpBody for Cut {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.failed.is_none() {
            match ready!(Pin::new(&mut self.body.frame()).poll(cx)) {
                Some(Err(error)) => self.failed = Some((error, Box::pin(sleep(QUIET)))),
                frame => return Poll::Ready(frame),
            }
        }
        if let Some((_, quiet)) = &mut self.failed {
            ready!(quiet.as_mut().poll(cx));
        }
        Poll::Ready(self.failed.take().map(|(error, _)| Err(error)))
    }

    fn is_end_stream(&self) -> bool {
        self.failed.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The body of a request, whose rest is kept when it is dropped.
pub(super) struct Whole {
    incoming: Option<Incoming>,
    keep: Option<oneshot::Sender<Incoming>>,
}

/// What is left of a request that was answered before it was read to its end.
pub(super) struct Rest(oneshot::Receiver<Incoming>);

impl Whole {
    pub(super) fn body(incoming: Incoming) -> (Body, Rest) {
        let (keep, kept) = oneshot::channel();
        (Body::new(Self { incoming: Some(incoming), keep: Some(keep) }), Rest(kept))
    }
}

impl Rest {
    /// Reads it, within bounds. Callers who are still sending when the answer comes often take the end of the stream,
    /// or of the connection, for a failure and never look at the answer.
    pub(super) async fn read(mut self) {
        if let Ok(rest) = self.0.try_recv() {
            let mut rest = Limited::new(rest, UNWANTED.0);
            let _ = timeout(UNWANTED.1, async move { while let Some(Ok(_)) = rest.frame().await {} }).await;
        }
    }
}

impl HttpBody for Whole {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        self.incoming.as_mut().map_or(Poll::Ready(None), |incoming| Pin::new(incoming).poll_frame(cx))
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.as_ref().map_or(SizeHint::with_exact(0), HttpBody::size_hint)
    }
}

impl Drop for Whole {
    fn drop(&mut self) {
        let rest = self.incoming.take().filter(|rest| !rest.is_end_stream());
        if let (Some(rest), Some(keep)) = (rest, self.keep.take()) {
            let _ = keep.send(rest);
        }
    }
}
