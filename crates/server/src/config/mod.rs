//! What an operator may decide: one type, read from one TOML file, every field with a default.
//!
//! No setting is a secret today, so the effective configuration may be printed whole. A setting that
//! becomes one is a path to a file, never a value.

mod check;
mod network;
mod postgres;
mod sections;
mod url;

pub use check::{Problem, Problems};
pub use network::{Network, Range};
pub use postgres::Postgres;
pub use sections::{
    Audit, Federation, Limits, Lockout, Log, LogFormat, OrgSpelling, Password, Refusal, RefusedStatus,
    Region, Session, Telemetry, Tls, Token, Wire,
};
pub use url::{BaseUrl, NotABaseUrl};

use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Every setting of the service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Address and port of the service; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Folder of the store and the signing keys; created when it is missing.
    pub data: PathBuf,
    /// The PostgreSQL database that is the store, as a URL without a password; the folder when absent.
    pub store: Option<store::postgres::Url>,
    /// Where clients reach this login host; the bound address when absent.
    pub public_url: Option<BaseUrl>,
    /// Base of `serverUrl` and `baseApiUrl`, to which `/saas` is appended; `public_url` when absent.
    pub pod_url: Option<BaseUrl>,
    /// Certificate and key; plain HTTP when absent.
    pub tls: Option<Tls>,
    /// The connections to the database that `store` names.
    pub postgres: Postgres,
    /// Spellings and statuses that clients see.
    pub wire: Wire,
    /// How long a session lives.
    pub session: Session,
    /// Who may ask for a token.
    pub token: Token,
    /// Whose assertions may be accepted, and where their keys may be fetched from.
    pub federation: Federation,
    /// What one password hash costs, and how many are computed at once.
    pub password: Password,
    /// From where anybody may come.
    pub network: Network,
    /// When a name is locked.
    pub lockout: Lockout,
    /// How long the audit record is kept.
    pub audit: Audit,
    /// How much one client may take.
    pub limits: Limits,
    /// What is written to stderr.
    pub log: Log,
    /// Where traces and metrics go.
    pub telemetry: Telemetry,
    /// The other login hosts of the same company.
    pub region: Vec<Region>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 8470),
            data: PathBuf::from("latchkey-data"),
            store: None,
            public_url: None,
            pod_url: None,
            tls: None,
            postgres: Postgres::default(),
            wire: Wire::default(),
            session: Session::default(),
            token: Token::default(),
            federation: Federation::default(),
            password: Password::default(),
            network: Network::default(),
            lockout: Lockout::default(),
            audit: Audit::default(),
            limits: Limits::default(),
            log: Log::default(),
            telemetry: Telemetry::default(),
            region: Vec::new(),
        }
    }
}

/// Why there is no configuration.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration file {}", path.display())]
    Unreadable {
        /// The file that was named.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The text is no TOML, or has an unknown key or a value of the wrong kind.
    #[error("{}{source}", path.as_ref().map(|path| format!("{}: ", path.display())).unwrap_or_default())]
    Malformed {
        /// The file, when the text came from one.
        path: Option<PathBuf>,
        /// Line, column and reason.
        source: Box<toml::de::Error>,
    },
}

impl Config {
    /// Reads a file. The values are not judged yet: flags come on top, then `check`.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let path = path.to_path_buf();
        match std::fs::read_to_string(&path) {
            Err(source) => Err(ConfigError::Unreadable { path, source }),
            Ok(text) => toml::from_str(&text).map_err(|error| ConfigError::Malformed {
                path: Some(path),
                source: hide_password(error, &text),
            }),
        }
    }

    /// Reads a text of TOML, like `load`.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        toml::from_str(text)
            .map_err(|error| ConfigError::Malformed { path: None, source: hide_password(error, text) })
    }

    /// Judges every value and names all that cannot work, with what to do about each.
    pub fn check(&self) -> Result<(), Problems> {
        check::all(self)
    }

    /// The committed example: every setting with its default, commented out.
    pub fn example() -> &'static str {
        include_str!("../../../../latchkey.example.toml")
    }

    /// The settings as they stand, as TOML.
    pub fn effective(&self) -> Result<String, toml::ser::Error> {
        toml::to_string_pretty(self)
    }

    /// Where clients reach a service that is bound to `bound`: the setting, else that address.
    ///
    /// An address that stands for all interfaces is no place a client can call, so it becomes loopback.
    pub fn public_url_at(&self, bound: SocketAddr) -> BaseUrl {
        let host = match bound.ip() {
            IpAddr::V4(address) if address.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(address) if address.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            address => address,
        };
        let address = SocketAddr::new(host, bound.port());
        self.public_url.clone().unwrap_or_else(|| BaseUrl::of(self.tls.is_some(), address))
    }
}

