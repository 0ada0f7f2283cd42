//! What a template can name: the request without its credentials, who sends it, and when.

use crate::asked::Asked;
use domain::access::Visitor;
use http::HeaderMap;
use serde_json::{Map, Value};
use wire::header as names;

/// Headers that carry credentials, besides those whose name says so.
const CREDENTIALS: [&str; 8] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    names::IC_SESSION_ID,
    names::INFA_SESSION_ID,
    names::IDS_SESSION_ID,
    "ids-agent-session-id",
    "xsrf_token",
];

/// Whether a header carries credentials.
pub fn is_credential(name: &str) -> bool {
    CREDENTIALS.contains(&name)
}

/// What surrounds a request: the emulator's time and its base URL.
#[derive(Debug, Clone)]
pub struct Setting {
    /// The emulator's time, RFC 3339.
    pub now: String,
    /// The `serverUrl` of the emulator.
    pub base_url: String,
}

/// Everything that a template can name.
pub fn scene(
    setting: Setting,
    asked: &Asked,
    kept: &[(String, String)],
    visitor: Option<&Visitor>,
    body: Option<&[u8]>,
) -> Value {
    let query: Vec<(String, String)> =
        serde_urlencoded::from_str(asked.query.as_deref().unwrap_or_default()).unwrap_or_default();
    let named = [
        ("now", Value::from(setting.now)),
        ("base_url", Value::from(setting.base_url)),
        ("method", Value::from(asked.method.as_str())),
        ("path", object(kept.iter().cloned())),
        ("query", object(query.into_iter())),
        ("headers", headers(&asked.headers)),
    ];
    let named = named.into_iter().chain(visitor.into_iter().flat_map(who)).chain(body.map(sent));
    Value::Object(named.map(|(name, value)| (name.to_owned(), value)).collect())
}

fn who(visitor: &Visitor) -> [(&'static str, Value); 3] {
    let user = &visitor.user;
    [
        ("user", user.name.as_str().into()),
        ("user_id", user.id.base62().into()),
        ("org", visitor.org.base62().into()),
    ]
}

/// A body of JSON as what it says, any other as a text.
fn sent(body: &[u8]) -> (&'static str, Value) {
    let text = || Value::from(String::from_utf8_lossy(body));
    ("body", serde_json::from_slice(body).unwrap_or_else(|_| text()))
}

fn object(pairs: impl Iterator<Item = (String, String)>) -> Value {
    Value::Object(pairs.map(|(name, value)| (name, Value::from(value))).collect())
}

/// Each header by its name in small letters, and by the same name with underscores, which a template can spell.
fn headers(headers: &HeaderMap) -> Value {
    let told = headers.iter().filter(|(name, _)| !is_credential(name.as_str()));
    let told = told.filter_map(|(name, value)| Some((name.as_str(), Value::from(value.to_str().ok()?))));
    let both =
        told.flat_map(|(name, value)| [(name.to_owned(), value.clone()), (name.replace('-', "_"), value)]);
    Value::Object(both.collect::<Map<_, _>>())
}
