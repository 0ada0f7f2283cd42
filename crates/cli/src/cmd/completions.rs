//! `latchkey completions` and `latchkey man`: what a package installs beside the program.

use crate::args::Args;
use crate::error::Failure;
use crate::print;
use clap::{Args as Arguments, CommandFactory};
use clap_complete::Shell;
use std::path::PathBuf;

/// Arguments of `completions`.
#[derive(Debug, Arguments)]
#[command(after_help = "Examples:
  latchkey completions bash > ~/.local/share/bash-completion/completions/latchkey
  latchkey completions zsh > ~/.zfunc/_latchkey
  latchkey completions fish > ~/.config/fish/completions/latchkey.fish")]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub shell: Shell,
}

/// Arguments of `man`.
#[derive(Debug, Arguments)]
#[command(after_help = "Example:
  latchkey man /usr/local/share/man/man1")]
pub struct ManArgs {
    /// The folder to write to; it is made if it is not there
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
}

/// Prints completions.
pub fn run(args: CompletionsArgs) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "latchkey", &mut script);
    print::line(String::from_utf8_lossy(&script).trim_end());
    Ok(())
}

/// Writes a manual page for every command.
pub fn man(args: ManArgs) -> Result<(), Failure> {
    let what = || format!("{} cannot be written", args.folder.display());
    let written = std::fs::create_dir_all(&args.folder)
        .and_then(|()| clap_mangen::generate_to(Args::command(), &args.folder));
    written.map_err(|error| Failure::machine(error).while_doing(what()))
}
