//! What an org may use, as platform v3 tells it (protocol.md 5.9).

use crate::id::OrgId;
use serde::Serialize;

/// The licence of an org.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = V3License))]
pub struct License {
    /// When the org was made, RFC 3339 to the second.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub create_time: String,
    /// When it was last changed, RFC 3339 to the second.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub update_time: String,
    /// Always `System`.
    pub created_by: &'static str,
    /// Always `System`.
    pub updated_by: &'static str,
    /// The org.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub id: OrgId,
    /// Its parent.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub parent_org: OrgId,
    /// Always empty.
    pub custom_licenses: Vec<String>,
    /// Always empty.
    pub assigned_editions: Vec<String>,
    /// How much it may have.
    pub custom_limits: Vec<CustomLimit>,
}

/// How much of something an org may have.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = V3CustomLimit))]
pub struct CustomLimit {
    /// Of what.
    pub limit_definition: &'static str,
    /// How much; -1 is without a limit.
    pub value: i64,
}
