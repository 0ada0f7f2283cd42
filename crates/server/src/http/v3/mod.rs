//! Platform v3 (protocol.md 5): JSON only.

pub mod groups;
pub mod identity_providers;
pub mod license;
pub mod login;
pub mod login_saml;
pub mod logout;
pub mod passwords;
pub mod people;
pub mod roles;
pub mod saml_mappings;
pub mod scim_tokens;
pub mod security_log;
pub mod users;
