//! Changes of single attributes: PATCH, also in the forms that Okta and Entra send it in (RFC 7644 section 3.5.2).

use super::ScimError;
use super::matching::{self, Scope};
use super::record::{cleaned, field, has_schema, is_primary, one};
use serde_json::Value;
use std::collections::HashSet;
use wire::scim::filter::{self, Compares, Filter, Literal, Path};
use wire::scim::schema::{Attribute, Mutability, Schema};
use wire::scim::{PATCH, Resource, ScimType};

/// The most operations of one request.
const MOST: usize = 1_000;

/// What an operation does; Entra writes the names with a capital letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Does {
    Add,
    Replace,
    Remove,
}

/// An operation that was read.
#[derive(Debug, Clone)]
pub struct Operation {
    does: Does,
    path: Option<Path>,
    value: Value,
}

/// Reads the body of a PATCH.
pub fn read(body: &Resource) -> Result<Vec<Operation>, ScimError> {
    has_schema(body, PATCH)?;
    let Some(Value::Array(operations)) = field(body, "Operations") else {
        return Err(ScimError::asked(ScimType::InvalidSyntax, "Operations is missing, or no list"));
    };
    if operations.len() > MOST {
        return Err(ScimError::asked(ScimType::TooMany, "more than 1000 operations at once"));
    }
    operations.iter().map(operation).collect()
}

fn operation(value: &Value) -> Result<Operation, ScimError> {
    let syntax = |what| ScimError::asked(ScimType::InvalidSyntax, what);
    let object = value.as_object().ok_or_else(|| syntax("an operation is no object"))?;
    let does = match field(object, "op").and_then(Value::as_str).map(str::to_ascii_lowercase).as_deref() {
        Some("add") => Does::Add,
        Some("replace") => Does::Replace,
        Some("remove") => Does::Remove,
        Some(_) | None => return Err(syntax("the op of an operation is none of add, replace, remove")),
    };
    let path = match field(object, "path") {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) if text.is_empty() => None,
        Some(Value::String(text)) => Some(filter::path(text).map_err(|error| {
            ScimError::asked(
                ScimType::InvalidPath,
                format!("the path of an operation cannot be read: {error}"),
            )
        })?),
        Some(_) => return Err(syntax("the path of an operation is no text")),
    };
    Ok(Operation { does, path, value: field(object, "value").cloned().unwrap_or_default() })
}

/// Does all operations, in their order, or says why not.
pub fn apply(
    schema: &'static Schema,
    mut resource: Resource,
    all: &[Operation],
) -> Result<Resource, ScimError> {
    for Operation { does, path, value } in all {
        match path {
            Some(path) => Target::named(schema, path)?.change(*does, value.clone(), &mut resource)?,
            None => without_path(schema, *does, value, &mut resource)?,
        }
    }
    Ok(resource)
}

/// An object in the place of a path: each of its names is one. What is not known, and what is the service's own, is
/// ignored as in a new resource.
fn without_path(
    schema: &'static Schema,
    does: Does,
    value: &Value,
    resource: &mut Resource,
) -> Result<(), ScimError> {
    let Some(object) = value.as_object().filter(|_| does != Does::Remove) else {
        return Err(ScimError::asked(
            ScimType::NoTarget,
            "an operation without a path has an object as its value",
        ));
    };
    for (name, value) in object {
        let path = filter::path(name).ok();
        let target = path.as_ref().and_then(|path| Target::named(schema, path).ok());
        if let Some(target) = target {
            target.change(does, value.clone(), resource)?;
        }
    }
    Ok(())
}

/// What an operation is about.
struct Target<'a> {
    attribute: &'static Attribute,
    part: Option<&'static Attribute>,
    filter: Option<&'a Filter>,
}

impl<'a> Target<'a> {
    fn named(schema: &'static Schema, path: &'a Path) -> Result<Self, ScimError> {
        let invalid =
            |what: &str| ScimError::asked(ScimType::InvalidPath, format!("the path {} {what}", path.name));
        let (attribute, part) =
            Scope::Of(schema).find(&path.name).ok_or_else(|| invalid("names nothing here"))?;
        if let Some(filter) = &path.filter {
            if !attribute.many || attribute.parts.is_empty() {
                return Err(invalid("has no values to pick from"));
            }
            matching::check(Scope::In(attribute), filter)?;
        }
        let target = Self { attribute, part, filter: path.filter.as_ref() };
        let is_fixed = |it: &Attribute| matches!(it.mutability, Mutability::ReadOnly | Mutability::Immutable);
        if is_fixed(attribute) || part.is_some_and(is_fixed) {
            return Err(target.fixed());
        }
        Ok(target)
    }

