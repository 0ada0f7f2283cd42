//! Programs that run beside a test, and listeners that answer from a script.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);

/// A command that runs until it is told to end; killed when it is dropped.
pub struct Running {
    pub child: Child,
    /// What its first line says after `latchkey NAME `.
    pub at: String,
}

impl Running {
    /// Starts a command and waits for its first line; what it says on stderr is lost.
    pub fn start(mut command: Command) -> Self {
        command.stderr(Stdio::null());
        Self::start_as_it_is(command)
    }

    /// Starts a command and waits for its first line.
    pub fn start_as_it_is(mut command: Command) -> Self {
        let mut child = command.spawn().expect("the tool can be started");
        let stdout = child.stdout.take().expect("the output is piped");
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || {
            let mut line = String::new();
            let _ended = BufReader::new(stdout).read_line(&mut line);
            sender.send(line)
        });
        let line = receiver.recv_timeout(PATIENCE).expect("a first line");
        let at = line.trim_end().splitn(3, ' ').nth(2).unwrap_or_else(|| panic!("{line:?}")).to_owned();
        Self { child, at }
    }

    pub fn ask_to_end(&self) {
        signal("TERM", self.child.id());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}

/// A command as a shell script starts it, which finds it in `"$0" "$@"`.
pub fn by_shell(script: &str, command: &Command) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", script]).arg(command.get_program()).args(command.get_args());
    with_surroundings(shell, command)
}

/// A command on a terminal of its own; what the terminal shows is its stdout.
pub fn on_terminal(command: &Command) -> Command {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words = words.map(|word| format!("'{}'", word.to_string_lossy().replace('\'', "'\\''")));
    // Not every shell steps aside for its only command, and the keys of a terminal end one that waits.
    let line = format!("exec {}", words.collect::<Vec<_>>().join(" "));
    let mut script = Command::new("script");
    script.args(["--quiet", "--return", "--command", &line, "/dev/null"]).env("TERM", "xterm");
    with_surroundings(script, command)
}

fn with_surroundings(mut new: Command, old: &Command) -> Command {
    for (name, value) in old.get_envs() {
        match value {
            Some(value) => new.env(name, value),
            None => new.env_remove(name),
        };
    }
    new.current_dir(old.get_current_dir().expect("a folder of the test"));
    new.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    new
}

pub fn signal(name: &str, process: u32) {
    let told = Command::new("kill").args([&format!("-{name}"), &process.to_string()]).status();
    assert!(told.expect("kill can be started").success());
}

/// A listener whose connections are handled one after the other; what the handler returns can be received.
pub fn listen<T: Send + 'static>(
    mut handle: impl FnMut(TcpStream) -> T + Send + 'static,
) -> (String, Receiver<T>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            if sender.send(handle(stream.expect("a connection"))).is_err() {
                return;
            }
        }
    });
    (url, receiver)
}

/// The head of a request, up to the empty line.
pub fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).expect("a request") > 0 {
        head.push(byte[0]);
    }
    String::from_utf8(head).expect("text")
}

/// Sends text to the host of a URL, and reads until the other end closes.
pub fn ask(url: &str, request: &str) -> String {
    let host = url.trim_start_matches("http://").split('/').next().expect("a host");
    let mut stream = TcpStream::connect(host).expect("a connection");
    stream.write_all(request.as_bytes()).expect("the request is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}
