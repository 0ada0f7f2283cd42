//! `latchkey audit export`: the record as lines, read and written in portions.

use super::{ExportArgs, Format, attach, cef, not_read};
use crate::cmd::block_on;
use crate::error::Failure;
use crate::{print, progress};
use domain::access::may_read_audit;
use domain::audit::export::{Export, Item, handed_over};
use domain::audit::line::{HEAD, Speller};
use domain::store::Health;
use domain::time::Timestamp;
use std::io::IsTerminal;

/// Writes the record.
pub fn run(args: &ExportArgs) -> Result<(), Failure> {
    block_on(async {
        let (store, cx, operator) = attach(&args.place).await?;
        let export =
            handed_over(&cx, may_read_audit(&operator), args.since).await.map_err(Failure::machine)?;
        let story = write(export, args);
        // On a terminal the entries themselves are the sign of life.
        let done = match std::io::stdout().is_terminal() {
            true => story.await,
            false => progress::while_waiting("exporting the audit record", story).await,
        };
        store.close().await;
        done
    })
}

async fn write(mut export: Export<'_>, args: &ExportArgs) -> Result<(), Failure> {
    match args.format {
        Format::Jsonl => {
            lines(&mut export, |lines| {
                print::line(&lines.join("\n"));
                Ok(())
            })
            .await
        }
        Format::Cef => events(&mut export, args.since).await,
    }
}

/// Hands on the lines of an export, some at a time.
pub async fn lines(
    export: &mut Export<'_>,
    mut take: impl FnMut(&[String]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut speller = Speller::default();
    take(&[HEAD.to_owned()])?;
    loop {
        let items = export.next().await.map_err(not_read)?;
        if items.is_empty() {
            return Ok(());
        }
        take(&items.iter().flat_map(|item| speller.lines(item)).collect::<Vec<_>>())?;
    }
}

async fn events(export: &mut Export<'_>, since: Option<Timestamp>) -> Result<(), Failure> {
    loop {
        let items = export.next().await.map_err(not_read)?;
        if items.is_empty() {
            return Ok(());
        }
        for item in items {
            match item {
                // It began at a checkpoint, which is a little earlier.
                Item::Entry(entry) if since.is_none_or(|since| since <= entry.at) => {
                    print::line(&cef::event(&entry));
                }
                Item::Entry(_) | Item::Checkpoint(_) => {}
            }
        }
    }
}