    fn fixed(&self) -> ScimError {
        ScimError::asked(ScimType::Mutability, format!("{} cannot be changed so", self.attribute.name))
    }

    fn change(&self, does: Does, value: Value, resource: &mut Resource) -> Result<(), ScimError> {
        let name = self.attribute.name;
        let old = resource.remove(name);
        let new = match (self.attribute.many, old) {
            (true, Some(Value::Array(old))) => self.change_many(does, value, old)?,
            (true, _) => self.change_many(does, value, Vec::new())?,
            (false, old) => self.change_one(does, value, old)?,
        };
        match new {
            None if self.attribute.required => return Err(self.fixed()),
            None => {}
            Some(new) => drop(resource.insert(name.to_owned(), new)),
        }
        Ok(())
    }

    /// Changes an attribute with one value; of a complex one, what is not said stays.
    fn change_one(&self, does: Does, value: Value, old: Option<Value>) -> Result<Option<Value>, ScimError> {
        let Some(part) = self.part else {
            let new = if does == Does::Remove { None } else { cleaned(self.attribute, value)? };
            return Ok(match (old, new) {
                (Some(Value::Object(mut old)), Some(Value::Object(new))) => {
                    old.extend(new);
                    Some(Value::Object(old))
                }
                (_, new) => new,
            });
        };
        let mut object = match old {
            Some(Value::Object(object)) => object,
            Some(_) | None => Resource::new(),
        };
        set(&mut object, part, does, value)?;
        Ok((!object.is_empty()).then_some(Value::Object(object)))
    }

    fn change_many(&self, does: Does, value: Value, mut old: Vec<Value>) -> Result<Option<Value>, ScimError> {
        let before: HashSet<String> =
            old.iter().filter(|value| is_primary(value)).map(Value::to_string).collect();
        match (self.filter, self.part) {
            (None, None) => old = self.whole(does, value, old)?,
            (_, None) if does == Does::Remove => old.retain(|value| !self.picks(value)),
            (_, None) => self.replace_picked(does, value, &mut old)?,
            (_, Some(part)) => self.set_part(part, does, &value, &mut old)?,
        }
        old.retain(|value| value.as_object().is_none_or(|object| !object.is_empty()));
        one_primary(&mut old, &before);
        Ok((!old.is_empty()).then_some(Value::Array(old)))
    }

    /// All values at once. Entra removes members by a list of them, without a filter.
    fn whole(&self, does: Does, value: Value, mut old: Vec<Value>) -> Result<Vec<Value>, ScimError> {
        let given = match cleaned(self.attribute, value)? {
            Some(Value::Array(given)) => given,
            Some(_) | None => Vec::new(),
        };
        match does {
            Does::Replace => Ok(given),
            Does::Remove if given.is_empty() => Ok(Vec::new()),
            Does::Remove => {
                let gone: HashSet<String> = given.iter().map(identity).collect();
                old.retain(|value| !gone.contains(&identity(value)));
                Ok(old)
            }
            Does::Add => {
                let mut known: HashSet<String> = old.iter().map(Value::to_string).collect();
                let members: HashSet<String> = old.iter().map(identity).collect();
                let is_member =
                    |value: &Value| self.attribute.name == "members" && members.contains(&identity(value));
                old.extend(
                    given.into_iter().filter(|value| !is_member(value) && known.insert(value.to_string())),
                );
                Ok(old)
            }
        }
    }

    fn picks(&self, value: &Value) -> bool {
        let Some(filter) = self.filter else { return true };
        value.as_object().is_some_and(|object| matching::meets(Scope::In(self.attribute), filter, object))
    }

