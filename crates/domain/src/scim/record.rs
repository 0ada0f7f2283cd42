//! Resources as they come in and go out: only what the schema knows, in its types and spelling (RFC 7643 section 2).

use super::ScimError;
use crate::name::LONGEST;
use serde_json::Value;
use std::collections::HashSet;
use wire::scim::schema::{Attribute, Kind, Mutability, Returned, Schema};
use wire::scim::{Resource, ScimType};

/// The most values of an attribute, but for the members of a group.
const MOST_VALUES: usize = 100;

/// Takes from a body what its sender may write; what the schema does not know is ignored, and what is the service's
/// own too (RFC 7644 section 3.3).
pub fn read(schema: &'static Schema, body: Resource) -> Result<Resource, ScimError> {
    has_schema(&body, schema.id)?;
    let mut resource = Resource::new();
    for (name, value) in body {
        let Some(attribute) = schema.attribute(&name) else { continue };
        if attribute.mutability == Mutability::ReadOnly {
            continue;
        }
        if let Some(value) = cleaned(attribute, value)?
            && resource.insert(attribute.name.to_owned(), value).is_some()
        {
            return Err(ScimError::asked(ScimType::InvalidSyntax, "a name in the body is repeated"));
        }
    }
    Ok(resource)
}

/// A body that says what it is says that it is this.
pub fn has_schema(body: &Resource, urn: &str) -> Result<(), ScimError> {
    let is_it = |value: &Value| value.as_str().is_some_and(|text| text.eq_ignore_ascii_case(urn));
    match field(body, "schemas") {
        None => Ok(()),
        Some(Value::Array(urns)) if urns.iter().any(is_it) => Ok(()),
        Some(_) => Err(ScimError::asked(ScimType::InvalidSyntax, format!("schemas does not name {urn}"))),
    }
}

/// The value under a name, whatever its case.
pub fn field<'a>(object: &'a Resource, name: &str) -> Option<&'a Value> {
    object.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// A value of an attribute, in its type; `None` where there is nothing: null, an empty text, an empty list.
pub fn cleaned(attribute: &'static Attribute, value: Value) -> Result<Option<Value>, ScimError> {
    if !attribute.many {
        return one(attribute, value);
    }
    let values = match value {
        Value::Array(values) => values,
        single => vec![single],
    };
    let most = if attribute.name == "members" { usize::MAX } else { MOST_VALUES };
    if values.len() > most {
        return Err(wrong(attribute, "too many values"));
    }
    let mut clean = Vec::new();
    for value in values {
        clean.extend(one(attribute, value)?);
    }
    if clean.iter().filter(|value| is_primary(value)).count() > 1 {
        return Err(wrong(attribute, "more than one primary value"));
    }
    Ok((!clean.is_empty()).then_some(Value::Array(clean)))
}

/// One value of an attribute, in its type.
pub fn one(attribute: &'static Attribute, value: Value) -> Result<Option<Value>, ScimError> {
    match (attribute.kind, value) {
        (_, Value::Null) => Ok(None),
        (Kind::Complex, Value::Object(object)) => parts(attribute, object),
        (Kind::Boolean, Value::Bool(flag)) => Ok(Some(flag.into())),
        // Entra sends flags as words.
        (Kind::Boolean, Value::String(word)) if word.eq_ignore_ascii_case("true") => Ok(Some(true.into())),
        (Kind::Boolean, Value::String(word)) if word.eq_ignore_ascii_case("false") => Ok(Some(false.into())),
        (Kind::String | Kind::DateTime | Kind::Reference, Value::String(text)) => {
            if text.chars().count() > LONGEST || text.contains(char::is_control) {
                return Err(wrong(
                    attribute,
                    "a text of more than 255 characters, or with control characters",
                ));
            }
            Ok((!text.is_empty()).then_some(Value::String(text)))
        }
        (Kind::Integer, Value::Number(number)) if number.is_i64() => Ok(Some(Value::Number(number))),
        (
            Kind::String | Kind::Boolean | Kind::Integer | Kind::DateTime | Kind::Reference | Kind::Complex,
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_),
        ) => Err(wrong(attribute, "a value of another type")),
    }
}

fn parts(attribute: &'static Attribute, object: Resource) -> Result<Option<Value>, ScimError> {
    let mut clean = Resource::new();
    for (name, value) in object {
        let Some(part) = attribute.part(&name) else { continue };
        if part.mutability == Mutability::ReadOnly {
            continue;
        }
        if let Some(value) = cleaned(part, value)? {
            clean.insert(part.name.to_owned(), value);
        }
    }
    Ok((!clean.is_empty()).then_some(Value::Object(clean)))
}

fn wrong(attribute: &Attribute, what: &str) -> ScimError {
    ScimError::asked(ScimType::InvalidValue, format!("{} has {what}", attribute.name))
}

/// Whether a value says that it is the primary one.
pub fn is_primary(value: &Value) -> bool {
    value.get("primary") == Some(&Value::Bool(true))
}

/// Which attributes of a resource are in an answer (RFC 7644 section 3.9).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum View {
    /// Those that are usually there.
    #[default]
    Usual,
    /// These.
    Only(HashSet<String>),
    /// All but these.
    Without(HashSet<String>),
}

