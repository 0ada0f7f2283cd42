//! The lines of a body, some at a time: never more in memory than one batch of them.

use axum::body::Body;
use bytes::{Buf, Bytes, BytesMut};
use http_body_util::BodyExt;
use std::time::Duration;

/// Rows that are written in one transaction.
const BATCH: usize = 500;

/// The bytes after which a batch is full, whatever its rows are.
pub const BATCH_BYTES: usize = 1 << 20;

/// The longest row.
const LONGEST: usize = 64 * 1024;

/// A body that is read line by line.
pub struct Intake {
    body: Body,
    patience: Duration,
    kept: BytesMut,
    ended: Option<End>,
}

/// How a body ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// As it should.
    Whole,
    /// Nothing more came in time.
    Late,
    /// The connection broke.
    Broken,
    /// A line is too long.
    TooLong,
}

impl End {
    /// Why rows are missing.
    pub fn reason(self) -> Option<&'static str> {
        match self {
            Self::Whole => None,
            Self::Late => Some("the body did not arrive in time"),
            Self::Broken => Some("the body broke off"),
            Self::TooLong => Some("the row is longer than 65536 bytes"),
        }
    }
}

impl Intake {
    /// Begins to read; between two parts of the body no more than this time may pass.
    pub fn new(body: Body, patience: Duration) -> Self {
        Self { body, patience, kept: BytesMut::new(), ended: None }
    }

    /// The next lines, and how the body ended when there are no more after them.
    pub async fn batch(&mut self) -> (Vec<Bytes>, Option<End>) {
        let (mut lines, mut bytes) = (Vec::new(), 0);
        while lines.len() < BATCH && bytes < BATCH_BYTES {
            if let Some(line) = self.line() {
                bytes += line.len();
                lines.push(line);
                continue;
            }
            if self.kept.len() > LONGEST {
                self.ended = Some(End::TooLong);
            }
            if let Some(end) = self.ended {
                // The last line needs no end of its own.
                if end == End::Whole && !self.kept.is_empty() {
                    lines.push(std::mem::take(&mut self.kept).freeze());
                }
                return (lines, Some(end));
            }
            self.read().await;
        }
        (lines, None)
    }

    /// The next line of what has been read, without its end.
    fn line(&mut self) -> Option<Bytes> {
        let end = self.kept.iter().take(LONGEST + 1).position(|byte| *byte == b'\n')?;
        let line = self.kept.split_to(end).freeze();
        self.kept.advance(1);
        Some(line)
    }

    async fn read(&mut self) {
        match tokio::time::timeout(self.patience, self.body.frame()).await {
            Ok(Some(Ok(frame))) => {
                frame.data_ref().into_iter().for_each(|part| self.kept.extend_from_slice(part))
            }
            Ok(Some(Err(_))) => self.ended = Some(End::Broken),
            Ok(None) => self.ended = Some(End::Whole),
            Err(_) => self.ended = Some(End::Late),
        }
    }
}
