//! The record as it is read: entries and checkpoints in order, from one that is signed to one that is signed.

use super::Event;
use super::chain::Sealed;
use super::checkpoint::Checkpoint;
use super::seal;
use crate::access::{Permit, action};
use crate::cx::Cx;
use crate::store::StoreError;
use crate::time::Timestamp;

/// How many entries are read at once.
const PORTION: u32 = 500;

/// A piece of the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// An entry.
    Entry(Sealed),
    /// A checkpoint: behind the entry that it is about.
    Checkpoint(Checkpoint),
}

/// A reading of the record under way.
pub struct Export<'a> {
    cx: &'a Cx,
    start: Option<Checkpoint>,
    after: i64,
    through: i64,
    end: Option<Checkpoint>,
    cut: i64,
}

/// Why the record was not read to its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExportError {
    /// Entries were let go while they were being read.
    #[error("the record was cut while it was being read")]
    Cut,
    /// The store did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Begins to read at the last checkpoint before `since`, or at the beginning. The end is the present, and signed.
pub async fn export(
    cx: &Cx,
    _permit: Permit<action::ReadAudit>,
    since: Option<Timestamp>,
) -> Result<Export<'_>, StoreError> {
    let cut = cx.store.last_cut().await?;
    let cut_at = cut.as_ref().map_or(0, |cut| cut.statement.seq);
    let mark = match since {
        Some(since) => cx.store.mark_before(since).await?.filter(|mark| mark.statement.seq > cut_at),
        None => None,
    };
    // In this order, since a mark that is younger than the last entry would look like an end that was cut off.
    let last = cx.store.last_checkpoint().await?.map_or(0, |last| last.statement.seq);
    let start = mark.or(cut);
    let after = start.as_ref().map_or(0, |start| start.statement.seq);
    let end = seal::ending(cx, after).await?;
    let through = end.statement.seq.max(last);
    Ok(Export { cx, start, after, through, end: Some(end), cut: cut_at })
}

/// The same for somebody who holds the machine and takes it along: that it was read is recorded first.
pub async fn handed_over(
    cx: &Cx,
    permit: Permit<action::ReadAudit>,
    since: Option<Timestamp>,
) -> Result<Export<'_>, StoreError> {
    let event = Event::AuditExported { since: since.map(Timestamp::rfc3339) };
    cx.store.record(&event.at(cx.clock.now())).await?;
    export(cx, permit, since).await
}

impl Export<'_> {
    /// The next pieces; none when all were read.
    pub async fn next(&mut self) -> Result<Vec<Item>, ExportError> {
        if let Some(start) = self.start.take() {
            return Ok(vec![Item::Checkpoint(start)]);
        }
        let mut entries = self.cx.store.entries(self.after, PORTION).await?;
        entries.retain(|entry| entry.seq <= self.through);
        let Some(through) = entries.last().map(|entry| entry.seq) else {
            let rest = self.cx.store.checkpoints(self.after, self.through).await?;
            self.after = self.through;
            return Ok(rest.into_iter().chain(self.end.take()).map(Item::Checkpoint).collect());
        };
        if entries.first().is_some_and(|first| first.seq != self.after + 1) {
            self.was_not_cut().await?;
        }
        let checkpoints = self.cx.store.checkpoints(self.after, through).await?;
        self.after = through;
        Ok(merged(entries, checkpoints))
    }

    /// A gap is for the verifier to judge, unless it was made while we were reading.
    async fn was_not_cut(&self) -> Result<(), ExportError> {
        let cut = self.cx.store.last_cut().await?.map_or(0, |cut| cut.statement.seq);
        if cut == self.cut { Ok(()) } else { Err(ExportError::Cut) }
    }
}

fn merged(entries: Vec<Sealed>, checkpoints: Vec<Checkpoint>) -> Vec<Item> {
    let mut checkpoints = checkpoints.into_iter().peekable();
    let mut items = Vec::with_capacity(entries.len() + checkpoints.len());
    for entry in entries {
        let seq = entry.seq;
        while let Some(earlier) = checkpoints.next_if(|next| next.statement.seq < seq) {
            items.push(Item::Checkpoint(earlier));
        }
        items.push(Item::Entry(entry));
    }
    items.extend(checkpoints.map(Item::Checkpoint));
    items
}
