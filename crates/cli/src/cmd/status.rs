//! `latchkey status`: what is kept for an account. It asks nobody.

use super::verify::Said;
use crate::account::{Account, AccountArgs};
use crate::error::Failure;
use crate::{hold, print};
use clap::Args as Arguments;
use client::{Clock, Entry, SystemClock, Timestamp};
use serde_json::{Value, json};
use std::io;
use std::time::Duration;

/// Arguments of `status`.
#[derive(Debug, Arguments)]
#[command(after_help = "Examples:
  latchkey status
  latchkey status --profile prod --format json

It reads the cache and asks nobody. The exit code is 1 when neither a session nor a token is alive.")]
pub struct StatusArgs {
    /// Whose sessions are meant.
    #[command(flatten)]
    pub account: AccountArgs,
    /// How to say it
    #[arg(long, value_enum, default_value_t = Said::Text)]
    pub format: Said,
}

/// Says what is kept.
pub fn run(args: StatusArgs) -> Result<(), Failure> {
    let account = Account::choose(&args.account)?;
    let (entry, now) = (hold::kept(&account)?, SystemClock.now());
    print::line(&match args.format {
        Said::Text => text(&account, entry.as_ref(), now),
        Said::Json => as_json(&account, entry.as_ref(), now).to_string(),
    });
    if entry.is_some_and(|entry| is_alive(&entry, now)) {
        return Ok(());
    }
    let what = format!("not signed in to {}", account.login);
    Err(Failure::refused(io::Error::other(what)).hint("run `latchkey login`"))
}

fn is_alive(entry: &Entry, now: Timestamp) -> bool {
    let token = entry.tokens.iter().any(|token| token.is_good_for(Duration::ZERO, now));
    token || entry.session_for(Duration::ZERO, now).is_some()
}

fn text(account: &Account, entry: Option<&Entry>, now: Timestamp) -> String {
    let mut lines = vec![
        format!("profile  {}", account.choice.name),
        format!("host     {}", account.login),
        format!("user     {}", account.user),
    ];
    let Some(entry) = entry else {
        lines.push("session  none".to_owned());
        return lines.join("\n");
    };
    match entry.session_for(Duration::ZERO, now) {
        Some(session) => {
            lines.push(format!("org      {} ({})", session.org_name, session.org_id));
            lines.push(format!("session  until {}", session.expires.rfc3339()));
        }
        None => lines.push("session  none".to_owned()),
    }
    for token in entry.tokens.iter().filter(|token| token.is_good_for(Duration::ZERO, now)) {
        lines.push(format!("token    until {} for {}", token.expires.rfc3339(), token.client_id));
    }
    if let Some(refused) = &entry.refused {
        lines.push(format!("refused  {} {}", refused.at.rfc3339(), refused.message));
    }
    lines.join("\n")
}

fn as_json(account: &Account, entry: Option<&Entry>, now: Timestamp) -> Value {
    let session = entry.and_then(|entry| entry.session_for(Duration::ZERO, now));
    let tokens = entry.into_iter().flat_map(|entry| &entry.tokens);
    let tokens = tokens.filter(|token| token.is_good_for(Duration::ZERO, now));
    let refused = entry.and_then(|entry| entry.refused.as_ref());
    json!({
        "profile": account.choice.name.as_str(),
        "login_url": account.login.as_str(),
        "user": account.user,
        "session": session.map(|session| json!({
            "org_id": session.org_id,
            "org_name": session.org_name,
            "base_url": session.base_url,
            "expires": session.expires.rfc3339(),
        })),
        "tokens": tokens.map(|token| json!({
            "client_id": token.client_id,
            "expires": token.expires.rfc3339(),
        })).collect::<Vec<_>>(),
        "refused": refused.map(|refused| json!({"at": refused.at.rfc3339(), "message": refused.message})),
    })
}
