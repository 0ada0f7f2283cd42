//! Who is signed in, and what happened, as owners and administrators see it. No session id is ever seen here.

use crate::access::{Caller, Over, Permit, action};
use crate::audit::Event;
use crate::cx::Cx;
use crate::page::Page;
use crate::session::{Session, SessionDigest};
use crate::store::StoreError;
use crate::time::Timestamp;
use crate::user::User;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

/// What may be said of a session in public: the first half of its digest. It names a session and opens nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Handle(pub [u8; 16]);

impl From<SessionDigest> for Handle {
    fn from(SessionDigest(digest): SessionDigest) -> Self {
        let (first, _) = digest.split_at(16);
        Self(first.try_into().unwrap_or_default())
    }
}

impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// This text is no handle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAHandle;

impl FromStr for Handle {
    type Err = NotAHandle;

    fn from_str(text: &str) -> Result<Self, NotAHandle> {
        let is_hex = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let bits = u128::from_str_radix(text, 16).map_err(|_| NotAHandle)?;
        is_hex.then(|| Self(bits.to_be_bytes())).ok_or(NotAHandle)
    }
}

/// Where a session was opened from, as far as that is known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Origin {
    /// The address of the peer.
    pub address: Option<IpAddr>,
    /// What the program called itself, at most [`Origin::LONGEST`] characters that can be seen.
    pub device: Option<String>,
}

impl Origin {
    /// How much of what a program calls itself is kept.
    pub const LONGEST: usize = 200;

    /// An origin; whatever cannot be seen in the name of the program is left out.
    pub fn new(address: Option<IpAddr>, device: Option<&str>) -> Self {
        let visible = |text: &str| text.chars().filter(|c| !c.is_control()).take(Self::LONGEST).collect();
        Self { address, device: device.map(visible).filter(|text: &String| !text.is_empty()) }
    }
}

/// Notes where the session of a sign-in came from; written behind, like its use.
pub fn came_from(cx: &Cx, caller: &Caller, origin: &Origin) {
    for session in caller.sessions() {
        if session.came_from(origin.clone()) {
            cx.store.touched(session);
        }
    }
}

/// A session with its owner.
#[derive(Debug)]
pub struct Seen {
    /// The session.
    pub session: Arc<Session>,
    /// Where it was opened from, as far as that is known.
    pub origin: Origin,
    /// Whose it is.
    pub user: Arc<User>,
}

/// The caller's own sessions, the last used first.
pub async fn mine(cx: &Cx, caller: &Caller, page: Page) -> Result<Vec<Seen>, StoreError> {
    let (org, user, now) = (caller.org().id, caller.user().id, cx.clock.now());
    with_owners(cx, cx.store.sessions(org, Some(user), page, now).await?).await
}

/// The sessions of an org, the last used first.
pub async fn of_org(
    cx: &Cx,
    permit: &Permit<action::ManageSessions>,
    page: Page,
) -> Result<Vec<Seen>, StoreError> {
    with_owners(cx, cx.store.sessions(permit.org(), None, page, cx.clock.now()).await?).await
}

async fn with_owners(cx: &Cx, sessions: Vec<(Arc<Session>, Origin)>) -> Result<Vec<Seen>, StoreError> {
    let mut seen = Vec::new();
    for (session, origin) in sessions {
        let user = cx.store.user(session.user).await?;
        seen.extend(user.map(|user| Seen { session, origin, user }));
    }
    Ok(seen)
}

/// Ends one of the caller's own sessions; `false` when none of them has this handle.
pub async fn end_mine(cx: &Cx, caller: &Caller, handle: Handle) -> Result<bool, StoreError> {
    let session = cx.store.session_by_handle(handle).await?;
    let Some(session) = session.filter(|session| session.user == caller.user().id) else {
        return Ok(false);
    };
    let event = Event::SignedOut { user: session.user, org: session.org, session: session.digest.into() };
    cx.store.end_session(&session, &event.at(cx.clock.now())).await?;
    Ok(true)
}

/// Ends one session of somebody else.
pub async fn end_one(cx: &Cx, over: Over<action::ManageSessions, Session>) -> Result<(), StoreError> {
    let (session, by) = (over.thing(), over.permit().by());
    let event =
        Event::SessionEnded { org: session.org, user: session.user, session: session.digest.into(), by };
    cx.store.end_session(session, &event.at(cx.clock.now())).await
}

/// Ends every session of a user.
pub async fn end_user(cx: &Cx, over: Over<action::ManageSessions, User>) -> Result<(), StoreError> {
    let (user, by) = (over.thing(), over.permit().by());
    let event = Event::UserSessionsEnded { org: user.org, user: user.id, by };
    cx.store.end_user_sessions(user.id, &event.at(cx.clock.now())).await
}

/// Ends every session of an org.
pub async fn end_org(cx: &Cx, permit: Permit<action::ManageSessions>) -> Result<(), StoreError> {
    let event = Event::OrgSessionsEnded { org: permit.org(), by: permit.by() };
    cx.store.end_org_sessions(permit.org(), &event.at(cx.clock.now())).await
}

/// One thing that happened, as it was written down.
#[derive(Debug, Clone, PartialEq)]
pub struct Logged {
    /// Its number in the record.
    pub number: i64,
    /// When.
    pub at: Timestamp,
    /// What: the fields of an [`Event`] by their names.
    pub event: serde_json::Value,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_is_read_as_it_is_written() {
        let handle = Handle::from(SessionDigest([0xab; 32]));
        assert_eq!(handle.to_string(), "ab".repeat(16));
        assert_eq!(handle.to_string().parse(), Ok(handle));
        for text in ["", "+bababababababababababababababab", "3fTqk0ZpXyLr9bWcV2uN7e", &"ab".repeat(17)] {
            assert_eq!(text.parse::<Handle>(), Err(NotAHandle), "{text}");
        }
    }

    #[test]
    fn an_origin_keeps_what_can_be_seen() {
        let origin = Origin::new(None, Some(&format!("curl\u{1b}[2J\n{}", "x".repeat(300))));
        assert_eq!(origin.device.map(|device| device.len()), Some(Origin::LONGEST));
        assert_eq!(Origin::new(None, Some("\u{0}")).device, None);
    }
}
