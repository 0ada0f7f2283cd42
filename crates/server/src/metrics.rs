//! What the service counts, for Prometheus: numbers by route and outcome, never by person, org or address.

use domain::oauth::GrantError;
use domain::sign_in::SignInError;
use http::StatusCode;
use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The media type of what `encode` returns.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Upper bounds of the latency buckets in seconds: an answer from memory takes microseconds, a hash many milliseconds.
const BUCKETS: [f64; 14] =
    [0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

/// The status classes of answers, in the order of `RouteMeter::answers`.
const CLASSES: [&str; 4] = ["2xx", "3xx", "4xx", "5xx"];

type Labels<const N: usize> = [(&'static str, &'static str); N];

/// Every number that the service keeps about itself.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    routes: HashMap<&'static str, RouteMeter>,
    elsewhere: RouteMeter,
    sign_ins: Family<Labels<2>, Counter>,
    /// Tokens minted.
    pub tokens_minted: Counter,
    audit_not_recorded: Counter,
    /// Sessions opened.
    pub sessions_opened: Counter,
    /// Sessions ended by a logout.
    pub sessions_ended: Counter,
    /// The pool of password hashes.
    pub hashes: HashMeters,
    /// Readings of changed certificate files.
    pub tls: TlsMeters,
    memory: MemoryMeters,
}

/// The numbers of one route, looked up once and then only added to.
#[derive(Debug)]
pub struct RouteMeter {
    answers: [Counter; CLASSES.len()],
    latency: Histogram,
}

impl RouteMeter {
    /// Counts one answer.
    pub fn record(&self, status: StatusCode, took: Duration) {
        let [fine, elsewhere, refused, failed] = &self.answers;
        let counter = match status.as_u16() {
            ..300 => fine,
            300..400 => elsewhere,
            400..500 => refused,
            500.. => failed,
        };
        counter.inc();
        self.latency.observe(took.as_secs_f64());
    }
}

/// The numbers of the pool of password hashes.
#[derive(Debug, Clone)]
pub struct HashMeters {
    /// Passwords compared with a hash.
    pub checked: Counter,
    /// Hashes made of new passwords.
    pub made: Counter,
    /// Jobs refused because every place was taken.
    pub full: Counter,
    /// Jobs refused because their org, network or name had its share of the places.
    pub share: Counter,
    /// Jobs refused because they had waited too long.
    pub late: Counter,
    /// Jobs that nobody waited for any more.
    pub gone: Counter,
    /// Jobs waiting for a thread.
    pub waiting: Gauge,
    /// How long jobs waited, from their admission to a thread.
    pub waited: Histogram,
}

impl Default for HashMeters {
    fn default() -> Self {
        Self::listed(&mut Registry::default())
    }
}

impl HashMeters {
    fn listed(registry: &mut Registry) -> Self {
        let jobs = Family::<Labels<1>, Counter>::default();
        let of = |kind| jobs.get_or_create_owned(&[("kind", kind)]);
        let not_done = Family::<Labels<1>, Counter>::default();
        let because = |reason| not_done.get_or_create_owned(&[("reason", reason)]);
        let meters = Self {
            checked: of("check"),
            made: of("make"),
            full: because("full"),
            share: because("share"),
            late: because("late"),
            gone: because("gone"),
            waiting: Gauge::default(),
            waited: Histogram::new(BUCKETS),
        };
        registry.register("password_hashes", "Password hashes computed", jobs);
        registry.register("password_hashes_refused", "Password hashes not computed", not_done);
        registry.register_with_unit(
            "password_hash_wait",
            "Time from admission to a hashing thread",
            Unit::Seconds,
            meters.waited.clone(),
        );
        registry.register(
            "password_hash_queue",
            "Password hashes waiting for a thread",
            meters.waiting.clone(),
        );
        meters
    }
}

/// The numbers of the certificate's reloads.
#[derive(Debug, Clone, Default)]
pub struct TlsMeters {
    /// Changed files taken into use.
    pub reloaded: Counter,
    /// Changed files refused; the old ones stay in use.
    pub refused: Counter,
}

impl TlsMeters {
    fn listed(registry: &mut Registry) -> Self {
        let reloads = Family::<Labels<1>, Counter>::default();
        let of = |outcome| reloads.get_or_create_owned(&[("outcome", outcome)]);
        let meters = Self { reloaded: of("reloaded"), refused: of("refused") };
        registry.register("tls_reloads", "Changed certificate files taken into use or refused", reloads);
        meters
    }
}

