//! One fault as it is asked for: which requests it meets, how often, and what it does to them.

use super::effect::Effect;
use super::glob::Glob;
use super::kind::Kind;
use super::reading::{BadField, Reading};
use super::span::Span;
use crate::asked::Asked;
use domain::entropy::Entropy;
use domain::name::CanonicalName;
use http::Method;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::num::NonZeroU64;
use std::time::Duration;

/// One fault as it is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// What it is called in the journal.
    pub name: Option<String>,
    /// The requests that it meets.
    pub meets: Meets,
    /// Which of them it fires at.
    pub pace: Pace,
    /// For how long after it was added.
    pub lasts: Option<Duration>,
    /// What it does.
    pub effect: Effect,
    /// Itself, as it was written.
    pub written: Map<String, Value>,
}

/// What a request must be like; what is not given may be anything.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Meets {
    path: Option<Glob>,
    method: Option<Method>,
    kind: Option<Kind>,
    host: Option<Glob>,
    user: Option<CanonicalName>,
}

/// Which of the requests that it meets a fault fires at.
#[derive(Debug, Clone, PartialEq)]
pub struct Pace {
    only: Option<u64>,
    after: u64,
    every: NonZeroU64,
    times: Option<u64>,
    probability: f64,
}

/// What a rule looks at in a request, made once for all rules.
pub(super) struct Seen<'a> {
    asked: &'a Asked,
    kind: Option<Kind>,
    user: Option<CanonicalName>,
}

impl<'a> Seen<'a> {
    pub fn of(asked: &'a Asked) -> Self {
        Self { asked, kind: Kind::of(asked), user: asked.user.as_deref().map(CanonicalName::of) }
    }
}

impl Rule {
    /// Reads one rule.
    pub fn read(written: Map<String, Value>) -> Result<Self, BadField> {
        let mut fields = Reading::of("", written.clone());
        let name = fields.take::<Word>("name")?.map(|Word(name)| name);
        let meets = Meets::read(&mut fields)?;
        let pace = Pace::read(&mut fields)?;
        let lasts = fields.take("for")?.map(|Span(time)| time);
        let effect = fields.take::<Value>("effect")?;
        fields.done()?;
        let effect = Effect::read(effect.unwrap_or(Value::Null))?;
        Ok(Self { name, meets: meets.with_kind_of(&effect), pace, lasts, effect, written })
    }
}

impl Meets {
    fn read(fields: &mut Reading) -> Result<Self, BadField> {
        Ok(Self {
            path: fields.take("path")?,
            method: fields.take::<Verb>("method")?.map(|Verb(method)| method),
            kind: fields.take("kind")?,
            host: fields.take::<String>("host")?.map(|host| Glob::from(host.to_ascii_lowercase())),
            user: fields.take::<String>("user")?.map(|user| CanonicalName::of(&user)),
        })
    }

    /// Some effects make sense for one kind of request only, which then need not be said.
    fn with_kind_of(self, effect: &Effect) -> Self {
        let usual = match effect {
            Effect::Lock | Effect::ExpirePassword | Effect::MovePod(_) => Some(Kind::SignIn),
            Effect::EndSession(_) => Some(Kind::Call),
            _ => None,
        };
        let is_placed = self.path.is_some() || self.kind.is_some();
        Self { kind: if is_placed { self.kind } else { usual }, ..self }
    }

    /// Whether a request is like that.
    pub(super) fn covers(&self, seen: &Seen<'_>) -> bool {
        let host = seen.asked.front.host().map(str::to_ascii_lowercase);
        self.path.as_ref().is_none_or(|path| path.matches(&seen.asked.path))
            && self.method.as_ref().is_none_or(|method| *method == seen.asked.method)
            && self.kind.is_none_or(|kind| Some(kind) == seen.kind)
            && self.host.as_ref().is_none_or(|wanted| host.is_some_and(|host| wanted.matches(&host)))
            && self.user.as_ref().is_none_or(|user| Some(user) == seen.user.as_ref())
    }
}

