//! Bodies of platform v3 (protocol.md 5).

pub mod admin;
pub mod license;
pub mod password;
pub mod scim;

use crate::id::{OrgId, UserId};
use crate::secret::{Secret, hand_over};
use serde::Serialize;
use std::collections::BTreeMap;

/// The product that callers look for by this very name.
pub const PRODUCT: &str = "Integration Cloud";

/// A new session: the only reply that holds its id.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = V3LoginReply))]
pub struct LoginReply<'a> {
    /// Where to call; one entry.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<Product>))]
    pub products: [Product<'a>; 1],
    /// Who signed in.
    pub user_info: UserInfo<'a>,
}

/// Where to call.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Product<'a> {
    /// Always [`PRODUCT`].
    pub name: &'static str,
    /// Base of later calls, ends in `/saas`.
    pub base_api_url: &'a str,
}

/// Who signed in.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UserInfo<'a> {
    /// Good in every session header and in the cookie.
    #[serde(serialize_with = "hand_over")]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub session_id: Secret,
    /// The user.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub id: UserId,
    /// The name it signs in with.
    pub name: &'a str,
    /// The parent of its org.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub parent_org_id: OrgId,
    /// Its org.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub org_id: OrgId,
    /// The name of its org.
    pub org_name: &'a str,
    /// Its groups, an object.
    #[cfg_attr(feature = "openapi", schema(value_type = BTreeMap<String, String>))]
    pub groups: BTreeMap<&'a str, String>,
    /// `Active` or `Inactive`.
    pub status: &'static str,
}
