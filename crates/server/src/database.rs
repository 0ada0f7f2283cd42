//! From the settings to an open store: a folder that this process holds, or a database that many share.

use crate::config::Config;
use crate::folder::{self, Hold};
use crate::service::StartError;
use crate::system;
use domain::store::StoreError;
use domain::time::Timestamp;
use std::path::PathBuf;
use std::time::Duration;
use store::Store;
use store::postgres::{ALONE, Settings, Url};
use thiserror::Error;
use wire::Secret;

/// The file with the password of the database's user cannot be read.
#[derive(Debug, Error)]
#[error("the password of the database cannot be read from {}", path.display())]
pub struct NoPassword {
    /// Which file.
    path: PathBuf,
    /// What the system says.
    source: std::io::Error,
}

/// Opens the store that the configuration names, and brings its schema up to date. A folder is held meanwhile.
pub async fn open(config: &Config, now: Timestamp) -> Result<(Store, Option<Hold>), StartError> {
    match &config.store {
        None => {
            let hold = folder::hold(&config.data)?;
            Ok((Store::open(&config.data, now).await?, Some(hold)))
        }
        Some(url) => {
            tracing::info!(store = %url, "the store is the database {url}");
            Ok((Store::open_shared(&settings(config, url)?, now).await?, None))
        }
    }
}

/// Opens the store as it is, for a tool; services may be running on it.
pub async fn attach(config: &Config) -> Result<Store, StartError> {
    let opened: Result<Store, StoreError> = match &config.store {
        None => Store::attach(&config.data).await,
        Some(url) => Store::attach_shared(&settings(config, url)?).await,
    };
    Ok(opened?)
}

/// Opens the store as it is, for a tool that must be the only one to use it.
pub async fn attach_alone(config: &Config) -> Result<(Store, Option<Hold>), StartError> {
    let Some(url) = &config.store else {
        let hold = folder::hold(&config.data)?;
        return Ok((Store::attach(&config.data).await?, Some(hold)));
    };
    Ok((Store::attach_shared(&alone(config, url)?).await?, None))
}

/// The same, and brings its schema up to date; makes it when it is missing.
pub async fn open_alone(config: &Config, now: Timestamp) -> Result<(Store, Option<Hold>), StartError> {
    let Some(url) = &config.store else { return open(config, now).await };
    Ok((Store::open_shared(&alone(config, url)?, now).await?, None))
}

fn alone(config: &Config, url: &Url) -> Result<Settings, NoPassword> {
    Ok(Settings { name: Some(ALONE), ..settings(config, url)? })
}

fn settings(config: &Config, url: &Url) -> Result<Settings, NoPassword> {
    let postgres = &config.postgres;
    let seconds = |number: u32| Duration::from_secs(number.into());
    let password = match &postgres.password_file {
        Some(path) => Some(in_file(path)?),
        None => system::database_password(),
    };
    Ok(Settings {
        password,
        authorities: postgres.authorities.clone(),
        connections: usize::try_from(postgres.connections).unwrap_or(1),
        connect: seconds(postgres.connect_seconds),
        wait: seconds(postgres.wait_seconds),
        statement: seconds(postgres.statement_seconds),
        tries: postgres.tries,
        ..Settings::of(url.clone())
    })
}

/// A line break at the end is an editor's, not the password's.
fn in_file(path: &PathBuf) -> Result<Secret, NoPassword> {
    let text = std::fs::read_to_string(path).map_err(|source| NoPassword { path: path.clone(), source })?;
    let text = Secret::new(text);
    Ok(Secret::new(text.expose().trim_end_matches(['\r', '\n'])))
}
