//! The run: limits first, then each operation of the service against them.

use std::ffi::OsStr;
use std::fs;
use std::iter;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use http::{HeaderName, Request, StatusCode, header, request};
use http_body_util::Full;
use serde_json::{Value, json};

use crate::limits::{Limit, Limits};
use crate::load::{self, Asked, Client, Outcome, Script, Spread};
use crate::report::{Report, Row, Target, Timing, ms, number, progress};
use crate::saml::Saml;
use crate::server_process::ServerProcess;
use crate::tool::{Account, WarmToken};

const CONNECTIONS: usize = 16;
const STARTS: usize = 5;
const FRESH_TOKENS: usize = 20_000;
const WARM_UP: Duration = Duration::from_millis(500);
const PASSWORD: &str = "correct horse 9 battery";
const TOKEN: &str = "/identity-service/api/v1/jwt/Token?client_id=idmc_api&nonce=1234";
const SESSION: HeaderName = HeaderName::from_static("ids-session-id");

/// Measures limits and service, one core for the server and the rest for the load.
pub async fn everything(server: &Path, folder: &Path, duration: Duration) -> anyhow::Result<Report> {
    fs::create_dir_all(folder)?;
    let folder = tempfile::tempdir_in(folder)?;
    progress("signatures, hashes and flushes to disk");
    let limits = Limits::measure(folder.path(), duration.min(Duration::from_secs(3)))?;
    let mut report = Report::default();
    let bare = bare_handler(folder.path(), duration, &mut report).await?;
    describe(&limits, &mut report);
    saml(duration.min(Duration::from_secs(3)), &mut report)?;
    let place = Place::seeded(server, folder.path())?;
    starts(&place, &mut report).await?;
    let mut bench = Bench { process: place.start(&[])?, duration, limits, bare, report };
    bench.sign_ins().await?;
    bench.sessions_and_tokens().await?;
    bench.warm_token(server, folder.path())?;
    ensure!(bench.process.end()?.success(), "the server did not end cleanly");
    Ok(bench.report)
}

/// The rate of a bare hyper handler per CPU-second: what every answer costs at least.
async fn bare_handler(folder: &Path, duration: Duration, report: &mut Report) -> anyhow::Result<f64> {
    progress("the bare handler");
    let process =
        ServerProcess::start(&std::env::current_exe()?, &["bare".as_ref()], &folder.join("bare.log"))?;
    let asked = get("/").body(Full::default())?;
    load::run(process.address(), endlessly(&asked), WARM_UP).await?;
    let (rate, outcome) = under_load(&process, endlessly(&asked), duration).await?;
    let (p50, p99) = (ms(outcome.answered.percentile(0.5)), ms(outcome.answered.percentile(0.99)));
    let figure = format!("{} per CPU-s, p50 {p50:.3} ms, p99 {p99:.3} ms", number(rate));
    report.limits.push(("bare hyper handler, 16 connections", figure));
    Ok(rate)
}

fn describe(limits: &Limits, report: &mut Report) {
    let mut add = |what, rate: String, Limit { spread, .. }: &Limit| {
        let (p50, p99) = (ms(spread.percentile(0.5)), ms(spread.percentile(0.99)));
        report.limits.push((what, format!("{rate}p50 {p50:.3} ms, p99 {p99:.3} ms")));
    };
    let rate = |limit: &Limit| format!("{} per CPU-s, ", number(limit.per_cpu_second));
    add("ES256 signature", rate(&limits.sign), &limits.sign);
    add("ES256 verification", rate(&limits.verify), &limits.verify);
    add("Argon2id m=19456 t=2 p=1, memory reused", rate(&limits.hash), &limits.hash);
    add("append of 4 KiB and flush to disk", String::new(), &limits.flush);
}

