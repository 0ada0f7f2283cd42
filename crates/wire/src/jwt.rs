//! Tokens and the keys that verify them (protocol.md 3).

use crate::id::{OrgId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The issuer of every token of every emulator: a host that cannot exist (RFC 2606 section 2).
pub const EMULATOR_ISSUER: &str = "https://emulator.latchkey.invalid/identity-service";

/// The fifteen claims of an access token, in the order in which the vendor writes them (protocol.md 3.2).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Claims {
    /// bcrypt hash of the session id that minted it.
    pub unique_id: String,
    /// Given name of the user.
    pub user_fname: String,
    /// Name that the user signs in with.
    pub user_name: String,
    /// `<login host>/identity-service`.
    pub iss: String,
    /// What the caller sent as `nonce`.
    pub nonce: String,
    /// Family name of the user.
    pub user_lname: String,
    /// What the caller sent as `client_id`.
    pub client_id: String,
    /// The audience of that client.
    pub aud: String,
    /// The org the user belongs to.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub user_org_id: OrgId,
    /// The user.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub user_id: UserId,
    /// The org the session works in.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub org_id: OrgId,
    /// Expiry, in seconds since the epoch.
    pub exp: i64,
    /// Name of the org.
    pub org_name: String,
    /// Issue, in seconds since the epoch.
    pub iat: i64,
    /// A name of this token alone.
    pub jti: String,
    /// Present and true in a token of an emulator, which must be worth nothing anywhere else.
    #[serde(default, skip_serializing_if = "is_false")]
    #[cfg_attr(feature = "openapi", schema(ignore))]
    pub latchkey_emulator: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over references")]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// The reply of `jwt/Token` (protocol.md 3.1): one token under the three names that callers look for.
// The token is written as JSON once. The reply has no `Debug`, which would show it.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TokenReply<'a> {
    /// The token.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub jwt_token: &'a RawValue,
    /// The same.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub token: &'a RawValue,
    /// The same.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub access_token: &'a RawValue,
    /// Always `Bearer`.
    pub token_type: &'static str,
    /// Seconds until it expires.
    pub expires_in: u64,
}

/// A public key (RFC 7517, RFC 7518 section 6.2).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Jwk {
    /// `EC`.
    pub kty: String,
    /// `P-256`.
    pub crv: String,
    /// `sig`.
    #[serde(rename = "use")]
    pub usage: String,
    /// `ES256`.
    pub alg: String,
    /// Its name in the header of a token.
    pub kid: String,
    /// First coordinate, base64url.
    pub x: String,
    /// Second coordinate, base64url.
    pub y: String,
}

/// A key set (RFC 7517 section 5).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Jwks {
    /// The keys, newest first.
    pub keys: Vec<Jwk>,
}

/// What the discovery document says (OpenID Connect Discovery 1.0 section 3); only what is true here.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Discovery {
    /// The `iss` of every token.
    pub issuer: String,
    /// Where the key set is.
    pub jwks_uri: String,
    /// Where a session is turned into a token.
    pub token_endpoint: String,
    /// Nothing is authorised through a browser here.
    pub response_types_supported: Vec<&'static str>,
    /// One subject is the same for every client.
    pub subject_types_supported: Vec<&'static str>,
    /// The one algorithm.
    pub id_token_signing_alg_values_supported: Vec<&'static str>,
    /// The names of the claims in a token.
    pub claims_supported: Vec<&'static str>,
}

/// The names of the fifteen claims.
pub const CLAIMS: [&str; 15] = [
    "unique_id",
    "user_fname",
    "user_name",
    "iss",
    "nonce",
    "user_lname",
    "client_id",
    "aud",
    "user_org_id",
    "user_id",
    "org_id",
    "exp",
    "org_name",
    "iat",
    "jti",
];
