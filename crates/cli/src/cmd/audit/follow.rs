//! `latchkey audit tail`: the last entries, and with `-f` those that come.

use super::TailArgs;
use crate::cmd::{block_on, configuration, existing_store};
use crate::ending::Ending;
use crate::error::Failure;
use crate::print;
use domain::audit::chain::Sealed;
use domain::store::{Audit, Health};
use std::time::Duration;
use store::Store;

/// How soon an entry is seen; the store is asked no more often.
const LOOK: Duration = Duration::from_secs(1);

/// How many entries are read at once.
const PORTION: u32 = 500;

/// Prints the entries.
pub fn run(args: &TailArgs) -> Result<(), Failure> {
    block_on(async {
        let mut ending = Ending::listen()?;
        let store = existing_store(&configuration(&args.place)?).await?;
        let last = store.last_entry().await.map_err(Failure::machine)?.map_or(0, |(seq, _)| seq);
        let shown = show(&store, last.saturating_sub(args.count.into())).await?;
        if args.follow {
            tokio::select! {
                () = ending.asked() => {}
                failed = follow(&store, shown) => failed?,
            }
        }
        store.close().await;
        Ok(())
    })
}

/// Prints what comes after this entry, until the store does not answer any more.
async fn follow(store: &Store, mut after: i64) -> Result<(), Failure> {
    loop {
        tokio::time::sleep(LOOK).await;
        after = show(store, after).await?;
    }
}

/// Prints what comes after this entry, and answers which was the last.
async fn show(store: &Store, mut after: i64) -> Result<i64, Failure> {
    loop {
        let entries = store.entries(after, PORTION).await.map_err(Failure::machine)?;
        let Some(last) = entries.last() else { return Ok(after) };
        after = last.seq;
        print::line(&entries.iter().map(line).collect::<Vec<_>>().join("\n"));
    }
}

fn line(entry: &Sealed) -> String {
    format!("{}  {}  {}", entry.seq, entry.at.rfc3339(), entry.event)
}
