//! When a connection has been slow or quiet for too long, told without a timer per request.
//!
//! A connection is in one of three states: a head is on its way, requests are under way, or it is quiet. Its two ends
//! write down when a state began, by the clock of the rounds that somebody walks past all connections every second.

use super::Guest;
use http::Version;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

/// Seconds that a connection may be quiet between requests.
const QUIET: u64 = 75;

/// No head is on its way.
const NO_HEAD: u64 = u64::MAX;

/// The rounds past all connections, which are their clock too: full seconds since the beginning.
pub(super) struct Rounds {
    began: Instant,
    clock: Arc<AtomicU64>,
    head_time: Duration,
}

impl Rounds {
    /// The time from one round to the next, by which a deadline may be missed.
    pub(super) const EVERY: Duration = Duration::from_secs(1);

    pub(super) fn begin(head_time: Duration) -> Self {
        Self { began: Instant::now(), clock: Arc::default(), head_time }
    }

    /// The pulse of somebody who has just come. The clock may have stood while nobody was there.
    pub(super) fn pulse(&self) -> Pulse {
        self.set();
        Pulse::new(self)
    }

    /// Sets the clock to now, which a tick that comes late does not tell.
    fn set(&self) -> u64 {
        let now = self.began.elapsed().as_secs();
        self.clock.store(now, Relaxed);
        now
    }

    /// Forgets who has gone, and asks to leave who has taken too long.
    pub(super) fn walk(&self, guests: &mut Vec<Guest>) {
        let now = self.set();
        let overdue = |guest: &Guest| guest.pulse.overdue(now, self.head_time);
        for guest in guests.extract_if(.., |guest| guest.leave.is_closed() || overdue(guest).is_some()) {
            let time = overdue(&guest).unwrap_or_default();
            let _ = guest.leave.send(time);
        }
    }
}

/// What one connection is doing, by the clock of the rounds.
pub(super) struct Pulse {
    clock: Arc<AtomicU64>,
    /// When the first byte of an unfinished head came; the first head is awaited from the beginning.
    head_since: AtomicU64,
    /// When the last answer was given.
    quiet_since: AtomicU64,
    under_way: AtomicU32,
    /// Bytes of HTTP/2 may come without being a head.
    multiplexed: AtomicBool,
}

impl Pulse {
    /// A new connection, whose first head is expected from now on.
    fn new(rounds: &Rounds) -> Self {
        let now = rounds.clock.load(Relaxed);
        Self {
            clock: Arc::clone(&rounds.clock),
            head_since: AtomicU64::new(now),
            quiet_since: AtomicU64::new(now),
            under_way: AtomicU32::new(0),
            multiplexed: AtomicBool::new(false),
        }
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

    /// Whether somebody is about to ask, for the first time or again.
    pub(super) fn awaits_head(&self) -> bool {
        self.under_way.load(Relaxed) == 0 && self.head_since.load(Relaxed) != NO_HEAD
    }

    /// Bytes came.
    fn heard(&self) {
        let expected = self.under_way.load(Relaxed) > 0 || self.multiplexed.load(Relaxed);
        if !expected && self.head_since.load(Relaxed) == NO_HEAD {
            self.head_since.store(self.clock.load(Relaxed), Relaxed);
        }
    }

    /// The time that a connection which has taken too long still gets to say goodbye.
    ///
    /// A second may have been almost over when it was written down, so a deadline has passed only in the next one.
    fn overdue(&self, now: u64, head_time: Duration) -> Option<Duration> {
        if self.under_way.load(Relaxed) > 0 {
            return None;
        }
        match self.head_since.load(Relaxed) {
            NO_HEAD => (now > self.quiet_since.load(Relaxed) + QUIET).then_some(head_time),
            since => (now > since + head_time.as_secs()).then_some(Duration::ZERO),
        }
    }
}

/// A request under way.
pub(super) struct Asked(Arc<Pulse>);

impl Drop for Asked {
    fn drop(&mut self) {
        self.0.quiet_since.store(self.0.clock.load(Relaxed), Relaxed);
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

    /// A connection at second 100, whose first answer was given at once.
    fn quiet(version: Version) -> Arc<Pulse> {
        let pulse = fresh();
        drop(pulse.asked(version));
        pulse
    }

    fn fresh() -> Arc<Pulse> {
        let rounds = Rounds::begin(HEAD);
        rounds.clock.store(100, Relaxed);
        Arc::new(Pulse::new(&rounds))
    }

    #[test]
    fn a_first_head_has_its_time_from_the_beginning() {
        let pulse = fresh();
        pulse.clock.store(110, Relaxed);
        pulse.heard();
        assert_eq!(pulse.overdue(115, HEAD), None);
        assert_eq!(pulse.overdue(116, HEAD), Some(Duration::ZERO));
    }

    #[test]
    fn a_later_head_has_its_time_from_its_first_byte() {
        let pulse = quiet(Version::HTTP_11);
        assert_eq!(pulse.overdue(170, HEAD), None);
        pulse.clock.store(170, Relaxed);
        pulse.heard();
        assert_eq!(pulse.overdue(185, HEAD), None);
        assert_eq!(pulse.overdue(186, HEAD), Some(Duration::ZERO));
    }

    #[test]
    fn a_quiet_connection_may_say_goodbye() {
        let pulse = quiet(Version::HTTP_11);
        assert_eq!(pulse.overdue(175, HEAD), None);
        assert_eq!(pulse.overdue(176, HEAD), Some(HEAD));
    }

    #[test]
    fn a_request_under_way_has_the_time_that_the_router_gives_it() {
        let pulse = fresh();
        let asked = pulse.asked(Version::HTTP_11);
        pulse.heard();
        assert_eq!(pulse.overdue(1_000, HEAD), None);
        drop(asked);
        assert_eq!(pulse.overdue(1_000, HEAD), Some(HEAD));
    }

    #[test]
    fn a_ping_is_no_head() {
        let pulse = quiet(Version::HTTP_2);
        pulse.heard();
        assert_eq!(pulse.overdue(160, HEAD), None);
    }
}
