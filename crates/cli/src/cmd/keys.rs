//! `latchkey keys`: looks at the signing keys, or makes a new one. Works beside a running service.

use super::{block_on, configuration, existing_store};
use crate::args::KeysCommand;
use crate::error::Failure;
use crate::print;
use domain::keyring::{self, KeyRecord};
use domain::store::Health;
use domain::time::{Clock, Timestamp};
use server::service;
use server::system::SystemClock;
use std::sync::Arc;

/// Looks at the keys, or makes a new one.
pub fn run(command: KeysCommand) -> Result<(), Failure> {
    match command {
        KeysCommand::List(place) => block_on(list(configuration(&place)?)),
        KeysCommand::Rotate(place) => block_on(rotate(configuration(&place)?)),
    }
}

async fn list(config: server::config::Config) -> Result<(), Failure> {
    let store = Arc::new(existing_store(&config).await?);
    let (cx, _operator) = service::tool(&config, &store).await.map_err(Failure::machine)?;
    let keys = keyring::list(&cx).await.map_err(Failure::machine)?;
    keys.iter().for_each(|key| print::line(&row(key, SystemClock.now())));
    store.close().await;
    Ok(())
}

async fn rotate(config: server::config::Config) -> Result<(), Failure> {
    let store = Arc::new(existing_store(&config).await?);
    let (cx, operator) = service::tool(&config, &store).await.map_err(Failure::machine)?;
    let kid = keyring::rotate_by_hand(&cx, domain::access::may_rotate_keys(&operator))
        .await
        .map_err(Failure::machine)?;
    store.close().await;
    print::line(&kid);
    Ok(())
}

fn row(key: &KeyRecord, now: Timestamp) -> String {
    let state = match key.retired_at {
        None => "signs".to_owned(),
        Some(retired) if key.is_published(now) => format!("published, retired {}", retired.rfc3339()),
        Some(retired) => format!("forgotten soon, retired {}", retired.rfc3339()),
    };
    format!("{}  ES256  made {}  {state}", key.kid, key.created_at.rfc3339())
}
