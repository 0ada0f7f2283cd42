//! `latchkey store copy`: moves an instance from SQLite to PostgreSQL, or back.

use super::audit::verify;
use super::block_on;
use crate::error::Failure;
use crate::{print, progress};
use ::store::copy::{self, CopyError};
use clap::{Args as Arguments, Subcommand};
use domain::store::Health;
use domain::time::Clock;
use server::config::Config;
use server::database;
use server::system::SystemClock;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// Subcommands of `store`.
#[derive(Debug, Subcommand)]
pub enum StoreCommand {
    /// Copy everything into an empty store of the other engine, and look whether it arrived
    #[command(after_help = "Examples:
  latchkey store copy sqlite:latchkey-data postgres://latchkey@db.example.com/latchkey
  PGPASSWORD=... latchkey store copy postgres://latchkey@db.example.com/latchkey sqlite:/var/lib/latchkey

A URL has no password: that is in the environment variable PGPASSWORD, or in the file that postgres.password_file of the
configuration names. No service may be running on either store. Sessions go along, and nobody has to sign in again.")]
    Copy(CopyArgs),
}

/// Arguments of `store copy`.
#[derive(Debug, Arguments)]
pub struct CopyArgs {
    /// Configuration file, for what it says of postgres
    #[arg(long, value_name = "FILE", env = "LATCHKEY_CONFIG")]
    pub config: Option<PathBuf>,
    /// Where everything is: sqlite:DIR or postgres://...
    pub from: String,
    /// Where it goes: sqlite:DIR or postgres://...; there must be nothing
    pub to: String,
}

/// Copies.
pub fn run(command: StoreCommand) -> Result<(), Failure> {
    let StoreCommand::Copy(args) = command;
    let base = args.config.as_deref().map(Config::load).transpose().map_err(Failure::usage)?;
    let base = base.unwrap_or_default();
    let (from, to) = (place(&base, &args.from)?, place(&base, &args.to)?);
    if from.store.is_some() == to.store.is_some() {
        let same = Failure::usage(io::Error::other("both stores have the same engine"));
        return Err(same.hint("copy SQLite with `latchkey backup`, and PostgreSQL with `pg_dump`"));
    }
    let file = from.data.join(::store::sqlite::FILE);
    if from.store.is_none()
        && let Err(error) = std::fs::metadata(&file)
    {
        let what = format!("there is no store in {}", from.data.display());
        return Err(Failure::refused(error).while_doing(what));
    }
    block_on(copied(&from, &to))?;
    print::note("the copy is whole; serve from it, and from the other one no more");
    Ok(())
}

/// What a text names. The text is not repeated in an error: it may have a password in it.
fn place(base: &Config, text: &str) -> Result<Config, Failure> {
    if let Some(folder) = text.strip_prefix("sqlite:") {
        return Ok(Config { store: None, data: folder.into(), ..base.clone() });
    }
    let url = text.parse().map_err(|error| {
        Failure::usage(error)
            .while_doing("one of the stores is neither sqlite:DIR nor a URL that can be used")
    })?;
    Ok(Config { store: Some(url), ..base.clone() })
}

async fn copied(from: &Config, to: &Config) -> Result<(), Failure> {
    let stopped = "stop every service and tool on both stores first";
    let opened = |error| Failure::refused(error).hint(stopped);
    let (source, _held) = database::attach_alone(from).await.map_err(opened)?;
    let (target, _held_too) = database::open_alone(to, SystemClock.now()).await.map_err(opened)?;
    let target = Arc::new(target);
    let bar = progress::bar(copy::length(&source).await.map_err(Failure::machine)?);
    let done = copy::copy(&source, &target, SystemClock.now(), |rows| bar.inc(rows)).await;
    bar.finish_and_clear();
    source.close().await;
    for copy::Copied { table, rows } in done.map_err(failed)? {
        print::line(&format!("{rows:>10}  {table}"));
    }
    let verdict = verify::of_store(to, &target).await;
    target.close().await;
    print::line(&verify::text(&verdict?));
    Ok(())
}

fn failed(error: CopyError) -> Failure {
    match error {
        CopyError::NotEmpty(_) => Failure::refused(error).hint("name a new folder, or an empty database"),
        CopyError::InUse(_) => {
            Failure::refused(error).hint("stop every service and tool on both stores first")
        }
        CopyError::Differs(_) | CopyError::Store(_) => {
            Failure::machine(error).hint("make the target anew, empty, and copy again")
        }
    }
}
