//! A service with one user, and a person's folders on a machine that knows nothing yet.

use crate::service::{Service, latchkey};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

pub const PASSWORD: &str = "canary-pass 9 battery";
pub const CHEAP: &str = "[password]\nmemory_kib = 64\npasses = 1\n";

pub struct World {
    pub folder: tempfile::TempDir,
    pub service: Service,
}

/// The certificate of an authority that nobody knows, as a company has one, and what it signed for this machine.
struct Authority {
    of_authority: String,
    of_service: String,
    key: String,
}

impl Authority {
    fn make() -> Self {
        let (ours, key) = (KeyPair::generate().expect("a key"), KeyPair::generate().expect("a key"));
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let of_authority = authority.self_signed(&ours).expect("a certificate").pem();
        let service = CertificateParams::new(["127.0.0.1".to_owned()]).expect("a name");
        let issuer = Issuer::new(authority, ours);
        let of_service = service.signed_by(&key, &issuer).expect("a certificate").pem();
        Self { of_authority, of_service, key: key.serialize_pem() }
    }
}

/// How a command ended.
pub struct Told {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

fn seed() -> String {
    format!(
        "[[org]]\nname = \"Acme Prod\"\n[[org.user]]\nname = \"etl.robot\"\npassword = \"{PASSWORD}\"\nroles = [\"Admin\"]\n"
    )
}

impl World {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Self::in_folder(folder, CHEAP, &seed())
    }

    /// With a configuration and a seed of one's own.
    pub fn of(config: &str, seed: &str) -> Self {
        Self::in_folder(tempfile::tempdir().expect("a temporary folder"), config, seed)
    }

