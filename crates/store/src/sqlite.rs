//! SQLite in this process: one thread that writes, four that read, one that empties the log; one file.

mod backup;
mod chain;
mod connection;
mod log;
mod snapshot;
mod writer;

pub(crate) use connection::failure;
pub use snapshot::Snapshot;

use crate::db::{Db, DbError, Durability, Outcome, Row, Statement, sql};
use crate::migrate::{self, MigrateError, Migration};
use async_trait::async_trait;
use log::{Log, State};
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};
use tokio::sync::oneshot;
use writer::{Request, Work, Writer};

/// The name of the database in its folder.
pub const FILE: &str = "latchkey.db";

/// How many threads read.
const READERS: usize = 4;

/// How many requests may wait for a thread. Beyond that a caller is refused at once, rather than later and out of memory.
const QUEUE: usize = 4096;

/// A SQLite database. Its threads end when it is closed or dropped.
///
/// ```
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// use store::db::{Db, Durability, sql};
/// let db = store::sqlite::Sqlite::memory()?;
/// db.write(vec![sql("CREATE TABLE name (name TEXT)")], Durability::Durable).await?;
/// db.write(vec![sql("INSERT INTO name VALUES ($1)").bind("ada")], Durability::Durable).await?;
/// assert_eq!(db.read(sql("SELECT name FROM name")).await?[0].text(0)?, "ada");
/// # Ok::<_, store::db::DbError>(()) }).unwrap();
/// ```
pub struct Sqlite {
    /// `None` is a database in memory.
    file: Option<PathBuf>,
    threads: Mutex<Option<Threads>>,
    proven: Arc<AtomicBool>,
}

struct Threads {
    writer: Crew<Work>,
    /// A database in memory has none: its one connection is the writer's.
    readers: Option<Crew<Question>>,
    /// Empties the log.
    emptier: Option<Crew<()>>,
}

/// Threads, and the way to give them something to do.
struct Crew<T> {
    door: SyncSender<T>,
    members: Vec<JoinHandle<()>>,
}

struct Question {
    statement: Statement,
    answer: oneshot::Sender<Result<Vec<Row>, DbError>>,
}

impl Sqlite {
    /// Opens `latchkey.db` in this folder, and makes both, readable for their owner alone, when they are missing.
    ///
    /// # Errors
    /// [`DbError::Unavailable`] when the folder cannot be written, [`DbError::Corrupt`] when the file is something else.
    pub fn open(folder: &Path) -> Result<Self, DbError> {
        let file = connection::private_folder(folder)?.join(FILE);
        let (mut writer, connection) = (connection::writer(&file)?, connection::writer(&file)?);
        let state = Arc::<State>::default();
        let emptier = Crew::hire("store-log", vec![(connection, Arc::clone(&state))], log::serve)?;
        let log = Some(Log::of(&mut writer, &file, emptier.door.clone(), Arc::clone(&state))?);
        let readers = (0..READERS).map(|_| connection::reader(&file)).collect::<Result<Vec<_>, _>>()?;
        let readers = Crew::hire("store-reader", readers, |reader, questions| serve(&reader, questions))?;
        let proven = Arc::default();
        let writer = Writer { connection: writer, log, proven: Arc::clone(&proven), suspect: false, state };
        let threads = Threads { writer: write(writer)?, readers: Some(readers), emptier: Some(emptier) };
        Ok(Self { file: Some(file), threads: Mutex::new(Some(threads)), proven })
    }

    /// A database in memory that is gone when this is dropped.
    ///
    /// # Errors
    /// [`DbError::Unavailable`] when there is no memory or no thread to be had.
    pub fn memory() -> Result<Self, DbError> {
        let proven = Arc::default();
        let connection = connection::memory()?;
        let writer = Writer {
            connection,
            log: None,
            proven: Arc::clone(&proven),
            suspect: false,
            state: Arc::default(),
        };
        let threads = Threads { writer: write(writer)?, readers: None, emptier: None };
        Ok(Self { file: None, threads: Mutex::new(Some(threads)), proven })
    }

    /// Gives the writer a job on its own connection, outside of a transaction.
    async fn ask<T, E>(&self, job: impl FnOnce(&mut Writer) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        self.give(Work::Job(Box::new(move |writer| drop(answer.send(job(writer))))))?;
        answered.await.unwrap_or_else(|_| Err(closed().into()))
    }

