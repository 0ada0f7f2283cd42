//! The tables of the configuration file, each field with its unit in its name or its first line.

use super::BaseUrl;
use domain::cx::Ageing;
use domain::method::hash::Cost;
use domain::password::Rules;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// The files of TLS, read again whenever they change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// Path of the certificate chain in PEM, the server's own certificate first.
    pub certificate: PathBuf,
    /// Path of the private key of that certificate in PEM.
    pub key: PathBuf,
}

/// Spellings and statuses that clients see.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Wire {
    /// The spelling of `orgUuid` in replies of v2.
    pub org_uuid: OrgSpelling,
    /// The HTTP status of a refused sign-in, per family.
    pub refused_status: RefusedStatus,
}

/// The two spellings of an org's 128-bit id.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OrgSpelling {
    /// With hyphens: `2a7ac1c5-7b2e-4fd2-9f3b-3b4c5d6e7f80`.
    #[default]
    Uuid,
    /// 22 characters.
    Base62,
}

/// The HTTP status of a refused sign-in, per family.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RefusedStatus {
    /// Of `/identity-service/api/v1/Login`.
    pub v1: Refusal,
    /// Of `/ma/api/v2/user/login`.
    pub v2: Refusal,
    /// Of `/saas/public/core/v3/login`.
    pub v3: Refusal,
}

impl Default for RefusedStatus {
    fn default() -> Self {
        Self { v1: Refusal::Unauthorized, v2: Refusal::Forbidden, v3: Refusal::BadRequest }
    }
}

/// A status that says no: 400, 401 or 403.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub enum Refusal {
    /// 400.
    BadRequest,
    /// 401.
    Unauthorized,
    /// 403.
    Forbidden,
}

impl Refusal {
    /// The status itself.
    pub fn status(self) -> StatusCode {
        match self {
            Self::BadRequest => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
        }
    }
}

impl TryFrom<u16> for Refusal {
    type Error = String;

    fn try_from(number: u16) -> Result<Self, String> {
        match number {
            400 => Ok(Self::BadRequest),
            401 => Ok(Self::Unauthorized),
            403 => Ok(Self::Forbidden),
            _ => Err(format!("{number} is not 400, 401 or 403")),
        }
    }
}

impl From<Refusal> for u16 {
    fn from(refusal: Refusal) -> Self {
        refusal.status().as_u16()
    }
}

/// Another login host of the same company.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Region {
    /// The name that users of that region carry.
    pub name: String,
    /// Where they sign in.
    pub login_url: BaseUrl,
}

/// How long a session lives, unless its org says otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Session {
    /// Minutes without a call after which a session ends.
    pub idle_minutes: u32,
    /// Minutes after which a session ends however busy it is.
    pub absolute_minutes: u32,
    /// Sessions that one org may hold open.
    pub limit_per_org: u32,
}

impl Default for Session {
    fn default() -> Self {
        Self { idle_minutes: 30, absolute_minutes: 720, limit_per_org: 100_000 }
    }
}

/// Who may ask for a token. A token lives for 30 minutes; that is no setting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Token {
    /// Every known `client_id` with the audience (`aud`) of its tokens.
    pub clients: BTreeMap<String, String>,
    /// The audience of a token of an OAuth client that asks for none; `latchkey` is this service itself.
    pub oauth_audience: String,
}

impl Default for Token {
    fn default() -> Self {
        let clients = ["idmc_api", "cdlg_app"].map(|client| (client.to_owned(), "cdlg".to_owned()));
        Self { clients: clients.into(), oauth_audience: "latchkey".to_owned() }
    }
}

/// Whose assertions may be accepted, and where their keys may be fetched from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Federation {
    /// Whether only what the vendor takes is taken: one identity provider per org, its keys under its issuer.
    pub vendor_rules: bool,
    /// Hosts of key sets that may have an address of the inner network or of this machine.
    pub inner_hosts: Vec<String>,
    /// Certificates in PEM of further authorities that hosts of key sets may have theirs from.
    pub authorities: Option<PathBuf>,
    /// Whether key sets may be fetched in the clear; for tests.
    pub plain_http: bool,
}

/// What one password hash costs (Argon2id), how many are computed at once, and what a new password must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Password {
    /// Memory of one hash, in KiB.
    pub memory_kib: u32,
    /// Passes over that memory.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
    /// Hashes computed at once; 0 is the number of cores.
    pub threads: u32,
    /// Places in the queue of hashes, shared fairly; past it the answer is 429 at once.
    pub queue: u32,
    /// Seconds that a hash may wait; the queue is kept as short as that, and what waited longer is refused.
    pub queue_seconds: u32,
    /// The fewest characters of a new password.
    pub min_length: u32,
    /// How many kinds of characters a new password has: lower case, upper case, digits, others.
    pub char_mix: u32,
    /// Days for which a password may not come back; 0 lets it.
    pub reuse_days: u32,
    /// Days after which a password has to be changed; 0 is never.
    pub expiration_days: u32,
}

