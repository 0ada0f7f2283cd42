//! Bodies of identity providers (protocol.md 5.4), and of the sign-in with one of their tokens (protocol.md 4.3).

use crate::id::{IdentityProviderId, OrgId};
use crate::secret::{Secret, hand_over};
use serde::{Deserialize, Serialize};

/// What is posted to `/ma/api/v2/user/loginOAuth`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LoginOAuthRequest {
    /// A JWT of a registered identity provider; it can be used once.
    #[serde(serialize_with = "hand_over")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, min_length = 1, max_length = 16000))]
    pub oauth_token: Secret,
    /// The org to sign in to, in either spelling of its id.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub org_id: OrgId,
}

/// What is posted or put to `IdentityProviders`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct IdentityProviderRequest {
    /// Always `OIDC`.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// Who it is, and where its keys are.
    pub end_points: EndPoints,
    /// Which user a token means.
    #[serde(default)]
    pub account_policy: AccountPolicy,
    /// What it signs with, whatever a token says.
    #[serde(default = "rs256")]
    pub signing_algorithm: String,
    /// The `aud` of its tokens; the org's entity id when absent. Ours, unknown to the vendor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 255))]
    pub audience: Option<String>,
}

fn rs256() -> String {
    "RS256".to_owned()
}

/// The kinds of identity provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = IdentityProviderKind))]
pub enum Kind {
    /// OpenID Connect.
    #[serde(rename = "OIDC")]
    Oidc,
}

/// Who an identity provider is, and where its keys are.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EndPoints {
    /// The `iss` of its tokens, compared exactly.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 255))]
    pub issuer: String,
    /// The https URL of its key set.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 255))]
    pub keys: String,
}

/// Which user a token means.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AccountPolicy {
    /// How a claim leads to a user.
    #[serde(default)]
    pub link: Link,
}

/// How a claim leads to a user.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Link {
    /// The claim that says who it is; `sub` when absent.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 64))]
    pub token_claim: String,
    /// What the claim is compared with: `aliasName`, the user's name, or `uid`, the user's id.
    pub match_type: String,
    /// Values of the claim with the user that each means; no other value means anybody then. Ours, unknown to the vendor.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", schema(max_items = 200))]
    pub aliases: Vec<Alias>,
}

impl Default for Link {
    fn default() -> Self {
        let (token_claim, match_type) = ("sub".to_owned(), "aliasName".to_owned());
        Self { token_claim, match_type, aliases: Vec::new() }
    }
}

/// A value of a claim, and the user that it means.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Alias {
    /// The value, compared exactly.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 512))]
    pub value: String,
    /// The name of the user.
    pub alias_name: String,
}

/// An identity provider of an org.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct IdentityProvider {
    /// Its id.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub id: IdentityProviderId,
    /// The org that trusts it.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub org_id: OrgId,
    /// What was asked for.
    #[serde(flatten)]
    pub terms: IdentityProviderRequest,
}
