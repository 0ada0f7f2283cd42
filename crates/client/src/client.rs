//! A client of one login host, signing in as one user: made once, asked whenever a session or a token is needed.

use crate::cache::{Cache, Entry, Key};
use crate::credential::Credential;
use crate::exchange::{Exchange, Outward};
use crate::login_url::{LoginUrl, NotALoginUrl, Plain, is_loopback};
use crate::refresh::Need;
use crate::session::{Session, Token};
use crate::sign_in::SignInError;
use crate::system::{self, SystemClock};
use crate::time::Clock;
use crate::token::TokenError;
use std::fmt;
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use thiserror::Error;

/// The client id of tokens, unless another is wanted.
pub const CLIENT_ID: &str = "idmc_api";

/// Signs in once and keeps what it got. Clones share everything.
///
/// ```
/// use client::{Client, Credential, Family, Source};
/// use wire::Secret;
///
/// # fn main() -> Result<(), client::BuildError> {
/// let client = Client::builder("https://dm-us.informaticacloud.com")
///     .credential(Credential::Password {
///         family: Family::V3,
///         user: "etl.robot".to_owned(),
///         password: Source::Value(Secret::new("correct horse 9 battery")),
///     })
///     .build()?;
/// # let _ = client;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) login: LoginUrl,
    pub(crate) plain: Plain,
    pub(crate) credential: Option<Credential>,
    pub(crate) key: Key,
    pub(crate) client_id: String,
    pub(crate) life: Duration,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) exchange: Exchange,
    pub(crate) cache: Option<Cache>,
    pub(crate) hosts: Vec<String>,
    pub(crate) turn: tokio::sync::Mutex<()>,
    /// The end of the session that the cache has, in milliseconds.
    pub(crate) kept_until: AtomicI64,
    entry: Mutex<Entry>,
}

impl Client {
    /// Begins a client of this login host: a URL, or its bare host name.
    pub fn builder(login_url: impl Into<String>) -> Builder {
        Builder {
            login_url: login_url.into(),
            plain: Plain::default(),
            credential: None,
            user: None,
            client_id: CLIENT_ID.to_owned(),
            life: None,
            clock: Arc::new(SystemClock),
            cache: None,
            hosts: Vec::new(),
            authorities: Vec::new(),
            held: (None, None),
        }
    }

    /// Where and as whom it signs in.
    pub fn key(&self) -> &Key {
        &self.0.key
    }

    /// Where it signs in.
    pub fn login_url(&self) -> &LoginUrl {
        &self.0.login
    }

    /// The authorities that it believes beside those of the platform, for callers that send calls themselves.
    pub fn authorities(&self) -> &[reqwest::Certificate] {
        self.0.exchange.authorities()
    }

    /// A session that is good for the least life at least; signs in if there is none.
    pub async fn session(&self) -> Result<Session, SignInError> {
        let entry = self.0.provide(Need::Session { life: self.0.life }).await.map_err(only_sign_in)?;
        entry.session.ok_or(SignInError::NoSession)
    }

    /// A token that is good for the least life at least; mints it, and signs in if it must.
    pub async fn token(&self) -> Result<Token, TokenError> {
        let entry = self.0.provide(Need::Token { life: self.0.life }).await?;
        let mut tokens = entry.tokens.into_iter();
        let token = tokens.find(|token| token.client_id == self.0.client_id);
        token.ok_or(TokenError::SignIn(SignInError::Interrupted))
    }

    /// Signs in now, whatever is kept. A person who just typed a password is asked once, so a refusal is forgotten.
    pub async fn sign_in(&self) -> Result<Entry, SignInError> {
        self.0.provide(Need::SignIn).await.map_err(only_sign_in)
    }

    /// Ends the session at the login host and forgets it here. Whether there was one to end.
    pub async fn log_out(&self) -> Result<bool, SignInError> {
        self.0.end().await
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("key", &self.0.key).finish_non_exhaustive()
    }
}

/// Only a token can fail in another way than a sign-in.
fn only_sign_in(error: TokenError) -> SignInError {
    match error {
        TokenError::SignIn(error) => error,
        TokenError::Refused { code, message } => SignInError::Refused { code, message },
        TokenError::TooMany { retry_after } => SignInError::TooMany { retry_after },
        TokenError::Network(error) => SignInError::Network(error),
        TokenError::Server { status, message } => SignInError::Server { status, message },
    }
}

