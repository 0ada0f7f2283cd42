//! Measures the service beside the limits of the machine it runs on, in one run.

mod arrivals;
mod chart;
mod emulator;
mod limits;
mod load;
mod measure;
mod overload;
mod report;
mod saml;
mod server_process;
mod tool;

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

/// Measures a latchkey server
#[derive(Parser)]
enum Command {
    /// Serves one JSON body with nothing but hyper: what every endpoint is compared with
    Bare,
    /// Measures the limits, then the service
    Run(Settings),
    /// Measures the door for SAML beside one parse and one bare verification
    Saml(SamlSettings),
    /// Measures more sign-ins than can be hashed, as a curve
    Overload(overload::Settings),
    /// Measures the start of the emulator beside that of others
    Emulator(emulator::Settings),
}

/// What to measure, and for how long.
#[derive(clap::Args)]
struct Settings {
    /// The server's binary
    #[arg(long, default_value = "target/release/latchkey")]
    server: PathBuf,
    /// Where data folders are made; a real disk, not memory
    #[arg(long, default_value = "target/bench")]
    folder: PathBuf,
    /// How long each operation is measured
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Also writes the figures to this file
    #[arg(long)]
    json: Option<PathBuf>,
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
        Command::Run(settings) => {
            let duration = Duration::from_secs(settings.seconds);
            let report = measure::everything(&settings.server, &settings.folder, duration).await?;
            report.print();
            settings.json.map_or(Ok(()), |file| report.write(&file))
        }
        Command::Saml(settings) => {
            let mut report = report::Report::default();
            measure::saml(Duration::from_secs(settings.seconds), &mut report)?;
            report.print();
            Ok(())
        }
        Command::Overload(settings) => {
            let report = overload::measure(&settings).await?;
            report.print();
            settings.json.map_or(Ok(()), |file| report.write(&file))
        }
        Command::Emulator(settings) => {
            let report = emulator::measure(&settings).await?;
            report.print();
            settings.json.map_or(Ok(()), |file| report.write(&file))
        }
    }
}
