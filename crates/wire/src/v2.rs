//! Bodies of platform v2 (protocol.md 4). The `@type` of JSON is the element name of XML.

pub mod admin;

use crate::id::{OrgId, UserId};
use crate::secret::{Secret, hand_over};
use crate::v2::admin::hand_over_some;
use serde::{Serialize, Serializer};

/// What is posted to `/ma/api/v2/user/login`.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = V2LoginRequest))]
pub struct LoginRequest {
    /// `login`; may be left out.
    #[serde(rename = "@type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The name to sign in with.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 255))]
    pub username: String,
    /// Its password.
    #[serde(serialize_with = "hand_over")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, min_length = 1, max_length = 255))]
    pub password: Secret,
}

/// Which spelling of an org's 128 bits `orgUuid` has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrgUuid {
    /// RFC 9562.
    Uuid(OrgId),
    /// 22 characters of base 62, as the vendor's own replies have.
    Base62(OrgId),
}

impl Serialize for OrgUuid {
    fn serialize<S: Serializer>(&self, into: S) -> Result<S::Ok, S::Error> {
        into.serialize_str(&match self {
            Self::Uuid(id) => id.uuid(),
            Self::Base62(id) => id.base62(),
        })
    }
}

/// A user as v2 shows it; with a session id it is the reply to a sign-in (seed: `LoginResponse`).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = V2User))]
pub struct User<'a> {
    /// Always `user`.
    #[serde(rename = "@type")]
    pub kind: &'static str,
    /// The user.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub id: UserId,
    /// Its org.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub org_id: OrgId,
    /// Its org, in the spelling that the instance is set to.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub org_uuid: OrgUuid,
    /// The user again.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub uuid: UserId,
    /// The name it signs in with.
    pub name: &'a str,
    /// Free text.
    pub description: &'a str,
    /// When it was made, RFC 3339.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub create_time: String,
    /// When it was last changed, RFC 3339.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub update_time: String,
    /// Who made it.
    pub created_by: &'a str,
    /// Who changed it last.
    pub updated_by: &'a str,
    /// Given name.
    pub first_name: &'a str,
    /// Family name.
    pub last_name: &'a str,
    /// Job title.
    pub title: &'a str,
    /// Always eight asterisks.
    pub password: &'static str,
    /// Telephone number.
    pub phone: &'a str,
    /// E-mail address.
    pub emails: &'a str,
    /// A time zone such as `America/Los_Angeles`.
    pub timezone: &'a str,
    /// Base of later calls, ends in `/saas`.
    #[cfg_attr(feature = "openapi", schema(format = "uri"))]
    pub server_url: &'a str,
    /// The same; deprecated by the vendor, still there.
    pub spi_url: &'a str,
    /// The session id, in the reply to a sign-in alone.
    #[serde(serialize_with = "hand_over_some", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub ic_session_id: Option<Secret>,
    /// Code or text of the security question.
    pub security_question: &'a str,
    /// Always empty.
    pub security_answer: &'static str,
    /// Whether the user must choose a new password.
    pub force_change_password: bool,
    /// Always false.
    pub opt_out_of_emails: bool,
    /// Its groups.
    pub usergroups: Vec<Group>,
    /// Its roles.
    pub roles: Vec<Role>,
}

/// A role of a user.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = V2Role))]
pub struct Role {
    /// Always `role`.
    #[serde(rename = "@type")]
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// What people read about it.
    pub description: String,
}

/// A group of a user.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = V2Group))]
pub struct Group {
    /// Always `usergroup`.
    #[serde(rename = "@type")]
    pub kind: &'static str,
    /// Its name.
    pub name: String,
}

/// The answer to a probe of a session (protocol.md 4.7).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ValidatedToken {
    /// Always `validatedToken`.
    #[serde(rename = "@type")]
    pub kind: &'static str,
    /// Whole minutes.
    pub time_until_expire: u64,
    /// Whether the session is alive.
    pub is_valid_token: bool,
}

/// What is posted to `/saas/api/v2/user/validSessionId`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ValidSessionIdRequest {
    /// `validatedToken`; may be left out.
    #[serde(rename = "@type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Whose session it should be.
    #[cfg_attr(feature = "openapi", schema(max_length = 255))]
    pub user_name: Option<String>,
    /// The session id.
    #[serde(serialize_with = "hand_over")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, min_length = 1, max_length = 16000))]
    pub ic_token: Secret,
}

/// The instance's clock.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ServerTime {
    /// Always `serverTime`.
    #[serde(rename = "@type")]
    pub kind: &'static str,
    /// RFC 3339.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub time: String,
}

/// Something was done, and there is nothing else to say (protocol.md 4.5).
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Success {
    /// Always `success`.
    #[serde(rename = "@type")]
    pub kind: &'static str,
}