    fn replace_picked(&self, does: Does, value: Value, old: &mut Vec<Value>) -> Result<(), ScimError> {
        let single = match value {
            Value::Array(mut values) if values.len() == 1 => values.pop().unwrap_or_default(),
            other => other,
        };
        let new = one(self.attribute, single)?.unwrap_or(Value::Object(Resource::new()));
        let mut picked = false;
        for value in old.iter_mut().filter(|value| self.picks(value)) {
            picked = true;
            match (value.as_object_mut(), &new) {
                (Some(object), Value::Object(new)) if does == Does::Add => object.extend(new.clone()),
                _ => *value = new.clone(),
            }
        }
        match (picked, does) {
            (true, _) => {}
            (false, Does::Add) => old.push(new),
            (false, Does::Replace | Does::Remove) => return Err(no_target()),
        }
        Ok(())
    }

    fn set_part(
        &self,
        part: &'static Attribute,
        does: Does,
        value: &Value,
        old: &mut Vec<Value>,
    ) -> Result<(), ScimError> {
        if does != Does::Remove && !old.iter().any(|value| self.picks(value)) {
            // Entra adds the first address of a kind as `emails[type eq "work"].value`.
            let is_new = does == Does::Add || self.filter.is_none();
            old.push(Value::Object(
                is_new.then(|| self.filter.map(equal_parts).unwrap_or_default()).ok_or_else(no_target)?,
            ));
        }
        let filter = self.filter;
        let last = old.len().saturating_sub(1);
        for (index, it) in old.iter_mut().enumerate() {
            let is_fresh = index == last && filter.is_none();
            if let (true, Some(object)) = (is_fresh || self.picks(it), it.as_object_mut()) {
                set(object, part, does, value.clone())?;
            }
        }
        Ok(())
    }
}

fn no_target() -> ScimError {
    ScimError::asked(ScimType::NoTarget, "the path picks no value")
}

fn set(object: &mut Resource, part: &'static Attribute, does: Does, value: Value) -> Result<(), ScimError> {
    object.remove(part.name);
    if does != Does::Remove
        && let Some(value) = cleaned(part, value)?
    {
        object.insert(part.name.to_owned(), value);
    }
    Ok(())
}

/// What a new value has so that it meets a filter.
fn equal_parts(filter: &Filter) -> Resource {
    match filter {
        Filter::Compare(name, Compares::Equal, Literal::Text(text)) => {
            Resource::from_iter([(name.name.clone(), text.as_str().into())])
        }
        Filter::Compare(name, Compares::Equal, Literal::Flag(flag)) => {
            Resource::from_iter([(name.name.clone(), (*flag).into())])
        }
        Filter::All(filters) => filters.iter().flat_map(equal_parts).collect(),
        Filter::Any(_) | Filter::Not(_) | Filter::Present(_) | Filter::Compare(..) | Filter::Within(..) => {
            Resource::new()
        }
    }
}

/// What makes a value the one that is meant: its part `value`, else all of it.
fn identity(value: &Value) -> String {
    value.get("value").unwrap_or(value).to_string()
}

