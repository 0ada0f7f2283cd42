//! The contract: every name on the wire, once, for server, emulator, SDK and CLI alike.

pub mod id;
pub mod jwt;
pub mod secret;

pub use id::{OrgId, RoleId, UserId};
pub use secret::Secret;
