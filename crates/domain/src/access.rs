//! Who is calling, and what they may do: the whole policy in this file and its folder.

mod bearer;
mod given;
mod over;
mod provisioner;

pub use bearer::caller_with_token;
pub(crate) use bearer::{good, holder};
pub use given::{Conferrable, Grantable, Joinable, Members, conferrable, grantable, joinable, members};
pub use over::{
    Act, NoPermit, Over, over_client, over_group, over_org, over_role, over_session, over_user, permit,
    remove_org,
};
pub(crate) use provisioner::token_name;
pub use provisioner::{Provisioner, provisioner};

pub(crate) use over::is_within;

use crate::cx::{Cx, Operator};
use crate::method::Proof;
use crate::org::{self, Org};
use crate::privilege::{Privilege, Privileges};
use crate::session::{self, Live, Session};
use crate::store::StoreError;
use crate::time::Timestamp;
use crate::token::{self, Verified};
use crate::user::User;
use std::marker::PhantomData;
use std::net::IpAddr;
use std::sync::Arc;
use wire::{OrgId, Secret, SecretRef, UserId};

/// Evidence of who is calling, made from what they presented and from nothing else.
///
/// ```compile_fail,E0451
/// # use domain::{access::Caller, org::Org, user::User};
/// fn forged(user: std::sync::Arc<User>, org: std::sync::Arc<Org>) -> Caller {
///     Caller { user, org, held: Vec::new() }
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Caller {
    user: Arc<User>,
    org: Arc<Org>,
    held: Vec<Held>,
}

/// A live session, and the id that was presented for it.
#[derive(Debug, Clone)]
struct Held {
    session: Arc<Session>,
    id: Secret,
}

impl Caller {
    pub(crate) fn proven(proof: Proof) -> Self {
        Self { user: Arc::clone(proof.user()), org: Arc::clone(proof.org()), held: Vec::new() }
    }

    pub(crate) fn holding(live: Live, id: Secret) -> Self {
        Self { user: live.user, org: live.org, held: vec![Held { session: live.session, id }] }
    }

    /// Who is calling.
    pub fn user(&self) -> &Arc<User> {
        &self.user
    }

    /// Where they work.
    pub fn org(&self) -> &Arc<Org> {
        &self.org
    }

    /// The session they hold, when it was a session that they presented; the first of several.
    pub fn session(&self) -> Option<&Arc<Session>> {
        self.held.first().map(|held| &held.session)
    }

    /// Every session that they presented.
    pub fn sessions(&self) -> impl Iterator<Item = &Arc<Session>> {
        self.held.iter().map(|held| &held.session)
    }

    /// Whoever a token names that is good, and that somebody still holds.
    fn named(user: Arc<User>, org: Arc<Org>) -> Self {
        Self { user, org, held: Vec::new() }
    }

    pub(crate) fn presented(&self) -> Option<&Secret> {
        self.held.first().map(|held| &held.id)
    }

    fn slide(&self, cx: &Cx, kind: Use, now: Timestamp) {
        if kind == Use::Call {
            self.sessions().for_each(|session| session::touch(cx, session, now));
        }
    }
}

/// Whether a check counts as use of the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// It slides the session.
    Call,
    /// It only asks.
    Probe,
}

/// Why somebody is nobody here.
#[derive(Debug)]
pub enum NotACaller {
    /// Nothing was presented, or nothing that is alive, or two things that contradict each other.
    Dead,
    /// It could not be found out.
    Store(StoreError),
}

