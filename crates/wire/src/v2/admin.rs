//! Bodies of administration in platform v2 (protocol.md 4.8 to 4.10).

use crate::id::OrgId;
use crate::secret::{Secret, hand_over};
use serde::{Serialize, Serializer};

/// An org as v2 shows it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = V2Org))]
pub struct Org<'a> {
    /// Always `org`.
    #[serde(rename = "@type")]
    pub kind: &'static str,
    /// The org.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub id: OrgId,
    /// The org again.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub org_id: OrgId,
    /// What people call it.
    pub name: &'a str,
    /// Always empty.
    pub description: &'static str,
    /// When it was made, RFC 3339.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub create_time: String,
    /// When it was last changed, RFC 3339.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub update_time: String,
    /// Always `System`.
    pub created_by: &'static str,
    /// Always `System`.
    pub updated_by: &'static str,
    /// Its parent; one id for all top-level orgs.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub parent_org_id: OrgId,
    /// The shortest password that is taken.
    pub min_password_length: u32,
    /// How many kinds of characters a password must have.
    pub min_password_char_mix: u32,
    /// For how many days a password may not come back; 0 is for ever allowed.
    pub password_reuse_in_days: u32,
    /// After how many days a password is too old; 0 is never.
    pub password_expiration_in_days: u32,
    /// How many sessions it may hold at once.
    pub rest_api_session_limit: u64,
    /// Always false.
    pub two_factor_authentication: bool,
    /// The org once more.
    #[serde(rename = "orgUUID")]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub org_uuid: OrgId,
    /// The ranges from which its users may come; empty is anywhere.
    pub ip_address_ranges: Vec<String>,
    /// The orgs right below it.
    pub sub_orgs: Vec<SubOrg<'a>>,
}

/// An org right below another.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = V2SubOrg))]
pub struct SubOrg<'a> {
    /// Always `subOrg`.
    #[serde(rename = "@type")]
    pub kind: &'static str,
    /// The org.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub id: OrgId,
    /// What people call it.
    pub name: &'a str,
}

/// One thing that happened.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = V2AuditLogEntry))]
pub struct AuditLogEntry {
    /// Always `auditLogEntry`.
    #[serde(rename = "@type")]
    pub kind: &'static str,
    /// Always 0.
    pub version: u32,
    /// Its number in the record.
    pub id: String,
    /// In which org.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub org_id: OrgId,
    /// The name of who did it, or the id when the name is gone.
    pub username: String,
    /// When, RFC 3339.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub entry_time: String,
    /// The same.
    #[serde(rename = "entryTimeUTC")]
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub entry_time_utc: String,
    /// To what.
    pub object_id: String,
    /// The name of that, or the id again.
    pub object_name: String,
    /// `AUTH`, `USER`, `ROLE`, `USER_GROUP`, `ORG` or `SYSTEM`.
    pub category: String,
    /// What was done.
    pub event: String,
    /// Always empty.
    pub event_param: &'static str,
    /// Always empty.
    pub message: &'static str,
}

/// What is to be different about a user; what is absent stays.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = V2UserChange))]
pub struct UserChange {
    /// `user`; may be left out.
    #[serde(rename = "@type")]
    pub kind: Option<String>,
    /// Given name.
    pub first_name: Option<String>,
    /// Family name.
    pub last_name: Option<String>,
    /// Job title.
    pub title: Option<String>,
    /// Telephone number.
    pub phone: Option<String>,
    /// E-mail address.
    pub emails: Option<String>,
    /// A time zone such as `America/Los_Angeles`.
    pub timezone: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// Whether it must choose a new password.
    pub force_change_password: Option<bool>,
}

/// Writes a secret into the one reply that hands it over, if there is one.
pub(super) fn hand_over_some<S: Serializer>(secret: &Option<Secret>, into: S) -> Result<S::Ok, S::Error> {
    match secret {
        Some(secret) => hand_over(secret, into),
        None => into.serialize_none(),
    }
}
