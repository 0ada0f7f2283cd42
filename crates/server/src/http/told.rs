//! The two answers that resource servers ask for all the time. What users have in common is written once for all of them,
//! and what the gate says of somebody once for as long as it holds.

use super::{reply, v1};
use crate::app::App;
use axum::body::Body;
use axum::response::Response;
use domain::access::{Caller, Visitor};
use domain::org::Org;
use domain::user::User;
use http::{HeaderName, HeaderValue, header};
use quick_cache::sync::Cache;
use serde::Serialize;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use wire::v1::{GateReply, SessionUser};
use wire::{OrgId, UserId, header as names};

/// Kinds of users whose part of the answer is kept, about 1 KiB each, and visitors of the gate, less than half of that.
const MOST: usize = 10_000;

/// What each caller has alone: the first fields of [`SessionUser`].
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Own<'a> {
    session_expire_time: String,
    id: UserId,
    name: &'a str,
}

/// What those take with most names.
const OWN_BYTES: usize = 160;

/// Where the rest begins.
const REST: &str = r#","currentOrgId":"#;

/// What was told of users lately: by org and kind, and by the gate, by user and org.
pub struct Told {
    kinds: Cache<(OrgId, u64), Arc<Text>>,
    visitors: Cache<(UserId, OrgId), Arc<Card>>,
}

/// What follows the caller's own fields: of this reading of an org, for whoever is of the same kind as this user.
struct Text {
    user: Arc<User>,
    org: Arc<Org>,
    rest: String,
}

/// What the gate says of somebody, but for the instant.
struct Card {
    name: String,
    headers: [(HeaderName, HeaderValue); 3],
    /// The body up to the instant, which its last field tells.
    beginning: String,
}

const USER: HeaderName = HeaderName::from_static(names::GATE_USER);
const USER_ID: HeaderName = HeaderName::from_static(names::GATE_USER_ID);
const ORG: HeaderName = HeaderName::from_static(names::GATE_ORG);
const EXPIRES: HeaderName = HeaderName::from_static(names::GATE_EXPIRES);

/// What the body of the gate ends with, behind the instant.
const END: &str = r#""}"#;

impl Default for Told {
    fn default() -> Self {
        Self { kinds: Cache::new(MOST), visitors: Cache::new(MOST) }
    }
}

impl Told {
    /// 200 with the caller's session and user.
    pub fn session_user(&self, app: &App, caller: &Caller) -> Response {
        let (user, org) = (caller.user(), caller.org());
        let kind = (org.id, kind(user));
        let holds = |text: &Arc<Text>| Arc::ptr_eq(&text.org, org) && is_alike(&text.user, user);
        let known = self.kinds.get(&kind).filter(holds).or_else(|| self.write(app, caller, kind));
        match known.and_then(|text| told(caller, &text.rest)) {
            Some(body) => reply::written_as("application/json", body.into()),
            None => reply::json(&v1::session_user(app, caller)),
        }
    }

    fn write(&self, app: &App, caller: &Caller, kind: (OrgId, u64)) -> Option<Arc<Text>> {
        let (user, org) = (Arc::clone(caller.user()), Arc::clone(caller.org()));
        let nobody = SessionUser { name: "", ..v1::session_user(app, caller) };
        let written = serde_json::to_string(&nobody).ok()?;
        let rest = written.get(written.find(REST)?..)?.to_owned();
        let text = Arc::new(Text { user, org, rest });
        self.kinds.insert(kind, Arc::clone(&text));
        Some(text)
    }

    /// 200 with who passes the gate, in the body and in the headers.
    pub fn visitor(&self, visitor: &Visitor) -> Response {
        let key = (visitor.user.id, visitor.org);
        let holds = |card: &Arc<Card>| card.name == visitor.user.name.as_str();
        let card = self.visitors.get(&key).filter(holds).unwrap_or_else(|| {
            let card = Arc::new(Card::of(visitor));
            self.visitors.insert(key, Arc::clone(&card));
            card
        });
        let expires = visitor.until.rfc3339();
        let mut response = Response::new(Body::from([&card.beginning, &*expires, END].concat()));
        let headers = response.headers_mut();
        headers.reserve(8);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.extend(card.headers.iter().cloned().chain([(EXPIRES, header_value(expires))]));
        response
    }
}

impl Card {
    fn of(visitor: &Visitor) -> Self {
        let (user, org) = (&visitor.user, visitor.org);
        let name = user.name.as_str().to_owned();
        // Plain text and an id; writing them as JSON cannot fail.
        let timeless =
            serde_json::to_string(&GateReply { user: &name, org, expires: "" }).unwrap_or_default();
        let beginning = timeless.strip_suffix(END).unwrap_or_default().to_owned();
        let values = [(USER, name.clone()), (USER_ID, user.id.base62()), (ORG, org.base62())];
        Self { headers: values.map(|(header, value)| (header, header_value(value))), beginning, name }
    }
}

/// The caller's own fields, and behind them what the caller has in common with others.
fn told(caller: &Caller, rest: &str) -> Option<Vec<u8>> {
    let expires_at = caller.session().map(|session| session.expires_at().rfc3339());
    let (id, name) = (caller.user().id, caller.user().name.as_str());
    let own = Own { session_expire_time: expires_at.unwrap_or_default(), id, name };
    let mut written = Vec::with_capacity(OWN_BYTES + rest.len());
    serde_json::to_writer(&mut written, &own).ok()?;
    // The end of the object, which goes on.
    written.pop();
    written.extend_from_slice(rest.as_bytes());
    Some(written)
}

/// A number that users have in common for whom [`is_alike`] holds.
fn kind(user: &User) -> u64 {
    let mut hasher = DefaultHasher::new();
    user.roles.hash(&mut hasher);
    user.profile.timezone().hash(&mut hasher);
    user.grants.groups.iter().for_each(|group| group.id.hash(&mut hasher));
    hasher.finish()
}

/// Whether the answer says the same of both, but for their own fields.
fn is_alike(one: &Arc<User>, other: &Arc<User>) -> bool {
    Arc::ptr_eq(one, other)
        || one.roles == other.roles
            && one.grants == other.grants
            && one.status == other.status
            && one.authenticator == other.authenticator
            && one.profile.timezone() == other.profile.timezone()
}

/// A name may hold letters that a header may not; those are written as `%` and hexadecimal digits (RFC 3986 section 2.1).
fn header_value(text: String) -> HeaderValue {
    let stays = |byte: u8| byte.is_ascii_graphic() && byte != b'%';
    let encoded = if text.bytes().all(stays) {
        HeaderValue::try_from(text)
    } else {
        let written = |byte| if stays(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
        HeaderValue::try_from(text.bytes().map(written).collect::<String>())
    };
    encoded.unwrap_or(HeaderValue::from_static(""))
}
