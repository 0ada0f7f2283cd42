//! What groups and roles of a provider are here (protocol.md 5.10): a group there is a user group here, with its roles.

use crate::access::{Grantable, Permit, action};
use crate::audit::{Event, Written};
use crate::cx::Cx;
use crate::entropy;
use crate::group::Group;
use crate::name::Label;
use crate::revision::{ChangeError, Revision, author};
use crate::role::AnyRole;
use crate::store::StoreError;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use wire::{GroupId, OrgId, RoleId};

/// Names that one role may be mapped to (protocol.md 5.10).
pub const MOST: usize = 200;

/// Names of each kind that one org may map; each sign-in that maps reads them all.
const MOST_OF_ORG: usize = 5_000;

/// The longest name of a group or role at a provider, in characters.
const LONGEST: usize = 255;

/// What is mapped in an org.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Links {
    /// Groups there with the group here, by name.
    pub groups: Vec<(String, GroupId)>,
    /// Roles there with the role here, by name.
    pub roles: Vec<(String, RoleId)>,
}

/// A name of a group or role at a provider.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name(String);

/// This text cannot be such a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a SAML name has 1 to 255 characters, and none of them is | ; or ,")]
pub struct NotAName;

impl std::str::FromStr for Name {
    type Err = NotAName;

    fn from_str(text: &str) -> Result<Self, NotAName> {
        let is_good = (1..=LONGEST).contains(&text.chars().count())
            && !text.contains(|c: char| c.is_control() || "|;,".contains(c));
        if is_good { Ok(Self(text.to_owned())) } else { Err(NotAName) }
    }
}

/// A role, with what it is called at the provider, or which groups there have it.
#[derive(Debug)]
pub struct Mapping {
    /// One role that whoever asks may give.
    pub role: Grantable,
    /// The names.
    pub names: Vec<Name>,
}

/// One row of what is mapped.
#[derive(Debug, PartialEq, Eq)]
pub struct Mapped {
    /// The role.
    pub role: AnyRole,
    /// The names, in their order.
    pub names: Vec<String>,
}

/// What a change of groups does, all of it or nothing.
#[derive(Debug, Default)]
pub struct GroupChange {
    /// Groups that are new.
    pub made: Vec<Group>,
    /// Names that are linked from now on.
    pub linked: Vec<(String, GroupId)>,
    /// Roles that groups have from now on.
    pub given: Vec<(GroupId, RoleId)>,
    /// Roles that groups have no more.
    pub taken: Vec<(GroupId, RoleId)>,
    /// Names that are linked no more.
    pub unlinked: Vec<String>,
}

/// Why nothing was mapped.
#[derive(Debug)]
pub enum MappingError {
    /// More names than a role, or an org, may have.
    TooMany,
    /// A name is not mapped so.
    Unknown,
    /// It could not be written.
    Change(ChangeError),
}

impl From<StoreError> for MappingError {
    fn from(error: StoreError) -> Self {
        Self::Change(ChangeError::adding(error))
    }
}

/// Gives roles to groups of the provider. A group that is new here is made; where its name is taken, `reuse` takes the
/// group that has it, and otherwise the new one is called `<name>_EXT`.
pub async fn add_groups(
    cx: &Cx,
    permit: &Permit<action::Federate>,
    mappings: Vec<Mapping>,
    reuse: bool,
) -> Result<(), MappingError> {
    let org = permit.org();
    let links = cx.store.saml_links(org).await?;
    let mut known: BTreeMap<String, GroupId> = links.groups.into_iter().collect();
    let mut change = GroupChange::default();
    let by = author(cx, permit).await?;
    let mut roles = Vec::new();
    let pairs = pairs(mappings, &mut roles);
    let rows = groups(cx, permit).await?;
    if roles.iter().any(|role| names_of(*role, &rows, &pairs) > MOST) {
        return Err(MappingError::TooMany);
    }
    let new: BTreeSet<_> =
        pairs.iter().map(|(_, name)| name).filter(|name| !known.contains_key(*name)).collect();
    bounded(known.len() + new.len())?;
    for (role, name) in pairs {
        let group = match known.get(&name) {
            Some(group) => *group,
            None => {
                let group = group_for(cx, org, &name, (reuse, &by), &mut change).await?;
                known.insert(name.clone(), group);
                change.linked.push((name, group));
                group
            }
        };
        change.given.push((group, role));
    }
    let event = written(permit, roles, Written::Added);
    Ok(cx.store.change_saml_groups(org, &change, &event.at(cx.clock.now())).await?)
}

