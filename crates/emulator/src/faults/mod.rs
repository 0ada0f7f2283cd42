//! Faults: asked for by one call, matched by what a request is like and by how often it came, and done to it.

mod effect;
pub mod glob;
mod kind;
mod pod;
pub mod reading;
mod refusal;
mod rule;
pub mod scripts;
pub mod span;
#[cfg(test)]
pub(crate) mod testing;

pub use effect::{After, Before, Cut, Effect, Instead, Plan};
pub use kind::{Kind, is_sign_in};
pub use pod::Pod;
pub use reading::BadField;
pub use refusal::{Page, Refusal};
pub use rule::{Meets, Pace, Rule};

use crate::asked::Asked;
use domain::entropy::Entropy;
use domain::time::Timestamp;
use reading::Reading;
use rule::Seen;
use scripts::Script;
use serde::Serialize;
use serde_json::{Map, Value};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many faults there may be at once; each is looked at by each request.
pub const MOST: usize = 1_000;

/// The faults of a run.
#[derive(Debug, Default)]
pub struct Faults(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    added: u64,
    faults: Vec<Fault>,
}

#[derive(Debug)]
struct Fault {
    id: FaultId,
    rule: Rule,
    ends: Option<Timestamp>,
    met: u64,
    fired: u64,
}

/// The name that a fault has from the moment it is added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FaultId(u64);

impl fmt::Display for FaultId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "fault-{}", self.0)
    }
}

impl Serialize for FaultId {
    fn serialize<S: serde::Serializer>(&self, into: S) -> Result<S::Ok, S::Error> {
        into.collect_str(self)
    }
}

/// There are as many faults as there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there are {MOST} faults already, or would be; remove some")]
pub struct TooMany;

/// A fault that is to be done to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fired {
    /// The name of the fault, or its id if it has no name.
    pub name: String,
    /// What it does.
    pub effect: Effect,
}

/// A fault as it stands.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Standing {
    /// Its id.
    pub id: FaultId,
    /// How many requests it met.
    pub met: u64,
    /// How many of them it fired at.
    pub fired: u64,
    /// When it ends, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ends: Option<String>,
    /// The fault as it was written.
    pub fault: Map<String, Value>,
}

/// What the body of a call asks for: one fault, a list of them, or a script by its name.
///
/// ```
/// let rules = emulator::faults::asked_for(br#"{"path":"/saas/**","nth":3,"effect":{"status":503}}"#)?;
/// assert_eq!(rules.len(), 1);
/// let error = emulator::faults::asked_for(br#"{"nth":"x","effect":"close"}"#).unwrap_err();
/// assert_eq!(error.field, "nth");
/// # Ok::<(), emulator::faults::BadField>(())
/// ```
pub fn asked_for(body: &[u8]) -> Result<Vec<Rule>, BadField> {
    let wanted = serde_json::from_slice(body).map_err(|error| BadField::new("body", error.to_string()))?;
    match wanted {
        Value::Array(rules) => rules.into_iter().map(one).collect(),
        Value::Object(fields) if fields.contains_key("script") => script(fields)?.rules(),
        rule => one(rule).map(|rule| vec![rule]),
    }
}

fn one(rule: Value) -> Result<Rule, BadField> {
    match rule {
        Value::Object(fields) => Rule::read(fields),
        _ => Err(BadField::new("body", "a fault is an object")),
    }
}

fn script(fields: Map<String, Value>) -> Result<&'static Script, BadField> {
    let mut fields = Reading::of("", fields);
    let name: Option<String> = fields.take("script")?;
    fields.done()?;
    Script::named(&name.unwrap_or_default())
}

impl Faults {
    /// Adds faults behind all others, in their order, all of them or, if there is no room, none.
    pub fn add_all(&self, rules: Vec<Rule>, now: Timestamp) -> Result<Vec<FaultId>, TooMany> {
        let mut table = self.table();
        if table.faults.len() + rules.len() > MOST {
            return Err(TooMany);
        }
        Ok(rules.into_iter().map(|rule| table.add(rule, now)).collect())
    }

