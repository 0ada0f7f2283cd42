//! Where a PostgreSQL database is, how it is reached, and how much of it this process takes.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};
use wire::Secret;

/// The URL of a database, as `libpq` spells it, without a password: it may be logged and printed.
///
/// ```
/// use store::postgres::Url;
/// let url: Url = "postgres://latchkey@db.example.com/latchkey".parse().unwrap();
/// assert_eq!(url.to_string(), "postgres://latchkey@db.example.com/latchkey");
/// assert!("postgres://latchkey:secret@db.example.com/latchkey".parse::<Url>().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Url {
    text: String,
    encrypted: bool,
}

/// Why a text is no URL of a database. No text of it has a password in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAUrl {
    /// It begins with something else.
    #[error("it begins with postgres://, as in postgres://latchkey@db.example.com/latchkey")]
    Scheme,
    /// It has a password, which everybody would see who sees the configuration or the list of processes.
    #[error("it must not have a password; put it into a file and name that in postgres.password_file")]
    Password,
    /// It is no connection string, or it names no host.
    #[error("it is not a connection string that names a host")]
    Malformed,
    /// A value of `sslmode` that does not say for sure what happens.
    #[error("sslmode is disable or verify-full; require and verify-ca are taken for verify-full")]
    SslMode,
    /// A parameter that is a setting here, or that this program does not know.
    #[error(
        "it has a parameter other than host, port, user, dbname, sslmode, target_session_attrs, channel_binding and \
         application_name; authorities and time limits are settings under [postgres]"
    )]
    Parameter,
}

/// What a URL may say behind its question mark, but for `sslmode`.
const PARAMETERS: [&str; 7] =
    ["host", "port", "user", "dbname", "target_session_attrs", "channel_binding", "application_name"];

impl FromStr for Url {
    type Err = NotAUrl;

    fn from_str(text: &str) -> Result<Self, NotAUrl> {
        let rest = ["postgres://", "postgresql://"].iter().find_map(|scheme| text.strip_prefix(scheme));
        let (place, parameters) = split(rest.ok_or(NotAUrl::Scheme)?);
        let user = place.rsplit_once('@').map_or("", |(user, _)| user);
        if user.contains(':') || parameters.iter().any(|(name, _)| name.to_lowercase().contains("password")) {
            return Err(NotAUrl::Password);
        }
        let mut modes = parameters.iter().filter(|(name, _)| *name == "sslmode").map(|(_, mode)| *mode);
        if !parameters.iter().all(|(name, _)| *name == "sslmode" || PARAMETERS.contains(name)) {
            return Err(NotAUrl::Parameter);
        }
        let said = match (modes.next(), modes.next()) {
            (None, _) => None,
            (Some("disable"), None) => Some(false),
            (Some("require" | "verify-ca" | "verify-full"), None) => Some(true),
            // Those that fall back to plain text protect from nobody who can touch the line.
            (Some(_), _) => return Err(NotAUrl::SslMode),
        };
        let config = driver(text)?;
        let encrypted = said.unwrap_or_else(|| !config.get_hosts().iter().all(is_this_machine));
        Ok(Self { text: text.to_owned(), encrypted })
    }
}

impl fmt::Display for Url {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

impl TryFrom<String> for Url {
    type Error = NotAUrl;

    fn try_from(text: String) -> Result<Self, NotAUrl> {
        text.parse()
    }
}

impl From<Url> for String {
    fn from(url: Url) -> Self {
        url.text
    }
}

/// The part before the question mark, and the parameters behind it.
fn split(text: &str) -> (&str, Vec<(&str, &str)>) {
    let (place, query) = text.split_once('?').unwrap_or((text, ""));
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    (place, pairs.map(|pair| pair.split_once('=').unwrap_or((pair, ""))).collect())
}

/// What the driver makes of the URL; `sslmode` is ours, because the driver's has no verifying.
fn driver(text: &str) -> Result<Config, NotAUrl> {
    let (place, parameters) = split(text);
    let kept: Vec<_> = parameters.iter().filter(|(name, _)| *name != "sslmode").collect();
    let query: Vec<_> = kept.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let config: Config = format!("{place}?{}", query.join("&")).parse().map_err(|_| NotAUrl::Malformed)?;
    if config.get_hosts().is_empty() { Err(NotAUrl::Malformed) } else { Ok(config) }
}

fn is_this_machine(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => {
            name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        }
        #[cfg(unix)]
        Host::Unix(_) => true,
    }
}