impl From<StoreError> for NotACaller {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Who presents these session ids: several carriers may name one user, never two (protocol.md 13).
pub async fn caller(
    cx: &Cx,
    presented: &[Secret],
    from: Option<IpAddr>,
    kind: Use,
) -> Result<Caller, NotACaller> {
    let now = cx.clock.now();
    let caller = identify(cx, presented, from, now).await?;
    caller.slide(cx, kind, now);
    Ok(caller)
}

async fn identify(
    cx: &Cx,
    presented: &[Secret],
    from: Option<IpAddr>,
    now: Timestamp,
) -> Result<Caller, NotACaller> {
    let mut found: Option<Caller> = None;
    for id in presented {
        let Some(live) = session::find(cx, id, from, now).await? else { continue };
        match &mut found {
            Some(caller) if caller.user.id != live.user.id => return Err(NotACaller::Dead),
            Some(caller) => caller.held.push(Held { session: live.session, id: id.clone() }),
            None => found = Some(Caller::holding(live, id.clone())),
        }
    }
    found.ok_or(NotACaller::Dead)
}

/// Everything that a request may carry to a resource server.
#[derive(Debug)]
pub struct Credentials<'a> {
    /// A bearer token.
    pub bearer: Option<SecretRef<'a>>,
    /// Session ids.
    pub sessions: Vec<Secret>,
    /// The org that the request says it is for.
    pub org: Option<OrgId>,
    /// The address that the request came from, if it is known.
    pub from: Option<IpAddr>,
}

/// Who may pass the gate, and until when.
#[derive(Debug)]
pub struct Visitor {
    /// Who.
    pub user: Arc<User>,
    /// For which org.
    pub org: OrgId,
    /// Until when what was presented is good.
    pub until: Timestamp,
}

/// Checks whatever a request carries: all of it must hold together, or nobody passes (protocol.md 3.4).
pub async fn gate(cx: &Cx, credentials: &Credentials<'_>, kind: Use) -> Result<Visitor, NotACaller> {
    let now = cx.clock.now();
    let token = match credentials.bearer {
        Some(bearer) => Some(good(cx, bearer, now).await?.ok_or(NotACaller::Dead)?),
        None => None,
    };
    let caller = match credentials.sessions.as_slice() {
        [] => None,
        ids => Some(identify(cx, ids, credentials.from, now).await?),
    };
    let (user, org) = agreed(cx, token.as_deref(), caller.as_ref()).await?;
    // The org of a session was asked when it was found; a token alone has not met its org yet.
    if caller.is_none() && !org::of(cx, org).await?.admits(&cx.policy, credentials.from) {
        return Err(NotACaller::Dead);
    }
    if credentials.org.is_some_and(|wanted| wanted != org) {
        return Err(NotACaller::Dead);
    }
    caller.iter().for_each(|caller| caller.slide(cx, kind, now));
    let session_ends = caller.iter().flat_map(Caller::sessions).map(|session| session.expires_at()).max();
    let ends = token.iter().map(|token| token.expires_at()).chain(session_ends);
    Ok(Visitor { user, org, until: ends.min().ok_or(NotACaller::Dead)? })
}

/// Whom a token and sessions name, if they name one user and the token was minted from one of the sessions.
async fn agreed(
    cx: &Cx,
    token: Option<&Verified>,
    caller: Option<&Caller>,
) -> Result<(Arc<User>, OrgId), NotACaller> {
    match (token, caller) {
        (None, None) => Err(NotACaller::Dead),
        (None, Some(caller)) => Ok((Arc::clone(&caller.user), caller.org.id)),
        (Some(token), None) => Ok((holder(cx, token).await?.ok_or(NotACaller::Dead)?, token.claims.org_id)),
        (Some(token), Some(caller)) if !token.is_vouched_for_by(&caller.user) => Err(NotACaller::Dead),
        (Some(token), Some(caller)) => {
            holder(cx, token).await?.ok_or(NotACaller::Dead)?;
            for Held { session, id } in &caller.held {
                if token::is_bound(cx, token, session, id).await.map_err(StoreError::from)? {
                    return Ok((Arc::clone(&caller.user), token.claims.org_id));
                }
            }
            Err(NotACaller::Dead)
        }
    }
}