/// An error shows the line that it is about, but none that may name a database: a password may stand in it.
fn hide_password(mut error: toml::de::Error, text: &str) -> Box<toml::de::Error> {
    let lines = error.span().and_then(|span| text.get(..span.end)).unwrap_or(text).lines();
    if lines.last().is_none_or(|line| line.trim_start().starts_with("store")) {
        error.set_input(None);
    }
    Box::new(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;
    use std::collections::BTreeSet;

    /// The example with its settings switched on: the defaults only, or also what is absent by default.
    fn switched_on(absent_too: bool) -> String {
        let setting = |line: &'static str| match line.strip_prefix("# e.g. ") {
            Some(example) => absent_too.then_some(example),
            None => line.strip_prefix('#').filter(|line| !line.is_empty() && !line.starts_with(' ')),
        };
        Config::example().lines().filter_map(setting).collect::<Vec<_>>().join("\n")
    }

    fn paths(value: &Value, at: &str, into: &mut BTreeSet<String>) {
        match value {
            Value::Object(fields) => {
                fields.iter().for_each(|(name, value)| paths(value, &format!("{at}.{name}"), into));
            }
            Value::Array(values) => values.iter().for_each(|value| paths(value, at, into)),
            Value::Null => panic!("{at} is missing in latchkey.example.toml"),
            _ => drop(into.insert(at.to_owned())),
        }
    }

    #[test]
    fn the_example_is_the_defaults() {
        assert_eq!(Config::parse(&switched_on(false)).unwrap(), Config::default());
        assert_eq!(Config::parse(Config::example()).unwrap(), Config::default());
    }

    #[test]
    fn every_setting_is_in_the_example_and_works() {
        let text = switched_on(true);
        let config = Config::parse(&text).unwrap();
        let (mut written, mut known) = (BTreeSet::new(), BTreeSet::new());
        paths(
            &serde_json::to_value(toml::from_str::<toml::Table>(&text).unwrap()).unwrap(),
            "",
            &mut written,
        );
        paths(&serde_json::to_value(&config).unwrap(), "", &mut known);
        assert_eq!(written, known);
        let federation = Federation { authorities: None, ..config.federation.clone() };
        let postgres = Postgres { password_file: None, authorities: None, ..config.postgres.clone() };
        assert_eq!(Config { tls: None, federation, postgres, ..config }.check(), Ok(()));
    }

    #[test]
    fn every_line_of_the_example_is_a_comment() {
        assert!(Config::example().lines().all(|line| line.is_empty() || line.starts_with('#')));
    }

    #[test]
    fn the_effective_settings_can_be_read_back() {
        let config = Config::parse(&switched_on(true)).unwrap();
        assert_eq!(Config::parse(&config.effective().unwrap()).unwrap(), config);
        assert_eq!(Config::parse(&Config::default().effective().unwrap()).unwrap(), Config::default());
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line() {
        let error = Config::parse("[session]\nidle_minutes = 5\nidel = 4\n").unwrap_err().to_string();
        assert!(error.contains("line 3") && error.contains("unknown field `idel`"), "{error}");
    }

    #[test]
    fn a_password_in_a_url_is_refused_and_not_shown() {
        for store in [
            "'postgres://latchkey:hunter2@localhost/latchkey'",
            "'postgresql+psycopg://latchkey:hunter2@localhost/latchkey'",
            "'host=localhost password=hunter2'",
            "'postgres://latchkey:a?hunter2@localhost/latchkey'",
            "'postgres://latchkey:hunter2@localhost/latchkey",
        ] {
            let error = Config::parse(&format!("listen = '127.0.0.1:0'\nstore = {store}\n")).unwrap_err();
            assert!(!error.to_string().contains("hunter2"), "{store}: {error}");
        }
        let error = Config::parse("store = 'postgres://latchkey:hunter2@localhost/latchkey'").unwrap_err();
        assert!(error.to_string().contains("it must not have a password"), "{error}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = Config::load(Path::new("/nowhere/latchkey.toml")).unwrap_err();
        assert_eq!(error.to_string(), "cannot read the configuration file /nowhere/latchkey.toml");
    }

    #[test]
    fn the_public_url_follows_the_bound_address() {
        let at = |config: &Config, bound: &str| config.public_url_at(bound.parse().unwrap()).to_string();
        let mut config = Config::default();
        assert_eq!(at(&config, "127.0.0.1:8470"), "http://127.0.0.1:8470");
        assert_eq!(at(&config, "0.0.0.0:80"), "http://127.0.0.1:80");
        assert_eq!(at(&config, "[::]:80"), "http://[::1]:80");
        config.public_url = Some("https://id.example.com/".parse().unwrap());
        assert_eq!(at(&config, "127.0.0.1:8470"), "https://id.example.com");
    }
}
