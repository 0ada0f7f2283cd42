//! What a role may allow: a fixed list, and sets of its members.

use std::str::FromStr;
use wire::PrivilegeId;

/// One thing that may be allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Privilege {
    /// Reading users, groups and roles.
    ViewPeople,
    /// Adding, changing and removing users.
    ManageUsers,
    /// Adding, changing and removing groups.
    ManageGroups,
    /// Adding, changing and removing roles.
    ManageRoles,
    /// Reading an org and its licence.
    ViewOrg,
    /// Changing an org.
    ManageOrg,
    /// Reading what happened.
    ViewLog,
    /// Listing and ending the sessions of others.
    ManageSessions,
}

impl Privilege {
    /// Every privilege.
    pub const ALL: [Self; 8] = [
        Self::ViewPeople,
        Self::ManageUsers,
        Self::ManageGroups,
        Self::ManageRoles,
        Self::ViewOrg,
        Self::ManageOrg,
        Self::ViewLog,
        Self::ManageSessions,
    ];

    /// The name on the wire, in the vendor's pattern (protocol.md 5.7).
    pub const fn name(self) -> &'static str {
        match self {
            Self::ViewPeople => "view.admin.people",
            Self::ManageUsers => "manage.admin.users",
            Self::ManageGroups => "manage.admin.groups",
            Self::ManageRoles => "manage.admin.roles",
            Self::ViewOrg => "view.admin.org",
            Self::ManageOrg => "manage.admin.org",
            Self::ViewLog => "view.admin.log",
            Self::ManageSessions => "manage.admin.sessions",
        }
    }

    /// What a person reads about it.
    pub const fn description(self) -> &'static str {
        match self {
            Self::ViewPeople => "See users, groups and roles",
            Self::ManageUsers => "Add, change and remove users",
            Self::ManageGroups => "Add, change and remove groups",
            Self::ManageRoles => "Add, change and remove roles",
            Self::ViewOrg => "See the organization and its license",
            Self::ManageOrg => "Change the organization",
            Self::ViewLog => "See the security log",
            Self::ManageSessions => "See and end the sessions of others",
        }
    }

    /// Its id, the same on every instance.
    pub const fn id(self) -> PrivilegeId {
        PrivilegeId::from_bits(0x6c61_7463_686b_6579_8000_0000_0000_0100 + self as u128)
    }

    const fn bit(self) -> u32 {
        1 << self as u8
    }
}

/// No privilege has this name or id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no privilege has this name or id")]
pub struct NotAPrivilege;

impl FromStr for Privilege {
    type Err = NotAPrivilege;

    fn from_str(text: &str) -> Result<Self, NotAPrivilege> {
        let id = text.parse::<PrivilegeId>().ok();
        let is_meant = |it: &Self| it.name() == text || id.is_some_and(|id| id == it.id());
        Self::ALL.into_iter().find(is_meant).ok_or(NotAPrivilege)
    }
}

/// A set of privileges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Privileges(u32);

impl Privileges {
    /// Nothing.
    pub const NONE: Self = Self(0);

    /// All of them.
    pub fn all() -> Self {
        Privilege::ALL.into_iter().collect()
    }

    /// Whether this one is among them.
    pub const fn contains(self, one: Privilege) -> bool {
        self.0 & one.bit() != 0
    }

    /// Whether all of `others` are among them.
    pub const fn cover(self, others: Self) -> bool {
        self.0 & others.0 == others.0
    }

    /// These and those.
    #[must_use]
    pub const fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// These without those.
    #[must_use]
    pub const fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }

    /// Each of them.
    pub fn iter(self) -> impl Iterator<Item = Privilege> {
        Privilege::ALL.into_iter().filter(move |one| self.contains(*one))
    }
}

impl FromIterator<Privilege> for Privileges {
    fn from_iter<T: IntoIterator<Item = Privilege>>(all: T) -> Self {
        all.into_iter().fold(Self::NONE, |set, one| Self(set.0 | one.bit()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_covers_what_it_holds_and_nothing_else() {
        let some: Privileges = [Privilege::ViewLog, Privilege::ManageRoles].into_iter().collect();
        assert!(Privileges::all().cover(some) && !some.cover(Privileges::all()));
        assert!(some.cover(Privileges::NONE) && some.cover(some));
        assert_eq!(some.iter().collect::<Vec<_>>(), [Privilege::ManageRoles, Privilege::ViewLog]);
        assert_eq!(Privileges::all().without(some).and(some), Privileges::all());
    }

    #[test]
    fn a_privilege_is_found_by_name_and_by_id() {
        for one in Privilege::ALL {
            assert_eq!(one.name().parse(), Ok(one));
            assert_eq!(one.id().base62().parse(), Ok(one));
        }
        assert_eq!("view.ai.designer".parse::<Privilege>(), Err(NotAPrivilege));
    }
}
