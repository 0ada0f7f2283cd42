//! The table and the JSON file: each figure beside its limit of the same run and its target.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::load::Spread;
use crate::plan::Line;

/// What the ratio of a figure to its limit has to be.
#[derive(Clone, Copy)]
pub enum Target {
    AtLeast(f64),
    AtMost(f64),
}

impl Target {
    fn is_met_by(self, ratio: f64) -> bool {
        self.margin(ratio) >= 1.0
    }

    /// How far the ratio is on the right side: 1 just meets it, more is better.
    fn margin(self, ratio: f64) -> f64 {
        match self {
            Self::AtLeast(least) => ratio / least,
            Self::AtMost(most) => most / ratio,
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
    /// The target's number, and after a dot which part of it.
    pub id: String,
    pub what: String,
    pub unit: &'static str,
    pub rate: f64,
    pub limit: f64,
    pub target: Target,
    pub timing: Option<Timing>,
}

/// How the answers came by the clock on the wall.
#[derive(Clone, Copy)]
pub struct Timing {
    /// Answers per second of the closed load.
    pub wall_rate: f64,
    /// Which load the times are of.
    pub load: Load,
    pub p50: Duration,
    pub p99: Duration,
}

/// How a load came.
#[derive(Clone, Copy)]
pub enum Load {
    /// So many connections, each asking again as soon as it was answered.
    Closed(usize),
    /// By a schedule, at this share of what the closed load reached; times count from when a request was due.
    Open(f64),
    /// One after the other, without a connection that is kept.
    OneByOne,
}

impl Load {
    fn told(self) -> String {
        match self {
            Self::Closed(connections) => format!("closed, {connections}"),
            Self::Open(share) => format!("open, {:.0} %", share * 100.0),
            Self::OneByOne => "one by one".to_owned(),
        }
    }
}

impl Timing {
    /// Of the answers to a closed load.
    pub fn closed(connections: usize, answered: &Spread, elapsed: Duration) -> Self {
        let wall_rate = answered.count() as f64 / elapsed.as_secs_f64();
        let (p50, p99) = (answered.percentile(0.5), answered.percentile(0.99));
        Self { wall_rate, load: Load::Closed(connections), p50, p99 }
    }

    /// Of things done one after the other.
    pub fn one_by_one(took: &Spread) -> Self {
        let (p50, p99) = (took.percentile(0.5), took.percentile(0.99));
        Self { wall_rate: 1.0 / p50.as_secs_f64(), load: Load::OneByOne, p50, p99 }
    }
}

/// Everything one run found.
#[derive(Default)]
pub struct Report {
    pub limits: Vec<(String, String)>,
    pub rows: Vec<Row>,
    pub notes: Vec<String>,
    /// The lines that could not be measured, and why.
    pub failed: Vec<(Line, String)>,
}

#[derive(Serialize, Default)]
struct Figure<'a> {
    ratio: Option<f64>,
    target: Option<f64>,
    rate: Option<f64>,
    limit: Option<f64>,
    p50_ms: Option<f64>,
    p99_ms: Option<f64>,
    met: Option<bool>,
    wall_rate: Option<f64>,
    unit: Option<&'static str>,
    what: Option<&'a str>,
    /// Which load `p50_ms` and `p99_ms` are of.
    load: Option<String>,
    /// Which row it is the worst of, for a target with several.
    part: Option<&'a str>,
}

impl Report {
    /// Prints limits, figures and notes, as Markdown.
    pub fn print(&self) {
        say("| limit | figure |\n|---|---|");
        for (name, figure) in &self.limits {
            say(&format!("| {name} | {figure} |"));
        }
        say("\n| # | operation | figure | limit | ratio | target | | wall/s | load | p50 ms | p99 ms |");
        say("|---|---|---:|---:|---:|---:|---|---:|---|---:|---:|");
        for row in &self.rows {
            say(&row.line());
        }
        say("");
        for note in &self.notes {
            say(&format!("- {note}"));
        }
        for (line, why) in &self.failed {
            say(&format!("- {line} could not be measured: {why}"));
        }
    }