/// The door for SAML in this process, beside what it is made of.
pub fn saml(duration: Duration, report: &mut Report) -> anyhow::Result<()> {
    progress("a SAML response of 8 KB");
    let saml = Saml::measure(duration)?;
    let figure = |limit: &Limit| format!("{} per CPU-s", number(limit.per_cpu_second));
    report.limits.push(("one parse of a SAML response of 8 KB", figure(&saml.parse)));
    report.limits.push(("RSA-2048 verification", figure(&saml.verify)));
    report.limits.push(("that response out of its Base64", figure(&saml.base64)));
    report.limits.push(("one exclusive canonicalization of it", figure(&saml.canonical)));
    report.limits.push(("SHA-256 of it", figure(&saml.digest)));
    let what = "SAML response of 8 KB, RSA-2048, judged";
    let mut row = at_most("T12", what, "µs of CPU", saml.microseconds());
    row.target = Target::AtMost(2.0);
    report.rows.push(row);
    Ok(())
}

/// Start, memory and size, on a data folder that exists.
async fn starts(place: &Place<'_>, report: &mut Report) -> anyhow::Result<()> {
    progress("starts");
    let mut took = Spread::default();
    let mut resident = 0;
    for _ in 0..STARTS {
        let started = Instant::now();
        let process = place.start(&[])?;
        let ready = get("/readyz").body(Full::default())?;
        let (status, _) = Client::connect(process.address()).await?.ask(ready).await?;
        took.add(started.elapsed());
        ensure!(status == StatusCode::OK, "/readyz answered {status}");
        resident = resident.max(process.resident()?);
        ensure!(process.end()?.success(), "the server did not end cleanly");
    }
    let size = fs::metadata(place.server)?.len();
    report.rows.push(at_most("T7.start", "start to first 200", "ms", (ms(took.percentile(0.5)), 20.0)));
    report.rows.push(at_most("T7.memory", "idle memory before the first hash", "MB", (mb(resident), 15.0)));
    report.rows.push(at_most("T7.binary", "binary", "MB", (mb(size), 25.0)));
    Ok(())
}

fn mb(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

fn at_most(id: &'static str, what: &'static str, unit: &'static str, (rate, limit): (f64, f64)) -> Row {
    Row { id, what, unit, rate, limit, target: Target::AtMost(1.0), timing: None }
}

/// The server's binary and a data folder for it.
struct Place<'a> {
    server: &'a Path,
    folder: PathBuf,
}

impl<'a> Place<'a> {
    /// A data folder with one user per connection.
    fn seeded(server: &'a Path, folder: &Path) -> anyhow::Result<Self> {
        let place = Self { server, folder: folder.to_owned() };
        let users: String = (0..CONNECTIONS).map(|number| user(number).1).collect();
        let seed = folder.join("seed.toml");
        fs::write(&seed, format!("[[org]]\nname = \"Bench\"\n{users}"))?;
        let process = place.start(&["--seed".as_ref(), seed.as_os_str()])?;
        ensure!(process.end()?.success(), "the server did not end cleanly after the seed");
        Ok(place)
    }

    fn start(&self, more: &[&OsStr]) -> anyhow::Result<ServerProcess> {
        let data = self.folder.join("data");
        let mut arguments = ["serve", "--listen", "127.0.0.1:0", "--data"].map(OsStr::new).to_vec();
        arguments.push(data.as_os_str());
        arguments.extend(more);
        ServerProcess::start(self.server, &arguments, &self.folder.join("server.log"))
    }
}

/// The name of a user, and what the seed says of it.
fn user(number: usize) -> (String, String) {
    let name = format!("bench.{number}");
    let seed =
        format!("  [[org.user]]\n  name = \"{name}\"\n  password = \"{PASSWORD}\"\n  roles = [\"Admin\"]\n");
    (name, seed)
}

struct Bench {
    process: ServerProcess,
    duration: Duration,
    limits: Limits,
    bare: f64,
    report: Report,
}

/// An operation, and the share of its limit that it has to reach.
struct Aim {
    id: &'static str,
    what: &'static str,
    limit: f64,
    least: f64,
}

