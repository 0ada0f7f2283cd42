//! Who is calling: the ways to carry a session, and the session that they carry.

use super::address;
use super::error::ApiError;
use super::origin;
use crate::app::App;
use axum::extract::{FromRequestParts, MatchedPath};
use cookie::Cookie;
use domain::access::{self, Caller, NotACaller, Use};
use domain::audit::denial;
use http::request::Parts;
use http::{HeaderMap, HeaderName, Method, Uri, header};
use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use wire::{OrgId, Secret, SecretRef, UserId, header as names};

/// A caller with a live session; asking slides it. Our own administration takes a token in the place of a session.
pub struct Session(pub Caller);

impl FromRequestParts<App> for Session {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let Self(caller) = Self::by(parts, address::of(&parts.extensions), app).await?;
        asks(parts, caller.org().id, caller.user().id);
        Ok(Self(caller))
    }
}

impl Session {
    /// Whoever asks from this address.
    pub async fn by(parts: &Parts, from: Option<IpAddr>, app: &App) -> Result<Self, ApiError> {
        Ok(Self(Presented::by(parts, from, app)?.caller(app).await?))
    }
}

/// Tells whoever stands around who asks, for the record of what is denied.
pub fn asks(parts: &Parts, org: OrgId, user: UserId) {
    if let Some(asked) = parts.extensions.get::<Asked>() {
        let route = parts.extensions.get::<MatchedPath>().cloned();
        let _first_wins = asked.0.set(Question { by: (org, user), route, uri: parts.uri.clone() });
    }
}

/// What a request presents, and from where. An act that takes long asks again who that is: who has lost a session or a
/// role meanwhile goes no further.
pub struct Presented {
    sessions: Vec<Secret>,
    token: Option<Secret>,
    from: Option<IpAddr>,
}

impl FromRequestParts<App> for Presented {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        Self::by(parts, address::of(&parts.extensions), app)
    }
}

impl Presented {
    /// What a request from this address presents.
    pub fn by(parts: &Parts, from: Option<IpAddr>, app: &App) -> Result<Self, ApiError> {
        let sessions = own_sessions(parts, app)?;
        let takes_token = sessions.is_empty() && takes_tokens(parts.uri.path());
        let token = if takes_token { bearer(&parts.headers)?.map(Secret::from) } else { None };
        Ok(Self { sessions, token, from })
    }

    /// Who that is, at this moment.
    pub async fn caller(&self, app: &App) -> Result<Caller, NotACaller> {
        match &self.token {
            Some(token) => access::caller_with_token(&app.cx, token, self.from).await,
            None => access::caller(&app.cx, &self.sessions, self.from, Use::Call).await,
        }
    }
}

/// Who asks for what in a request, for the record: told by whoever found the caller to whoever stands around.
#[derive(Clone, Default)]
pub struct Asked(Arc<OnceLock<Question>>);

struct Question {
    by: (OrgId, UserId),
    route: Option<MatchedPath>,
    uri: Uri,
}

impl Asked {
    /// Records that it was denied, if somebody is known to have asked.
    pub async fn denied(&self, app: &App, method: &Method) {
        let Some(Question { by: (org, user), route, uri }) = self.0.get() else { return };
        let act = format!("{method} {}", route.as_ref().map_or("elsewhere", MatchedPath::as_str));
        let noted = denial::record(&app.cx, *org, *user, act, uri.path()).await;
        if let Err(error) = noted {
            tracing::warn!(%error, "an act that was denied was not recorded");
        }
    }
}

/// Whether a path takes a token that has this service for its audience.
fn takes_tokens(path: &str) -> bool {
    path.starts_with("/latchkey/v1/")
}

/// What one way of carrying holds. Only `Nothing` lets a request be anonymous; `Bad` refuses it.
enum Carried {
    Nothing,
    These(Vec<Secret>),
    Bad,
}

/// Every way to carry a session id, headers before the cookie (protocol.md 1.3).
const CARRIERS: [fn(&HeaderMap) -> Carried; 4] = {
    let [ids, infa, ic] = HEADERS;
    [ids, infa, ic, in_cookie]
};

/// Those that a browser does not send by itself.
const HEADERS: [fn(&HeaderMap) -> Carried; 3] = [
    |headers| in_header(headers, &IDS_SESSION_ID),
    |headers| in_header(headers, &INFA_SESSION_ID),
    |headers| in_header(headers, &IC_SESSION_ID),
];

static IDS_SESSION_ID: HeaderName = HeaderName::from_static(names::IDS_SESSION_ID);
static INFA_SESSION_ID: HeaderName = HeaderName::from_static(names::INFA_SESSION_ID);
static IC_SESSION_ID: HeaderName = HeaderName::from_static(names::IC_SESSION_ID);
static ORG_ID: HeaderName = HeaderName::from_static(names::ORG_ID);

