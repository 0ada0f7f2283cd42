//! Our own administration, which the vendor does not have: `/latchkey/v1`, JSON, problems as RFC 9457 has them.

pub mod clients;
pub mod import;
pub mod lock;
pub mod orgs;
pub mod policy;
pub mod roles;
pub mod saml;
pub mod security_answer;
pub mod sessions;

use super::error::ApiError;
use std::str::FromStr;

/// What a path names; what cannot be a name names nothing.
fn named<Name: FromStr>(text: &str) -> Result<Name, ApiError> {
    text.parse().map_err(|_| ApiError::unknown())
}