impl Pace {
    fn read(fields: &mut Reading) -> Result<Self, BadField> {
        let nth = fields.take::<NonZeroU64>("nth")?.map(NonZeroU64::get);
        let after = fields.take::<u64>("after")?;
        let every = fields.take::<NonZeroU64>("every")?;
        let times = fields.take::<NonZeroU64>("times")?.map(NonZeroU64::get);
        let Share(probability) = fields.take("probability")?.unwrap_or(Share(1.0));
        if nth.is_some() && (after.is_some() || every.is_some() || times.is_some_and(|times| times > 1)) {
            return Err(BadField::new("nth", "means one request: leave out after, every and times, or nth"));
        }
        let (after, every) = (after.unwrap_or(0), every.unwrap_or(NonZeroU64::MIN));
        Ok(Self { only: nth, after, every, times, probability })
    }

    /// Whether the `met`th request is one to fire at, after having fired `fired` times. Dice are thrown only if all
    /// else is right, so that a rule without a probability takes nothing from the run's random numbers.
    pub(super) fn fires(&self, met: u64, fired: u64, dice: &dyn Entropy) -> bool {
        let is_turn = met.checked_sub(self.after).is_some_and(|late| late > 0 && late % self.every == 0);
        let is_chosen = self.only.is_none_or(|nth| met == nth);
        let is_left = self.times.is_none_or(|times| fired < times);
        is_turn && is_chosen && is_left && throw(self.probability, dice)
    }
}

fn throw(probability: f64, dice: &dyn Entropy) -> bool {
    if probability >= 1.0 {
        return true;
    }
    let mut bytes = [0; 4];
    dice.fill(&mut bytes);
    f64::from(u32::from_be_bytes(bytes)) / 4_294_967_296.0 < probability
}

/// A name that can stand in a path and in a line: `slow-gate`.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Word(String);

impl TryFrom<String> for Word {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        let good = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let is_word = (1..=64).contains(&text.len()) && text.chars().all(good);
        if is_word { Ok(Self(text)) } else { Err("a name has 1 to 64 letters, digits and - _ .") }
    }
}

#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Verb(Method);

impl TryFrom<String> for Verb {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let method = text.to_ascii_uppercase().parse();
        method.map(Self).map_err(|_| format!("{text:?} is not a method"))
    }
}

#[derive(Deserialize)]
#[serde(try_from = "f64")]
struct Share(f64);

impl TryFrom<f64> for Share {
    type Error = String;

