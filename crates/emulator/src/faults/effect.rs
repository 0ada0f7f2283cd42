//! What a fault does to a request, as it is asked for and as the steps in which it is done.

use super::pod::Pod;
use super::reading::{BadField, Reading};
use super::refusal::{Page, Refusal, Status};
use super::span::{Shift, Span};
use jiff::SignedDuration;
use serde_json::{Map, Value};
use std::time::Duration;

/// What a fault does to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Nothing, and no later fault does anything either: an exception to a broader one.
    Pass,
    /// The answer comes late.
    Latency(Duration),
    /// A refusal instead of the answer, in the envelope of the family.
    Status(Refusal),
    /// A page of HTML instead of the answer.
    Html(Page),
    /// No answer: the connection is closed.
    Close,
    /// The answer is cut off and the connection closed.
    Truncate(Cut),
    /// The session of the caller ends first; the service then refuses it, or, if a refusal is given, this does.
    EndSession(Option<Refusal>),
    /// The keys that sign tokens are replaced first.
    RotateKeys,
    /// Whoever answers has a clock that is off by this much.
    Skew(SignedDuration),
    /// The sign-in is refused since the password has expired.
    ExpirePassword,
    /// The sign-in is refused since the account is locked.
    Lock,
    /// The answer names another pod.
    MovePod(Pod),
}

/// Where an answer is cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// In the middle of its body.
    Half,
    /// After this many bytes of its body.
    Bytes(usize),
}

impl Cut {
    /// How many bytes of a body of `length` bytes are sent: never all of them, or nothing would be cut off.
    pub fn of(self, length: usize) -> usize {
        match self {
            Self::Half => length / 2,
            Self::Bytes(bytes) => bytes.min(length.saturating_sub(1)),
        }
    }
}

/// An effect as the steps in which it is done; each is done unless it is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// Before the request is answered.
    pub before: Option<Before>,
    /// Instead of the service's answer.
    pub instead: Option<Instead>,
    /// To the answer, whoever gave it.
    pub after: Option<After>,
}

/// What is done before a request is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Before {
    /// Wait for this long, in real time.
    Wait(Duration),
    /// End the session that the request carries.
    EndSession,
    /// Replace the keys that sign tokens.
    RotateKeys,
    /// Answer with a clock that is off by this much.
    Skew(SignedDuration),
}

/// What is done instead of answering.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Instead {
    /// Refuse, in the envelope of the family.
    Refuse(Refusal),
    /// Answer with a page.
    Show(Page),
    /// Close the connection without a word.
    HangUp,
}

/// What is done to an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum After {
    /// Send a part of the body, with the headers of the whole, and close the connection.
    Truncate(Cut),
    /// Name another pod in the body.
    MovePod(Pod),
}

impl Effect {
    /// The steps of this effect.
    pub fn plan(&self) -> Plan {
        let plan = Plan::default();
        let before = |step| Plan { before: Some(step), ..Plan::default() };
        let instead = |step| Plan { instead: Some(step), ..Plan::default() };
        let after = |step| Plan { after: Some(step), ..Plan::default() };
        match self {
            Self::Pass => plan,
            Self::Latency(time) => before(Before::Wait(*time)),
            Self::RotateKeys => before(Before::RotateKeys),
            Self::Skew(shift) => before(Before::Skew(*shift)),
            Self::EndSession(refusal) => {
                Plan { instead: refusal.clone().map(Instead::Refuse), ..before(Before::EndSession) }
            }
            Self::Status(refusal) => instead(Instead::Refuse(refusal.clone())),
            Self::Html(page) => instead(Instead::Show(page.clone())),
            Self::Close => instead(Instead::HangUp),
            Self::ExpirePassword => instead(Instead::Refuse(Refusal::expired_password())),
            Self::Lock => instead(Instead::Refuse(Refusal::locked())),
            Self::Truncate(cut) => after(After::Truncate(*cut)),
            Self::MovePod(pod) => after(After::MovePod(pod.clone())),
        }
    }

    /// Reads `"close"`, `{"latency":"750ms"}` and the like.
    pub fn read(value: Value) -> Result<Self, BadField> {
        match value {
            Value::String(word) => Self::of_word(&word),
            Value::Object(fields) => Self::of_fields(fields),
            _ => Err(BadField::new("effect", WAYS)),
        }
    }

    fn of_word(word: &str) -> Result<Self, BadField> {
        match word {
            "pass" => Ok(Self::Pass),
            "html" => Ok(Self::Html(Page::default())),
            "close" => Ok(Self::Close),
            "truncate" => Ok(Self::Truncate(Cut::Half)),
            "end_session" => Ok(Self::EndSession(None)),
            "rotate_keys" => Ok(Self::RotateKeys),
            "expire_password" => Ok(Self::ExpirePassword),
            "lock" => Ok(Self::Lock),
            _ => Err(BadField::new("effect", format!("{word:?} is not one; {WAYS}"))),
        }
    }

