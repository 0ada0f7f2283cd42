//! More sign-ins than can be hashed: what is served, what is refused, and what others notice of it (T5).

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, ensure};
use http::{Request, StatusCode, header};
use http_body_util::Full;
use serde_json::{Value, json};

use crate::arrivals::{self, Arrival, Stream};
use crate::chart::{Axis, Chart, Line, stacked};
use crate::load::{self, Asked, Client, Spread};
use crate::plan;
use crate::report::{Report, Row, Target, ms, number, progress};
use crate::server_process::ServerProcess;

/// What is offered, in times of what can be hashed; the first is nothing at all.
const OFFERED: [f64; 13] = [0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0];

/// Tokens minted, and sessions checked, in a second beside the sign-ins.
const BESIDE: f64 = 100.0;

/// Users who sign in, and connections of the closed loop.
const USERS: usize = 16;

const PASSWORD: &str = "correct horse 9 battery";
const TOKEN: &str = "/identity-service/api/v1/jwt/Token?client_id=idmc_api&nonce=1234";
const USER: &str = "/session-service/api/v1/session/User";

/// The head of the file of data, and what its columns are.
const COLUMNS: &str = "offered,offered_per_s,goodput_per_s,goodput_per_cpu_s,refused_per_s,failed,\
served_p50_ms,served_p99_ms,refused_p99_ms,token_p99_ms,user_p99_ms";

/// What to measure, and where to write it.
#[derive(clap::Args)]
pub struct Settings {
    /// The server's binary
    #[arg(long, default_value = "target/release/latchkey")]
    server: PathBuf,
    /// Where data folders are made; a real disk, not memory
    #[arg(long, default_value = "target/bench")]
    folder: PathBuf,
    /// How long each load lasts, in seconds; there are fifteen
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u64).range(2..=60))]
    seconds: u64,
    /// Where the curve goes as data
    #[arg(long, default_value = "docs/reference/data/overload.csv")]
    data: PathBuf,
    /// Where it goes as a picture
    #[arg(long, default_value = "docs/reference/overload.svg")]
    picture: PathBuf,
    /// Also writes the figures to this file, by their number
    #[arg(long)]
    pub json: Option<PathBuf>,
}

/// One load, and what became of it. A time is zero where nothing was timed.
#[derive(Debug, Clone, Default, PartialEq)]
struct Point {
    offered: f64,
    offered_per_s: f64,
    goodput_per_s: f64,
    goodput_per_cpu_s: f64,
    refused_per_s: f64,
    failed: f64,
    served_p50_ms: f64,
    served_p99_ms: f64,
    refused_p99_ms: f64,
    token_p99_ms: f64,
    user_p99_ms: f64,
}

/// The lines of T5, as a part of the whole; the curve stays in the folder of the bench.
pub async fn in_a_run(all: &plan::Settings, report: &mut Report) -> anyhow::Result<()> {
    let (server, folder) = (all.server.clone(), all.folder.clone());
    let (data, picture) = (folder.join("overload.csv"), folder.join("overload.svg"));
    let seconds = all.duration().as_secs().max(2);
    let overloaded = measure(&Settings { server, folder, seconds, data, picture, json: None }).await?;
    report.rows.extend(overloaded.rows);
    report.notes.extend(overloaded.notes);
    Ok(())
}

/// Measures the curve, and writes it down.
pub async fn measure(settings: &Settings) -> anyhow::Result<Report> {
    fs::create_dir_all(&settings.folder)?;
    let folder = tempfile::tempdir_in(&settings.folder)?;
    let process = started(&settings.server, folder.path())?;
    let bench = Bench { process, time: Duration::from_secs(settings.seconds) };
    let streams = bench.streams().await?;
    let (before, idle) = (bench.capacity().await?, bench.process.resident()?);
    let mut points = Vec::new();
    for offered in OFFERED {
        progress(&format!("{offered} times what can be hashed"));
        points.push(bench.point(offered, before.wall, &streams).await?);
    }
    let peak = bench.process.peak()?;
    let after = bench.capacity().await?;
    ensure!(bench.process.end()?.success(), "the server did not end cleanly");
    write(&settings.data, &written(&points))?;
    write(&settings.picture, &drawn(&points))?;
    let capacity = f64::midpoint(before.per_cpu_second, after.per_cpu_second);
    let mut report = report(&points, capacity);
    report
        .notes
        .push(format!("T1 before {:.1}, after {:.1} per CPU-s", before.per_cpu_second, after.per_cpu_second));
    report.notes.push(format!(
        "memory {:.1} MB before the overload, {:.1} MB at its peak",
        mb(idle),
        mb(peak)
    ));
    Ok(report)
}

