//! A PostgreSQL of this test's own: started once per test binary, reached by a socket in its folder, and gone with the
//! process that started it, however that ends.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// Whom the database runs as when the tests run as root, which it refuses.
const NOBODY: u32 = 65_534;

/// Starts it, says so, and waits until nobody holds the other end of its input any more.
const KEEPER: &str = r#"
trap '' INT TERM HUP
"$1/pg_ctl" --silent --wait --pgdata "$2/data" --log "$2/log" --options \
    "-k $2 -c listen_addresses= -c max_connections=300 -c shared_buffers=64MB $3" \
    start </dev/null >/dev/null 2>&1 || exit 1
echo ready
cat >/dev/null
"$1/pg_ctl" --silent --mode immediate --pgdata "$2/data" stop
rm -rf "$2"
"#;

/// For tests that only the end of the machine could take something from.
const HASTY: &str = "-c fsync=off -c full_page_writes=off";

/// A running PostgreSQL.
pub struct Server {
    /// Where its programs are.
    pub programs: PathBuf,
    /// Short, for the path of a socket has room for 107 bytes.
    pub folder: PathBuf,
    _keeper: Child,
    _leash: ChildStdin,
}

/// The URL of a store of its own: a user of the one database, and what stands under its name. A database for each would
/// write eight megabytes for each.
pub fn store() -> String {
    static SERVER: OnceLock<Server> = OnceLock::new();
    static MADE: AtomicU32 = AtomicU32::new(0);
    let server = SERVER.get_or_init(|| {
        let folder = folder();
        make(&folder);
        keep(folder, HASTY)
    });
    let name = format!("test_{}", MADE.fetch_add(1, Ordering::Relaxed));
    server.ask(&format!("CREATE ROLE {name} LOGIN; CREATE SCHEMA AUTHORIZATION {name}"));
    format!("postgres:///postgres?host={}&user={name}", server.folder.display())
}

impl Server {
    /// What the superuser of the database is told, a line for each row.
    pub fn ask(&self, statements: &str) -> String {
        let mut psql = Command::new(self.programs.join("psql"));
        psql.arg("--host").arg(&self.folder).args(["--username=latchkey", "--dbname=postgres"]);
        psql.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--command", statements]);
        run(psql)
    }
}

/// A folder for a database, and for its user.
pub fn folder() -> PathBuf {
    let folder = tempfile::Builder::new().prefix("lkpg").tempdir_in("/tmp").expect("a folder").keep();
    if is_root() {
        std::os::unix::fs::chown(&folder, Some(NOBODY), Some(NOBODY)).expect("a folder can be given away");
    }
    folder
}

/// Makes an empty database in a folder.
pub fn make(folder: &Path) {
    let mut initdb = as_its_user(&programs().join("initdb"));
    initdb.arg("--pgdata").arg(folder.join("data"));
    initdb.args(["--username=latchkey", "--auth=trust", "--no-sync", "--locale=C", "--encoding=UTF8"]);
    run(initdb);
}

/// Starts the database in a folder with these options more.
pub fn keep(folder: PathBuf, options: &str) -> Server {
    let programs = programs();
    let mut keeper = as_its_user(Path::new("sh"));
    keeper.args(["-c", KEEPER, "keeper"]).arg(&programs).arg(&folder).arg(options).current_dir("/");
    let keeper = keeper.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut keeper = keeper.spawn().expect("a shell");
    let leash = keeper.stdin.take().expect("its input is piped");
    let mut line = String::new();
    let said = BufReader::new(keeper.stdout.take().expect("its output is piped")).read_line(&mut line);
    let log = || std::fs::read_to_string(folder.join("log")).unwrap_or_default();
    assert!(said.is_ok() && line == "ready\n", "PostgreSQL did not start:\n{}", log());
    Server { programs, folder, _keeper: keeper, _leash: leash }
}

/// Where `initdb` is: beside `pg_config`'s other programs, or in the path.
pub fn programs() -> PathBuf {
    let configured = Command::new("pg_config").arg("--bindir").output();
    let configured = configured.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    let found =
        Command::new("sh").args(["-c", "dirname \"$(readlink -f \"$(command -v initdb)\")\""]).output();
    let found = found.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    let folders = [configured, found].into_iter().flatten().map(PathBuf::from);
    let whole =
        |folder: &PathBuf| ["initdb", "pg_ctl", "psql"].iter().all(|name| folder.join(name).is_file());
    folders.into_iter().find(whole).expect(
        "these tests need PostgreSQL: `apt-get install postgresql libpq-dev`, or put initdb, pg_ctl and psql into PATH",
    )
}

pub fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().expect("id can be started");
    id.stdout == b"0\n"
}

/// The database refuses to run as root, so that it runs as somebody else then.
pub fn as_its_user(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.arg(format!("--reuid={NOBODY}")).arg(format!("--regid={NOBODY}")).args(["--clear-groups", "--"]);
    command.arg(program).current_dir("/");
    command
}

/// What a program prints that must succeed.
pub fn run(mut command: Command) -> String {
    let Output { status, stdout, stderr } = command.output().expect("a program of PostgreSQL can be started");
    assert!(status.success(), "{command:?}\n{}", String::from_utf8_lossy(&stderr));
    String::from_utf8_lossy(&stdout).trim().to_owned()
}
