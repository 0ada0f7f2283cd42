//! What no single value can say about itself: ranges, pairs, names and files.

use super::Config;
use domain::method::hash::PasswordHash;
use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;
use tracing_subscriber::EnvFilter;

/// One setting that cannot work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The setting's path in the file, such as `limits.body_bytes`.
    pub key: String,
    /// What is wrong and what to do.
    pub advice: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.advice)
    }
}

/// All settings that cannot work, at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.0.iter().map(Problem::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for Problems {}

/// Judges every setting.
pub(super) fn all(config: &Config) -> Result<(), Problems> {
    let found: Vec<Problem> = [
        numbers(config),
        pairs(config),
        password(config),
        clients(config),
        regions(config),
        files(config),
        log(config),
        addresses(config),
    ]
    .concat();
    if found.is_empty() { Ok(()) } else { Err(Problems(found)) }
}

fn problem(key: impl Into<String>, advice: impl Into<String>) -> Problem {
    Problem { key: key.into(), advice: advice.into() }
}

fn numbers(config: &Config) -> Vec<Problem> {
    let Config { postgres, session, password, lockout, audit, limits, .. } = config;
    [
        ("postgres.connections", postgres.connections, 2, 1_000),
        ("postgres.connect_seconds", postgres.connect_seconds, 1, 60),
        ("postgres.wait_seconds", postgres.wait_seconds, 1, 60),
        ("postgres.statement_seconds", postgres.statement_seconds, 1, 60),
        ("postgres.tries", postgres.tries, 1, 100),
        ("session.idle_minutes", session.idle_minutes, 1, 525_600),
        ("session.absolute_minutes", session.absolute_minutes, 1, 525_600),
        ("session.limit_per_org", session.limit_per_org, 1, 10_000_000),
        ("password.threads", password.threads, 0, 1_024),
        ("password.queue", password.queue, 1, 100_000),
        ("password.queue_seconds", password.queue_seconds, 1, 3_600),
        ("password.min_length", password.min_length, 4, 64),
        ("password.char_mix", password.char_mix, 1, 4),
        ("lockout.max_login_attempts", lockout.max_login_attempts, 1, 1_000),
        ("password.reuse_days", password.reuse_days, 0, 3_650),
        ("password.expiration_days", password.expiration_days, 0, 3_650),
        ("lockout.lock_minutes", lockout.lock_minutes, 0, 525_600),
        ("lockout.forget_hours", lockout.forget_hours, 1, 8_760),
        ("lockout.failures_per_name", lockout.failures_per_name, 10, 10_000_000),
        ("lockout.failures_per_address", lockout.failures_per_address, 0, 1_000_000),
        ("lockout.addresses", lockout.addresses, 1_000, 10_000_000),
        ("lockout.names", lockout.names, 1_000, 100_000_000),
        ("audit.retention_days", audit.retention_days, 0, 36_500),
        ("limits.connections", limits.connections, 1, 1_000_000),
        ("limits.body_bytes", limits.body_bytes, 1_024, 268_435_456),
        ("limits.bodies_bytes", limits.bodies_bytes, 1_048_576, 4_294_967_295),
        ("limits.header_bytes", limits.header_bytes, 8_192, 1_048_576),
        ("limits.header_seconds", limits.header_seconds, 1, 3_600),
        ("limits.body_seconds", limits.body_seconds, 1, 3_600),
        ("limits.request_seconds", limits.request_seconds, 1, 3_600),
        ("limits.shutdown_seconds", limits.shutdown_seconds, 1, 8),
    ]
    .into_iter()
    .filter(|(_, value, least, most)| !(least..=most).contains(&value))
    .map(|(key, value, least, most)| problem(key, format!("{value} is not within {least} and {most}")))
    .collect()
}

fn pairs(config: &Config) -> Vec<Problem> {
    let mut found = Vec::new();
    if config.session.idle_minutes > config.session.absolute_minutes {
        found.push(problem(
            "session.idle_minutes",
            "is above session.absolute_minutes; lower it or raise the other",
        ));
    }
    if config.limits.body_seconds > config.limits.request_seconds {
        found.push(problem(
            "limits.body_seconds",
            "is above limits.request_seconds; lower it or raise the other",
        ));
    }
    found
}

fn password(config: &Config) -> Vec<Problem> {
    match PasswordHash::decoy(config.password.cost()) {
        Some(_) => Vec::new(),
        None => vec![problem(
            "password",
            "Argon2 needs lanes of 1 to 8, passes of 1 to 16, and memory_kib of at least 8 per lane and at most 262144",
        )],
    }
}

