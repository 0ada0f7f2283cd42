//! What is given to others: nobody gives away what they do not have.

use super::{Caller, NoPermit};
use crate::cx::Cx;
use crate::group::Group;
use crate::name::Label;
use crate::privilege::Privileges;
use crate::role::{self, AnyRole, CustomRole, Role};
use std::sync::Arc;
use wire::{GroupId, OrgId, UserId};

/// Evidence that somebody has the privileges that they give to others.
#[derive(Debug, Clone, Copy)]
pub struct Conferrable(Privileges);

impl Conferrable {
    /// The privileges.
    pub fn set(self) -> Privileges {
        self.0
    }
}

/// Nobody gives away what they do not have.
pub fn conferrable(caller: &Caller, privileges: Privileges) -> Result<Conferrable, NoPermit> {
    let may = caller.user.privileges().cover(privileges);
    if may { Ok(Conferrable(privileges)) } else { Err(NoPermit::Denied) }
}

/// Evidence that roles belong to an org, or to all, and that somebody may give and take them.
#[derive(Debug, Default)]
pub struct Grantable(Vec<AnyRole>);

impl Grantable {
    pub(crate) fn into_roles(self) -> Vec<AnyRole> {
        self.0
    }

    /// The built-in ones, and those of the org.
    pub(crate) fn apart(self) -> (Vec<Role>, Vec<Arc<CustomRole>>) {
        role::apart(self.0)
    }
}

/// The roles with these ids or names that users of an org may have.
pub async fn grantable(
    cx: &Cx,
    caller: &Caller,
    org: OrgId,
    words: &[String],
) -> Result<Grantable, NoPermit> {
    let mut roles: Vec<AnyRole> = Vec::new();
    for word in words {
        let role = role::named(cx, org, word).await?.ok_or(NoPermit::Unknown)?;
        conferrable(caller, role.privileges())?;
        if !roles.contains(&role) {
            roles.push(role);
        }
    }
    Ok(Grantable(roles))
}

/// Evidence that groups belong to an org, and that somebody may put others into them.
#[derive(Debug, Default)]
pub struct Joinable(Vec<Arc<Group>>);

impl Joinable {
    pub(crate) fn into_groups(self) -> Vec<Arc<Group>> {
        self.0
    }
}

/// The groups with these ids or names.
pub async fn joinable(cx: &Cx, caller: &Caller, org: OrgId, words: &[String]) -> Result<Joinable, NoPermit> {
    let mut groups: Vec<Arc<Group>> = Vec::new();
    for word in words {
        let by_id = match word.parse::<GroupId>() {
            Ok(id) => cx.store.group(id).await?.filter(|group| group.org == org),
            Err(_) => None,
        };
        let by_name = match word.parse::<Label>() {
            Ok(name) if by_id.is_none() => cx.store.group_named(org, &name.canonical()).await?,
            _ => None,
        };
        let group = by_id.or(by_name).ok_or(NoPermit::Unknown)?;
        conferrable(caller, group.privileges())?;
        if groups.iter().all(|known| known.id != group.id) {
            groups.push(group);
        }
    }
    Ok(Joinable(groups))
}

/// Evidence that users belong to one org.
#[derive(Debug, Default)]
pub struct Members(Vec<UserId>);

impl Members {
    pub(crate) fn ids(&self) -> &[UserId] {
        &self.0
    }
}

/// The users with these ids, all of them in `org`.
pub async fn members(cx: &Cx, org: OrgId, ids: &[UserId]) -> Result<Members, NoPermit> {
    let mut members = Vec::new();
    for id in ids {
        let user = cx.store.user(*id).await?.filter(|user| user.org == org).ok_or(NoPermit::Unknown)?;
        if !members.contains(&user.id) {
            members.push(user.id);
        }
    }
    Ok(Members(members))
}