impl Bench {
    async fn sign_ins(&mut self) -> anyhow::Result<()> {
        let aim = Aim {
            id: "T1",
            what: "password sign-in, v1",
            limit: self.limits.hash.per_cpu_second,
            least: 0.95,
        };
        let all = (0..CONNECTIONS).map(sign_in).collect::<Result<Vec<_>, _>>()?;
        load::run(self.process.address(), all.iter().map(repeating).collect(), WARM_UP).await?;
        self.reach(aim, all.iter().map(repeating).collect()).await?;

        progress("password sign-in, 1 connection");
        let (_, outcome) = under_load(&self.process, vec![repeating(&sign_in(0)?)], self.duration).await?;
        let best =
            self.limits.hash.spread.percentile(0.99) + self.limits.flush.spread.percentile(0.5) * 3 / 2;
        let figure = (ms(outcome.answered.percentile(0.99)), ms(best + Duration::from_millis(1)));
        let mut row = at_most("T1.p99", "password sign-in, 1 connection, p99", "ms", figure);
        row.timing = Some(Timing::of(&outcome.answered, outcome.elapsed));
        self.report.rows.push(row);
        Ok(())
    }

    async fn sessions_and_tokens(&mut self) -> anyhow::Result<()> {
        let bare = self.bare;
        let answer = self.ask(sign_in(0)?).await?;
        let (session, org) = (text(&answer, "sessionId")?, text(&answer, "orgId")?);
        let mint = get(TOKEN).header(SESSION, &session).body(Full::default())?;
        let limit = together(bare, self.limits.sign.per_cpu_second);
        self.repeat(Aim { id: "T2", what: "jwt/Token, live session, ES256", limit, least: 0.80 }, &mint)
            .await?;

        let user = get("/session-service/api/v1/session/User");
        let user = user.header(SESSION, &session).body(Full::default())?;
        self.repeat(Aim { id: "T3.user", what: "session/User", limit: bare, least: 0.75 }, &user).await?;
        let gate = get("/gate").header(SESSION, &session).body(Full::default())?;
        self.repeat(Aim { id: "T3.gate", what: "/gate, session id", limit: bare, least: 0.75 }, &gate)
            .await?;

        let token = text(&self.ask(mint.clone()).await?, "jwt_token")?;
        let seen = Aim { id: "T4.seen", what: "/gate, JWT seen before", limit: bare, least: 0.75 };
        self.repeat(seen, &bearer(&token, &org)?).await?;
        let limit = together(bare, self.limits.verify.per_cpu_second);
        let fresh = Aim { id: "T4.first", what: "/gate, JWT for the first time", limit, least: 0.85 };
        let scripts = self.fresh_tokens(&mint, &org).await?;
        self.reach(fresh, scripts).await
    }

    /// The tool on the load's core, which rests meanwhile; the server is asked once.
    fn warm_token(&mut self, tool: &Path, folder: &Path) -> anyhow::Result<()> {
        progress("latchkey token from a warm cache");
        let (url, name) = (format!("http://{}", self.process.address()), user(0).0);
        let warm = WarmToken::measure(tool, folder, &Account { url: &url, user: &name, password: PASSWORD })?;
        let (p50, p99) = (ms(warm.nothing.percentile(0.5)), ms(warm.nothing.percentile(0.99)));
        let figure = format!("p50 {p50:.3} ms, p99 {p99:.3} ms");
        self.report.limits.push(("`true`, start to exit", figure));
        let what = "latchkey token, warm cache, beyond `true`";
        let beyond = ms(warm.token.percentile(0.5)) - p50;
        let mut row = at_most("T10", what, "ms", (beyond, 10.0));
        row.timing = Some(warm.token_timing());
        self.report.rows.push(row);
        if let Some(memory) = warm.memory {
            let what = "latchkey token, warm cache, peak memory";
            self.report.rows.push(at_most("T10.memory", what, "MB", (mb(memory), 15.0)));
        }
        Ok(())
    }