fn mb(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// Sign-ins that a closed load got through.
struct Capacity {
    wall: f64,
    per_cpu_second: f64,
}

struct Bench {
    process: ServerProcess,
    time: Duration,
}

impl Bench {
    /// Sign-ins, tokens and checks, each to be asked in turn; whoever signs in has done it before.
    async fn streams(&self) -> anyhow::Result<[Vec<Asked>; 3]> {
        let sign_ins = (0..USERS).map(sign_in).collect::<anyhow::Result<Vec<_>>>()?;
        let (mut tokens, mut users) = (Vec::new(), Vec::new());
        let mut client = Client::connect(self.process.address()).await?;
        for asked in &sign_ins {
            let (_, body) = client.ask(asked.clone()).await?;
            let answer: Value = serde_json::from_slice(&body)?;
            let session = answer.get("sessionId").and_then(Value::as_str).context("there is no session")?;
            tokens.push(with_session(TOKEN, session)?);
            users.push(with_session(USER, session)?);
            client.ask(with_session(TOKEN, session)?).await?;
        }
        Ok([sign_ins, tokens, users])
    }

    async fn capacity(&self) -> anyhow::Result<Capacity> {
        progress("sign-ins in a closed loop");
        let scripts = (0..USERS).map(|user| Ok(Box::new(std::iter::repeat(sign_in(user)?)) as load::Script));
        let scripts = scripts.collect::<anyhow::Result<Vec<_>>>()?;
        let used = self.process.cpu()?;
        let outcome = load::run(self.process.address(), scripts, self.time).await?;
        let used = self.process.cpu()?.saturating_sub(used);
        ensure!(outcome.refused == 0, "{} answers were not 200", outcome.refused);
        let count = outcome.answered.count() as f64;
        let wall = count / outcome.elapsed.as_secs_f64();
        Ok(Capacity { wall, per_cpu_second: count / used.as_secs_f64() })
    }

    async fn point(&self, offered: f64, capacity: f64, streams: &[Vec<Asked>; 3]) -> anyhow::Result<Point> {
        let offered_per_s = offered * capacity;
        let rates = [offered_per_s, BESIDE, BESIDE];
        let streams = streams.iter().zip(rates).map(|(asked, per_second)| {
            // Nothing arrives of a stream without requests.
            let asked = if per_second > 0.0 { asked.clone() } else { Vec::new() };
            Stream { asked, per_second: per_second.max(1e-6) }
        });
        let used = self.process.cpu()?;
        let streams: Vec<_> = streams.filter(|stream| !stream.asked.is_empty()).collect();
        let first = 3 - streams.len();
        let mut arrivals = arrivals::run(self.process.address(), streams, self.time).await?;
        arrivals.iter_mut().for_each(|arrival| arrival.stream += first);
        let used = self.process.cpu()?.saturating_sub(used).as_secs_f64();
        let mut point = judged(&arrivals, self.time);
        let all = arrivals.iter().filter(|arrival| arrival.is(0, StatusCode::OK)).count();
        point.goodput_per_cpu_s = all as f64 / used;
        Ok(Point { offered, offered_per_s, ..point })
    }
}

impl Arrival {
    fn is(&self, stream: usize, status: StatusCode) -> bool {
        self.stream == stream && self.status == Some(status)
    }
}

/// A server on a new folder with these users.
fn started(server: &Path, folder: &Path) -> anyhow::Result<ServerProcess> {
    let user = |user| {
        format!("[[org.user]]\nname = \"bench.{user}\"\npassword = \"{PASSWORD}\"\nroles = [\"Admin\"]\n")
    };
    let (seed, data) = (folder.join("seed.toml"), folder.join("data"));
    fs::write(&seed, format!("[[org]]\nname = \"Bench\"\n{}", (0..USERS).map(user).collect::<String>()))?;
    let mut arguments = ["serve", "--listen", "127.0.0.1:0", "--data"].map(OsStr::new).to_vec();
    arguments.extend([data.as_os_str(), "--seed".as_ref(), seed.as_os_str()]);
    ServerProcess::start(server, &arguments, &folder.join("server.log"))
}

fn sign_in(user: usize) -> anyhow::Result<Asked> {
    let body = json!({ "username": format!("bench.{user}"), "password": PASSWORD }).to_string();
    let request = Request::post("/identity-service/api/v1/Login").header(header::HOST, "localhost");
    Ok(request.header(header::CONTENT_TYPE, "application/json").body(Full::from(body))?)
}

fn with_session(path: &str, session: &str) -> anyhow::Result<Asked> {
    let request = Request::get(path).header(header::HOST, "localhost").header("IDS-SESSION-ID", session);
    Ok(request.body(Full::default())?)
}

/// What became of the arrivals. Rates leave out the first quarter, in which the queue fills.
fn judged(arrivals: &[Arrival], time: Duration) -> Point {
    let settled = time / 4;
    let of = |stream, status| arrivals.iter().filter(move |arrival| arrival.is(stream, status));
    let rate = |status| {
        let counts = |arrival: &&Arrival| (settled..time).contains(&(arrival.due + arrival.took));
        of(0, status).filter(counts).count() as f64 / (time - settled).as_secs_f64()
    };
    let spread = |stream, status| {
        let mut spread = Spread::default();
        of(stream, status).for_each(|arrival| spread.add(arrival.took));
        spread
    };
    let p99 = |stream, status| ms(spread(stream, status).percentile(0.99));
    let expected = |arrival: &&Arrival| {
        arrival.is(arrival.stream, StatusCode::OK) || arrival.is(0, StatusCode::TOO_MANY_REQUESTS)
    };
    Point {
        goodput_per_s: rate(StatusCode::OK),
        refused_per_s: rate(StatusCode::TOO_MANY_REQUESTS),
        failed: (arrivals.len() - arrivals.iter().filter(expected).count()) as f64,
        served_p50_ms: ms(spread(0, StatusCode::OK).percentile(0.5)),
        served_p99_ms: p99(0, StatusCode::OK),
        refused_p99_ms: p99(0, StatusCode::TOO_MANY_REQUESTS),
        token_p99_ms: p99(1, StatusCode::OK),
        user_p99_ms: p99(2, StatusCode::OK),
        ..Point::default()
    }
}

/// The lines of T5, out of the first point and the last.
fn report(points: &[Point], capacity: f64) -> Report {
    let mut report = Report::default();
    let (Some(idle), Some(most)) = (points.first(), points.last()) else { return report };
    let mut add = |id: &str, what: &str, unit, (rate, limit): (f64, f64), target| {
        let (id, what) = (id.to_owned(), what.to_owned());
        report.rows.push(Row { id, what, unit, rate, limit, target, timing: None });
    };
    let goodput = (most.goodput_per_cpu_s, capacity);
    add(
        "T5.goodput",
        "sign-ins served at 10 × overload, beside T1",
        "/CPU-s",
        goodput,
        Target::AtLeast(0.95),
    );
    let token = (most.token_p99_ms, idle.token_p99_ms);
    add("T5.token", "jwt/Token meanwhile, p99, beside idle", "ms", token, Target::AtMost(2.0));
    let user = (most.user_p99_ms, idle.user_p99_ms);
    add("T5.user", "session/User meanwhile, p99, beside idle", "ms", user, Target::AtMost(2.0));
    let refused = (most.refused_p99_ms, 5.0);
    add("T5.refused", "sign-ins refused, p99", "ms", refused, Target::AtMost(1.0));
    for point in points {
        report.notes.push(point.told());
    }
    report
}

impl Point {
    fn told(&self) -> String {
        let Self { offered, served_p50_ms, served_p99_ms, refused_p99_ms, token_p99_ms, user_p99_ms, .. } =
            self;
        let [goodput, per_cpu, refused] =
            [self.goodput_per_s, self.goodput_per_cpu_s, self.refused_per_s].map(number);
        format!(
            "{offered} ×: {goodput}/s served ({per_cpu} per CPU-s, p50 {served_p50_ms:.1} ms, p99 {served_p99_ms:.1} ms), \
             {refused}/s refused (p99 {refused_p99_ms:.2} ms), {} failed; token p99 {token_p99_ms:.2} ms, user p99 \
             {user_p99_ms:.2} ms",
            self.failed
        )
    }

    fn values(&self) -> [f64; 11] {
        [
            self.offered,
            self.offered_per_s,
            self.goodput_per_s,
            self.goodput_per_cpu_s,
            self.refused_per_s,
            self.failed,
            self.served_p50_ms,
            self.served_p99_ms,
            self.refused_p99_ms,
            self.token_p99_ms,
            self.user_p99_ms,
        ]
    }
}

fn written(points: &[Point]) -> String {
    let line = |point: &Point| point.values().map(|value| format!("{value:.3}")).join(",") + "\n";
    format!("{COLUMNS}\n{}", points.iter().map(line).collect::<String>())
}

fn write(file: &Path, text: &str) -> anyhow::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}

