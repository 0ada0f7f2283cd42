//! Orgs, and what they decide for themselves.

use super::StoreError;
use crate::audit::Entry;
use crate::name::Label;
use crate::org::Org;
use crate::page::Page;
use crate::user::Account;
use async_trait::async_trait;
use std::sync::Arc;
use wire::OrgId;

/// What orgs decide for themselves.
#[async_trait]
pub trait Policies: Send + Sync {
    /// Puts what an org decides in the place of its writing before; a conflict if that writing is not the last.
    async fn replace_policy(&self, new: &Org, entry: &Entry) -> Result<(), StoreError>;
}

/// Orgs as administrators see them. A change that has happened is seen by the next call of anybody.
#[async_trait]
pub trait Orgs: Send + Sync {
    /// An org and every org below it, by name.
    async fn orgs_within(&self, top: OrgId, page: Page) -> Result<Vec<Arc<Org>>, StoreError>;

    /// Up to two of the orgs right below another that have exactly this name: enough to know whether one alone has it.
    async fn orgs_named(&self, above: OrgId, name: &Label) -> Result<Vec<OrgId>, StoreError>;

    /// Adds an org below one that is there, and its first user if there is one; a conflict if the org above is gone or
    /// the user's name is taken.
    async fn add_org(&self, org: &Org, first: Option<&Account>, entries: &[Entry]) -> Result<(), StoreError>;

    /// Puts an org in the place of its writing before; a conflict if that writing is not the last.
    async fn replace_org(&self, new: &Org, entry: &Entry) -> Result<(), StoreError>;

    /// Removes an org with all that is its own, and ends its sessions; a conflict if this writing is not the last or an
    /// org stands below it.
    async fn remove_org(&self, org: &Org, entry: &Entry) -> Result<(), StoreError>;
}
