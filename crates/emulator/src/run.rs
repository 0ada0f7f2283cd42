//! A run from its options to its end: everything is put together here.

use crate::child::{Inherited, Trust};
use crate::control::{self, Control};
use crate::elsewhere;
use crate::emulator::{Emulator, OpenError, Settings};
use crate::faults::scripts::Script;
use crate::intercept::{self, Allowed, Authority, Intercept};
use crate::pipeline::Pipeline;
use crate::seed::{self, Person};
use crate::watch::{self, Colours};
use aws_lc_rs::digest;
use domain::entropy::Entropy;
use domain::founding::NewOrg;
use domain::time::{Clock, Timestamp};
use server::system::{SystemClock, SystemEntropy};
use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{MissedTickBehavior, interval};

/// When a deterministic run begins, unless another instant is named: 2026-01-01T00:00:00Z.
const NEW_YEAR: Timestamp = Timestamp::from_seconds(1_767_225_600);

/// How often a clock that runs by itself is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// What one run is to be.
#[derive(Debug)]
pub struct Options {
    /// Where it listens, on this machine.
    pub listen: SocketAddr,
    /// Orgs and users; `None` takes one user for each situation.
    pub seed: Option<Vec<NewOrg>>,
    /// Where the store is kept; `None` keeps it in memory.
    pub data: Option<PathBuf>,
    /// What every id, token and time follows from; `None` draws them.
    pub deterministic: Option<String>,
    /// The instant at which the clock stands still.
    pub frozen_at: Option<Timestamp>,
    /// Hosts other than the vendor's that may be reached.
    pub allow: Vec<String>,
    /// Answers for paths that the service does not own.
    pub stubs: Option<PathBuf>,
    /// Who answers what nobody here does.
    pub upstream: Option<String>,
    /// Where its answers are written down.
    pub record: Option<PathBuf>,
    /// Situations to begin with.
    pub scripts: Vec<String>,
    /// What a program under test would have had in its environment without us.
    pub inherited: Inherited,
}

/// What a program needs to reach a run; its files are gone when this is dropped.
pub struct Environment {
    /// Where the run is reached.
    pub url: String,
    /// Names and values.
    pub variables: Vec<(&'static str, String)>,
    _trust: Trust,
}

/// Why there is no run.
#[derive(Debug, Error)]
pub enum RunError {
    /// Others could reach it.
    #[error("{0} is not an address of this machine alone")]
    NotLoopback(SocketAddr),
    /// The address cannot be had.
    #[error("cannot listen on {address}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// An option makes no sense.
    #[error(transparent)]
    Usage(Box<dyn Error + Send + Sync>),
    /// The world cannot be made.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The machine does not do it.
    #[error(transparent)]
    Machine(Box<dyn Error + Send + Sync>),
}

/// A run that accepts connections; they are served while it serves.
pub struct Run {
    emulator: Arc<Emulator>,
    environment: Arc<Environment>,
    intercept: Arc<Intercept>,
    listener: TcpListener,
}

impl Run {
    /// Begins a run.
    pub async fn open(options: Options) -> Result<Self, RunError> {
        let (listener, address) = listen(options.listen).await?;
        let elsewhere = elsewhere::open(options.stubs, options.upstream.as_deref(), options.record)
            .map_err(RunError::Usage)?;
        let allowed = Allowed::parse(options.allow.iter().map(String::as_str)).map_err(usage)?;
        let authority = Authority::new(SystemClock.now()).map_err(machine)?;
        let trust = Trust::write(&authority, &allowed).map_err(machine)?;
        let settings = Settings {
            seed: options.seed,
            data: options.data,
            dice: dice(options.deterministic.as_deref()),
            frozen_at: options.frozen_at.or(options.deterministic.is_some().then_some(NEW_YEAR)),
        };
        let emulator = Arc::new(Emulator::open(settings, address, Arc::new(elsewhere)).await?);
        for script in options.scripts {
            let rules = Script::named(&script).and_then(Script::rules).map_err(usage)?;
            emulator.faults.add_all(rules, emulator.clock.now()).map_err(usage)?;
        }
        let mut variables = trust.environment(address, &options.inherited);
        variables.extend(account(&emulator.people()));
        let environment =
            Arc::new(Environment { url: format!("http://{address}"), variables, _trust: trust });
        let control = Control { emulator: Arc::clone(&emulator), environment: Arc::clone(&environment) };
        let pipeline = Pipeline::new(Arc::clone(&emulator), control::router(control));
        let intercept = Arc::new(Intercept::new(authority, allowed, Arc::new(pipeline)));
        Ok(Self { emulator, environment, intercept, listener })
    }

    /// Where it is reached.
    pub fn url(&self) -> &str {
        &self.environment.url
    }

    /// Who is there.
    pub fn people(&self) -> Vec<Person> {
        self.emulator.people()
    }

    /// What a program needs in its environment to reach it, and to sign in.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        self.environment.variables.clone()
    }

    /// Hands over a line for each request, as long as the run lasts.
    pub fn watch(&self, colours: Colours, tell: fn(&str)) -> impl Future<Output = ()> + use<> {
        let mut asked = self.emulator.journal.subscribe();
        async move {
            loop {
                match asked.recv().await {
                    Ok(entry) => tell(&watch::line(&entry, colours)),
                    Err(RecvError::Lagged(missed)) => tell(&format!("... and {missed} more")),
                    Err(RecvError::Closed) => return,
                }
            }
        }
    }

    /// Serves until `stop`, and then finishes what is under way.
    pub async fn serve(self, stop: impl Future<Output = ()>) {
        let tidying = tokio::spawn(tidy(Arc::clone(&self.emulator)));
        intercept::serve(self.listener, self.intercept, stop).await;
        tidying.abort();
        self.emulator.close().await;
    }
}

async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), RunError> {
    if !address.ip().is_loopback() {
        return Err(RunError::NotLoopback(address));
    }
    let no_listener = |source| RunError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(no_listener)?;
    let address = listener.local_addr().map_err(no_listener)?;
    Ok((listener, address))
}

/// Whom a program under test may sign in as.
fn account(people: &[Person]) -> Vec<(&'static str, String)> {
    let person = people.iter().find(|person| person.name == seed::ADMIN).or(people.first());
    match person {
        Some(Person { name, password: Some(password), .. }) => {
            vec![("LATCHKEY_EMULATOR_USER", name.clone()), ("LATCHKEY_EMULATOR_PASSWORD", password.clone())]
        }
        _ => Vec::new(),
    }
}

/// What every random number follows from.
fn dice(seed: Option<&str>) -> [u8; 32] {
    let mut dice = [0; 32];
    match seed {
        Some(seed) => dice.copy_from_slice(digest::digest(&digest::SHA256, seed.as_bytes()).as_ref()),
        None => SystemEntropy.fill(&mut dice),
    }
    dice
}

/// A clock that runs, or is hurried, makes keys due without anybody asking.
async fn tidy(emulator: Arc<Emulator>) {
    let mut look = interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        look.tick().await;
        if let Err(error) = emulator.tidy().await {
            tracing::warn!(%error, "what is over could not be forgotten yet");
        }
    }
}

fn usage(error: impl Error + Send + Sync + 'static) -> RunError {
    RunError::Usage(error.into())
}

fn machine(error: impl Error + Send + Sync + 'static) -> RunError {
    RunError::Machine(error.into())
}
