//! What is kept on this machine for the account.

use super::finding::Finding;
use crate::account::Choice;
use client::{Cache, Clock, Entry, Key, LoginUrl, SystemClock, Timestamp};
use std::time::Duration;

/// The state of the account.
pub fn account(choice: &Choice, login: &LoginUrl) -> Finding {
    let Some(user) = choice.profile.user.clone().filter(|user| !user.is_empty()) else {
        return Finding::odd(
            "account",
            "no user is named",
            "name one with -u, in LATCHKEY_USERNAME or in the profile",
        );
    };
    let key = Key { login_url: login.as_str().to_owned(), user };
    match Cache::in_folder(choice.folders.sessions()).read(&key) {
        Ok(Some(entry)) => of(&entry, SystemClock.now()),
        Ok(None) => Finding::odd(
            "account",
            format!("{} has not signed in on this machine", key.user),
            "run `latchkey login`",
        ),
        Err(error) => Finding::odd("account", error.to_string(), "the next command signs in again"),
    }
}

fn of(entry: &Entry, now: Timestamp) -> Finding {
    let user = &entry.key.user;
    if let Some(refused) = &entry.refused {
        let seen =
            format!("the password of {user} was refused at {} ({})", refused.at.rfc3339(), refused.code);
        return Finding::here(
            "account",
            seen,
            "run `latchkey login` with the right one; it is not sent again by itself",
        );
    }
    if let Some(session) = entry.session_for(Duration::ZERO, now) {
        return Finding::well("account", format!("{user} is signed in until {}", session.expires.rfc3339()));
    }
    match entry.tokens.iter().find(|token| token.is_good_for(Duration::ZERO, now)) {
        Some(token) => {
            Finding::well("account", format!("{user} has a token until {}", token.expires.rfc3339()))
        }
        None => Finding::odd(
            "account",
            format!("the session of {user} has ended"),
            "the next command signs in again",
        ),
    }
}
