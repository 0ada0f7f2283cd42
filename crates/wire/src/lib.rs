//! The contract: every name on the wire, once, for server, emulator, SDK and CLI alike.

pub mod error;
pub mod federation;
pub mod fields;
pub mod header;
pub mod id;
pub mod jwt;
pub mod latchkey;
pub mod oauth;
pub mod org;
pub mod saml;
pub mod scim;
pub mod secret;
pub mod v1;
pub mod v2;
pub mod v3;
pub mod xml;

pub use id::{
    ClientId, ClientSecretId, GroupId, IdentityProviderId, OrgId, PrivilegeId, RoleId, ScimTokenId, UserId,
};
pub use secret::{Secret, SecretRef};