/// The group here for a group there: one that is new, or one that has its name.
async fn group_for(
    cx: &Cx,
    org: OrgId,
    name: &str,
    (reuse, by): (bool, &str),
    change: &mut GroupChange,
) -> Result<GroupId, MappingError> {
    for name in [name.to_owned(), format!("{name}_EXT")] {
        let name: Label = name.parse().map_err(|_| MappingError::Unknown)?;
        let taken = cx.store.group_named(org, &name.canonical()).await?.map(|group| group.id);
        let made = change.made.iter().find(|made| made.name.canonical() == name.canonical());
        match taken.or(made.map(|made| made.id)) {
            Some(group) if reuse => return Ok(group),
            Some(_) => {}
            None => {
                let now = cx.clock.now();
                let id = GroupId::from_bits(entropy::uuid(&*cx.entropy));
                let (roles, revision) = (Vec::new(), Revision::first(by));
                let description = "Members come from the identity provider".to_owned();
                change.made.push(Group {
                    external_id: None,
                    id,
                    org,
                    name,
                    description,
                    roles,
                    revision,
                    created_at: now,
                    updated_at: now,
                });
                return Ok(id);
            }
        }
    }
    Err(MappingError::Change(ChangeError::Taken))
}

/// Takes roles from groups of the provider. A group that has none left is linked no more; it stays here.
pub async fn remove_groups(
    cx: &Cx,
    permit: &Permit<action::Federate>,
    mappings: Vec<Mapping>,
) -> Result<(), MappingError> {
    let org = permit.org();
    let known: BTreeMap<String, GroupId> = cx.store.saml_links(org).await?.groups.into_iter().collect();
    let (mut change, mut roles) = (GroupChange::default(), Vec::new());
    let mut left: BTreeMap<GroupId, Vec<RoleId>> = BTreeMap::new();
    for (role, name) in pairs(mappings, &mut roles) {
        let group = *known.get(&name).ok_or(MappingError::Unknown)?;
        if let std::collections::btree_map::Entry::Vacant(place) = left.entry(group) {
            let group = cx.store.group(group).await?.ok_or(MappingError::Unknown)?;
            place.insert(group.roles.iter().map(AnyRole::id).collect());
        }
        let of_group = left.entry(group).or_default();
        if !of_group.contains(&role) {
            return Err(MappingError::Unknown);
        }
        of_group.retain(|other| *other != role);
        if of_group.is_empty() {
            change.unlinked.push(name);
        }
        change.taken.push((group, role));
    }
    let event = written(permit, roles, Written::Removed);
    Ok(cx.store.change_saml_groups(org, &change, &event.at(cx.clock.now())).await?)
}

/// Which roles here mean which groups there.
pub async fn groups(cx: &Cx, permit: &Permit<action::Federate>) -> Result<Vec<Mapped>, StoreError> {
    let links = cx.store.saml_links(permit.org()).await?;
    let mut all: Vec<Mapped> = Vec::new();
    for (name, group) in links.groups {
        let Some(group) = cx.store.group(group).await? else { continue };
        group.roles.iter().for_each(|role| add_row(&mut all, role.clone(), &name));
    }
    Ok(all)
}

