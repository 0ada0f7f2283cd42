//! Logs on stderr, and traces to a collector when there is one; without it no request pays for them.

use crate::config::{self, Log, LogFormat};
use http::{HeaderMap, Method, StatusCode};
use opentelemetry::KeyValue;
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{ExporterBuildError, Protocol, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use std::io::{self, IsTerminal};
use std::panic;
use std::time::Duration;
use thiserror::Error;
use tracing::level_filters::LevelFilter;
use tracing::{Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::filter::{EnvFilter, FilterExt, ParseError, Targets, filter_fn};
use tracing_subscriber::fmt::{self, MakeWriter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{Layer, Registry, registry::LookupSpan};

/// Time to hand the last spans to the collector when the service ends.
const LAST_SPANS: Duration = Duration::from_secs(1);

/// Logging and tracing are on; the last spans are handed over when it is dropped.
#[must_use = "the last spans are lost when it is dropped early"]
#[derive(Debug)]
pub struct Telemetry {
    traces: Option<SdkTracerProvider>,
}

/// Why logging or tracing did not start.
#[derive(Debug, Error)]
pub enum TelemetryError {
    /// `log.level` is no filter.
    #[error("log.level cannot be read")]
    Level(#[from] ParseError),
    /// The exporter of traces cannot be made.
    #[error("telemetry.otlp_endpoint cannot be used")]
    Exporter(#[from] ExporterBuildError),
    /// Something in this process logs already.
    #[error("logging was started twice")]
    Twice(#[from] TryInitError),
}

impl Telemetry {
    /// Starts both for the whole process, and lets panics be logged like anything else.
    pub fn start(log: &Log, telemetry: &config::Telemetry) -> Result<Self, TelemetryError> {
        let (subscriber, started) = build(log, telemetry, io::stderr)?;
        subscriber.try_init()?;
        panic::set_hook(Box::new(|panic| tracing::error!(target: "latchkey::panic", "{panic}")));
        Ok(started)
    }

    /// Whether there is a collector. Without one a request needs no span.
    pub fn traces(&self) -> bool {
        self.traces.is_some()
    }
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        if let Some(Err(error)) = self.traces.take().map(|traces| traces.shutdown_with_timeout(LAST_SPANS)) {
            tracing::debug!(%error, "the last spans were not handed over");
        }
    }
}

/// The span of one request, a child of the caller's span if the request names it (W3C Trace Context).
pub fn request_span(method: &Method, route: &str, headers: &HeaderMap) -> Span {
    let span = tracing::info_span!(
        "request",
        otel.name = format!("{method} {route}"),
        otel.kind = "server",
        otel.status_code = tracing::field::Empty,
        http.request.method = %method,
        http.route = route,
        http.response.status_code = tracing::field::Empty,
    );
    // It fails only without a collector, when there is no span to have a parent.
    let _ = span.set_parent(TraceContextPropagator::new().extract(&Carrier(headers)));
    span
}

/// Writes the answer's status into the span of its request.
pub fn answered(span: &Span, status: StatusCode) {
    span.record("http.response.status_code", status.as_u16());
    if status.is_server_error() {
        span.record("otel.status_code", "ERROR");
    }
}

struct Carrier<'a>(&'a HeaderMap);

impl Extractor for Carrier<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(http::HeaderName::as_str).collect()
    }
}

fn build<W>(
    log: &Log,
    telemetry: &config::Telemetry,
    writer: W,
) -> Result<(impl Subscriber + Send + Sync + 'static, Telemetry), TelemetryError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let traces = telemetry.otlp_endpoint.as_ref().map(|url| exporter(url.as_str())).transpose()?;
    // Our own spans only: those of the exporter's HTTP client would be exported by that client.
    let ours = ["server", "domain", "store", "wire", "latchkey"].map(|target| (target, LevelFilter::DEBUG));
    let tracer = traces.as_ref().map(|traces| {
        tracing_opentelemetry::layer()
            .with_tracer(traces.tracer("latchkey"))
            .with_filter(Targets::from_iter(ours))
    });
    let subscriber = Registry::default().with(tracer).with(lines(log, writer)?);
    Ok((subscriber, Telemetry { traces }))
}

/// The layer that writes log lines.
fn lines<S, W>(log: &Log, writer: W) -> Result<impl Layer<S>, ParseError>
where
    S: Subscriber + for<'s> LookupSpan<'s>,
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let wanted = EnvFilter::builder().parse(&log.level)?;
    // A collector that is down is its operator's business; here it is worth a line at debug at most.
    let debugging = wanted.max_level_hint().is_none_or(|level| level >= LevelFilter::DEBUG);
    let wanted = wanted.and(filter_fn(move |line| debugging || !line.target().starts_with("opentelemetry")));
    let lines = fmt::layer().with_writer(writer);
    Ok(match log.format {
        LogFormat::Text => lines.with_ansi(io::stderr().is_terminal()).with_filter(wanted).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).with_filter(wanted).boxed(),
    })
}

