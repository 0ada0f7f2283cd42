//! The changes that lead from what there is to what is declared: found here, shown here, made elsewhere.

use super::{Kind, Org, Path, Record, State};
use crate::print;
use crate::table;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// What is to happen to something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// It is new.
    Add,
    /// It says something else.
    Change,
    /// It goes.
    Remove,
}

/// What a change is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thing {
    /// The org itself.
    Org,
    /// What it decides for itself.
    Policy,
    /// Something that it has several of.
    Record(Kind),
}

/// One field that differs; nothing stands for the default.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// The field.
    pub field: String,
    /// What there is.
    pub from: Option<Value>,
    /// What is declared.
    pub to: Option<Value>,
}

/// One change.
#[derive(Debug, Clone)]
pub struct Change {
    /// What is to happen.
    pub act: Act,
    /// To what.
    pub thing: Thing,
    /// In which org.
    pub path: Path,
    /// The record as it is declared, or as it is when it goes.
    pub record: Record,
    /// What differs.
    pub differences: Vec<Difference>,
    /// It is not in the files, and stays all the same.
    pub kept: bool,
}

/// What somebody wants to go.
#[derive(Debug, Default)]
pub struct Wish {
    /// Whatever the files do not name, but users.
    pub prune: bool,
    /// These users.
    pub delete_users: Vec<String>,
}

/// Everything that is to happen, and what stands in the way.
#[derive(Debug, Default)]
pub struct Plan {
    /// The changes, in an order in which they can be made.
    pub changes: Vec<Change>,
    /// Why the files cannot be applied.
    pub problems: Vec<String>,
}

impl Plan {
    /// The changes that lead from what there is to what is declared.
    pub fn between(declared: &State, actual: &State, wish: &Wish) -> Self {
        let mut plan = Self::default();
        plan.orgs(declared, actual);
        for kind in Kind::ALL {
            for (path, org) in declared {
                plan.records(kind, (path, org), actual.get(path).unwrap_or(&Org::default()));
            }
        }
        for (path, org) in declared {
            plan.policy((path, org), actual.get(path).unwrap_or(&Org::default()));
        }
        plan.removed_users(declared, actual, wish);
        for kind in Kind::ALL.into_iter().rev().filter(|kind| *kind != Kind::User) {
            declared.iter().for_each(|(path, org)| plan.removed(kind, (path, org), actual.get(path), wish));
        }
        plan.removed_orgs(declared, actual, wish);
        plan
    }

    /// The changes that are to be made.
    pub fn to_make(&self) -> impl Iterator<Item = &Change> {
        self.changes.iter().filter(|change| !change.kept)
    }

    fn orgs(&mut self, declared: &State, actual: &State) {
        for (path, org) in declared {
            match actual.get(path) {
                Some(there) if there.untold.contains_key("org") && !org.fields.is_empty() => {
                    let why = there.untold.get("org").map(String::as_str).unwrap_or_default();
                    self.problems.push(format!("{}: {path} is not told: {why}", org.place));
                }
                Some(there) => {
                    let said = |field: &String| org.fields.contains_key(field);
                    let there: Map<_, _> =
                        there.fields.clone().into_iter().filter(|(name, _)| said(name)).collect();
                    self.compare(Thing::Org, path, &record_of(org), &there);
                }
                None if path
                    .parent()
                    .is_some_and(|above| declared.contains_key(&above) || actual.contains_key(&above)) =>
                {
                    self.compare_new(Thing::Org, path, record_of(org));
                }
                None => self.problems.push(format!("{}: there is no org above {path}", org.place)),
            }
        }
    }

