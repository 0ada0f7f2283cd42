//! Roles: the built-in ones (protocol.md 4.1), which belong to no org and cannot be changed, and those an org makes.

use crate::access::{Conferrable, Over, Permit, action};
use crate::audit::{Event, Written};
use crate::cx::Cx;
use crate::entropy;
use crate::name::Label;
use crate::page::Page;
use crate::privilege::Privileges;
use crate::revision::{ChangeError, Revision, author};
use crate::store::StoreError;
use crate::time::Timestamp;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;
use wire::{OrgId, RoleId, UserId};

/// A built-in role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Administers its org.
    Admin,
    /// Builds and runs.
    Designer,
    /// Calls what others built.
    ServiceConsumer,
}

impl Role {
    /// Every built-in role.
    pub const ALL: [Self; 3] = [Self::Admin, Self::Designer, Self::ServiceConsumer];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Admin => "Admin",
            Self::Designer => "Designer",
            Self::ServiceConsumer => "Service Consumer",
        }
    }

    /// What a person reads about it.
    pub const fn description(self) -> &'static str {
        match self {
            Self::Admin => "Role for performing administrative tasks",
            Self::Designer => "Role for creating assets and running them",
            Self::ServiceConsumer => "Role for running assets that others created",
        }
    }

    /// Its id, the same on every instance.
    pub const fn id(self) -> RoleId {
        RoleId::from_bits(match self {
            Self::Admin => 0x6c61_7463_686b_6579_8000_0000_0000_0001,
            Self::Designer => 0x6c61_7463_686b_6579_8000_0000_0000_0002,
            Self::ServiceConsumer => 0x6c61_7463_686b_6579_8000_0000_0000_0003,
        })
    }

    /// What it allows.
    pub fn privileges(self) -> Privileges {
        match self {
            Self::Admin => Privileges::all(),
            Self::Designer | Self::ServiceConsumer => Privileges::NONE,
        }
    }

    /// The role with this id.
    pub fn with_id(id: RoleId) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.id() == id)
    }
}

/// Built-in roles, each once, in the order in which they were given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Roles([Option<Role>; Role::ALL.len()]);

impl Roles {
    /// Each of them.
    pub fn iter(self) -> impl Iterator<Item = Role> {
        self.0.into_iter().flatten()
    }

    /// How many there are.
    pub fn count(self) -> usize {
        self.iter().count()
    }

    /// Adds a role behind the others, unless it is among them.
    pub fn add(&mut self, role: Role) {
        let is_its_place = |place: &&mut Option<Role>| place.is_none_or(|there| there == role);
        let place = self.0.iter_mut().find(is_its_place);
        place.into_iter().for_each(|place| *place = Some(role));
    }

    /// Those for which this holds.
    #[must_use]
    pub fn only(self, holds: impl Fn(Role) -> bool) -> Self {
        self.iter().filter(|role| holds(*role)).collect()
    }
}

/// In one byte, for every check of a session asks for it.
impl Hash for Roles {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u8(self.iter().fold(0, |all, role| all | 1 << role as u8));
    }
}

impl FromIterator<Role> for Roles {
    fn from_iter<I: IntoIterator<Item = Role>>(roles: I) -> Self {
        let mut all = Self::default();
        roles.into_iter().for_each(|role| all.add(role));
        all
    }
}

impl From<Role> for Roles {
    fn from(role: Role) -> Self {
        Self::from_iter([role])
    }
}

/// No built-in role has this name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a role is one of Admin, Designer, Service Consumer")]
pub struct NotARole;

impl FromStr for Role {
    type Err = NotARole;

    fn from_str(text: &str) -> Result<Self, NotARole> {
        Self::ALL.into_iter().find(|role| role.name() == text).ok_or(NotARole)
    }
}

/// A role that an org has made for itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomRole {
    /// Its id.
    pub id: RoleId,
    /// The org that it belongs to.
    pub org: OrgId,
    /// What people call it.
    pub name: Label,
    /// Free text.
    pub description: String,
    /// What it allows.
    pub privileges: Privileges,
    /// Which writing this is.
    pub revision: Revision,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// A role of either kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnyRole {
    /// The same everywhere.
    BuiltIn(Role),
    /// An org's own.
    Custom(Arc<CustomRole>),
}

