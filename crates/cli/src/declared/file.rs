//! Files to a state: what they say, where they say it, and what they say twice.

use super::shape::{self, File};
use super::{Kind, Org, Path, Record, State, saml};
use crate::error::Failure;
use domain::saml::certificate::Certificate;
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::btree_map::Entry;
use std::io;
use std::path::PathBuf;
use toml::Spanned;

/// A name, and where it stands.
type Name = Spanned<String>;

/// Reads files that together say what there is to be.
pub fn read(paths: &[PathBuf]) -> Result<State, Failure> {
    let mut state = State::new();
    for path in paths {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|error| Failure::usage(error).while_doing(format!("{name} cannot be read")))?;
        add(&mut state, &Source { name, text }).map_err(|what| Failure::usage(io::Error::other(what)))?;
    }
    state.values_mut().for_each(saml::share_roles);
    Ok(state)
}

/// A file that is being read.
struct Source {
    name: String,
    text: String,
}

impl Source {
    fn place(&self, at: usize) -> String {
        let line = self.text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1;
        format!("{} line {line}", self.name)
    }
}

fn add(state: &mut State, source: &Source) -> Result<(), String> {
    let file: File<Name> = toml::from_str(&source.text).map_err(|error| {
        format!("{}: {}", source.place(error.span().map_or(0, |span| span.start)), error.message())
    })?;
    for org in file.org {
        let names = org.path.as_ref().into_iter().flatten();
        let path = Path(names.map(|name| name.get_ref().clone()).collect());
        let at = org.path.iter().flatten().chain(&org.name).next().map_or(0, |name| name.span().start);
        let place = source.place(at);
        if org.path.is_some() && org.name.is_some() {
            return Err(format!("{place}: an org with a path has its name there"));
        }
        if org.path.as_ref().is_some_and(Vec::is_empty) {
            return Err(format!("{place}: leave out the path for the org of whoever applies the file"));
        }
        let known = state.entry(path).or_insert_with(|| Org { place, ..Org::default() });
        put(known, org, source)?;
    }
    Ok(())
}

/// Puts what one file says about an org to what others say.
fn put(known: &mut Org, org: shape::Org<Name>, source: &Source) -> Result<(), String> {
    let texts =
        [("name", org.name.map(Name::into_inner)), ("description", org.description), ("region", org.region)];
    for (field, text) in texts {
        let Some(text) = text else { continue };
        if known.fields.insert(field.to_owned(), text.into()).is_some() {
            return Err(format!("{}: the {field} is said twice, also at {}", source.name, known.place));
        }
    }
    if let Some(policy) = org.policy {
        if known.policy.is_some() {
            return Err(format!("{}: the policy is said twice, also for {}", source.name, known.place));
        }
        let mut policy = sorted(fields(&policy));
        if policy.get("authentication").is_some_and(|kind| kind == "jwt") {
            // So long do they live when nothing is said.
            policy.entry("jwt_minutes").or_insert(30.into());
        }
        known.policy = Some(policy);
    }
    records(known, Kind::Role, org.role, source, |it| &it.name)?;
    records(known, Kind::Group, org.group, source, |it| &it.name)?;
    records(known, Kind::Client, org.client, source, |it| &it.name)?;
    records(known, Kind::User, org.user, source, |it| &it.name)?;
    records(known, Kind::IdentityProvider, org.identity_provider, source, |it| &it.name)?;
    records(known, Kind::SamlProvider, org.saml_provider, source, |it| &it.name)
}

fn records<T: Serialize>(
    known: &mut Org,
    kind: Kind,
    given: Option<Vec<T>>,
    source: &Source,
    name: fn(&T) -> &Name,
) -> Result<(), String> {
    let Some(given) = given else { return Ok(()) };
    let records = known.records.entry(kind).or_default();
    for record in given {
        let (place, name) = (source.place(name(&record).span().start), name(&record).get_ref().clone());
        match records.entry(kind.fold(&name)) {
            Entry::Occupied(first) => {
                let first = &first.get().place;
                return Err(format!("{place}: {} {name} is said twice, also at {first}", kind.key()));
            }
            Entry::Vacant(free) => {
                let fields =
                    sorted(fields_of(kind, &name, &record).map_err(|what| format!("{place}: {what}"))?);
                free.insert(Record { id: String::new(), name, fields, place });
            }
        }
    }
    Ok(())
}

/// What a record says beside its name; what has its default is absent.
pub fn fields(record: &impl Serialize) -> Map<String, Value> {
    let mut fields = match serde_json::to_value(record) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    };
    fields.remove("name");
    fields.remove("issuer");
    fields
}

/// The same of one kind. A SAML provider may change its name, and its certificates have many spellings.
pub fn fields_of(kind: Kind, name: &str, record: &impl Serialize) -> Result<Map<String, Value>, String> {
    let mut fields = fields(record);
    if kind == Kind::SamlProvider {
        fields.insert(kind.name().to_owned(), name.into());
        for certificate in fields.get_mut("certificates").and_then(Value::as_array_mut).into_iter().flatten()
        {
            let read = certificate.as_str().unwrap_or_default().parse::<Certificate>();
            *certificate = read.map_err(|error| format!("{} {name}: {error}", kind.key()))?.pem().into();
        }
    }
    Ok(fields)
}

/// Lists are sets here: their order says nothing.
pub fn sorted(mut fields: Map<String, Value>) -> Map<String, Value> {
    for value in fields.values_mut() {
        match value {
            Value::Array(items) => {
                items.sort_by_key(ToString::to_string);
                items.dedup();
            }
            Value::Object(within) => *within = sorted(std::mem::take(within)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    fields
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// The state that the text of one file declares.
    pub fn declared(text: &str) -> Result<State, String> {
        let mut state = State::new();
        add(&mut state, &Source { name: "a.toml".to_owned(), text: text.to_owned() })?;
        Ok(state)
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        for (text, expected) in [
            ("[[org]]\nname = \"A\"\nrolle = 7", "a.toml line 3: unknown field `rolle`"),
            (
                "[[org]]\n[[org.role]]\nname = \"A\"\nprivilege = 7",
                "a.toml line 4: unknown field `privilege`",
            ),
            (
                "[[org]]\n[[org.role]]\nname = \"A\"\n[[org.role]]\nname = \"a\"",
                "a.toml line 5: role a is said twice, also at a.toml line 3",
            ),
            ("[[org]]\nname = \"A\"\npath = [\"A\"]", "a.toml line 3: an org with a path"),
            (
                "[[org]]\nname = \"A\"\n[[org]]\nname = \"B\"",
                "a.toml: the name is said twice, also at a.toml line 2",
            ),
            ("[[org]]\nname = \"A", "a.toml line 2: "),
            (
                "[[org]]\n[[org.user]]\nname = \"a\"\npassword = \"x\"",
                "a.toml line 4: unknown field `password`",
            ),
        ] {
            let error = declared(text).expect_err(text);
            assert!(error.starts_with(expected), "{error}");
        }
    }

    #[test]
    fn two_tables_of_one_org_are_read_together() {
        let state = declared(
            "[[org]]\nname = \"A\"\n[[org]]\npath = [\"B\"]\nrole = []\n[[org]]\n[[org.role]]\nname = \"R\"",
        )
        .unwrap();
        let top = &state[&Path::default()];
        assert_eq!((top.fields["name"].as_str(), top.records[&Kind::Role].len()), (Some("A"), 1));
        let below = &state[&Path(vec!["B".to_owned()])];
        assert!(below.records[&Kind::Role].is_empty() && !below.records.contains_key(&Kind::Group));
    }
}