    fn records(&mut self, kind: Kind, (path, org): (&Path, &Org), there: &Org) {
        let Some(records) = org.records.get(&kind) else { return };
        if let Some(why) = there.untold.get(kind.key()) {
            self.problems.push(format!("{}: {}s of {path} are not told: {why}", org.place, kind.key()));
            return;
        }
        for (name, record) in records {
            self.references(kind, (path, org), there, record);
            let mut record = record.clone();
            if kind == Kind::User {
                without_default_attempts(&mut record, org.declared_attempts().or(there.attempts));
            }
            match there.records.get(&kind).and_then(|records| records.get(name)) {
                Some(old) => {
                    record.id.clone_from(&old.id);
                    let authentication = |it: &Record| it.fields.get("authentication").cloned();
                    if kind == Kind::User && authentication(&record) != authentication(old) {
                        let place = &record.place;
                        let what = "how a user signs in cannot be changed: remove it, and add it again";
                        self.problems.push(format!("{place}: user {}: {what}", record.name));
                    }
                    self.compare(Thing::Record(kind), path, &record, &old.fields);
                }
                None => self.compare_new(Thing::Record(kind), path, record),
            }
        }
    }

    /// What a record calls by name must be there, or be declared.
    fn references(&mut self, kind: Kind, (path, org): (&Path, &Org), there: &Org, record: &Record) {
        for (other, word) in record.called(kind) {
            let known = org.records.get(&other).or_else(|| there.records.get(&other));
            let built_in = other == Kind::Role && domain::role::Role::ALL.iter().any(|it| it.name() == word);
            if !built_in && known.is_none_or(|known| !known.contains_key(&other.fold(&word))) {
                let (place, kind, name) = (&record.place, kind.key(), &record.name);
                self.problems.push(format!("{place}: {kind} {name}: {path} has no {} {word}", other.key()));
            }
        }
    }

    fn policy(&mut self, (path, org): (&Path, &Org), there: &Org) {
        let Some(policy) = &org.policy else { return };
        if let Some(why) = there.untold.get("policy") {
            self.problems.push(format!("{}: the policy of {path} is not told: {why}", org.place));
            return;
        }
        let record = Record { fields: policy.clone(), place: org.place.clone(), ..Record::default() };
        self.compare(Thing::Policy, path, &record, &there.policy.clone().unwrap_or_default());
    }

    fn compare_new(&mut self, thing: Thing, path: &Path, record: Record) {
        let differences = differences(&Map::new(), &record.fields);
        self.changes.push(Change {
            act: Act::Add,
            thing,
            path: path.clone(),
            record,
            differences,
            kept: false,
        });
    }

    fn compare(&mut self, thing: Thing, path: &Path, record: &Record, there: &Map<String, Value>) {
        let differences = differences(there, &record.fields);
        if !differences.is_empty() {
            let (path, record) = (path.clone(), record.clone());
            self.changes.push(Change { act: Act::Change, thing, path, record, differences, kept: false });
        }
    }

    /// A user goes when somebody says its name, and for no other reason.
    fn removed_users(&mut self, declared: &State, actual: &State, wish: &Wish) {
        for name in &wish.delete_users {
            let folded = Kind::User.fold(name);
            let of = |org: &Org| org.records.get(&Kind::User).and_then(|users| users.get(&folded)).cloned();
            if declared.values().any(|org| of(org).is_some()) {
                self.problems.push(format!("user {name} is to be deleted, and is in the files"));
            } else if let Some((path, user)) = actual.iter().find_map(|(path, org)| Some((path, of(org)?))) {
                self.removal(Thing::Record(Kind::User), path, user, false);
            }
        }
    }

    fn removed(&mut self, kind: Kind, (path, org): (&Path, &Org), there: Option<&Org>, wish: &Wish) {
        let Some(records) = org.records.get(&kind) else { return };
        let there = there.and_then(|there| there.records.get(&kind)).into_iter().flatten();
        for (_, record) in there.filter(|(name, _)| !records.contains_key(*name)) {
            self.removal(Thing::Record(kind), path, record.clone(), !wish.prune);
        }
    }