    /// Writes the figures by their ids; each of T1 to T12 is there, as the worst of its rows or with nothing but nulls.
    pub fn write(&self, file: &Path) -> anyhow::Result<()> {
        let mut figures = Map::new();
        for line in Line::ALL {
            let rows = || self.rows.iter().filter(|row| row.line_of() == line.to_string());
            let worst = rows().min_by(|one, other| one.margin().total_cmp(&other.margin()));
            let plain = worst.map_or_else(Figure::default, |row| {
                let part = (row.id != line.to_string()).then_some(row.id.as_str());
                Figure { part, ..row.figure() }
            });
            figures.insert(line.to_string(), serde_json::to_value(plain)?);
            for row in rows().filter(|row| row.id != line.to_string()) {
                figures.insert(row.id.clone(), serde_json::to_value(row.figure())?);
            }
        }
        Ok(fs::write(file, serde_json::to_string_pretty(&Value::Object(figures))? + "\n")?)
    }
}

impl Row {
    /// A figure that must not be above its limit.
    pub fn at_most(id: &str, what: &str, unit: &'static str, (rate, limit): (f64, f64)) -> Self {
        let (id, what) = (id.to_owned(), what.to_owned());
        Self { id, what, unit, rate, limit, target: Target::AtMost(1.0), timing: None }
    }

    /// The ratio that counts.
    pub fn ratio(&self) -> f64 {
        self.rate / self.limit
    }

    /// How far it is on the right side of its target: 1 just meets it, more is better.
    pub fn margin(&self) -> f64 {
        self.target.margin(self.ratio())
    }

    fn line_of(&self) -> &str {
        self.id.split_once('.').map_or(self.id.as_str(), |(line, _)| line)
    }

    /// What it should be, with its sign.
    pub fn wanted(&self) -> String {
        format!("{} {:.2}", self.target.sign(), self.target.value())
    }

    fn line(&self) -> String {
        let Self { id, what, unit, target, .. } = self;
        let (rate, limit) = (number(self.rate), number(self.limit));
        let verdict = if target.is_met_by(self.ratio()) { "met" } else { "**missed**" };
        let timing = self.timing.map_or("| | | |".to_owned(), |timing| {
            let (p50, p99) = (ms(timing.p50), ms(timing.p99));
            format!("{} | {} | {p50:.2} | {p99:.2} |", number(timing.wall_rate), timing.load.told())
        });
        let (ratio, wanted) = (self.ratio(), self.wanted());
        format!("| {id} | {what} | {rate} {unit} | {limit} | {ratio:.2} | {wanted} | {verdict} | {timing}")
    }

    fn figure(&self) -> Figure<'_> {
        Figure {
            ratio: Some(self.ratio()),
            target: Some(self.target.value()),
            rate: Some(self.rate),
            limit: Some(self.limit),
            p50_ms: self.timing.map(|timing| ms(timing.p50)),
            p99_ms: self.timing.map(|timing| ms(timing.p99)),
            met: Some(self.target.is_met_by(self.ratio())),
            wall_rate: self.timing.map(|timing| timing.wall_rate),
            unit: Some(self.unit),
            what: Some(&self.what),
            load: self.timing.map(|timing| timing.load.told()),
            part: None,
        }
    }
}

/// A duration in milliseconds.
pub fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// Bytes in megabytes.
pub fn mb(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// A figure with as many digits as it deserves, in groups of three.
pub fn number(value: f64) -> String {
    if value < 1000.0 {
        return format!("{value:.1}");
    }
    let mut left = value.round() as u64;
    let mut groups = Vec::new();
    while left >= 1000 {
        groups.push(format!(",{:03}", left % 1000));
        left /= 1000;
    }
    groups.reverse();
    format!("{left}{}", groups.concat())
}

/// Says where a server listens, in the words that `ServerProcess::start` waits for.
pub fn announce(address: SocketAddr) {
    say(&format!("bare ready http://{address}"));
}

/// Tells what is being measured.
#[expect(clippy::print_stderr, reason = "a run of minutes says what it is doing, outside the table")]
pub fn progress(what: &str) {
    eprintln!("measuring {what}");
}

/// Prints one line of what was found.
#[expect(clippy::print_stdout, reason = "the table is what the bench is for")]
pub fn say(line: &str) {
    println!("{line}");
}