    /// A service behind TLS, whose authority is in `authority.pem` of the folder and nowhere else.
    pub fn with_tls() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let authority = Authority::make();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::write(&path, text).expect("the folder can be written");
            path.display().to_string()
        };
        write("authority.pem", &authority.of_authority);
        let (certificate, key) =
            (write("service.pem", &authority.of_service), write("service.key", &authority.key));
        let config = format!("{CHEAP}[tls]\ncertificate = \"{certificate}\"\nkey = \"{key}\"\n");
        Self::in_folder(folder, &config, &seed())
    }

    fn in_folder(folder: tempfile::TempDir, config: &str, seed: &str) -> Self {
        let of_service = folder.path().join("service");
        fs::create_dir(&of_service).expect("the folder can be made");
        let write = |name: &str, text: &str| {
            let path = of_service.join(name);
            fs::write(&path, text).expect("the folder can be written");
            path
        };
        let (config, seed) = (write("latchkey.toml", config), write("seed.toml", seed));
        let arguments = ["--config".as_ref(), config.as_os_str(), "--seed".as_ref(), seed.as_os_str()];
        let service = Service::start(&of_service, &arguments);
        Self { folder, service }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Where sessions are kept.
    pub fn sessions(&self) -> PathBuf {
        self.path().join("state/sessions")
    }

    /// The tool with this person's folders and nothing else of the environment that it reads.
    pub fn tool(&self, arguments: &[&str]) -> Command {
        let mut command = latchkey();
        for name in ["URL", "USERNAME", "PASSWORD", "PROFILE", "CONFIG", "KEEP", "CACERT"] {
            command.env_remove(format!("LATCHKEY_{name}"));
        }
        command.current_dir(self.path()).args(arguments);
        command.env("LATCHKEY_CONFIG_DIR", self.path().join("config"));
        command.env("LATCHKEY_STATE_DIR", self.path().join("state"));
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// The tool in a job that never logged in.
    pub fn job(&self, password: &str, arguments: &[&str]) -> Command {
        let mut command = self.tool(arguments);
        command.env("LATCHKEY_URL", &self.service.url).env("LATCHKEY_USERNAME", "etl.robot");
        command.env("LATCHKEY_PASSWORD", password);
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Told {
        self.told(self.tool(arguments))
    }

    pub fn run_job(&self, password: &str, arguments: &[&str]) -> Told {
        self.told(self.job(password, arguments))
    }

    /// Runs the tool with something on its stdin.
    pub fn run_with(&self, stdin: &str, arguments: &[&str]) -> Told {
        let mut command = self.tool(arguments);
        command.stdin(Stdio::piped());
        let mut child = command.spawn().expect("the tool can be started");
        let mut pipe = child.stdin.take().expect("the input is piped");
        // A command that fails at once has closed its end.
        let _closed = pipe.write_all(stdin.as_bytes());
        drop(pipe);
        self.ended(child)
    }

    pub fn told(&self, mut command: Command) -> Told {
        self.ended(command.spawn().expect("the tool can be started"))
    }

    pub fn ended(&self, child: Child) -> Told {
        let Output { status, stdout, stderr } = child.wait_with_output().expect("the tool has ended");
        let text = |bytes| self.tidy(&String::from_utf8(bytes).expect("text"));
        Told { code: status.code(), out: text(stdout), err: text(stderr) }
    }

    /// Signs in as `etl.robot` for the default profile.
    pub fn log_in(&self) {
        let url = self.service.url.clone();
        let told = self.run_with(PASSWORD, &["login", "--url", &url, "-u", "etl.robot", "--password-stdin"]);
        let no_keyring =
            "there is no keyring here: FOLDER/state/sessions keeps sessions, for your eyes only\n";
        let err = told.err.replace(no_keyring, "");
        Told { err, ..told }.is(0, "", "signed in to URL as etl.robot of Acme Prod\n");
    }

    /// What differs from run to run gets a name.
    fn tidy(&self, text: &str) -> String {
        let text =
            text.replace(&self.service.url, "URL").replace(&self.path().display().to_string(), "FOLDER");
        let mut tidy = String::new();
        let mut rest = text.as_str();
        while let Some(letter) = rest.chars().next() {
            let length = if is_time(rest) { 24 } else { letter.len_utf8() };
            let (this, after) = rest.split_at(length);
            tidy.push_str(if length == 24 { "TIME" } else { this });
            rest = after;
        }
        tidy
    }

    /// Makes everything in the kept files so much older, as if the time had passed. They must not be sealed.
    pub fn age(&self, minutes: i64) {
        for file in self.kept() {
            let text = fs::read_to_string(&file).expect("it can be read");
            let mut entry: serde_json::Value = serde_json::from_str(&text).expect("it is whole");
            let older = |time: &mut serde_json::Value| {
                *time = (time.as_i64().expect("milliseconds") - minutes * 60_000).into();
            };
            ["opened", "expires"].iter().for_each(|name| older(&mut entry["session"][*name]));
            for token in entry["tokens"].as_array_mut().expect("tokens") {
                ["minted", "expires"].iter().for_each(|name| older(&mut token[*name]));
            }
            fs::write(&file, entry.to_string()).expect("it can be written");
        }
    }

    /// A number of `/metrics`, over all labels.
    pub fn number(&self, name: &str) -> u64 {
        let url = format!("{}/metrics", self.service.url);
        let text = ureq::get(&url).call().expect("an answer").body_mut().read_to_string().expect("text");
        let of_name = text.lines().filter(|line| line.starts_with(&format!("latchkey_{name}")));
        of_name.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
    }

    /// Sign-ins tried and tokens minted so far.
    pub fn counted(&self) -> (u64, u64) {
        (self.number("sign_ins_total"), self.number("tokens_minted_total"))
    }

    /// Ends every session of the org, as a colleague's clean-up would.
    pub fn end_all(&self) {
        let body = serde_json::json!({"username": "etl.robot", "password": PASSWORD});
        let url = format!("{}/ma/api/v2/user/logoutall", self.service.url);
        let answer = ureq::post(&url).content_type("application/json").send(body.to_string());
        assert_eq!(answer.expect("an answer").status(), 200);
    }

    /// The files in which sessions are kept.
    pub fn kept(&self) -> Vec<PathBuf> {
        let files = fs::read_dir(self.sessions()).expect("a folder").flatten().map(|file| file.path());
        files.filter(|path| path.extension().is_some_and(|extension| extension == "json")).collect()
    }
}

impl Told {
    pub fn is(&self, code: i32, out: &str, err: &str) {
        assert_eq!((self.code, self.out.as_str(), self.err.as_str()), (Some(code), out, err));
    }
}

/// Whether this begins with `2026-08-22T10:39:12.736Z`.
fn is_time(text: &str) -> bool {
    let shape = "dddd-dd-ddTdd:dd:dd.dddZ";
    let fits =
        |(letter, shape): (char, char)| if shape == 'd' { letter.is_ascii_digit() } else { letter == shape };
    text.len() >= shape.len() && text.chars().zip(shape.chars()).all(fits)
}
