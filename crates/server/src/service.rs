//! From a configuration to a running service: the one place where everything is put together.

use crate::admission::HashPool;
use crate::app::{App, Shared};
use crate::config::Config;
use crate::database::{self, NoPassword};
use crate::first_run::{self, Welcome};
use crate::folder::{FolderError, Hold};
use crate::keysmith::SystemKeysmith;
use crate::node_clock::NodeClock;
use crate::outbound::{Outbound, OutboundError};
use crate::system::{self, SystemClock, SystemEntropy};
use crate::tls::{Certificate, TlsError};
use crate::{http, jobs, listen};
use async_trait::async_trait;
use axum::Router;
use axum::routing::get;
use domain::audit::seal;
use domain::cx::{Federation, Lockout, Policy, World};
use domain::entropy::Entropy;
use domain::founding::{self, FoundingError, NewOrg};
use domain::key_set::{KeySet, KeySetUrl, KeySets, NoKeySet};
use domain::store::{Directory, StoreError};
use domain::time::{Clock, minutes};
use domain::{Cx, Needs, Operator, access, keyring};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use store::Store;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// A signing key is replaced after this long.
const KEY_LIFE: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// Verified tokens that are remembered, about 1 KiB each.
const VERIFIED_TOKENS: usize = 50_000;