/// Maps roles of the provider to roles here.
pub async fn add_roles(
    cx: &Cx,
    permit: &Permit<action::Federate>,
    mappings: Vec<Mapping>,
) -> Result<(), MappingError> {
    let org = permit.org();
    let mut all = cx.store.saml_links(org).await?.roles;
    let (mut added, mut roles) = (Vec::new(), Vec::new());
    for (role, name) in pairs(mappings, &mut roles) {
        if !all.contains(&(name.clone(), role)) {
            all.push((name.clone(), role));
            added.push((name, role));
        }
    }
    bounded(all.len())?;
    if roles.iter().any(|role| all.iter().filter(|(_, other)| other == role).count() > MOST) {
        return Err(MappingError::TooMany);
    }
    let event = written(permit, roles, Written::Added);
    Ok(cx.store.add_saml_roles(org, &added, &event.at(cx.clock.now())).await?)
}

/// Takes such mappings back.
pub async fn remove_roles(
    cx: &Cx,
    permit: &Permit<action::Federate>,
    mappings: Vec<Mapping>,
) -> Result<(), MappingError> {
    let org = permit.org();
    let known = cx.store.saml_links(org).await?.roles;
    let mut roles = Vec::new();
    let removed: Vec<_> = pairs(mappings, &mut roles).into_iter().map(|(role, name)| (name, role)).collect();
    if removed.iter().any(|pair| !known.contains(pair)) {
        return Err(MappingError::Unknown);
    }
    let event = written(permit, roles, Written::Removed);
    Ok(cx.store.remove_saml_roles(org, &removed, &event.at(cx.clock.now())).await?)
}

/// Which roles here mean which roles there.
pub async fn roles(cx: &Cx, permit: &Permit<action::Federate>) -> Result<Vec<Mapped>, StoreError> {
    let links = cx.store.saml_links(permit.org()).await?;
    let mut all = Vec::new();
    for (name, role) in links.roles {
        if let Some(role) = role_with_id(cx, permit.org(), role).await? {
            add_row(&mut all, role, &name);
        }
    }
    Ok(all)
}

/// The role with this id that users of an org may have.
pub(super) async fn role_with_id(cx: &Cx, org: OrgId, id: RoleId) -> Result<Option<AnyRole>, StoreError> {
    if let Some(role) = crate::role::Role::with_id(id) {
        return Ok(Some(AnyRole::BuiltIn(role)));
    }
    let role: Option<Arc<_>> = cx.store.role(id).await?.filter(|role| role.org == org);
    Ok(role.map(AnyRole::Custom))
}

fn add_row(all: &mut Vec<Mapped>, role: AnyRole, name: &str) {
    match all.iter_mut().find(|row| row.role == role) {
        Some(row) => row.names.push(name.to_owned()),
        None => all.push(Mapped { role, names: vec![name.to_owned()] }),
    }
}

/// Each role with each of its names; the roles are noted for the record.
fn pairs(mappings: Vec<Mapping>, roles: &mut Vec<RoleId>) -> Vec<(RoleId, String)> {
    let mut pairs = Vec::new();
    for Mapping { role, names } in mappings {
        for role in role.into_roles() {
            pairs.extend(names.iter().map(|Name(name)| (role.id(), name.clone())));
            roles.push(role.id());
        }
    }
    pairs.sort();
    pairs.dedup();
    pairs
}

/// How many names a role has once more are added.
fn names_of(role: RoleId, rows: &[Mapped], more: &[(RoleId, String)]) -> usize {
    let before = rows.iter().find(|row| row.role.id() == role).map_or(&[][..], |row| &row.names);
    let more = more.iter().filter(|(other, name)| *other == role && !before.contains(name)).count();
    before.len() + more
}

fn bounded(names: usize) -> Result<(), MappingError> {
    if names > MOST_OF_ORG { Err(MappingError::TooMany) } else { Ok(()) }
}

fn written(permit: &Permit<action::Federate>, roles: Vec<RoleId>, how: Written) -> Event {
    Event::SamlMappingsWritten { org: permit.org(), roles, by: permit.by(), how }
}