/// Everything about the database that an operator decides.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where it is.
    pub url: Url,
    /// What the user of the database proves itself with.
    pub password: Option<Secret>,
    /// Certificates in PEM that may sign the database's; those that the machine trusts when absent.
    pub authorities: Option<PathBuf>,
    /// How many connections there are at most.
    pub connections: usize,
    /// How long it may take to connect.
    pub connect: Duration,
    /// How long a request waits for a connection that is free.
    pub wait: Duration,
    /// How long one statement may take.
    pub statement: Duration,
    /// How often a transaction is tried that surely was not committed.
    pub tries: u32,
    /// What the connections call themselves, whatever the URL says.
    pub name: Option<&'static str>,
}

/// What connections call themselves of a tool that must have the database for itself.
pub const ALONE: &str = "latchkey, alone";

impl Settings {
    /// The usual settings for a database.
    pub fn of(url: Url) -> Self {
        Self {
            url,
            password: None,
            authorities: None,
            connections: 16,
            connect: Duration::from_secs(5),
            wait: Duration::from_secs(5),
            statement: Duration::from_secs(10),
            tries: 10,
            name: None,
        }
    }

    /// Whether the connection is encrypted, and the database's certificate and name verified.
    pub fn is_encrypted(&self) -> bool {
        self.url.encrypted
    }

    /// What the driver needs to know.
    pub(super) fn driver(&self) -> Result<Config, NotAUrl> {
        let mut config = driver(&self.url.text)?;
        config.ssl_mode(if self.url.encrypted { SslMode::Require } else { SslMode::Disable });
        config.connect_timeout(self.connect).tcp_user_timeout(self.statement);
        config.keepalives_idle(Duration::from_secs(30));
        if let Some(name) = self.name {
            config.application_name(name);
        } else if config.get_application_name().is_none() {
            config.application_name("latchkey");
        }
        if let Some(password) = &self.password {
            config.password(password.expose());
        }
        Ok(config)
    }

    /// What every new connection is told first. Times are in milliseconds.
    pub(super) fn greeting(&self) -> String {
        let statement = self.statement.as_millis();
        format!(
            "SET statement_timeout = {statement}; SET lock_timeout = {statement}; \
             SET idle_in_transaction_session_timeout = {statement}; \
             SET default_transaction_isolation = 'read committed'; SET default_transaction_read_only = off"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encrypted(text: &str) -> Result<bool, NotAUrl> {
        text.parse::<Url>().map(|url| url.encrypted)
    }

    #[test]
    fn a_line_that_leaves_the_machine_is_encrypted_and_verified_unless_somebody_says_otherwise() {
        for (text, expected) in [
            ("postgres://latchkey@db.example.com/latchkey", true),
            ("postgres://latchkey@10.0.0.1,localhost/latchkey", true),
            ("postgres://latchkey@localhost:5433/latchkey", false),
            ("postgres://latchkey@127.0.0.1/latchkey", false),
            ("postgresql://latchkey@[::1]/latchkey", false),
            ("postgres:///latchkey?host=/run/postgresql&user=latchkey", false),
            ("postgres://latchkey@db.example.com/latchkey?sslmode=disable", false),
            ("postgres://latchkey@localhost/latchkey?sslmode=verify-full", true),
            ("postgres://latchkey@localhost/latchkey?sslmode=require", true),
        ] {
            assert_eq!(encrypted(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn a_url_that_cannot_work_or_says_too_much_is_refused() {
        for (text, expected) in [
            ("mysql://latchkey@localhost/latchkey", NotAUrl::Scheme),
            ("postgres://latchkey:secret@localhost/latchkey", NotAUrl::Password),
            ("postgres://localhost/latchkey?password=secret", NotAUrl::Password),
            ("postgres://localhost/latchkey?sslpassword=secret", NotAUrl::Password),
            ("postgres://localhost/latchkey?sslmode=prefer", NotAUrl::SslMode),
            ("postgres://localhost/latchkey?sslmode=disable&sslmode=require", NotAUrl::SslMode),
            ("postgres://localhost/latchkey?options=-c%20a", NotAUrl::Parameter),
            ("postgres:///latchkey", NotAUrl::Malformed),
            ("postgres://localhost:port/latchkey", NotAUrl::Malformed),
        ] {
            assert_eq!(encrypted(text), Err(expected), "{text}");
        }
    }

    #[test]
    fn no_setting_shows_the_password() {
        let url = "postgres://latchkey@localhost/latchkey".parse().unwrap();
        let settings = Settings { password: Some(Secret::new("correct horse")), ..Settings::of(url) };
        assert!(!format!("{settings:?} {:?}", settings.driver().unwrap()).contains("correct horse"));
    }
}
