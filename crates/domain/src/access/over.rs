//! Acts on orgs, users, roles, groups and sessions: the org of the thing decides, and a privilege.

use super::given::conferrable;
use super::{Caller, Permit, action};
use crate::client::Client;
use crate::cx::Cx;
use crate::group::Group;
use crate::name::Label;
use crate::org::{DEEPEST, Org, ROOT};
use crate::privilege::{Privilege, Privileges};
use crate::role::CustomRole;
use crate::roster::Handle;
use crate::session::Session;
use crate::store::StoreError;
use crate::user::User;
use std::sync::Arc;
use wire::{ClientId, GroupId, OrgId, RoleId, UserId};

/// An act that a privilege allows.
pub trait Act {
    /// The privilege that it needs.
    const NEEDS: Privilege;
    /// Whether one may do it to oneself.
    const ON_ONESELF: bool = true;
}

impl Act for action::ViewPeople {
    const NEEDS: Privilege = Privilege::ViewPeople;
}

impl Act for action::ManageUsers {
    const NEEDS: Privilege = Privilege::ManageUsers;
}

impl Act for action::NarrowUsers {
    const NEEDS: Privilege = Privilege::ManageUsers;
    const ON_ONESELF: bool = false;
}

impl Act for action::ResetPasswords {
    const NEEDS: Privilege = Privilege::ManageUsers;
    const ON_ONESELF: bool = false;
}

impl Act for action::ManageGroups {
    const NEEDS: Privilege = Privilege::ManageGroups;
}

impl Act for action::ManageRoles {
    const NEEDS: Privilege = Privilege::ManageRoles;
}

impl Act for action::ViewClients {
    const NEEDS: Privilege = Privilege::ViewPeople;
}

impl Act for action::ManageClients {
    const NEEDS: Privilege = Privilege::ManageUsers;
}

impl Act for action::ViewOrg {
    const NEEDS: Privilege = Privilege::ViewOrg;
}

impl Act for action::ManageOrg {
    const NEEDS: Privilege = Privilege::ManageOrg;
}

impl Act for action::AddOrg {
    const NEEDS: Privilege = Privilege::ManageOrg;
}

impl Act for action::GovernOrg {
    const NEEDS: Privilege = Privilege::ManageOrg;
    const ON_ONESELF: bool = false;
}

impl Act for action::RemoveOrg {
    const NEEDS: Privilege = Privilege::ManageOrg;
    const ON_ONESELF: bool = false;
}

impl Act for action::ViewLog {
    const NEEDS: Privilege = Privilege::ViewLog;
}

impl Act for action::ManageScim {
    const NEEDS: Privilege = Privilege::ManageOrg;
}

impl Act for action::ManageSessions {
    const NEEDS: Privilege = Privilege::ManageSessions;
}

/// Evidence that somebody may do `Action` to one thing: the org of the thing decided.
///
/// ```compile_fail,E0451
/// # use domain::{access::{Over, Permit, action::ManageUsers}, user::User};
/// fn forged(permit: Permit<ManageUsers>, thing: std::sync::Arc<User>) -> Over<ManageUsers, User> {
///     Over { permit, thing }
/// }
/// ```
#[derive(Debug)]
pub struct Over<Action, Thing> {
    permit: Permit<Action>,
    thing: Arc<Thing>,
}

impl<Action, Thing> Over<Action, Thing> {
    /// The permit for the org of the thing.
    pub fn permit(&self) -> &Permit<Action> {
        &self.permit
    }

    /// The thing, as it was when it was looked at.
    pub fn thing(&self) -> &Arc<Thing> {
        &self.thing
    }
}

/// Why there is no permit.
#[derive(Debug)]
pub enum NoPermit {
    /// The caller may do that nowhere, or not to somebody who may do more.
    Denied,
    /// There is no such thing where the caller may do that; whether there is one elsewhere, nobody is told.
    Unknown,
    /// It could not be found out.
    Store(StoreError),
}

