//! `latchkey audit`: exports the record of what happened, verifies it, follows it.

mod cef;
mod export;
mod follow;
pub mod verify;

use super::{configuration, existing_store};
use crate::args::DataArgs;
use crate::error::Failure;
use clap::{Args as Arguments, Subcommand, ValueEnum};
use domain::audit::export::ExportError;
use domain::time::Timestamp;
use domain::{Cx, Operator, keyring};
use server::config::Config;
use server::service;
use std::path::PathBuf;
use std::sync::Arc;
use store::Store;

/// Subcommands of `audit`.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Write the record to stdout, also while the service runs
    #[command(after_help = "Examples:
  latchkey audit export --data /var/lib/latchkey > audit-2026-08-22.jsonl
  latchkey audit export --since 2026-08-01 > august.jsonl
  latchkey audit export --since 2026-08-22T10:00:00Z --format cef | logger

An export in jsonl holds what `latchkey audit verify` needs: hashes, signed checkpoints and public keys. With --since it
begins at the last checkpoint before that time. cef is for other tools and cannot be verified.")]
    Export(ExportArgs),
    /// Find the first entry that was changed, removed or moved; needs no service and no network
    #[command(after_help = "Examples:
  latchkey audit verify audit-2026-08-22.jsonl
  latchkey audit verify --key jwks.json audit.jsonl
  latchkey audit export | latchkey audit verify --key 1xhtfGxOuVhPGjyZrvlkbf6mlqbh1Tcfrqp1Ul5hjFs -
  latchkey audit verify --since-checkpoint july.jsonl august.jsonl
  latchkey audit verify --data /var/lib/latchkey

Without --key nothing says whose record it is: compare the thumbprint with one that you have from elsewhere. A key is
trusted when the trusted one vouched for it.
The exit code is 0 for a record that is whole, 1 for any other, 2 for arguments that make no sense, and 3 when the record
cannot be read.")]
    Verify(VerifyArgs),
    /// Print the last entries
    #[command(after_help = "Examples:
  latchkey audit tail
  latchkey audit tail -n 100 --data /var/lib/latchkey
  latchkey audit tail -f | grep sign_in_refused

Tokens, and attempts on a locked name, are recorded a second later.")]
    Tail(TailArgs),
}

/// Arguments of `audit export`.
#[derive(Debug, Arguments)]
pub struct ExportArgs {
    /// Where the store is.
    #[command(flatten)]
    pub place: DataArgs,
    /// Entries since this time, in UTC [default: all]
    #[arg(long, value_name = "TIME")]
    pub since: Option<Timestamp>,
    /// How to spell it
    #[arg(long, value_enum, default_value_t = Format::Jsonl)]
    pub format: Format,
}

/// How an export is spelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// One JSON object per line, to be verified
    Jsonl,
    /// Common Event Format, for tools that collect events
    Cef,
}

/// Arguments of `audit verify`.
#[derive(Debug, Arguments)]
pub struct VerifyArgs {
    /// Where the store is.
    #[command(flatten)]
    pub place: DataArgs,
    /// An export, or `-` for stdin; without it the store is verified
    pub file: Option<PathBuf>,
    /// A key that is trusted: a file with a JSON key or key set, or a thumbprint
    #[arg(long, value_name = "FILE|THUMBPRINT", allow_hyphen_values = true)]
    pub key: Option<String>,
    /// An earlier export, of which nothing may be missing or different
    #[arg(long, value_name = "FILE")]
    pub since_checkpoint: Option<PathBuf>,
}

/// Arguments of `audit tail`.
#[derive(Debug, Arguments)]
pub struct TailArgs {
    /// Where the store is.
    #[command(flatten)]
    pub place: DataArgs,
    /// How many entries
    #[arg(short = 'n', value_name = "COUNT", default_value_t = 10)]
    pub count: u32,
    /// Go on with what happens, until SIGTERM or Ctrl-C
    #[arg(short, long)]
    pub follow: bool,
}

/// Exports, verifies or follows.
pub fn run(command: AuditCommand) -> Result<(), Failure> {
    match command {
        AuditCommand::Export(args) => export::run(&args),
        AuditCommand::Verify(args) => verify::run(&args),
        AuditCommand::Tail(args) => follow::run(&args),
    }
}

/// The store in a data folder, the rules over it, and evidence of holding this machine.
async fn attach(place: &DataArgs) -> Result<(Arc<Store>, Cx, Operator), Failure> {
    let config = configuration(place)?;
    let store = Arc::new(existing_store(&config).await?);
    let (cx, operator) = over(&config, &store).await?;
    Ok((store, cx, operator))
}

/// The rules over a store that is open, with a key to sign with.
async fn over(config: &Config, store: &Arc<Store>) -> Result<(Cx, Operator), Failure> {
    let (cx, operator) = service::tool(config, store).await.map_err(Failure::machine)?;
    keyring::refresh(&cx).await.map_err(Failure::machine)?;
    if !keyring::can_sign(&cx) {
        let no_key = std::io::Error::other("there is no key to sign with");
        return Err(Failure::refused(no_key).hint("start the service once: it makes a key"));
    }
    Ok((cx, operator))
}

fn not_read(error: ExportError) -> Failure {
    match error {
        ExportError::Cut => Failure::machine(error).hint("try again"),
        ExportError::Store(error) => Failure::machine(error),
    }
}
