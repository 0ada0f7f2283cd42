//! What a program under test is given so that it reaches the emulator and trusts it: files in a folder of its own, and
//! the names and values of its environment.

mod jks;

use crate::intercept::{Allowed, Authority};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use std::fs::write;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use tempfile::TempDir;

/// Hosts that every program asks by itself, so that tests reach their own servers.
const NO_PROXY: &str = "localhost,127.0.0.1,::1";

/// The preload for versions of Node that do not know proxies.
const NODE: &str = include_str!("child/node.cjs");

/// The files of one run: who is trusted, in the formats that programs read. They are gone when this is dropped.
pub struct Trust {
    folder: TempDir,
}

/// Values of variables to which ours are added, because programs and their wrappers use them too.
#[derive(Debug, Clone, Default)]
pub struct Inherited {
    /// `JAVA_TOOL_OPTIONS` as it was.
    pub java_tool_options: Option<String>,
    /// `NODE_OPTIONS` as it was.
    pub node_options: Option<String>,
}

impl Trust {
    /// Writes the files into a new folder that only this user can read.
    ///
    /// The run's authority is trusted alone, as nobody else can be reached; with hosts that are `allowed`, those are
    /// trusted too whom this machine trusts.
    pub fn write(authority: &Authority, allowed: &Allowed) -> io::Result<Self> {
        let mut trusted = vec![authority.der().to_vec()];
        if !allowed.is_empty() {
            let roots = rustls_native_certs::load_native_certs();
            for error in roots.errors {
                tracing::warn!("some of the roots that this machine trusts cannot be read: {error}");
            }
            trusted.extend(roots.certs.iter().map(|root| root.to_vec()));
        }
        let folder = own_folder()?;
        write(folder.path().join("ca.pem"), authority.pem())?;
        write(folder.path().join("bundle.pem"), trusted.iter().map(|root| pem(root)).collect::<String>())?;
        write(folder.path().join("trust.jks"), jks::of_trusted(&trusted))?;
        write(folder.path().join("node.cjs"), NODE)?;
        Ok(Self { folder })
    }

    /// The folder with `ca.pem`, `bundle.pem`, `trust.jks` and `node.cjs`.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The environment of a program that is to reach the emulator at `address`.
    ///
    /// `ALL_PROXY` is not among it: no program needs it for HTTP, and some expect SOCKS there.
    pub fn environment(&self, address: SocketAddr, inherited: &Inherited) -> Vec<(&'static str, String)> {
        let (url, bundle) = (format!("http://{address}"), self.path("bundle.pem"));
        let proxies = ["HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"];
        let bundles = [
            "SSL_CERT_FILE",
            "REQUESTS_CA_BUNDLE",
            "CURL_CA_BUNDLE",
            "GIT_SSL_CAINFO",
            "AWS_CA_BUNDLE",
            "CARGO_HTTP_CAINFO",
        ];
        let mut environment: Vec<_> = proxies.map(|name| (name, url.clone())).into();
        environment.extend(["NO_PROXY", "no_proxy"].map(|name| (name, NO_PROXY.to_owned())));
        environment.extend(bundles.map(|name| (name, bundle.clone())));
        environment.extend([
            ("NODE_EXTRA_CA_CERTS", self.path("ca.pem")),
            ("NODE_USE_ENV_PROXY", "1".to_owned()),
            ("NODE_OPTIONS", after(inherited.node_options.as_deref(), &self.node_options())),
            ("JAVA_TOOL_OPTIONS", after(inherited.java_tool_options.as_deref(), &self.java_options(address))),
            ("LATCHKEY_EMULATOR_URL", url),
        ]);
        environment
    }

    fn path(&self, file: &str) -> String {
        self.folder.path().join(file).to_string_lossy().into_owned()
    }

    /// Node and Java split these values at spaces that are not quoted.
    fn node_options(&self) -> String {
        format!(r#"--require="{}""#, self.path("node.cjs"))
    }

    fn java_options(&self, address: SocketAddr) -> String {
        let (store, host, port) = (self.path("trust.jks"), address.ip(), address.port());
        format!(
            "-Djavax.net.ssl.trustStore=\"{store}\" -Djavax.net.ssl.trustStoreType=jks \
             -Dhttps.proxyHost={host} -Dhttps.proxyPort={port} -Dhttp.proxyHost={host} -Dhttp.proxyPort={port} \
             -Dhttp.nonProxyHosts=localhost|127.*|[::1]"
        )
    }
}

fn own_folder() -> io::Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
    builder.prefix("latchkey-emulate-").tempdir()
}