    fn of_fields(fields: Map<String, Value>) -> Result<Self, BadField> {
        let mut fields = Reading::of("effect.", fields);
        let effect = Self::taken(&mut fields)?;
        fields.done()?;
        effect.ok_or_else(|| BadField::new("effect", WAYS))
    }

    fn taken(fields: &mut Reading) -> Result<Option<Self>, BadField> {
        if let Some(Span(time)) = fields.take("latency")? {
            return longest(time).map(Self::Latency).map(Some);
        }
        if let Some(Shift(shift)) = fields.take("skew")? {
            return Ok(Some(Self::Skew(shift)));
        }
        if let Some(bytes) = fields.take("truncate")? {
            return Ok(Some(Self::Truncate(Cut::Bytes(bytes))));
        }
        if let Some(pod) = fields.take("move_pod")? {
            return Ok(Some(Self::MovePod(pod)));
        }
        if let Some(status) = fields.take::<Status>("status")? {
            return Refusal::read(status.0, fields).map(Self::Status).map(Some);
        }
        if let Some(status) = fields.take::<Status>("html")? {
            return Page::read(status.0, fields).map(Self::Html).map(Some);
        }
        let refused = fields.take::<Status>("end_session")?;
        Ok(refused.map(|status| Self::EndSession(Some(Refusal::of_dead_session(status.0)))))
    }
}

const WAYS: &str = "say \"close\", \"truncate\", \"html\", \"end_session\", \"rotate_keys\", \"expire_password\", \
    \"lock\" or \"pass\", or an object with one of status, latency, truncate, html, end_session, skew, move_pod";

/// A wait holds a connection, so it has a limit.
fn longest(time: Duration) -> Result<Duration, BadField> {
    const LONGEST: Duration = Duration::from_secs(600);
    if time <= LONGEST { Ok(time) } else { Err(BadField::new("effect.latency", "it is longer than 10m")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::StatusCode;
    use serde_json::json;

    fn told(value: Value) -> String {
        Effect::read(value).unwrap_err().to_string()
    }

    #[test]
    fn effects_are_read_as_they_are_written() {
        let second = Duration::from_secs(1);
        for (given, expected) in [
            (json!("pass"), Effect::Pass),
            (json!("close"), Effect::Close),
            (json!("truncate"), Effect::Truncate(Cut::Half)),
            (json!({"truncate": 10}), Effect::Truncate(Cut::Bytes(10))),
            (json!({"latency": "1s"}), Effect::Latency(second)),
            (json!({"skew": "-2m"}), Effect::Skew(SignedDuration::from_mins(-2))),
            (json!("html"), Effect::Html(Page::default())),
            (json!("end_session"), Effect::EndSession(None)),
            (json!("rotate_keys"), Effect::RotateKeys),
            (json!("expire_password"), Effect::ExpirePassword),
            (json!("lock"), Effect::Lock),
            (
                json!({"html": 503, "retry_after": "1s"}),
                Effect::Html(Page {
                    status: StatusCode::SERVICE_UNAVAILABLE,
                    retry_after: Some(second),
                    html: None,
                }),
            ),
        ] {
            assert_eq!(Effect::read(given.clone()), Ok(expected), "{given}");
        }
    }

    #[test]
    fn an_effect_that_is_none_says_which_field() {
        assert!(told(json!("explode")).starts_with("effect: \"explode\" is not one; say \"close\""));
        assert!(told(json!({})).starts_with("effect: say \"close\""));
        assert!(told(json!(503)).starts_with("effect: say \"close\""));
        assert!(told(json!({"status": 99})).starts_with("effect.status: 99 is not a status"));
        assert!(
            told(json!({"status": 500, "latency": "1s"})).starts_with("effect.status: is not known here")
        );
        assert_eq!(told(json!({"latency": "11m"})), "effect.latency: it is longer than 10m");
        assert!(told(json!({"move_pod": "us.w5"})).starts_with("effect.move_pod: "));
    }

    #[test]
    fn an_effect_is_done_in_its_steps() {
        let plan = |given| Effect::read(given).unwrap().plan();
        assert_eq!(plan(json!("pass")), Plan::default());
        assert_eq!(plan(json!("close")), Plan { instead: Some(Instead::HangUp), ..Plan::default() });
        assert_eq!(plan(json!("truncate")).after, Some(After::Truncate(Cut::Half)));
        assert_eq!(plan(json!("end_session")), Plan { before: Some(Before::EndSession), ..Plan::default() });
        let both = plan(json!({"end_session": 403}));
        assert_eq!(both.before, Some(Before::EndSession));
        assert!(matches!(both.instead, Some(Instead::Refuse(_))));
    }

    #[test]
    fn a_cut_always_cuts() {
        assert_eq!((Cut::Half.of(11), Cut::Half.of(1), Cut::Half.of(0)), (5, 0, 0));
        assert_eq!((Cut::Bytes(3).of(11), Cut::Bytes(11).of(11), Cut::Bytes(3).of(0)), (3, 10, 0));
    }
}
