//! Organisations: the owners of users, and of the rules for their sessions.

use crate::access::{Permit, action};
use crate::cx::{Cx, Policy};
use crate::org_policy::Decided;
use crate::store::StoreError;
use crate::time::{Timestamp, minutes};
use crate::user::User;
use std::sync::Arc;
use std::time::Duration;
use wire::OrgId;

/// The parent of every top-level org (protocol.md 2.1): it holds no users and cannot be signed in to.
pub const ROOT: OrgId = OrgId::from_bits(0x6c61_7463_686b_6579_8000_0000_0000_0000);

/// An organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Org {
    /// Its id.
    pub id: OrgId,
    /// What people call it.
    pub name: String,
    /// Its parent, [`ROOT`] for a top-level org.
    pub parent: OrgId,
    /// The region where its users sign in; `None` is here.
    pub region: Option<String>,
    /// What its session ids are.
    pub authentication: Authentication,
    /// Idle limit of its sessions in minutes; `None` takes the instance's.
    pub idle_minutes: Option<u32>,
    /// Absolute limit of its sessions in minutes; `None` takes the instance's.
    pub absolute_minutes: Option<u32>,
    /// How many sessions it may hold at once (`restApiSessionLimit`, protocol.md 1.4); `None` takes the instance's.
    pub session_limit: Option<u32>,
    /// What else it decides for itself.
    pub decided: Decided,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// What stands in the session id field of an org's sign-ins (protocol.md 3.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authentication {
    /// 22 random characters; the session slides.
    SessionId,
    /// A signed JWT that lives this many minutes, used or not.
    Jwt {
        /// Its life in minutes.
        minutes: u32,
    },
}

impl Authentication {
    /// The lives that an org may choose for its JWTs, in minutes (protocol.md 3.5).
    pub const JWT_MINUTES: [u32; 6] = [15, 30, 60, 120, 180, 240];
}

impl Org {
    /// How long its sessions live without a call.
    pub fn idle(&self, policy: &Policy) -> Duration {
        self.idle_minutes.map_or(policy.idle, minutes)
    }

    /// How long its sessions live whatever happens.
    pub fn absolute(&self, policy: &Policy) -> Duration {
        self.absolute_minutes.map_or(policy.absolute, minutes)
    }

    /// How many sessions it may hold at once.
    pub fn session_limit(&self, policy: &Policy) -> u64 {
        self.session_limit.map_or(policy.sessions_per_org, u64::from)
    }
}

/// An org with those right below it.
#[derive(Debug)]
pub struct Shown {
    /// The org.
    pub org: Arc<Org>,
    /// The orgs right below it, a thousand at the most.
    pub below: Vec<Arc<Org>>,
}

/// The org that something belongs to; there is always one.
pub(crate) async fn of(cx: &Cx, id: OrgId) -> Result<Arc<Org>, StoreError> {
    cx.store.org(id).await?.ok_or_else(|| StoreError::Corrupt("something without its org".into()))
}

/// How many failures lock a user.
pub async fn attempts_allowed(cx: &Cx, user: &User) -> Result<u32, StoreError> {
    match user.max_login_attempts {
        Some(attempts) => Ok(attempts),
        None => Ok(of(cx, user.org).await?.max_login_attempts(&cx.policy)),
    }
}

/// The org of the permit.
pub async fn show(cx: &Cx, permit: &Permit<action::ViewOrg>) -> Result<Option<Shown>, StoreError> {
    let Some(org) = cx.store.org(permit.org()).await? else { return Ok(None) };
    Ok(Some(Shown { below: cx.store.orgs_below(org.id).await?, org }))
}

/// The org with this name, if it is that of the permit or right below it.
pub async fn named(
    cx: &Cx,
    permit: &Permit<action::ViewOrg>,
    name: &str,
) -> Result<Option<Shown>, StoreError> {
    let Some(Shown { org, below }) = show(cx, permit).await? else { return Ok(None) };
    if org.name == name {
        return Ok(Some(Shown { org, below }));
    }
    let Some(org) = below.into_iter().find(|org| org.name == name) else { return Ok(None) };
    Ok(Some(Shown { below: cx.store.orgs_below(org.id).await?, org }))
}
