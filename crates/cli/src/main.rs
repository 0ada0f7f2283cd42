//! `latchkey`: the service and its tools in one program.

mod account;
mod admin;
mod args;
mod child;
mod cmd;
mod consent;
mod declared;
mod ending;
mod error;
mod explain;
mod hold;
mod print;
mod progress;
mod shape;
mod table;
mod verbosity;

use args::{Args, Command};
use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args = Args::parse();
    if !matches!(args.command, Command::Serve(_)) {
        verbosity::speak(args.verbose);
    }
    let done = match args.command {
        Command::Login(args) => cmd::login::run(args),
        Command::Token(args) => cmd::token::run(args),
        Command::Session(args) => cmd::session::run(args),
        // Its exit code is that of the program.
        Command::Emulate(args) => return cmd::emulate::run(args).unwrap_or_else(|failure| failure.report()),
        Command::Exec(args) => return cmd::exec::run(args).unwrap_or_else(|failure| failure.report()),
        Command::Proxy(args) => cmd::proxy::run(args),
        Command::Agent(args) => cmd::agent::run(args),
        Command::Credential(args) => cmd::credential::run(args),
        Command::Doctor(args) => cmd::doctor::run(args),
        Command::Verify(args) => cmd::verify::run(args),
        Command::Status(args) => cmd::status::run(args),
        Command::Logout(args) => cmd::logout::run(args),
        Command::Profile(command) => cmd::profile::run(command),
        Command::Region(command) => cmd::region::run(command),
        Command::Org(command) => cmd::org::run(command),
        Command::User(command) => cmd::user::run(command),
        Command::Group(command) => cmd::group::run(command),
        Command::Role(command) => cmd::role::run(command),
        Command::Client(command) => cmd::client::run(command),
        Command::Policy(command) => cmd::policy::run(command),
        Command::Provider(command) => cmd::provider::run(command),
        Command::Export(args) => cmd::export::run(&args),
        Command::Plan(args) => cmd::plan::run(&args),
        Command::Apply(args) => cmd::apply::run(&args),
        Command::Drift(args) => cmd::drift::run(&args),
        Command::Serve(args) => cmd::serve::run(args),
        Command::Config(args) => cmd::config::run(args),
        Command::Keys(args) => cmd::keys::run(args),
        Command::Audit(command) => cmd::audit::run(command),
        Command::Backup(args) => cmd::backup::run(args),
        Command::Restore(args) => cmd::restore::run(args),
        Command::Store(command) => cmd::store::run(command),
        Command::Completions(args) => cmd::completions::run(args),
        Command::Man(args) => cmd::completions::man(args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
