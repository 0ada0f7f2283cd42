//! OAuth clients, and the tokens that were withdrawn.

use super::StoreError;
use crate::audit::Entry;
use crate::client::Client;
use crate::revocation::Revocation;
use crate::time::Timestamp;
use async_trait::async_trait;
use std::sync::Arc;
use wire::{ClientId, ClientSecretId, OrgId};

/// OAuth clients, read anew at each call, and the tokens that were withdrawn.
#[async_trait]
pub trait Clients: Send + Sync {
    /// The clients of an org, oldest first.
    async fn clients(&self, org: OrgId) -> Result<Vec<Arc<Client>>, StoreError>;

    /// The client with this id. One that is not there costs as many reads as one that is.
    async fn client(&self, id: ClientId) -> Result<Option<Arc<Client>>, StoreError>;

    /// Adds a client with its roles and secrets if its org has fewer than `most`; says whether it had.
    async fn add_client(&self, client: &Client, most: u32, entry: &Entry) -> Result<bool, StoreError>;

    /// Puts a client, its roles and its secrets in the place of its writing before; a conflict if that writing is not
    /// the last.
    async fn replace_client(&self, new: &Client, entry: &Entry) -> Result<(), StoreError>;

    /// Removes a client; a conflict if it is gone.
    async fn remove_client(&self, id: ClientId, entry: &Entry) -> Result<(), StoreError>;

    /// Notes when a secret was used if nothing newer than `before` is noted; not forced to disk.
    async fn client_secret_used(
        &self,
        secret: ClientSecretId,
        at: Timestamp,
        before: Timestamp,
    ) -> Result<(), StoreError>;

    /// Withdraws a token if its org has withdrawn fewer than `most`; it is on disk before this returns. Says whether it had.
    async fn revoke_token(&self, token: &Revocation, most: u32, entry: &Entry) -> Result<bool, StoreError>;

    /// Whether the token with this digest was withdrawn; answered from memory, by which node it ever was.
    async fn is_token_revoked(&self, digest: &[u8; 32]) -> Result<bool, StoreError>;

    /// The same at once, if all withdrawn tokens are in memory; `None` says nothing but that the store has to be asked.
    fn is_known_revoked(&self, digest: &[u8; 32]) -> Option<bool>;

    /// Forgets the withdrawn tokens that would have ended before `before`.
    async fn forget_revocations(&self, before: Timestamp) -> Result<(), StoreError>;
}
