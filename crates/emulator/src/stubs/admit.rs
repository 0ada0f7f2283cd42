//! Who may call a service of the vendor, and how each service says no (protocol.md 1.3, 3.4).

use crate::asked::Asked;
use axum::response::{IntoResponse, Response};
use domain::Cx;
use domain::access::{self, Use, Visitor};
use http::{HeaderMap, StatusCode, header};
use server::http::caller;
use server::http::error::ApiError;
use wire::OrgId;
use wire::error::Code;
use wire::header as names;

/// The page where people sign in.
pub const LOGIN_PAGE: &str = "/identity-service/home";

/// How a service refuses.
#[derive(Debug)]
pub enum Refusal {
    /// With an error of its family.
    Error(ApiError),
    /// As if a browser had come: it leads to this page.
    LoginPage(String),
}

impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Self {
        Self::Error(error)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Error(error) => error.into_response(),
            Self::LoginPage(url) => {
                (StatusCode::FOUND, [(header::LOCATION, url)], login_page()).into_response()
            }
        }
    }
}

/// The page where people would sign in.
pub fn login_page() -> Response {
    let kind = [(header::CONTENT_TYPE, "text/html;charset=UTF-8")];
    (kind, include_str!("login.html")).into_response()
}

/// What a service wants to see of credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Habit {
    /// Whatever names a live session.
    Any,
    /// A session; somebody with a token alone is taken for a browser (FRS, ICDQ).
    TakesTokensForBrowsers,
    /// A session and no `Authorization` (B360, MDM).
    RefusesTokens,
    /// A token (Catalog).
    WantsToken,
}

impl Habit {
    fn of(asked: &Asked) -> Self {
        let first = asked.path.split('/').nth(1).unwrap_or_default().to_ascii_lowercase();
        let in_header = || asked.headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let host = asked.front.host().or_else(in_header).unwrap_or_default();
        match first.as_str() {
            "frs" => Self::TakesTokensForBrowsers,
            first if first.starts_with("icdq") => Self::TakesTokensForBrowsers,
            "data360" => Self::WantsToken,
            _ if host.split('.').next().is_some_and(|pod| pod.ends_with("-mdm")) => Self::RefusesTokens,
            _ => Self::Any,
        }
    }
}

/// Checks the credentials of a request as the service at its path would.
pub async fn admit(cx: &Cx, asked: &Asked) -> Result<Visitor, Refusal> {
    let has_authorization = asked.headers.contains_key(header::AUTHORIZATION);
    let headers = without_org(&asked.headers);
    let mut credentials = caller::credentials(&headers, asked.from)?;
    match Habit::of(asked) {
        Habit::TakesTokensForBrowsers if credentials.sessions.is_empty() && credentials.bearer.is_some() => {
            let login = cx.policy().issuer.trim_end_matches("/identity-service");
            return Err(Refusal::LoginPage(format!("{login}{LOGIN_PAGE}")));
        }
        Habit::TakesTokensForBrowsers => credentials.bearer = None,
        Habit::RefusesTokens if has_authorization => {
            return Err(dead("This service takes IDS-SESSION-ID alone, without an Authorization header."));
        }
        Habit::WantsToken if credentials.bearer.is_none() => {
            return Err(dead("This service takes a token: Authorization: Bearer and X-INFA-ORG-ID."));
        }
        Habit::Any | Habit::RefusesTokens | Habit::WantsToken => {}
    }
    let visitor = access::gate(cx, &credentials, Use::Call).await.map_err(ApiError::from)?;
    if is_of_another_org(&asked.headers, visitor.org) {
        let message = "X-INFA-ORG-ID names another organization than that of the session or token.";
        return Err(ApiError::new(Code::Denied, message).into());
    }
    Ok(visitor)
}

fn dead(message: &'static str) -> Refusal {
    ApiError::new(Code::DeadSession, message).into()
}

/// The gate answers a wrong org like a dead session; a service of the vendor knows the caller and forbids.
fn without_org(headers: &HeaderMap) -> HeaderMap {
    let mut headers = headers.clone();
    headers.remove(names::ORG_ID);
    headers
}

fn is_of_another_org(headers: &HeaderMap, org: OrgId) -> bool {
    let mut named = headers.get_all(names::ORG_ID).iter().map(|value| value.as_bytes().trim_ascii());
    let is_that =
        |name: &[u8]| std::str::from_utf8(name).ok().and_then(|name| name.parse().ok()) == Some(org);
    named.any(|name| !name.is_empty() && !is_that(name))
}
