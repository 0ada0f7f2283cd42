//! Error codes and the two envelopes in which they travel (protocol.md 8).

use serde::Serialize;
use std::borrow::Cow;

/// What went wrong, as a word that programs compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    /// The name or the password is not right.
    BadCredentials,
    /// The name is locked.
    Locked,
    /// The session is dead or was never alive.
    DeadSession,
    /// `jwt/Token` was called without a nonce.
    NonceMissing,
    /// `jwt/Token` was called for a client that is not known.
    ClientUnknown,
    /// The body, a parameter or a header is not what it should be.
    BadRequest,
    /// The caller is known, but may not do this.
    Denied,
    /// The user signs in at another region.
    OtherRegion,
    /// The org holds as many sessions as it may.
    TooManySessions,
    /// A password does not keep the rules.
    WeakPassword,
    /// Something else has that name, or was changed meanwhile.
    Conflict,
    /// No OAuth client proved itself.
    InvalidClient,
    /// There is no such way to get a token.
    UnsupportedGrantType,
    /// A token cannot be for less than its subject may do.
    InvalidScope,
    /// A token cannot be for that audience.
    InvalidTarget,
    /// It is not as the caller believes: If-Match does not hold.
    Precondition,
    /// Nobody does that here.
    NotImplemented,
    /// Nothing is here.
    NotFound,
    /// Something is here, but not for this method.
    MethodNotAllowed,
    /// The request did not arrive in time.
    TimedOut,
    /// The body is longer than is read.
    BodyTooLarge,
    /// The headers are longer than are read.
    HeadersTooLarge,
    /// The address has failed too often, with whatever names.
    Throttled,
    /// Too much arrives at once; a later try may do.
    Busy,
    /// Something inside is broken; nobody outside can mend it.
    Internal,
    /// The store is full, read-only or gone; a later try may do.
    Unavailable,
}

impl Code {
    /// The code in the envelope of v1 and v3. Codes that begin with `LK_` are ours.
    pub const fn nested(self) -> &'static str {
        match self {
            Self::BadCredentials => "IDS_085",
            Self::Locked => "IDS_086",
            Self::DeadSession => "AUTH_01",
            Self::NonceMissing => "IDS_345",
            Self::ClientUnknown => "LK_CLIENT",
            Self::BadRequest => "V3API_007",
            Self::Denied => "LK_DENIED",
            Self::OtherRegion => "LK_REGION",
            Self::TooManySessions => "LK_SESSIONS",
            Self::WeakPassword => "LK_PASSWORD",
            Self::Conflict => "LK_CONFLICT",
            Self::InvalidClient | Self::UnsupportedGrantType | Self::InvalidScope | Self::InvalidTarget => {
                self.oauth()
            }
            Self::Precondition => "LK_PRECONDITION",
            Self::NotImplemented => "LK_NOT_IMPLEMENTED",
            Self::NotFound => "LK_NOT_FOUND",
            Self::MethodNotAllowed => "LK_METHOD",
            Self::TimedOut => "LK_TIMEOUT",
            Self::BodyTooLarge => "LK_BODY",
            Self::HeadersTooLarge => "LK_HEADERS",
            Self::Throttled => "LK_THROTTLED",
            Self::Busy => "LK_BUSY",
            Self::Internal => "LK_INTERNAL",
            Self::Unavailable => "LK_UNAVAILABLE",
        }
    }

    /// The word of OAuth 2 (RFC 6749 section 5.2, RFC 8693 section 2.2.2; the two of RFC 6749 section 4.1.2.1 for what is
    /// no fault of the request).
    pub const fn oauth(self) -> &'static str {
        match self {
            Self::InvalidClient => "invalid_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidTarget => "invalid_target",
            Self::BadCredentials | Self::Locked | Self::OtherRegion | Self::TooManySessions => {
                "invalid_grant"
            }
            Self::Denied | Self::DeadSession => "unauthorized_client",
            Self::Busy | Self::Throttled | Self::Unavailable | Self::TimedOut => "temporarily_unavailable",
            Self::Internal => "server_error",
            Self::NonceMissing
            | Self::ClientUnknown
            | Self::BadRequest
            | Self::WeakPassword
            | Self::Conflict
            | Self::NotFound
            | Self::MethodNotAllowed
            | Self::Precondition
            | Self::NotImplemented
            | Self::BodyTooLarge
            | Self::HeadersTooLarge => "invalid_request",
        }
    }

    /// The code in the envelope of v2.
    pub const fn flat(self) -> &'static str {
        match self {
            Self::BadCredentials => "UI_10000",
            Self::BadRequest => "LK_BAD_REQUEST",
            other => other.nested(),
        }
    }
}

/// The envelope of v1 and v3 (protocol.md 5.11).
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Nested<'a> {
    /// What went wrong.
    pub error: NestedError<'a>,
}

/// What went wrong.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NestedError<'a> {
    /// As a word that programs compare.
    pub code: &'a str,
    /// As a sentence that people read.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub message: Cow<'a, str>,
    /// The name of this request, also in the log.
    pub request_id: String,
    /// Always null here.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Vec<String>>, required = true))]
    pub details: Option<()>,
}

/// The envelope of v2 (protocol.md 8.1).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Flat<'a> {
    /// Always `error`.
    #[serde(rename = "@type")]
    pub kind: &'static str,
    /// What went wrong, as a word that programs compare.
    pub code: &'a str,
    /// What went wrong, as a sentence that people read.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub description: Cow<'a, str>,
    /// The HTTP status again.
    pub status_code: u16,
}
