//! Tokens: ES256, thirty minutes, fifteen claims, bound to the session that minted them (protocol.md 3).

use crate::access::Caller;
use crate::audit::{Event, MintRefusal, trail};
use crate::cx::{Cx, World};
use crate::keyring::{self, Key, KeyError};
use crate::method::Busy;
use crate::org::Org;
use crate::revocation;
use crate::session;
use crate::store::StoreError;
use crate::time::Timestamp;
use crate::user::{self, User};
use aws_lc_rs::digest;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL;
use serde::Serialize;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;
use wire::jwt::Claims;
use wire::oauth::Grant;
use wire::{Secret, SecretRef};

/// How long an access token lives, used or not (seed: "expires after 30 minutes").
pub const LIFE: Duration = Duration::from_secs(30 * 60);

/// The audience of a token that is for calls of this service itself.
pub const OWN_AUDIENCE: &str = "latchkey";

/// The audience of a session id in JWT mode, so that it never passes for an access token.
pub const SESSION_AUDIENCE: &str = "session";

/// What a caller says to tell its tokens apart; echoed, never compared.
#[derive(Debug, Clone)]
pub struct Nonce(String);

/// A nonce is 1 to 255 characters.
#[derive(Debug, Clone, Copy)]
pub struct NotANonce;

impl FromStr for Nonce {
    type Err = NotANonce;

    fn from_str(text: &str) -> Result<Self, NotANonce> {
        if (1..=255).contains(&text.chars().count()) { Ok(Self(text.to_owned())) } else { Err(NotANonce) }
    }
}

/// Why no token was minted.
#[derive(Debug)]
pub enum MintError {
    /// No client has this `client_id`.
    UnknownClient,
    /// Too many sessions mint their first token at once; a later try may do.
    Busy,
    /// The user was disabled or got another password meanwhile.
    Ended,
    /// There is no key to sign with.
    NoKey,
    /// The store did not do it.
    Store(StoreError),
}

impl From<StoreError> for MintError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<KeyError> for MintError {
    fn from(_: KeyError) -> Self {
        Self::NoKey
    }
}

impl From<Busy> for MintError {
    fn from(_: Busy) -> Self {
        Self::Busy
    }
}

/// Mints an access token from the caller's session.
pub async fn mint(cx: &Cx, caller: &Caller, client_id: &str, nonce: Nonce) -> Result<Secret, MintError> {
    let minted = signed(cx, caller, client_id, nonce).await;
    if let Err(error) = &minted {
        refused(cx, caller, error);
    }
    minted
}

/// Notes why there was no token, never what was asked for: people put anything into a `client_id`.
fn refused(cx: &Cx, caller: &Caller, error: &MintError) {
    let (org, user) = (caller.org().id, caller.user().id);
    let reason = match error {
        MintError::UnknownClient => MintRefusal::UnknownClient,
        MintError::Busy => MintRefusal::Busy,
        MintError::Ended => MintRefusal::Ended,
        MintError::Store(_) => MintRefusal::Unavailable,
        MintError::NoKey => MintRefusal::NoKey,
    };
    if trail::has_room_for(cx, org) {
        let session = caller.session().map(|session| session.digest.into());
        trail::note(cx, Event::MintRefused { org, user, session, reason });
    }
}

async fn signed(cx: &Cx, caller: &Caller, client_id: &str, nonce: Nonce) -> Result<Secret, MintError> {
    let audience = cx.policy.audiences.get(client_id).ok_or(MintError::UnknownClient)?;
    let unique_id = unique_id(cx, caller).await?;
    // Whoever lost their tokens while this one was being made gets none: a slow body or a hash may lie in between.
    let user = user::of(cx, caller.user().id).await?.filter(|user| user.is_active());
    let user = user.filter(|user| user.tokens_after == caller.user().tokens_after).ok_or(MintError::Ended)?;
    let now = issued_at(&user, cx.clock.now());
    let mut claims = claims(cx, &user, caller.org(), now, now + LIFE);
    claims.unique_id = unique_id;
    claims.nonce = nonce.0;
    claims.client_id = client_id.to_owned();
    claims.aud.clone_from(audience);
    let token = sign(&*cx.keyring.signing()?, &claims)?;
    trail::minted(cx, caller, claims);
    Ok(token)
}

