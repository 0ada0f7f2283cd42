//! Users: who may sign in, how, and what they may do.

mod adding;
mod grants;
mod profile;

pub use adding::{Draft, add};
pub(crate) use adding::{account, add_as, made};
pub use grants::Grants;
pub use profile::{Packed, Profile};

use crate::access::{Grantable, Joinable, Over, Permit, action};
use crate::audit::{Event, Written};
use crate::cx::Cx;
use crate::method::hash::PasswordHash;
use crate::name::UserName;
use crate::org::{self};
use crate::page::Page;
use crate::password::{self};
use crate::privilege::Privileges;
use crate::revision::{ChangeError, Revision, author};
use crate::role::{AnyRole, Roles};
use crate::session::SessionDigest;
use crate::store::StoreError;
use crate::time::Timestamp;
use std::sync::Arc;
use wire::{GroupId, OrgId, RoleId, UserId};

/// A user, without anything secret.
///
/// It is in memory in this order, so that what every check of a session reads stands together at its beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
#[repr(C)]
pub struct User {
    /// Its id.
    pub id: UserId,
    /// The org it belongs to.
    pub org: OrgId,
    /// What it signs in with.
    pub name: UserName,
    /// The built-in roles among its own.
    pub roles: Roles,
    /// Whether it may sign in at all.
    pub status: Status,
    /// How it proves who it is.
    pub authenticator: Authenticator,
    /// Whether it must choose a new password.
    pub must_change_password: bool,
    /// Whatever else gives it rights.
    pub grants: Grants,
    /// What people read about it.
    pub profile: Packed,
    /// Tokens that were issued by then are good no more: the password was changed, or the user was disabled.
    pub tokens_after: Option<Timestamp>,
    /// Failures that lock it; `None` takes the instance's.
    pub max_login_attempts: Option<u32>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Which writing this is.
    pub revision: Revision,
}

/// Whether a user may sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It may.
    Active,
    /// It may not, by any method.
    Disabled,
}

/// How a user proves who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authenticator {
    /// By a password that is kept here.
    Native,
    /// At an identity provider; a password sign-in is refused.
    Saml,
}

impl Authenticator {
    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Native => "Native",
            Self::Saml => "SAML",
        }
    }
}

impl User {
    /// Whether it may sign in, and keep the sessions it has.
    pub fn is_active(&self) -> bool {
        self.status == Status::Active
    }

    /// The roles that it has itself, of both kinds.
    pub fn own_roles(&self) -> impl Iterator<Item = AnyRole> {
        let custom = self.grants.roles.iter().cloned().map(AnyRole::Custom);
        self.roles.iter().map(AnyRole::BuiltIn).chain(custom)
    }

    /// Every role that it has, by itself or by a group.
    pub fn all_roles(&self) -> Vec<AnyRole> {
        let mut all: Vec<_> = self.own_roles().collect();
        for role in self.grants.groups.iter().flat_map(|group| &group.roles) {
            if !all.contains(role) {
                all.push(role.clone());
            }
        }
        all
    }

    /// The names of every role that it has, by itself or by a group.
    pub fn role_names(&self) -> impl Iterator<Item = (&str, RoleId)> {
        let built_in = self.roles.iter().map(|role| (role.name(), role.id()));
        let custom = self.grants.roles.iter().map(|role| (role.name.as_str(), role.id));
        let by_group = self.grants.groups.iter().flat_map(|group| &group.roles);
        built_in.chain(custom).chain(by_group.map(|role| (role.name(), role.id())))
    }

    /// The groups that it is in, by name.
    pub fn group_names(&self) -> impl Iterator<Item = (&str, GroupId)> {
        self.grants.groups.iter().map(|group| (group.name.as_str(), group.id))
    }

    /// What it may do.
    pub fn privileges(&self) -> Privileges {
        self.all_roles().iter().fold(Privileges::NONE, |all, role| all.and(role.privileges()))
    }
}

