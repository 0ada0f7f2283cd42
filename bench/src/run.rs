//! The run: limits first, then each target against them.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use tempfile::TempDir;

use crate::gauge::{self, Gauged};
use crate::limits::{Limit, Limits};
use crate::place::{Place, get};
use crate::plan::{Line, Settings};
use crate::report::{Report, Row, Target, ms, number, progress};
use crate::saml::Saml;
use crate::server_process::{Disk, ServerProcess};
use crate::{doors, emulator, growth, live, nodes, overload, start, tool};
use http_body_util::Full;

/// Measures everything that is asked for. A line that cannot be measured leaves the others as they are.
pub async fn everything(settings: &Settings) -> anyhow::Result<Report> {
    let folder = fs::create_dir_all(&settings.folder).and_then(|()| TempDir::new_in(&settings.folder));
    let folder = folder.context("cannot write to the folder of the bench")?;
    let mut run = Run::prepared(settings, folder.path().to_owned()).await?;
    run.alone(Line::T12, |run| saml(run.duration.min(Duration::from_secs(3)), &mut run.report));
    run.seeded().await?;
    if settings.wants(Line::T5) {
        let overloaded = overload::in_a_run(settings, &mut run.report).await;
        run.note(Line::T5, overloaded);
    }
    if settings.wants(Line::T6) || settings.wants(Line::T8) {
        let grown = growth::measure(&mut run).await;
        run.note(Line::T6, grown);
    }
    if settings.wants(Line::T11) {
        let shared = nodes::measure(&mut run).await;
        run.note(Line::T11, shared);
    }
    let emulated = match settings.wants(Line::T9) {
        true => emulator::in_a_run(settings, &mut run.report).await,
        false => Ok(()),
    };
    run.note(Line::T9, emulated);
    Ok(run.report)
}

/// A run under way.
pub struct Run<'a> {
    pub settings: &'a Settings,
    pub folder: PathBuf,
    pub duration: Duration,
    pub limits: Limits,
    /// The rate of the bare handler per CPU-second: what every answer costs at least.
    pub bare: f64,
    pub report: Report,
}

/// An operation, and the share of its limit that it has to reach.
pub struct Aim {
    pub id: &'static str,
    pub what: &'static str,
    pub limit: f64,
    pub least: f64,
}

impl<'a> Run<'a> {
    async fn prepared(settings: &'a Settings, folder: PathBuf) -> anyhow::Result<Self> {
        let (duration, mut report) = (settings.duration(), Report::default());
        progress("signatures, hashes and flushes to disk");
        let limits = Limits::measure(&folder, duration.min(Duration::from_secs(3)))?;
        progress("the bare handler");
        let process =
            ServerProcess::start(&std::env::current_exe()?, &["bare".as_ref()], &folder.join("bare.log"))?;
        let asked = get("/").body(Full::default())?;
        let bare = gauge::both(&process, "bare handler", duration, || Ok(gauge::endlessly(&asked))).await?;
        describe(&bare, &limits, &mut report);
        Ok(Self { settings, folder, duration, limits, bare: bare.rate, report })
    }

    /// What is measured on a store with a handful of users.
    async fn seeded(&mut self) -> anyhow::Result<()> {
        let lines = [Line::T1, Line::T2, Line::T3, Line::T4, Line::T7, Line::T10];
        if !lines.into_iter().any(|line| self.settings.wants(line)) {
            return Ok(());
        }
        let place = Place::seeded(&self.settings.server, &self.folder.join("few"))?;
        if self.settings.wants(Line::T7) {
            let started = start::measure(&place, self).await;
            self.note(Line::T7, started);
        }
        let process = place.start(&[])?;
        if self.settings.wants(Line::T1) {
            let signed_in = doors::measure(&process, self).await;
            self.note(Line::T1, signed_in);
        }
        live::measure(&process, self).await?;
        self.alone(Line::T10, |run| tool::measure(&process, run));
        anyhow::ensure!(process.end()?.success(), "the server did not end cleanly");
        Ok(())
    }

    fn alone(&mut self, line: Line, measure: impl FnOnce(&mut Self) -> anyhow::Result<()>) {
        if self.settings.wants(line) {
            let done = measure(self);
            self.note(line, done);
        }
    }

    /// Keeps why a line has no figures.
    pub fn note(&mut self, line: Line, done: anyhow::Result<()>) {
        if let Err(error) = done {
            self.report.failed.push((line, format!("{error:#}")));
        }
    }

    /// A row for an operation that was measured.
    pub fn reached(&mut self, aim: Aim, gauged: &Gauged) {
        let Aim { id, what, limit, least } = aim;
        self.report.rows.push(Row {
            id: id.to_owned(),
            what: what.to_owned(),
            unit: "/CPU-s",
            rate: gauged.rate,
            limit,
            target: Target::AtLeast(least),
            timing: Some(gauged.timing),
        });
        let (answers, Disk { read, written }) = (gauged.answers, gauged.disk);
        let note = format!("{id}: {answers} answers, {read} bytes read from disk, {written} bytes written");
        self.report.notes.push(note);
    }
}

fn describe(bare: &Gauged, limits: &Limits, report: &mut Report) {
    let (rate, p50, p99) = (number(bare.rate), ms(bare.timing.p50), ms(bare.timing.p99));
    let figure = format!("{rate} per CPU-s; at half of it p50 {p50:.3} ms, p99 {p99:.3} ms");
    report.limits.push(("bare hyper handler, 16 connections".to_owned(), figure));
    let mut add = |what: &str, rate: String, Limit { spread, .. }: &Limit| {
        let (p50, p99) = (ms(spread.percentile(0.5)), ms(spread.percentile(0.99)));
        report.limits.push((what.to_owned(), format!("{rate}p50 {p50:.3} ms, p99 {p99:.3} ms")));
    };
    let rate = |limit: &Limit| format!("{} per CPU-s, ", number(limit.per_cpu_second));
    add("ES256 signature", rate(&limits.sign), &limits.sign);
    add("ES256 verification", rate(&limits.verify), &limits.verify);
    add("Argon2id m=19456 t=2 p=1, memory reused", rate(&limits.hash), &limits.hash);
    add("append of 4 KiB and flush to disk", String::new(), &limits.flush);
}

/// The door for SAML in this process, beside what it is made of.
pub fn saml(duration: Duration, report: &mut Report) -> anyhow::Result<()> {
    progress("a SAML response of 8 KB");
    let saml = Saml::measure(duration)?;
    let figure = |limit: &Limit| format!("{} per CPU-s", number(limit.per_cpu_second));
    report.limits.push(("one parse of a SAML response of 8 KB".to_owned(), figure(&saml.parse)));
    report.limits.push(("RSA-2048 verification".to_owned(), figure(&saml.verify)));
    report.limits.push(("that response out of its Base64".to_owned(), figure(&saml.base64)));
    report.limits.push(("one exclusive canonicalization of it".to_owned(), figure(&saml.canonical)));
    report.limits.push(("SHA-256 of it".to_owned(), figure(&saml.digest)));
    let what = "SAML response of 8 KB, RSA-2048, judged";
    let mut row = Row::at_most("T12", what, "µs of CPU", saml.microseconds());
    row.target = Target::AtMost(2.0);
    report.rows.push(row);
    Ok(())
}
