//! How a command fails: one line, then the causes, then a hint, and an exit code that scripts can tell apart.

use crate::print;
use std::error::Error;
use std::process::ExitCode;

/// Why a command was not done.
#[derive(Debug)]
pub struct Failure {
    what: String,
    causes: Vec<String>,
    hint: Option<String>,
    code: u8,
}

impl Failure {
    /// What was asked cannot be done as it stands: exit code 1.
    pub fn refused(error: impl Error) -> Self {
        Self::because(error, 1)
    }

    /// What was asked makes no sense: exit code 2.
    pub fn usage(error: impl Error) -> Self {
        Self::because(error, 2)
    }

    /// The machine or the network did not do it: exit code 3.
    pub fn machine(error: impl Error) -> Self {
        Self::because(error, 3)
    }

    /// The same, when the exit code 1 has another meaning: a question that was not answered.
    pub fn not_found_out(self) -> Self {
        Self { code: self.code.max(2), ..self }
    }

    fn because(error: impl Error, code: u8) -> Self {
        let causes = std::iter::successors(error.source(), |cause| (*cause).source())
            .map(ToString::to_string)
            .collect();
        Self { what: error.to_string(), causes, hint: None, code }
    }

    /// Says first what was being done.
    pub fn while_doing(self, what: impl Into<String>) -> Self {
        let causes = std::iter::once(self.what).chain(self.causes).collect();
        Self { what: what.into(), causes, ..self }
    }

    /// Adds what to do about it.
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// The exit code, and what is wrong, for a program that asks over a connection.
    pub fn in_one_line(&self) -> (u8, String) {
        let words: Vec<&str> = std::iter::once(&self.what).chain(&self.causes).map(String::as_str).collect();
        (self.code, words.join(": "))
    }

    /// Tells the person, and gives the exit code.
    pub fn report(&self) -> ExitCode {
        print::note(&format!("error: {}", self.what));
        self.causes.iter().for_each(|cause| print::note(&format!("  caused by: {cause}")));
        self.hint.iter().for_each(|hint| print::note(&format!("hint: {hint}")));
        ExitCode::from(self.code)
    }
}