/// A new primary value takes that from the one before it (RFC 7644 section 3.5.2).
fn one_primary(values: &mut [Value], before: &HashSet<String>) {
    if values.iter().filter(|value| is_primary(value)).count() < 2 {
        return;
    }
    let is_old = |value: &Value| before.contains(&value.to_string());
    let new = values.iter().rposition(|value| is_primary(value) && !is_old(value)).unwrap_or(0);
    for (index, value) in values.iter_mut().enumerate() {
        if let (true, Some(object)) = (index != new && is_primary(value), value.as_object_mut()) {
            object.insert("primary".to_owned(), false.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use wire::scim::schema::{GROUP, USER};

    fn object(value: Value) -> Resource {
        value.as_object().unwrap().clone()
    }

    fn ada() -> Value {
        json!({
            "id": "1", "userName": "ada", "active": true, "name": {"givenName": "Ada", "familyName": "L"},
            "emails": [{"value": "w@a.test", "type": "work", "primary": true}, {"value": "h@a.test", "type": "home"}]
        })
    }

    fn changed(schema: &'static Schema, from: Value, operations: Value) -> Result<Value, ScimError> {
        let body = json!({"schemas": [PATCH], "Operations": operations});
        let operations = read(&object(body))?;
        apply(schema, object(from), &operations).map(Value::Object)
    }

    /// What one operation makes of one attribute of Ada.
    fn makes(operation: Value, attribute: &str) -> Value {
        changed(&USER, ada(), json!([operation])).unwrap()[attribute].clone()
    }

    fn refuses(schema: &'static Schema, from: Value, operation: Value) -> ScimType {
        match changed(schema, from, json!([operation.clone()])) {
            Err(ScimError::Asked(kind, _)) => kind,
            other => panic!("{operation}: {other:?}"),
        }
    }

    #[test]
    fn an_attribute_with_one_value_changes_in_every_form() {
        for (operation, attribute, expected) in [
            (json!({"op": "replace", "path": "title", "value": "Dr"}), "title", json!("Dr")),
            (json!({"op": "Replace", "path": "active", "value": "False"}), "active", json!(false)),
            (json!({"op": "replace", "value": {"active": false}}), "active", json!(false)),
            (
                json!({"op": "Add", "value": {"name.givenName": "A", "id": "9", "nickName": 1}}),
                "name",
                json!({"givenName": "A", "familyName": "L"}),
            ),
            (json!({"op": "Add", "value": {"id": "9"}}), "id", json!("1")),
            (
                json!({"op": "replace", "path": "name", "value": {"givenName": "B"}}),
                "name",
                json!({"givenName": "B", "familyName": "L"}),
            ),
            (json!({"op": "remove", "path": "name.givenName"}), "name", json!({"familyName": "L"})),
            (json!({"op": "remove", "path": "name"}), "name", Value::Null),
            (
                json!({"op": "replace", "path": "name.givenName", "value": ""}),
                "name",
                json!({"familyName": "L"}),
            ),
            (
                json!({"op": "replace", "path": "urn:ietf:params:scim:schemas:core:2.0:User:title", "value": "x"}),
                "title",
                json!("x"),
            ),
        ] {
            assert_eq!(makes(operation.clone(), attribute), expected, "{operation}");
        }
    }

    /// Her addresses, and what is done to them.
    #[test]
    fn values_come_and_go_all_at_once() {
        let (work, home) = (
            json!({"value": "w@a.test", "type": "work", "primary": true}),
            json!({"value": "h@a.test", "type": "home"}),
        );
        for (operation, attribute, expected) in [
            (json!({"op": "remove", "path": "emails"}), "emails", Value::Null),
            (json!({"op": "replace", "path": "emails", "value": []}), "emails", Value::Null),
            (
                json!({"op": "replace", "path": "emails", "value": {"value": "n@a.test"}}),
                "emails",
                json!([{"value": "n@a.test"}]),
            ),
            (
                json!({"op": "add", "path": "emails", "value": [home, {"value": "n@a.test", "primary": true}]}),
                "emails",
                json!([{"value": "w@a.test", "type": "work", "primary": false}, home, {"value": "n@a.test", "primary": true}]),
            ),
            (json!({"op": "remove", "path": "emails[type eq \"home\"]"}), "emails", json!([work])),
            (json!({"op": "remove", "path": "emails[type eq \"other\"]"}), "emails", json!([work, home])),
            (
                json!({"op": "remove", "path": "emails", "value": [{"value": "h@a.test"}]}),
                "emails",
                json!([work]),
            ),
        ] {
            assert_eq!(makes(operation.clone(), attribute), expected, "{operation}");
        }
    }

    #[test]
    fn values_that_a_filter_picks_change_alone() {
        let work = json!({"value": "w@a.test", "type": "work", "primary": true});
        for (operation, attribute, expected) in [
            (
                json!({"op": "replace", "path": "emails[type eq \"home\"].value", "value": "n@a.test"}),
                "emails",
                json!([work, {"value": "n@a.test", "type": "home"}]),
            ),
            (
                json!({"op": "replace", "path": "emails[type eq \"home\"].primary", "value": "True"}),
                "emails",
                json!([{"value": "w@a.test", "type": "work", "primary": false}, {"value": "h@a.test", "type": "home", "primary": true}]),
            ),
            (
                json!({"op": "replace", "path": "emails[type eq \"home\"]", "value": {"value": "n@a.test"}}),
                "emails",
                json!([work, {"value": "n@a.test"}]),
            ),
            (
                json!({"op": "add", "path": "emails[type eq \"home\"]", "value": {"primary": false}}),
                "emails",
                json!([work, {"value": "h@a.test", "type": "home", "primary": false}]),
            ),
            (
                json!({"op": "add", "path": "phoneNumbers[type eq \"mobile\"].value", "value": "1"}),
                "phoneNumbers",
                json!([{"type": "mobile", "value": "1"}]),
            ),
            (
                json!({"op": "add", "path": "phoneNumbers.value", "value": "1"}),
                "phoneNumbers",
                json!([{"value": "1"}]),
            ),
            (
                json!({"op": "remove", "path": "emails.type"}),
                "emails",
                json!([{"value": "w@a.test", "primary": true}, {"value": "h@a.test"}]),
            ),
        ] {
            assert_eq!(makes(operation.clone(), attribute), expected, "{operation}");
        }
    }

    #[test]
    fn members_come_and_go_in_every_form() {
        let night = || json!({"displayName": "Night", "members": [{"value": "1"}, {"value": "2"}]});
        let members =
            |operation: Value| changed(&GROUP, night(), json!([operation])).unwrap()["members"].clone();
        for (operation, expected) in [
            (
                json!({"op": "Add", "path": "members", "value": [{"value": "2"}, {"value": "3"}, {"value": "3", "$ref": null}]}),
                json!([{"value": "1"}, {"value": "2"}, {"value": "3"}]),
            ),
            (json!({"op": "remove", "path": "members[value eq \"1\"]"}), json!([{"value": "2"}])),
            (
                json!({"op": "Remove", "path": "members", "value": [{"value": "2", "$ref": "x"}]}),
                json!([{"value": "1"}]),
            ),
            (json!({"op": "remove", "path": "members"}), Value::Null),
            (json!({"op": "replace", "path": "members", "value": [{"value": "3"}]}), json!([{"value": "3"}])),
            (
                json!({"op": "replace", "value": {"id": "x", "displayName": "Day"}}),
                json!([{"value": "1"}, {"value": "2"}]),
            ),
        ] {
            assert_eq!(members(operation.clone()), expected, "{operation}");
        }
    }

    #[test]
    fn a_change_that_cannot_be_done_says_why() {
        for (operation, kind) in [
            (json!({"op": "move"}), ScimType::InvalidSyntax),
            (json!("x"), ScimType::InvalidSyntax),
            (json!({"op": "add", "path": 7}), ScimType::InvalidSyntax),
            (json!({"op": "remove"}), ScimType::NoTarget),
            (json!({"op": "add", "value": "x"}), ScimType::NoTarget),
            (
                json!({"op": "replace", "path": "emails[type eq \"other\"].value", "value": "x"}),
                ScimType::NoTarget,
            ),
            (
                json!({"op": "replace", "path": "emails[type eq \"other\"]", "value": {"value": "x"}}),
                ScimType::NoTarget,
            ),
            (json!({"op": "replace", "path": "nickName", "value": "x"}), ScimType::InvalidPath),
            (json!({"op": "replace", "path": "emails[type", "value": "x"}), ScimType::InvalidPath),
            (json!({"op": "replace", "path": "title[value eq \"x\"]", "value": "x"}), ScimType::InvalidPath),
            (json!({"op": "replace", "path": "emails[nothing pr]", "value": {}}), ScimType::InvalidFilter),
            (json!({"op": "replace", "path": "id", "value": "x"}), ScimType::Mutability),
            (json!({"op": "add", "path": "groups", "value": [{"value": "x"}]}), ScimType::Mutability),
            (json!({"op": "remove", "path": "userName"}), ScimType::Mutability),
            (json!({"op": "replace", "path": "userName", "value": ""}), ScimType::Mutability),
            (json!({"op": "remove", "path": "active"}), ScimType::Mutability),
            (json!({"op": "replace", "path": "active", "value": "yes"}), ScimType::InvalidValue),
        ] {
            assert_eq!(refuses(&USER, ada(), operation.clone()), kind, "{operation}");
        }
        let operation = json!({"op": "replace", "path": "members[value eq \"1\"].value", "value": "2"});
        assert_eq!(refuses(&GROUP, json!({"members": [{"value": "1"}]}), operation), ScimType::Mutability);
        assert!(read(&object(json!({"schemas": ["x"], "Operations": []}))).is_err());
        assert!(
            read(&object(json!({"Operations": vec![json!({"op": "remove", "path": "title"}); 1_001]})))
                .is_err()
        );
    }
}