/// How far memory and what is shared may differ, in seconds.
#[derive(Debug)]
struct MemoryMeters {
    news_age: Gauge<f64, AtomicU64>,
    session_lag: Gauge<f64, AtomicU64>,
}

impl MemoryMeters {
    fn listed(registry: &mut Registry) -> Self {
        let mut seconds = |name, help| {
            let gauge = Gauge::default();
            registry.register_with_unit(name, help, Unit::Seconds, Gauge::clone(&gauge));
            gauge
        };
        let news = "How long ago what other nodes have done was certainly known here";
        let lag = "How late the last use of a session reaches the disk";
        Self { news_age: seconds("news_age", news), session_lag: seconds("session_lag", lag) }
    }
}

/// How a sign-in ended, as far as a graph should tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// A session was opened.
    Accepted,
    /// Name or proof were not right.
    Refused,
    /// The name is locked.
    Locked,
    /// The address has failed too often.
    Throttled,
    /// The user belongs to another region.
    Elsewhere,
    /// The org holds as many sessions as it may.
    Full,
    /// The queue of hashes was full.
    Busy,
    /// The store did not do it.
    Failed,
}

impl Outcome {
    const fn word(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Refused => "refused",
            Self::Locked => "locked",
            Self::Throttled => "throttled",
            Self::Elsewhere => "elsewhere",
            Self::Full => "full",
            Self::Busy => "busy",
            Self::Failed => "failed",
        }
    }
}

impl Metrics {
    /// Numbers for these route templates, such as `/identity-service/api/v1/Login`.
    pub fn new(routes: &[&'static str]) -> Self {
        let mut registry = Registry::with_prefix("latchkey");
        let answers = Family::<Labels<2>, Counter>::default();
        let latency = Family::<Labels<1>, Histogram, fn() -> Histogram>::new_with_constructor(|| {
            Histogram::new(BUCKETS)
        });
        registry.register("http_requests", "Requests answered", answers.clone());
        registry.register_with_unit(
            "http_request_duration",
            "Time from a request's head to its answer",
            Unit::Seconds,
            latency.clone(),
        );
        let meter = |route: &'static str| RouteMeter {
            answers: CLASSES.map(|class| answers.get_or_create_owned(&[("route", route), ("status", class)])),
            latency: latency.get_or_create_owned(&[("route", route)]),
        };
        let routes = routes.iter().map(|route| (*route, meter(route))).collect();
        let elsewhere = meter("elsewhere");
        let sign_ins = Family::default();
        registry.register("sign_ins", "Sign-ins tried", Family::clone(&sign_ins));
        registry.register(
            "build",
            "The running program",
            Info::new([("version", env!("CARGO_PKG_VERSION"))]),
        );
        Self {
            routes,
            elsewhere,
            sign_ins,
            tokens_minted: counter(&mut registry, "tokens_minted", "Tokens minted"),
            audit_not_recorded: counter(
                &mut registry,
                "audit_not_recorded",
                "Events that a bound kept out of the audit record",
            ),
            sessions_opened: counter(&mut registry, "sessions_opened", "Sessions opened"),
            sessions_ended: counter(&mut registry, "sessions_ended", "Sessions ended by a logout"),
            hashes: HashMeters::listed(&mut registry),
            tls: TlsMeters::listed(&mut registry),
            memory: MemoryMeters::listed(&mut registry),
            registry,
        }
    }

    /// The numbers of a route; those of all other paths when there is no such route.
    pub fn route(&self, template: Option<&str>) -> &RouteMeter {
        template.and_then(|template| self.routes.get(template)).unwrap_or(&self.elsewhere)
    }

    /// Takes over how many events are not in the audit record.
    pub fn not_recorded(&self, events: u64) {
        self.audit_not_recorded.inner().fetch_max(events, Ordering::Relaxed);
    }

    /// Counts one sign-in by a method such as `password`.
    pub fn signed_in(&self, method: &'static str, outcome: Outcome) {
        self.sign_ins.get_or_create(&[("method", method), ("outcome", outcome.word())]).inc();
    }