/// A token tells its time in seconds. One that is minted in the second in which earlier ones became worthless tells the
/// next, or nobody could tell it from those.
pub(crate) fn issued_at(user: &User, now: Timestamp) -> Timestamp {
    match user.tokens_after {
        Some(after) if now.as_seconds() <= after.as_seconds() => {
            Timestamp::from_seconds(after.as_seconds() + 1)
        }
        Some(_) | None => now,
    }
}

/// The session id of an org in JWT mode: the same claims, and what the user may do (protocol.md 3.5).
pub(crate) fn session_token(
    cx: &Cx,
    user: &User,
    org: &Org,
    now: Timestamp,
    ends_at: Timestamp,
) -> Result<Secret, KeyError> {
    #[derive(Serialize)]
    struct SessionClaims {
        #[serde(flatten)]
        claims: Claims,
        roles: Vec<String>,
    }
    let mut claims = claims(cx, user, org, now, ends_at);
    SESSION_AUDIENCE.clone_into(&mut claims.aud);
    let roles = user.all_roles().iter().map(|role| role.name().to_owned()).collect();
    sign(&*cx.keyring.signing()?, &SessionClaims { claims, roles })
}

pub(crate) fn claims(cx: &Cx, user: &User, org: &Org, now: Timestamp, until: Timestamp) -> Claims {
    Claims {
        unique_id: String::new(),
        user_fname: user.profile.first_name().to_owned(),
        user_name: user.name.as_str().to_owned(),
        iss: cx.policy.issuer.clone(),
        nonce: String::new(),
        user_lname: user.profile.last_name().to_owned(),
        client_id: String::new(),
        aud: String::new(),
        user_org_id: user.org,
        user_id: user.id,
        org_id: org.id,
        exp: until.as_seconds(),
        org_name: org.name.clone(),
        iat: now.as_seconds(),
        jti: cx.request_id(),
        latchkey_emulator: cx.policy.world == World::Emulated,
    }
}

pub(crate) fn sign(key: &Key, claims: &impl Serialize) -> Result<Secret, KeyError> {
    let mut payload = Vec::with_capacity(1_024);
    serde_json::to_writer(&mut payload, claims).map_err(|_| KeyError)?;
    let mut token = String::with_capacity(key.header.len() + payload.len() * 4 / 3 + 92);
    token.push_str(&key.header);
    token.push('.');
    BASE64URL.encode_string(payload, &mut token);
    let signature = key.signer.sign(token.as_bytes())?;
    token.push('.');
    BASE64URL.encode_string(signature, &mut token);
    Ok(Secret::new(token))
}

/// The bcrypt hash of the session id: made once per session, however many first tokens are asked for at once.
pub(crate) async fn unique_id(cx: &Cx, caller: &Caller) -> Result<String, Busy> {
    let (Some(session), Some(presented)) = (caller.session(), caller.presented()) else {
        return Err(Busy::A_MOMENT);
    };
    if let Some(made) = session.unique_id() {
        return Ok(made);
    }
    let place = usize::from(session.digest.0.first().copied().unwrap_or(0)) % cx.binding.len();
    let _one_at_a_time = match cx.binding.get(place) {
        Some(lock) => lock.lock().await,
        None => return Err(Busy::A_MOMENT),
    };
    if session.unique_id().is_none() && session.bind(&cx.hasher.bind(presented.clone()).await?) {
        cx.store.touched(session);
    }
    session.unique_id().ok_or(Busy::A_MOMENT)
}

/// A token of ours whose signature and claims hold; whether it is still alive is asked at each use.
#[derive(Debug)]
pub struct Verified {
    /// Its claims.
    pub claims: Claims,
    /// What it says beside them if it is one of `/authz-service`.
    pub grant: Option<Grant>,
    kid: String,
    jti_digest: [u8; 32],
}

impl Verified {
    fn is_alive(&self, cx: &Cx, now: Timestamp) -> bool {
        self.expires_at() > now && cx.keyring.publishes(&self.kid, now)
    }

