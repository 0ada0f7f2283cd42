//! Bodies of identity-service v1 (protocol.md 2).

use crate::id::{OrgId, RoleId, UserId};
use crate::secret::{Secret, hand_over};
use serde::Serialize;
use std::collections::BTreeMap;

/// What is posted to `/identity-service/api/v1/Login`, and to v3's login.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LoginRequest {
    /// The name to sign in with.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 255))]
    pub username: String,
    /// Its password.
    #[serde(serialize_with = "hand_over")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, min_length = 1, max_length = 255))]
    pub password: Secret,
}

/// A new session: the only reply that holds its id.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LoginReply<'a> {
    /// Good in every session header and in the cookie.
    #[serde(serialize_with = "hand_over")]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub session_id: Secret,
    /// Its owner.
    #[serde(flatten)]
    pub user: SessionUser<'a>,
}

/// A session and its owner, as v1 and the session-service tell it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SessionUser<'a> {
    /// When the session ends if it is not used again, RFC 3339.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub session_expire_time: String,
    /// The user.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub id: UserId,
    /// The name it signs in with.
    pub name: &'a str,
    /// The org the session works in.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub current_org_id: OrgId,
    /// Its name.
    pub current_org_name: &'a str,
    /// The parent of that org.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub parent_org_id: OrgId,
    /// The org the user belongs to.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub org_id: OrgId,
    /// Its name.
    pub org_name: &'a str,
    /// Groups of the user, name to id.
    #[cfg_attr(feature = "openapi", schema(value_type = BTreeMap<String, String>))]
    pub groups: BTreeMap<&'a str, String>,
    /// Roles of the user, name to id.
    #[cfg_attr(feature = "openapi", schema(value_type = BTreeMap<String, String>))]
    pub effective_roles: BTreeMap<&'a str, RoleId>,
    /// Privileges of those roles, name to id.
    #[cfg_attr(feature = "openapi", schema(value_type = BTreeMap<String, String>))]
    pub effective_privileges: BTreeMap<&'a str, String>,
    /// `Active` or `Inactive`.
    pub status: &'static str,
    /// A time zone such as `America/Los_Angeles`.
    pub time_zone_id: &'a str,
    /// `Native` or `SAML`.
    pub authenticator: &'static str,
    /// Base of later calls, ends in `/saas`.
    pub base_api_url: &'a str,
    /// The same under v2's name.
    pub server_url: &'a str,
}

/// What the gate says in its body; the same stands in its headers.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GateReply<'a> {
    /// The name of who passed.
    pub user: &'a str,
    /// The org for which they passed.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub org: OrgId,
    /// Until when what they presented is good, RFC 3339.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub expires: &'a str,
}
