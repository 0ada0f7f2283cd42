//! A PostgreSQL of this run's own: reached by a socket in its folder, and gone with this process, however that ends.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use anyhow::{Context, ensure};

/// Whom the database runs as when the bench runs as root, which it refuses.
const NOBODY: u32 = 65_534;

/// Starts it as it comes from its package, so that a commit waits for the disk, and ends it with its own input.
const KEEPER: &str = r#"
trap '' INT TERM HUP
"$1/initdb" --pgdata "$2/data" --username=latchkey --auth=trust --locale=C --encoding=UTF8 >/dev/null || exit 1
"$1/pg_ctl" --silent --wait --pgdata "$2/data" --log "$2/log" --options \
    "-k $2 -c listen_addresses= -c max_connections=200 -c shared_buffers=256MB" start </dev/null >/dev/null 2>&1 || exit 1
echo ready
cat >/dev/null
"$1/pg_ctl" --silent --mode immediate --pgdata "$2/data" stop
rm -rf "$2/data" "$2/log"
"#;

/// A database that runs. It ends when this is dropped or this process dies: then nobody holds the leash.
pub struct Postgres {
    programs: PathBuf,
    folder: PathBuf,
    keeper: Child,
    leash: Option<ChildStdin>,
}

impl Postgres {
    /// Starts an empty one. Its folder has a short name, for the path of a socket has room for 107 bytes.
    pub fn start() -> anyhow::Result<Self> {
        let programs = programs()?;
        let folder = tempfile::Builder::new().prefix("lkpg").tempdir_in("/var/tmp")?.keep();
        let is_root = Command::new("id").arg("-u").output()?.stdout == b"0\n";
        if is_root {
            std::os::unix::fs::chown(&folder, Some(NOBODY), Some(NOBODY))?;
        }
        let mut keeper = as_nobody_if(is_root);
        keeper.args(["-c", KEEPER, "keeper"]).arg(&programs).arg(&folder).current_dir("/");
        let keeper = keeper.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut keeper = keeper.context("a shell cannot be started")?;
        let (leash, told) = (keeper.stdin.take(), keeper.stdout.take().context("no output")?);
        let mut line = String::new();
        BufReader::new(told).read_line(&mut line)?;
        ensure!(line == "ready\n", "PostgreSQL did not start; see {}/log", folder.display());
        Ok(Self { programs, folder, keeper, leash })
    }

    /// The URL of its one database.
    pub fn url(&self) -> String {
        format!("postgres:///postgres?host={}&user=latchkey", self.folder.display())
    }

    /// What one question that reads nothing takes on a connection that is open, as pgbench tells it.
    pub fn round_trip(&self) -> anyhow::Result<String> {
        let mut pgbench = Command::new(self.programs.join("pgbench"));
        pgbench.args(["--no-vacuum", "--transactions=5000", "--protocol=prepared", "--file=/dev/stdin"]);
        pgbench.arg("--host").arg(&self.folder).args(["--username=latchkey", "postgres"]);
        let mut pgbench =
            pgbench.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let input = pgbench.stdin.take().context("no input")?;
        std::io::Write::write_all(&mut { input }, b"SELECT 1;\n")?;
        let told = String::from_utf8(pgbench.wait_with_output()?.stdout)?;
        let latency = told.lines().find_map(|line| line.strip_prefix("latency average = "));
        Ok(latency.context("pgbench tells no latency")?.to_owned())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.leash.take());
        // The folder is given away, so only what stands in it can be removed by its owner.
        let _ = self.keeper.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Where `initdb` is: beside `pg_config`'s other programs, or in the path.
fn programs() -> anyhow::Result<PathBuf> {
    let first = |command: &mut Command| {
        let output = command.output().ok()?;
        Some(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim().to_owned()))
    };
    let configured = first(Command::new("pg_config").arg("--bindir"));
    let found = first(Command::new("sh").args(["-c", "dirname \"$(readlink -f \"$(command -v initdb)\")\""]));
    let mut folders = configured.into_iter().chain(found);
    let whole = |folder: &PathBuf| is_whole(folder);
    folders.find(whole).context("PostgreSQL is missing: apt-get install postgresql libpq-dev")
}

fn is_whole(folder: &Path) -> bool {
    ["initdb", "pg_ctl", "pgbench"].iter().all(|name| folder.join(name).is_file())
}

fn as_nobody_if(is_root: bool) -> Command {
    if !is_root {
        return Command::new("sh");
    }
    let mut command = Command::new("setpriv");
    command.arg(format!("--reuid={NOBODY}")).arg(format!("--regid={NOBODY}"));
    command.args(["--clear-groups", "--", "sh"]);
    command
}
