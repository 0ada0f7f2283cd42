//! `latchkey proxy`: forwards HTTP on this machine, and adds credentials that do not run out.

mod call;
mod door;
mod forward;
mod headers;
mod reply;
mod target;

use super::block_on;
use crate::account::{Account, AccountArgs};
use crate::ending::Ending;
use crate::error::Failure;
use crate::print;
use client::{Client, Secret, Url};
use domain::entropy;
use door::{Door, Lock};
use forward::Forwarder;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use server::system::SystemEntropy;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::net::{TcpListener, TcpStream};

/// The length of a key: 190 bits.
const KEY: usize = 32;
/// A system that has no room for another connection may have it after this long.
const BREATH: Duration = Duration::from_millis(100);

/// Arguments of `proxy`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  latchkey proxy
  curl http://127.0.0.1:8400/KEY/api/v2/task
  latchkey proxy --profile prod --to https://idmc-api.dm-us.informaticacloud.com
  latchkey proxy --listen 127.0.0.1:0

The first line on stdout is `latchkey proxy URL`; that URL, with its key, stands in the place of the service's.
The key may also be sent as the header X-Latchkey-Key. SIGTERM and Ctrl-C finish what is under way and end it.")]
pub struct ProxyArgs {
    /// Address of this machine to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8400")]
    pub listen: SocketAddr,
    /// Where requests go [default: the base URL that the sign-in names]
    #[arg(long, value_name = "URL")]
    pub to: Option<Url>,
    /// Another host that may see the session, beside those of the login host; may be repeated
    #[arg(long, value_name = "HOST")]
    pub trust: Vec<String>,
    /// Forward for every program of this machine, without a key
    #[arg(long)]
    pub open: bool,
    /// Whose credentials are added.
    #[command(flatten)]
    pub account: AccountArgs,
}

/// How a proxy is opened.
#[derive(Debug)]
pub struct Settings {
    /// Where it listens, on this machine.
    pub listen: SocketAddr,
    /// Where requests go; else to the base URL of the session.
    pub to: Option<Url>,
    /// Whether it forwards without a key.
    pub open: bool,
}

/// Why there is no proxy.
#[derive(Debug, Error)]
pub enum ProxyError {
    /// Others could reach it, and with it the session.
    #[error("{0} is not an address of this machine alone")]
    NotLoopback(SocketAddr),
    /// The address cannot be had.
    #[error("cannot listen on {address}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// The HTTP client cannot be made.
    #[error("requests cannot be sent")]
    Client(#[source] reqwest::Error),
}

/// Runs a proxy until it is told to end.
pub fn run(args: ProxyArgs) -> Result<(), Failure> {
    let account = Account::choose(&args.account)?;
    let builder = args.trust.iter().fold(account.builder(), |builder, host| builder.trusted_host(host));
    let client = builder.build().map_err(Failure::usage)?;
    let settings = Settings { listen: args.listen, to: args.to, open: args.open };
    block_on(async {
        let (mut ending, mut hurry) = (Ending::listen()?, Ending::listen()?);
        let proxy = Proxy::open(client, settings).await.map_err(explain)?;
        print::line(&format!("latchkey proxy {}", proxy.url()));
        tokio::select! {
            () = proxy.run(ending.asked()) => {}
            // Whoever asks twice does not want to wait for what is under way.
            () = async { hurry.asked().await; hurry.asked().await } => {}
        }
        Ok(())
    })
}

/// Why there is no proxy, in words that say what to do.
pub fn explain(error: ProxyError) -> Failure {
    match error {
        ProxyError::NotLoopback(_) => {
            Failure::usage(error).hint("name an address such as 127.0.0.1:8400; port 0 takes any free port")
        }
        ProxyError::Listen { .. } => {
            Failure::machine(error).hint("name a free address with --listen; port 0 takes any free port")
        }
        ProxyError::Client(_) => Failure::machine(error),
    }
}

/// A proxy that accepts connections; they are served while it runs.
pub struct Proxy {
    listener: TcpListener,
    forwarder: Arc<Forwarder>,
    url: String,
}

impl Proxy {
    /// Begins to listen. No request is made.
    pub async fn open(client: Client, settings: Settings) -> Result<Self, ProxyError> {
        let address = settings.listen;
        if !address.ip().is_loopback() {
            return Err(ProxyError::NotLoopback(address));
        }
        let no_listener = |source| ProxyError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(no_listener)?;
        let address = listener.local_addr().map_err(no_listener)?;
        let (lock, url) = if settings.open {
            (Lock::Open, format!("http://{address}"))
        } else {
            let key: Secret = entropy::word(&SystemEntropy, KEY);
            let url = format!("http://{address}/{}", key.expose());
            (Lock::Key(key), url)
        };
        let forwarder = Forwarder::new(client, settings.to, Door { lock }).map_err(ProxyError::Client)?;
        Ok(Self { listener, forwarder: Arc::new(forwarder), url })
    }

    /// What stands before a path: the address, and the key if there is one.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Forwards until `stop`, and then finishes what is under way.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let under_way = GracefulShutdown::new();
        let mut stop = pin!(stop);
        loop {
            tokio::select! {
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) => serve(stream, Arc::clone(&self.forwarder), &under_way),
                    Err(_full) => tokio::time::sleep(BREATH).await,
                },
                () = &mut stop => break,
            }
        }
        drop(self.listener);
        under_way.shutdown().await;
    }
}

fn serve(stream: TcpStream, forwarder: Arc<Forwarder>, under_way: &GracefulShutdown) {
    let answer = service_fn(move |request| {
        let forwarder = Arc::clone(&forwarder);
        async move { Ok::<_, Infallible>(forwarder.answer(request).await) }
    });
    // Small parts of a stream must not wait for each other.
    let _as_it_is = stream.set_nodelay(true);
    let connection =
        http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), answer);
    let connection = under_way.watch(connection);
    tokio::spawn(async move {
        // Whoever left in the middle knows it.
        let _left = connection.await;
    });
}