impl View {
    /// The view that two lists of names ask for: one of them at the most.
    pub fn new<'a>(
        only: impl Iterator<Item = &'a str>,
        without: impl Iterator<Item = &'a str>,
    ) -> Result<Self, ScimError> {
        let (only, without): (HashSet<_>, HashSet<_>) =
            (only.map(plain).collect(), without.map(plain).collect());
        match (only.is_empty(), without.is_empty()) {
            (true, true) => Ok(Self::Usual),
            (false, true) => Ok(Self::Only(only)),
            (true, false) => Ok(Self::Without(without)),
            (false, false) => {
                let what = "attributes and excludedAttributes are not asked for together";
                Err(ScimError::asked(ScimType::InvalidValue, what))
            }
        }
    }

    /// Whether an attribute is in the answer, wholly or in part.
    pub fn shows(&self, attribute: &Attribute) -> bool {
        let names = |set: &HashSet<String>| set.contains(&attribute.name.to_ascii_lowercase());
        match self {
            _ if attribute.returned == Returned::Always => true,
            Self::Usual => true,
            Self::Only(only) => {
                names(only) || attribute.parts.iter().any(|part| only.contains(&dotted(attribute, part)))
            }
            Self::Without(without) => !names(without),
        }
    }

    fn shows_part(&self, attribute: &Attribute, part: &Attribute) -> bool {
        match self {
            Self::Usual => true,
            Self::Only(only) => {
                only.contains(&attribute.name.to_ascii_lowercase()) || only.contains(&dotted(attribute, part))
            }
            Self::Without(without) => !without.contains(&dotted(attribute, part)),
        }
    }

    /// What is in the answer of a resource.
    pub fn of(&self, schema: &'static Schema, resource: Resource) -> Resource {
        if *self == Self::Usual {
            return resource;
        }
        let mut shown = Resource::new();
        for (name, value) in resource {
            let Some(attribute) = schema.attribute(&name).filter(|attribute| self.shows(attribute)) else {
                continue;
            };
            let value = match value {
                Value::Object(object) => Value::Object(self.parts(attribute, object)),
                Value::Array(values) => {
                    values.into_iter().map(|value| self.value(attribute, value)).collect()
                }
                plain => plain,
            };
            shown.insert(name, value);
        }
        shown
    }

    fn value(&self, attribute: &Attribute, value: Value) -> Value {
        match value {
            Value::Object(object) => Value::Object(self.parts(attribute, object)),
            plain => plain,
        }
    }

    fn parts(&self, attribute: &Attribute, object: Resource) -> Resource {
        let shown = |name: &str| attribute.part(name).is_some_and(|part| self.shows_part(attribute, part));
        object.into_iter().filter(|(name, _)| shown(name)).collect()
    }
}

/// A name without the URN before it, and without case.
fn plain(name: &str) -> String {
    let is_urn = name.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("urn:"));
    let name = name.rsplit_once(':').filter(|_| is_urn).map_or(name, |(_, name)| name);
    name.to_ascii_lowercase()
}

fn dotted(attribute: &Attribute, part: &Attribute) -> String {
    format!("{}.{}", attribute.name, part.name).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use wire::scim::schema::USER;

    fn object(value: Value) -> Resource {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn a_body_is_read_in_the_types_and_the_spelling_of_its_schema() {
        let body = json!({
            "Schemas": ["URN:ietf:params:scim:schemas:core:2.0:user", "urn:else"],
            "USERNAME": "ada", "Active": "False", "title": "", "id": "mine", "groups": [{"value": "x"}],
            "name": {"givenname": "Ada", "formatted": "Ada L."}, "emails": {"Value": "a@b.test", "primary": "true"},
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "d"}, "nickName": 7,
            "phoneNumbers": [], "timezone": null
        });
        let read = Value::Object(read(&USER, object(body)).unwrap());
        let expected = json!({
            "userName": "ada", "active": false, "name": {"givenName": "Ada"},
            "emails": [{"value": "a@b.test", "primary": true}]
        });
        assert_eq!(read, expected);
    }

    #[test]
    fn what_is_not_of_its_type_is_refused() {
        for body in [
            json!({"schemas": []}),
            json!({"schemas": "x"}),
            json!({"userName": 7}),
            json!({"userName": "a", "USERNAME": "b"}),
            json!({"userName": "x".repeat(256)}),
            json!({"title": "a\u{0}"}),
            json!({"active": "yes"}),
            json!({"name": "Ada"}),
            json!({"emails": ["a@b.test"]}),
            json!({"emails": [{"primary": true, "value": "a"}, {"primary": true, "value": "b"}]}),
            json!({"emails": vec![json!({"value": "a"}); 101]}),
        ] {
            assert!(read(&USER, object(body.clone())).is_err(), "{body}");
        }
    }

    #[test]
    fn a_view_shows_what_is_asked_for_and_what_always_is() {
        let resource = json!({
            "schemas": [USER.id], "id": "1", "userName": "ada", "name": {"givenName": "A", "familyName": "L"},
            "emails": [{"value": "a@b.test", "type": "work"}]
        });
        let seen = |only: &[&str], without: &[&str]| {
            let view = View::new(only.iter().copied(), without.iter().copied()).unwrap();
            Value::Object(view.of(&USER, object(resource.clone())))
        };
        let always = json!({"schemas": [USER.id], "id": "1"});
        assert_eq!(seen(&[], &[]), resource);
        assert_eq!(seen(&["nothing"], &[]), always);
        let both = json!({"schemas": [USER.id], "id": "1", "userName": "ada", "name": {"givenName": "A"}});
        assert_eq!(
            seen(&["urn:ietf:params:scim:schemas:core:2.0:User:userName", "NAME.givenname"], &[]),
            both
        );
        let fewer =
            json!({"schemas": [USER.id], "id": "1", "userName": "ada", "emails": [{"value": "a@b.test"}]});
        assert_eq!(seen(&[], &["id", "name", "emails.type"]), fewer);
        assert!(View::new(["a"].into_iter(), ["b"].into_iter()).is_err());
    }
}
