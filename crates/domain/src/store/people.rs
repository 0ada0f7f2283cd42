//! Users, roles and groups, and their passwords.

use super::StoreError;
use crate::audit::Entry;
use crate::group::Group;
use crate::method::hash::PasswordHash;
use crate::name::CanonicalName;
use crate::org::Org;
use crate::page::Page;
use crate::password::Replacement;
use crate::role::CustomRole;
use crate::time::Timestamp;
use crate::user::{Account, Keep, LastSignIn, User};
use async_trait::async_trait;
use std::sync::Arc;
use wire::{GroupId, OrgId, RoleId, UserId};

/// Passwords and answers beside those that a sign-in reads.
#[async_trait]
pub trait Passwords: Send + Sync {
    /// When the password of a user was set; `None` when it has none.
    async fn password_set_at(&self, user: UserId) -> Result<Option<Timestamp>, StoreError>;

    /// The password of a user in force, and those that were replaced since.
    async fn passwords(&self, user: UserId, since: Timestamp) -> Result<Vec<PasswordHash>, StoreError>;

    /// The answer of a user to the security question.
    async fn security_answer(&self, user: UserId) -> Result<Option<PasswordHash>, StoreError>;

    /// Puts an answer in the place of the one before; a conflict if the user is gone.
    async fn replace_security_answer(
        &self,
        user: UserId,
        answer: &PasswordHash,
        entry: &Entry,
    ) -> Result<(), StoreError>;
}

/// Users, roles and groups as administrators see them. A change that has happened is seen by the next call of anybody.
#[async_trait]
pub trait People: Send + Sync {
    /// The orgs right below an org, by name; the first thousand.
    async fn orgs_below(&self, org: OrgId) -> Result<Vec<Arc<Org>>, StoreError>;

    /// The users of an org, by name.
    async fn users(&self, org: OrgId, page: Page) -> Result<Vec<UserId>, StoreError>;

    /// When and how a user signed in last, read anew: what is at hand of a user does not change with it.
    async fn last_sign_in(&self, user: UserId) -> Result<Option<LastSignIn>, StoreError>;

    /// Adds a user with its roles and groups; a name that is taken is a conflict.
    async fn add_user(&self, account: &Account, entry: &Entry) -> Result<(), StoreError>;

    /// Adds users with their roles and groups, all of them or none; a name that is taken is a conflict.
    async fn add_users(&self, accounts: &[Account], entries: &[Entry]) -> Result<(), StoreError>;

    /// Puts a user in the place of its writing before, and ends the sessions that do not go on; a conflict if that
    /// writing is not the last.
    async fn replace_user(&self, new: &User, keep: Keep, entry: &Entry) -> Result<(), StoreError>;

    /// Gives a user another password, remembers the one before, and ends the sessions that do not go on; a conflict if this writing of the user is
    /// not the last.
    async fn replace_password(
        &self,
        user: &User,
        new: &Replacement,
        keep: Keep,
        entry: &Entry,
    ) -> Result<(), StoreError>;

    /// Removes a user and ends its sessions; a conflict if this writing of the user is not the last.
    async fn remove_user(&self, user: &User, entry: &Entry) -> Result<(), StoreError>;

    /// The roles that an org has made, by name.
    async fn roles(&self, org: OrgId) -> Result<Vec<Arc<CustomRole>>, StoreError>;

    /// The role with this id, if an org has made it.
    async fn role(&self, id: RoleId) -> Result<Option<Arc<CustomRole>>, StoreError>;

    /// The role that an org has made under this name.
    async fn role_named(
        &self,
        org: OrgId,
        name: &CanonicalName,
    ) -> Result<Option<Arc<CustomRole>>, StoreError>;

    /// Adds a role; a name that is taken is a conflict.
    async fn add_role(&self, role: &CustomRole, entry: &Entry) -> Result<(), StoreError>;

    /// Puts a role in the place of its writing before; a conflict if that writing is not the last.
    async fn replace_role(&self, new: &CustomRole, entry: &Entry) -> Result<(), StoreError>;

    /// Removes a role, from users and groups too; a conflict if it is gone.
    async fn remove_role(&self, id: RoleId, entry: &Entry) -> Result<(), StoreError>;

    /// The groups of an org, by name.
    async fn groups(&self, org: OrgId, page: Page) -> Result<Vec<Arc<Group>>, StoreError>;

    /// The group with this id.
    async fn group(&self, id: GroupId) -> Result<Option<Arc<Group>>, StoreError>;

    /// The group of an org with this name.
    async fn group_named(&self, org: OrgId, name: &CanonicalName) -> Result<Option<Arc<Group>>, StoreError>;

    /// The first thousand members of a group.
    async fn members(&self, group: GroupId) -> Result<Vec<UserId>, StoreError>;

    /// Adds a group with its members; a name that is taken is a conflict.
    async fn add_group(&self, group: &Group, members: &[UserId], entry: &Entry) -> Result<(), StoreError>;

    /// Puts a group with its members in the place of its writing before; a conflict if that writing is not the last.
    async fn replace_group(&self, new: &Group, members: &[UserId], entry: &Entry) -> Result<(), StoreError>;

    /// Removes a group; a conflict if it is gone.
    async fn remove_group(&self, id: GroupId, entry: &Entry) -> Result<(), StoreError>;
}
