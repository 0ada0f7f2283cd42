//! One line of what the doctor found.

use std::fmt;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is well.
    Well,
    /// It may be well.
    Odd,
    /// It is wrong on this machine, or in what was asked.
    Here,
    /// It is wrong between here and the login host, or there.
    There,
}

/// What was looked at, what was seen, and what to do.
#[derive(Debug)]
pub struct Finding {
    /// How bad it is.
    pub verdict: Verdict,
    about: &'static str,
    seen: String,
    advice: Option<&'static str>,
}

impl Finding {
    /// All is well.
    pub fn well(about: &'static str, seen: impl Into<String>) -> Self {
        Self { verdict: Verdict::Well, about, seen: seen.into(), advice: None }
    }

    /// It may be well, or else there is something to do.
    pub fn odd(about: &'static str, seen: impl Into<String>, advice: &'static str) -> Self {
        Self { verdict: Verdict::Odd, about, seen: seen.into(), advice: Some(advice) }
    }

    /// It is wrong here.
    pub fn here(about: &'static str, seen: impl Into<String>, advice: &'static str) -> Self {
        Self { verdict: Verdict::Here, about, seen: seen.into(), advice: Some(advice) }
    }

    /// It is wrong there.
    pub fn there(about: &'static str, seen: impl Into<String>, advice: &'static str) -> Self {
        Self { verdict: Verdict::There, about, seen: seen.into(), advice: Some(advice) }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match self.verdict {
            Verdict::Well => "ok",
            Verdict::Odd => "warn",
            Verdict::Here | Verdict::There => "fail",
        };
        write!(f, "{verdict:<5} {:<8} {}", self.about, self.seen)?;
        self.advice.map_or(Ok(()), |advice| write!(f, "; {advice}"))
    }
}
