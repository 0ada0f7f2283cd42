//! What an org may use, as platform v3 tells it (protocol.md 5.9).

use crate::id::OrgId;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

/// The licence of an org.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = V3License))]
pub struct License<'a> {
    /// When the org was made, RFC 3339 to the second.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub create_time: String,
    /// When it was last changed, RFC 3339 to the second.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub update_time: String,
    /// The name of who made it.
    pub created_by: &'a str,
    /// The name of who changed it last.
    pub updated_by: &'a str,
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

/// What is to be different about the licence of an org; everything else in a body that was read before is passed over.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = V3LicenseChange))]
pub struct LicenseChange {
    /// Licences, which are not kept here: none.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>, max_items = 0))]
    pub custom_licenses: Vec<IgnoredAny>,
    /// Editions, which are not kept here: none.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>, max_items = 0))]
    pub assigned_editions: Vec<IgnoredAny>,
    /// How much it may have.
    pub custom_limits: Vec<LimitChange>,
}

/// How much of something an org may have from now on.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = V3LimitChange))]
pub struct LimitChange {
    /// Of what: `restApiSessionLimit`.
    pub limit_definition: String,
    /// How much; -1 is without a limit, 0 takes the instance's.
    pub value: i64,
}