impl From<StoreError> for NoPermit {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Who holds the privilege may do it in their own org and in those below it.
pub async fn permit<A: Act>(cx: &Cx, caller: &Caller, over: OrgId) -> Result<Permit<A>, NoPermit> {
    if !caller.user.privileges().contains(A::NEEDS) {
        return Err(NoPermit::Denied);
    }
    if !is_within(cx, over, caller.org.id).await? {
        return Err(NoPermit::Unknown);
    }
    Ok(Permit::new(over, caller.user.id))
}

/// Whether an org is another, or stands below it.
pub(crate) async fn is_within(cx: &Cx, org: OrgId, top: OrgId) -> Result<bool, StoreError> {
    let mut place = org;
    for _ in 0..DEEPEST {
        let Some(found) = cx.store.org(place).await? else { return Ok(false) };
        if place == top {
            return Ok(true);
        }
        place = found.parent;
        if place == ROOT {
            return Ok(false);
        }
    }
    Ok(false)
}

/// The same for an org itself; some acts only from above.
pub async fn over_org<A: Act>(cx: &Cx, caller: &Caller, id: OrgId) -> Result<Over<A, Org>, NoPermit> {
    let permit = permit::<A>(cx, caller, id).await?;
    let org = cx.store.org(id).await?.ok_or(NoPermit::Unknown)?;
    if id == caller.org.id && !A::ON_ONESELF {
        return Err(NoPermit::Denied);
    }
    Ok(Over { permit, thing: org })
}

/// Who has every privilege may remove an org below their own: it takes everything from everybody in it.
pub async fn remove_org(
    cx: &Cx,
    caller: &Caller,
    id: OrgId,
) -> Result<Over<action::RemoveOrg, Org>, NoPermit> {
    let over = over_org(cx, caller, id).await?;
    conferrable(caller, Privileges::all())?;
    Ok(over)
}

/// The same for a user. Nobody may do anything to somebody who may do more.
pub async fn over_user<A: Act>(cx: &Cx, caller: &Caller, id: UserId) -> Result<Over<A, User>, NoPermit> {
    permit::<A>(cx, caller, caller.org.id).await?;
    let user = cx.store.user(id).await?.ok_or(NoPermit::Unknown)?;
    let permit = permit::<A>(cx, caller, user.org).await?;
    let on_oneself = user.id == caller.user.id;
    if (on_oneself && !A::ON_ONESELF) || !caller.user.privileges().cover(user.privileges()) {
        return Err(NoPermit::Denied);
    }
    Ok(Over { permit, thing: user })
}

/// The same for a role that an org has made, by its id, or by its name in the org of the caller.
pub async fn over_role<A: Act>(
    cx: &Cx,
    caller: &Caller,
    word: &str,
) -> Result<Over<A, CustomRole>, NoPermit> {
    permit::<A>(cx, caller, caller.org.id).await?;
    let role = match (word.parse::<RoleId>(), word.parse::<Label>()) {
        (Ok(id), _) => cx.store.role(id).await?,
        (Err(_), Ok(name)) => cx.store.role_named(caller.org.id, &name.canonical()).await?,
        (Err(_), Err(_)) => None,
    };
    let role = role.ok_or(NoPermit::Unknown)?;
    let permit = permit::<A>(cx, caller, role.org).await?;
    conferrable(caller, role.privileges)?;
    Ok(Over { permit, thing: role })
}

/// The same for a group.
pub async fn over_group<A: Act>(cx: &Cx, caller: &Caller, id: GroupId) -> Result<Over<A, Group>, NoPermit> {
    permit::<A>(cx, caller, caller.org.id).await?;
    let group = cx.store.group(id).await?.ok_or(NoPermit::Unknown)?;
    let permit = permit::<A>(cx, caller, group.org).await?;
    conferrable(caller, group.privileges())?;
    Ok(Over { permit, thing: group })
}

/// The same for an OAuth client. Nobody may do anything to one that may do more, or they could take a secret of it.
pub async fn over_client<A: Act>(
    cx: &Cx,
    caller: &Caller,
    id: ClientId,
) -> Result<Over<A, Client>, NoPermit> {
    permit::<A>(cx, caller, caller.org.id).await?;
    let client = cx.store.client(id).await?.ok_or(NoPermit::Unknown)?;
    let permit = permit::<A>(cx, caller, client.org).await?;
    conferrable(caller, client.privileges())?;
    Ok(Over { permit, thing: client })
}

/// The same for a session of somebody else. One's own needs no privilege: see [`crate::roster::mine`].
pub async fn over_session<A: Act>(
    cx: &Cx,
    caller: &Caller,
    handle: Handle,
) -> Result<Over<A, Session>, NoPermit> {
    permit::<A>(cx, caller, caller.org.id).await?;
    let session = cx.store.session_by_handle(handle).await?.ok_or(NoPermit::Unknown)?;
    let permit = permit::<A>(cx, caller, session.org).await?;
    over_user::<A>(cx, caller, session.user).await?;
    Ok(Over { permit, thing: session })
}
