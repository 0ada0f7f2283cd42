//! Bodies of SAML: the sign-in with an assertion (protocol.md 4.2), the provider of an org, and mappings (5.10).

use crate::id::{IdentityProviderId, OrgId};
use crate::secret::{Secret, hand_over};
use serde::{Deserialize, Serialize};

/// What is posted to sign in with an assertion.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LoginSamlRequest {
    /// A SAML response, or its assertion alone, in Base64; it can be used once.
    #[serde(serialize_with = "hand_over")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, min_length = 1, max_length = 190000))]
    pub saml_token: Secret,
    /// The org to sign in to, in either spelling of its id.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub org_id: OrgId,
}

/// The SAML identity provider that an org is to trust.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SamlProviderRequest {
    /// Its entity id, compared exactly.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 1024))]
    pub issuer: String,
    /// Where sign-ins begin, at most one place for each binding.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(max_items = 2))]
    pub single_sign_on: Vec<Endpoint>,
    /// Where sign-outs go, at most one place for each binding.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(max_items = 2))]
    pub single_logout: Vec<Endpoint>,
    /// Certificates with its keys, in PEM.
    #[cfg_attr(feature = "openapi", schema(min_items = 1, max_items = 8))]
    pub certificates: Vec<String>,
    /// The kind of name that it has to give, as a URN; any if absent.
    #[serde(default)]
    pub name_id_format: Option<String>,
    /// What its attributes are called; one without a name is not read.
    #[serde(default)]
    pub attributes: AttributeNames,
    /// Id or name of the role of an arrival that has no other.
    #[serde(default)]
    pub default_role: Option<String>,
    /// Id or name of the group of an arrival that has no other.
    #[serde(default)]
    pub default_group: Option<String>,
    /// Whether only accounts that exist may arrive.
    #[serde(default)]
    pub disable_auto_provisioning: bool,
    /// Whether roles and groups are taken from the provider at each sign-in.
    #[serde(default)]
    pub map_groups_and_roles: bool,
    /// Whether signatures with SHA-1 are good enough.
    #[serde(default)]
    pub allow_sha1: bool,
    /// Whether a browser may bring an assertion that nobody here asked for.
    #[serde(default)]
    pub idp_initiated: bool,
}

/// A place at a provider.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = SamlEndpoint))]
pub struct Endpoint {
    /// How a browser is sent there.
    pub binding: Binding,
    /// Where it is.
    #[cfg_attr(feature = "openapi", schema(max_length = 1024))]
    pub url: String,
    /// Where answers of a single logout go, if elsewhere.
    #[serde(default, rename = "responseUrl", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 1024))]
    pub response_url: Option<String>,
}

/// How a browser carries a message.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = SamlBinding))]
pub enum Binding {
    /// In a URL.
    #[serde(rename = "HTTP-Redirect")]
    Redirect,
    /// In a form.
    #[serde(rename = "HTTP-POST")]
    Post,
}

/// What the attributes of a provider are called.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AttributeNames {
    /// Of the given name.
    pub first_name: Option<String>,
    /// Of the family name.
    pub last_name: Option<String>,
    /// Of the e-mail address.
    pub email: Option<String>,
    /// Of the job title.
    pub title: Option<String>,
    /// Of the telephone number.
    pub phone: Option<String>,
    /// Of the groups.
    pub groups: Option<String>,
    /// Of the roles.
    pub roles: Option<String>,
}

/// The SAML identity provider of an org, and what it has to know of this service.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SamlProvider {
    /// Its id.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub id: IdentityProviderId,
    /// The org that trusts it.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub org_id: OrgId,
    /// The entity id of this service, and the audience of assertions for it.
    pub entity_id: String,
    /// Where assertions are posted to.
    pub acs_url: String,
    /// Where messages of a single logout are sent to.
    pub slo_url: String,
    /// What was asked for; roles and groups by their ids.
    #[serde(flatten)]
    pub terms: SamlProviderRequest,
    /// SHA-256 of each certificate, in hexadecimal digits.
    pub fingerprints: Vec<String>,
    /// When it was made, RFC 3339.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub created_at: String,
    /// When it was last changed, RFC 3339.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub updated_at: String,
}

/// What is put to `addSamlGroupMappings` and `removeSamlGroupMappings`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GroupMappingsRequest {
    /// Roles with the groups of the provider that have them.
    #[cfg_attr(feature = "openapi", schema(min_items = 1, max_items = 200))]
    pub group_mappings: Vec<GroupMapping>,
    /// Whether a group that has the name already is taken, instead of a new one called `<name>_EXT`.
    #[serde(default)]
    pub reuse_group: bool,
}

/// A role with the groups of the provider that have it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GroupMapping {
    /// The role; only in replies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role_id: Option<String>,
    /// The name of the role, or its id.
    pub role_name: String,
    /// What the groups are called there.
    #[cfg_attr(feature = "openapi", schema(max_items = 200))]
    pub saml_group_names: Vec<String>,
}

/// What is put to `addSamlRoleMappings` and `removeSamlRoleMappings`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RoleMappingsRequest {
    /// Roles with what they are called at the provider.
    #[cfg_attr(feature = "openapi", schema(min_items = 1, max_items = 200))]
    pub role_mappings: Vec<RoleMapping>,
}

/// A role with what it is called at the provider.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RoleMapping {
    /// The role; only in replies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role_id: Option<String>,
    /// The name of the role, or its id.
    pub role_name: String,
    /// What it is called there.
    #[cfg_attr(feature = "openapi", schema(max_items = 200))]
    pub saml_role_names: Vec<String>,
}

/// What `SAMLConfig/groupMappings` answers.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GroupMappings {
    /// How many there are, whatever part of them this is.
    pub count: usize,
    /// The part that was asked for.
    pub group_mappings: Vec<GroupMapping>,
}

/// What `SAMLConfig/roleMappings` answers.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RoleMappings {
    /// How many there are, whatever part of them this is.
    pub count: usize,
    /// The part that was asked for.
    pub role_mappings: Vec<RoleMapping>,
}
