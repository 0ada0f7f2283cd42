//! Somebody else at the PostgreSQL database of a world, who holds locks and sees who waits for them.

use crate::private_postgres;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(10);

/// Somebody else at the database of a world.
pub struct Bystander {
    psql: Child,
    said: BufReader<ChildStdout>,
}

impl Bystander {
    pub fn at(url: &str) -> Self {
        let mut psql = Command::new(private_postgres::programs().join("psql"));
        psql.args([url, "--no-psqlrc", "--quiet", "--tuples-only", "--no-align"]);
        let mut psql = psql.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let said = BufReader::new(psql.stdout.take().unwrap());
        Self { psql, said }
    }

    pub fn asks(&mut self, statements: &str) {
        writeln!(self.psql.stdin.as_mut().unwrap(), "{statements}; \\echo that was all").unwrap();
    }

    /// The first line of the answer.
    pub fn hears(&mut self) -> String {
        let mut lines = self.said.by_ref().lines().map(Result::unwrap);
        let lines: Vec<_> = lines.by_ref().take_while(|line| line != "that was all").collect();
        lines.into_iter().next().unwrap_or_default()
    }

    pub fn does(&mut self, statements: &str) -> String {
        self.asks(statements);
        self.hears()
    }

    /// Waits until so many connections wait for a lock.
    pub async fn sees_waiting(&mut self, count: usize) {
        let question =
            "SELECT COUNT(*) FROM pg_stat_activity WHERE usename = current_user AND wait_event_type = 'Lock'";
        let all = timeout(PATIENCE, async {
            while self.does(question) != count.to_string() {
                drop(timeout(Duration::from_millis(5), std::future::pending::<()>()).await);
            }
        });
        assert!(all.await.is_ok(), "{count} are to wait");
    }
}

impl Drop for Bystander {
    fn drop(&mut self) {
        let _ = self.psql.kill();
        let _ = self.psql.wait();
    }
}