impl Password {
    /// The cost of a hash made today.
    pub fn cost(&self) -> Cost {
        Cost { memory_kib: self.memory_kib, passes: self.passes, lanes: self.lanes }
    }

    /// How long a hash may wait.
    pub fn patience(&self) -> Duration {
        Duration::from_secs(self.queue_seconds.into())
    }

    /// What a new password must be.
    pub fn rules(&self) -> Rules {
        Rules { min_length: self.min_length, char_mix: self.char_mix }
    }

    /// How long a password lasts.
    pub fn ageing(&self) -> Ageing {
        Ageing { reuse_days: self.reuse_days, expiration_days: self.expiration_days }
    }
}

impl Default for Password {
    fn default() -> Self {
        let Cost { memory_kib, passes, lanes } = Cost::default();
        let Rules { min_length, char_mix } = Rules::default();
        let Ageing { reuse_days, expiration_days } = Ageing::default();
        Self {
            memory_kib,
            passes,
            lanes,
            threads: 0,
            queue: 256,
            queue_seconds: 10,
            min_length,
            char_mix,
            reuse_days,
            expiration_days,
        }
    }
}

/// When a name is locked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Lockout {
    /// Consecutive failures that lock a name.
    pub max_login_attempts: u32,
    /// Minutes that a lock lasts; 0 until it is lifted.
    pub lock_minutes: u32,
    /// Hours after which failures are forgotten.
    pub forget_hours: u32,
    /// Failures from all addresses together that lock a name for those from which it has not been signed in with lately.
    pub failures_per_name: u32,
    /// Failures of one address (of IPv6, of one /64) in an hour, over all names; past it 429. 0 counts none.
    pub failures_per_address: u32,
    /// Addresses whose failures are counted.
    pub addresses: u32,
    /// Counters of names and addresses, those of unknown names included.
    pub names: u32,
}

impl Default for Lockout {
    fn default() -> Self {
        Self {
            max_login_attempts: 10,
            lock_minutes: 15,
            forget_hours: 24,
            failures_per_name: 1_000,
            failures_per_address: 300,
            addresses: 100_000,
            names: 200_000,
        }
    }
}

/// How long the audit record is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Audit {
    /// Days after which entries are let go; 0 keeps them for ever.
    pub retention_days: u32,
}

impl Audit {
    /// How long entries are kept; `None` is for ever.
    pub fn kept(&self) -> Option<Duration> {
        (self.retention_days > 0).then(|| Duration::from_secs(u64::from(self.retention_days) * 24 * 60 * 60))
    }
}

impl Default for Audit {
    fn default() -> Self {
        Self { retention_days: 400 }
    }
}

/// How much one client may take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Connections open at once; the next ones wait to be accepted.
    pub connections: u32,
    /// Bytes of a request body.
    pub body_bytes: u32,
    /// Bytes that the bodies of all requests may take together, beyond the first 4 KiB of each.
    pub bodies_bytes: u32,
    /// Bytes of a request's header list.
    pub header_bytes: u32,
    /// Seconds to send a request's head.
    pub header_seconds: u32,
    /// Seconds to send a request's body.
    pub body_seconds: u32,
    /// Seconds from a request's head to its answer.
    pub request_seconds: u32,
    /// Seconds that requests under way have to finish when the service stops.
    pub shutdown_seconds: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            body_bytes: 1_048_576,
            bodies_bytes: 67_108_864,
            header_bytes: 98_304,
            header_seconds: 15,
            body_seconds: 15,
            request_seconds: 30,
            shutdown_seconds: 8,
        }
    }
}

impl Limits {
    /// Time to send a request's head.
    pub fn header_time(&self) -> Duration {
        Duration::from_secs(self.header_seconds.into())
    }

    /// Time to send a request's body.
    pub fn body_time(&self) -> Duration {
        Duration::from_secs(self.body_seconds.into())
    }

    /// Time from a request's head to its answer.
    pub fn request_time(&self) -> Duration {
        Duration::from_secs(self.request_seconds.into())
    }

    /// Time that requests under way have to finish when the service stops.
    pub fn shutdown_time(&self) -> Duration {
        Duration::from_secs(self.shutdown_seconds.into())
    }
}

/// What is written to stderr.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// The least level that is written, or filter directives such as `info,store=debug`.
    pub level: String,
    /// Lines for people or for machines.
    pub format: LogFormat,
}

impl Default for Log {
    fn default() -> Self {
        Self { level: "info".to_owned(), format: LogFormat::Text }
    }
}

/// How a log line is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// Where traces and metrics go.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Telemetry {
    /// Base URL of an OpenTelemetry collector (OTLP as protobuf over plain HTTP); no traces when absent.
    pub otlp_endpoint: Option<BaseUrl>,
    /// Address and port of `/metrics`; the service's own when absent.
    pub metrics_listen: Option<SocketAddr>,
}
