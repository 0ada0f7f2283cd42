//! What a sign-in gives, and how long it is good for by this machine's clock.

use crate::credential::Family;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use wire::Secret;
use wire::secret::hand_over;

/// A session without use ends after this long, unless a reply says otherwise (protocol.md 1.4).
pub(crate) const IDLE: Duration = Duration::from_secs(30 * 60);

/// An instant this much ahead means that the clock went back.
const AHEAD: Duration = Duration::from_secs(60);

/// A session at a login host. It is a password for half an hour: it may be logged, its id may not.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Session {
    /// Good in every session header and in the cookie.
    #[serde(serialize_with = "hand_over")]
    pub id: Secret,
    /// The org in 22 characters, as `X-INFA-ORG-ID` wants it; empty when no reply named it.
    pub org_id: String,
    /// The name of the org, empty when no reply named it.
    pub org_name: String,
    /// The name that signed in.
    pub user: String,
    /// Base of later calls, ends in `/saas`, as the reply named it.
    pub base_url: Option<String>,
    /// The family that opened it.
    pub family: Family,
    /// When it was opened.
    pub opened: Timestamp,
    /// When it ends if nobody uses it.
    pub expires: Timestamp,
    /// How far each use moves its end.
    pub slides: Slides,
}

/// What a use does to the end of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Slides {
    /// It moves to this many seconds later.
    By(u64),
    /// Nothing: the id is itself a token with an end of its own.
    Never,
}

impl Session {
    /// Whether it is good for at least this long.
    pub fn is_good_for(&self, life: Duration, now: Timestamp) -> bool {
        self.opened <= now + AHEAD && now + life < self.expires
    }

    /// The session after a use that the server accepted.
    #[must_use]
    pub(crate) fn used(mut self, now: Timestamp) -> Self {
        if let Slides::By(seconds) = self.slides {
            self.expires = self.expires.max(now + Duration::from_secs(seconds));
        }
        self
    }
}

/// A signed token, minted from a session or given to an OAuth client.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Token {
    /// What follows `Authorization: Bearer`.
    #[serde(serialize_with = "hand_over")]
    pub value: Secret,
    /// The client for which it was minted.
    pub client_id: String,
    /// The org it speaks for, empty when the token does not say.
    pub org_id: String,
    /// When this machine asked for it.
    pub minted: Timestamp,
    /// When it ends: its own life, counted from the asking, so that a wrong clock does not matter.
    pub expires: Timestamp,
}

impl Token {
    /// Whether it is good for at least this long.
    pub fn is_good_for(&self, life: Duration, now: Timestamp) -> bool {
        self.minted <= now + AHEAD && now + life < self.expires
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn session(id: &str, opened: Timestamp) -> Session {
        Session {
            id: Secret::new(id),
            org_id: "5mYdXw9KcJhaf3LrN8pQ2v".to_owned(),
            org_name: "Acme Prod".to_owned(),
            user: "ada".to_owned(),
            base_url: Some("https://usw1.dm-us.latchkey.test/saas".to_owned()),
            family: Family::V3,
            opened,
            expires: opened + IDLE,
            slides: Slides::By(IDLE.as_secs()),
        }
    }

    #[test]
    fn use_slides_a_session_but_not_a_token_in_its_place() {
        let start = Timestamp::from_seconds(1_000_000);
        let minutes = |count: u64| Duration::from_secs(count * 60);
        let sliding = session("a", start).used(start + minutes(20));
        assert!(sliding.is_good_for(minutes(5), start + minutes(44)));
        assert!(!sliding.is_good_for(minutes(5), start + minutes(45)));
        let fixed = Session { slides: Slides::Never, ..session("a", start) }.used(start + minutes(20));
        assert!(!fixed.is_good_for(minutes(5), start + minutes(26)));
    }

    #[test]
    fn a_clock_that_went_back_makes_nothing_last_longer() {
        let start = Timestamp::from_seconds(1_000_000);
        assert!(!session("a", start).is_good_for(Duration::ZERO, start - Duration::from_secs(3600)));
        assert!(session("a", start).is_good_for(Duration::ZERO, start - Duration::from_secs(30)));
    }
}
