//! The service with more and more in its store: sign-in, mint and check with random keys, memory, and a restart.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::ensure;
use http::StatusCode;

use crate::gauge::{self, Gauged};
use crate::load::{self, Asked, Client, Script, Spread};
use crate::place::{CONNECTIONS, Door, Place, TOKEN, USER, with_session};
use crate::plan::Line;
use crate::population::{Population, Shape, name, session_id};
use crate::report::{Row, Target, Timing, ms, number, progress};
use crate::run::Run;
use crate::server_process::ServerProcess;

/// Where every curve begins.
const FEWEST: u64 = 1_000;

/// How much of the rate with the fewest has to be left.
const LEFT: f64 = 0.90;

/// Bytes of memory that a live session may take.
const BYTES: f64 = 250.0;

/// How long a service may take to begin after its death, in milliseconds.
const RESTART_MS: f64 = 1_000.0;

const RESTARTS: usize = 3;

/// How long every session may take to be asked for once.
const PATIENCE: Duration = Duration::from_secs(600);

/// What is done at each size.
const OPERATIONS: [Operation; 3] = [Operation::Check, Operation::Mint, Operation::SignIn];

/// T6 and T8: users and sessions of one org, and then orgs with a user each.
pub async fn measure(run: &mut Run<'_>) -> anyhow::Result<()> {
    let largest = run.settings.rows();
    let population = Population::new(run.folder.join("users/data"), Shape::OneOrg)?;
    let mut users = Curve { of: "users", population, folder: run.folder.join("users"), first: Vec::new() };
    users.climb(run, largest).await?;
    if !run.settings.wants(Line::T6) {
        return Ok(());
    }
    let population = Population::new(run.folder.join("orgs/data"), Shape::OrgEach)?;
    let mut orgs = Curve { of: "orgs", population, folder: run.folder.join("orgs"), first: Vec::new() };
    orgs.climb(run, largest.div_euclid(10).max(FEWEST * 10)).await
}

/// One thing that there is more and more of.
struct Curve {
    of: &'static str,
    population: Population,
    folder: PathBuf,
    /// The rates with the fewest.
    first: Vec<f64>,
}

impl Curve {
    async fn climb(&mut self, run: &mut Run<'_>, largest: u64) -> anyhow::Result<()> {
        std::fs::create_dir_all(&self.folder)?;
        // A restart alone needs no curve.
        let mut size = if run.settings.wants(Line::T6) { FEWEST } else { largest };
        while size <= largest {
            progress(&format!("{} {}: they are brought in", number(size as f64), self.of));
            let started = Instant::now();
            self.population.grow(size).await?;
            let took = started.elapsed().as_secs_f64();
            run.report.notes.push(format!(
                "{} {} were there after {took:.1} s",
                number(size as f64),
                self.of
            ));
            self.at(run, size == largest).await?;
            size *= 10;
        }
        std::fs::remove_dir_all(&self.folder)?;
        Ok(())
    }

    /// Everything at the present size.
    async fn at(&mut self, run: &mut Run<'_>, is_last: bool) -> anyhow::Result<()> {
        let place = Place { server: &run.settings.server, folder: self.folder.clone() };
        let mut process = place.start(&[])?;
        if run.settings.wants(Line::T6) {
            self.touch_all(&process, run, is_last).await?;
            self.operate(&process, run).await?;
        }
        if is_last && self.of == "users" && run.settings.wants(Line::T8) {
            process = self.restart(process, &place, run).await?;
        }
        ensure!(process.end()?.success(), "the server did not end cleanly");
        Ok(())
    }

