//! The ways to prove who one is; only this folder can make a `Proof`.

mod assertion;
pub mod bearer;
pub mod hash;
pub mod oauth_client;
pub(crate) mod password;
pub mod saml;

use crate::audit::Visit;
use crate::flow::{Flow, Waiter};
use crate::org::Org;
use crate::user::User;
use async_trait::async_trait;
use hash::{Cost, PasswordHash};
use std::sync::Arc;
use std::time::Duration;
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

/// There is no room for this caller now; nothing was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Busy {
    /// After how long there may be.
    pub wait: Duration,
}

impl Busy {
    /// Where nothing tells how long it takes.
    pub const A_MOMENT: Self = Self { wait: Duration::from_secs(1) };
}

/// Where hashes are computed: a bounded pool beside the async threads, whose queue is shared fairly.
#[async_trait]
pub trait Hasher: Send + Sync {
    /// Gives a place in the queue, or says no at once. Nothing is hashed without a place.
    fn admit(&self, flow: Flow, waiter: Waiter) -> Result<Box<dyn Place>, Busy>;

    /// Makes the bcrypt hash of a session id that a token carries as `unique_id` (protocol.md 3.2).
    async fn bind(&self, session_id: Secret) -> Result<String, Busy>;

    /// Whether `unique_id` was made from this session id.
    async fn is_bound(&self, session_id: Secret, unique_id: String) -> Result<bool, Busy>;
}

/// A place in the queue of hashes: good for one, and given back when it is dropped.
#[async_trait]
pub trait Place: Send + Sync {
    /// Compares a password with a hash. Every call costs one hash.
    async fn check(self: Box<Self>, password: Secret, hash: PasswordHash) -> Result<bool, Busy>;

    /// Makes the hash of a password at `cost`.
    async fn make(self: Box<Self>, password: Secret, cost: Cost) -> Result<PasswordHash, Busy>;
}