/// A user together with what proves it: what a sign-in reads.
#[derive(Debug, Clone)]
pub struct Account {
    /// The user.
    pub user: User,
    /// The hash of its password, when it has one.
    pub password: Option<PasswordHash>,
}

/// When and how a user signed in last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastSignIn {
    /// When.
    pub at: Timestamp,
    /// By which method, in one word, such as `password`.
    pub method: String,
}

/// Which sessions of a user go on when something about the user changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// All of them.
    All,
    /// This one.
    Only(SessionDigest),
    /// None of them.
    None,
}

/// What is to be different about a user; what is `None` stays.
#[derive(Debug, Default)]
pub struct Change {
    /// What people read about it.
    pub profile: Option<Profile>,
    /// Whether it must choose a new password.
    pub must_change_password: Option<bool>,
    /// Failures that lock it.
    pub max_login_attempts: Option<u32>,
}

/// The user with this id, from memory if they are there.
pub(crate) async fn of(cx: &Cx, id: UserId) -> Result<Option<Arc<User>>, StoreError> {
    match cx.store.user_at_hand(id) {
        Some(user) => Ok(Some(user)),
        None => cx.store.user(id).await,
    }
}

/// The users of an org, by name.
pub async fn list(
    cx: &Cx,
    permit: &Permit<action::ViewPeople>,
    page: Page,
) -> Result<Vec<Arc<User>>, StoreError> {
    let mut users = Vec::new();
    for id in cx.store.users(permit.org(), page).await? {
        if let Some(user) = cx.store.user(id).await? {
            users.push(as_shown(cx, user).await?);
        }
    }
    Ok(users)
}

/// The user with this id, if the permit's org has it.
pub async fn find(
    cx: &Cx,
    permit: &Permit<action::ViewPeople>,
    id: UserId,
) -> Result<Option<Arc<User>>, StoreError> {
    match cx.store.user(id).await?.filter(|user| user.org == permit.org()) {
        Some(user) => as_shown(cx, user).await.map(Some),
        None => Ok(None),
    }
}

/// A user whose password is too old has to change it, though nothing about the user was written.
async fn as_shown(cx: &Cx, user: Arc<User>) -> Result<Arc<User>, StoreError> {
    let org = org::of(cx, user.org).await?;
    if user.must_change_password || !password::is_too_old(cx, &org, user.id).await? {
        return Ok(user);
    }
    Ok(Arc::new(User { must_change_password: true, ..User::clone(&user) }))
}

/// The user with this name, if the permit's org has it.
pub async fn find_named(
    cx: &Cx,
    permit: &Permit<action::ViewPeople>,
    name: &str,
) -> Result<Option<Arc<User>>, StoreError> {
    let account = cx.store.account(&crate::name::CanonicalName::of(name)).await?;
    match account.map(|account| account.user).filter(|user| user.org == permit.org()) {
        Some(user) => as_shown(cx, Arc::new(user)).await.map(Some),
        None => Ok(None),
    }
}

/// When and how a user of the permit's org signed in last, if it ever did.
pub async fn last_sign_in<A>(
    cx: &Cx,
    permit: &Permit<A>,
    user: &User,
) -> Result<Option<LastSignIn>, StoreError> {
    if user.org == permit.org() { cx.store.last_sign_in(user.id).await } else { Ok(None) }
}

/// Changes what people read about a user, and how it signs in.
pub async fn change(
    cx: &Cx,
    over: Over<action::ManageUsers, User>,
    change: Change,
) -> Result<Arc<User>, ChangeError> {
    let mut new = User::clone(over.thing());
    new.profile = change.profile.map_or(new.profile, Packed::from);
    new.must_change_password = change.must_change_password.unwrap_or(new.must_change_password);
    new.max_login_attempts = change.max_login_attempts.or(new.max_login_attempts);
    rewrite(cx, over.permit(), new, Written::Changed).await
}

