//! The table and the JSON file: each figure beside its limit of the same run and its target.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use crate::load::Spread;

/// What the ratio of a figure to its limit has to be.
#[derive(Clone, Copy)]
pub enum Target {
    AtLeast(f64),
    AtMost(f64),
}

impl Target {
    fn is_met_by(self, ratio: f64) -> bool {
        match self {
            Self::AtLeast(least) => ratio >= least,
            Self::AtMost(most) => ratio <= most,
        }
    }

    fn value(self) -> f64 {
        match self {
            Self::AtLeast(value) | Self::AtMost(value) => value,
        }
    }

    fn sign(self) -> &'static str {
        match self {
            Self::AtLeast(_) => "≥",
            Self::AtMost(_) => "≤",
        }
    }
}

/// One figure, its limit and its target.
pub struct Row {
    pub id: &'static str,
    pub what: &'static str,
    pub unit: &'static str,
    pub rate: f64,
    pub limit: f64,
    pub target: Target,
    pub timing: Option<Timing>,
}

/// How the answers came by the clock on the wall.
#[derive(Clone, Copy)]
pub struct Timing {
    pub wall_rate: f64,
    pub p50: Duration,
    pub p99: Duration,
}

impl Timing {
    /// Of these answers, which took `elapsed` together.
    pub fn of(answered: &Spread, elapsed: Duration) -> Self {
        let wall_rate = answered.count() as f64 / elapsed.as_secs_f64();
        Self { wall_rate, p50: answered.percentile(0.5), p99: answered.percentile(0.99) }
    }
}

/// Everything one run found.
#[derive(Default)]
pub struct Report {
    pub limits: Vec<(&'static str, String)>,
    pub rows: Vec<Row>,
    pub notes: Vec<String>,
}

#[derive(Serialize)]
struct Figure {
    what: &'static str,
    unit: &'static str,
    rate: f64,
    limit: f64,
    ratio: f64,
    target: f64,
    met: bool,
    #[serde(flatten)]
    timing: Option<TimingFigure>,
}

#[derive(Serialize)]
struct TimingFigure {
    wall_rate: f64,
    p50_ms: f64,
    p99_ms: f64,
}

impl Report {
    /// Prints limits, figures and notes, as Markdown.
    pub fn print(&self) {
        say("| limit | figure |\n|---|---|");
        for (name, figure) in &self.limits {
            say(&format!("| {name} | {figure} |"));
        }
        say("\n| # | operation | figure | limit | ratio | target | | wall/s | p50 ms | p99 ms |");
        say("|---|---|---:|---:|---:|---:|---|---:|---:|---:|");
        for row in &self.rows {
            say(&row.line());
        }
        say("");
        for note in &self.notes {
            say(&format!("- {note}"));
        }
    }

    /// Writes the figures by their number.
    pub fn write(&self, file: &Path) -> anyhow::Result<()> {
        let figures: BTreeMap<_, _> = self.rows.iter().map(|row| (row.id, row.figure())).collect();
        Ok(fs::write(file, serde_json::to_string_pretty(&figures)? + "\n")?)
    }
}

impl Row {
    fn ratio(&self) -> f64 {
        self.rate / self.limit
    }

    fn line(&self) -> String {
        let Self { id, what, unit, target, .. } = self;
        let (rate, limit) = (number(self.rate), number(self.limit));
        let verdict = if target.is_met_by(self.ratio()) { "met" } else { "**missed**" };
        let timing = self.timing.map_or("| | |".to_owned(), |timing| {
            format!("{} | {:.2} | {:.2} |", number(timing.wall_rate), ms(timing.p50), ms(timing.p99))
        });
        let (ratio, sign, value) = (self.ratio(), target.sign(), target.value());
        format!(
            "| {id} | {what} | {rate} {unit} | {limit} | {ratio:.2} | {sign} {value:.2} | {verdict} | {timing}"
        )
    }

    fn figure(&self) -> Figure {
        Figure {
            what: self.what,
            unit: self.unit,
            rate: self.rate,
            limit: self.limit,
            ratio: self.ratio(),
            target: self.target.value(),
            met: self.target.is_met_by(self.ratio()),
            timing: self.timing.map(|timing| TimingFigure {
                wall_rate: timing.wall_rate,
                p50_ms: ms(timing.p50),
                p99_ms: ms(timing.p99),
            }),
        }
    }
}

/// A duration in milliseconds.
pub fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// A figure with as many digits as it deserves, in groups of three.
pub fn number(value: f64) -> String {
    if value < 1000.0 {
        return format!("{value:.1}");
    }
    let thousands = (value / 1000.0).floor();
    format!("{thousands},{:03}", (value - thousands * 1000.0).floor())
}

/// Says where a server listens, in the words that `ServerProcess::start` waits for.
pub fn announce(address: SocketAddr) {
    say(&format!("bare ready http://{address}"));
}

/// Tells what is being measured.
#[expect(clippy::print_stderr, reason = "a run of a minute says what it is doing, outside the table")]
pub fn progress(what: &str) {
    eprintln!("measuring {what}");
}

#[expect(clippy::print_stdout, reason = "the table is what the bench is for")]
fn say(line: &str) {
    println!("{line}");
}
