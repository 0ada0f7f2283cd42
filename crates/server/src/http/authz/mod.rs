//! `/authz-service/oauth/…`: OAuth 2 (protocol.md 3.6).

pub mod asked;
pub mod metadata;
pub mod tokens;
