//! Bodies of our own administration under `/latchkey/v1`.

use crate::id::{OrgId, UserId};
use crate::secret::{Secret, hand_over};
use serde::{Deserialize, Deserializer, Serialize};
use std::borrow::Cow;

/// Sessions, the last used first.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Sessions {
    /// As many as were asked for.
    pub sessions: Vec<Session>,
}

/// A session, without its id.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Session {
    /// What it is called here; it opens nothing.
    pub handle: String,
    /// Whether the request was sent with it.
    pub current: bool,
    /// Whose it is.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub user_id: UserId,
    /// The name of whose it is.
    pub user_name: String,
    /// The org it works in.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub org_id: OrgId,
    /// What the program called itself that opened it, if it did.
    pub device: Option<String>,
    /// From where it was opened, if that is known.
    pub address: Option<String>,
    /// When it was opened, RFC 3339.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub opened_at: String,
    /// When it was last used, RFC 3339.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub last_used_at: String,
    /// When it ends if it is not used again, RFC 3339.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub expires_at: String,
}

/// What is to be different about a role.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RoleChange {
    /// Free text.
    #[cfg_attr(feature = "openapi", schema(max_length = 2000))]
    pub description: String,
}

/// A user to be brought in: one line of an import.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = ImportedUser))]
pub struct NewUser {
    /// An e-mail address, or letters, digits and `- _ . '`.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 255))]
    pub name: String,
    /// Given name.
    #[serde(default)]
    pub first_name: String,
    /// Family name.
    #[serde(default)]
    pub last_name: String,
    /// E-mail address.
    #[serde(default)]
    pub email: String,
    /// Job title.
    #[serde(default)]
    pub title: String,
    /// Telephone number.
    #[serde(default)]
    pub phone: String,
    /// Free text.
    #[serde(default)]
    pub description: String,
    /// A time zone such as `America/Los_Angeles`.
    #[serde(default)]
    pub time_zone_id: String,
    /// `Active` or `Inactive`; `Active` when absent.
    pub state: Option<String>,
    /// `Native` or `SAML`; `Native` when absent.
    pub authentication: Option<String>,
    /// Whether it must choose a new password.
    #[serde(default)]
    pub force_password_change: bool,
    /// Failures that lock it.
    pub max_login_attempts: Option<u32>,
    /// A hash by Argon2, bcrypt, scrypt or PBKDF2; without one the user cannot sign in by password.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub password_hash: Option<Secret>,
    /// Ids or names of roles.
    #[serde(default)]
    pub roles: Vec<String>,
    /// Ids or names of groups.
    #[serde(default)]
    pub groups: Vec<String>,
}

/// What became of one line of an import.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Imported {
    /// The number of the line, from 1.
    pub row: u64,
    /// `added`, `unchanged` or `refused`; `stopped` when nothing after this line was looked at.
    pub result: &'static str,
    /// The user, when there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub id: Option<UserId>,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Why a request was not done (RFC 9457).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Problem<'a> {
    /// What kind of problem, as a URI that stays the same.
    #[serde(rename = "type")]
    pub kind: String,
    /// What the status says.
    pub title: &'a str,
    /// The HTTP status again.
    pub status: u16,
    /// As a sentence that people read.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub detail: Cow<'a, str>,
    /// As a word that programs compare.
    pub code: &'a str,
    /// The name of this request, also in the log.
    pub request_id: String,
}

/// The policy of an org: what it has decided for itself, and what holds.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OrgPolicy {
    /// The org.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub org_id: OrgId,
    /// What it has decided; what is null is the instance's.
    pub own: Policy,
    /// What holds, wherever it was decided.
    pub effective: Policy,
}

/// Everything that an org may decide for itself.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Policy {
    /// The fewest characters of a new password, 4 to 64.
    pub password_min_length: Option<u32>,
    /// How many of lower case, upper case, digits and others a new password has, 1 to 4.
    pub password_char_mix: Option<u32>,
    /// Days for which a password may not come back, 0 to 3650.
    pub password_reuse_days: Option<u32>,
    /// Days after which a password has to be changed, 0 to 3650; 0 is never.
    pub password_expiration_days: Option<u32>,
    /// Failures that lock a name, 1 to 1000.
    pub max_login_attempts: Option<u32>,
    /// Minutes that a lock lasts, 0 to 525600; 0 until it is lifted.
    pub lock_minutes: Option<u32>,
    /// Ranges such as `10.0.0.0/8` from which its users may come, at most 100; empty is anywhere.
    pub trusted_ip_ranges: Option<Vec<String>>,
    /// Minutes without a call after which a session ends, 1 to 525600.
    pub session_idle_minutes: Option<u32>,
    /// Minutes after which a session ends in any case, 1 to 525600.
    pub session_absolute_minutes: Option<u32>,
    /// Sessions that it may hold at once, 1 to 10000000.
    pub session_limit: Option<u32>,
    /// `session_id` or `jwt`.
    pub authentication: Option<&'static str>,
    /// How long a session lives that is a JWT: 15, 30, 60, 120, 180 or 240.
    pub jwt_minutes: Option<u32>,
}

/// What is to be different about a policy (RFC 7396): what is absent stays, null is the instance's again.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[expect(missing_docs, reason = "they are the fields of `Policy`, and mean the same")]
pub struct PolicyChange {
    #[serde(deserialize_with = "named")]
    pub password_min_length: Option<Option<u32>>,
    #[serde(deserialize_with = "named")]
    pub password_char_mix: Option<Option<u32>>,
    #[serde(deserialize_with = "named")]
    pub password_reuse_days: Option<Option<u32>>,
    #[serde(deserialize_with = "named")]
    pub password_expiration_days: Option<Option<u32>>,
    #[serde(deserialize_with = "named")]
    pub max_login_attempts: Option<Option<u32>>,
    #[serde(deserialize_with = "named")]
    pub lock_minutes: Option<Option<u32>>,
    #[serde(deserialize_with = "named")]
    pub trusted_ip_ranges: Option<Option<Vec<String>>>,
    #[serde(deserialize_with = "named")]
    pub session_idle_minutes: Option<Option<u32>>,
    #[serde(deserialize_with = "named")]
    pub session_absolute_minutes: Option<Option<u32>>,
    #[serde(deserialize_with = "named")]
    pub session_limit: Option<Option<u32>>,
    #[serde(deserialize_with = "named")]
    pub authentication: Option<Option<String>>,
    #[serde(deserialize_with = "named")]
    pub jwt_minutes: Option<Option<u32>>,
}

/// Tells a field that is null from one that is absent.
fn named<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(from).map(Some)
}

/// One's own answer to the security question.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SecurityAnswer {
    /// The password in force.
    #[serde(serialize_with = "hand_over")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, max_length = 255))]
    pub password: Secret,
    /// The answer: at least 4 characters, compared without their case.
    #[serde(serialize_with = "hand_over")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, min_length = 4, max_length = 255))]
    pub security_answer: Secret,
}
