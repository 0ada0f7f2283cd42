//! Bodies of orgs in our own administration, `/latchkey/v1/orgs`.

use crate::id::OrgId;
use serde::{Deserialize, Deserializer, Serialize};

/// Orgs, by name.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Orgs {
    /// As many as were asked for.
    pub orgs: Vec<Org>,
}

/// An org.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Org {
    /// Its id.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub id: OrgId,
    /// What people call it.
    pub name: String,
    /// The org right above it; one id for all top-level orgs.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub parent_id: OrgId,
    /// Free text.
    pub description: String,
    /// The region where its users sign in; null is here.
    pub region: Option<String>,
    /// When it was made, RFC 3339.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub created_at: String,
    /// When it was last changed, RFC 3339.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub updated_at: String,
}

/// An org to be made.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewOrg {
    /// What people call it.
    pub name: String,
    /// The org right above it; that of the caller if absent.
    pub parent_id: Option<String>,
    /// Free text.
    #[serde(default)]
    pub description: String,
    /// The region where its users sign in; here if absent.
    pub region: Option<String>,
}

/// What is to be different about an org (RFC 7396): what is absent stays, null takes it away.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OrgChange {
    /// What people call it; it cannot be taken away.
    #[serde(default, deserialize_with = "said")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub name: Option<Option<String>>,
    /// Free text.
    #[serde(default, deserialize_with = "said")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub description: Option<Option<String>>,
    /// The region where its users sign in; null is here.
    #[serde(default, deserialize_with = "said")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub region: Option<Option<String>>,
}

/// Tells null from a member that is absent.
fn said<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(from).map(Some)
}
