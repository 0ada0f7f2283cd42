//! Measures the service beside the limits of the machine it runs on, in one run.

mod arrivals;
mod chart;
mod doors;
mod emulator;
mod gauge;
mod growth;
mod instructions;
mod limits;
mod live;
mod load;
mod nodes;
mod overload;
mod paths;
mod peers;
mod picture;
mod place;
mod plan;
mod population;
mod postgres;
mod report;
mod run;
mod saml;
mod server_process;
mod start;
mod tool;

use std::time::Duration;

use anyhow::bail;
use clap::Parser;
use report::Report;
use tokio::signal::unix::{SignalKind, signal};

/// Measures a latchkey server
#[derive(Parser)]
enum Command {
    /// Serves one JSON body with nothing but hyper: what every endpoint is compared with
    Bare,
    /// Measures the limits, then the service
    Run(plan::Settings),
    /// Measures the door for SAML beside one parse and one bare verification
    Saml(SamlSettings),
    /// Walks the hot paths, for callgrind
    Walk,
    /// Counts the instructions and allocations of the hot paths, and compares them with the committed ones
    Instructions(instructions::Settings),
    /// Measures more sign-ins than can be hashed, as a curve
    Overload(overload::Settings),
    /// Measures the start of the emulator beside that of others
    Emulator(emulator::Settings),
    /// Measures tokens beside those of other servers
    Peers(peers::Settings),
}

/// How long to measure the door for SAML.
#[derive(clap::Args)]
struct SamlSettings {
    /// How long each operation is measured
    #[arg(long, default_value_t = 5)]
    seconds: u64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    match Command::parse() {
        Command::Bare => limits::serve_bare().await,
        Command::Walk => paths::walk().await,
        Command::Instructions(settings) => instructions::check(&settings),
        Command::Run(settings) => whole(&settings).await,
        Command::Saml(settings) => {
            let mut report = Report::default();
            run::saml(Duration::from_secs(settings.seconds), &mut report)?;
            report.print();
            Ok(())
        }
        Command::Overload(settings) => {
            server_process::may_run_on("1");
            let report = unless_ended(overload::measure(&settings)).await?;
            report.print();
            settings.json.map_or(Ok(()), |file| report.write(&file))
        }
        Command::Emulator(settings) => {
            let report = unless_ended(emulator::measure(&settings)).await?;
            report.print();
            settings.json.map_or(Ok(()), |file| report.write(&file))
        }
        Command::Peers(settings) => {
            server_process::may_run_on("1");
            let report = unless_ended(peers::measure(&settings)).await?;
            report.print();
            settings.json.map_or(Ok(()), |file| report.write(&file))
        }
    }
}

/// Everything that is asked for, within its bound.
async fn whole(settings: &plan::Settings) -> anyhow::Result<()> {
    let bound = settings.bound();
    report::progress(&format!("the service; it is given up after {} minutes", bound.as_secs().div_ceil(60)));
    server_process::may_run_on("1");
    let Ok(report) = tokio::time::timeout(bound, unless_ended(run::everything(settings))).await else {
        bail!("the run took longer than {} s", bound.as_secs());
    };
    let report = report?;
    report.print();
    settings.json.as_ref().map_or(Ok(()), |file| report.write(file))?;
    settings.svg.as_ref().map_or(Ok(()), |file| picture::draw(&report, file))?;
    settings.growth_svg.as_ref().map_or(Ok(()), |file| picture::draw_growth(&report, file))?;
    if report.failed.is_empty() { Ok(()) } else { bail!("not everything could be measured") }
}

/// A signal drops the work, and with it every process that it has started.
async fn unless_ended<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        done = work => done,
        _ = terminate.recv() => bail!("told to end"),
        _ = interrupt.recv() => bail!("interrupted"),
    }
}
