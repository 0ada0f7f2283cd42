//! `latchkey serve`: runs the service until it is told to stop.

use super::configuration;
use crate::args::ServeArgs;
use crate::error::Failure;
use crate::print;
use server::config::Config;
use server::folder::FolderError;
use server::service::{Service, StartError};
use server::telemetry::Telemetry;
use server::{seed, system};
use std::path::Path;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Runs the service.
pub fn run(args: ServeArgs) -> Result<(), Failure> {
    let config = settings(&args)?;
    let seed = args
        .seed
        .as_deref()
        .map(|path| seed::read(path).map_err(|error| in_seed(path, error)))
        .transpose()?;
    let telemetry = Telemetry::start(&config.log, &config.telemetry).map_err(Failure::usage)?;
    runtime(system::cores())?.block_on(async {
        let (terminate, interrupt) = (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
        // A reload is for certificates; without one the signal must still not end the service.
        let _reload = listen(SignalKind::hangup())?;
        let service = Service::open(&config, seed, telemetry.traces()).await;
        let service = service.map_err(|error| explain(error, config.store.is_some()))?;
        print::line(&format!("latchkey ready {}", service.url));
        service.welcome.iter().for_each(|welcome| print::note(&welcome.text(&service.url)));
        service.run(either(terminate, interrupt)).await;
        Ok(())
    })
}

/// One thread for each core. A single one has nobody to share its work with, and saves what sharing costs.
fn runtime(cores: usize) -> Result<Runtime, Failure> {
    let mut builder = match cores {
        1 => Builder::new_current_thread(),
        more => {
            let mut builder = Builder::new_multi_thread();
            builder.worker_threads(more);
            builder
        }
    };
    builder.enable_all().build().map_err(Failure::machine)
}

fn settings(args: &ServeArgs) -> Result<Config, Failure> {
    let mut config = configuration(&args.place)?;
    config.listen = args.listen.unwrap_or(config.listen);
    if let Some(url) = &args.public_url {
        config.public_url = Some(
            url.parse().map_err(|error| Failure::usage(error).while_doing("--public-url cannot be used"))?,
        );
    }
    config
        .check()
        .map_err(|problems| Failure::usage(problems).while_doing("the configuration cannot work"))?;
    Ok(config)
}

fn in_seed(path: &Path, error: seed::SeedError) -> Failure {
    Failure::usage(error).while_doing(format!("the seed file {} cannot be used", path.display()))
}

fn listen(kind: SignalKind) -> Result<Signal, Failure> {
    signal(kind).map_err(Failure::machine)
}

async fn either(mut one: Signal, mut other: Signal) {
    tokio::select! {
        _ = one.recv() => {}
        _ = other.recv() => {}
    }
}

fn explain(error: StartError, is_shared: bool) -> Failure {
    let hint = match &error {
        StartError::Folder(FolderError::InUse(_)) => "stop the other one, or name another folder with --data",
        StartError::Store(_) if is_shared => "check store and [postgres] in the configuration",
        StartError::Password(_) => "name a file in postgres.password_file that this user may read",
        StartError::Folder(_) | StartError::Store(_) => {
            "check the owner, the permissions and the free space of the folder"
        }
        StartError::Listen { .. } => "name a free address with --listen; port 0 takes any free port",
        StartError::Tls(_) => "check [tls] in the configuration",
        StartError::Threads(_) => "lower [password] threads in the configuration",
        StartError::Founding(domain::founding::FoundingError::NotEmpty) => {
            "leave out --seed, or name an empty folder with --data"
        }
        StartError::Outbound(_) => "name a file of certificates in PEM that this user may read",
        StartError::Founding(_) => "mend the seed file",
    };
    match &error {
        StartError::Founding(_) => Failure::refused(error).hint(hint),
        _ => Failure::machine(error).hint(hint),
    }
}