/// The curve in two charts: how many, and how long.
fn drawn(points: &[Point]) -> String {
    let line = |name, value: fn(&Point) -> f64| {
        let points = points.iter().filter(|point| point.offered > 0.0 && value(point) > 0.0);
        Line { name, points: points.map(|point| (point.offered, value(point))).collect() }
    };
    let x = || Axis {
        label: "sign-ins offered, in times of what can be hashed",
        marks: vec![0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0],
    };
    let many = Chart {
        title: "Sign-ins in a second",
        x: x(),
        y: Axis { label: "per second", marks: vec![1.0, 10.0, 100.0, 1000.0] },
        lines: vec![
            line("offered", |point| point.offered_per_s),
            line("served", |point| point.goodput_per_s),
            line("refused with 429", |point| point.refused_per_s),
        ],
        limits: Vec::new(),
    };
    let long = Chart {
        title: "How long 99 of 100 waited at most",
        x: x(),
        y: Axis { label: "ms", marks: vec![0.1, 1.0, 10.0, 100.0, 1000.0, 10_000.0] },
        lines: vec![
            line("sign-in, served", |point| point.served_p99_ms),
            line("sign-in, refused", |point| point.refused_p99_ms),
            line("jwt/Token meanwhile", |point| point.token_p99_ms),
            line("session/User meanwhile", |point| point.user_p99_ms),
        ],
        limits: vec![5.0],
    };
    stacked("Goodput and latency against offered load, 0.1 to 10 times the capacity", &[many, long])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrival(stream: usize, due: u64, took: u64, status: u16) -> Arrival {
        let (due, took) = (Duration::from_millis(due), Duration::from_millis(took));
        Arrival { stream, due, took, status: StatusCode::from_u16(status).ok() }
    }

    #[test]
    fn rates_are_those_of_the_settled_time_and_failures_are_counted() {
        let arrivals = [
            arrival(0, 0, 10, 200),
            arrival(0, 900, 200, 200),
            arrival(0, 2_000, 30, 200),
            arrival(0, 3_999, 30, 200),
            arrival(0, 2_000, 1, 429),
            arrival(0, 2_000, 1, 500),
            arrival(1, 2_000, 7, 200),
            arrival(2, 2_000, 9, 429),
        ];
        let point = judged(&arrivals, Duration::from_secs(4));
        assert_eq!((point.goodput_per_s, point.refused_per_s), (2.0 / 3.0, 1.0 / 3.0));
        assert_eq!((point.failed, point.served_p99_ms, point.token_p99_ms), (2.0, 200.0, 7.0));
    }

    #[test]
    fn the_data_has_a_column_for_every_value() {
        let text = written(&[Point { offered: 10.0, user_p99_ms: 0.5, ..Point::default() }]);
        let (head, line) = text.trim_end().split_once('\n').unwrap_or_default();
        assert_eq!((head.split(',').count(), line.split(',').count()), (11, 11));
        assert!(line.starts_with("10.000,") && line.ends_with(",0.500"), "{text}");
    }
}
