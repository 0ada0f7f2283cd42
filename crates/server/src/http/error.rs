//! The only place where an error becomes a status, with one envelope per family (protocol.md 8).

use super::reply::{self, Format};
use crate::app::App;
use crate::config::RefusedStatus;
use axum::response::{IntoResponse, Response};
use domain::access::{Denied, NoPermit, NotACaller};
use domain::client::{ClientError, Unfit};
use domain::identity_provider::ProviderError;
use domain::oauth::GrantError;
use domain::org::OrgError;
use domain::org_policy::PolicyError;
use domain::password::{OwnError, Weakness};
use domain::revision::ChangeError;
use domain::saml::mapping::{MOST, MappingError};
use domain::scim::ScimError;
use domain::scim::token::TokenError;
use domain::sign_in::SignInError;
use domain::store::StoreError;
use domain::token::MintError;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use std::borrow::Cow;
use wire::error::{Code, Flat, Nested, NestedError};
use wire::fields::BodyError;
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
        if path.starts_with("/saas/") { Self::V3 } else { Self::V1 }
    }
}

/// Gives a bare error its status and its envelope.
pub fn dress(response: &mut Response, family: Family, app: &App) {
    let Some(ApiError { code, message, scim_type, retry_after }) = response.extensions_mut().remove() else {
        return;
    };
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
    let allow = response.headers_mut().remove(header::ALLOW);
    let word = match family {
        Family::V1 | Family::V3 | Family::Own => code.nested(),
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
        (Code::BadCredentials | Code::Locked, Family::V1 | Family::Own | Family::Scim) => refused.v1.status(),
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

impl From<SignInError> for ApiError {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::Refused => Self::new(Code::BadCredentials, "User name or password is not valid."),
            SignInError::NotTrusted => Self::new(Code::BadCredentials, "The token is not trusted."),
            SignInError::Locked => {
                Self::new(Code::Locked, "User account is locked. Try again later, or ask an administrator.")
            }
            SignInError::Throttled { wait } => Self {
                retry_after: u32::try_from(wait.as_secs() + 1).unwrap_or(u32::MAX),
                ..Self::new(Code::Throttled, "Too many failed sign-ins from this address. Try again later.")
            },
            SignInError::OtherRegion { login_url } => {
                Self::new(Code::OtherRegion, format!("This user signs in at {login_url}."))
            }
            SignInError::TooManySessions => Self::new(
                Code::TooManySessions,
                "The organization holds as many sessions as it may. End some, or wait until they expire.",
            ),
            SignInError::Busy => Self::new(Code::Busy, "Too many sign-ins at once. Try again in a moment."),
            SignInError::Store(error) => error.into(),
        }
    }
}

impl From<NotACaller> for ApiError {
    fn from(error: NotACaller) -> Self {
        match error {
            NotACaller::Dead => Self::dead_session(),
            NotACaller::Store(error) => error.into(),
        }
    }
}

impl From<Denied> for ApiError {
    fn from(Denied: Denied) -> Self {
        Self::new(Code::Denied, "This user may not do that.")
    }
}

impl From<NoPermit> for ApiError {
    fn from(error: NoPermit) -> Self {
        match error {
            NoPermit::Denied => Denied.into(),
            NoPermit::Unknown => Self::unknown(),
            NoPermit::Store(error) => error.into(),
        }
    }
}

impl From<ChangeError> for ApiError {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Taken => Self::new(Code::Conflict, "Something else has that name."),
            ChangeError::Contended => Self::new(
                Code::Conflict,
                "Somebody else changed it meanwhile. Read it again, then change it.",
            ),
            ChangeError::NoPassword => Self::new(
                Code::BadRequest,
                "This user signs in at an identity provider and has no password here.",
            ),
            ChangeError::Weak(weakness) => weakness.into(),
            ChangeError::Busy => Self::new(Code::Busy, "Too many passwords at once. Try again in a moment."),
            ChangeError::Store(error) => error.into(),
        }
    }
}

impl From<Weakness> for ApiError {
    fn from(weakness: Weakness) -> Self {
        let what = if weakness == Weakness::ShortAnswer { "answer" } else { "password" };
        Self::new(Code::WeakPassword, format!("The {what} was not taken: {weakness}."))
    }
}

impl From<PolicyError> for ApiError {
    fn from(error: PolicyError) -> Self {
        match error {
            PolicyError::Nonsense(nonsense) => {
                Self::new(Code::BadRequest, format!("Bad Request. Please check your request: {nonsense}."))
            }
            PolicyError::Gone => Self::unknown(),
            PolicyError::Change(error) => error.into(),
        }
    }
}

impl From<OrgError> for ApiError {
    fn from(error: OrgError) -> Self {
        let conflict = |what: &OrgError| Self::new(Code::Conflict, format!("It cannot be so: {what}."));
        match error {
            OrgError::UnknownRegion => {
                Self::new(Code::BadRequest, format!("Bad Request. Please check your request: {error}."))
            }
            OrgError::TooMany | OrgError::TooDeep | OrgError::NotEmpty => conflict(&error),
            OrgError::Change(error) => error.into(),
        }
    }
}

