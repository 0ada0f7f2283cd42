//! Bodies of OAuth clients, of the endpoints below `/authz-service`, and the claims of their tokens.

use crate::id::{ClientId, ClientSecretId, OrgId, RoleId};
use crate::jwt::Claims;
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

/// What a token of `/authz-service` says beside the fifteen claims of a token from a session (RFC 9068 section 2.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Whose it is: the id of a user, or that of the client itself.
    pub sub: String,
    /// The secret by which a client got it: without that secret, the token is good no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret_id: Option<ClientSecretId>,
    /// Who acts for the subject (RFC 8693 section 4.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<Actor>,
}

/// Who acts for the subject of a token, and for whom that one acts in turn (RFC 8693 section 4.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Actor {
    /// The id of an OAuth client.
    pub sub: String,
    /// Who acted before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(no_recursion))]
    pub act: Option<Box<Self>>,
}

/// Every claim of a token of `/authz-service`.
#[derive(Debug, Serialize)]
pub struct AccessClaims<'a> {
    /// Those that every token has.
    #[serde(flatten)]
    pub claims: &'a Claims,
    /// Those that only these have.
    #[serde(flatten)]
    pub grant: &'a Grant,
}

/// The reply of `/authz-service/oauth/token` (RFC 6749 section 5.1, RFC 8693 section 2.2.1).
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = OAuthToken))]
pub struct TokenReply {
    /// A JWT.
    #[serde(serialize_with = "hand_over")]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub access_token: Secret,
    /// Always `Bearer`.
    pub token_type: &'static str,
    /// Seconds until it expires.
    pub expires_in: u64,
    /// What was issued, after an exchange.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub issued_token_type: Option<&'static str>,
}

/// The reply of `/authz-service/oauth/introspect` (RFC 7662 section 2.2).
#[derive(Debug, Default, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Introspection {
    /// Whether it is good, and for the org of whoever asks. If not, nothing else is said.
    pub active: bool,
    /// The client that got it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The name of whose it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// `Bearer` for a token, `session` for the id of a session.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub token_type: Option<&'static str>,
    /// When it ends, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exp: Option<i64>,
    /// When it was issued, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iat: Option<i64>,
    /// The id of whose it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub: Option<String>,
    /// Whom it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aud: Option<String>,
    /// Who issued it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iss: Option<String>,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jti: Option<String>,
    /// Who acts for the subject.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub act: Option<Actor>,
    /// The org that it works in.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub org_id: Option<OrgId>,
}

/// Why nothing was granted (RFC 6749 section 5.2).
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = OAuthError))]
pub struct Error<'a> {
    /// As a word that programs compare.
    pub error: &'a str,
    /// As a sentence that people read.
    pub error_description: String,
}

/// What `/authz-service` can do (RFC 8414 section 2); only what is true here.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Metadata {
    /// The `iss` of its tokens.
    pub issuer: String,
    /// Where tokens are got.
    pub token_endpoint: String,
    /// Where they are asked about.
    pub introspection_endpoint: String,
    /// Where they are withdrawn.
    pub revocation_endpoint: String,
    /// Where the key set is.
    pub jwks_uri: String,
    /// The ways to get a token.
    pub grant_types_supported: Vec<&'static str>,
    /// How a client proves itself.
    pub token_endpoint_auth_methods_supported: Vec<&'static str>,
    /// The same.
    pub introspection_endpoint_auth_methods_supported: Vec<&'static str>,
    /// The same.
    pub revocation_endpoint_auth_methods_supported: Vec<&'static str>,
    /// Nothing is authorised through a browser here.
    pub response_types_supported: Vec<&'static str>,
    /// One subject is the same for every client.
    pub subject_types_supported: Vec<&'static str>,
    /// The one algorithm.
    pub id_token_signing_alg_values_supported: Vec<&'static str>,
}

/// The values of `grant_type`, and of the types of tokens.
pub mod word {
    /// RFC 6749 section 4.4.
    pub const CLIENT_CREDENTIALS: &str = "client_credentials";
    /// RFC 7523 section 2.1.
    pub const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
    /// RFC 8693 section 2.1.
    pub const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
    /// RFC 8693 section 3.
    pub const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
    /// RFC 8693 section 3.
    pub const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";
    /// The id of a session. Ours: no registry has a word for one.
    pub const SESSION: &str = "urn:latchkey:token-type:session";
}
