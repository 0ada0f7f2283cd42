//! Names of headers and cookies (protocol.md 1.3). Header names are compared without case.

/// Carries a session id to v2 resources.
pub const IC_SESSION_ID: &str = "icsessionid";
/// Carries a session id to v3 resources.
pub const INFA_SESSION_ID: &str = "infa-session-id";
/// Carries a session id to v1 and to most services.
pub const IDS_SESSION_ID: &str = "ids-session-id";
/// Names the org that a request is for.
pub const ORG_ID: &str = "x-infa-org-id";
/// The cookie that carries a session id.
pub const USER_SESSION: &str = "USER_SESSION";

/// Who passed the gate, as the name they sign in with.
pub const GATE_USER: &str = "x-latchkey-user";
/// Who passed the gate, as an id.
pub const GATE_USER_ID: &str = "x-latchkey-user-id";
/// The org for which they passed.
pub const GATE_ORG: &str = "x-latchkey-org";
/// Until when what they presented is good, RFC 3339.
pub const GATE_EXPIRES: &str = "x-latchkey-session-expires";