impl AnyRole {
    /// Its id.
    pub fn id(&self) -> RoleId {
        match self {
            Self::BuiltIn(role) => role.id(),
            Self::Custom(role) => role.id,
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        match self {
            Self::BuiltIn(role) => role.name(),
            Self::Custom(role) => role.name.as_str(),
        }
    }

    /// What people read about it.
    pub fn description(&self) -> &str {
        match self {
            Self::BuiltIn(role) => role.description(),
            Self::Custom(role) => &role.description,
        }
    }

    /// What it allows.
    pub fn privileges(&self) -> Privileges {
        match self {
            Self::BuiltIn(role) => role.privileges(),
            Self::Custom(role) => role.privileges,
        }
    }
}

/// The built-in ones, and those of an org.
pub(crate) fn apart(roles: Vec<AnyRole>) -> (Vec<Role>, Vec<Arc<CustomRole>>) {
    let (mut built_in, mut custom) = (Vec::new(), Vec::new());
    for role in roles {
        match role {
            AnyRole::BuiltIn(role) => built_in.push(role),
            AnyRole::Custom(role) => custom.push(role),
        }
    }
    (built_in, custom)
}

/// Every role that users of an org may have: the built-in ones first.
pub async fn list(
    cx: &Cx,
    permit: &Permit<action::ViewPeople>,
    page: Page,
) -> Result<Vec<AnyRole>, StoreError> {
    let built_in = Role::ALL.map(AnyRole::BuiltIn);
    let custom = cx.store.roles(permit.org()).await?.into_iter().map(AnyRole::Custom);
    let all = built_in.into_iter().chain(custom);
    Ok(all.skip(page.skip() as usize).take(page.limit() as usize).collect())
}

/// The role that users of an org may have under this id or name.
pub async fn find(
    cx: &Cx,
    permit: &Permit<action::ViewPeople>,
    word: &str,
) -> Result<Option<AnyRole>, StoreError> {
    named(cx, permit.org(), word).await
}

/// The role that an org calls by this id or name.
pub(crate) async fn named(cx: &Cx, org: OrgId, word: &str) -> Result<Option<AnyRole>, StoreError> {
    let id = word.parse::<RoleId>().ok();
    let built_in = word.parse::<Role>().ok().or_else(|| id.and_then(Role::with_id));
    if let Some(role) = built_in {
        return Ok(Some(AnyRole::BuiltIn(role)));
    }
    let by_id = match id {
        Some(id) => cx.store.role(id).await?.filter(|role| role.org == org),
        None => None,
    };
    let by_name = match word.parse::<Label>() {
        Ok(name) if by_id.is_none() => cx.store.role_named(org, &name.canonical()).await?,
        _ => None,
    };
    Ok(by_id.or(by_name).map(AnyRole::Custom))
}

/// Adds a role to the org of the permit.
pub async fn add(
    cx: &Cx,
    permit: Permit<action::ManageRoles>,
    name: Label,
    description: String,
    privileges: Conferrable,
) -> Result<Arc<CustomRole>, ChangeError> {
    if Role::ALL
        .iter()
        .any(|role| Label::from_str(role.name()).is_ok_and(|it| it.canonical() == name.canonical()))
    {
        return Err(ChangeError::Taken);
    }
    let now = cx.clock.now();
    let role = CustomRole {
        id: RoleId::from_bits(entropy::uuid(&*cx.entropy)),
        org: permit.org(),
        name,
        description,
        privileges: privileges.set(),
        revision: Revision::first(author(cx, &permit).await?),
        created_at: now,
        updated_at: now,
    };
    let event = written(&role, permit.by(), Written::Added);
    cx.store.add_role(&role, &event.at(now)).await.map_err(ChangeError::adding)?;
    Ok(Arc::new(role))
}

/// Lets a role allow these privileges and no others; everybody who has it hears of it at the next call.
pub async fn allow(
    cx: &Cx,
    over: Over<action::ManageRoles, CustomRole>,
    privileges: Conferrable,
) -> Result<(), ChangeError> {
    let new = CustomRole { privileges: privileges.set(), ..CustomRole::clone(over.thing()) };
    rewrite(cx, &over, new).await.map(drop)
}

/// Says something else about a role.
pub async fn describe(
    cx: &Cx,
    over: Over<action::ManageRoles, CustomRole>,
    description: String,
) -> Result<Arc<CustomRole>, ChangeError> {
    let new = CustomRole { description, ..CustomRole::clone(over.thing()) };
    rewrite(cx, &over, new).await
}

async fn rewrite(
    cx: &Cx,
    over: &Over<action::ManageRoles, CustomRole>,
    new: CustomRole,
) -> Result<Arc<CustomRole>, ChangeError> {
    let now = cx.clock.now();
    let revision = new.revision.next(author(cx, over.permit()).await?);
    let new = CustomRole { revision, updated_at: now, ..new };
    let event = written(&new, over.permit().by(), Written::Changed);
    cx.store.replace_role(&new, &event.at(now)).await.map_err(ChangeError::changing)?;
    Ok(Arc::new(new))
}

/// Removes a role, from everybody who has it too.
pub async fn remove(cx: &Cx, over: Over<action::ManageRoles, CustomRole>) -> Result<(), ChangeError> {
    let event = written(over.thing(), over.permit().by(), Written::Removed);
    cx.store.remove_role(over.thing().id, &event.at(cx.clock.now())).await.map_err(ChangeError::changing)
}

fn written(role: &CustomRole, by: UserId, how: Written) -> Event {
    Event::RoleWritten { org: role.org, role: role.id, by, how }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_kept_once_and_in_their_order() {
        let roles: Roles = [Role::Designer, Role::Admin, Role::Designer].into_iter().collect();
        assert_eq!(roles.iter().collect::<Vec<_>>(), [Role::Designer, Role::Admin]);
        assert_eq!(roles.only(|role| role != Role::Designer), Role::Admin.into());
        assert_eq!((roles.count(), Roles::default().count()), (2, 0));
        let all: Roles = Role::ALL.into_iter().chain(Role::ALL).collect();
        assert_eq!(all.iter().collect::<Vec<_>>(), Role::ALL);
    }
}