fn clients(config: &Config) -> Vec<Problem> {
    let clients = &config.token.clients;
    let blank = clients.iter().filter(|(client, audience)| client.is_empty() || audience.is_empty());
    let blank = blank.map(|(client, _)| {
        problem(format!("token.clients.{client}"), "give the client and its audience a name")
    });
    let none = clients
        .is_empty()
        .then(|| problem("token.clients", "name one client at least, such as idmc_api = \"cdlg\""));
    let audience = &config.token.oauth_audience;
    // A session id in JWT mode has that audience, and must never pass for a token.
    let wrong = audience.is_empty() || audience == domain::token::SESSION_AUDIENCE;
    let wrong =
        wrong.then(|| problem("token.oauth_audience", "name the audience of tokens, but not \"session\""));
    blank.chain(none).chain(wrong).collect()
}

fn regions(config: &Config) -> Vec<Problem> {
    let mut names = BTreeSet::new();
    let wrong = |name: &str, is_new: bool| match (name.is_empty(), is_new) {
        (true, _) => Some("give the region a name"),
        (false, false) => Some("two regions have this name; keep one"),
        (false, true) => None,
    };
    let judged = config.region.iter().enumerate().filter_map(|(index, region)| {
        let advice = wrong(&region.name, names.insert(region.name.as_str()))?;
        Some(problem(format!("region[{index}].name"), advice))
    });
    judged.collect()
}

fn files(config: &Config) -> Vec<Problem> {
    let tls =
        config.tls.iter().flat_map(|tls| [("tls.certificate", &tls.certificate), ("tls.key", &tls.key)]);
    let authorities = config.federation.authorities.iter().map(|path| ("federation.authorities", path));
    let postgres = &config.postgres;
    let database = [
        ("postgres.password_file", &postgres.password_file),
        ("postgres.authorities", &postgres.authorities),
    ];
    let database = database.into_iter().filter_map(|(key, path)| Some((key, path.as_ref()?)));
    tls.chain(authorities).chain(database).filter_map(|(key, path)| unreadable(key, path)).collect()
}

fn unreadable(key: &str, path: &Path) -> Option<Problem> {
    let error = std::fs::File::open(path).err()?;
    Some(problem(key, format!("cannot open {}: {error}", path.display())))
}

fn log(config: &Config) -> Vec<Problem> {
    match EnvFilter::builder().parse(&config.log.level) {
        Ok(_) => Vec::new(),
        Err(error) => vec![problem("log.level", format!("{error}; write error, warn, info, debug or trace"))],
    }
}

fn addresses(config: &Config) -> Vec<Problem> {
    let mut found = Vec::new();
    if config.telemetry.metrics_listen.is_some_and(|metrics| metrics == config.listen && metrics.port() != 0)
    {
        found.push(problem(
            "telemetry.metrics_listen",
            "is the same as listen; remove it to have /metrics there",
        ));
    }
    if let Some(region) =
        config.region.iter().position(|region| Some(&region.login_url) == config.public_url.as_ref())
    {
        found.push(problem(
            format!("region[{region}].login_url"),
            "is this instance's own public_url; name only the others",
        ));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_work() {
        assert_eq!(Config::default().check(), Ok(()));
    }

    #[test]
    fn all_problems_are_named_at_once() {
        let config = Config::parse(
            r#"
            public_url = "https://a.example"
            tls = { certificate = "/nowhere/a.pem", key = "/nowhere/b.pem" }
            session = { idle_minutes = 900 }
            password = { lanes = 9, queue = 0 }
            limits = { body_bytes = 10, body_seconds = 40 }
            federation = { authorities = "/nowhere/c.pem" }
            token = { clients = {}, oauth_audience = "session" }
            log = { level = "info,=," }
            telemetry = { metrics_listen = "127.0.0.1:8470" }
            [[region]]
            name = "eu"
            login_url = "https://a.example/"
            [[region]]
            name = "eu"
            login_url = "https://b.example"
            "#,
        )
        .unwrap();
        let keys: Vec<String> =
            config.check().unwrap_err().0.into_iter().map(|problem| problem.key).collect();
        assert_eq!(
            keys,
            [
                "password.queue",
                "limits.body_bytes",
                "session.idle_minutes",
                "limits.body_seconds",
                "password",
                "token.clients",
                "token.oauth_audience",
                "region[1].name",
                "tls.certificate",
                "tls.key",
                "federation.authorities",
                "log.level",
                "telemetry.metrics_listen",
                "region[0].login_url",
            ]
        );
    }

    #[test]
    fn a_problem_says_what_to_do() {
        let config =
            Config::parse("limits = { body_bytes = 10 }\n[tls]\ncertificate = '/nowhere'\nkey = '/dev/null'")
                .unwrap();
        assert_eq!(
            config.check().unwrap_err().to_string(),
            "limits.body_bytes: 10 is not within 1024 and 268435456\n\
             tls.certificate: cannot open /nowhere: No such file or directory (os error 2)"
        );
    }

    #[test]
    fn a_refusal_is_one_of_three_statuses() {
        let error = Config::parse("[wire]\nrefused_status = { v1 = 404 }").unwrap_err().to_string();
        assert!(error.contains("404 is not 400, 401 or 403"), "{error}");
    }
}
