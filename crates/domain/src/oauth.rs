//! Tokens of `/authz-service`: for a client itself, for an assertion, in exchange for another proof; known and withdrawn.

use crate::access::{self, Caller, Use};
use crate::audit::{Event, Visit, trail};
use crate::cx::Cx;
use crate::keyring::KeyError;
use crate::method::Busy;
use crate::method::oauth_client::{self, ClientProof, NotProven, Presented};
use crate::revocation;
use crate::session::{self, Live};
use crate::sign_in::{self, SignInError};
use crate::store::StoreError;
use crate::time::Timestamp;
use crate::token::{self, LIFE, OWN_AUDIENCE, Verified};
use crate::user::User;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use wire::oauth::{AccessClaims, Actor, Grant};
use wire::{OrgId, Secret};

/// How many clients may stand behind one another in a token, each acting for the one before.
const MOST_ACTORS: usize = 4;

/// What a token is asked for with.
#[derive(Debug)]
pub struct Asked {
    /// The client that asks, if one does.
    pub client: Option<Presented>,
    /// On what ground.
    pub ground: Ground,
    /// The audience that the token is to have; the setting's when none is named.
    pub audience: Option<String>,
    /// Through which door.
    pub visit: Visit,
}

/// On what ground a token is asked for.
#[derive(Debug)]
pub enum Ground {
    /// The client is itself the subject (RFC 6749 section 4.4).
    Itself,
    /// A JWT of an identity provider of an org: the client's, or the one that is named (RFC 7523 section 2.1).
    Assertion(Secret, Option<OrgId>),
    /// A live session, which is used by this (RFC 8693).
    Session(Secret),
    /// A token of a user (RFC 8693).
    Token(Secret),
}

/// A new token, with its only copy.
#[derive(Debug)]
pub struct Granted {
    /// The token.
    pub token: Secret,
    /// How long it lives.
    pub life: Duration,
}

/// Why no token was granted, or a client not heard.
#[derive(Debug)]
pub enum GrantError {
    /// The client did not prove itself; why, nobody is told.
    InvalidClient,
    /// The assertion opened nothing.
    NotSignedIn(SignInError),
    /// No org was named, and no client that has one.
    NoOrg,
    /// The session or the token that was presented is not alive, not a user's, or not for whoever presents it.
    InvalidSubject,
    /// Nobody here has that audience, or the subject may not be taken there.
    InvalidTarget,
    /// Too much arrives at once.
    Busy,
    /// There is no key to sign with.
    NoKey,
    /// The org has withdrawn as many tokens as it may at once.
    TooManyRevoked,
    /// The store did not do it.
    Store(StoreError),
}

impl From<StoreError> for GrantError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<KeyError> for GrantError {
    fn from(KeyError: KeyError) -> Self {
        Self::NoKey
    }
}

impl From<Busy> for GrantError {
    fn from(_: Busy) -> Self {
        Self::Busy
    }
}

impl From<NotProven> for GrantError {
    fn from(error: NotProven) -> Self {
        match error {
            NotProven::Refused => Self::InvalidClient,
            NotProven::Throttled { wait } => Self::NotSignedIn(SignInError::Throttled { wait }),
            NotProven::Busy => Self::Busy,
            NotProven::Store(error) => Self::Store(error),
        }
    }
}

impl From<access::NotACaller> for GrantError {
    fn from(error: access::NotACaller) -> Self {
        match error {
            access::NotACaller::Dead => Self::InvalidSubject,
            access::NotACaller::Store(error) => Self::Store(error),
        }
    }
}

/// Grants a token, or says why not. A client that presents itself must be right, whatever else is presented.
pub async fn grant(cx: &Cx, asked: Asked) -> Result<Granted, GrantError> {
    let Asked { client, ground, audience, visit } = asked;
    let client = match client {
        Some(presented) => Some(oauth_client::prove(cx, &presented, visit).await?),
        None => None,
    };
    let audience = audience.unwrap_or_else(|| cx.policy.oauth_audience.clone());
    if !token::is_audience(cx, &audience) {
        return Err(GrantError::InvalidTarget);
    }
    match ground {
        Ground::Itself => for_itself(cx, &client.ok_or(GrantError::InvalidClient)?, audience),
        Ground::Assertion(assertion, org) => {
            let org = client.as_ref().map(|proof| proof.org().id).or(org).ok_or(GrantError::NoOrg)?;
            let signed_in = sign_in::for_a_token(cx, org, assertion, visit).await;
            let caller = signed_in.map_err(GrantError::NotSignedIn)?;
            let now = cx.clock.now();
            issue(cx, &caller, client.as_ref(), Draft { audience, ..Draft::new(now, now + LIFE) })
        }
        Ground::Session(id) => for_session(cx, &id, client.as_ref(), audience, visit.address).await,
        Ground::Token(token) => {
            for_token(cx, &token, &client.ok_or(GrantError::InvalidClient)?, audience).await
        }
    }
}

/// What a token is to say beside whose it is.
struct Draft {
    audience: String,
    now: Timestamp,
    until: Timestamp,
    unique_id: String,
    before: Option<Actor>,
}

impl Draft {
    fn new(now: Timestamp, until: Timestamp) -> Self {
        Self { audience: String::new(), now, until, unique_id: String::new(), before: None }
    }
}

fn for_itself(cx: &Cx, proof: &ClientProof, audience: String) -> Result<Granted, GrantError> {
    let caller = Caller::client(proof);
    let now = cx.clock.now();
    let until = now + proof.client().terms.token_life();
    issue(cx, &caller, Some(proof), Draft { audience, ..Draft::new(now, until) })
}

