//! What a user has beside built-in roles of its own.

use crate::group::Group;
use crate::role::CustomRole;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

/// What a user has beside built-in roles of its own. Most have nothing, and nothing takes no memory.
#[derive(Debug, Clone, Default)]
pub struct Grants(Option<Box<Granted>>);

/// Roles and groups of an org.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Granted {
    /// The roles of its org that the user has itself.
    pub roles: Vec<Arc<CustomRole>>,
    /// The groups that it is in, with what they make of it.
    pub groups: Vec<Arc<Group>>,
}

static NOTHING: Granted = Granted { roles: Vec::new(), groups: Vec::new() };

impl Grants {
    /// These roles and groups.
    pub fn of(roles: Vec<Arc<CustomRole>>, groups: Vec<Arc<Group>>) -> Self {
        let is_nothing = roles.is_empty() && groups.is_empty();
        Self((!is_nothing).then(|| Box::new(Granted { roles, groups })))
    }
}

impl Deref for Grants {
    type Target = Granted;

    fn deref(&self) -> &Granted {
        self.0.as_deref().unwrap_or(&NOTHING)
    }
}

impl DerefMut for Grants {
    fn deref_mut(&mut self) -> &mut Granted {
        self.0.get_or_insert_default()
    }
}

impl PartialEq for Grants {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Grants {}
