//! Sessions: opened with a proof, found by what is presented, kept by use, ended for good.

mod digest;
mod held;
mod unique_id;

pub use digest::SessionDigest;
pub use held::{Record, Session};

use crate::access::{Caller, Permit, action};
use crate::attempts;
use crate::audit::Event;
use crate::cx::Cx;
use crate::entropy;
use crate::method::Proof;
use crate::org::{Authentication, Org};
use crate::saml::session::SamlSession;
use crate::store::StoreError;
use crate::time::{Timestamp, minutes};
use crate::token;
use crate::user::User;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use wire::Secret;

/// Characters of a session id: 131 random bits (protocol.md 1.2).
const ID_LENGTH: usize = 22;

/// The longest session id that is looked at; in JWT mode ids are long (protocol.md 3.5).
const LONGEST_ID: usize = 16_000;

/// A new session, with the only copy of its id.
pub struct Opened {
    /// The id, to be handed to its owner.
    pub id: Secret,
    /// Its owner.
    pub caller: Caller,
}

/// Takes a place among the org's sessions; `None` when all are taken.
pub(crate) async fn place(cx: &Cx, proof: &Proof) -> Result<Option<Place>, StoreError> {
    let org = proof.org();
    cx.store.place(org.id, org.session_limit(&cx.policy), cx.clock.now()).await
}

/// What an identity provider says of the session of somebody who was proven.
#[derive(Debug, Default)]
pub(crate) struct Asserted {
    /// Until when it may live.
    pub(crate) ends_by: Option<Timestamp>,
    /// What it is called there, so that it can be ended from there.
    pub(crate) known_as: Option<SamlSession>,
}

/// Turns evidence into a session, which lives no longer than its provider wants.
pub(crate) async fn open(
    cx: &Cx,
    proof: Proof,
    _place: Place,
    asserted: Asserted,
) -> Result<Opened, OpenError> {
    let now = cx.clock.now();
    let Asserted { ends_by, known_as } = asserted;
    let within = |ends_at: Timestamp| ends_by.map_or(ends_at, |by| by.min(ends_at));
    let (user, org) = (Arc::clone(proof.user()), Arc::clone(proof.org()));
    let (id, ends_at, idle) = match org.authentication {
        Authentication::SessionId => (
            entropy::word(&*cx.entropy, ID_LENGTH),
            within(now + org.absolute(&cx.policy)),
            Some(org.idle(&cx.policy)),
        ),
        Authentication::Jwt { minutes: life } => {
            let ends_at = within(now + minutes(life));
            (token::session_token(cx, &user, &org, now, ends_at).map_err(StoreError::from)?, ends_at, None)
        }
    };
    let digest = SessionDigest::of(&id);
    let session = Arc::new(Session::from(Record {
        digest,
        user: user.id,
        org: org.id,
        opened_at: now,
        seen_at: now,
        ends_at,
        idle,
        unique_id: None,
        origin: None,
    }));
    let event = Event::SignedIn {
        user: user.id,
        org: org.id,
        session: digest.into(),
        method: proof.method(),
        visit: proof.visit(),
    };
    let (proven, entry) = (&user.revision, event.at(now));
    let opened = match &known_as {
        None => cx.store.open_session(&session, proven, &entry).await,
        Some(known_as) => cx.store.open_saml_session(&session, proven, known_as, &entry).await,
    };
    opened.map_err(overtaken)?;
    let caller = Caller::holding(Live { session, user, org }, id.clone());
    Ok(Opened { id, caller })
}

/// Why no session was opened for somebody who was proven.
#[derive(Debug)]
pub(crate) enum OpenError {
    /// They were changed while they were being proven, perhaps disabled or given another password.
    Overtaken,
    /// The store did not do it.
    Store(StoreError),
}

impl From<StoreError> for OpenError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

fn overtaken(error: StoreError) -> OpenError {
    if error == StoreError::Conflict { OpenError::Overtaken } else { error.into() }
}

