//! A live session: what it mints, what it is asked for, and what its tokens are.

use http_body_util::Full;

use crate::gauge::{self, Gauged, endlessly};
use crate::load::{Asked, Client, Script};
use crate::place::{CONNECTIONS, Door, SESSION, TOKEN, USER, ask, bearer, get, text, user, with_session};
use crate::plan::Line;
use crate::report::progress;
use crate::run::{Aim, Run};
use crate::server_process::ServerProcess;

const FRESH_TOKENS: usize = 20_000;

/// T2 to T4, as far as they are asked for.
pub async fn measure(process: &ServerProcess, run: &mut Run<'_>) -> anyhow::Result<()> {
    let answer = ask(process, Door::V1.sign_in(&user(0))?).await?;
    let owner = Owner { process, session: text(&answer, "sessionId")?, org: text(&answer, "orgId")? };
    for (line, done) in [
        (Line::T2, owner.mints(run).await),
        (Line::T3, owner.is_asked_for(run).await),
        (Line::T4, owner.shows_tokens(run).await),
    ] {
        run.note(line, done);
    }
    Ok(())
}

/// Whoever has a session.
struct Owner<'a> {
    process: &'a ServerProcess,
    session: String,
    org: String,
}

impl Owner<'_> {
    async fn mints(&self, run: &mut Run<'_>) -> anyhow::Result<()> {
        if !run.settings.wants(Line::T2) {
            return Ok(());
        }
        let limit = one_after_the_other(run.bare, run.limits.sign.per_cpu_second);
        let aim = Aim { id: "T2", what: "jwt/Token, live session, ES256", limit, least: 0.80 };
        self.over_and_over(aim, &with_session(TOKEN, &self.session)?, run).await
    }

    async fn is_asked_for(&self, run: &mut Run<'_>) -> anyhow::Result<()> {
        if !run.settings.wants(Line::T3) {
            return Ok(());
        }
        let aim = Aim { id: "T3.user", what: "session/User", limit: run.bare, least: 0.75 };
        self.over_and_over(aim, &with_session(USER, &self.session)?, run).await?;
        let aim = Aim { id: "T3.gate", what: "/gate, session id", limit: run.bare, least: 0.75 };
        let gate = get("/gate").header(SESSION, &self.session).body(Full::default())?;
        self.over_and_over(aim, &gate, run).await
    }

    async fn shows_tokens(&self, run: &mut Run<'_>) -> anyhow::Result<()> {
        if !run.settings.wants(Line::T4) {
            return Ok(());
        }
        let token = ask(self.process, with_session(TOKEN, &self.session)?).await?;
        let seen = Aim { id: "T4.seen", what: "/gate, JWT seen before", limit: run.bare, least: 0.75 };
        self.over_and_over(seen, &bearer(&text(&token, "jwt_token")?, &self.org)?, run).await?;
        let limit = one_after_the_other(run.bare, run.limits.verify.per_cpu_second);
        let fresh = Aim { id: "T4.first", what: "/gate, JWT for the first time", limit, least: 0.85 };
        progress(fresh.what);
        let scripts = self.fresh_tokens().await?;
        let gauged = gauge::closed(self.process, fresh.what, run.duration, scripts).await?;
        run.reached(fresh, &gauged);
        Ok(())
    }

    async fn over_and_over(&self, aim: Aim, asked: &Asked, run: &mut Run<'_>) -> anyhow::Result<()> {
        progress(aim.what);
        let gauged: Gauged =
            gauge::both(self.process, aim.what, run.duration, || Ok(endlessly(asked))).await?;
        run.reached(aim, &gauged);
        Ok(())
    }

    /// Each connection gets tokens that nobody has presented.
    async fn fresh_tokens(&self) -> anyhow::Result<Vec<Script>> {
        let mint = with_session(TOKEN, &self.session)?;
        let mut client = Client::connect(self.process.address()).await?;
        let mut scripts: Vec<Script> = Vec::new();
        for _ in 0..CONNECTIONS {
            let mut script = Vec::new();
            for _ in 0..FRESH_TOKENS / CONNECTIONS {
                let (_, body) = client.ask(mint.clone()).await?;
                let token = text(&serde_json::from_slice(&body)?, "jwt_token")?;
                script.push(bearer(&token, &self.org)?);
            }
            scripts.push(Box::new(script.into_iter()));
        }
        Ok(scripts)
    }
}

/// The rate of two things done one after the other.
pub fn one_after_the_other(one: f64, other: f64) -> f64 {
    1.0 / (1.0 / one + 1.0 / other)
}