impl From<OwnError> for ApiError {
    fn from(error: OwnError) -> Self {
        match error {
            OwnError::Old(error) => error.into(),
            OwnError::New(error) => error.into(),
        }
    }
}

impl From<MintError> for ApiError {
    fn from(error: MintError) -> Self {
        match error {
            MintError::UnknownClient => {
                Self::new(Code::ClientUnknown, "The client_id is missing or not known.")
            }
            MintError::Busy => Self::new(Code::Busy, "Too many first tokens at once. Try again in a moment."),
            MintError::Ended => Self::dead_session(),
            MintError::Store(error) => error.into(),
            MintError::NoKey => {
                Self::new(Code::Unavailable, "There is no key to sign with. Try again in a moment.")
            }
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "the store did not do what was asked");
        match error {
            StoreError::Unavailable(_) => {
                Self::new(Code::Unavailable, "The store cannot be used right now. Try again in a moment.")
            }
            StoreError::Conflict | StoreError::Corrupt(_) => {
                Self::new(Code::Internal, "something here is broken")
            }
        }
    }
}

impl From<ProviderError> for ApiError {
    fn from(error: ProviderError) -> Self {
        let wrong =
            |what| Self::new(Code::BadRequest, format!("Bad Request. Please check your request: {what}."));
        match error {
            ProviderError::Unfit(unfit) => wrong(unfit.to_string()),
            ProviderError::Taken => {
                wrong("the organization has an identity provider of this issuer".to_owned())
            }
            ProviderError::TooMany => {
                wrong("the organization has as many identity providers as it may".to_owned())
            }
            ProviderError::NotFound => {
                Self::new(Code::NotFound, "The organization has no such identity provider.")
            }
            ProviderError::Store(error) => error.into(),
        }
    }
}

impl From<Unfit> for ApiError {
    fn from(unfit: Unfit) -> Self {
        Self::unfit(unfit)
    }
}

impl From<ClientError> for ApiError {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::TooMany => {
                Self::new(Code::Conflict, "The organization has as many OAuth clients as it may. Remove one.")
            }
            ClientError::TooManySecrets => {
                Self::new(Code::Conflict, "The OAuth client has two secrets. Remove one.")
            }
            ClientError::NoSecret => Self::unknown(),
            ClientError::Contended => ChangeError::Contended.into(),
            ClientError::Store(error) => error.into(),
        }
    }
}

impl From<GrantError> for ApiError {
    fn from(error: GrantError) -> Self {
        match error {
            GrantError::InvalidClient => Self::invalid_client(),
            GrantError::NotSignedIn(error) => error.into(),
            GrantError::NoOrg => {
                Self::new(Code::BadRequest, "Name an org in org_id, or a client that has one.")
            }
            GrantError::InvalidSubject => Self::new(
                Code::BadRequest,
                "The subject_token is not alive, not that of a user, or not for this client.",
            ),
            GrantError::InvalidTarget => Self::new(
                Code::InvalidTarget,
                "The audience is not known, or the subject may not be taken there.",
            ),
            GrantError::Busy => Self::new(Code::Busy, "Too many requests at once. Try again in a moment."),
            GrantError::NoKey => MintError::NoKey.into(),
            GrantError::TooManyRevoked => Self::new(
                Code::Unavailable,
                "The organization has withdrawn as many tokens as it may. Try again later.",
            ),
            GrantError::Store(error) => error.into(),
        }
    }
}

impl From<MappingError> for ApiError {
    fn from(error: MappingError) -> Self {
        let wrong =
            |what| Self::new(Code::BadRequest, format!("Bad Request. Please check your request: {what}."));
        match error {
            MappingError::TooMany => wrong(format!("a role has at most {MOST} SAML names")),
            MappingError::Unknown => wrong("a SAML name is not mapped to this role".to_owned()),
            MappingError::Change(error) => error.into(),
        }
    }
}

impl From<BodyError> for ApiError {
    fn from(error: BodyError) -> Self {
        Self::new(Code::BadRequest, format!("Bad Request. Please check your request: {error}."))
    }
}

impl From<ScimError> for ApiError {
    fn from(error: ScimError) -> Self {
        match error {
            ScimError::Asked(kind, what) => Self::scim(Code::BadRequest, kind, what),
            ScimError::Unknown => Self::unknown(),
            ScimError::Denied => Self::new(Code::Denied, "This token may not do that."),
            ScimError::Taken => {
                Self::scim(Code::Conflict, ScimType::Uniqueness, "Something else has that name.")
            }
            ScimError::Outdated => Self::new(Code::Precondition, "It was changed meanwhile: read it again."),
            ScimError::Contended => ChangeError::Contended.into(),
            ScimError::Weak(weakness) => Self::scim(
                Code::WeakPassword,
                ScimType::InvalidValue,
                format!("The password was not taken: {weakness}."),
            ),
            ScimError::Busy => ChangeError::Busy.into(),
            ScimError::Store(error) => error.into(),
        }
    }
}

impl From<TokenError> for ApiError {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::TooMany => {
                Self::new(Code::Conflict, "The organization has as many SCIM tokens as it may: remove one.")
            }
            TokenError::NotFound => Self::unknown(),
            TokenError::Store(error) => error.into(),
        }
    }
}
