//! Bodies of administration in platform v3 (protocol.md 5.5 to 5.9).

use crate::id::{GroupId, OrgId, PrivilegeId, RoleId, UserId};
use crate::secret::{Secret, hand_over};
use serde::Serialize;

/// A user as administrators see it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = V3User))]
pub struct User<'a> {
    /// The user.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub id: UserId,
    /// Its org.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub org_id: OrgId,
    /// The name of who made it.
    pub created_by: &'a str,
    /// The name of who changed it last.
    pub updated_by: &'a str,
    /// When it was made, RFC 3339.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub create_time: String,
    /// When it was last changed, RFC 3339.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub update_time: String,
    /// The name it signs in with.
    pub user_name: &'a str,
    /// Given name.
    pub first_name: &'a str,
    /// Family name.
    pub last_name: &'a str,
    /// Free text.
    pub description: &'a str,
    /// Job title.
    pub title: &'a str,
    /// Telephone number.
    pub phone: &'a str,
    /// E-mail address.
    pub email: &'a str,
    /// `Provisioned`, or `Inactive` when it may not sign in.
    pub state: &'static str,
    /// A time zone such as `America/Los_Angeles`.
    pub time_zone_id: &'a str,
    /// Failures that lock it, as a text.
    pub max_login_attempts: String,
    /// `Native` or `SAML`.
    pub authentication: &'static str,
    /// Whether it must choose a new password.
    pub force_password_change: bool,
    /// When it signed in last, RFC 3339; null for never.
    #[cfg_attr(feature = "openapi", schema(required = true, format = DateTime))]
    pub last_login_time: Option<String>,
    /// How it signed in last: `Native`, `SAML`, `JWT`, or `None`.
    pub last_login_mode: &'static str,
    /// The roles that it has itself.
    pub roles: Vec<RoleOf>,
    /// The groups that it is in.
    pub groups: Vec<GroupOf<'a>>,
}

/// A role of a user or a group.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = V3RoleOf))]
pub struct RoleOf {
    /// The role.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub id: RoleId,
    /// Its name.
    pub role_name: String,
    /// Free text.
    pub description: String,
    /// The name again.
    pub display_name: String,
    /// The text again.
    pub display_description: String,
}

/// A group of a user.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = V3GroupOf))]
pub struct GroupOf<'a> {
    /// The group.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub id: GroupId,
    /// Its name.
    pub user_group_name: &'a str,
    /// Free text.
    pub description: &'a str,
}

/// A group as administrators see it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = V3Group))]
pub struct Group<'a> {
    /// The group.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub id: GroupId,
    /// Its org.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub org_id: OrgId,
    /// The name of who made it.
    pub created_by: &'a str,
    /// The name of who changed it last.
    pub updated_by: &'a str,
    /// When it was made, RFC 3339.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub create_time: String,
    /// When it was last changed, RFC 3339.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub update_time: String,
    /// Its name.
    pub user_group_name: &'a str,
    /// Free text.
    pub description: &'a str,
    /// What its members are.
    pub roles: Vec<RoleOf>,
    /// Its first thousand members.
    pub users: Vec<MemberOf<'a>>,
}

/// A member of a group.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = V3MemberOf))]
pub struct MemberOf<'a> {
    /// The user.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub id: UserId,
    /// The name it signs in with.
    pub user_name: &'a str,
    /// Free text.
    pub description: &'a str,
}

/// A role as administrators see it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = V3Role))]
pub struct Role {
    /// The role.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub id: RoleId,
    /// Its org; that of built-in roles is the same everywhere.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub org_id: OrgId,
    /// The name of who made it.
    pub created_by: String,
    /// The name of who changed it last.
    pub updated_by: String,
    /// When it was made, RFC 3339.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub create_time: String,
    /// When it was last changed, RFC 3339.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub update_time: String,
    /// Its name.
    pub role_name: String,
    /// Free text.
    pub description: String,
    /// The name again.
    pub display_name: String,
    /// The text again.
    pub display_description: String,
    /// Whether it is built in.
    pub system_role: bool,
    /// Always `Enabled`.
    pub status: &'static str,
    /// What it allows, when that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub privileges: Option<Vec<Privilege>>,
}

/// One thing that a role may allow.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = V3Privilege))]
pub struct Privilege {
    /// The privilege.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub id: PrivilegeId,
    /// Its name.
    pub name: &'static str,
    /// What people read about it.
    pub description: &'static str,
    /// Always `Administrator`.
    pub service: &'static str,
    /// Always `Enabled`.
    pub status: &'static str,
}

