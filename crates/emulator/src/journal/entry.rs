//! One request as the journal keeps it: nothing in it is secret, and nothing differs between two equal runs.

use crate::asked::Asked;
use crate::mask::Mask;
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// A request and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Entry {
    /// Its number, from 1, in the order of the answers.
    pub n: u64,
    /// When it came, by the emulator's clock, RFC 3339.
    pub time: String,
    /// The host of the vendor's that it was sent to; none if it came straight to the emulator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Its method.
    pub method: String,
    /// Its path.
    pub path: String,
    /// Its query.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// Who sent it, as far as that was known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// For which org.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub org: Option<String>,
    /// The mark of the session or token that it carried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// Its headers, without those of the connection.
    pub headers: BTreeMap<String, String>,
    /// The fields of its body, if it was small and of JSON or a form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// The status of the answer; null if the connection was closed without one.
    pub status: Option<u16>,
    /// The fault that was done to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// Who answered.
    pub by: By,
}

/// Who answered a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// The service itself.
    Service,
    /// A file of the tester's.
    Stub,
    /// The server behind the emulator.
    Upstream,
    /// A fault, in the place of all others.
    Fault,
    /// None of them: the path is nobody's, or nobody got to answer.
    Nobody,
}

/// A request that has not been answered yet.
#[derive(Debug)]
#[must_use = "a request is in the journal once it is finished"]
pub struct Draft(pub(super) Entry);

impl Draft {
    /// Writes down what may be kept of a request.
    pub(super) fn of(asked: &Asked, now: Timestamp, body: Option<(&[u8], &str)>, mask: &Mask) -> Self {
        let sight = mask.sight(&asked.headers);
        Self(Entry {
            n: 0,
            time: now.rfc3339(),
            host: asked.front.host().map(|host| host.to_ascii_lowercase()),
            method: asked.method.to_string(),
            path: sight.text(&asked.path),
            query: asked.query.as_deref().map(|query| sight.query(query)),
            user: asked.user.as_deref().map(|user| sight.text(user)),
            org: asked.org.clone(),
            session: sight.session(),
            headers: sight.headers(&asked.headers),
            body: body.and_then(|(body, content_type)| sight.body(body, content_type)),
            status: None,
            fault: None,
            by: By::Nobody,
        })
    }
}
