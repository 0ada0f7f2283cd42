//! The only place where an error becomes a status, with one envelope per family (protocol.md 8).

mod refusals;

use super::reply::{self, Format};
use crate::app::App;
use crate::config::RefusedStatus;
use crate::web::page;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use std::borrow::Cow;
use std::time::Duration;
use wire::error::{Code, Flat, Nested, NestedError};
use wire::latchkey::Problem;
use wire::oauth;
use wire::scim::ScimType;

/// Why a request was not done: a code for programs and a sentence for people.
#[derive(Debug, Clone)]
pub struct ApiError {
    code: Code,
    message: Cow<'static, str>,
    scim_type: Option<ScimType>,
    /// In how many seconds a later try may do, where one may.
    retry_after: u32,
}

impl ApiError {
    /// An error of the wire itself.
    pub fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into(), scim_type: None, retry_after: 1 }
    }

    /// An error that SCIM has a word for.
    pub fn scim(code: Code, kind: ScimType, message: impl Into<Cow<'static, str>>) -> Self {
        Self { scim_type: Some(kind), ..Self::new(code, message) }
    }

    /// The same, with the time after which a later try may do, in full seconds and never at once.
    #[must_use]
    pub fn after(self, wait: Duration) -> Self {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        Self { retry_after: u32::try_from(seconds.max(1)).unwrap_or(u32::MAX), ..self }
    }

    /// Whether the caller is known, but may not do that.
    pub fn is_denial(&self) -> bool {
        self.code == Code::Denied
    }

    /// Nothing that this caller may see has that id or name.
    pub fn unknown() -> Self {
        Self::new(Code::NotFound, "Nothing here has that id or name.")
    }

    /// What was sent is not what it should be.
    pub fn unfit(what: impl std::fmt::Display) -> Self {
        Self::new(Code::BadRequest, format!("Bad Request. Please check your request: {what}."))
    }

    /// No client proved itself.
    pub fn invalid_client() -> Self {
        Self::new(Code::InvalidClient, "The client is not known, or did not prove itself.")
    }

    /// The code for programs.
    pub fn code(&self) -> Code {
        self.code
    }

    /// The session that was presented is not alive, or none was.
    pub fn dead_session() -> Self {
        Self::new(Code::DeadSession, "The session has expired or is not valid. Sign in again.")
    }
}

/// An error travels bare through the router; `dress` knows the path, and with it the envelope.
impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Which envelope a path answers in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// identity-service, and everything that has no family.
    V1,
    /// Platform v2, which also speaks XML.
    V2(Format),
    /// Platform v3.
    V3,
    /// Our own administration.
    Own,
    /// OAuth 2 (RFC 6749 section 5.2).
    OAuth,
    /// SCIM.
    Scim,
    /// Pages for people.
    Page,
}

impl Family {
    /// The family of a path (protocol.md 12, note 6).
    pub fn of(path: &str, headers: &HeaderMap) -> Self {
        let v2 = ["/ma/api/v2/", "/saas/api/v2/", "/api/v2/"].iter().any(|prefix| path.starts_with(prefix));
        if v2 {
            return Self::V2(Format::asked_for(headers));
        }
        if path.starts_with("/latchkey/") {
            return Self::Own;
        }
        if path.starts_with("/authz-service/oauth/") {
            return Self::OAuth;
        }
        if path.starts_with("/scim-service/") {
            return Self::Scim;
        }
        if PAGES
            .iter()
            .any(|page| path == *page || path.strip_prefix(page).is_some_and(|rest| rest.starts_with('/')))
        {
            return Self::Page;
        }
        if path.starts_with("/saas/") { Self::V3 } else { Self::V1 }
    }
}

/// The paths that people's browsers ask for, and whatever is below them.
const PAGES: [&str; 5] =
    ["/identity-service/home", "/identity-service/acs", "/identity-service/slo", "/ma/home", "/ma/sso"];

/// What a caller hears of an error, and the name by which it is found in the log.
#[derive(Debug)]
pub struct Told {
    status: StatusCode,
    code: Code,
    /// In plain words.
    pub message: Cow<'static, str>,
    /// The name of the request.
    pub request_id: String,
    scim_type: Option<ScimType>,
    retry_after: u32,
}

impl ApiError {
    /// Tells it to a caller, and to the log.
    pub fn told(self, family: Family, app: &App) -> Told {
        let Self { code, message, scim_type, retry_after } = self;
        let status = status(code, family, &app.wire.refused_status);
        let request_id = app.cx.request_id();
        // Why a store failed has been logged where it was heard.
        if code == Code::Internal {
            tracing::error!(request.id = request_id, code = code.nested(), "a request failed: {message}");
        } else {
            tracing::debug!(
                request.id = request_id,
                code = code.nested(),
                status = status.as_u16(),
                "a request was refused"
            );
        }
        Told { status, code, message, request_id, scim_type, retry_after }
    }
}

impl Told {
    /// Its status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Adds what HTTP itself wants beside its status.
    pub fn hints(&self, headers: &mut HeaderMap) {
        let Self { status, retry_after, .. } = *self;
        hints(headers, status, Hints { family: Family::Page, allow: None, retry_after });
    }
}