    /// Whether its user is still good for it: active, and with the password and the status of the time of its issue.
    pub(crate) fn is_vouched_for_by(&self, user: &User) -> bool {
        let is_late_enough = |after: Timestamp| self.claims.iat > after.as_seconds();
        user.id == self.claims.user_id && user.is_active() && user.tokens_after.is_none_or(is_late_enough)
    }

    /// By what it is withdrawn.
    pub(crate) fn jti_digest(&self) -> &[u8; 32] {
        &self.jti_digest
    }

    /// When it expires.
    pub fn expires_at(&self) -> Timestamp {
        Timestamp::from_seconds(self.claims.exp)
    }
}

/// Verifies an access token of ours; `None` whatever is wrong with it.
pub(crate) async fn verify(
    cx: &Cx,
    presented: SecretRef<'_>,
    now: Timestamp,
) -> Result<Option<Arc<Verified>>, StoreError> {
    let digest = digest::digest(&digest::SHA256, presented.expose().as_bytes());
    let Ok(digest) = <[u8; 32]>::try_from(digest.as_ref()) else { return Ok(None) };
    let verified = match cx.verified.get(&digest) {
        Some(verified) => verified,
        None => {
            let header = presented.expose().split('.').next().unwrap_or_default();
            if cx.keyring.with_header(header, now).is_none() && !keyring::look_for(cx, header, now).await? {
                return Ok(None);
            }
            let Some(verified) = verify_anew(cx, presented.expose(), now) else { return Ok(None) };
            let verified = Arc::new(verified);
            cx.verified.insert(digest, Arc::clone(&verified));
            verified
        }
    };
    Ok(Some(verified).filter(|verified| verified.is_alive(cx, now)))
}

/// Reads a token only after its signature held. The header is compared whole, so it cannot choose anything.
fn verify_anew(cx: &Cx, token: &str, now: Timestamp) -> Option<Verified> {
    let (message, signature) = token.rsplit_once('.')?;
    let (header, payload) = message.split_once('.')?;
    let key = cx.keyring.with_header(header, now)?;
    let signature = BASE64URL.decode(signature).ok()?;
    if !key.verifies(message.as_bytes(), &signature) {
        return None;
    }
    let payload = BASE64URL.decode(payload).ok()?;
    let claims: Claims = serde_json::from_slice(&payload).ok()?;
    let grant = if claims.iss == cx.policy.authz_issuer() {
        Some(serde_json::from_slice(&payload).ok()?)
    } else {
        None
    };
    let is_access_token = match &grant {
        Some(_) => is_audience(cx, &claims.aud),
        None => {
            let aud = Some(&claims.aud).filter(|aud| *aud != SESSION_AUDIENCE);
            aud.is_some()
                && cx.policy.audiences.get(&claims.client_id) == aud
                && claims.iss == cx.policy.issuer
        }
    };
    let is_of_this_world = claims.latchkey_emulator == (cx.policy.world == World::Emulated);
    let (kid, jti_digest) = (key.kid.clone(), revocation::digest_of(&claims.jti));
    (is_access_token && is_of_this_world).then_some(Verified { claims, grant, kid, jti_digest })
}

/// Whether a token of `/authz-service` may be for this audience: a client's of `jwt/Token`, or this service itself.
pub(crate) fn is_audience(cx: &Cx, audience: &str) -> bool {
    let known = cx.policy.audiences.values().any(|known| known == audience);
    (known || audience == OWN_AUDIENCE || audience == cx.policy.oauth_audience)
        && audience != SESSION_AUDIENCE
}

/// Whether a token was minted from this very session.
pub(crate) async fn is_bound(
    cx: &Cx,
    token: &Verified,
    session: &session::Session,
    presented: &Secret,
) -> Result<bool, Busy> {
    if session.unique_id().as_ref() == Some(&token.claims.unique_id) {
        return Ok(true);
    }
    // After a crash the session may have forgotten its hash; then the id itself tells.
    cx.hasher.is_bound(presented.clone(), token.claims.unique_id.clone()).await
}

impl From<Busy> for StoreError {
    fn from(_: Busy) -> Self {
        Self::Unavailable("every thread is busy".into())
    }
}