/// What is posted to make a user.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = V3NewUser))]
pub struct NewUser {
    /// An e-mail address, or letters, digits and `- _ . '`.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 255))]
    pub name: String,
    /// Given name.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 255))]
    pub first_name: String,
    /// Family name.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 255))]
    pub last_name: String,
    /// E-mail address.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 255))]
    pub email: String,
    /// Without one the user cannot sign in until it is given one.
    #[serde(serialize_with = "maybe")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, max_length = 255))]
    pub password: Option<Secret>,
    /// Free text.
    pub description: Option<String>,
    /// Job title.
    pub title: Option<String>,
    /// Telephone number.
    pub phone: Option<String>,
    /// The security question, as a code or in words.
    pub security_question: Option<String>,
    /// Its answer, at least 4 characters; shown to nobody.
    #[serde(serialize_with = "maybe")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, min_length = 4, max_length = 255))]
    pub security_answer: Option<Secret>,
    /// Whether it must choose a new password.
    pub force_password_change: Option<bool>,
    /// Failures that lock it.
    pub max_login_attempts: Option<u32>,
    /// 0 is Native, 1 is SAML.
    pub authentication: Option<u32>,
    /// Ids or names of roles; these or groups.
    pub roles: Option<Vec<String>>,
    /// Ids or names of groups.
    pub groups: Option<Vec<String>>,
    /// The org to add it to, that of the caller or one below it; that of the caller when absent. Ours.
    pub org_id: Option<String>,
}

/// What is to be different about a user; what is absent stays.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = V3UserChange))]
pub struct UserChange {
    /// Given name.
    pub first_name: Option<String>,
    /// Family name.
    pub last_name: Option<String>,
    /// E-mail address.
    pub email: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// Job title.
    pub title: Option<String>,
    /// Telephone number.
    pub phone: Option<String>,
    /// A time zone such as `America/Los_Angeles`.
    pub time_zone_id: Option<String>,
    /// The security question, as a code or in words.
    pub security_question: Option<String>,
    /// Its answer, at least 4 characters; shown to nobody.
    #[serde(serialize_with = "maybe")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, min_length = 4, max_length = 255))]
    pub security_answer: Option<Secret>,
    /// Whether it must choose a new password.
    pub force_password_change: Option<bool>,
    /// Failures that lock it.
    pub max_login_attempts: Option<u32>,
    /// `Active` or `Inactive`; nothing else may be changed with it.
    pub state: Option<String>,
}

/// Ids or names of roles.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = V3Roles))]
pub struct Roles {
    /// Ids or names.
    pub roles: Vec<String>,
}

/// Ids or names of groups.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = V3Groups))]
pub struct Groups {
    /// Ids or names.
    pub groups: Vec<String>,
}

/// Ids or names of privileges.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = V3Privileges))]
pub struct Privileges {
    /// Ids or names.
    pub privileges: Vec<String>,
}

/// What is posted to make a role.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = V3NewRole))]
pub struct NewRole {
    /// What people call it.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 255))]
    pub name: String,
    /// Free text.
    pub description: Option<String>,
    /// Ids or names of privileges.
    pub privileges: Vec<String>,
    /// The org to add it to, that of the caller or one below it; that of the caller when absent. Ours.
    pub org_id: Option<String>,
}

/// What is posted to make a group, or put in the place of one.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = V3NewGroup))]
pub struct NewGroup {
    /// What people call it.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 255))]
    pub name: String,
    /// Free text.
    pub description: Option<String>,
    /// Ids or names of roles.
    pub roles: Vec<String>,
    /// Ids of users.
    pub users: Option<Vec<String>>,
    /// The org to add it to, that of the caller or one below it; that of the caller when absent. Ours.
    pub org_id: Option<String>,
}

/// What happened.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = V3SecurityLog))]
pub struct SecurityLog {
    /// The latest first.
    pub entries: Vec<LogEntry>,
}

/// One thing that happened.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = V3LogEntry))]
pub struct LogEntry {
    /// Its number in the record.
    pub id: String,
    /// In which org.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub org_id: OrgId,
    /// The name of who did it, or the id when the name is gone.
    pub actor: String,
    /// When, RFC 3339.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub entry_time: String,
    /// To what.
    pub object_id: String,
    /// The name of that, or the id again.
    pub object_name: String,
    /// `AUTH`, `USER`, `ROLE`, `USER_GROUP` or `ORG`.
    pub action_category: String,
    /// What was done.
    pub action_event: String,
}

pub(super) fn maybe<S: serde::Serializer>(secret: &Option<Secret>, into: S) -> Result<S::Ok, S::Error> {
    match secret {
        Some(secret) => hand_over(secret, into),
        None => into.serialize_none(),
    }
}