    /// Every fault with its counts, in the order in which they are asked.
    pub fn list(&self) -> Vec<Standing> {
        self.table().faults.iter().map(Fault::standing).collect()
    }

    /// Removes the fault of this id, or all of this name; says how many there were.
    pub fn remove(&self, id_or_name: &str) -> usize {
        let mut table = self.table();
        let before = table.faults.len();
        table.faults.retain(|fault| !fault.is_called(id_or_name));
        before - table.faults.len()
    }

    /// Removes every fault; says how many there were.
    pub fn clear(&self) -> usize {
        std::mem::take(&mut self.table().faults).len()
    }

    /// The fault to be done to a request, if there is one: the first that fires, in the order of adding.
    ///
    /// Every fault that meets the request counts it, whichever fires, so that the third request is the third for all.
    /// The emulator's own paths meet no fault.
    pub fn fire(&self, asked: &Asked, now: Timestamp, dice: &dyn Entropy) -> Option<Fired> {
        if asked.path.starts_with("/_emulator") {
            return None;
        }
        let seen = Seen::of(asked);
        let mut table = self.table();
        let mut first = None;
        for fault in table.faults.iter_mut().filter(|fault| fault.meets(&seen, now)) {
            fault.met += 1;
            if first.is_none() && fault.rule.pace.fires(fault.met, fault.fired, dice) {
                fault.fired += 1;
                first = Some(Fired { name: fault.name(), effect: fault.rule.effect.clone() });
            }
        }
        first.filter(|fired| fired.effect != Effect::Pass)
    }

    /// Nothing that is done under the lock can leave the table half changed, so a panic elsewhere does not matter.
    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn add(&mut self, rule: Rule, now: Timestamp) -> FaultId {
        self.added += 1;
        let id = FaultId(self.added);
        let ends = rule.lasts.map(|time| now + time);
        self.faults.push(Fault { id, rule, ends, met: 0, fired: 0 });
        id
    }
}

impl Fault {
    fn meets(&self, seen: &Seen<'_>, now: Timestamp) -> bool {
        self.ends.is_none_or(|ends| now < ends) && self.rule.meets.covers(seen)
    }

    fn name(&self) -> String {
        self.rule.name.clone().unwrap_or_else(|| self.id.to_string())
    }

    fn is_called(&self, id_or_name: &str) -> bool {
        self.id.to_string() == id_or_name || self.rule.name.as_deref() == Some(id_or_name)
    }

