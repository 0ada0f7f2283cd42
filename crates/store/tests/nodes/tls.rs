//! The line to the database: encrypted and verified, or not used at all.

use crate::contract::{at, private_postgres};
use domain::store::{Directory, StoreError};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use store::Store;
use store::postgres::Settings;

/// Writes an authority, and the certificate and key that it signed for `localhost`, into a folder.
fn certify(folder: &Path) -> PathBuf {
    let key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let pem = authority.self_signed(&key).unwrap().pem();
    let issuer = Issuer::from_params(&authority, &key);
    let own = KeyPair::generate().unwrap();
    let leaf =
        CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&own, &issuer).unwrap();
    let write = |name: &str, text: String| {
        let path = folder.join(name);
        fs::write(&path, text).unwrap();
        path
    };
    write("server.crt", leaf.pem());
    let secret = write("server.key", own.serialize_pem());
    fs::set_permissions(secret, PermissionsExt::from_mode(0o600)).unwrap();
    write("authority.pem", pem)
}

async fn opened(url: &str, authorities: Option<&Path>) -> Result<bool, StoreError> {
    let authorities = authorities.map(Path::to_path_buf);
    let settings = Settings { authorities, tries: 2, ..Settings::of(url.parse().unwrap()) };
    Store::open_shared(&settings, at(0)).await?.is_empty().await
}

/// Why it was not opened.
async fn refused(url: &str, authorities: Option<&Path>) -> String {
    match opened(url, authorities).await {
        Err(StoreError::Unavailable(why)) => why,
        other => panic!("{url}: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_is_encrypted_and_verified_or_it_is_not_used() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let options = format!(
        "-c listen_addresses=127.0.0.1 -c port={port} -c ssl=on -c ssl_cert_file=../server.crt -c ssl_key_file=../server.key"
    );
    let stranger = tempfile::tempdir().unwrap();
    let wrong = certify(stranger.path());
    let folder = private_postgres::folder();
    private_postgres::make(&folder);
    certify(&folder);
    let owner = fs::metadata(&folder).unwrap();
    for name in ["server.crt", "server.key"] {
        std::os::unix::fs::chown(folder.join(name), Some(owner.uid()), Some(owner.gid())).unwrap();
    }
    let server = private_postgres::keep(folder, &options);
    let right = server.folder.join("authority.pem");
    let url = |host: &str, mode: &str| format!("postgres://latchkey@{host}:{port}/postgres?sslmode={mode}");
    for mode in ["verify-full", "verify-ca", "require"] {
        assert_eq!(opened(&url("localhost", mode), Some(&right)).await, Ok(true), "{mode}");
    }
    for authorities in [Some(wrong.as_path()), None] {
        let why = refused(&url("localhost", "verify-full"), authorities).await;
        assert!(why.contains("UnknownIssuer") || why.contains("BadSignature"), "{why}");
    }
    let why = refused(&url("127.0.0.1", "verify-ca"), Some(&right)).await;
    assert!(why.contains("not valid for name"), "{why}");
    assert_eq!(opened(&url("127.0.0.1", "disable"), None).await, Ok(true));
    let plain = private_postgres::store();
    let (_, folder) = plain.split_once("host=").unwrap();
    let why = refused(&format!("postgres:///postgres?sslmode=require&host={folder}"), Some(&right)).await;
    assert!(why.contains("TLS"), "{why}");
}
