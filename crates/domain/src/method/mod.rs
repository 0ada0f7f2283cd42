//! The ways to prove who one is; only this folder can make a `Proof`.

mod assertion;
pub mod bearer;
pub mod hash;
pub mod oauth_client;
pub(crate) mod password;
pub mod saml;

use crate::audit::Visit;
use crate::org::Org;
use crate::user::User;
use async_trait::async_trait;
use hash::{Cost, PasswordHash};
use std::sync::Arc;
use wire::Secret;

/// Evidence that somebody is who they say; a session is opened with nothing else.
///
/// ```compile_fail,E0451
/// # use domain::{audit::Visit, method::Proof, org::Org, user::User};
/// fn forged(user: std::sync::Arc<User>, org: std::sync::Arc<Org>, visit: Visit) -> Proof {
///     Proof { user, org, method: "password", visit }
/// }
/// ```
#[derive(Debug)]
pub struct Proof {
    user: Arc<User>,
    org: Arc<Org>,
    method: &'static str,
    visit: Visit,
}

impl Proof {
    /// Who was proven.
    pub fn user(&self) -> &Arc<User> {
        &self.user
    }

    /// Where that user belongs.
    pub fn org(&self) -> &Arc<Org> {
        &self.org
    }

    /// By which method, in one word.
    pub fn method(&self) -> &'static str {
        self.method
    }

    /// Through which door.
    pub fn visit(&self) -> Visit {
        self.visit
    }
}

/// Every hashing thread is busy and the queue is full; nothing was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Busy;

/// Where hashes are computed: a bounded pool beside the async threads.
#[async_trait]
pub trait Hasher: Send + Sync {
    /// Says no at once when a job handed in now would be refused.
    fn admit(&self) -> Result<(), Busy>;

    /// Compares a password with a hash. Every call costs one hash.
    async fn check(&self, password: Secret, hash: PasswordHash) -> Result<bool, Busy>;

    /// Makes the hash of a password at `cost`.
    async fn make(&self, password: Secret, cost: Cost) -> Result<PasswordHash, Busy>;

    /// Makes the bcrypt hash of a session id that a token carries as `unique_id` (protocol.md 3.2).
    async fn bind(&self, session_id: Secret) -> Result<String, Busy>;

    /// Whether `unique_id` was made from this session id.
    async fn is_bound(&self, session_id: Secret, unique_id: String) -> Result<bool, Busy>;
}
