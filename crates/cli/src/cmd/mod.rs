//! One file per command.

pub mod agent;
pub mod apply;
pub mod audit;
pub mod backup;
pub mod client;
pub mod completions;
pub mod config;
pub mod credential;
pub mod doctor;
pub mod drift;
pub mod emulate;
pub mod exec;
pub mod export;
pub mod group;
pub mod keys;
pub mod login;
pub mod logout;
pub mod org;
pub mod plan;
pub mod policy;
pub mod profile;
pub mod provider;
pub mod proxy;
pub mod region;
pub mod restore;
pub mod role;
pub mod serve;
pub mod session;
pub mod status;
pub mod store;
pub mod token;
pub mod user;
pub mod verify;

use crate::args::DataArgs;
use crate::error::Failure;
use ::store::Store;
use server::config::Config;
use std::future::Future;

/// The configuration: the file if one is named, and the flags on top.
fn configuration(place: &DataArgs) -> Result<Config, Failure> {
    let mut config = match &place.config {
        Some(path) => Config::load(path).map_err(Failure::usage)?,
        None => Config::default(),
    };
    config.data = place.data.clone().unwrap_or(config.data);
    if let Some(url) = &place.store {
        // The text is not repeated: it may have a password in it.
        let url = url.parse().map_err(|error| Failure::usage(error).while_doing("--store cannot be used"))?;
        config.store = Some(url);
    }
    Ok(config)
}

/// Opens the store that is already there.
async fn existing_store(config: &Config) -> Result<Store, Failure> {
    let file = config.data.join(::store::sqlite::FILE);
    if config.store.is_none()
        && let Err(error) = std::fs::metadata(&file)
    {
        let what = format!("there is no store in {}", config.data.display());
        return Err(Failure::refused(error).while_doing(what).hint("name the data folder with --data"));
    }
    server::database::attach(config).await.map_err(Failure::machine)
}

/// Refuses what a database has tools of its own for.
fn refuse_database(config: &Config, command: &str) -> Result<(), Failure> {
    let Some(url) = &config.store else { return Ok(()) };
    let theirs = std::io::Error::other("PostgreSQL has tools of its own for copies");
    Err(Failure::refused(theirs).while_doing(format!("{url} is not copied here")).hint(command))
}

/// Runs a story on this thread until it ends.
pub fn block_on<T>(story: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::machine)?;
    runtime.block_on(story)
}

/// Whether a list in a record has an entry with this value in a field; names are compared without their case.
fn has(record: &serde_json::Value, list: &str, field: &str, wanted: &str) -> bool {
    let items = record.get(list).and_then(serde_json::Value::as_array).into_iter().flatten();
    items.into_iter().any(|item| crate::admin::text(item, field).eq_ignore_ascii_case(wanted))
}