/// Lets a user sign in again.
pub async fn enable(cx: &Cx, over: Over<action::ManageUsers, User>) -> Result<Arc<User>, ChangeError> {
    let new = User { status: Status::Active, ..User::clone(over.thing()) };
    rewrite(cx, over.permit(), new, Written::Changed).await
}

/// Lets a user sign in no more, and ends the sessions it has.
pub async fn disable(cx: &Cx, over: Over<action::NarrowUsers, User>) -> Result<Arc<User>, ChangeError> {
    let new = User { status: Status::Disabled, ..User::clone(over.thing()) };
    rewrite(cx, over.permit(), new, Written::Disabled).await
}

/// Puts what SCIM says in the place of a user, whose sessions end if it may not sign in any more.
pub(crate) async fn provision(
    cx: &Cx,
    over: Over<action::NarrowUsers, User>,
    new: User,
) -> Result<Arc<User>, ChangeError> {
    let is_disabled = over.thing().is_active() && !new.is_active();
    let how = if is_disabled { Written::Disabled } else { Written::Changed };
    rewrite(cx, over.permit(), new, how).await
}

/// Refuses a name that somebody else has.
pub(crate) async fn is_free(cx: &Cx, name: &UserName, user: UserId) -> Result<(), ChangeError> {
    let known = cx.store.account(&name.canonical()).await?;
    if known.is_none_or(|account| account.user.id == user) { Ok(()) } else { Err(ChangeError::Taken) }
}

/// Gives a user more roles and groups.
pub async fn grant(
    cx: &Cx,
    over: Over<action::ManageUsers, User>,
    roles: Grantable,
    groups: Joinable,
) -> Result<Arc<User>, ChangeError> {
    let mut new = User::clone(over.thing());
    let (built_in, custom) = roles.apart();
    built_in.into_iter().for_each(|role| new.roles.add(role));
    new.grants.roles.retain(|old| custom.iter().all(|role| role.id != old.id));
    new.grants.roles.extend(custom);
    let groups = groups.into_groups();
    new.grants.groups.retain(|old| groups.iter().all(|group| group.id != old.id));
    new.grants.groups.extend(groups);
    rewrite(cx, over.permit(), new, Written::Granted).await
}

/// Takes roles and groups from a user; its next call is judged without them.
pub async fn narrow(
    cx: &Cx,
    over: Over<action::NarrowUsers, User>,
    roles: Grantable,
    groups: Joinable,
) -> Result<Arc<User>, ChangeError> {
    let mut new = User::clone(over.thing());
    let ((built_in, custom), groups) = (roles.apart(), groups.into_groups());
    new.roles = new.roles.only(|role| !built_in.contains(&role));
    new.grants.roles.retain(|old| custom.iter().all(|role| role.id != old.id));
    new.grants.groups.retain(|old| groups.iter().all(|group| group.id != old.id));
    rewrite(cx, over.permit(), new, Written::Granted).await
}

/// Removes a user with its sessions; the record of what it did stays.
pub async fn remove(cx: &Cx, over: Over<action::NarrowUsers, User>) -> Result<(), ChangeError> {
    let event = written(over.thing(), over.permit().by(), Written::Removed);
    cx.store.remove_user(over.thing(), &event.at(cx.clock.now())).await.map_err(ChangeError::changing)
}

async fn rewrite<A>(
    cx: &Cx,
    permit: &Permit<A>,
    mut new: User,
    how: Written,
) -> Result<Arc<User>, ChangeError> {
    let now = cx.clock.now();
    new.revision = new.revision.next(author(cx, permit).await?);
    new.updated_at = now;
    let keep = if new.is_active() { Keep::All } else { Keep::None };
    let event = written(&new, permit.by(), how);
    cx.store.replace_user(&new, keep, &event.at(now)).await.map_err(ChangeError::changing)?;
    Ok(Arc::new(new))
}

pub(crate) fn written(user: &User, by: UserId, how: Written) -> Event {
    Event::UserWritten { org: user.org, user: user.id, by, how }
}
