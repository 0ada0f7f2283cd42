//! What is said over the agent's socket: one JSON object in a line each way (docs/reference/agent.md).

use crate::account::AccountArgs;
use crate::error::Failure;
use client::{Entry, ProfileName, Session, Timestamp, Token};
use serde::Deserialize;
use serde_json::{Value, json};

/// What a program asks for.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Asked {
    /// A token.
    Token(Whose),
    /// A session.
    Session(Whose),
    /// Who is signed in.
    Status {},
}

/// Whose session or token, and how long it must be good for. What is not said is chosen as every command does.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Whose {
    /// The profile.
    pub profile: Option<ProfileName>,
    /// The login host.
    pub url: Option<String>,
    /// The name that signs in.
    pub user: Option<String>,
    /// The client of the token.
    pub client_id: Option<String>,
    /// Seconds.
    pub least_life: Option<u64>,
}

impl Whose {
    /// The same as flags of a command.
    pub fn flags(&self) -> AccountArgs {
        AccountArgs {
            profile: self.profile.clone(),
            url: self.url.clone(),
            user: self.user.clone(),
            ..AccountArgs::default()
        }
    }
}

/// A token, handed over.
pub fn token(token: &Token) -> Value {
    json!({
        "token": token.value.expose(),
        "client_id": token.client_id,
        "org_id": token.org_id,
        "expires": token.expires.rfc3339(),
    })
}

/// A session, handed over.
pub fn session(session: &Session) -> Value {
    json!({
        "session": session.id.expose(),
        "user": session.user,
        "org_id": session.org_id,
        "base_url": session.base_url,
        "expires": session.expires.rfc3339(),
    })
}

/// Who is signed in; nothing secret.
pub fn status(entries: &[Entry], now: Timestamp) -> Value {
    let until = |expires: Timestamp| (expires > now).then(|| expires.rfc3339());
    let accounts = entries.iter().map(|entry| {
        let tokens = entry.tokens.iter().filter(|token| token.expires > now);
        let tokens =
            tokens.map(|token| json!({"client_id": token.client_id, "expires": until(token.expires)}));
        json!({
            "login_url": entry.key.login_url,
            "user": entry.key.user,
            "session_expires": entry.session.as_ref().and_then(|session| until(session.expires)),
            "tokens": tokens.collect::<Vec<_>>(),
        })
    });
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "pid": std::process::id(),
        "accounts": accounts.collect::<Vec<_>>(),
    })
}

/// Why there is no answer, with the exit code that a command would have.
pub fn failure(failure: &Failure) -> Value {
    let (code, message) = failure.in_one_line();
    json!({"error": {"code": code, "message": message}})
}

/// The line was no request.
pub fn not_understood(why: &str) -> Value {
    json!({"error": {"code": 2, "message": format!("this is no request: {why}")}})
}
