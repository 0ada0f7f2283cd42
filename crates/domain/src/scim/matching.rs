//! Whether a resource meets a filter (RFC 7644 section 3.4.2.2).

use super::ScimError;
use crate::time::Timestamp;
use serde_json::Value;
use std::cmp::Ordering;
use wire::scim::filter::{Compares, Filter, Literal, Name};
use wire::scim::schema::{Attribute, Kind, Returned, Schema};
use wire::scim::{Resource, ScimType};

/// Where the names of a filter are looked up.
#[derive(Clone, Copy)]
pub enum Scope {
    /// Among the attributes of a resource.
    Of(&'static Schema),
    /// Among the parts of one attribute.
    In(&'static Attribute),
}

impl Scope {
    /// The attribute and the part that a name stands for; a secret one stands for nothing.
    pub fn find(self, name: &Name) -> Option<(&'static Attribute, Option<&'static Attribute>)> {
        let attribute = match self {
            Self::Of(schema) => {
                let is_ours = name.schema.as_ref().is_none_or(|urn| urn.eq_ignore_ascii_case(schema.id));
                schema.attribute(&name.name).filter(|_| is_ours)?
            }
            Self::In(attribute) => attribute.part(&name.name).filter(|_| name.schema.is_none())?,
        };
        match &name.part {
            None => Some((attribute, None)),
            Some(part) => Some((attribute, Some(attribute.part(part)?))),
        }
    }
}

/// Refuses a filter that asks for what is not known, not told or cannot be compared.
pub fn check(scope: Scope, filter: &Filter) -> Result<(), ScimError> {
    match filter {
        Filter::All(filters) | Filter::Any(filters) => {
            filters.iter().try_for_each(|filter| check(scope, filter))
        }
        Filter::Not(filter) => check(scope, filter),
        Filter::Present(name) => told(scope, name).map(drop),
        Filter::Compare(name, compares, literal) => {
            let (attribute, part) = told(scope, name)?;
            let leaf = leaf(attribute, part).ok_or_else(|| wrong(name, "has parts: name one of them"))?;
            if is_comparable(leaf, *compares, literal) {
                Ok(())
            } else {
                Err(wrong(name, "cannot be compared so"))
            }
        }
        Filter::Within(name, filter) => match (scope, told(scope, name)?) {
            (Scope::Of(_), (attribute, None)) if !attribute.parts.is_empty() => {
                check(Scope::In(attribute), filter)
            }
            _ => Err(wrong(name, "has no parts")),
        },
    }
}

fn told(scope: Scope, name: &Name) -> Result<(&'static Attribute, Option<&'static Attribute>), ScimError> {
    let found = scope.find(name).filter(|(attribute, _)| attribute.returned != Returned::Never);
    found.ok_or_else(|| wrong(name, "is not known here"))
}

fn wrong(name: &Name, what: &str) -> ScimError {
    ScimError::asked(ScimType::InvalidFilter, format!("the attribute {name} of the filter {what}"))
}

/// What is compared: of a complex attribute its part `value`, unless another one is named.
fn leaf(attribute: &'static Attribute, part: Option<&'static Attribute>) -> Option<&'static Attribute> {
    let leaf = match part {
        Some(part) => part,
        None if attribute.parts.is_empty() => attribute,
        None => attribute.part("value")?,
    };
    leaf.parts.is_empty().then_some(leaf)
}

fn is_comparable(leaf: &Attribute, compares: Compares, literal: &Literal) -> bool {
    let is_equality = matches!(compares, Compares::Equal | Compares::NotEqual);
    let is_part = matches!(compares, Compares::Contains | Compares::StartsWith | Compares::EndsWith);
    match (leaf.kind, literal) {
        (_, Literal::Nothing) => is_equality,
        (Kind::Boolean, literal) => is_equality && flag(literal).is_some(),
        (Kind::String | Kind::Reference, Literal::Text(_)) => true,
        (Kind::DateTime, Literal::Text(text)) => is_part || text.parse::<Timestamp>().is_ok(),
        (Kind::Integer, Literal::Number(_)) => !is_part,
        (
            Kind::String | Kind::Reference | Kind::DateTime | Kind::Integer | Kind::Complex,
            Literal::Text(_) | Literal::Number(_) | Literal::Flag(_),
        ) => false,
    }
}

/// A flag, also as the word that Entra sends.
fn flag(literal: &Literal) -> Option<bool> {
    match literal {
        Literal::Flag(flag) => Some(*flag),
        Literal::Text(word) if word.eq_ignore_ascii_case("true") => Some(true),
        Literal::Text(word) if word.eq_ignore_ascii_case("false") => Some(false),
        Literal::Text(_) | Literal::Number(_) | Literal::Nothing => None,
    }
}

/// Whether a resource, or one value of an attribute, meets a filter that was checked.
pub fn meets(scope: Scope, filter: &Filter, object: &Resource) -> bool {
    match filter {
        Filter::All(filters) => filters.iter().all(|filter| meets(scope, filter, object)),
        Filter::Any(filters) => filters.iter().any(|filter| meets(scope, filter, object)),
        Filter::Not(filter) => !meets(scope, filter, object),
        Filter::Present(name) => scope.find(name).is_some_and(|(attribute, part)| {
            values(attribute, part, object).iter().any(|value| !value.is_null())
        }),
        Filter::Compare(name, compares, literal) => {
            let found = scope.find(name).and_then(|(attribute, part)| {
                let leaf = leaf(attribute, part)?;
                let part = if attribute.parts.is_empty() { None } else { Some(leaf) };
                Some((leaf, values(attribute, part, object)))
            });
            found.is_some_and(|(leaf, values)| compare(leaf, *compares, literal, &values))
        }
        Filter::Within(name, filter) => scope.find(name).is_some_and(|(attribute, _)| {
            values(attribute, None, object)
                .iter()
                .filter_map(|value| value.as_object())
                .any(|value| meets(Scope::In(attribute), filter, value))
        }),
    }
}

/// Every value that an attribute, or a part of it, has.
fn values<'a>(
    attribute: &'static Attribute,
    part: Option<&'static Attribute>,
    object: &'a Resource,
) -> Vec<&'a Value> {
    let all: Vec<&Value> = match object.get(attribute.name) {
        None => Vec::new(),
        Some(Value::Array(values)) => values.iter().collect(),
        Some(value) => vec![value],
    };
    match part {
        None => all,
        Some(part) => all.into_iter().filter_map(|value| value.get(part.name)).collect(),
    }
}

