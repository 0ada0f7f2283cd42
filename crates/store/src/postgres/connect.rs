//! Connections: a bounded number of them, encrypted where the line leaves the machine.

use super::failure::{Failure, cannot_connect, unavailable};
use super::settings::Settings;
use crate::db::DbError;
use deadpool_postgres::{Connect, Manager, ManagerConfig, Pool, RecyclingMethod, Runtime, Timeouts};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use tokio::task::JoinHandle;
use tokio_postgres::{Client, Config, Error};
use tokio_postgres_rustls::MakeRustlsConnect;

/// Opens connections, and tells each how it has to behave.
struct Greeter {
    tls: MakeRustlsConnect,
    greeting: String,
}

impl Connect for Greeter {
    fn connect(
        &self,
        config: &Config,
    ) -> Pin<Box<dyn Future<Output = Result<(Client, JoinHandle<()>), Error>> + Send + '_>> {
        let config = config.clone();
        Box::pin(async move {
            let (client, line) = config.connect(self.tls.clone()).await?;
            let line = tokio::spawn(async move {
                if let Err(error) = line.await {
                    tracing::warn!(%error, "a connection to the database ended");
                }
            });
            client.batch_execute(&self.greeting).await?;
            Ok((client, line))
        })
    }
}

/// A pool that has connected once, so that what is wrong with the settings is said at the start.
pub async fn pool(settings: &Settings) -> Result<Pool, DbError> {
    let config = settings.driver().map_err(|error| unavailable(&format!("store: {error}")))?;
    let tls = MakeRustlsConnect::new(tls(settings)?);
    let greeter = Greeter { tls, greeting: settings.greeting() };
    let keep = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    let pool = Pool::builder(Manager::from_connect(config, greeter, keep))
        .max_size(settings.connections)
        .runtime(Runtime::Tokio1)
        .timeouts(Timeouts {
            wait: Some(settings.wait),
            create: Some(settings.connect),
            recycle: Some(settings.connect),
        })
        .build()
        .map_err(|error| unavailable(&error.to_string()))?;
    let client = pool.get().await.map_err(|error| Failure::from(error).error)?;
    let row = client
        .query_one(
            "SELECT current_setting('synchronous_commit'),
                (SELECT datcollate FROM pg_catalog.pg_database WHERE datname = current_database())",
            &[],
        )
        .await
        .map_err(|error| cannot_connect(&error))?;
    let value = |column| row.try_get::<_, String>(column).unwrap_or_default();
    if value(0) == "off" {
        return Err(unavailable(
            "synchronous_commit is off for this database or user: what is acknowledged would not be on disk",
        ));
    }
    let collation = value(1);
    if !["C", "POSIX", "C.UTF-8", "C.utf8", "ucs_basic"].contains(&collation.as_str()) {
        tracing::warn!(
            collation,
            "the database sorts names by the rules of a language, not by their characters"
        );
    }
    Ok(pool)
}

fn tls(settings: &Settings) -> Result<rustls::ClientConfig, DbError> {
    let mut roots = RootCertStore::empty();
    match &settings.authorities {
        _ if !settings.is_encrypted() => {}
        Some(file) => {
            for certificate in certificates(file)? {
                roots.add(certificate).map_err(|error| in_file(file, &error))?;
            }
        }
        None => {
            let found = rustls_native_certs::load_native_certs();
            roots.add_parsable_certificates(found.certs);
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let versions =
        rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let versions = versions.map_err(|error| unavailable(&error.to_string()))?;
    Ok(versions.with_root_certificates(roots).with_no_client_auth())
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, DbError> {
    let found = CertificateDer::pem_file_iter(file).map_err(|error| in_file(file, &error))?;
    let found: Vec<_> = found.collect::<Result<_, _>>().map_err(|error| in_file(file, &error))?;
    if found.is_empty() { Err(in_file(file, &"no certificate in it")) } else { Ok(found) }
}

fn in_file(file: &Path, error: &dyn std::fmt::Display) -> DbError {
    unavailable(&format!("postgres.authorities: {}: {error}", file.display()))
}
