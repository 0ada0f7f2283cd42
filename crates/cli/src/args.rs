//! The command line. Every command's help has examples.

use crate::cmd::agent::AgentArgs;
use crate::cmd::apply::ApplyArgs;
use crate::cmd::audit::AuditCommand;
use crate::cmd::client::ClientCommand;
use crate::cmd::completions::{CompletionsArgs, ManArgs};
use crate::cmd::credential::CredentialArgs;
use crate::cmd::doctor::DoctorArgs;
use crate::cmd::drift::DriftArgs;
use crate::cmd::emulate::EmulateArgs;
use crate::cmd::exec::ExecArgs;
use crate::cmd::export::ExportArgs;
use crate::cmd::group::GroupCommand;
use crate::cmd::login::LoginArgs;
use crate::cmd::logout::LogoutArgs;
use crate::cmd::org::OrgCommand;
use crate::cmd::plan::PlanArgs;
use crate::cmd::policy::PolicyCommand;
use crate::cmd::profile::ProfileCommand;
use crate::cmd::provider::ProviderCommand;
use crate::cmd::proxy::ProxyArgs;
use crate::cmd::region::RegionCommand;
use crate::cmd::role::RoleCommand;
use crate::cmd::session::SessionArgs;
use crate::cmd::status::StatusArgs;
use crate::cmd::store::StoreCommand;
use crate::cmd::token::TokenArgs;
use crate::cmd::user::UserCommand;
use crate::cmd::verify::VerifyArgs;
use clap::{ArgAction, Args as Arguments, Parser, Subcommand};
use std::net::SocketAddr;
use std::path::PathBuf;

/// Sign in, hold a session, mint and verify tokens.
#[derive(Debug, Parser)]
#[command(name = "latchkey", version, about, propagate_version = true)]
pub struct Args {
    /// Say on stderr what is done, with -vv also why, with -vvv also every request
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What `latchkey` can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Sign in, and keep the session for a profile
    Login(LoginArgs),
    /// Print a token that is good for some minutes
    Token(TokenArgs),
    /// Print the id of a session that is good for some minutes; list and end sessions
    Session(SessionArgs),
    /// Run a program with a session and a token in its environment
    Exec(ExecArgs),
    /// Forward HTTP on this machine, with credentials that do not run out
    Proxy(ProxyArgs),
    /// Hand sessions and tokens to many programs over a socket
    Agent(AgentArgs),
    /// Give a token to a tool that asks a helper program for it
    Credential(CredentialArgs),
    /// Find out what keeps you from signing in
    Doctor(DoctorArgs),
    /// Say who a token is for, which org, until when, or why it is not good
    Verify(VerifyArgs),
    /// Say what is kept for an account
    Status(StatusArgs),
    /// End a session and forget it
    Logout(LogoutArgs),
    /// List, add or remove profiles
    #[command(subcommand)]
    Profile(ProfileCommand),
    /// Look up the vendor's login hosts
    #[command(subcommand)]
    Region(RegionCommand),
    /// Administer orgs
    #[command(subcommand)]
    Org(OrgCommand),
    /// Administer users
    #[command(subcommand)]
    User(UserCommand),
    /// Administer groups
    #[command(subcommand)]
    Group(GroupCommand),
    /// Administer roles
    #[command(subcommand)]
    Role(RoleCommand),
    /// Administer OAuth clients
    #[command(subcommand)]
    Client(ClientCommand),
    /// Show or set the policy of an org
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Administer identity providers
    #[command(subcommand)]
    Provider(ProviderCommand),
    /// Write what a service has into a file, without secrets
    Export(ExportArgs),
    /// Show what would change if files were applied
    Plan(PlanArgs),
    /// Make a service what files say
    Apply(ApplyArgs),
    /// Find out whether a service is what files say
    Drift(DriftArgs),
    /// Run the service
    #[command(after_help = "Examples:
  latchkey serve
  latchkey serve --data /var/lib/latchkey --listen 0.0.0.0:8470 --public-url https://id.example.com
  latchkey serve --config latchkey.toml
  latchkey serve --store postgres://latchkey@db.example.com/latchkey
  latchkey serve --data test --listen 127.0.0.1:0 --seed seed.toml

When connections are accepted, the first line on stdout is `latchkey ready URL`.
SIGTERM and Ctrl-C finish what is under way and end it.")]
    Serve(ServeArgs),
    /// Run the service with a clock that can be moved, for programs under test
    Emulate(EmulateArgs),
    /// Check or show the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Look at the signing keys, or make a new one
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Export, verify or follow the record of what happened
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Write a consistent copy of the store to a new file, also while the service runs
    #[command(after_help = "Examples:
  latchkey backup latchkey-2026-08-22.db
  latchkey backup --data /var/lib/latchkey /backup/latchkey.db

The copy holds password hashes and signing keys: guard it like the data folder.")]
    Backup(BackupArgs),
    /// Put a backup in the place of the store; the service must not be running
    #[command(after_help = "Examples:
  latchkey restore latchkey-2026-08-22.db
  latchkey restore --data /var/lib/latchkey --end-sessions /backup/latchkey.db

The store that was there is kept beside it, with the ending .before-restore.")]
    Restore(RestoreArgs),
    /// Move an instance from one store to another
    #[command(subcommand)]
    Store(StoreCommand),
    /// Print completions for a shell
    Completions(CompletionsArgs),
    /// Write manual pages
    Man(ManArgs),
}

