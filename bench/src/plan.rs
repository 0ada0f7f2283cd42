//! What a run measures, for how long, and how long all of it takes at most.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// The targets by their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line(u8);

impl Line {
    pub const T1: Self = Self(1);
    pub const T2: Self = Self(2);
    pub const T3: Self = Self(3);
    pub const T4: Self = Self(4);
    pub const T5: Self = Self(5);
    pub const T6: Self = Self(6);
    pub const T7: Self = Self(7);
    pub const T8: Self = Self(8);
    pub const T9: Self = Self(9);
    pub const T10: Self = Self(10);
    pub const T11: Self = Self(11);
    pub const T12: Self = Self(12);
    /// All of them, in their order.
    pub const ALL: [Self; 12] = [
        Self::T1,
        Self::T2,
        Self::T3,
        Self::T4,
        Self::T5,
        Self::T6,
        Self::T7,
        Self::T8,
        Self::T9,
        Self::T10,
        Self::T11,
        Self::T12,
    ];
}

impl fmt::Display for Line {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "T{}", self.0)
    }
}

fn line(text: &str) -> Result<Line, String> {
    let known = Line::ALL.into_iter().find(|line| line.to_string().eq_ignore_ascii_case(text));
    known.ok_or_else(|| "a target is T1, T2 … T12".to_owned())
}

fn rows(text: &str) -> Result<u64, String> {
    let rows: u64 = text.parse().map_err(|_| "this is no number".to_owned())?;
    let known = (4..=7).map(|power| 10_u64.pow(power)).any(|known| known == rows);
    if known { Ok(rows) } else { Err("it goes up to 10000, 100000, 1000000 or 10000000".to_owned()) }
}

/// What to measure, and for how long.
#[derive(clap::Args)]
pub struct Settings {
    /// The server's binary
    #[arg(long, default_value = "target/release/latchkey")]
    pub server: PathBuf,
    /// Where data folders are made; a real disk, not memory
    #[arg(long, default_value = "target/bench")]
    pub folder: PathBuf,
    /// Where scripts/bench has installed the peers; without them T9 has no line for them
    #[arg(long)]
    pub peers: Option<PathBuf>,
    /// How long each load lasts, in seconds from 1 to 60; 5, or 1 with --quick
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=60))]
    pub seconds: Option<u64>,
    /// Measures these targets alone, for example T2,T3
    #[arg(long, value_delimiter = ',', value_parser = line)]
    pub only: Vec<Line>,
    /// Users and sessions that T6 and T8 go up to, a power of ten; a million, or a hundred thousand with --quick
    #[arg(long, value_parser = rows)]
    pub rows: Option<u64>,
    /// Measures for a second where it would for five, and starts less often
    #[arg(long)]
    pub quick: bool,
    /// Also writes the figures to this file, each target by its number
    #[arg(long)]
    pub json: Option<PathBuf>,
    /// Also draws the table into this file
    #[arg(long)]
    pub svg: Option<PathBuf>,
    /// Also draws what T6 found into this file
    #[arg(long)]
    pub growth_svg: Option<PathBuf>,
}

impl Settings {
    /// Whether a target is asked for.
    pub fn wants(&self, line: Line) -> bool {
        self.only.is_empty() || self.only.contains(&line)
    }

    /// How long one load lasts.
    pub fn duration(&self) -> Duration {
        Duration::from_secs(self.seconds.unwrap_or(if self.quick { 1 } else { 5 }))
    }

    /// How many users and sessions there are at the most.
    pub fn rows(&self) -> u64 {
        self.rows.unwrap_or(if self.quick { 100_000 } else { 1_000_000 })
    }

    /// How often a program is started where the median of starts counts.
    pub fn starts(&self) -> usize {
        if self.quick { 3 } else { 11 }
    }

    /// After this a run is given up, whatever it waits for: fifty loads, starts, and a millisecond for every row.
    pub fn bound(&self) -> Duration {
        let fixed = if self.quick { 60 } else { 300 };
        Duration::from_secs(fixed) + self.duration() * 50 + Duration::from_millis(self.rows())
    }
}