    /// Asks for every session once, so that all of them are held, and says what that took.
    async fn touch_all(
        &self,
        process: &ServerProcess,
        run: &mut Run<'_>,
        is_last: bool,
    ) -> anyhow::Result<()> {
        let (count, before) = (self.population.count(), process.resident()?);
        let every = |first: usize| -> Script {
            let mine = (first as u64..count).step_by(CONNECTIONS);
            Box::new(mine.filter_map(|number| with_session(USER, &session_id(number)).ok()))
        };
        let outcome = load::run(process.address(), (0..CONNECTIONS).map(every).collect(), PATIENCE).await?;
        let answered = outcome.answered.count() as u64;
        ensure!(answered == count && outcome.refused == 0, "{answered} of {count} sessions answered");
        let bytes = process.resident()?.saturating_sub(before) as f64 / count as f64;
        let (sessions, took) = (number(count as f64), outcome.elapsed.as_secs_f64());
        let of = self.of;
        let note = format!(
            "{sessions} sessions ({of}): {bytes:.0} bytes each; the first call of all took {took:.1} s"
        );
        run.report.notes.push(note);
        if is_last && of == "users" {
            let what = format!("memory per live session, of {sessions}");
            run.report.rows.push(Row::at_most("T6.memory", &what, "bytes", (bytes, BYTES)));
        }
        Ok(())
    }

    async fn operate(&mut self, process: &ServerProcess, run: &mut Run<'_>) -> anyhow::Result<()> {
        let count = self.population.count();
        for (index, operation) in OPERATIONS.into_iter().enumerate() {
            let what = format!("{} with {} {}", operation.name(), number(count as f64), self.of);
            progress(&what);
            let random = || (0..CONNECTIONS).map(|seed| operation.at_random(seed, count)).collect();
            load::run(process.address(), random(), Duration::from_millis(500)).await?;
            let gauged = gauge::closed(process, &what, run.duration, random()).await?;
            match self.first.get(index) {
                Some(first) => run.report.rows.push(self.row(operation, what, &gauged, *first)),
                None => self.first.push(gauged.rate),
            }
        }
        Ok(())
    }

    fn row(&self, operation: Operation, what: String, gauged: &Gauged, limit: f64) -> Row {
        let group = if self.of == "users" { String::new() } else { format!("{}.", self.of) };
        Row {
            id: format!("T6.{group}{}.{}", operation.name(), self.population.count()),
            what,
            unit: "/CPU-s",
            rate: gauged.rate,
            limit,
            target: Target::AtLeast(LEFT),
            timing: Some(gauged.timing),
        }
    }

    /// Kills the service and starts it again: from the fork to the first 200 of a session.
    async fn restart(
        &self,
        mut process: ServerProcess,
        place: &Place<'_>,
        run: &mut Run<'_>,
    ) -> anyhow::Result<ServerProcess> {
        progress("starts after kill -9");
        let mut took = Spread::default();
        for index in 0..RESTARTS as u64 {
            process.kill()?;
            process = place.start(&[])?;
            let asked = with_session(USER, &session_id(index * 7919 % self.population.count()))?;
            let (status, _) = Client::connect(process.address()).await?.ask(asked).await?;
            took.add(process.age());
            ensure!(status == StatusCode::OK, "a session answered {status} after a restart");
        }
        let sessions = number(self.population.count() as f64);
        let what = format!("kill -9 with {sessions} live sessions, start to first 200 of one");
        let mut row = Row::at_most("T8", &what, "ms", (ms(took.percentile(1.0)), RESTART_MS));
        row.timing = Some(Timing::one_by_one(&took));
        run.report.rows.push(row);
        Ok(process)
    }
}

#[derive(Clone, Copy)]
enum Operation {
    Check,
    Mint,
    SignIn,
}

impl Operation {
    fn name(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Mint => "mint",
            Self::SignIn => "sign-in",
        }
    }

    /// Asks for one of `count` after the other, drawn at random; the same ones in every run.
    fn at_random(self, seed: usize, count: u64) -> Script {
        let mut drawn = seed as u64;
        Box::new(std::iter::from_fn(move || {
            drawn = drawn.wrapping_add(0x9e37_79b9_7f4a_7c15);
            self.asked(mixed(drawn) % count).ok()
        }))
    }

    fn asked(self, number: u64) -> anyhow::Result<Asked> {
        match self {
            Self::Check => with_session(USER, &session_id(number)),
            Self::Mint => with_session(TOKEN, &session_id(number)),
            Self::SignIn => Door::V1.sign_in(&name(number)),
        }
    }
}

/// SplitMix64: every number once before one comes again, in no order.
fn mixed(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}
