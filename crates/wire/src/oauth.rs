//! Bodies of OAuth clients, of the endpoints below `/authz-service`, and the claims of their tokens.

use crate::id::{ClientId, ClientSecretId, OrgId, RoleId};
use crate::secret::{Secret, hand_over};
use serde::{Deserialize, Serialize};

/// The OAuth clients of an org, oldest first.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Clients {
    /// All of them.
    pub clients: Vec<Client>,
}

/// An OAuth client.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = OAuthClient))]
pub struct Client {
    /// The `client_id` that it presents.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub id: ClientId,
    /// The org that it belongs to.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub org_id: OrgId,
    /// What people call it.
    pub name: String,
    /// Free text.
    pub description: String,
    /// The ids of its roles.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>))]
    pub roles: Vec<RoleId>,
    /// How long its tokens live, in minutes.
    pub token_minutes: u32,
    /// Whether it gets no tokens, and those that it has are refused.
    pub disabled: bool,
    /// Its secrets, oldest first, without what is secret.
    pub secrets: Vec<ClientSecret>,
    /// When it was made, RFC 3339.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub created_at: String,
    /// When it was last changed, RFC 3339.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub updated_at: String,
}

/// A secret of an OAuth client, without what is secret.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = OAuthClientSecret))]
pub struct ClientSecret {
    /// What it is called; it opens nothing.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub id: ClientSecretId,
    /// When it was made, RFC 3339.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub created_at: String,
    /// When it was last used, to the minute, RFC 3339.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub last_used_at: Option<String>,
}

/// An OAuth client that was just made.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewClient {
    /// The client.
    #[serde(flatten)]
    pub client: Client,
    /// Its first secret; nobody can show it again.
    #[serde(serialize_with = "hand_over")]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub secret: Secret,
}

/// A secret that was just made.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewSecret {
    /// What it is called, and when it was made.
    #[serde(flatten)]
    pub about: ClientSecret,
    /// The secret; nobody can show it again.
    #[serde(serialize_with = "hand_over")]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub secret: Secret,
}

/// What is posted to make a client.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ClientRequest {
    /// What people call it.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 32))]
    pub name: String,
    /// Free text.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(max_length = 255))]
    pub description: String,
    /// The ids or names of its roles.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(max_items = 50))]
    pub roles: Vec<String>,
    /// How long its tokens live, in minutes; 30 if absent.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(minimum = 5, maximum = 1440))]
    pub token_minutes: Option<u32>,
}

/// What is patched in a client (RFC 7396): what is absent stays, what is null returns to its default.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ClientPatch {
    /// What people call it.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 32))]
    pub name: Option<String>,
    /// Free text.
    #[serde(deserialize_with = "given")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, max_length = 255))]
    pub description: Option<Option<String>>,
    /// The ids or names of its roles, all of them.
    #[serde(deserialize_with = "given")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Vec<String>>, max_items = 50))]
    pub roles: Option<Option<Vec<String>>>,
    /// How long its tokens live, in minutes.
    #[serde(deserialize_with = "given")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<u32>, minimum = 5, maximum = 1440))]
    pub token_minutes: Option<Option<u32>>,
    /// Whether it gets no tokens, and those that it has are refused.
    #[serde(deserialize_with = "given")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<bool>))]
    pub disabled: Option<Option<bool>>,
}

/// Tells a null from an absent member.
#[expect(clippy::option_option, reason = "absent, null and a value are three things in a merge patch")]
fn given<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(
    from: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(from).map(Some)
}