/// Gives a bare error its status and its envelope.
pub fn dress(response: &mut Response, family: Family, app: &App) {
    let Some(error) = response.extensions_mut().remove::<ApiError>() else {
        return;
    };
    let Told { status, code, message, request_id, scim_type, retry_after } = error.told(family, app);
    let allow = response.headers_mut().remove(header::ALLOW);
    let word = match family {
        Family::V1 | Family::V3 | Family::Own | Family::Page => code.nested(),
        Family::V2(_) => code.flat(),
        Family::OAuth => code.oauth(),
        Family::Scim => scim_type.map_or("", ScimType::name),
    };
    *response = envelope(family, status, word, message, request_id);
    hints(response.headers_mut(), status, Hints { family, allow, retry_after });
}

/// A refusal in the envelope of its family.
pub fn envelope(
    family: Family,
    status: StatusCode,
    code: &str,
    message: Cow<'_, str>,
    request_id: String,
) -> Response {
    let mut response = match family {
        Family::V1 | Family::V3 => {
            reply::json(&Nested { error: NestedError { code, message, request_id, details: None } })
        }
        Family::Own => reply::problem(&Problem {
            kind: format!("urn:latchkey:{code}"),
            title: status.canonical_reason().unwrap_or_default(),
            status: status.as_u16(),
            detail: message,
            code,
            request_id,
        }),
        Family::OAuth => {
            let is_allowed = |c: &char| matches!(c, ' '..='~') && !matches!(c, '"' | '\\');
            let error_description = message.chars().filter(is_allowed).collect();
            reply::json(&oauth::Error { error: code, error_description })
        }
        Family::Scim => super::scim::json(&wire::scim::Error {
            schemas: [wire::scim::ERROR],
            status: status.as_u16().to_string(),
            scim_type: Some(code).filter(|code| ScimType::is_name(code)),
            detail: message,
        }),
        Family::Page => page::trouble(status, &message, &request_id),
        Family::V2(format) => {
            let status_code = status.as_u16();
            reply::v2(format, &Flat { kind: "error", code, description: message, status_code })
        }
    };
    *response.status_mut() = status;
    response
}

/// What is known of a refusal beside its words.
struct Hints {
    family: Family,
    allow: Option<HeaderValue>,
    retry_after: u32,
}

/// What HTTP itself wants beside some statuses.
fn hints(headers: &mut HeaderMap, status: StatusCode, known: Hints) {
    let Hints { family, allow, retry_after } = known;
    let scheme = if family == Family::OAuth { r#"Basic realm="latchkey""# } else { "Bearer" };
    let hint = match status {
        StatusCode::UNAUTHORIZED => Some((header::WWW_AUTHENTICATE, HeaderValue::from_static(scheme))),
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
            Some((header::RETRY_AFTER, HeaderValue::from(retry_after)))
        }
        StatusCode::REQUEST_TIMEOUT | StatusCode::PAYLOAD_TOO_LARGE => {
            Some((header::CONNECTION, HeaderValue::from_static("close")))
        }
        StatusCode::METHOD_NOT_ALLOWED => allow.map(|methods| (header::ALLOW, methods)),
        _ => None,
    };
    hint.into_iter().for_each(|(name, value)| drop(headers.insert(name, value)));
}

/// The status of a code, which for a refused sign-in is a setting of its family.
pub fn status(code: Code, family: Family, refused: &RefusedStatus) -> StatusCode {
    match (code, family) {
        (Code::BadCredentials | Code::Locked | Code::OtherRegion, Family::OAuth) => StatusCode::BAD_REQUEST,
        (Code::InvalidClient, _) => StatusCode::UNAUTHORIZED,
        (Code::UnsupportedGrantType | Code::InvalidScope | Code::InvalidTarget, _) => StatusCode::BAD_REQUEST,
        (Code::BadCredentials | Code::Locked, Family::V1 | Family::Own | Family::Scim | Family::Page) => {
            refused.v1.status()
        }
        (Code::BadCredentials | Code::Locked, Family::V2(_)) => refused.v2.status(),
        (Code::BadCredentials | Code::Locked, Family::V3) => refused.v3.status(),
        (Code::DeadSession, _) => StatusCode::UNAUTHORIZED,
        (Code::NonceMissing | Code::ClientUnknown | Code::BadRequest | Code::WeakPassword, _) => {
            StatusCode::BAD_REQUEST
        }
        (Code::Conflict, _) => StatusCode::CONFLICT,
        (Code::Denied | Code::OtherRegion | Code::TooManySessions, _) => StatusCode::FORBIDDEN,
        (Code::Precondition, _) => StatusCode::PRECONDITION_FAILED,
        (Code::NotImplemented, _) => StatusCode::NOT_IMPLEMENTED,
        (Code::NotFound, _) => StatusCode::NOT_FOUND,
        (Code::MethodNotAllowed, _) => StatusCode::METHOD_NOT_ALLOWED,
        (Code::TimedOut, _) => StatusCode::REQUEST_TIMEOUT,
        (Code::BodyTooLarge, _) => StatusCode::PAYLOAD_TOO_LARGE,
        (Code::HeadersTooLarge, _) => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        (Code::Busy | Code::Throttled, _) => StatusCode::TOO_MANY_REQUESTS,
        (Code::Internal, _) => StatusCode::INTERNAL_SERVER_ERROR,
        (Code::Unavailable, _) => StatusCode::SERVICE_UNAVAILABLE,
    }
}
