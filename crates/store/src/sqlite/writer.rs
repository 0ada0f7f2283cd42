//! The one thread that writes: it takes what is waiting and commits it together, because a commit costs one wait for the
//! disk however much is in it.

use super::connection::{self, failure, run};
use super::log::{self, Log, State};
use crate::db::{DbError, Durability, Outcome, Statement};
use rusqlite::{Connection, Error, Row};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use tokio::sync::oneshot;

/// More than this is left to the next commit, so that nobody waits long for the company he is in.
const LARGEST_BATCH: usize = 256;

/// What the writer can be given to do.
pub enum Work {
    /// Statements that happen together or not at all.
    Write(Request),
    /// Anything that needs the writer's own connection, outside of a transaction.
    Job(Box<dyn FnOnce(&mut Writer) + Send>),
}

/// One write, and where its answer goes.
pub struct Request {
    pub statements: Vec<Statement>,
    pub durability: Durability,
    pub answer: oneshot::Sender<Answer>,
}

type Answer = Result<Vec<Outcome>, DbError>;

/// The writer and the only connection that may write.
pub struct Writer {
    pub connection: Connection,
    /// A database in memory has none.
    pub log: Option<Log>,
    /// Whether something was written durably since this was last taken away.
    pub proven: Arc<AtomicBool>,
    /// The disk failed in a commit, so the end of the log may be in memory and nowhere else.
    pub suspect: bool,
    pub state: Arc<State>,
}

impl Writer {
    /// Works until nobody can ask for anything any more.
    pub fn serve(mut self, work: &Receiver<Work>) {
        while let Ok(first) = work.recv() {
            let mut next = Some(first);
            while let Some(now) = next.take() {
                match now {
                    // A job that panics must not take the writer with it; its caller hears that nobody answers.
                    Work::Job(job) => drop(catch_unwind(AssertUnwindSafe(|| job(&mut self)))),
                    Work::Write(first) => next = self.commit_with_those_waiting(first, work),
                }
            }
        }
        if !self.checkpoint() {
            tracing::warn!("the log could not be emptied into the database; the next start does it");
        }
        log::leave(self.connection, &self.state);
    }

    /// Commits a request and those behind it; answers the job that stood between them.
    fn commit_with_those_waiting(&mut self, first: Request, work: &Receiver<Work>) -> Option<Work> {
        let mut batch = vec![first];
        let mut next = None;
        while batch.len() < LARGEST_BATCH && next.is_none() {
            match work.try_recv() {
                Ok(Work::Write(request)) => batch.push(request),
                Ok(job) => next = Some(job),
                Err(_) => break,
            }
        }
        self.commit(batch);
        next
    }

    // A request is carried out even when its caller has gone: whoever hangs up must not undo the counting of his attempt.
    fn commit(&mut self, batch: Vec<Request>) {
        let answers = self.attempt(&batch).unwrap_or_else(|error| {
            self.proven.store(false, Ordering::Relaxed);
            vec![Err(error); batch.len()]
        });
        for (request, answer) in batch.into_iter().zip(answers) {
            drop(request.answer.send(answer));
        }
        if let Some(log) = &mut self.log {
            log.tend(&self.connection);
        }
    }

    /// One transaction with a savepoint for each request; an error means that none of them happened.
    fn attempt(&mut self, batch: &[Request]) -> Result<Vec<Answer>, DbError> {
        let durable = batch.iter().any(|request| request.durability == Durability::Durable);
        self.start()?;
        let answers = batch.iter().map(|request| self.carry_out(request)).collect::<Result<Vec<_>, _>>();
        let answers = answers.and_then(|answers| self.finish().map(|()| answers));
        if answers.is_err() {
            self.abandon()?;
        }
        let answers = answers?;
        let refused = answers.iter().any(|answer| matches!(answer, Err(DbError::Unavailable(_))));
        let written = answers.iter().flatten().flatten().any(|outcome| outcome.changed > 0);
        if durable {
            self.sync()?;
        }
        if refused || durable && written {
            self.proven.store(!refused, Ordering::Relaxed);
        }
        Ok(answers)
    }

    fn start(&mut self) -> Result<(), DbError> {
        self.abandon()?;
        self.suspect = self.suspect && !self.checkpoint();
        let wrong = match (self.state.is_broken(), self.suspect) {
            (true, _) => "the disk of the database failed; start the service anew",
            (false, true) => "the disk failed, and what it has missed cannot be repeated yet",
            (false, false) => return self.command("BEGIN IMMEDIATE").map_err(failure),
        };
        Err(DbError::Unavailable(wrong.into()))
    }

    /// The answer to one request; the error is one that took the whole transaction with it.
    fn carry_out(&self, request: &Request) -> Result<Answer, DbError> {
        self.command("SAVEPOINT request").map_err(failure)?;
        let answer: Answer =
            request.statements.iter().map(|statement| run(&self.connection, statement)).collect();
        if let Err(error) = &answer {
            if self.connection.is_autocommit() {
                return Err(DbError::Unavailable(error.to_string()));
            }
            self.command("ROLLBACK TO request").map_err(failure)?;
        }
        self.command("RELEASE request").map_err(failure)?;
        Ok(answer)
    }

    fn finish(&mut self) -> Result<(), DbError> {
        self.command("COMMIT").map_err(|error| {
            self.suspect = connection::is_of_the_disk(&error);
            DbError::Unavailable(error.to_string())
        })
    }

    /// Waits until what was committed is on disk.
    fn sync(&mut self) -> Result<(), DbError> {
        let synced = self.log.as_mut().map_or(Ok(()), Log::sync);
        synced.map_err(|error| {
            // A kernel reports a failed write-back once and then believes the pages are clean. Later commits would stand
            // behind a gap, so everything goes into the database file before anything else is acknowledged.
            self.suspect = true;
            DbError::Unavailable(error.to_string())
        })
    }

    /// Ends a transaction that could not be finished, if there is one.
    fn abandon(&self) -> Result<(), DbError> {
        if self.connection.is_autocommit() { Ok(()) } else { self.command("ROLLBACK").map_err(failure) }
    }

    /// Moves the whole log into the database file, on disk; whether that was possible.
    pub fn checkpoint(&self) -> bool {
        let busy = |row: &Row<'_>| Ok(row.get::<_, i64>(0)? == 0);
        !self.state.is_broken()
            && self.state.told(self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], busy))
    }

    fn command(&self, text: &'static str) -> Result<(), Error> {
        self.connection.prepare_cached(text)?.raw_execute().map(drop)
    }
}