    fn standing(&self) -> Standing {
        let ends = self.ends.map(Timestamp::rfc3339);
        Standing { id: self.id, met: self.met, fired: self.fired, ends, fault: self.rule.written.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{Dice, asked};
    use super::*;
    use domain::time::minutes;

    const NOW: Timestamp = Timestamp::from_seconds(1_787_395_152);

    fn faults(body: &str) -> Faults {
        let faults = Faults::default();
        faults.add_all(asked_for(body.as_bytes()).unwrap(), NOW).unwrap();
        faults
    }

    /// The names of the faults that some requests meet, `-` for none.
    fn names(faults: &Faults, paths: &[&str]) -> Vec<String> {
        let fire = |path: &&str| faults.fire(&asked("GET", path), NOW, &Dice::default());
        paths.iter().map(|path| fire(path).map_or("-".into(), |fired| fired.name)).collect()
    }

    #[test]
    fn the_first_that_fires_wins_and_all_count() {
        let faults = faults(
            r#"[{"name":"a","nth":2,"effect":"close"},{"path":"/x","nth":3,"effect":"truncate"},{"name":"c","nth":3,"effect":"html"}]"#,
        );
        assert_eq!(names(&faults, &["/x", "/x", "/x", "/x"]), ["-", "a", "fault-2", "-"]);
        let counts: Vec<_> = faults.list().iter().map(|fault| (fault.met, fault.fired)).collect();
        assert_eq!(counts, [(4, 1), (4, 1), (4, 0)]);
    }

    #[test]
    fn a_pass_is_an_exception() {
        let faults = faults(r#"[{"path":"/healthz","effect":"pass"},{"name":"down","effect":"close"}]"#);
        assert_eq!(names(&faults, &["/healthz", "/saas/x"]), ["-", "down"]);
    }

    #[test]
    fn the_emulators_own_paths_meet_no_fault() {
        assert_eq!(names(&faults(r#"{"effect":"close"}"#), &["/_emulator/clock", "/x"]), ["-", "fault-1"]);
    }

    #[test]
    fn a_fault_ends_by_the_emulators_clock() {
        let faults = faults(r#"{"for":"5m","effect":"close"}"#);
        let fires = |now| faults.fire(&asked("GET", "/"), now, &Dice::default()).is_some();
        assert!(fires(NOW) && fires(NOW + minutes(4)));
        assert!(!fires(NOW + minutes(5)));
    }

    #[test]
    fn faults_are_listed_as_they_were_written_and_removed_by_id_or_name() {
        let faults = faults(
            r#"[{"effect":{"latency":"1s"},"for":"5m"},{"name":"b","effect":"close"},{"name":"b","effect":"html"}]"#,
        );
        assert_eq!(
            serde_json::to_string(&faults.list()[0]).unwrap(),
            r#"{"id":"fault-1","met":0,"fired":0,"ends":"2026-08-22T10:44:12.000Z","fault":{"effect":{"latency":"1s"},"for":"5m"}}"#
        );
        assert_eq!((faults.remove("b"), faults.remove("b"), faults.remove("fault-1")), (2, 0, 1));
        faults.add_all(asked_for(br#"{"effect":"close"}"#).unwrap(), NOW).unwrap();
        assert_eq!(faults.list()[0].id.to_string(), "fault-4", "an id is never used again");
        assert_eq!((faults.clear(), faults.list().len()), (1, 0));
    }

    #[test]
    fn there_is_room_for_so_many() {
        let rule = || asked_for(br#"{"effect":"close"}"#).unwrap().remove(0);
        let faults = Faults::default();
        faults.add_all(vec![rule(); MOST - 1], NOW).unwrap();
        assert_eq!(faults.add_all(vec![rule(); 2], NOW), Err(TooMany));
        assert!(faults.add_all(vec![rule()], NOW).is_ok());
        assert_eq!(faults.add_all(vec![rule()], NOW), Err(TooMany));
    }

    #[test]
    fn counting_is_exact_when_many_ask_at_once() {
        let faults = faults(r#"{"times":100,"effect":"close"}"#);
        let dice = Dice::default();
        let some = || (0..250).filter(|_| faults.fire(&asked("GET", "/"), NOW, &dice).is_some()).count();
        let fired: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(some)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!((fired, faults.list()[0].met), (100, 1_000));
    }

    #[test]
    fn a_body_is_a_fault_a_list_or_a_script() {
        assert_eq!(asked_for(br#"{"effect":"close"}"#).unwrap().len(), 1);
        assert_eq!(asked_for(br#"[{"effect":"close"},{"effect":"html"}]"#).unwrap().len(), 2);
        assert_eq!(asked_for(br#"{"script":"flaky-login"}"#).unwrap().len(), 3);
        let told = |body: &str| asked_for(body.as_bytes()).unwrap_err().to_string();
        assert!(told("{").starts_with("body: EOF while parsing"));
        assert_eq!(told("[1]"), "body: a fault is an object");
        assert!(
            told(r#"{"script":"flaky"}"#)
                .starts_with("script: there is no script \"flaky\"; there are expire-mid-job, ")
        );
        assert!(
            told(r#"{"script":"slow","nth":1}"#)
                .starts_with("nth: is not known here, where there are: script")
        );
    }
}