    fn give(&self, work: Work) -> Result<(), DbError> {
        lock(&self.threads).as_ref().ok_or_else(closed)?.writer.give(work)
    }
}

#[async_trait]
impl Db for Sqlite {
    async fn read(&self, statement: Statement) -> Result<Vec<Row>, DbError> {
        if self.file.is_none() {
            return self.ask(move |writer| connection::fetch(&writer.connection, &statement)).await;
        }
        let (answer, answered) = oneshot::channel();
        let readers =
            |threads: &Threads| Some(threads.readers.as_ref()?.give(Question { statement, answer }));
        lock(&self.threads).as_ref().and_then(readers).unwrap_or_else(|| Err(closed()))?;
        answered.await.unwrap_or_else(|_| Err(closed()))
    }

    async fn write(
        &self,
        statements: Vec<Statement>,
        durability: Durability,
    ) -> Result<Vec<Outcome>, DbError> {
        let (answer, answered) = oneshot::channel();
        self.give(Work::Write(Request { statements, durability, answer }))?;
        answered.await.unwrap_or_else(|_| Err(closed()))
    }

    async fn migrate(&self, migrations: &'static [Migration], applied_at: i64) -> Result<(), MigrateError> {
        self.ask(move |writer| migrate::run(&mut writer.connection, migrations, applied_at)).await
    }

    async fn backup(&self, to: &Path) -> Result<(), DbError> {
        let to = to.to_owned();
        let Some(file) = self.file.clone() else {
            return self.ask(move |writer| backup::copy(&writer.connection, &to)).await;
        };
        // A connection of its own: a long copy keeps neither a reader nor the writer from their work.
        let copy = tokio::task::spawn_blocking(move || backup::copy(&connection::reader(&file)?, &to));
        copy.await.unwrap_or_else(|_| Err(closed()))
    }

    async fn snapshot(&self) -> Result<Snapshot, DbError> {
        self.ask(|writer| Snapshot::of(&writer.connection)).await
    }

    async fn restore(&self, snapshot: &Snapshot) -> Result<(), DbError> {
        let snapshot = snapshot.clone();
        self.ask(move |writer| snapshot.put_into(&mut writer.connection)).await
    }

    // SQLite counts what other connections have written, and only the writer's connection writes in this process.
    async fn changes_elsewhere(&self) -> Result<i64, DbError> {
        self.ask(|writer| {
            writer.connection.pragma_query_value(None, "data_version", |row| row.get(0)).map_err(failure)
        })
        .await
    }

    // A full disk shows in nothing but a write. A busy service proves it all the time; an idle one, and one whose last
    // write was refused, rewrites a number that nobody reads.
    async fn ready(&self) -> Result<(), DbError> {
        self.read(sql("SELECT COUNT(*) FROM sqlite_schema")).await?;
        if !self.proven.swap(false, Ordering::Relaxed) {
            self.write(vec![sql("PRAGMA user_version = 1")], Durability::Durable).await?;
        }
        Ok(())
    }

    async fn close(&self) {
        let threads = lock(&self.threads).take();
        if let Some(Threads { writer, readers, emptier }) = threads {
            // The last connection to leave empties the log and removes it; the writer asks until then to have it emptied.
            let leave = move || {
                readers.into_iter().for_each(Crew::dismiss);
                writer.dismiss();
                emptier.into_iter().for_each(Crew::dismiss);
            };
            drop(tokio::task::spawn_blocking(leave).await);
        }
    }
}

impl<T: Send + 'static> Crew<T> {
    /// Starts one thread for each tool; they share one queue.
    fn hire<Tool: Send + 'static>(
        name: &str,
        tools: Vec<Tool>,
        serve: fn(Tool, &Mutex<Receiver<T>>),
    ) -> Result<Self, DbError> {
        let (door, queue) = sync_channel(QUEUE);
        let queue = Arc::new(Mutex::new(queue));
        let start = |tool| {
            let queue = Arc::clone(&queue);
            Builder::new().name(name.to_owned()).spawn(move || serve(tool, &queue))
        };
        let members = tools.into_iter().map(start).collect::<Result<_, _>>();
        Ok(Self { door, members: members.map_err(|error| DbError::Unavailable(error.to_string()))? })
    }

    fn give(&self, work: T) -> Result<(), DbError> {
        self.door.try_send(work).map_err(|refused| match refused {
            TrySendError::Full(_) => {
                DbError::Unavailable("too many requests are waiting for the database".into())
            }
            TrySendError::Disconnected(_) => closed(),
        })
    }

    /// Closes the door, and waits until the queue is empty and everybody has left.
    fn dismiss(self) {
        drop(self.door);
        for member in self.members {
            drop(member.join());
        }
    }
}

