//! Bodies for passwords in platform v3 (protocol.md 5.6).

use super::admin::maybe;
use crate::secret::{Secret, hand_over};
use serde::Serialize;

/// A new password: for oneself with the old one, or for somebody else with their id.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = V3PasswordChange))]
pub struct PasswordChange {
    /// Whose; absent for oneself.
    pub user_id: Option<String>,
    /// The password in use; only for oneself.
    #[serde(serialize_with = "maybe")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, max_length = 255))]
    pub old_password: Option<Secret>,
    /// The new one.
    #[serde(serialize_with = "hand_over")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, min_length = 4, max_length = 255))]
    pub new_password: Secret,
}

/// A new password by the answer to the security question (protocol.md 5.6).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = V3PasswordReset))]
pub struct PasswordReset {
    /// Whose.
    pub user_id: String,
    /// The answer.
    #[serde(serialize_with = "hand_over")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, max_length = 255))]
    pub security_answer: Secret,
    /// The new password.
    #[serde(serialize_with = "hand_over")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, min_length = 4, max_length = 255))]
    pub new_password: Secret,
}
