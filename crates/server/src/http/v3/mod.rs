//! Platform v3 (protocol.md 5): JSON only.

pub mod login;
pub mod logout;
