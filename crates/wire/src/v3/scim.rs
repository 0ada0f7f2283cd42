//! SCIM tokens of an org (protocol.md 5.10); the shape of the bodies is ours.

use crate::id::{OrgId, ScimTokenId};
use crate::secret::{Secret, hand_over};
use serde::Serialize;

/// The tokens of an org, oldest first.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ScimTokens {
    /// Those that are good, or were lately.
    pub scim_tokens: Vec<ScimToken>,
}

/// A token, without the secret.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ScimToken {
    /// Its id.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub id: ScimTokenId,
    /// The org whose users and groups it manages.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub org_id: OrgId,
    /// What it may do and give.
    pub privileges: Vec<&'static str>,
    /// When it was made, RFC 3339.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub create_time: String,
    /// When it ends, RFC 3339.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub expiration_time: String,
    /// When it was last used, RFC 3339; null if it never was.
    #[cfg_attr(feature = "openapi", schema(format = DateTime, required = true))]
    pub last_used_time: Option<String>,
}

/// A new token: the only reply that holds the secret.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewScimToken {
    /// All but the secret.
    #[serde(flatten)]
    pub about: ScimToken,
    /// What the identity provider sends as its bearer token.
    #[serde(serialize_with = "hand_over")]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub token: Secret,
}

/// What a new token is to be.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ScimTokenRequest {
    /// Names of privileges that it may give on top of managing users and groups; its maker has them too.
    pub privileges: Vec<String>,
}
