//! What cannot be undone is asked about, and a new password is typed or piped, never an argument.

use crate::error::Failure;
use crate::print;
use clap::Args as Arguments;
use client::Secret;
use std::io::{self, BufRead, IsTerminal, Read};

/// The longest line that is read from stdin.
const LONGEST: u64 = 64 * 1024;

/// The flag of commands that take something away.
#[derive(Debug, Clone, Arguments)]
pub struct Sure {
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

impl Sure {
    /// Asks on a terminal; where nobody can be asked, only `--yes` will do.
    pub fn of(&self, what: &str) -> Result<(), Failure> {
        if self.yes {
            return Ok(());
        }
        if !io::stdin().is_terminal() {
            let nobody = io::Error::other(format!("{what}: there is nobody to ask"));
            return Err(Failure::usage(nobody).hint("say --yes"));
        }
        print::ask(&format!("{what}? [y/N] "));
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line).map_err(Failure::usage)?;
        match line.trim().to_ascii_lowercase().as_str() {
            "y" | "yes" => Ok(()),
            _ => Err(Failure::refused(io::Error::other("nothing was done"))),
        }
    }
}

/// A password that is to be: of stdin when that was asked for, typed twice on a terminal, else none.
pub fn new_password(whose: &str, from_stdin: bool) -> Result<Option<Secret>, Failure> {
    if from_stdin {
        return line().map(Some);
    }
    if !io::stdin().is_terminal() {
        return Ok(None);
    }
    let first = typed(&format!("New password of {whose}: "))?;
    if first.expose() != typed("Again: ")?.expose() {
        return Err(Failure::usage(io::Error::other("the two are not the same")));
    }
    Ok(Some(first))
}

/// A password that is in use: the next line of stdin when that was asked for, or typed.
pub fn password_in_use(from_stdin: bool) -> Result<Secret, Failure> {
    if from_stdin { line() } else { typed("Password in use: ") }
}

fn typed(question: &str) -> Result<Secret, Failure> {
    if !io::stdin().is_terminal() {
        let nobody = io::Error::other("there is nobody to type a password");
        return Err(Failure::usage(nobody).hint("pipe it, with --password-stdin"));
    }
    rpassword::prompt_password(question).map(Secret::new).map_err(Failure::usage)
}

fn line() -> Result<Secret, Failure> {
    let mut line = String::new();
    io::stdin().lock().take(LONGEST).read_line(&mut line).map_err(Failure::usage)?;
    let line = line.trim_end_matches(['\r', '\n']);
    if line.is_empty() {
        return Err(Failure::usage(io::Error::other("stdin has no password")));
    }
    Ok(Secret::new(line))
}
