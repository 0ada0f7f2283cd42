//! One refresh, whoever asks: the story of how a session or a token is had.

use crate::cache::{CacheError, Entry, Hold};
use crate::client::Inner;
use crate::credential::{Credential, Family};
use crate::refusal::Refusal;
use crate::sign_in::{Attempt, Opened, SignInError, is_about_the_secret, sensitive};
use crate::time::Timestamp;
use crate::token::{self, Minted, TokenError};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use wire::Secret;
use wire::header::{IC_SESSION_ID, INFA_SESSION_ID};

/// A session with less than this left may be dead when a request arrives.
const MOMENT: Duration = Duration::from_secs(30);

/// What somebody asks for.
#[derive(Debug, Clone)]
pub(crate) enum Need {
    /// A session with this much life.
    Session { life: Duration },
    /// A token with this much life.
    Token { life: Duration },
    /// A session other than the one that was found dead.
    AnotherSession { dead: Secret },
    /// A token other than the one that was refused.
    AnotherToken { dead: Secret },
    /// A new session at any rate.
    SignIn,
}

impl Need {
    /// Whether what is kept will do.
    fn is_met(&self, entry: &Entry, client_id: &str, now: Timestamp) -> bool {
        let token = |life| entry.token_for(client_id, life, now);
        match self {
            Self::Session { life } => entry.session_for(*life, now).is_some(),
            Self::Token { life } => token(*life).is_some(),
            Self::AnotherSession { dead } => {
                entry.session_for(MOMENT, now).is_some_and(|session| !same(&session.id, dead))
            }
            Self::AnotherToken { dead } => token(MOMENT).is_some_and(|token| !same(&token.value, dead)),
            Self::SignIn => false,
        }
    }

    /// Whether somebody else did, after we asked, what we would do now: what is new may be short-lived all the same.
    fn was_met(&self, entry: &Entry, client_id: &str, asked: Timestamp, now: Timestamp) -> bool {
        let session = || entry.session_for(Duration::ZERO, now).is_some_and(|found| found.opened >= asked);
        let token =
            || entry.token_for(client_id, Duration::ZERO, now).is_some_and(|found| found.minted >= asked);
        match self {
            Self::Session { .. } => session(),
            Self::Token { .. } => token(),
            Self::AnotherSession { .. } | Self::AnotherToken { .. } | Self::SignIn => false,
        }
    }

    fn wants_token(&self) -> bool {
        matches!(self, Self::Token { .. } | Self::AnotherToken { .. })
    }
}

/// Whether two ids are one; both were in our hands before, so time tells nobody anything.
fn same(one: &Secret, other: &Secret) -> bool {
    one.expose() == other.expose()
}

impl Inner {
    /// What is needed, from memory, from the cache, or from the login host.
    pub(crate) async fn provide(self: &Arc<Self>, need: Need) -> Result<Entry, TokenError> {
        let asked = self.clock.now();
        if self.is_oauth_client() && matches!(need, Need::Session { .. } | Need::AnotherSession { .. }) {
            return Err(SignInError::NoSession.into());
        }
        let known = self.known();
        if need.is_met(&known, &self.client_id, asked) {
            tracing::debug!("this process has it already");
            return Ok(known);
        }
        if let Some(kept) = self.kept().filter(|kept| need.is_met(kept, &self.client_id, asked)) {
            tracing::info!("found in the cache");
            self.remember(&kept);
            return Ok(kept);
        }
        // A task of its own: a caller that gives up must not leave a refused password unremembered.
        let refresh = tokio::spawn(Arc::clone(self).refresh(need, asked)).await;
        refresh.unwrap_or(Err(TokenError::SignIn(SignInError::Interrupted)))
    }

    async fn refresh(self: Arc<Self>, need: Need, asked: Timestamp) -> Result<Entry, TokenError> {
        let _turn = self.turn.lock().await;
        tracing::debug!("waiting for whoever else refreshes");
        let (hold, mut entry) = self.hold().await;
        let now = self.clock.now();
        let client_id = &self.client_id;
        if need.is_met(&entry, client_id, now) || need.was_met(&entry, client_id, asked, now) {
            tracing::info!("somebody else has refreshed it");
            self.remember(&entry);
            return Ok(entry);
        }
        let mut renewal = Renewal { inner: &self, hold: hold.as_ref(), entry: &mut entry };
        renewal.make_room(&need);
        renewal.fulfil(&need).await?;
        Ok(entry)
    }

    pub(crate) fn is_oauth_client(&self) -> bool {
        matches!(self.credential, Some(Credential::Client { .. }))
    }

    /// What the cache has; one that cannot be read has nothing.
    fn kept(&self) -> Option<Entry> {
        let kept = self.cache.as_ref()?.read(&self.key).unwrap_or_else(|error| {
            tracing::warn!("{error}: signing in again");
            None
        })?;
        self.note_end(&kept);
        Some(kept)
    }

    fn note_end(&self, kept: &Entry) {
        let end = kept.session.as_ref().map_or(0, |session| session.expires.as_millis());
        self.kept_until.store(end, Ordering::Relaxed);
    }

    /// The lock and what is kept under it. A machine without a usable folder works from memory.
    async fn hold(&self) -> (Option<Hold>, Entry) {
        let Some(cache) = self.cache.clone() else { return (None, self.known()) };
        let key = self.key.clone();
        let waited = tokio::task::spawn_blocking(move || cache.lock(&key)).await;
        match waited {
            Ok(Ok(hold)) => {
                let entry = self.kept().unwrap_or_else(|| Entry::new(self.key.clone()));
                (Some(hold), entry)
            }
            Ok(Err(error)) => {
                tracing::warn!("{error}: this process keeps its session to itself");
                (None, self.known())
            }
            Err(_stopped) => (None, self.known()),
        }
    }

