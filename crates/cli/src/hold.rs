//! Having a session or a token in hand: from the cache when it will do, else from the login host.

use crate::account::Account;
use crate::cmd::block_on;
use crate::error::Failure;
use crate::{explain, print, progress};
use client::{CLIENT_ID, CacheError, Clock, Entry, Session, SystemClock, Token};
use std::time::Duration;

/// What a command wants to have.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The client of the token.
    pub client_id: String,
    /// How long it must be good for.
    pub life: Duration,
    /// Whether a token, a session or both.
    pub what: What,
}

/// Which of the two credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// A session.
    Session,
    /// A token.
    Token,
    /// Whatever this account can have.
    Both,
}

/// What a command has in hand.
#[derive(Debug, Clone)]
pub struct Held {
    /// The session, unless the account is an OAuth client.
    pub session: Option<Session>,
    /// The token, when it was wanted or known.
    pub token: Option<Token>,
}

impl Wanted {
    /// Wants this from an account; an OAuth client gets tokens for itself only.
    pub fn of(account: &Account, what: What, minutes: u32) -> Self {
        let client_id = account.oauth_client().unwrap_or(CLIENT_ID).to_owned();
        Self { client_id, life: Duration::from_secs(u64::from(minutes) * 60), what }
    }

    /// What the cache has, if that will do. No runtime, no network, no keyring.
    fn kept(&self, entry: &Entry, account: &Account) -> Option<Held> {
        let now = SystemClock.now();
        let session = entry.session_for(self.life, now).cloned();
        let token = entry.token_for(&self.client_id, self.life, now).cloned();
        let done = match self.what {
            What::Session => session.is_some(),
            What::Token => token.is_some(),
            What::Both => token.is_some() && (session.is_some() || account.oauth_client().is_some()),
        };
        done.then_some(Held { session, token })
    }
}

/// Gets what is wanted, and signs in again when it must and can.
pub fn obtain(account: &Account, wanted: &Wanted) -> Result<Held, Failure> {
    if let Some(held) = kept(account)?.and_then(|entry| wanted.kept(&entry, account)) {
        tracing::info!("found in the cache");
        return Ok(held);
    }
    let builder = account.builder().client_id(&wanted.client_id).least_life(wanted.life);
    let client = builder.build().map_err(Failure::usage)?;
    let host = account.login.as_str();
    let what = format!("waiting for {host}");
    let held = block_on(progress::while_waiting(&what, async {
        let mut held = Held { session: None, token: None };
        if wanted.what != What::Token && account.oauth_client().is_none() {
            held.session = Some(client.session().await.map_err(|error| explain::sign_in(error, host))?);
        }
        if wanted.what != What::Session {
            held.token = Some(client.token().await.map_err(|error| explain::token(error, host))?);
        }
        // Minting may have found the session dead and opened another.
        let entry = account.cache().read(&account.key()).ok().flatten();
        say_what_is_not_kept(account, entry.as_ref());
        if let Some(session) = entry.and_then(|entry| entry.session) {
            held.session = Some(session);
        }
        Ok(held)
    }))?;
    say_what_is_short(&held, wanted);
    Ok(held)
}

/// What the cache has. A file that was cut is reported and taken out of the way, so that one sign-in mends it.
pub fn kept(account: &Account) -> Result<Option<Entry>, Failure> {
    let (cache, key) = (account.cache(), account.key());
    match cache.read(&key) {
        Ok(entry) => Ok(entry),
        Err(error @ CacheError::Unusable { .. }) => Err(explain::cache(error)),
        Err(error @ CacheError::Unreadable { .. }) => {
            print::note(&format!("{error}: signing in again"));
            let hold = cache.lock(&key).map_err(explain::cache)?;
            match hold.read() {
                // Somebody else has mended it.
                Ok(entry) => Ok(entry),
                Err(_still) => hold.clear().map(|()| None).map_err(explain::cache),
            }
        }
    }
}

fn say_what_is_not_kept(account: &Account, entry: Option<&Entry>) {
    if entry.is_none() {
        let folder = account.choice.folders.sessions();
        print::note(&format!("{} cannot be used: every command signs in anew", folder.display()));
    }
}

fn say_what_is_short(held: &Held, wanted: &Wanted) {
    let now = SystemClock.now();
    let ends = match wanted.what {
        What::Session => held.session.as_ref().map(|session| session.expires),
        What::Token | What::Both => held.token.as_ref().map(|token| token.expires),
    };
    if let Some(ends) = ends.filter(|ends| *ends < now + wanted.life) {
        let minutes = ends.since(now).as_secs().div_euclid(60);
        print::note(&format!("this login host gives nothing that lasts longer than {minutes} minutes"));
    }
}
