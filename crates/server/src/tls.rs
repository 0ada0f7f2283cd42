//! The certificate in use, read again when its files change; a connection never notices.

use crate::config;
use crate::metrics::TlsMeters;
use arc_swap::ArcSwap;
use aws_lc_rs::digest::{Context, SHA256};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, version};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use thiserror::Error;
use tokio::time::{MissedTickBehavior, interval};
use tokio_rustls::TlsAcceptor;
use zeroize::Zeroizing;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(2);

/// A certificate with its key, and the files they come from.
pub struct Certificate {
    files: config::Tls,
    in_use: ArcSwap<ServerConfig>,
    /// Of the files that were tried last, good or bad, so that each pair is judged and logged once.
    tried: Mutex<Digest>,
    meters: TlsMeters,
}

type Digest = [u8; 32];

/// Why a certificate cannot be used. Every text names the file.
#[derive(Debug, Error)]
pub enum TlsError {
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file has no certificate, or something that is none.
    #[error("{} is not a certificate chain in PEM", path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, unless it has no such section at all.
        source: pem::Error,
    },
    /// The file has no private key, or an encrypted one.
    #[error("{} is not a private key in PEM (PKCS#8, PKCS#1 or SEC1, not encrypted)", path.display())]
    NoKey {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: pem::Error,
    },
    /// Each may be right alone, but TLS cannot use them together.
    #[error("the key in {} does not serve the certificate in {}", key.display(), certificate.display())]
    NoPair {
        /// The key's file.
        key: PathBuf,
        /// The certificate's file.
        certificate: PathBuf,
        /// What the library says.
        source: rustls::Error,
    },
}

/// What a look at the files found.
#[derive(Debug)]
pub enum Look {
    /// Nothing has changed since the last look.
    Same,
    /// New connections use the new files.
    Reloaded,
    /// The files have changed but cannot be used; the old ones stay in use.
    Refused(TlsError),
}

impl Certificate {
    /// Reads the files for the first time.
    pub fn load(files: &config::Tls, meters: TlsMeters) -> Result<Self, TlsError> {
        let read = Read::files(files)?;
        let in_use = ArcSwap::from_pointee(read.judge(files)?);
        Ok(Self { files: files.clone(), in_use, tried: Mutex::new(read.digest()), meters })
    }

    /// What makes a connection that was accepted just now a secret one.
    pub fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.in_use.load_full())
    }

    /// Reads the files again and takes them into use if they have changed and fit together.
    pub fn look(&self) -> Look {
        let mut tried = self.tried.lock().unwrap_or_else(PoisonError::into_inner);
        let read = match Read::files(&self.files) {
            // All zeros stands for "could not be read", which is told once too.
            Err(error) if std::mem::take(&mut *tried) != Digest::default() => return self.refuse(error),
            Err(_) => return Look::Same,
            Ok(read) => read,
        };
        let digest = read.digest();
        if std::mem::replace(&mut *tried, digest) == digest {
            return Look::Same;
        }
        match read.judge(&self.files) {
            Err(error) => self.refuse(error),
            Ok(config) => {
                self.in_use.store(Arc::new(config));
                self.meters.reloaded.inc();
                tracing::info!("the certificate in {} is in use", self.files.certificate.display());
                Look::Reloaded
            }
        }
    }

    fn refuse(&self, error: TlsError) -> Look {
        self.meters.refused.inc();
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        tracing::error!(cause, "{error}; the old certificate stays in use");
        Look::Refused(error)
    }

    /// Looks at the files every two seconds and at every SIGHUP, until it is dropped.
    pub async fn watch(self: Arc<Self>) {
        let mut ticks = interval(LOOK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut hang_up = HangUp::new();
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = hang_up.next() => {}
            }
            let certificate = Arc::clone(&self);
            let _ = tokio::task::spawn_blocking(move || certificate.look()).await;
        }
    }
}

/// The bytes of both files.
struct Read {
    certificate: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
}

impl Read {
    fn files(files: &config::Tls) -> Result<Self, TlsError> {
        Ok(Self { certificate: read(&files.certificate)?, key: Zeroizing::new(read(&files.key)?) })
    }

    fn digest(&self) -> Digest {
        let mut context = Context::new(&SHA256);
        context.update(&self.certificate.len().to_be_bytes());
        context.update(&self.certificate);
        context.update(&self.key);
        context.finish().as_ref().try_into().unwrap_or_default()
    }

    /// The configuration that these bytes make, if the key belongs to the certificate.
    fn judge(&self, files: &config::Tls) -> Result<ServerConfig, TlsError> {
        let no_certificate = |source| TlsError::NoCertificate { path: files.certificate.clone(), source };
        let chain = CertificateDer::pem_slice_iter(&self.certificate)
            .collect::<Result<Vec<_>, _>>()
            .map_err(no_certificate)?;
        if chain.is_empty() {
            return Err(no_certificate(pem::Error::NoItemsFound));
        }
        let key = PrivateKeyDer::from_pem_slice(&self.key)
            .map_err(|source| TlsError::NoKey { path: files.key.clone(), source })?;
        configure(chain, key).map_err(|source| TlsError::NoPair {
            key: files.key.clone(),
            certificate: files.certificate.clone(),
            source,
        })
    }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|source| TlsError::Unreadable { path: path.to_path_buf(), source })
}

