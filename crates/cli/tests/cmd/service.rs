//! A running `latchkey serve` of this build, on a folder of the test.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);

/// The tool, ready to be given arguments.
pub fn latchkey() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_latchkey"));
    command.stdin(Stdio::null());
    command
}

/// Killed when it is dropped.
pub struct Service {
    child: Child,
    /// `http://127.0.0.1:PORT`
    pub url: String,
}

impl Service {
    /// Starts on `folder/data` and waits until it accepts connections; what it logs is added to `folder/log`.
    pub fn start<A: AsRef<OsStr>>(folder: &Path, more: &[A]) -> Self {
        Self::start_under(folder, more, &[])
    }

    /// The same with these variables in its environment.
    pub fn start_under<A: AsRef<OsStr>>(folder: &Path, more: &[A], environment: &[(&str, String)]) -> Self {
        let mut child = Self::spawn_under(folder, more, environment);
        let stdout = child.stdout.take().expect("the output is piped");
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                // Nobody listens after the first line; the pipe stays open for the others.
                let _ = sender.send(line);
            }
        });
        let line = receiver.recv_timeout(PATIENCE).unwrap_or_default();
        let url = line.strip_prefix("latchkey ready ").map(str::to_owned);
        Self { child, url: url.unwrap_or_else(|| panic!("not ready: {line:?}\n{}", log(folder))) }
    }

    /// Starts, and waits for nothing.
    pub fn spawn<A: AsRef<OsStr>>(folder: &Path, more: &[A]) -> Child {
        Self::spawn_under(folder, more, &[])
    }

    fn spawn_under<A: AsRef<OsStr>>(folder: &Path, more: &[A], environment: &[(&str, String)]) -> Child {
        let log = File::options()
            .create(true)
            .append(true)
            .open(folder.join("log"))
            .expect("the log can be opened");
        latchkey()
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(data(folder))
            .args(more)
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("the service can be started")
    }

    /// The number of its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to end, as a service manager does.
    pub fn ask_to_end(&self) {
        let told = Command::new("kill").args(["-TERM", &self.id().to_string()]).status();
        assert!(told.expect("kill can be started").success());
    }

    /// Waits for its end, and says with which code it ended.
    pub fn ended(mut self) -> Option<i32> {
        self.child.wait().expect("the service has ended").code()
    }

    /// Ends it as a power cut would.
    pub fn kill(&mut self) {
        self.child.kill().expect("the service can be killed");
        self.child.wait().expect("the service has ended");
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It fails only for a process that has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The data folder of a service in `folder`.
pub fn data(folder: &Path) -> PathBuf {
    folder.join("data")
}

/// What a service in `folder` logged.
pub fn log(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("log")).unwrap_or_default()
}
