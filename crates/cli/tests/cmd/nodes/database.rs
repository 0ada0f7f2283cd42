//! The database behind the nodes: it can be restarted, lose its disk, and be replaced by its standby.

use crate::private_postgres::{Server, as_its_user, folder, is_root, keep, make, run};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Small files of its log, so that a small disk has room for some.
const SAFE: &str = "-c fsync=on -c wal_keep_size=0 -c max_wal_size=32MB";

/// A PostgreSQL that keeps what it acknowledges, as in earnest.
pub struct Database {
    server: Server,
    standby: Option<Server>,
    /// Where its socket is: a link, so that another database can take its place.
    place: PathBuf,
    _links: tempfile::TempDir,
    disk: Option<Disk>,
}

impl Database {
    pub fn start() -> Self {
        Self::on(folder(), None)
    }

    /// On a file system of its own of so many MiB; only root can mount one.
    pub fn start_on_a_small_disk(mebibytes: u32) -> Option<Self> {
        let folder = folder();
        let disk = Disk::mount(&folder, mebibytes)?;
        Some(Self::on(folder, Some(disk)))
    }

    fn on(folder: PathBuf, disk: Option<Disk>) -> Self {
        make(&folder);
        let server = keep(folder, SAFE);
        let links = tempfile::tempdir().expect("a temporary folder");
        let place = links.path().join("now");
        symlink(&server.folder, &place).expect("a link can be made");
        Self { server, standby: None, place, _links: links, disk }
    }

    /// Where the nodes' proxies find it.
    pub fn url(&self) -> String {
        format!("postgres:///postgres?host={}&user=latchkey", self.place.display())
    }

    pub fn ask(&self, statements: &str) -> String {
        self.server.ask(statements)
    }

    /// Ends it as a crash would, and starts it again.
    pub fn restart(&self) {
        self.control(&["--mode", "immediate", "restart"]);
    }

    fn control(&self, what: &[&str]) {
        control(&self.server, what);
    }

    /// Adds a standby that has everything before it is acknowledged.
    pub fn follow(&mut self) {
        let folder = folder();
        let mut copy = as_its_user(&self.server.programs.join("pg_basebackup"));
        copy.arg("--pgdata").arg(folder.join("data")).arg("--host").arg(&self.server.folder);
        copy.args(["--username=latchkey", "--checkpoint=fast", "--write-recovery-conf", "--no-sync"]);
        run(copy);
        self.standby = Some(keep(folder, SAFE));
        self.ask("ALTER SYSTEM SET synchronous_standby_names = '*'");
        self.ask("SELECT pg_reload_conf()");
        super::until("the standby follows", || {
            self.ask("SELECT sync_state FROM pg_stat_replication") == "sync"
        });
    }

    /// The machine of the database is gone, and its standby takes its place.
    pub fn fail_over(&mut self) {
        self.control(&["--mode", "immediate", "stop"]);
        self.server = self.standby.take().expect("somebody follows");
        // The new one has nobody who follows it.
        control(&self.server, &["promote"]);
        self.ask("ALTER SYSTEM RESET synchronous_standby_names");
        self.ask("SELECT pg_reload_conf()");
        std::fs::remove_file(&self.place).expect("the link can be removed");
        symlink(&self.server.folder, &self.place).expect("a link can be made");
    }

    /// Takes every block of its disk that is free.
    pub fn fill_disk(&self) {
        self.disk.as_ref().expect("it has a disk of its own").fill();
    }

    /// Gives them back, and starts the database if it did not survive.
    pub fn free_disk(&self) {
        self.disk.as_ref().expect("it has a disk of its own").free();
        let mut status = as_its_user(&self.server.programs.join("pg_ctl"));
        status.arg("--pgdata").arg(self.server.folder.join("data")).arg("status");
        if !status.output().expect("pg_ctl can be started").status.success() {
            self.control(&["start"]);
        }
    }
}

fn control(server: &Server, what: &[&str]) {
    let mut control = as_its_user(&server.programs.join("pg_ctl"));
    control.args(["--silent", "--wait", "--pgdata"]).arg(server.folder.join("data"));
    // What it starts keeps the output open, so nobody may wait for its end.
    control.arg("--log").arg(server.folder.join("log")).args(what);
    let options = format!("-k {} -c listen_addresses= {SAFE}", server.folder.display());
    if what.iter().any(|word| ["start", "restart"].contains(word)) {
        control.arg("--options").arg(options);
    }
    let ended = control.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).status();
    assert!(ended.expect("pg_ctl can be started").success(), "{what:?}");
}

/// A file system in memory that is full soon.
pub struct Disk {
    at: PathBuf,
}

impl Disk {
    /// Mounts one over a folder, whose owner may write to it; nothing when this user may not mount.
    pub fn mount(at: &Path, mebibytes: u32) -> Option<Self> {
        if !is_root() {
            return None;
        }
        let size = format!("size={mebibytes}m,mode=0777");
        let mut mount = Command::new("mount");
        mount.args(["--types", "tmpfs", "--options", &size, "latchkey-test"]).arg(at);
        let mounted = mount.output().expect("mount can be started");
        mounted.status.success().then(|| Self { at: at.to_owned() })
    }

    pub fn fill(&self) {
        use std::io::Write;
        let mut filler = std::fs::File::create(self.filler()).expect("a file can be made");
        let zeros = vec![0; 1 << 20];
        let mut portion = zeros.len();
        // Down to the last block: a write that does not fit is tried with half of it.
        while portion >= 512 {
            if filler.write_all(&zeros[..portion]).is_err() {
                portion /= 2;
            }
        }
    }

    pub fn free(&self) {
        std::fs::remove_file(self.filler()).expect("the file can be removed");
    }

    fn filler(&self) -> PathBuf {
        self.at.join("filler")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: who still writes there ends by itself.
        let _ = Command::new("umount").arg("--lazy").arg(&self.at).status();
    }
}
