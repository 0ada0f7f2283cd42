//! SCIM 2.0 on the wire: schemas, filters and paths, and the envelopes around resources (RFC 7643, RFC 7644).

pub mod filter;
pub mod meta;
pub mod schema;

use serde::Serialize;
use serde_json::{Map, Value};
use std::borrow::Cow;

/// The media type of every body (RFC 7644 section 3.1).
pub const MEDIA_TYPE: &str = "application/scim+json";

/// The schema of an error (RFC 7644 section 3.12).
pub const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";

/// The schema of a list (RFC 7644 section 3.4.2).
pub const LIST: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";

/// The schema of a PATCH (RFC 7644 section 3.5.2).
pub const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// The schema of a search (RFC 7644 section 3.4.3).
pub const SEARCH: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";

/// A resource, as the object that travels.
pub type Resource = Map<String, Value>;

/// What kind of error a 400 or a 409 is (RFC 7644 section 3.12, table 9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScimType {
    /// The filter is not in the grammar, or asks for what cannot be compared.
    InvalidFilter,
    /// More would have to be looked at than is.
    TooMany,
    /// Something else has that name.
    Uniqueness,
    /// The attribute cannot be changed.
    Mutability,
    /// The body is not what it should be.
    InvalidSyntax,
    /// The path is not in the grammar, or names nothing.
    InvalidPath,
    /// The path picks no value.
    NoTarget,
    /// A value is missing, or not of its type.
    InvalidValue,
}

impl ScimType {
    const ALL: [Self; 8] = [
        Self::InvalidFilter,
        Self::TooMany,
        Self::Uniqueness,
        Self::Mutability,
        Self::InvalidSyntax,
        Self::InvalidPath,
        Self::NoTarget,
        Self::InvalidValue,
    ];

    /// Whether this is the name of one.
    pub fn is_name(word: &str) -> bool {
        Self::ALL.into_iter().any(|kind| kind.name() == word)
    }

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::InvalidFilter => "invalidFilter",
            Self::TooMany => "tooMany",
            Self::Uniqueness => "uniqueness",
            Self::Mutability => "mutability",
            Self::InvalidSyntax => "invalidSyntax",
            Self::InvalidPath => "invalidPath",
            Self::NoTarget => "noTarget",
            Self::InvalidValue => "invalidValue",
        }
    }
}

/// Why a request was not done (RFC 7644 section 3.12).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = ScimError))]
pub struct Error<'a> {
    /// [`ERROR`] alone.
    pub schemas: [&'static str; 1],
    /// The HTTP status again, as a string.
    pub status: String,
    /// What kind of 400 or 409, as a word that programs compare.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scim_type: Option<&'a str>,
    /// As a sentence that people read.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub detail: Cow<'a, str>,
}

/// A part of a list (RFC 7644 section 3.4.2).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = ScimList))]
pub struct List {
    /// [`LIST`] alone.
    pub schemas: [&'static str; 1],
    /// How many there are, here or not.
    pub total_results: u64,
    /// The number of the first one here; the first of all is 1.
    pub start_index: u32,
    /// How many are here.
    pub items_per_page: u64,
    /// Those that are here.
    #[serde(rename = "Resources")]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<serde_json::Value>))]
    pub resources: Vec<Resource>,
}

impl List {
    /// The list of these, which come after `start - 1` others among `total`.
    pub fn new(resources: Vec<Resource>, start: u32, total: u64) -> Self {
        let items_per_page = resources.len() as u64;
        Self { schemas: [LIST], total_results: total, start_index: start, items_per_page, resources }
    }

    /// The list of all there are.
    pub fn whole(resources: Vec<Resource>) -> Self {
        let total = resources.len() as u64;
        Self::new(resources, 1, total)
    }
}