/// A session gives what it would give by itself, and no longer than it lives.
async fn for_session(
    cx: &Cx,
    id: &Secret,
    client: Option<&ClientProof>,
    audience: String,
    from: Option<IpAddr>,
) -> Result<Granted, GrantError> {
    let caller = access::caller(cx, std::slice::from_ref(id), from, Use::Call).await?;
    is_of_org(client, caller.org().id)?;
    let now = cx.clock.now();
    let ends = caller.session().map_or(now, |session| session.expires_at());
    let unique_id = token::unique_id(cx, &caller).await?;
    issue(cx, &caller, client, Draft { audience, unique_id, ..Draft::new(now, ends.min(now + LIFE)) })
}

/// A token goes on to another service only by a client of its org, no longer than it lives itself, and to this service
/// only if it was for it already: else whichever service a user calls could administer in their name.
async fn for_token(
    cx: &Cx,
    presented: &Secret,
    client: &ClientProof,
    audience: String,
) -> Result<Granted, GrantError> {
    let now = cx.clock.now();
    let token = access::good(cx, presented.as_ref(), now).await?.ok_or(GrantError::InvalidSubject)?;
    let before = token.grant.as_ref().and_then(|grant| grant.act.clone());
    let is_of_user = token.grant.as_ref().is_none_or(|grant| grant.sub != token.claims.client_id);
    if !is_of_user || actors(before.as_ref()) >= MOST_ACTORS {
        return Err(GrantError::InvalidSubject);
    }
    is_of_org(Some(client), token.claims.org_id)?;
    if audience == OWN_AUDIENCE && token.claims.aud != OWN_AUDIENCE {
        return Err(GrantError::InvalidTarget);
    }
    let user = access::holder(cx, &token).await?.ok_or(GrantError::InvalidSubject)?;
    let caller = Caller::named_by(user, client);
    let until = token.expires_at().min(now + LIFE);
    issue(cx, &caller, Some(client), Draft { audience, before, ..Draft::new(now, until) })
}

fn is_of_org(client: Option<&ClientProof>, org: OrgId) -> Result<(), GrantError> {
    let fits = client.is_none_or(|client| client.org().id == org);
    if fits { Ok(()) } else { Err(GrantError::InvalidSubject) }
}

fn actors(actor: Option<&Actor>) -> usize {
    std::iter::successors(actor, |actor| actor.act.as_deref()).count()
}

fn issue(
    cx: &Cx,
    caller: &Caller,
    client: Option<&ClientProof>,
    draft: Draft,
) -> Result<Granted, GrantError> {
    let now = token::issued_at(caller.user(), draft.now);
    let limit = client.map_or(draft.until, |proof| now + proof.client().terms.token_life());
    let until = draft.until.min(limit);
    let mut claims = token::claims(cx, caller.user(), caller.org(), now, until);
    claims.iss = cx.policy.authz_issuer();
    claims.aud = draft.audience;
    claims.unique_id = draft.unique_id;
    claims.client_id = client.map(|proof| proof.client().id.base62()).unwrap_or_default();
    let sub = caller.user().id.base62();
    let acts = Some(&claims.client_id).filter(|id| !id.is_empty() && **id != sub);
    let act = acts.map(|id| Actor { sub: id.clone(), act: draft.before.map(Box::new) });
    let grant = Grant { sub, client_secret_id: client.map(ClientProof::secret), act };
    let token = token::sign(&*cx.keyring.signing()?, &AccessClaims { claims: &claims, grant: &grant })?;
    trail::minted(cx, caller, claims);
    Ok(Granted { token, life: until.since(now) })
}

/// What a client hears about something that it was presented.
#[derive(Debug)]
pub enum Known {
    /// A token that is good, and whom it names.
    Token(Arc<Verified>, Arc<User>),
    /// A live session.
    Session(Live),
}

/// Says what something is, if it is alive and of the client's org; asking uses nothing up (RFC 7662).
pub async fn introspect(
    cx: &Cx,
    client: &Presented,
    token: &Secret,
    visit: Visit,
) -> Result<Option<Known>, GrantError> {
    let proof = oauth_client::prove(cx, client, visit).await?;
    known(cx, &proof, token, visit.address).await
}

/// Withdraws a token, or ends a session, that a client of the same org presents. What is nothing, or somebody else's, is
/// passed over (RFC 7009 section 2.2).
pub async fn revoke(cx: &Cx, client: &Presented, token: &Secret, visit: Visit) -> Result<(), GrantError> {
    let proof = oauth_client::prove(cx, client, visit).await?;
    match known(cx, &proof, token, visit.address).await? {
        None => Ok(()),
        Some(Known::Session(live)) => Ok(session::end(cx, &Caller::holding(live, token.clone())).await?),
        Some(Known::Token(verified, user)) => {
            let (jti, org) = (verified.claims.jti.clone(), verified.claims.org_id);
            let event = Event::TokenRevoked { org, user: user.id, jti, by: proof.client().id };
            let about = (org, verified.expires_at());
            let had_room = revocation::revoke(cx, &verified.claims.jti, about, event).await?;
            if had_room { Ok(()) } else { Err(GrantError::TooManyRevoked) }
        }
    }
}

async fn known(
    cx: &Cx,
    proof: &ClientProof,
    presented: &Secret,
    from: Option<IpAddr>,
) -> Result<Option<Known>, GrantError> {
    let (now, org) = (cx.clock.now(), proof.org().id);
    if let Some(token) = access::good(cx, presented.as_ref(), now).await? {
        let holder = access::holder(cx, &token).await?.filter(|_| token.claims.org_id == org);
        return Ok(holder.map(|user| Known::Token(token, user)));
    }
    let live = session::find(cx, presented, from, now).await?;
    Ok(live.filter(|live| live.org.id == org).map(Known::Session))
}