/// Why the service did not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The data folder cannot be had.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The password of the database cannot be read.
    #[error(transparent)]
    Password(#[from] NoPassword),
    /// The store cannot be opened.
    #[error("the store cannot be opened")]
    Store(#[from] StoreError),
    /// An address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// The certificate or its key cannot be used.
    #[error("TLS cannot be started")]
    Tls(#[from] TlsError),
    /// The authorities of key sets cannot be used.
    #[error("federation.authorities cannot be used")]
    Outbound(#[from] OutboundError),
    /// The hashing threads did not start.
    #[error("the hashing threads did not start")]
    Threads(#[from] std::io::Error),
    /// The store could not be filled.
    #[error("the store cannot be filled")]
    Founding(#[from] FoundingError),
}

/// A service that is ready to serve. Its clock is the machine's, and nothing can be handed over in its place:
///
/// ```compile_fail,E0061
/// # async fn forged(config: &server::config::Config, clock: std::sync::Arc<dyn domain::time::Clock>) {
/// server::service::Service::open(config, None, false, clock).await;
/// # }
/// ```
///
/// ```compile_fail,E0433
/// use emulator::clock::MovableClock;
/// ```
pub struct Service {
    /// Where clients reach it by its bound address.
    pub url: String,
    /// What to tell the person who started it in an empty folder.
    pub welcome: Option<Welcome>,
    app: App,
    operator: Operator,
    store: Arc<Store>,
    listener: TcpListener,
    metrics: Option<TcpListener>,
    certificate: Option<Arc<Certificate>>,
    clock: Arc<NodeClock>,
    _hold: Option<Hold>,
}

impl Service {
    /// Opens the data folder, fills an empty store from `seed` or with a first administrator, and binds the address.
    pub async fn open(config: &Config, seed: Option<Vec<NewOrg>>, traces: bool) -> Result<Self, StartError> {
        let (store, hold) = database::open(config, SystemClock.now()).await?;
        let store = Arc::new(store);
        let clock = Arc::new(NodeClock::default());
        clock.set(&*store).await?;
        let is_empty = store.is_empty().await?;
        if seed.is_some() && !is_empty {
            return Err(FoundingError::NotEmpty.into());
        }
        let metrics = http::metrics();
        let certificate = config
            .tls
            .as_ref()
            .map(|files| Certificate::load(files, metrics.tls.clone()))
            .transpose()?
            .map(Arc::new);
        let listener = bind(config.listen)?;
        let bound = listener.local_addr()?;
        let metrics_listener = config.telemetry.metrics_listen.map(bind).transpose()?;
        let hasher = HashPool::start(&config.password, Arc::new(SystemEntropy), metrics.hashes.clone())?;
        let key_sets = Arc::new(Outbound::new(&config.federation, Arc::new(SystemClock))?);
        let (cx, operator) = context(config, bound, (&store, &clock), (hasher, key_sets));
        prepare_keys(&cx, &operator).await?;
        let welcome = fill(&cx, &operator, seed, is_empty).await?;
        let scheme = if certificate.is_some() { "https" } else { "http" };
        let mut shared = Shared::new(config, Arc::new(cx), Arc::<Store>::clone(&store), metrics);
        shared.saas_url = saas_url(config, bound);
        shared.metrics_elsewhere = metrics_listener.is_some();
        shared.traces = traces;
        let app = Arc::new(shared);
        Ok(Self {
            url: format!("{scheme}://{bound}"),
            welcome,
            app,
            operator,
            store,
            listener,
            metrics: metrics_listener,
            certificate,
            clock,
            _hold: hold,
        })
    }

    /// Serves until `stop` is done, then finishes what is under way and writes what is pending.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        // The first random number takes the library tens of milliseconds; nobody's sign-in shall wait for it.
        tokio::task::spawn_blocking(|| SystemEntropy.fill(&mut [0; 16]));
        let background = tokio::spawn(jobs::run(App::clone(&self.app), self.operator));
        let (clock, store) = (self.clock, Arc::<Store>::clone(&self.store));
        let following = tokio::spawn(async move { clock.follow(&*store).await });
        let watching = self.certificate.clone().map(|certificate| tokio::spawn(certificate.watch()));
        let (stopping, stopped) = watch::channel(());
        let stop = async move {
            stop.await;
            drop(stopping);
        };
        let router = http::router(App::clone(&self.app));
        let service = listen::serve(self.listener, router, &self.app.limits, self.certificate, stop);
        tokio::join!(service, numbers(self.metrics, &self.app, stopped));
        background.abort();
        // Only when it is gone has it given back what it was writing.
        let _aborted = background.await;
        if let Err(error) = seal::close(&self.app.cx).await {
            tracing::error!(%error, "what was to be recorded last was not written");
        }
        following.abort();
        watching.iter().for_each(tokio::task::JoinHandle::abort);
        domain::store::Health::close(&*self.store).await;
    }
}

/// A context for one command of a tool, without a service around it.
pub async fn tool(config: &Config, store: &Arc<Store>) -> Result<(Cx, Operator), StartError> {
    let hasher =
        HashPool::start(&config.password, Arc::new(SystemEntropy), crate::metrics::HashMeters::default())?;
    let clock = Arc::new(NodeClock::default());
    clock.set(&**store).await?;
    Ok(context(config, config.listen, (store, &clock), (hasher, Arc::new(NoKeySets))))
}

/// A tool believes no assertion, so it fetches no keys, and needs nothing that fetching them does.
struct NoKeySets;

#[async_trait]
impl KeySets for NoKeySets {
    async fn key_set(&self, _: &KeySetUrl, _: &str) -> Result<Arc<KeySet>, NoKeySet> {
        Err(NoKeySet)
    }
}

fn context(
    config: &Config,
    bound: SocketAddr,
    (store, clock): (&Arc<Store>, &Arc<NodeClock>),
    (hasher, key_sets): (HashPool, Arc<dyn KeySets>),
) -> (Cx, Operator) {
    let needs = Needs {
        store: Arc::<Store>::clone(store),
        clock: Arc::<NodeClock>::clone(clock),
        entropy: Arc::new(SystemEntropy),
        hasher: Arc::new(hasher),
        keysmith: Arc::new(SystemKeysmith),
        key_sets,
        policy: policy(config, bound),
    };
    needs.start()
}

/// Serves the numbers at an address of their own, if they have one, for as long as the service runs.
async fn numbers(listener: Option<TcpListener>, app: &App, mut stopped: watch::Receiver<()>) {
    let Some(listener) = listener else { return };
    let router =
        Router::new().route("/metrics", get(http::operations::numbers_alone)).with_state(App::clone(app));
    let stop = async move { while stopped.changed().await.is_ok() {} };
    listen::serve(listener, router, &app.limits, None, stop).await;
}

fn bind(address: SocketAddr) -> Result<TcpListener, StartError> {
    listen::bind(address).map_err(|source| StartError::Listen { address, source })
}

async fn prepare_keys(cx: &Cx, operator: &Operator) -> Result<(), StoreError> {
    keyring::rotate_when_due(cx, access::may_rotate_keys(operator)).await.map(drop)
}

async fn fill(
    cx: &Cx,
    operator: &Operator,
    seed: Option<Vec<NewOrg>>,
    is_empty: bool,
) -> Result<Option<Welcome>, FoundingError> {
    match seed {
        Some(orgs) => founding::found(cx, access::may_found(operator), orgs).await.map(|_| None),
        None if is_empty => match first_run::found(cx, operator, &SystemEntropy).await {
            // Another node of a new database was first, and has told somebody the password.
            Err(FoundingError::NotEmpty) => Ok(None),
            made => made.map(Some),
        },
        None => Ok(None),
    }
}

/// `serverUrl` and `baseApiUrl`, as the configuration has them.
pub fn saas_url(config: &Config, bound: SocketAddr) -> String {
    let base = config.pod_url.clone().unwrap_or_else(|| config.public_url_at(bound));
    format!("{}/saas", base.as_str())
}

/// The rules' settings, as the configuration has them.
pub fn policy(config: &Config, bound: SocketAddr) -> Policy {
    let regions: BTreeMap<_, _> = config
        .region
        .iter()
        .map(|region| (region.name.clone(), region.login_url.as_str().to_owned()))
        .collect();
    let url = config.public_url_at(bound);
    let threads = usize::try_from(config.password.threads).unwrap_or(0);
    Policy {
        issuer: format!("{}/identity-service", url.as_str()),
        audiences: config.token.clients.clone(),
        oauth_audience: config.token.oauth_audience.clone(),
        regions,
        idle: minutes(config.session.idle_minutes),
        absolute: minutes(config.session.absolute_minutes),
        sessions_per_org: config.session.limit_per_org.into(),
        lockout: Lockout {
            max_attempts: config.lockout.max_login_attempts,
            lock: (config.lockout.lock_minutes > 0).then(|| minutes(config.lockout.lock_minutes)),
            forget: Duration::from_secs(u64::from(config.lockout.forget_hours) * 3600),
            failures_per_name: config.lockout.failures_per_name,
            failures_per_address: config.lockout.failures_per_address,
            addresses: config.lockout.addresses,
            names: config.lockout.names,
        },
        hash_cost: config.password.cost(),
        passwords: config.password.rules(),
        ageing: config.password.ageing(),
        trusted_ip_ranges: config.network.trusted_ip_ranges.iter().map(|range| range.0).collect(),
        hash_threads: if threads == 0 { system::cores() } else { threads },
        key_life: Some(KEY_LIFE),
        audit_kept: config.audit.kept(),
        verified_tokens: VERIFIED_TOKENS,
        federation: Federation {
            host: url.authority().to_owned(),
            vendor_rules: config.federation.vendor_rules,
            plain_http: config.federation.plain_http,
        },
        world: World::Real,
    }
}
