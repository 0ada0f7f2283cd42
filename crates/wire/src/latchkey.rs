//! Bodies of our own administration under `/latchkey/v1`.

use crate::id::{OrgId, UserId};
use serde::Serialize;
use std::borrow::Cow;

/// Sessions, the last used first.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Sessions {
    /// As many as were asked for.
    pub sessions: Vec<Session>,
}

/// A session, without its id.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Session {
    /// What it is called here; it opens nothing.
    pub handle: String,
    /// Whether the request was sent with it.
    pub current: bool,
    /// Whose it is.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub user_id: UserId,
    /// The name of whose it is.
    pub user_name: String,
    /// The org it works in.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub org_id: OrgId,
    /// What the program called itself that opened it, if it did.
    pub device: Option<String>,
    /// From where it was opened, if that is known.
    pub address: Option<String>,
    /// When it was opened, RFC 3339.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub opened_at: String,
    /// When it was last used, RFC 3339.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub last_used_at: String,
    /// When it ends if it is not used again, RFC 3339.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub expires_at: String,
}

/// Why a request was not done (RFC 9457).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Problem<'a> {
    /// What kind of problem, as a URI that stays the same.
    #[serde(rename = "type")]
    pub kind: String,
    /// What the status says.
    pub title: &'a str,
    /// The HTTP status again.
    pub status: u16,
    /// As a sentence that people read.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub detail: Cow<'a, str>,
    /// As a word that programs compare.
    pub code: &'a str,
    /// The name of this request, also in the log.
    pub request_id: String,
}