    /// The orgs below those that are declared; with their users they would lose more than the files speak of.
    fn removed_orgs(&mut self, declared: &State, actual: &State, wish: &Wish) {
        let mut gone = BTreeSet::new();
        for path in actual.keys().filter(|path| !declared.contains_key(*path)) {
            let Some(above) = path.parent() else { continue };
            if declared.contains_key(&above) || gone.contains(&above) {
                gone.insert(path.clone());
            }
        }
        for path in gone.iter().rev() {
            let Some(org) = actual.get(path) else { continue };
            if wish.prune && org.peopled {
                self.problems
                    .push(format!("{path} is not in the files, and has users: remove them by name first"));
            }
            self.removal(Thing::Org, path, record_of(org), !wish.prune);
        }
    }

    fn removal(&mut self, thing: Thing, path: &Path, record: Record, kept: bool) {
        let (act, path, differences) = (Act::Remove, path.clone(), Vec::new());
        self.changes.push(Change { act, thing, path, record, differences, kept });
    }
}

fn record_of(org: &Org) -> Record {
    let name = String::new();
    Record { id: org.id.clone(), name, fields: org.fields.clone(), place: org.place.clone() }
}

/// A number that the org has anyway is as good as none: the service does not tell them apart.
fn without_default_attempts(user: &mut Record, attempts: Option<u32>) {
    let said = user.fields.get("max_login_attempts").and_then(Value::as_u64);
    if said.is_some() && said == attempts.map(u64::from) {
        user.fields.remove("max_login_attempts");
    }
}

fn differences(from: &Map<String, Value>, to: &Map<String, Value>) -> Vec<Difference> {
    let names: BTreeSet<&String> = from.keys().chain(to.keys()).collect();
    let all = names.into_iter().map(|name| {
        let (from, to) = (from.get(name).cloned(), to.get(name).cloned());
        Difference { field: name.clone(), from, to }
    });
    all.filter(|difference| difference.from != difference.to).collect()
}

impl Change {
    /// What it is about, as people say it.
    pub fn subject(&self) -> String {
        match self.thing {
            Thing::Org => self.path.to_string(),
            Thing::Policy => format!("policy of {}", self.path),
            Thing::Record(kind) => {
                format!("{} {} of {}", kind.key(), table::tame(&self.record.name), self.path)
            }
        }
    }

    /// For programs.
    pub fn json(&self) -> Value {
        let thing = match self.thing {
            Thing::Org => "org",
            Thing::Policy => "policy",
            Thing::Record(kind) => kind.key(),
        };
        let fields: BTreeMap<_, _> =
            self.differences.iter().map(|it| (&it.field, json!({"from": it.from, "to": it.to}))).collect();
        let act = match self.act {
            Act::Add => "add",
            Act::Change => "change",
            Act::Remove => "remove",
        };
        json!({"act": act, "kind": thing, "org": self.path.0, "name": self.record.name, "fields": fields, "kept": self.kept})
    }

