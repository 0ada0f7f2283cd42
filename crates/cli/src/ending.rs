//! How a command that runs for long is asked to end: SIGTERM or Ctrl-C.

use crate::error::Failure;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that ask a program to end.
#[derive(Debug)]
pub struct Ending {
    terminate: Signal,
    interrupt: Signal,
}

impl Ending {
    /// Listens from now on; needs a runtime around it.
    pub fn listen() -> Result<Self, Failure> {
        let of = |kind| signal(kind).map_err(Failure::machine);
        Ok(Self { terminate: of(SignalKind::terminate())?, interrupt: of(SignalKind::interrupt())? })
    }

    /// Ends when somebody asks.
    pub async fn asked(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