/// Spans go out in batches from a thread of their own; when the collector is slow, they are dropped.
fn exporter(url: &str) -> Result<SdkTracerProvider, ExporterBuildError> {
    let exporter = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(format!("{url}/v1/traces"))
        .with_timeout(Duration::from_secs(5))
        .build()?;
    let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    let service = Resource::builder_empty().with_service_name("latchkey").with_attribute(version).build();
    Ok(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(service).build())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::TcpListener;
    use std::sync::{Arc, Mutex};
    use std::thread;
    use tracing::subscriber::with_default;

    #[derive(Clone, Default)]
    struct Paper(Arc<Mutex<Vec<u8>>>);

    impl Paper {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn log(level: &str, format: LogFormat) -> Log {
        Log { level: level.into(), format }
    }

    /// What is written while `speak` runs.
    fn written(log: &Log, telemetry: &config::Telemetry, speak: impl FnOnce()) -> String {
        let paper = Paper::default();
        let writer = paper.clone();
        let (subscriber, started) = build(log, telemetry, move || writer.clone()).unwrap();
        with_default(subscriber, || {
            speak();
            drop(started);
        });
        paper.text()
    }

    /// A collector that takes one request and returns its first line and its body.
    fn collector() -> (config::Telemetry, thread::JoinHandle<(String, Vec<u8>)>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let taken = thread::spawn(move || {
            let mut stream = BufReader::new(listener.accept().unwrap().0);
            let head: Vec<String> =
                stream.by_ref().lines().map(Result::unwrap).take_while(|line| !line.is_empty()).collect();
            let length = head
                .iter()
                .find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
            let mut body = vec![0; length.unwrap()];
            stream.read_exact(&mut body).unwrap();
            stream.get_mut().write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
            (head.into_iter().next().unwrap(), body)
        });
        (config::Telemetry { otlp_endpoint: Some(url), metrics_listen: None }, taken)
    }

    fn contains(bytes: &[u8], part: &[u8]) -> bool {
        bytes.windows(part.len()).any(|window| window == part)
    }

    #[test]
    fn a_request_is_exported_as_a_child_of_its_caller() {
        let (telemetry, taken) = collector();
        let mut headers = HeaderMap::new();
        let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        headers.insert("traceparent", parent.parse().unwrap());
        written(&log("info", LogFormat::Text), &telemetry, || {
            let span = request_span(&Method::GET, "/healthz", &headers);
            answered(&span, StatusCode::SERVICE_UNAVAILABLE);
        });
        let (line, body) = taken.join().unwrap();
        assert_eq!(line, "POST /v1/traces HTTP/1.1");
        for part in ["service.name", "latchkey", "GET /healthz", "http.response.status_code"] {
            assert!(contains(&body, part.as_bytes()), "{part}");
        }
        assert!(contains(&body, &0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c_u128.to_be_bytes()));
        assert!(contains(&body, &0xb7ad_6b71_6920_3331_u64.to_be_bytes()));
    }

    #[test]
    fn a_failing_collector_is_told_at_debug_only() {
        let none = config::Telemetry::default();
        let speak = || tracing::error!(target: "opentelemetry_sdk", "the collector is down");
        assert_eq!(written(&log("info", LogFormat::Text), &none, speak), "");
        let line = written(&log("debug", LogFormat::Text), &none, speak);
        assert!(line.contains("the collector is down"), "{line}");
    }

    #[test]
    fn a_line_is_json_for_machines_and_text_for_people() {
        let speak = || {
            tracing::info!(user.id = "usr_1", "ada signed in");
            tracing::debug!("not wanted");
        };
        let none = config::Telemetry::default();
        let json = written(&log("info", LogFormat::Json), &none, speak);
        let line: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(
            (&line["level"], &line["message"], &line["user.id"]),
            (&"INFO".into(), &"ada signed in".into(), &"usr_1".into())
        );
        let text = written(&log("warn,server=info", LogFormat::Text), &none, speak);
        assert!(
            text.ends_with(" INFO server::telemetry::tests: ada signed in user.id=\"usr_1\"\n"),
            "{text}"
        );
    }

    #[test]
    fn a_filter_that_is_none_is_refused() {
        let error =
            build(&log("info,=,", LogFormat::Text), &config::Telemetry::default(), io::sink).err().unwrap();
        assert_eq!(error.to_string(), "log.level cannot be read");
    }
}