    /// Notes how old the news of other nodes are; before the first they are infinitely old.
    pub fn heard(&self, age: Option<Duration>) {
        self.memory.news_age.set(match age {
            None => 0.0,
            Some(Duration::MAX) => f64::INFINITY,
            Some(age) => age.as_secs_f64(),
        });
    }

    /// Notes how late the last use of a session reaches the disk.
    pub fn lags(&self, lag: Duration) {
        self.memory.session_lag.set(lag.as_secs_f64());
    }

    /// All numbers in the text format of OpenMetrics.
    pub fn encode(&self) -> String {
        let mut text = String::new();
        // Writing into a String cannot fail.
        let _ = text::encode(&mut text, &self.registry);
        text
    }
}

fn counter(registry: &mut Registry, name: &str, help: &str) -> Counter {
    let counter = Counter::default();
    registry.register(name, help, counter.clone());
    counter
}

/// How a sign-in that was not accepted is counted.
impl From<&SignInError> for Outcome {
    fn from(error: &SignInError) -> Self {
        match error {
            SignInError::Refused | SignInError::NotTrusted => Outcome::Refused,
            SignInError::Locked => Outcome::Locked,
            SignInError::Throttled { .. } => Outcome::Throttled,
            SignInError::OtherRegion { .. } => Outcome::Elsewhere,
            SignInError::TooManySessions => Outcome::Full,
            SignInError::Busy(_) => Outcome::Busy,
            SignInError::Store(_) => Outcome::Failed,
        }
    }
}

/// How a token that was not granted is counted.
impl From<&GrantError> for Outcome {
    fn from(error: &GrantError) -> Self {
        match error {
            GrantError::NotSignedIn(error) => error.into(),
            GrantError::InvalidClient
            | GrantError::NoOrg
            | GrantError::InvalidSubject
            | GrantError::InvalidTarget => Outcome::Refused,
            GrantError::Busy | GrantError::TooManyRevoked => Outcome::Busy,
            GrantError::NoKey | GrantError::Store(_) => Outcome::Failed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_counted_by_route_and_class() {
        let metrics = Metrics::new(&["/healthz"]);
        metrics.route(Some("/healthz")).record(StatusCode::OK, Duration::from_micros(200));
        metrics.route(Some("/healthz")).record(StatusCode::SERVICE_UNAVAILABLE, Duration::from_secs(9));
        metrics.route(None).record(StatusCode::NOT_FOUND, Duration::ZERO);
        metrics.route(Some("/etl.robot")).record(StatusCode::NOT_FOUND, Duration::ZERO);
        let text = metrics.encode();
        for line in [
            "latchkey_http_requests_total{route=\"/healthz\",status=\"2xx\"} 1",
            "latchkey_http_requests_total{route=\"/healthz\",status=\"5xx\"} 1",
            "latchkey_http_requests_total{route=\"elsewhere\",status=\"4xx\"} 2",
            "latchkey_http_request_duration_seconds_bucket{le=\"0.0001\",route=\"/healthz\"} 0",
            "latchkey_http_request_duration_seconds_bucket{le=\"0.00025\",route=\"/healthz\"} 1",
            "latchkey_http_request_duration_seconds_count{route=\"/healthz\"} 2",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        assert!(!text.contains("etl.robot"));
    }

    #[test]
    fn events_are_counted() {
        let metrics = Metrics::new(&[]);
        metrics.signed_in("password", Outcome::Refused);
        metrics.tokens_minted.inc();
        metrics.hashes.checked.inc();
        metrics.hashes.waiting.set(3);
        metrics.tls.refused.inc();
        metrics.heard(Some(Duration::from_millis(250)));
        metrics.lags(Duration::from_millis(2_500));
        let text = metrics.encode();
        for line in [
            "latchkey_sign_ins_total{method=\"password\",outcome=\"refused\"} 1",
            "latchkey_tokens_minted_total 1",
            "latchkey_sessions_opened_total 0",
            "latchkey_password_hashes_total{kind=\"check\"} 1",
            "latchkey_password_hash_queue 3",
            "latchkey_news_age_seconds 0.25",
            "latchkey_session_lag_seconds 2.5",
            "latchkey_tls_reloads_total{outcome=\"refused\"} 1",
            concat!("latchkey_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1"),
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        assert!(text.ends_with("# EOF\n"));
    }
}