impl Inner {
    /// What is known in memory.
    pub(crate) fn known(&self) -> Entry {
        self.entry.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn remember(&self, entry: &Entry) {
        self.change(|known| *known = entry.clone());
    }

    /// Changes what is known in memory, with nobody in between.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Entry) -> T) -> T {
        change(&mut self.entry.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A client in the making.
pub struct Builder {
    login_url: String,
    plain: Plain,
    credential: Option<Credential>,
    user: Option<String>,
    client_id: String,
    life: Option<Duration>,
    clock: Arc<dyn Clock>,
    cache: Option<Cache>,
    hosts: Vec<String>,
    authorities: Vec<Vec<u8>>,
    held: (Option<Session>, Option<Token>),
}

/// Why there is no client.
#[derive(Debug, Error)]
pub enum BuildError {
    /// The login URL cannot be used.
    #[error(transparent)]
    LoginUrl(#[from] NotALoginUrl),
    /// What was given for the certificate of an authority is none.
    #[error("there is no certificate of an authority in what was given as one")]
    Authority(#[source] Option<reqwest::Error>),
}

/// The certificates in a PEM text, of which there must be one.
pub(crate) fn certificates(pem: &[u8]) -> Result<Vec<reqwest::Certificate>, BuildError> {
    let found = reqwest::Certificate::from_pem_bundle(pem);
    let found = found.map_err(|error| BuildError::Authority(Some(error)))?;
    if found.is_empty() { Err(BuildError::Authority(None)) } else { Ok(found) }
}

impl Builder {
    /// What to sign in with. Without it the client only uses what the cache has.
    #[must_use]
    pub fn credential(self, credential: Credential) -> Self {
        Self { credential: Some(credential), ..self }
    }

    /// The name under which sessions are kept, when it is not the credential's own.
    #[must_use]
    pub fn known_as(self, user: impl Into<String>) -> Self {
        Self { user: Some(user.into()), ..self }
    }

    /// Shares sessions and tokens with every process that uses the same cache.
    #[must_use]
    pub fn cache(self, cache: Cache) -> Self {
        Self { cache: Some(cache), ..self }
    }

    /// The client id of the tokens, [`CLIENT_ID`] unless it is set.
    #[must_use]
    pub fn client_id(self, client_id: impl Into<String>) -> Self {
        Self { client_id: client_id.into(), ..self }
    }

    /// How long what is handed out is good for at least; else 3 to 5 minutes, another for each client.
    #[must_use]
    pub fn least_life(self, life: Duration) -> Self {
        Self { life: Some(life), ..self }
    }

    /// Begins with what another client was given, as long as that is good.
    #[must_use]
    pub fn holding(self, session: Option<Session>, token: Option<Token>) -> Self {
        Self { held: (session, token), ..self }
    }

    /// Another clock than the machine's.
    #[must_use]
    pub fn clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// Allows passwords to travel without TLS to hosts other than this machine.
    #[must_use]
    pub fn plain(self, plain: Plain) -> Self {
        Self { plain, ..self }
    }

    /// Another host that may see the session, beside those that the sign-in names.
    #[must_use]
    pub fn trusted_host(mut self, host: impl Into<String>) -> Self {
        self.hosts.push(host.into().to_ascii_lowercase());
        self
    }

    /// Certificate authorities to believe beside those of the platform, in PEM.
    #[must_use]
    pub fn authority(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.authorities.push(pem.into());
        self
    }

    /// The client. No request is made and no file is read.
    pub fn build(self) -> Result<Client, BuildError> {
        let login = LoginUrl::parse(&self.login_url, self.plain)?;
        let authorities = self.authorities.iter().map(|pem| certificates(pem));
        let authorities = authorities.collect::<Result<Vec<_>, _>>()?.concat();
        let user = self.user.or_else(|| self.credential.as_ref().map(Credential::user)).unwrap_or_default();
        let key = Key { login_url: login.as_str().to_owned(), user };
        let life = || system::between(Duration::from_secs(180), Duration::from_secs(300));
        let client_id = match &self.credential {
            Some(Credential::Client { id, .. }) => id.clone(),
            _ => self.client_id,
        };
        let (session, token) = self.held;
        let mut entry = Entry::new(key.clone());
        (entry.session, entry.tokens) = (session, token.into_iter().collect());
        Ok(Client(Arc::new(Inner {
            exchange: Exchange::new(Outward { authorities, direct: is_loopback(login.url()) }),
            login,
            plain: self.plain,
            credential: self.credential,
            kept_until: AtomicI64::new(0),
            entry: Mutex::new(entry),
            key,
            client_id,
            life: self.life.unwrap_or_else(life),
            clock: self.clock,
            cache: self.cache,
            hosts: self.hosts,
            turn: tokio::sync::Mutex::new(()),
        })))
    }
}