/// Starts the one thread that writes.
fn write(writer: Writer) -> Result<Crew<Work>, DbError> {
    Crew::hire("store-writer", vec![writer], |writer, work| writer.serve(&lock(work)))
}

/// Answers questions until nobody can ask any more; one whose caller has gone is left out.
fn serve(reader: &Connection, questions: &Mutex<Receiver<Question>>) {
    loop {
        let next = lock(questions).recv();
        let Ok(Question { statement, answer }) = next else { return };
        if !answer.is_closed() {
            drop(answer.send(connection::fetch(reader, &statement)));
        }
    }
}

/// What a lock guards here is whole even if its holder died.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn closed() -> DbError {
    DbError::Unavailable("the database is closed".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use Durability::{Durable, Relaxed};
    use std::collections::BTreeSet;
    use std::sync::mpsc;
    use tempfile::TempDir;

    const INSERT: &str = "INSERT INTO name (id, name) VALUES ($1, $2)";

    async fn with_table(db: Sqlite) -> Sqlite {
        let table = "CREATE TABLE name (id BIGINT PRIMARY KEY, name TEXT NOT NULL UNIQUE, count BIGINT NOT NULL DEFAULT 0)";
        let child = "CREATE TABLE child (id BIGINT NOT NULL REFERENCES name (id))";
        db.write(vec![sql(table), sql(child)], Durable).await.unwrap();
        db
    }

    async fn on_disk() -> (TempDir, Sqlite) {
        let folder = tempfile::tempdir().unwrap();
        let db = with_table(Sqlite::open(folder.path()).unwrap()).await;
        (folder, db)
    }

    async fn in_memory() -> Sqlite {
        with_table(Sqlite::memory().unwrap()).await
    }

    /// The same database twice, in a folder and in memory.
    async fn both() -> (TempDir, [Sqlite; 2]) {
        let (folder, db) = on_disk().await;
        (folder, [db, in_memory().await])
    }

    fn insert(id: i64, name: &str) -> Statement {
        sql(INSERT).bind(id).bind(name)
    }

    async fn names(db: &Sqlite) -> Vec<String> {
        let rows = db.read(sql("SELECT name FROM name ORDER BY id")).await.unwrap();
        rows.iter().map(|row| row.text(0).unwrap().to_owned()).collect()
    }

    async fn pragma(db: &Sqlite, text: &'static str) {
        db.ask(move |writer| writer.connection.execute_batch(text).map_err(failure)).await.unwrap();
    }

    /// Keeps the writer busy until the answer is dropped, so that requests gather behind it.
    async fn hold(db: &Sqlite) -> mpsc::Sender<()> {
        let (release, released) = mpsc::channel::<()>();
        let (start, started) = oneshot::channel();
        let job = move |_: &mut Writer| {
            start.send(()).unwrap();
            released.recv().unwrap_or_default();
        };
        db.give(Work::Job(Box::new(job))).unwrap();
        started.await.unwrap();
        release
    }

    fn is_unavailable<T>(result: &Result<T, DbError>) -> bool {
        matches!(result, Err(DbError::Unavailable(_)))
    }

    #[tokio::test]
    async fn what_was_acknowledged_is_there_after_reopening_and_nothing_else() {
        let (folder, db) = on_disk().await;
        let db = Arc::new(db);
        let write = |id: i64| {
            let db = Arc::clone(&db);
            let durability = if id % 3 == 0 { Relaxed } else { Durable };
            // Ten ids are taken twice.
            tokio::spawn(
                async move { (id, db.write(vec![insert(id % 90, &id.to_string())], durability).await) },
            )
        };
        let mut acknowledged = BTreeSet::new();
        for task in (0..100).map(write).collect::<Vec<_>>() {
            let (id, result) = task.await.unwrap();
            match result {
                Ok(_) => assert!(acknowledged.insert(id.to_string())),
                Err(error) => assert_eq!(error, DbError::Conflict),
            }
        }
        drop(db);
        let again = Sqlite::open(folder.path()).unwrap();
        assert_eq!(names(&again).await.into_iter().collect::<BTreeSet<_>>(), acknowledged);
        assert_eq!(acknowledged.len(), 90);
    }

    #[tokio::test]
    async fn a_statement_that_must_change_and_does_not_takes_all_with_it() {
        let (_folder, both) = both().await;
        for db in both {
            let nobody = sql("UPDATE name SET name = $2 WHERE id = $1").bind(7_i64).bind("eve");
            let outcomes = db.write(vec![insert(1, "ada"), nobody.clone()], Durable).await.unwrap();
            assert_eq!(outcomes.iter().map(|outcome| outcome.changed).collect::<Vec<_>>(), [1, 0]);
            let refused = db.write(vec![insert(2, "bob"), nobody.must_change()], Durable).await;
            assert_eq!(refused, Err(DbError::Unchanged));
            assert_eq!(names(&db).await, ["ada"]);
        }
    }

    #[tokio::test]
    async fn a_question_can_be_a_condition() {
        let db = in_memory().await;
        let there = |id: i64| sql("SELECT 1 FROM name WHERE id = $1").bind(id).must_change();
        db.write(vec![insert(1, "ada")], Durable).await.unwrap();
        let outcomes = db.write(vec![there(1), insert(2, "bob")], Durable).await.unwrap();
        assert_eq!(
            outcomes.iter().map(|outcome| (outcome.changed, outcome.rows.len())).collect::<Vec<_>>(),
            [(0, 1), (1, 0)]
        );
        assert_eq!(db.write(vec![there(3), insert(4, "eve")], Durable).await, Err(DbError::Unchanged));
        assert_eq!(names(&db).await, ["ada", "bob"]);
    }

    #[tokio::test]
    async fn a_key_that_is_taken_or_points_nowhere_is_a_conflict() {
        let db = in_memory().await;
        db.write(vec![insert(1, "ada")], Durable).await.unwrap();
        let orphan = sql("INSERT INTO child VALUES ($1)").bind(9_i64);
        for statement in [insert(1, "bob"), insert(2, "ada"), orphan] {
            assert_eq!(db.write(vec![statement], Durable).await, Err(DbError::Conflict));
        }
        let nameless = db.write(vec![sql(INSERT).bind(3_i64).bind(None::<&str>)], Durable).await;
        assert_eq!(nameless, Err(DbError::Corrupt("NOT NULL constraint failed: name.name".into())));
    }

    #[tokio::test]
    async fn a_request_that_fails_does_not_hurt_its_neighbours() {
        let (_folder, db) = on_disk().await;
        let held = hold(&db).await;
        let (first, second, third, ()) = tokio::join!(
            db.write(vec![insert(1, "ada")], Durable),
            db.write(vec![insert(2, "bob"), insert(1, "eve")], Relaxed),
            db.write(vec![insert(3, "joe")], Durable),
            async { drop(held) }
        );
        assert_eq!((first.is_ok(), second, third.is_ok()), (true, Err(DbError::Conflict), true));
        assert_eq!(names(&db).await, ["ada", "joe"]);
    }

    #[tokio::test]
    async fn a_failure_that_ends_the_transaction_is_told_to_everybody_in_it() {
        let (_folder, db) = on_disk().await;
        db.write(vec![insert(1, "ada")], Durable).await.unwrap();
        let held = hold(&db).await;
        let rollback = sql("INSERT OR ROLLBACK INTO name (id, name) VALUES (1, 'eve')");
        let (first, second, ()) = tokio::join!(
            db.write(vec![insert(2, "bob")], Durable),
            db.write(vec![rollback], Durable),
            async { drop(held) }
        );
        assert!(is_unavailable(&first) && is_unavailable(&second));
        db.write(vec![insert(3, "joe")], Durable).await.unwrap();
        assert_eq!(names(&db).await, ["ada", "joe"]);
    }

    #[tokio::test]
    async fn parameters_go_by_the_number_in_their_name() {
        let db = in_memory().await;
        let statement = sql("SELECT $2, $1, $3, $1").bind("one").bind("two").bind("three");
        let rows = db.read(statement).await.unwrap();
        let texts = (0..4).map(|column| rows[0].text(column).unwrap()).collect::<Vec<_>>();
        assert_eq!(texts, ["two", "one", "three", "one"]);
    }

    #[tokio::test]
    async fn parameters_that_do_not_fit_the_statement_are_refused() {
        let db = in_memory().await;
        let misfit = Err(DbError::Corrupt("a statement and its parameters do not fit together".into()));
        assert_eq!(db.read(sql("SELECT $1")).await, misfit);
        assert_eq!(db.read(sql("SELECT $1").bind(1_i64).bind(2_i64)).await, misfit);
        assert_eq!(db.read(sql("SELECT $2").bind(1_i64)).await, misfit);
        assert_eq!(db.read(sql("SELECT $0").bind(1_i64)).await, misfit);
        assert_eq!(db.read(sql("SELECT ?1").bind(1_i64)).await, misfit);
    }

    #[tokio::test]
    async fn forty_at_once_count_to_forty() {
        let (_folder, db) = on_disk().await;
        let db = Arc::new(db);
        db.write(vec![insert(1, "ada")], Durable).await.unwrap();
        let count = || {
            let db = Arc::clone(&db);
            let up = sql("UPDATE name SET count = count + 1 WHERE id = 1 RETURNING count").must_change();
            tokio::spawn(async move { db.write(vec![up], Durable).await.unwrap()[0].rows[0].int(0).unwrap() })
        };
        let mut seen = Vec::new();
        for task in (0..40).map(|_| count()).collect::<Vec<_>>() {
            seen.push(task.await.unwrap());
        }
        seen.sort_unstable();
        assert_eq!(seen, (1..=40).collect::<Vec<_>>());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_backup_while_others_write_is_consistent_and_opens() {
        let (folder, db) = on_disk().await;
        let (db, away) = (Arc::new(db), tempfile::tempdir().unwrap());
        let writing = tokio::spawn({
            let db = Arc::clone(&db);
            async move {
                for id in 0..2000 {
                    let pair = vec![
                        insert(2 * id, &format!("left {id}")),
                        insert(2 * id + 1, &format!("right {id}")),
                    ];
                    db.write(pair, Relaxed).await.unwrap();
                }
            }
        });
        let while_writing = away.path().join("while").join(FILE);
        let after = away.path().join("after").join(FILE);
        std::fs::create_dir_all(while_writing.parent().unwrap()).unwrap();
        std::fs::create_dir_all(after.parent().unwrap()).unwrap();
        db.backup(&while_writing).await.unwrap();
        writing.await.unwrap();
        db.backup(&after).await.unwrap();

        let early = names(&Sqlite::open(while_writing.parent().unwrap()).unwrap()).await.len();
        assert!(early.is_multiple_of(2) && early <= 4000);
        let late = Sqlite::open(after.parent().unwrap()).unwrap();
        assert_eq!(names(&late).await.len(), 4000);
        assert_eq!(late.read(sql("PRAGMA integrity_check")).await.unwrap()[0].text(0), Ok("ok"));
        drop(folder);
    }

    #[tokio::test]
    async fn a_backup_never_replaces_a_file_and_leaves_no_part_of_itself() {
        let (_folder, both) = both().await;
        for db in both {
            let away = tempfile::tempdir().unwrap();
            let to = away.path().join("copy.db");
            std::fs::write(&to, "precious").unwrap();
            let refused = Err(DbError::Unavailable(format!("{}: entity already exists", to.display())));
            assert_eq!(db.backup(&to).await, refused);
            assert_eq!(std::fs::read(&to).unwrap(), b"precious");
            db.backup(&away.path().join("other.db")).await.unwrap();
            assert!(is_unavailable(&db.backup(&away.path().join("missing").join("copy.db")).await));
            assert_eq!(std::fs::read_dir(away.path()).unwrap().count(), 2);
        }
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn files_are_for_their_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("new").join("data");
        let db = with_table(Sqlite::open(&folder).unwrap()).await;
        db.backup(&folder.join("copy.db")).await.unwrap();
        let files = ["latchkey.db", "latchkey.db-wal", "latchkey.db-shm", "copy.db"];
        assert_eq!(files.map(|file| mode(&folder.join(file))), [0o600; 4]);
        assert_eq!(mode(&folder), 0o700);

        db.close().await;
        std::fs::set_permissions(folder.join(FILE), PermissionsExt::from_mode(0o644)).unwrap();
        drop(Sqlite::open(&folder).unwrap());
        assert_eq!(mode(&folder.join(FILE)), 0o600);
    }

    #[tokio::test]
    async fn a_database_that_has_become_read_only_still_answers_and_is_not_ready() {
        let (_folder, db) = on_disk().await;
        db.write(vec![insert(1, "ada")], Durable).await.unwrap();
        pragma(&db, "PRAGMA query_only = ON").await;
        assert!(is_unavailable(&db.write(vec![insert(2, "bob")], Relaxed).await));
        assert!(is_unavailable(&db.ready().await));
        assert_eq!(names(&db).await, ["ada"]);
        pragma(&db, "PRAGMA query_only = OFF").await;
        assert_eq!(db.ready().await, Ok(()));
        db.write(vec![insert(2, "bob")], Durable).await.unwrap();
    }

    #[tokio::test]
    async fn a_full_disk_loses_nothing_and_is_over_when_there_is_room_again() {
        let (_folder, db) = on_disk().await;
        db.write(vec![insert(0, "ada")], Durable).await.unwrap();
        pragma(&db, "PRAGMA max_page_count = 1").await;
        let long = "x".repeat(100_000);
        let refused = db.write(vec![insert(1, "small"), insert(2, &long)], Durable).await;
        assert_eq!(refused, Err(DbError::Unavailable("database or disk is full".into())));
        assert_eq!(names(&db).await, ["ada"]);
        assert!(!db.proven.load(Ordering::Relaxed));
        pragma(&db, "PRAGMA max_page_count = 4294967294").await;
        db.write(vec![insert(2, &long)], Durable).await.unwrap();
        assert!(db.proven.load(Ordering::Relaxed));
    }

    #[tokio::test]
    async fn readiness_is_proven_by_a_durable_write_and_only_once_by_each() {
        let (_folder, db) = on_disk().await;
        assert_eq!(db.ready().await, Ok(()));
        pragma(&db, "PRAGMA query_only = ON").await;
        assert!(is_unavailable(&db.ready().await));
        pragma(&db, "PRAGMA query_only = OFF").await;
        db.write(vec![insert(1, "ada")], Relaxed).await.unwrap();
        let undone = vec![insert(2, "bob"), sql("DELETE FROM child").must_change()];
        assert_eq!(db.write(undone, Durable).await, Err(DbError::Unchanged));
        assert!(!db.proven.load(Ordering::Relaxed));
        db.write(vec![insert(2, "bob")], Durable).await.unwrap();
        assert!(db.proven.load(Ordering::Relaxed));
    }

    #[tokio::test]
    async fn after_a_failed_commit_nothing_is_acknowledged_before_the_log_is_safe() {
        let (folder, db) = on_disk().await;
        let other = connection::reader(&folder.path().join(FILE)).unwrap();
        db.write(vec![insert(1, "ada")], Durable).await.unwrap();
        other.execute_batch("BEGIN; SELECT COUNT(*) FROM name;").unwrap();
        let fail = |writer: &mut Writer| {
            writer.suspect = true;
            writer.connection.busy_timeout(std::time::Duration::ZERO).map_err(failure)
        };
        db.ask(fail).await.unwrap();
        assert!(is_unavailable(&db.write(vec![insert(2, "bob")], Durable).await));
        other.execute_batch("COMMIT").unwrap();
        db.write(vec![insert(3, "joe")], Durable).await.unwrap();
        assert_eq!(names(&db).await, ["ada", "joe"]);
    }

    /// Makes the log one that cannot be brought to disk, or mends it.
    async fn misplace(db: &Sqlite, log: PathBuf) {
        let misplace = |writer: &mut Writer| {
            if let Some(known) = &mut writer.log {
                known.misplaced(log);
            }
            Ok::<_, DbError>(())
        };
        db.ask(misplace).await.unwrap();
    }

    #[tokio::test]
    async fn only_a_batch_without_durable_requests_is_not_forced_to_disk() {
        let (folder, db) = on_disk().await;
        db.write(vec![insert(1, "ada")], Durable).await.unwrap();
        misplace(&db, folder.path().join("missing")).await;
        db.write(vec![insert(2, "bob")], Relaxed).await.unwrap();
        let held = hold(&db).await;
        let (first, second, ()) = tokio::join!(
            db.write(vec![insert(3, "joe")], Relaxed),
            db.write(vec![insert(4, "eve")], Durable),
            async { drop(held) }
        );
        assert!(is_unavailable(&first) && is_unavailable(&second) && is_unavailable(&db.ready().await));
        misplace(&db, folder.path().join("latchkey.db-wal")).await;
        db.write(vec![insert(5, "mia")], Durable).await.unwrap();
        assert_eq!((names(&db).await.len(), db.ready().await), (5, Ok(())));
    }

    #[tokio::test]
    async fn a_log_that_grows_faster_than_it_is_emptied_has_an_end() {
        let (folder, db) = on_disk().await;
        let long = "x".repeat(1_000_000);
        for id in 1..=40 {
            db.write(vec![insert(id, &format!("{long}{id}"))], Relaxed).await.unwrap();
        }
        let log = std::fs::metadata(folder.path().join("latchkey.db-wal")).unwrap().len();
        // Each row is in the table and in an index, so 80 MB were written.
        assert!(log < 40_000_000, "{log}");
    }

    #[tokio::test]
    async fn a_write_happens_even_if_its_caller_hangs_up() {
        let (_folder, db) = on_disk().await;
        let held = hold(&db).await;
        tokio::select! {
            biased;
            _ = db.write(vec![insert(1, "ada")], Durable) => unreachable!(),
            () = async {} => {}
        }
        drop(held);
        db.write(vec![insert(2, "bob")], Durable).await.unwrap();
        assert_eq!(names(&db).await, ["ada", "bob"]);
    }

    #[tokio::test]
    async fn a_full_queue_refuses_at_once() {
        let (_folder, db) = on_disk().await;
        let held = hold(&db).await;
        let statements = || vec![sql("UPDATE name SET count = 0")];
        let mut waiting = Vec::new();
        let refused = loop {
            let (answer, answered) = oneshot::channel();
            match db.give(Work::Write(Request { statements: statements(), durability: Relaxed, answer })) {
                Ok(()) => waiting.push(answered),
                Err(error) => break error,
            }
        };
        assert_eq!(refused, DbError::Unavailable("too many requests are waiting for the database".into()));
        assert_eq!(waiting.len(), QUEUE);
        drop(held);
        for answered in waiting {
            answered.await.unwrap().unwrap();
        }
        db.write(statements(), Relaxed).await.unwrap();
    }

    #[tokio::test]
    async fn closing_finishes_what_was_accepted_and_leaves_one_file() {
        let (folder, db) = on_disk().await;
        let held = hold(&db).await;
        let (written, (), ()) =
            tokio::join!(db.write(vec![insert(1, "ada")], Relaxed), db.close(), async { drop(held) });
        assert!(written.is_ok());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        db.close().await;
        assert_eq!(db.ready().await, Err(closed()));
        assert_eq!(db.write(vec![insert(2, "bob")], Durable).await, Err(closed()));
        assert_eq!(names(&Sqlite::open(folder.path()).unwrap()).await, ["ada"]);
    }

    #[tokio::test]
    async fn a_question_cannot_write() {
        let refused = Err(DbError::Corrupt("a statement that writes was taken for one that reads".into()));
        let (_folder, both) = both().await;
        for db in both {
            assert_eq!(db.read(insert(1, "ada")).await, refused);
            assert!(names(&db).await.is_empty());
        }
    }

    #[tokio::test]
    async fn only_what_others_write_counts_as_a_change_elsewhere() {
        let (folder, db) = on_disk().await;
        let before = db.changes_elsewhere().await.unwrap();
        db.write(vec![insert(1, "ada")], Durable).await.unwrap();
        names(&db).await;
        assert_eq!(db.changes_elsewhere().await, Ok(before));
        let other = Sqlite::open(folder.path()).unwrap();
        other.write(vec![insert(2, "bob")], Relaxed).await.unwrap();
        assert_ne!(db.changes_elsewhere().await, Ok(before));
        assert_eq!(names(&db).await, ["ada", "bob"]);
    }

    #[tokio::test]
    async fn a_folder_that_cannot_be_and_a_file_that_is_something_else_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE), "certainly not a database, whatever its name".repeat(100))
            .unwrap();
        let inside_a_file = folder.path().join(FILE).join("data");
        assert!(is_unavailable(&Sqlite::open(&inside_a_file)));
        let what = format!(
            "{}/latchkey.db: file is not a database",
            folder.path().canonicalize().unwrap().display()
        );
        assert_eq!(Sqlite::open(folder.path()).err(), Some(DbError::Corrupt(what)));
    }
}
