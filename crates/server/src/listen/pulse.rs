//! When a connection has been silent or slow for too long, told without a timer per request.
//!
//! A connection is in one of three states: a head is on its way, requests are under way, or it is quiet. The two ends
//! write down when a state began; one alarm per connection reads it, at least once per head time, so that no state
//! which began after the last look can have expired before the next.

use http::Version;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

/// How long a connection may be quiet between requests.
const QUIET: Duration = Duration::from_secs(75);

/// No head is on its way.
const NO_HEAD: u64 = u64::MAX;

/// What one connection is doing. Times are in milliseconds since it began.
pub(super) struct Pulse {
    began: Instant,
    head_time: Duration,
    /// When the first byte of an unfinished head came.
    head_since: AtomicU64,
    /// When the last answer was given.
    quiet_since: AtomicU64,
    under_way: AtomicU32,
    /// Bytes of HTTP/2 may come without being a head.
    multiplexed: AtomicBool,
    finishing: AtomicBool,
}

/// What is to be done about a connection.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Nothing until then.
    LookAgain(Instant),
    /// Say goodbye, and cut it if it is still there then.
    Finish(Instant),
    /// End it.
    Cut,
}

impl Pulse {
    /// A new connection, whose first head is expected from now on.
    pub(super) fn begin(head_time: Duration) -> Self {
        Self {
            began: Instant::now(),
            head_time,
            head_since: AtomicU64::new(0),
            quiet_since: AtomicU64::new(0),
            under_way: AtomicU32::new(0),
            multiplexed: AtomicBool::new(false),
            finishing: AtomicBool::new(false),
        }
    }

    /// When to judge for the first time.
    pub(super) fn first_look(&self) -> Instant {
        self.began + self.head_time
    }

    /// A head is complete; the request is under way until the returned value is dropped.
    pub(super) fn asked(self: &Arc<Self>, version: Version) -> Asked {
        self.head_since.store(NO_HEAD, Relaxed);
        self.under_way.fetch_add(1, Relaxed);
        if version == Version::HTTP_2 {
            self.multiplexed.store(true, Relaxed);
        }
        Asked(Arc::clone(self))
    }

    /// Bytes came.
    fn heard(&self) {
        let expected = self.under_way.load(Relaxed) > 0 || self.multiplexed.load(Relaxed);
        if !expected && self.head_since.load(Relaxed) == NO_HEAD {
            self.head_since.store(self.now(), Relaxed);
        }
    }

    /// Whether the connection has taken too long.
    pub(super) fn judge(&self, now: Instant) -> Next {
        if self.finishing.load(Relaxed) {
            return Next::Cut;
        }
        let next_look = now + self.head_time;
        if self.under_way.load(Relaxed) > 0 {
            return Next::LookAgain(next_look);
        }
        let head_since = self.head_since.load(Relaxed);
        if head_since != NO_HEAD {
            let deadline = self.at(head_since) + self.head_time;
            return if deadline <= now { Next::Cut } else { Next::LookAgain(deadline) };
        }
        let deadline = self.at(self.quiet_since.load(Relaxed)) + QUIET;
        if deadline > now {
            return Next::LookAgain(deadline.min(next_look));
        }
        self.finishing.store(true, Relaxed);
        Next::Finish(next_look)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(NO_HEAD - 1)
    }

    fn at(&self, since: u64) -> Instant {
        self.began + Duration::from_millis(since)
    }
}

/// A request under way.
pub(super) struct Asked(Arc<Pulse>);

impl Drop for Asked {
    fn drop(&mut self) {
        self.0.quiet_since.store(self.0.now(), Relaxed);
        self.0.under_way.fetch_sub(1, Relaxed);
    }
}

/// A stream that tells the pulse when bytes come.
pub(super) struct Heard<S> {
    stream: S,
    pulse: Arc<Pulse>,
}

impl<S> Heard<S> {
    pub(super) fn new(stream: S, pulse: Arc<Pulse>) -> Self {
        Self { stream, pulse }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Heard<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.pulse.heard();
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Heard<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: Duration = Duration::from_secs(15);

    fn later(pulse: &Pulse, seconds: u64) -> Instant {
        pulse.began + Duration::from_secs(seconds)
    }

    /// A connection whose first answer was given when it began.
    fn quiet(version: Version) -> Arc<Pulse> {
        let pulse = Arc::new(Pulse::begin(HEAD));
        drop(pulse.asked(version));
        pulse.quiet_since.store(0, Relaxed);
        pulse
    }

    #[test]
    fn a_first_head_that_does_not_come_in_time_ends_the_connection() {
        let pulse = Pulse::begin(HEAD);
        assert_eq!(pulse.judge(later(&pulse, 14)), Next::LookAgain(later(&pulse, 15)));
        assert_eq!(pulse.judge(later(&pulse, 15)), Next::Cut);
    }

    #[test]
    fn a_later_head_has_the_same_time_from_its_first_byte() {
        let pulse = quiet(Version::HTTP_11);
        assert_eq!(pulse.judge(later(&pulse, 15)), Next::LookAgain(later(&pulse, 30)));
        pulse.head_since.store(20_000, Relaxed);
        pulse.heard();
        assert_eq!(pulse.judge(later(&pulse, 30)), Next::LookAgain(later(&pulse, 35)));
        assert_eq!(pulse.judge(later(&pulse, 35)), Next::Cut);
    }

    #[test]
    fn a_quiet_connection_is_told_to_finish_and_then_cut() {
        let pulse = quiet(Version::HTTP_11);
        assert_eq!(pulse.judge(later(&pulse, 70)), Next::LookAgain(later(&pulse, 75)));
        assert_eq!(pulse.judge(later(&pulse, 75)), Next::Finish(later(&pulse, 90)));
        assert_eq!(pulse.judge(later(&pulse, 90)), Next::Cut);
    }

    #[test]
    fn a_request_under_way_has_the_time_that_the_router_gives_it() {
        let pulse = Arc::new(Pulse::begin(HEAD));
        let asked = pulse.asked(Version::HTTP_11);
        pulse.heard();
        assert_eq!(pulse.judge(later(&pulse, 1_000)), Next::LookAgain(later(&pulse, 1_015)));
        drop(asked);
        pulse.heard();
        assert_eq!(pulse.judge(later(&pulse, 1_000)), Next::Cut);
    }

    #[test]
    fn a_ping_is_no_head() {
        let pulse = quiet(Version::HTTP_2);
        pulse.heard();
        assert_eq!(pulse.judge(later(&pulse, 60)), Next::LookAgain(later(&pulse, 75)));
    }
}
