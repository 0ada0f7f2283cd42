//! What SCIM asks of a store.

use super::StoreError;
use crate::audit::Entry;
use crate::group::Group;
use crate::scim::{ScimToken, TokenDigest};
use crate::time::Timestamp;
use async_trait::async_trait;
use wire::{GroupId, OrgId, ScimTokenId, UserId};

/// What SCIM asks for: its tokens, and users and groups as an identity provider counts and calls them.
#[async_trait]
pub trait Provisioning: Send + Sync {
    /// The token with this digest, read anew.
    async fn scim_token(&self, digest: &TokenDigest) -> Result<Option<ScimToken>, StoreError>;

    /// The token with this id.
    async fn scim_token_by_id(&self, id: ScimTokenId) -> Result<Option<ScimToken>, StoreError>;

    /// The tokens of an org, oldest first, those included whose time is over.
    async fn scim_tokens(&self, org: OrgId) -> Result<Vec<ScimToken>, StoreError>;

    /// Adds a token; one whose time is over leaves the place to it. A conflict when the place is taken.
    async fn add_scim_token(
        &self,
        token: &ScimToken,
        digest: &TokenDigest,
        entry: &Entry,
    ) -> Result<(), StoreError>;

    /// Removes a token; says whether the org had it.
    async fn remove_scim_token(&self, org: OrgId, id: ScimTokenId, entry: &Entry)
    -> Result<bool, StoreError>;

    /// Notes when a token was used, unless a later use is known; not forced to disk.
    async fn note_scim_use(&self, id: ScimTokenId, at: Timestamp) -> Result<(), StoreError>;

    /// The first two hundred users of an org that its client calls by this id.
    async fn users_with_external_id(&self, org: OrgId, external: &str) -> Result<Vec<UserId>, StoreError>;

    /// The first two hundred groups of an org that its client calls by this id.
    async fn groups_with_external_id(&self, org: OrgId, external: &str) -> Result<Vec<GroupId>, StoreError>;

    /// How many users an org has.
    async fn count_users(&self, org: OrgId) -> Result<u64, StoreError>;

    /// How many groups an org has.
    async fn count_groups(&self, org: OrgId) -> Result<u64, StoreError>;

    /// The members of a group by their ids, at most so many.
    async fn member_ids(&self, group: GroupId, most: u32) -> Result<Vec<UserId>, StoreError>;

    /// Puts a group in the place of its writing before, and lets users join and leave; its roles stay. A conflict if
    /// that writing is not the last, or if who joins is gone.
    async fn change_members(
        &self,
        new: &Group,
        joining: &[UserId],
        leaving: &[UserId],
        entry: &Entry,
    ) -> Result<(), StoreError>;
}