/// How many session ids one request may carry; each costs a look-up.
const MOST: usize = 8;

/// Every session id that a request carries.
pub fn sessions(headers: &HeaderMap) -> Result<Vec<Secret>, ApiError> {
    let mut all = Vec::new();
    CARRIERS.iter().try_for_each(|carrier| add(&mut all, carrier(headers)))?;
    Ok(all)
}

/// The same, where a browser's cookie alone lets no page of another origin change anything.
fn own_sessions(parts: &Parts, app: &App) -> Result<Vec<Secret>, ApiError> {
    let presented = sessions(&parts.headers)?;
    let elsewhere = || HEADERS.iter().any(|carrier| !matches!(carrier(&parts.headers), Carried::Nothing));
    if !presented.is_empty() && origin::is_foreign_change(parts, app) && !elsewhere() {
        return Err(ApiError::dead_session());
    }
    Ok(presented)
}

/// The session ids in the cookie, for pages: no browser sends the headers by itself.
pub fn in_cookie_alone(headers: &HeaderMap) -> Result<Vec<Secret>, ApiError> {
    let mut all = Vec::new();
    add(&mut all, in_cookie(headers))?;
    Ok(all)
}

/// Adds ids that are not there yet. It stops at the limit, so that thousands of ids are not compared with each other.
fn add(all: &mut Vec<Secret>, carried: Carried) -> Result<(), ApiError> {
    let ids = match carried {
        Carried::Nothing => return Ok(()),
        Carried::These(ids) => ids,
        Carried::Bad => return Err(ApiError::dead_session()),
    };
    for id in ids {
        if all.iter().any(|known| known.expose() == id.expose()) {
            continue;
        }
        if all.len() == MOST {
            return Err(ApiError::dead_session());
        }
        all.push(id);
    }
    Ok(())
}

fn in_header(headers: &HeaderMap, name: &HeaderName) -> Carried {
    carried(headers.get_all(name).iter().map(|value| Some(Cow::Borrowed(value.to_str().ok()?))))
}

/// Cookies of others may hold anything; only the one with our name must be readable.
fn in_cookie(headers: &HeaderMap) -> Carried {
    let lines = headers.get_all(header::COOKIE).iter().map(|line| line.as_bytes());
    let ours = lines
        .flat_map(|line| line.split(|&byte| byte == b';'))
        .map(<[u8]>::trim_ascii)
        .filter(|pair| is_ours(pair));
    let id =
        |pair| Some(Cookie::parse(std::str::from_utf8(pair).ok()?).ok()?.value_trimmed().to_owned().into());
    carried(ours.map(id))
}

fn is_ours(pair: &[u8]) -> bool {
    let (name, _) = pair.split_at(pair.iter().position(|&byte| byte == b'=').unwrap_or(pair.len()));
    name.trim_ascii() == names::USER_SESSION.as_bytes()
}

/// The ids among these texts, one of which may not be readable.
fn carried<'a>(texts: impl Iterator<Item = Option<Cow<'a, str>>>) -> Carried {
    let is_blank = |text: &Option<Cow<'_, str>>| text.as_ref().is_some_and(|text| text.trim().is_empty());
    let ids = texts.filter(|text| !is_blank(text)).map(|text| text.map(|id| Secret::new(id.trim())));
    match ids.collect::<Option<Vec<_>>>() {
        None => Carried::Bad,
        Some(ids) if ids.is_empty() => Carried::Nothing,
        Some(ids) => Carried::These(ids),
    }
}

/// Everything that a request carries to the gate; what is there must be readable.
pub fn credentials(headers: &HeaderMap, from: Option<IpAddr>) -> Result<access::Credentials<'_>, ApiError> {
    let (bearer, sessions, org) = (bearer(headers)?, sessions(headers)?, org(headers)?);
    Ok(access::Credentials { bearer, sessions, org, from })
}

/// The one bearer token that a request carries.
pub fn bearer(headers: &HeaderMap) -> Result<Option<SecretRef<'_>>, ApiError> {
    let Some(value) = only(headers, &header::AUTHORIZATION)? else {
        return Ok(None);
    };
    let (scheme, token) = value.split_once([' ', '\t']).unwrap_or((value, ""));
    Ok(scheme.eq_ignore_ascii_case("bearer").then(|| SecretRef::new(token.trim())))
}

fn org(headers: &HeaderMap) -> Result<Option<OrgId>, ApiError> {
    let value = only(headers, &ORG_ID)?.map(str::trim).filter(|value| !value.is_empty());
    value.map(str::parse).transpose().map_err(|_| ApiError::dead_session())
}

/// The one value of a header that must not be there twice.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, ApiError> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| ApiError::dead_session()),
        (Some(_), Some(_)) => Err(ApiError::dead_session()),
    }
}