fn compare(leaf: &Attribute, compares: Compares, literal: &Literal, values: &[&Value]) -> bool {
    let any = |compares| values.iter().any(|value| compare_one(leaf, compares, literal, value));
    match (compares, literal) {
        (Compares::Equal, Literal::Nothing) => values.is_empty(),
        (Compares::NotEqual, Literal::Nothing) => !values.is_empty(),
        (Compares::NotEqual, _) => !any(Compares::Equal),
        (compares, _) => any(compares),
    }
}

fn compare_one(leaf: &Attribute, compares: Compares, literal: &Literal, value: &Value) -> bool {
    let fold = |text: &str| if leaf.case_exact { text.to_owned() } else { text.to_lowercase() };
    let texts = match (value, literal) {
        (Value::String(value), Literal::Text(wanted)) => Some((fold(value), fold(wanted))),
        _ => None,
    };
    let order = match (leaf.kind, value, literal, &texts) {
        (Kind::DateTime, Value::String(value), Literal::Text(wanted), _) => {
            value.parse::<Timestamp>().ok().zip(wanted.parse().ok()).map(|(value, wanted)| value.cmp(&wanted))
        }
        (_, Value::Bool(value), literal, _) => flag(literal).map(|wanted| value.cmp(&wanted)),
        (_, Value::Number(value), Literal::Number(wanted), _) => {
            value.as_f64().zip(wanted.as_f64()).and_then(|(value, wanted)| value.partial_cmp(&wanted))
        }
        (_, _, _, Some((value, wanted))) => Some(value.cmp(wanted)),
        (_, _, _, None) => None,
    };
    let text =
        |test: fn(&str, &str) -> bool| texts.as_ref().is_some_and(|(value, wanted)| test(value, wanted));
    match compares {
        Compares::Equal => order == Some(Ordering::Equal),
        Compares::NotEqual => order != Some(Ordering::Equal),
        Compares::Contains => text(|value, wanted| value.contains(wanted)),
        Compares::StartsWith => text(|value, wanted| value.starts_with(wanted)),
        Compares::EndsWith => text(|value, wanted| value.ends_with(wanted)),
        Compares::Greater => order == Some(Ordering::Greater),
        Compares::GreaterOrEqual => order.is_some_and(Ordering::is_ge),
        Compares::Less => order == Some(Ordering::Less),
        Compares::LessOrEqual => order.is_some_and(Ordering::is_le),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use wire::scim::filter::filter;
    use wire::scim::schema::USER;

    fn ada() -> Resource {
        let ada = json!({
            "schemas": [USER.id], "id": "aB", "externalId": "Ext", "userName": "Ada@acme.test", "active": true,
            "name": {"givenName": "Ada"},
            "emails": [{"value": "ada@acme.test", "type": "work", "primary": true}, {"value": "ada@home.test", "type": "home"}],
            "meta": {"created": "2026-01-15T10:30:00.000Z"}
        });
        ada.as_object().unwrap().clone()
    }

    #[test]
    fn every_operator_compares_as_the_rfc_says() {
        for (text, expected) in [
            (r#"userName eq "ADA@ACME.TEST""#, true),
            (r#"id eq "ab""#, false),
            (r#"id eq "aB""#, true),
            (r#"externalId eq "ext""#, false),
            (r#"userName ne "ada@acme.test""#, false),
            (r#"title ne "x""#, true),
            (r#"userName co "ACME""#, true),
            (r#"userName sw "ada""#, true),
            (r#"userName ew "test""#, true),
            (r#"userName gt "abc""#, true),
            (r#"userName le "abc""#, false),
            (r#"meta.created ge "2026-01-15T11:30:00+01:00""#, true),
            (r#"meta.created lt "2026-01-15T10:30:00Z""#, false),
            (r#"meta.created eq "2026-01-15T10:30:00Z""#, true),
            ("active eq true", true),
            (r#"active eq "False""#, false),
            ("active ne false", true),
            ("title pr", false),
            ("title eq null", true),
            ("name pr", true),
            ("name.familyName pr", false),
            (r#"emails eq "ADA@home.test""#, true),
            (r#"emails.type eq "home" and emails.primary eq true"#, true),
            (r#"emails[type eq "home" and primary eq true]"#, false),
            (r#"emails[type eq "work"].value co "acme""#, true),
            (r#"not (title pr) and (userName eq "x" or active eq true)"#, true),
            (r#"urn:ietf:params:scim:schemas:core:2.0:User:name.givenName eq "ada""#, true),
            (r#"schemas eq "urn:ietf:params:scim:schemas:core:2.0:User""#, true),
        ] {
            let filter = filter(text).unwrap();
            check(Scope::Of(&USER), &filter).unwrap();
            assert_eq!(meets(Scope::Of(&USER), &filter, &ada()), expected, "{text}");
        }
    }

    #[test]
    fn what_is_not_known_not_told_or_not_comparable_is_refused() {
        for text in [
            "nickName pr",
            "password pr",
            r#"password sw "a""#,
            r#"name eq "Ada""#,
            "userName eq 7",
            "userName gt null",
            "active gt true",
            r#"active eq "yes""#,
            r#"meta.created gt "soon""#,
            "userName[value pr]",
            "emails[emails[value pr]]",
            "emails[urn:x:value pr]",
            "name.nothing pr",
            r#"urn:ietf:params:scim:schemas:core:2.0:Group:displayName eq "x""#,
        ] {
            assert!(check(Scope::Of(&USER), &filter(text).unwrap()).is_err(), "{text}");
        }
    }
}