/// Finds the live session that a presented id names.
///
/// From outside the ranges that the org trusts it is as dead as one that has ended (protocol.md 7.4).
pub(crate) async fn find(
    cx: &Cx,
    presented: &Secret,
    from: Option<IpAddr>,
    now: Timestamp,
) -> Result<Option<Live>, StoreError> {
    if !is_plausible(presented.expose()) {
        return Ok(None);
    }
    let digest = SessionDigest::of(presented);
    let live = match cx.store.at_hand(&digest) {
        Some(live) => Some(live),
        None => cx.store.live(&digest).await?,
    };
    let is_inside = |live: &Live| live.org.admits(&cx.policy, from);
    Ok(live.filter(|live| !live.session.has_ended(now) && live.user.is_active() && is_inside(live)))
}

/// Slides the session: it has just been used.
pub(crate) fn touch(cx: &Cx, session: &Arc<Session>, now: Timestamp) {
    if session.touch(now) {
        cx.store.touched(session);
    }
}

/// Ends every session that the caller presented, for every carrier: all or none, so that whoever hears that it was not done
/// can have all of it done again.
pub async fn end(cx: &Cx, caller: &Caller) -> Result<(), StoreError> {
    let (sessions, now) = (caller.sessions().cloned().collect::<Vec<_>>(), cx.clock.now());
    let signed_out = |session: &Arc<Session>| {
        let Session { user, org, digest, .. } = **session;
        Event::SignedOut { user, org, session: digest.into() }.at(now)
    };
    match sessions.as_slice() {
        [] => Ok(()),
        [session] => cx.store.end_session(session, &signed_out(session)).await,
        several => {
            let entries: Vec<_> = several.iter().map(signed_out).collect();
            cx.store.end_sessions(several, &entries).await
        }
    }
}

/// Ends every session of the org that the permit names.
pub async fn end_all(cx: &Cx, permit: Permit<action::EndOrgSessions>) -> Result<(), StoreError> {
    let event = Event::OrgSessionsEnded { org: permit.org(), by: permit.by() };
    cx.store.end_org_sessions(permit.org(), &event.at(cx.clock.now())).await
}

/// What a probe hears about a presented id; asking does not slide the session (protocol.md 4.7).
pub async fn time_left(
    cx: &Cx,
    presented: &Secret,
    user: Option<&str>,
    from: Option<IpAddr>,
) -> Result<Option<Duration>, StoreError> {
    let now = cx.clock.now();
    let live = find(cx, presented, from, now).await?;
    let theirs = |live: &Live| {
        user.is_none_or(|name| live.user.name.canonical() == crate::name::CanonicalName::of(name))
    };
    Ok(live.filter(theirs).map(|live| live.session.expires_at().since(now)))
}

/// Forgets the sessions that are over, and the counters of attempts that nobody makes any more.
pub async fn forget(cx: &Cx) -> Result<(), StoreError> {
    let (now, lockout) = (cx.clock.now(), &cx.policy.lockout);
    cx.store.forget_sessions(now).await?;
    cx.store.forget_attempts(now - lockout.forget, now - attempts::KNOWN, lockout.names).await
}

fn is_plausible(presented: &str) -> bool {
    let jwt = presented.contains('.') && presented.len() <= LONGEST_ID;
    (presented.len() == ID_LENGTH || jwt)
        && presented.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

/// A session with its owner and org, as a store finds it; it may have ended.
#[derive(Debug, Clone)]
pub struct Live {
    /// The session.
    pub session: Arc<Session>,
    /// Whose it is.
    pub user: Arc<User>,
    /// The org it works in.
    pub org: Arc<Org>,
}

/// One place among an org's sessions, held while a session is being opened.
#[derive(Debug)]
pub struct Place(Arc<AtomicU64>);

impl Place {
    /// Takes a place; the counter tells how many are held.
    pub fn take(held: &Arc<AtomicU64>) -> Self {
        held.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(held))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_be_an_id_is_looked_up() {
        for good in ["3fTqk0ZpXyLr9bWcV2uN7e", "eyJ.e30.c2ln"] {
            assert!(is_plausible(good), "{good}");
        }
        for bad in [
            "",
            "short",
            "3fTqk0ZpXyLr9bWcV2uN7'",
            "3fTqk0ZpXyLr9bWcV2uN7e0",
            &format!("a.{}", "b".repeat(LONGEST_ID)),
        ] {
            assert!(!is_plausible(bad), "{bad}");
        }
    }
}