    fn try_from(share: f64) -> Result<Self, String> {
        if (0.0..=1.0).contains(&share) {
            Ok(Self(share))
        } else {
            Err(format!("{share} is not from 0 to 1"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asked::Front;
    use crate::faults::testing::{Dice, asked};
    use serde_json::json;

    fn rule(json: Value) -> Result<Rule, BadField> {
        Rule::read(json.as_object().unwrap().clone())
    }

    fn covers(json: Value, asked: &Asked) -> bool {
        rule(json).unwrap().meets.covers(&Seen::of(asked))
    }

    #[test]
    fn every_condition_counts() {
        let mut job = asked("GET", "/saas/api/v2/job");
        job.front = Front::Vendor("use4-mdm.DM-us.informaticacloud.com".into());
        job.user = Some("Etl.Robot".into());
        job.headers.insert("icsessionid", "x".parse().unwrap());
        for (conditions, expected) in [
            (json!({}), true),
            (json!({"path": "/saas/**"}), true),
            (json!({"path": "/ma/**"}), false),
            (json!({"method": "get"}), true),
            (json!({"method": "POST"}), false),
            (json!({"host": "*-mdm.*"}), true),
            (json!({"host": "dm-us.*"}), false),
            (json!({"user": "ETL.robot"}), true),
            (json!({"user": "ada"}), false),
            (json!({"kind": "call"}), true),
            (json!({"kind": "sign-in"}), false),
            (json!({"path": "/saas/**", "method": "PUT"}), false),
        ] {
            let mut given = conditions.clone();
            given["effect"] = json!("close");
            assert_eq!(covers(given, &job), expected, "{conditions}");
        }
        job.front = Front::Direct;
        assert!(!covers(json!({"host": "**", "effect": "close"}), &job), "no host of the vendor's was asked");
    }

    #[test]
    fn an_effect_of_signing_in_meets_sign_ins() {
        let (login, job) = (asked("POST", "/ma/api/v2/user/login"), asked("GET", "/saas/api/v2/job"));
        assert!(covers(json!({"effect": "lock"}), &login));
        assert!(!covers(json!({"effect": "lock"}), &job));
        assert!(covers(json!({"effect": "lock", "path": "/saas/**"}), &job), "unless another path is named");
    }

    /// The requests, of the first twelve, that a rule fires at.
    fn turns(json: Value) -> Vec<u64> {
        let mut given = json;
        given["effect"] = json!("close");
        let (pace, dice) = (rule(given).unwrap().pace, Dice::default());
        let mut fired = 0;
        let fires = |met: &u64| {
            let fires = pace.fires(*met, fired, &dice);
            fired += u64::from(fires);
            fires
        };
        (1..=12).filter(fires).collect()
    }

    #[test]
    fn the_pace_decides_which_requests_are_met() {
        assert_eq!(turns(json!({})), (1..=12).collect::<Vec<_>>());
        assert_eq!(turns(json!({"nth": 3})), [3]);
        assert_eq!(turns(json!({"nth": 3, "times": 1})), [3]);
        assert_eq!(turns(json!({"after": 10})), [11, 12]);
        assert_eq!(turns(json!({"times": 2})), [1, 2]);
        assert_eq!(turns(json!({"after": 2, "times": 2})), [3, 4]);
        assert_eq!(turns(json!({"every": 4})), [4, 8, 12]);
        assert_eq!(turns(json!({"every": 4, "after": 1, "times": 2})), [5, 9]);
        assert_eq!(turns(json!({"probability": 1})), (1..=12).collect::<Vec<_>>());
        assert_eq!(turns(json!({"probability": 0})), [0; 0]);
    }

    #[test]
    fn dice_decide_as_often_as_they_should() {
        let pace = rule(json!({"effect": "close", "probability": 0.25})).unwrap().pace;
        let dice = Dice::default();
        let fired = (1..=1_000).filter(|met| pace.fires(*met, 0, &dice)).count();
        assert!((200..=300).contains(&fired), "{fired}");
    }

    #[test]
    fn a_mistake_is_told_with_its_field() {
        for (given, told) in [
            (
                json!({"pth": "/", "effect": "close"}),
                "pth: is not known here, where there are: name, path, method, kind, host, user, nth, after, every, times, probability, for, effect",
            ),
            (json!({"effect": "close", "nth": 0}), "nth: invalid value: integer `0`, expected a nonzero u64"),
            (
                json!({"effect": "close", "nth": "3"}),
                "nth: invalid type: string \"3\", expected a nonzero u64",
            ),
            (
                json!({"effect": "close", "nth": 3, "after": 1}),
                "nth: means one request: leave out after, every and times, or nth",
            ),
            (json!({"effect": "close", "probability": 1.5}), "probability: 1.5 is not from 0 to 1"),
            (
                json!({"effect": "close", "for": "soon"}),
                "for: \"soon\" is not a length of time such as 750ms or 1h 30m",
            ),
            (json!({"effect": "close", "method": "G T"}), "method: \"G T\" is not a method"),
            (
                json!({"effect": "close", "kind": "login"}),
                "kind: unknown variant `login`, expected one of `sign-in`, `sign-out`, `token`, `call`",
            ),
            (json!({"effect": "close", "name": "a b"}), "name: a name has 1 to 64 letters, digits and - _ ."),
            (json!({"effect": {"status": "x"}}), "effect.status: invalid type: string \"x\", expected u16"),
        ] {
            assert_eq!(rule(given).unwrap_err().to_string(), told);
        }
        assert!(rule(json!({})).unwrap_err().to_string().starts_with("effect: say \"close\""));
    }
}
