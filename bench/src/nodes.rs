//! Three nodes on PostgreSQL: what one of them answers beside SQLite, and how soon the others refuse what it has ended.

use std::ffi::OsStr;
use std::fs;
use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use http::{Request, StatusCode, header};
use http_body_util::Full;

use crate::gauge::{self, endlessly};
use crate::load::{self, Asked, Client, Spread};
use crate::place::{
    CONNECTIONS, Door, Place, SESSION, TOKEN, USER, ask, bearer, seeds, text, user, with_session,
};
use crate::postgres::Postgres;
use crate::report::{Row, Target, Timing, ms, progress};
use crate::run::Run;
use crate::server_process::ServerProcess;

/// How much of the rate on SQLite has to be left.
const LEFT: f64 = 0.90;

/// Within what every other node refuses a session, and within what nearly always, in milliseconds.
const BOUND_MS: f64 = 1_000.0;
const NEARLY_ALWAYS_MS: f64 = 300.0;

/// A node that still accepts after this never refuses.
const PATIENCE: Duration = Duration::from_secs(10);

const OPERATIONS: [(&str, &str); 3] = [
    ("T11.mint", "jwt/Token on PostgreSQL, one node of three"),
    ("T11.check", "session/User on PostgreSQL, one node of three"),
    ("T11.seen", "/gate, JWT seen before, on PostgreSQL, one node of three"),
];

/// T11, beside SQLite in the same run.
pub async fn measure(run: &mut Run<'_>) -> anyhow::Result<()> {
    progress("SQLite, for PostgreSQL to be compared with");
    let place = Place::seeded(&run.settings.server, &run.folder.join("alone"))?;
    let process = place.start(&[])?;
    let alone = rates(&process, run).await?;
    ensure!(process.end()?.success(), "the server did not end cleanly");

    progress("three nodes on PostgreSQL");
    let database = Postgres::start()?;
    run.report.limits.push(("PostgreSQL, one question and its answer".to_owned(), database.round_trip()?));
    let nodes = [node(run, &database, 0)?, node(run, &database, 1)?, node(run, &database, 2)?];
    let [first, ..] = &nodes;
    let shared = rates(first, run).await?;
    for (((id, what), limit), (rate, timing)) in OPERATIONS.into_iter().zip(alone).zip(shared) {
        run.report.rows.push(Row {
            id: id.to_owned(),
            what: what.to_owned(),
            unit: "/CPU-s",
            rate,
            limit: limit.0,
            target: Target::AtLeast(LEFT),
            timing: Some(timing),
        });
    }
    revocations(&nodes, run).await?;
    for node in nodes {
        ensure!(node.end()?.success(), "a node did not end cleanly");
    }
    Ok(())
}

/// A node with a folder of its own; the first one brings the users.
fn node(run: &Run<'_>, database: &Postgres, number: usize) -> anyhow::Result<ServerProcess> {
    let folder = run.folder.join(format!("node-{number}"));
    fs::create_dir_all(&folder)?;
    let (url, seed) = (database.url(), folder.join("seed.toml"));
    fs::write(&seed, seeds(CONNECTIONS))?;
    let place = Place { server: &run.settings.server, folder };
    let mut arguments = vec![OsStr::new("--store"), OsStr::new(&url)];
    if number == 0 {
        arguments.extend([OsStr::new("--seed"), seed.as_os_str()]);
    }
    place.start(&arguments)
}

/// The rates of a live session, per CPU-second of the node.
async fn rates(process: &ServerProcess, run: &Run<'_>) -> anyhow::Result<Vec<(f64, Timing)>> {
    let answer = ask(process, Door::V1.sign_in(&user(0))?).await?;
    let (session, org) = (text(&answer, "sessionId")?, text(&answer, "orgId")?);
    let mint = with_session(TOKEN, &session)?;
    let token = text(&ask(process, mint.clone()).await?, "jwt_token")?;
    let mut rates = Vec::new();
    for asked in [mint, with_session(USER, &session)?, bearer(&token, &org)?] {
        let what = asked.uri().path().to_owned();
        load::run(process.address(), endlessly(&asked), Duration::from_millis(500)).await?;
        let gauged = gauge::closed(process, &what, run.duration, endlessly(&asked)).await?;
        rates.push((gauged.rate, gauged.timing));
    }
    Ok(rates)
}

/// Sessions that one node ends, until the others refuse them.
async fn revocations([first, second, third]: &[ServerProcess; 3], run: &mut Run<'_>) -> anyhow::Result<()> {
    let rounds = if run.settings.quick { 30 } else { 120 };
    progress("sessions that one node ends and the others refuse");
    let mut took = Spread::default();
    for round in 0..rounds {
        let answer = ask(first, Door::V1.sign_in(&user(round % CONNECTIONS))?).await?;
        let session = text(&answer, "sessionId")?;
        let asked = with_session(USER, &session)?;
        for other in [second, third] {
            ask(other, asked.clone()).await?;
        }
        let (status, _) = Client::connect(first.address()).await?.ask(log_out(&session)?).await?;
        ensure!(status.is_success(), "a log out answered {status}");
        let ended = Instant::now();
        // Both at once, so that neither hides how late the other is.
        let refusals = tokio::join!(refused(second, &asked, ended), refused(third, &asked, ended));
        took.add(refusals.0?);
        took.add(refusals.1?);
    }
    let count = took.count();
    let what = format!("ended on one node, refused by the others, the slowest of {count}");
    let mut slowest = Row::at_most("T11.refused", &what, "ms", (ms(took.percentile(1.0)), BOUND_MS));
    slowest.timing = Some(Timing::one_by_one(&took));
    let p99 = (ms(took.percentile(0.99)), NEARLY_ALWAYS_MS);
    let p99 = Row::at_most("T11.refused.p99", "ended on one node, refused by the others, p99", "ms", p99);
    run.report.rows.extend([slowest, p99]);
    Ok(())
}

async fn refused(node: &ServerProcess, asked: &Asked, ended: Instant) -> anyhow::Result<Duration> {
    let mut client = Client::connect(node.address()).await?;
    while ended.elapsed() < PATIENCE {
        let (status, _) = client.ask(asked.clone()).await?;
        let took = ended.elapsed();
        match status {
            StatusCode::OK => tokio::time::sleep(Duration::from_millis(1)).await,
            StatusCode::UNAUTHORIZED => return Ok(took),
            other => bail!("a session that was ended elsewhere answered {other}"),
        }
    }
    bail!("a node accepts a session {} s after another has ended it", PATIENCE.as_secs())
}

fn log_out(session: &str) -> anyhow::Result<Asked> {
    let request = Request::post("/identity-service/api/v1/Logout").header(header::HOST, "localhost");
    Ok(request.header(SESSION, session).body(Full::default())?)
}