    /// Prints it for people.
    pub fn show(&self) {
        let sign = match self.act {
            Act::Add => '+',
            Act::Change => '~',
            Act::Remove => '-',
        };
        let kept = if self.kept { "  (not in the files; stays without --prune)" } else { "" };
        print::line(&format!("{sign} {}{kept}", self.subject()));
        let word = |value: &Option<Value>| {
            value.as_ref().map_or_else(|| "default".to_owned(), |it| table::tame(&it.to_string()))
        };
        for Difference { field, from, to } in &self.differences {
            match self.act {
                Act::Change => print::line(&format!("    {field}: {} -> {}", word(from), word(to))),
                Act::Add | Act::Remove => print::line(&format!("    {field}: {}", word(to))),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::file::tests::declared;
    use super::*;

    fn plan(files: &str, there: &str, wish: &Wish) -> Plan {
        let mut actual = declared(there).unwrap();
        for org in actual.values_mut() {
            org.id = "id".to_owned();
            org.attempts = Some(10);
        }
        Plan::between(&declared(files).unwrap(), &actual, wish)
    }

    fn shown(plan: &Plan) -> Vec<String> {
        let line = |change: &Change| {
            let fields = change.differences.iter().map(|it| it.field.as_str()).collect::<Vec<_>>().join(",");
            format!(
                "{:?} {} [{fields}]{}",
                change.act,
                change.subject(),
                if change.kept { " kept" } else { "" }
            )
        };
        plan.changes.iter().map(line).collect()
    }

    const THERE: &str = r#"
        [[org]]
        name = "Acme"
        description = "old"
          [[org.role]]
          name = "Support"
          privileges = ["a", "b"]
          [[org.role]]
          name = "Old"
          [[org.user]]
          name = "ada"
          roles = ["Support"]
          [[org.user]]
          name = "bob"
        [[org]]
        path = ["East"]
        [[org]]
        path = ["East", "Berlin"]
    "#;

    #[test]
    fn nothing_is_to_do_for_what_is_there_in_any_order_and_spelling() {
        let files = "[[org]]\n[[org.role]]\nname=\"OLD\"\n[[org.role]]\nname=\"support\"\nprivileges=[\"b\",\"a\"]\n[[org]]\npath=[\"East\"]\n[[org]]\npath=[\"East\",\"Berlin\"]";
        assert_eq!(shown(&plan(files, THERE, &Wish::default())), [""; 0]);
        let attempts = "[[org]]\n[[org.user]]\nname=\"bob\"\nmax_login_attempts=10";
        assert_eq!(shown(&plan(attempts, "[[org]]\n[[org.user]]\nname=\"bob\"", &Wish::default())), [""; 0]);
    }

    #[test]
    fn changes_come_in_an_order_in_which_they_can_be_made() {
        let files = r#"
            [[org]]
            name = "Acme Prod"
            policy = { lock_minutes = 0 }
              [[org.user]]
              name = "cleo"
              groups = ["Night"]
              [[org.group]]
              name = "Night"
              roles = ["New"]
              [[org.role]]
              name = "New"
              [[org.role]]
              name = "Support"
              privileges = ["a"]
            [[org]]
            path = ["West"]
            [[org]]
            path = ["West", "Oslo"]
        "#;
        let wish = Wish { prune: true, delete_users: vec!["BOB".to_owned()] };
        assert_eq!(
            shown(&plan(files, THERE, &wish)),
            [
                "Change your org [name]",
                "Add org West []",
                "Add org West / Oslo []",
                "Add role New of your org []",
                "Change role Support of your org [privileges]",
                "Add group Night of your org [roles]",
                "Add user cleo of your org [groups]",
                "Change policy of your org [lock_minutes]",
                "Remove user bob of your org []",
                "Remove role Old of your org []",
                "Remove org East / Berlin []",
                "Remove org East []",
            ]
        );
    }

    #[test]
    fn without_a_word_nothing_goes_and_no_user_ever_does() {
        let files = "[[org]]\nrole = []\nuser = []";
        let kept = [
            "Remove role Old of your org [] kept",
            "Remove role Support of your org [] kept",
            "Remove org East / Berlin [] kept",
            "Remove org East [] kept",
        ];
        assert_eq!(shown(&plan(files, THERE, &Wish::default())), kept);
        assert_eq!(
            shown(&plan("[[org]]", "[[org]]\n[[org.role]]\nname = \"Old\"", &Wish::default())),
            [""; 0]
        );
    }

    #[test]
    fn what_cannot_be_applied_is_named() {
        let problems = |files: &str, wish: &Wish| plan(files, THERE, wish).problems;
        let files = "[[org]]\n[[org.group]]\nname=\"Night\"\nroles=[\"Admin\",\"Support\",\"Nobody\"]\n[[org]]\npath=[\"North\",\"Pole\"]";
        assert_eq!(
            problems(files, &Wish::default()),
            [
                "a.toml line 6: there is no org above org North / Pole",
                "a.toml line 3: group Night: your org has no role Nobody"
            ]
        );
        let files = "[[org]]\n[[org.user]]\nname=\"ada\"\nauthentication=\"SAML\"";
        let wish = Wish { prune: false, delete_users: vec!["ada".to_owned()] };
        assert_eq!(
            problems(files, &wish),
            [
                "a.toml line 3: user ada: how a user signs in cannot be changed: remove it, and add it again",
                "user ada is to be deleted, and is in the files"
            ]
        );
    }
}