/// Where the store is.
#[derive(Debug, Arguments)]
pub struct DataArgs {
    /// Configuration file
    #[arg(long, value_name = "FILE", env = "LATCHKEY_CONFIG")]
    pub config: Option<PathBuf>,
    /// Data folder [default: latchkey-data]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// PostgreSQL database instead of the data folder; its password is in PGPASSWORD or postgres.password_file
    #[arg(long, value_name = "URL")]
    pub store: Option<String>,
}

/// Arguments of `serve`.
#[derive(Debug, Arguments)]
pub struct ServeArgs {
    /// Where the store is.
    #[command(flatten)]
    pub place: DataArgs,
    /// Address and port to listen on; port 0 takes a free one [default: 127.0.0.1:8470]
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<SocketAddr>,
    /// Where clients reach the service [default: the address it listens on]
    #[arg(long, value_name = "URL")]
    pub public_url: Option<String>,
    /// Orgs and users to fill an empty store with
    #[arg(long, value_name = "FILE")]
    pub seed: Option<PathBuf>,
}

/// Subcommands of `config`.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Read the configuration, name everything that is wrong with it, and print it as it stands
    #[command(after_help = "Example:
  latchkey config check --config latchkey.toml")]
    Check(DataArgs),
    /// Print every setting with its default and its meaning
    #[command(after_help = "Example:
  latchkey config example > latchkey.toml")]
    Example,
}

/// Subcommands of `keys`.
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// List the signing keys, oldest first
    #[command(after_help = "Example:
  latchkey keys list --data /var/lib/latchkey")]
    List(DataArgs),
    /// Make a new key that signs from now on, also while the service runs
    #[command(after_help = "Example:
  latchkey keys rotate --data /var/lib/latchkey

A running service uses the new key within seconds. The old one stays published until no token of its can be alive.")]
    Rotate(DataArgs),
}

/// Arguments of `backup`.
#[derive(Debug, Arguments)]
pub struct BackupArgs {
    /// Where the store is.
    #[command(flatten)]
    pub place: DataArgs,
    /// The file to write; it must not exist
    pub file: PathBuf,
}

/// Arguments of `restore`.
#[derive(Debug, Arguments)]
pub struct RestoreArgs {
    /// Where the store is.
    #[command(flatten)]
    pub place: DataArgs,
    /// The backup to read
    pub file: PathBuf,
    /// End every session that the backup holds, so that none comes back that was ended since
    #[arg(long)]
    pub end_sessions: bool,
}
