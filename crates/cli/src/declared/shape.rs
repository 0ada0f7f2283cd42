//! The shape of the files. What is absent has its default, and what is not known is an error.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A file. `Name` remembers where it stood when it is read, and is a text when it is written.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File<Name> {
    /// The orgs: the one without a path is that of whoever applies the file.
    #[serde(default = "none")]
    pub org: Vec<Org<Name>>,
}

fn none<T>() -> Vec<T> {
    Vec::new()
}

/// An org. A kind of record that it does not name at all is left alone; `role = []` says that there is none.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Org<Name> {
    /// The names that lead to it from the org of whoever applies the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<Vec<Name>>,
    /// What the org of whoever applies the file is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Name>,
    /// Free text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Where its users sign in; empty for here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// What it decides for itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<Policy>,
    /// Its own roles.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<Vec<Role<Name>>>,
    /// Its groups.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<Vec<Group<Name>>>,
    /// Its OAuth clients, without their secrets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<Vec<Client<Name>>>,
    /// Users; those that no file names are left alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<Vec<User<Name>>>,
    /// Whose tokens open its sessions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity_provider: Option<Vec<IdentityProvider<Name>>>,
    /// Where its people sign in by SAML: one at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub saml_provider: Option<Vec<SamlProvider<Name>>>,
}

/// What an org decides for itself; what is absent is as the instance has it.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    #[serde(skip_serializing_if = "Option::is_none")]
    password_min_length: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    password_char_mix: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    password_reuse_days: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    password_expiration_days: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_login_attempts: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lock_minutes: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trusted_ip_ranges: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_idle_minutes: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_absolute_minutes: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_limit: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    authentication: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jwt_minutes: Option<u32>,
}

/// The fields of a policy, as files have them.
pub const POLICY: [&str; 12] = [
    "password_min_length",
    "password_char_mix",
    "password_reuse_days",
    "password_expiration_days",
    "max_login_attempts",
    "lock_minutes",
    "trusted_ip_ranges",
    "session_idle_minutes",
    "session_absolute_minutes",
    "session_limit",
    "authentication",
    "jwt_minutes",
];

/// A role.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Role<Name> {
    /// What people call it.
    pub name: Name,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    description: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    privileges: Vec<String>,
}

/// A group; who is in it stands with the users.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group<Name> {
    /// What people call it.
    pub name: Name,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    description: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    roles: Vec<String>,
}

/// An OAuth client.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Client<Name> {
    /// What people call it.
    pub name: Name,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    description: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    roles: Vec<String>,
    #[serde(default = "half_an_hour", skip_serializing_if = "is_half_an_hour")]
    token_minutes: u32,
    #[serde(default, skip_serializing_if = "is_no")]
    disabled: bool,
}

/// A user, without anything secret.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User<Name> {
    /// What it signs in with.
    pub name: Name,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    first_name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    last_name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    email: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    title: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    phone: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    description: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    time_zone_id: String,
    #[serde(default, skip_serializing_if = "State::is_active")]
    state: State,
    #[serde(default, skip_serializing_if = "Authentication::is_native")]
    authentication: Authentication,
    #[serde(default, skip_serializing_if = "is_no")]
    force_password_change: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_login_attempts: Option<u32>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    roles: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    groups: Vec<String>,
}

/// Whether a user may sign in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// It may.
    #[default]
    Active,
    /// It may not.
    Inactive,
}

/// How a user proves who it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Authentication {
    /// By a password.
    #[default]
    Native,
    /// At an identity provider.
    #[serde(rename = "SAML")]
    Saml,
}

/// An identity provider of the kind OIDC.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentityProvider<Name> {
    /// The issuer of its tokens.
    #[serde(rename = "issuer")]
    pub name: Name,
    keys: String,
    #[serde(default = "rs256", skip_serializing_if = "is_rs256")]
    signing_algorithm: String,
    #[serde(default = "sub", skip_serializing_if = "is_sub")]
    token_claim: String,
    #[serde(default = "alias_name", skip_serializing_if = "is_alias_name")]
    match_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    audience: Option<String>,
    /// Values of the claim, and the user that each means.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    aliases: BTreeMap<String, String>,
}

/// A SAML identity provider, and what its groups and roles are here.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SamlProvider<Name> {
    /// Its entity id.
    #[serde(rename = "issuer")]
    pub name: Name,
    /// With its public keys, in PEM.
    certificates: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name_id_format: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    default_role: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    default_group: Option<String>,
    #[serde(default, skip_serializing_if = "is_no")]
    disable_auto_provisioning: bool,
    #[serde(default, skip_serializing_if = "is_no")]
    map_groups_and_roles: bool,
    #[serde(default, skip_serializing_if = "is_no")]
    allow_sha1: bool,
    #[serde(default, skip_serializing_if = "is_no")]
    idp_initiated: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    single_sign_on: Vec<Endpoint>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    single_logout: Vec<Endpoint>,
    #[serde(default, skip_serializing_if = "Attributes::is_none")]
    attributes: Attributes,
    /// Roles, and the groups of the provider that have them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    group_mappings: BTreeMap<String, Vec<String>>,
    /// Roles, and what they are called at the provider.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    role_mappings: BTreeMap<String, Vec<String>>,
}

/// A place at a SAML provider.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Endpoint {
    binding: String,
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_url: Option<String>,
}

/// What the attributes of a SAML provider are called; what is absent is not read.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Attributes {
    #[serde(skip_serializing_if = "Option::is_none")]
    first_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    groups: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    roles: Option<String>,
}

impl Attributes {
    fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

impl State {
    fn is_active(&self) -> bool {
        *self == Self::Active
    }
}

impl Authentication {
    fn is_native(&self) -> bool {
        *self == Self::Native
    }
}

fn is_no(flag: &bool) -> bool {
    !flag
}

fn half_an_hour() -> u32 {
    30
}

fn is_half_an_hour(minutes: &u32) -> bool {
    *minutes == half_an_hour()
}

fn rs256() -> String {
    "RS256".to_owned()
}

fn is_rs256(text: &str) -> bool {
    text == "RS256"
}

fn sub() -> String {
    "sub".to_owned()
}

fn is_sub(text: &str) -> bool {
    text == "sub"
}

fn alias_name() -> String {
    "aliasName".to_owned()
}

fn is_alias_name(text: &str) -> bool {
    text == "aliasName"
}