    /// Each connection gets tokens that nobody has presented.
    async fn fresh_tokens(&self, mint: &Asked, org: &str) -> anyhow::Result<Vec<Script>> {
        let mut client = Client::connect(self.process.address()).await?;
        let mut scripts: Vec<Script> = Vec::new();
        for _ in 0..CONNECTIONS {
            let mut script = Vec::new();
            for _ in 0..FRESH_TOKENS / CONNECTIONS {
                let (_, body) = client.ask(mint.clone()).await?;
                script.push(bearer(&text(&serde_json::from_slice(&body)?, "jwt_token")?, org)?);
            }
            scripts.push(Box::new(script.into_iter()));
        }
        Ok(scripts)
    }

    async fn ask(&self, asked: Asked) -> anyhow::Result<Value> {
        let path = asked.uri().path().to_owned();
        let (status, body) = Client::connect(self.process.address()).await?.ask(asked).await?;
        ensure!(status == StatusCode::OK, "{path} answered {status}");
        Ok(serde_json::from_slice(&body)?)
    }

    async fn repeat(&mut self, aim: Aim, asked: &Asked) -> anyhow::Result<()> {
        load::run(self.process.address(), endlessly(asked), WARM_UP).await?;
        self.reach(aim, endlessly(asked)).await
    }

    /// Measures one operation, and what it cost the disk.
    async fn reach(&mut self, aim: Aim, scripts: Vec<Script>) -> anyhow::Result<()> {
        let Aim { id, what, limit, least } = aim;
        progress(what);
        let before = self.process.disk()?;
        let (rate, outcome) = under_load(&self.process, scripts, self.duration).await.context(what)?;
        let after = self.process.disk()?;
        let timing = Some(Timing::of(&outcome.answered, outcome.elapsed));
        self.report.rows.push(Row {
            id,
            what,
            unit: "/CPU-s",
            rate,
            limit,
            target: Target::AtLeast(least),
            timing,
        });
        let count = outcome.answered.count();
        let (read, written) = (after.read - before.read, after.written - before.written);
        self.report
            .notes
            .push(format!("{id}: {count} answers, {read} bytes read from disk, {written} bytes written"));
        Ok(())
    }
}

/// Answers per CPU-second of the server.
async fn under_load(
    process: &ServerProcess,
    scripts: Vec<Script>,
    limit: Duration,
) -> anyhow::Result<(f64, Outcome)> {
    let before = process.cpu()?;
    let outcome = load::run(process.address(), scripts, limit).await?;
    let used = process.cpu()?.saturating_sub(before);
    ensure!(outcome.refused == 0, "{} answers were not 200", outcome.refused);
    Ok((outcome.answered.count() as f64 / used.as_secs_f64(), outcome))
}

/// The rate of two things done one after the other.
fn together(one: f64, other: f64) -> f64 {
    1.0 / (1.0 / one + 1.0 / other)
}

fn get(path: &str) -> request::Builder {
    Request::get(path).header(header::HOST, "localhost")
}

fn endlessly(asked: &Asked) -> Vec<Script> {
    iter::repeat_with(|| repeating(asked)).take(CONNECTIONS).collect()
}

fn repeating(asked: &Asked) -> Script {
    Box::new(iter::repeat(asked.clone()))
}

fn sign_in(number: usize) -> anyhow::Result<Asked> {
    let body = json!({ "username": user(number).0, "password": PASSWORD }).to_string();
    let request = Request::post("/identity-service/api/v1/Login").header(header::HOST, "localhost");
    Ok(request.header(header::CONTENT_TYPE, "application/json").body(Full::from(body))?)
}

fn bearer(token: &str, org: &str) -> anyhow::Result<Asked> {
    let request = get("/gate").header(header::AUTHORIZATION, format!("Bearer {token}"));
    Ok(request.header("x-infa-org-id", org).body(Full::default())?)
}

fn text(answer: &Value, field: &str) -> anyhow::Result<String> {
    let value = answer.get(field).and_then(Value::as_str);
    Ok(value.with_context(|| format!("the answer has no {field}"))?.to_owned())
}
