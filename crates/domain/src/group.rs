//! Groups: users of one org who have the same roles.

use crate::access::{Grantable, Members, Over, Permit, action};
use crate::audit::{Event, Written};
use crate::cx::Cx;
use crate::entropy;
use crate::name::Label;
use crate::page::Page;
use crate::privilege::Privileges;
use crate::revision::{ChangeError, Revision, author};
use crate::role::AnyRole;
use crate::store::StoreError;
use crate::time::Timestamp;
use crate::user::User;
use std::sync::Arc;
use wire::{GroupId, OrgId, UserId};

/// A group of users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its id.
    pub id: GroupId,
    /// The org that it belongs to.
    pub org: OrgId,
    /// What people call it.
    pub name: Label,
    /// Free text.
    pub description: String,
    /// What its members are.
    pub roles: Vec<AnyRole>,
    /// The id that the client of SCIM gave.
    pub external_id: Option<String>,
    /// Which writing this is.
    pub revision: Revision,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl Group {
    /// What its members may do.
    pub fn privileges(&self) -> Privileges {
        self.roles.iter().fold(Privileges::NONE, |all, role| all.and(role.privileges()))
    }
}

/// What a group is to be.
#[derive(Debug)]
pub struct Draft {
    /// What people call it.
    pub name: Label,
    /// Free text.
    pub description: String,
    /// What its members are.
    pub roles: Grantable,
    /// Who its members are.
    pub members: Members,
}

/// A group with those of its members that a reply shows.
#[derive(Debug)]
pub struct Shown {
    /// The group.
    pub group: Arc<Group>,
    /// Its first members, a thousand at the most.
    pub members: Vec<Arc<User>>,
}

/// The groups of an org, by name.
pub async fn list(
    cx: &Cx,
    permit: &Permit<action::ViewPeople>,
    page: Page,
) -> Result<Vec<Shown>, StoreError> {
    let mut shown = Vec::new();
    for group in cx.store.groups(permit.org(), page).await? {
        shown.push(show(cx, group).await?);
    }
    Ok(shown)
}

/// The group with this id, if the permit's org has it.
pub async fn find(
    cx: &Cx,
    permit: &Permit<action::ViewPeople>,
    id: GroupId,
) -> Result<Option<Shown>, StoreError> {
    match cx.store.group(id).await?.filter(|group| group.org == permit.org()) {
        Some(group) => Ok(Some(show(cx, group).await?)),
        None => Ok(None),
    }
}

/// The group with this name, if the permit's org has it.
pub async fn find_named(
    cx: &Cx,
    permit: &Permit<action::ViewPeople>,
    name: &str,
) -> Result<Option<Shown>, StoreError> {
    let Ok(name) = name.parse::<Label>() else { return Ok(None) };
    match cx.store.group_named(permit.org(), &name.canonical()).await? {
        Some(group) => Ok(Some(show(cx, group).await?)),
        None => Ok(None),
    }
}

async fn show(cx: &Cx, group: Arc<Group>) -> Result<Shown, StoreError> {
    let mut members = Vec::new();
    for id in cx.store.members(group.id).await? {
        members.extend(cx.store.user(id).await?);
    }
    Ok(Shown { group, members })
}

/// Adds a group to the org of the permit.
pub async fn add(cx: &Cx, permit: Permit<action::ManageGroups>, draft: Draft) -> Result<Shown, ChangeError> {
    Ok(show(cx, add_as(cx, permit, draft, None).await?).await?)
}

/// The same for a group that the client of SCIM calls by an id of its own.
pub(crate) async fn add_as(
    cx: &Cx,
    permit: Permit<action::ManageGroups>,
    draft: Draft,
    external_id: Option<String>,
) -> Result<Arc<Group>, ChangeError> {
    let now = cx.clock.now();
    let group = Group {
        id: GroupId::from_bits(entropy::uuid(&*cx.entropy)),
        org: permit.org(),
        name: draft.name,
        description: draft.description,
        roles: draft.roles.into_roles(),
        external_id,
        revision: Revision::first(author(cx, &permit).await?),
        created_at: now,
        updated_at: now,
    };
    let event = written(&group, permit.by(), Written::Added);
    cx.store.add_group(&group, draft.members.ids(), &event.at(now)).await.map_err(ChangeError::adding)?;
    Ok(Arc::new(group))
}

/// As many members as one body names, and as many as a group is shown with.
const MOST_NAMED: u32 = 1_000;

/// Puts what `draft` says in the place of a group; who loses a role by it hears of it at the next call.
pub async fn replace(
    cx: &Cx,
    over: Over<action::ManageGroups, Group>,
    draft: Draft,
) -> Result<Shown, ChangeError> {
    let (now, old) = (cx.clock.now(), over.thing());
    let group = Group {
        name: draft.name,
        description: draft.description,
        roles: draft.roles.into_roles(),
        revision: old.revision.next(author(cx, over.permit()).await?),
        updated_at: now,
        ..Group::clone(old)
    };
    is_free(cx, &group).await?;
    if cx.store.member_ids(group.id, MOST_NAMED + 1).await?.len() > MOST_NAMED as usize {
        return Err(ChangeError::ManyMembers);
    }
    let event = written(&group, over.permit().by(), Written::Changed);
    cx.store
        .replace_group(&group, draft.members.ids(), &event.at(now))
        .await
        .map_err(ChangeError::changing)?;
    Ok(show(cx, Arc::new(group)).await?)
}

/// Lets SCIM call a group something else, and lets users come and go; what its members are stays.
pub(crate) async fn regroup(
    cx: &Cx,
    over: Over<action::ManageGroups, Group>,
    (name, external_id): (Label, Option<String>),
    joining: Members,
    leaving: &[UserId],
) -> Result<Arc<Group>, ChangeError> {
    let (now, old) = (cx.clock.now(), over.thing());
    let revision = old.revision.next(author(cx, over.permit()).await?);
    let group = Group { name, external_id, revision, updated_at: now, ..Group::clone(old) };
    is_free(cx, &group).await?;
    let event = written(&group, over.permit().by(), Written::Changed);
    let written = cx.store.change_members(&group, joining.ids(), leaving, &event.at(now)).await;
    written.map_err(ChangeError::changing)?;
    Ok(Arc::new(group))
}

/// Refuses a name that another group of the org has.
async fn is_free(cx: &Cx, group: &Group) -> Result<(), ChangeError> {
    let same_name = cx.store.group_named(group.org, &group.name.canonical()).await?;
    if same_name.is_some_and(|other| other.id != group.id) { Err(ChangeError::Taken) } else { Ok(()) }
}

/// Removes a group; its members lose what they were by it.
pub async fn remove(cx: &Cx, over: Over<action::ManageGroups, Group>) -> Result<(), ChangeError> {
    let event = written(over.thing(), over.permit().by(), Written::Removed);
    cx.store.remove_group(over.thing().id, &event.at(cx.clock.now())).await.map_err(ChangeError::changing)
}

fn written(group: &Group, by: UserId, how: Written) -> Event {
    Event::GroupWritten { org: group.org, group: group.id, by, how }
}
