//! Users: who may sign in, how, and what they may do.

use crate::method::hash::PasswordHash;
use crate::name::UserName;
use crate::role::Role;
use crate::time::Timestamp;
use wire::{OrgId, UserId};

/// A user, without anything secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Its id.
    pub id: UserId,
    /// The org it belongs to.
    pub org: OrgId,
    /// What it signs in with.
    pub name: UserName,
    /// Whether it may sign in at all.
    pub status: Status,
    /// How it proves who it is.
    pub authenticator: Authenticator,
    /// Its roles.
    pub roles: Vec<Role>,
    /// What people read about it.
    pub profile: Profile,
    /// Whether it must choose a new password.
    pub must_change_password: bool,
    /// Failures that lock it; `None` takes the instance's.
    pub max_login_attempts: Option<u32>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// What people read about a user; none of it decides anything.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Profile {
    /// Given name.
    pub first_name: String,
    /// Family name.
    pub last_name: String,
    /// Job title.
    pub title: String,
    /// Telephone number.
    pub phone: String,
    /// E-mail address.
    pub email: String,
    /// Name of a time zone, such as `America/Los_Angeles`.
    pub timezone: String,
    /// Free text.
    pub description: String,
    /// Code or text of the security question (protocol.md 4.9); the answer is never shown.
    pub security_question: String,
}

/// Whether a user may sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It may.
    Active,
    /// It may not, by any method.
    Disabled,
}

/// How a user proves who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authenticator {
    /// By a password that is kept here.
    Native,
    /// At an identity provider; a password sign-in is refused.
    Saml,
}

impl Authenticator {
    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Native => "Native",
            Self::Saml => "SAML",
        }
    }
}

impl User {
    /// Whether it may sign in, and keep the sessions it has.
    pub fn is_active(&self) -> bool {
        self.status == Status::Active
    }
}

/// A user together with what proves it: what a sign-in reads.
#[derive(Debug, Clone)]
pub struct Account {
    /// The user.
    pub user: User,
    /// The hash of its password, when it has one.
    pub password: Option<PasswordHash>,
}