fn configure(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<ServerConfig, rustls::Error> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[&version::TLS13, &version::TLS12])?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// SIGHUP, where there is such a thing.
struct HangUp(#[cfg(unix)] Option<tokio::signal::unix::Signal>);

impl HangUp {
    fn new() -> Self {
        #[cfg(unix)]
        return Self(tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup()).ok());
        #[cfg(not(unix))]
        Self()
    }

    async fn next(&mut self) {
        #[cfg(unix)]
        if let Some(signal) = &mut self.0
            && signal.recv().await.is_some()
        {
            return;
        }
        std::future::pending().await
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use rcgen::{CertifiedKey, generate_simple_self_signed};
    use rustls::pki_types::ServerName;
    use rustls::{ClientConfig, RootCertStore};
    use std::fs;
    use tempfile::TempDir;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
    use tokio_rustls::{TlsConnector, client, server};

    /// A certificate for `localhost` in a folder of its own.
    pub(crate) struct Files {
        _folder: TempDir,
        pub(crate) paths: config::Tls,
    }

    impl Files {
        pub(crate) fn new() -> (Self, CertificateDer<'static>) {
            let folder = tempfile::tempdir().unwrap();
            let paths = config::Tls {
                certificate: folder.path().join("tls.crt"),
                key: folder.path().join("tls.key"),
            };
            let files = Self { _folder: folder, paths };
            let made = files.renew();
            (files, made)
        }

        fn renew(&self) -> CertificateDer<'static> {
            let CertifiedKey { cert, signing_key } =
                generate_simple_self_signed(["localhost".to_owned()]).unwrap();
            fs::write(&self.paths.certificate, cert.pem()).unwrap();
            fs::write(&self.paths.key, signing_key.serialize_pem()).unwrap();
            cert.der().clone()
        }

        fn load(&self) -> Result<Certificate, TlsError> {
            Certificate::load(&self.paths, TlsMeters::default())
        }
    }

    /// A client that trusts this certificate alone and offers these protocols.
    pub(crate) fn connector(trusted: &CertificateDer<'static>, offers: &[&str]) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(trusted.clone()).unwrap();
        let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = offers.iter().map(|offer| offer.as_bytes().to_vec()).collect();
        TlsConnector::from(Arc::new(config))
    }

    pub(crate) fn localhost() -> ServerName<'static> {
        ServerName::try_from("localhost").unwrap()
    }

    type Both = (client::TlsStream<DuplexStream>, server::TlsStream<DuplexStream>);

    async fn connect(certificate: &Certificate, trusted: &CertificateDer<'static>) -> io::Result<Both> {
        let (here, there) = duplex(65_536);
        let connecting = connector(trusted, &["h2", "http/1.1"]).connect(localhost(), here);
        let (client, server) = tokio::join!(connecting, certificate.acceptor().accept(there));
        Ok((client?, server?))
    }

    #[tokio::test]
    async fn a_new_certificate_is_used_and_old_connections_stay() {
        let (files, old) = Files::new();
        let certificate = files.load().unwrap();
        let (mut client, mut server) = connect(&certificate, &old).await.unwrap();
        assert!(matches!(certificate.look(), Look::Same));

        let new = files.renew();
        assert!(matches!(certificate.look(), Look::Reloaded));
        assert!(connect(&certificate, &old).await.is_err());
        let (_, server_again) = connect(&certificate, &new).await.unwrap();
        assert_eq!(server_again.get_ref().1.alpn_protocol(), Some(b"h2".as_slice()));

        client.write_all(b"still here").await.unwrap();
        client.flush().await.unwrap();
        let mut heard = [0; 10];
        server.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"still here");
        assert_eq!((certificate.meters.reloaded.get(), certificate.meters.refused.get()), (1, 0));
    }

    #[tokio::test]
    async fn bad_files_leave_the_old_certificate_in_use_and_are_told_once() {
        let (files, old) = Files::new();
        let certificate = files.load().unwrap();
        let (other, _) = Files::new();
        fs::copy(&other.paths.key, &files.paths.key).unwrap();
        assert!(matches!(certificate.look(), Look::Refused(TlsError::NoPair { .. })));
        assert!(matches!(certificate.look(), Look::Same));
        fs::remove_file(&files.paths.key).unwrap();
        assert!(matches!(certificate.look(), Look::Refused(TlsError::Unreadable { .. })));
        assert!(matches!(certificate.look(), Look::Same));
        assert!(connect(&certificate, &old).await.is_ok());
        assert_eq!((certificate.meters.reloaded.get(), certificate.meters.refused.get()), (0, 2));

        let new = files.renew();
        assert!(matches!(certificate.look(), Look::Reloaded));
        assert!(connect(&certificate, &new).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn changed_files_are_noticed_by_themselves() {
        let (files, _) = Files::new();
        let certificate = Arc::new(files.load().unwrap());
        let watching = tokio::spawn(Arc::clone(&certificate).watch());
        files.renew();
        while certificate.meters.reloaded.get() == 0 {
            tokio::time::advance(LOOK).await;
        }
        watching.abort();
    }

    #[test]
    fn an_error_names_its_file() {
        let (files, _) = Files::new();
        let error = || files.load().err().unwrap().to_string();
        fs::write(&files.paths.key, "-----BEGIN RUBBISH-----").unwrap();
        assert!(
            error().ends_with("tls.key is not a private key in PEM (PKCS#8, PKCS#1 or SEC1, not encrypted)")
        );
        fs::write(&files.paths.certificate, "").unwrap();
        assert!(error().ends_with("tls.crt is not a certificate chain in PEM"));
        fs::remove_file(&files.paths.certificate).unwrap();
        let missing = error();
        assert!(missing.starts_with("cannot read ") && missing.ends_with("tls.crt"), "{missing}");
    }
}
