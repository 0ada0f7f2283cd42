//! The built-in roles (protocol.md 4.1); they belong to no org and cannot be changed.

use std::str::FromStr;
use wire::RoleId;

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

    /// The role with this id.
    pub fn with_id(id: RoleId) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.id() == id)
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