/// Ours come last: where an option can be given once, the last one counts.
fn after(inherited: Option<&str>, ours: &str) -> String {
    inherited
        .filter(|options| !options.is_empty())
        .map_or(ours.to_owned(), |options| format!("{options} {ours}"))
}

fn pem(certificate: &[u8]) -> String {
    let text = BASE64_STANDARD.encode(certificate);
    let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
    for (place, letter) in text.chars().enumerate() {
        if place > 0 && place % 64 == 0 {
            pem.push('\n');
        }
        pem.push(letter);
    }
    pem + "\n-----END CERTIFICATE-----\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::time::Timestamp;
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;

    fn trust(allowed: &[&str]) -> (Authority, Trust) {
        let authority = Authority::new(Timestamp::from_seconds(1_787_395_152)).unwrap();
        let trust = Trust::write(&authority, &Allowed::parse(allowed.iter().copied()).unwrap()).unwrap();
        (authority, trust)
    }

    fn certificates(trust: &Trust, file: &str) -> Vec<CertificateDer<'static>> {
        let read = CertificateDer::pem_file_iter(trust.folder().join(file)).unwrap();
        read.collect::<Result<_, _>>().unwrap()
    }

    #[test]
    fn the_authority_is_trusted_alone_unless_hosts_are_allowed() {
        let (authority, trust) = trust(&[]);
        for file in ["ca.pem", "bundle.pem"] {
            assert_eq!(certificates(&trust, file), [CertificateDer::from(authority.der())]);
        }
    }

    #[test]
    fn with_allowed_hosts_the_roots_of_this_machine_are_trusted_too() {
        let (authority, trust) = trust(&["example.com"]);
        assert_eq!(certificates(&trust, "ca.pem"), [CertificateDer::from(authority.der())]);
        let bundle = certificates(&trust, "bundle.pem");
        assert_eq!(bundle.first(), Some(&CertificateDer::from(authority.der())));
        assert_eq!(bundle.len(), 1 + rustls_native_certs::load_native_certs().certs.len());
    }

    #[cfg(unix)]
    #[test]
    fn the_folder_is_for_this_user_and_goes_with_the_run() {
        use std::os::unix::fs::PermissionsExt;
        let (_, trust) = trust(&[]);
        let folder = trust.folder().to_owned();
        assert_eq!(folder.metadata().unwrap().permissions().mode() & 0o777, 0o700);
        drop(trust);
        assert!(!folder.exists());
    }

    #[test]
    fn what_programs_had_before_stays() {
        let (_, trust) = trust(&[]);
        let inherited = Inherited {
            java_tool_options: Some("-Xmx64m".to_owned()),
            node_options: Some("--no-warnings".to_owned()),
        };
        let environment = trust.environment("127.0.0.1:8080".parse().unwrap(), &inherited);
        let value = |name| &environment.iter().find(|(known, _)| *known == name).unwrap().1;
        let folder = trust.folder().to_str().unwrap();
        assert_eq!(value("NODE_OPTIONS"), &format!("--no-warnings --require=\"{folder}/node.cjs\""));
        assert!(value("JAVA_TOOL_OPTIONS").starts_with("-Xmx64m -Djavax.net.ssl.trustStore="));
        assert!(value("JAVA_TOOL_OPTIONS").contains(" -Dhttps.proxyHost=127.0.0.1 -Dhttps.proxyPort=8080 "));
        assert_eq!(value("https_proxy"), "http://127.0.0.1:8080");
        assert_eq!(value("LATCHKEY_EMULATOR_URL"), "http://127.0.0.1:8080");
        let nothing = trust.environment("[::1]:8080".parse().unwrap(), &Inherited::default());
        assert!(nothing.iter().any(|pair| *pair == ("HTTPS_PROXY", "http://[::1]:8080".to_owned())));
    }
}