    /// Ends the session at the login host, and forgets it.
    pub(crate) async fn end(self: &Arc<Self>) -> Result<bool, SignInError> {
        let _turn = self.turn.lock().await;
        let (hold, mut entry) = self.hold().await;
        let Some(session) = entry.session.take() else { return Ok(false) };
        tracing::info!("leaving {}", self.login);
        entry.tokens.clear();
        self.save(hold.as_ref(), &entry)?;
        let http = self.exchange.http()?;
        let id = sensitive(session.id.expose());
        let request = match session.family {
            Family::V2 => http.post(self.login.at("/ma/api/v2/user/logout")).header(IC_SESSION_ID, id),
            Family::V1 | Family::V3 => {
                http.post(self.login.at("/saas/public/core/v3/logout")).header(INFA_SESSION_ID, id)
            }
        };
        Ok(self.exchange.ask(request.body("")).await?.status.is_success())
    }

    fn save(&self, hold: Option<&Hold>, entry: &Entry) -> Result<(), CacheError> {
        self.remember(entry);
        self.note_end(entry);
        hold.map_or(Ok(()), |hold| hold.write(entry))
    }
}

/// One pass through the login host, under the lock.
struct Renewal<'a> {
    inner: &'a Inner,
    hold: Option<&'a Hold>,
    entry: &'a mut Entry,
}

impl Renewal<'_> {
    /// Takes away what is known to be dead.
    fn make_room(&mut self, need: &Need) {
        match need {
            Need::AnotherSession { .. } => self.entry.session = None,
            Need::SignIn => {
                self.entry.session = None;
                self.entry.refused = None;
                self.inner.remember(self.entry);
            }
            Need::AnotherToken { dead } => self.entry.tokens.retain(|token| !same(&token.value, dead)),
            Need::Session { .. } | Need::Token { .. } => {}
        }
    }

    async fn fulfil(&mut self, need: &Need) -> Result<(), TokenError> {
        let life = if let Need::Session { life } = need { *life } else { MOMENT };
        if self.entry.session_for(life, self.inner.clock.now()).is_none() {
            self.open().await?;
        }
        if !need.wants_token() || self.inner.is_oauth_client() {
            return Ok(());
        }
        if self.mint().await? {
            return Ok(());
        }
        tracing::info!("the session ended elsewhere, or the server forgot it");
        self.entry.session = None;
        self.open().await?;
        if self.mint().await? { Ok(()) } else { Err(SignInError::Interrupted.into()) }
    }

    async fn open(&mut self) -> Result<(), SignInError> {
        let inner = self.inner;
        let credential = inner.credential.as_ref().ok_or(SignInError::NoCredential)?;
        tracing::info!("signing in to {} as {}", inner.login, credential.user());
        let secret = credential.source().fetch().await?;
        self.refuse_the_refused(&secret)?;
        let attempt = Attempt { login: &inner.login, exchange: &inner.exchange, clock: &*inner.clock };
        match attempt.open(credential, &secret).await {
            Ok(Opened::Session(session)) => {
                tracing::info!("signed in until {}", session.expires.rfc3339());
                self.entry.open(session);
            }
            Ok(Opened::Token(token)) => {
                tracing::info!("got a token until {}", token.expires.rfc3339());
                self.entry.refused = None;
                self.entry.keep(token);
            }
            Err(error) => {
                self.note(&error, &secret);
                return Err(error);
            }
        }
        self.save();
        Ok(())
    }

    /// A password that was refused is not sent a second time.
    fn refuse_the_refused(&self, secret: &Secret) -> Result<(), SignInError> {
        let in_memory = self.inner.known().refused;
        let refused = self.entry.refused.as_ref().or(in_memory.as_ref());
        match refused.filter(|refused| refused.is_of(secret)) {
            Some(Refusal { at, code, message, .. }) => {
                Err(SignInError::RefusedBefore { at: *at, code: code.clone(), message: message.clone() })
            }
            None => Ok(()),
        }
    }

    fn note(&mut self, error: &SignInError, secret: &Secret) {
        if let SignInError::Refused { code, message } = error
            && is_about_the_secret(code)
        {
            self.entry.refused = Some(Refusal::of(secret, self.inner.clock.now(), code, message));
            self.save();
        }
    }

    /// Mints a token; `false` when the session is dead.
    async fn mint(&mut self) -> Result<bool, TokenError> {
        let inner = self.inner;
        let Some(session) = self.entry.session.clone() else { return Err(SignInError::NoSession.into()) };
        tracing::info!("minting a token for {}", inner.client_id);
        let minted = token::mint(&inner.login, &inner.exchange, &*inner.clock, &session, &inner.client_id);
        match minted.await? {
            Minted::Dead => Ok(false),
            Minted::Token(token) => {
                self.entry.session = Some(session.used(token.minted));
                self.entry.keep(token);
                self.save();
                Ok(true)
            }
        }
    }

    /// What cannot be kept on disk is kept in memory: the sign-in is done, and its result is good.
    fn save(&self) {
        if let Err(error) = self.inner.save(self.hold, self.entry) {
            tracing::warn!("{error}: this process keeps its session to itself");
        }
    }
}