/// The acts that need a permit.
pub mod action {
    /// Ending every session of an org.
    #[derive(Debug)]
    pub struct EndOrgSessions;
    /// Deciding whose assertions an org accepts.
    #[derive(Debug)]
    pub struct Federate;
    /// Filling a store from a seed.
    #[derive(Debug)]
    pub struct Found;
    /// Reading the audit record of every org.
    #[derive(Debug)]
    pub struct ReadAudit;
    /// Replacing the signing key.
    #[derive(Debug)]
    pub struct RotateKeys;
    /// Reading users, groups and roles.
    #[derive(Debug)]
    pub struct ViewPeople;
    /// Adding users, and changing them in ways that take nothing from them.
    #[derive(Debug)]
    pub struct ManageUsers;
    /// Disabling and removing users, and taking roles from them: always others, so that somebody is left to undo it.
    #[derive(Debug)]
    pub struct NarrowUsers;
    /// Giving others a new password; one's own takes the old one.
    #[derive(Debug)]
    pub struct ResetPasswords;
    /// Adding, changing and removing groups.
    #[derive(Debug)]
    pub struct ManageGroups;
    /// Adding, changing and removing roles.
    #[derive(Debug)]
    pub struct ManageRoles;
    /// Reading OAuth clients.
    #[derive(Debug)]
    pub struct ViewClients;
    /// Adding, changing and removing OAuth clients and their secrets.
    #[derive(Debug)]
    pub struct ManageClients;
    /// Reading an org.
    #[derive(Debug)]
    pub struct ViewOrg;
    /// Changing an org.
    #[derive(Debug)]
    pub struct ManageOrg;
    /// Adding an org right below another.
    #[derive(Debug)]
    pub struct AddOrg;
    /// Deciding about an org what only somebody above it may decide: where its users sign in, how many sessions it holds.
    #[derive(Debug)]
    pub struct GovernOrg;
    /// Removing an org below one's own with everything in it, so that somebody is left to tell.
    #[derive(Debug)]
    pub struct RemoveOrg;
    /// Reading what happened.
    #[derive(Debug)]
    pub struct ViewLog;
    /// Listing and ending the sessions of others.
    #[derive(Debug)]
    pub struct ManageSessions;
    /// Making and removing the SCIM tokens of an org.
    #[derive(Debug)]
    pub struct ManageScim;
}

/// Evidence that somebody may do `Action` to an org.
///
/// ```compile_fail,E0451
/// # use domain::access::{Permit, action::Found};
/// fn forged(org: wire::OrgId, by: wire::UserId) -> Permit<Found> {
///     Permit { org, by, action: std::marker::PhantomData }
/// }
/// ```
#[derive(Debug)]
pub struct Permit<Action> {
    org: OrgId,
    by: UserId,
    action: PhantomData<Action>,
}

impl<Action> Permit<Action> {
    fn new(org: OrgId, by: UserId) -> Self {
        Self { org, by, action: PhantomData }
    }

    /// To which org.
    pub fn org(&self) -> OrgId {
        self.org
    }

    /// By whom.
    pub fn by(&self) -> UserId {
        self.by
    }
}

/// The caller is known, but may not do this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Denied;

/// Who may manage sessions may end every session of their own org.
pub fn may_end_org_sessions(caller: &Caller) -> Result<Permit<action::EndOrgSessions>, Denied> {
    let may = caller.user.privileges().contains(Privilege::ManageSessions);
    if may { Ok(Permit::new(caller.org.id, caller.user.id)) } else { Err(Denied) }
}

/// Who has every privilege may decide whose assertions their own org accepts, for an issuer can name any of its users;
/// of other orgs not even whether they exist.
pub fn may_federate(caller: &Caller, org: OrgId) -> Result<Permit<action::Federate>, Denied> {
    let may_all = caller.user.privileges() == Privileges::all();
    if may_all && caller.org.id == org { Ok(Permit::new(org, caller.user.id)) } else { Err(Denied) }
}

/// Who holds the machine may fill a store from a seed.
pub fn may_found(_: &Operator) -> Permit<action::Found> {
    Permit::new(crate::org::ROOT, UserId::from_bits(0))
}

/// Who holds the machine may read the audit record of every org.
pub fn may_read_audit(_: &Operator) -> Permit<action::ReadAudit> {
    Permit::new(crate::org::ROOT, UserId::from_bits(0))
}

/// Who holds the machine may replace the signing key.
pub fn may_rotate_keys(_: &Operator) -> Permit<action::RotateKeys> {
    Permit::new(crate::org::ROOT, UserId::from_bits(0))
}
