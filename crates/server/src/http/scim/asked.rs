//! What a request of SCIM asks for: parameters, the body of a search, entity tags (RFC 7644 sections 3.4.2, 3.4.3, 3.14).

use crate::http::body::Body;
use crate::http::error::ApiError;
use crate::http::form;
use domain::scim::{self, Expected, Question, View};
use http::{HeaderMap, HeaderName, header};
use serde_json::Value;
use wire::error::Code;
use wire::scim::{Resource, ScimType};

/// The question of a query string.
pub fn question(query: Option<&str>) -> Result<Question, ApiError> {
    let pairs = pairs(query)?;
    let number = |name| one(&pairs, name)?.map(number_of).transpose();
    Ok(Question::new(one(&pairs, "filter")?, number("startIndex")?, number("count")?, view_of(&pairs)?)?)
}

/// Which attributes a query string asks for.
pub fn view(query: Option<&str>) -> Result<View, ApiError> {
    view_of(&pairs(query)?)
}

/// The question of a body (RFC 7644 section 3.4.3).
pub fn search(body: &Body) -> Result<Question, ApiError> {
    let body = scim::body(body.bytes())?;
    let number = |name: &str| match field(&body, name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value.as_i64().map(Some).ok_or_else(|| bad(&format!("{name} is not a number"))),
    };
    let filter = match field(&body, "filter") {
        None | Some(Value::Null) => None,
        Some(value) => Some(value.as_str().ok_or_else(|| bad("filter is not a text"))?),
    };
    let (only, without) = (names(&body, "attributes")?, names(&body, "excludedAttributes")?);
    let view = View::new(only.into_iter(), without.into_iter())?;
    Ok(Question::new(filter, number("startIndex")?, number("count")?, view)?)
}

fn field<'a>(body: &'a Resource, name: &str) -> Option<&'a Value> {
    body.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

fn names<'a>(body: &'a Resource, name: &str) -> Result<Vec<&'a str>, ApiError> {
    let wrong = || bad(&format!("{name} is not a list of texts"));
    match field(body, name) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(names)) => names.iter().map(|name| name.as_str().ok_or_else(wrong)).collect(),
        Some(_) => Err(wrong()),
    }
}

fn pairs(query: Option<&str>) -> Result<Vec<form::Pair>, ApiError> {
    form::pairs(query.unwrap_or_default()).ok_or_else(|| bad("the query cannot be read"))
}

/// The one value of a parameter; an empty one is none.
fn one<'a>(pairs: &'a [form::Pair], name: &str) -> Result<Option<&'a str>, ApiError> {
    let mut values = pairs.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str());
    match (values.next(), values.next()) {
        (value, None) => Ok(value.filter(|value| !value.is_empty())),
        (_, Some(_)) => Err(bad(&format!("the parameter {name} is repeated"))),
    }
}

fn view_of(pairs: &[form::Pair]) -> Result<View, ApiError> {
    let list = |name| Ok::<_, ApiError>(one(pairs, name)?.unwrap_or_default());
    let (only, without) = (list("attributes")?, list("excludedAttributes")?);
    Ok(View::new(words(only), words(without))?)
}

fn words(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|name| !name.is_empty())
}

fn number_of(text: &str) -> Result<i64, ApiError> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(bad("startIndex or count is not a number"));
    }
    Ok(text.parse().unwrap_or(if text.starts_with('-') { i64::MIN } else { i64::MAX }))
}

fn bad(what: &str) -> ApiError {
    ApiError::scim(Code::BadRequest, ScimType::InvalidValue, what.to_owned())
}

/// Which writing a change is about: any, unless `If-Match` names some.
pub fn expected(headers: &HeaderMap) -> Expected {
    if headers.contains_key(header::IF_MATCH) {
        Expected::OneOf(tags(headers, header::IF_MATCH))
    } else {
        Expected::Any
    }
}

/// Whether the sender has this writing already (`If-None-Match`).
pub fn knows(headers: &HeaderMap, version: &str) -> bool {
    let tags = tags(headers, header::IF_NONE_MATCH);
    !tags.is_empty() && Expected::OneOf(tags).is(version)
}

/// The entity tags of a header, compared weakly; what is none matches nothing.
fn tags(headers: &HeaderMap, name: HeaderName) -> Vec<String> {
    let lines = headers.get_all(name).iter().filter_map(|line| line.to_str().ok());
    lines
        .flat_map(|line| line.split(','))
        .map(str::trim)
        .map(|tag| if tag.starts_with('"') { format!("W/{tag}") } else { tag.to_owned() })
        .collect()
}
