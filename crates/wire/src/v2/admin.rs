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
    /// Free text.
    pub description: &'a str,
    /// When it was made, RFC 3339.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub create_time: String,
    /// When it was last changed, RFC 3339.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub update_time: String,
    /// The name of who made it.
    pub created_by: &'a str,
    /// The name of who changed it last.
    pub updated_by: &'a str,
    /// Its parent; one id for all top-level orgs.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub parent_org_id: OrgId,
    /// First line of its address.
    pub address1: &'a str,
    /// Second line of its address.
    pub address2: &'a str,
    /// Third line of its address.
    pub address3: &'a str,
    /// City.
    pub city: &'a str,
    /// State or province.
    pub state: &'a str,
    /// Postal code.
    pub zipcode: &'a str,
    /// Country.
    pub country: &'a str,
    /// A time zone such as `America/Los_Angeles`.
    pub timezone: &'a str,
    /// How many people work there, such as `0_10`.
    pub employees: &'a str,
    /// Code of an offer.
    pub offer_code: &'a str,
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
    /// What else there is to say: the act that was denied, the reason of a refusal, the method of a sign-in.
    pub event_param: String,
    /// Always empty.
    pub message: &'static str,
}

/// What is to be different about an org; what is absent stays.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = V2OrgChange))]
pub struct OrgChange {
    /// `org`; may be left out.
    #[serde(rename = "@type")]
    pub kind: Option<String>,
    /// What people call it.
    pub name: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// First line of its address.
    pub address1: Option<String>,
    /// Second line of its address.
    pub address2: Option<String>,
    /// Third line of its address.
    pub address3: Option<String>,
    /// City.
    pub city: Option<String>,
    /// State or province.
    pub state: Option<String>,
    /// Postal code.
    pub zipcode: Option<String>,
    /// Country.
    pub country: Option<String>,
    /// A time zone such as `America/Los_Angeles`.
    pub timezone: Option<String>,
    /// How many people work there, such as `0_10`.
    pub employees: Option<String>,
    /// Code of an offer.
    pub offer_code: Option<String>,
    /// Code of a campaign.
    pub campaign_code: Option<String>,
}

/// A sub-org to be made with its first user (protocol.md 4.10).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = V2Registration))]
pub struct Registration {
    /// `registration`; may be left out.
    #[serde(rename = "@type")]
    pub kind: Option<String>,
    /// Anything; passed over.
    pub registration_code: Option<String>,
    /// Passed over: no mail is sent.
    pub send_email: Option<bool>,
    /// Who administers it; `password` is required.
    pub user: NewUser,
    /// The org; `name` is required.
    pub org: OrgChange,
}

/// A user to be made.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = V2NewUser))]
pub struct NewUser {
    /// `user`; may be left out.
    #[serde(rename = "@type")]
    pub kind: Option<String>,
    /// What it signs in with.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 255))]
    pub name: String,
    /// Its password; without one it cannot sign in by password.
    #[serde(serialize_with = "hand_over_some")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, max_length = 255))]
    pub password: Option<Secret>,
    /// Given name.
    pub first_name: String,
    /// Family name.
    pub last_name: String,
    /// Job title.
    pub title: Option<String>,
    /// Telephone number.
    pub phone: Option<String>,
    /// E-mail address; `email` does as well.
    pub emails: String,
    /// A time zone such as `America/Los_Angeles`.
    pub timezone: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// Whether it must choose a new password.
    pub force_change_password: Option<bool>,
    /// The org; that of the caller if absent.
    pub org_id: Option<String>,
    /// Roles, as names or as objects with a `name`; at least one role or group.
    pub roles: Option<Vec<String>>,
    /// Groups, as names or as objects with a `name`.
    pub usergroups: Option<Vec<String>>,
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
