//! The fields of a request body, whichever format they came in, taken out one by one with their rules.

use crate::secret::Secret;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// The fields of a flat body. Every text may be a password, so every text is a secret.
#[derive(Debug, Default)]
pub struct Fields(Vec<(String, Field)>);

#[derive(Debug)]
enum Field {
    Text(Secret),
    Nothing,
    Other,
}

/// Why a body was not understood; it never quotes the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BodyError {
    /// It is not JSON.
    Json {
        /// Where reading stopped.
        line: usize,
        /// Where reading stopped.
        column: usize,
    },
    /// It is JSON, but not an object.
    NotAnObject,
    /// It is not XML of the allowed kind.
    Xml(&'static str),
    /// It is not a form.
    Form,
    /// A field is absent.
    Missing(&'static str),
    /// A field is there more than once.
    Repeated(&'static str),
    /// A field is something other than text.
    NotText(&'static str),
    /// A field is too long.
    TooLong(&'static str, usize),
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json { line, column } => {
                write!(f, "the body is not JSON: reading stopped at line {line} column {column}")
            }
            Self::NotAnObject => f.write_str("the body is not a JSON object"),
            Self::Xml(why) => write!(f, "the body is not XML that is read here: {why}"),
            Self::Form => f.write_str("the body is not a form"),
            Self::Missing(name) => write!(f, "the field {name} is missing or empty"),
            Self::Repeated(name) => write!(f, "the field {name} is there more than once"),
            Self::NotText(name) => write!(f, "the field {name} is not a string"),
            Self::TooLong(name, most) => write!(f, "the field {name} is longer than {most} characters"),
        }
    }
}

impl std::error::Error for BodyError {}

impl Fields {
    /// Reads a JSON object.
    pub fn from_json(body: &[u8]) -> Result<Self, BodyError> {
        // Some Windows programs write a byte order mark in front.
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        serde_json::from_slice(body).map_err(|error| match error.classify() {
            serde_json::error::Category::Data => BodyError::NotAnObject,
            _ => BodyError::Json { line: error.line(), column: error.column() },
        })
    }

    /// Reads a JSON object that may have a comma before its last brace, as the vendor's own example has.
    pub fn from_json_with_comma(body: &[u8]) -> Result<Self, BodyError> {
        Self::from_json(body).or_else(|error| match without_last_comma(body) {
            Some(mended) => Self::from_json(&mended),
            None => Err(error),
        })
    }

    /// Takes name and value pairs, as a form or XML gives them.
    pub fn from_pairs(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name, Field::Text(Secret::new(value)))).collect())
    }

    /// The text of a field that must be there, of at most `most` characters.
    pub fn required(&self, name: &'static str, most: usize) -> Result<&Secret, BodyError> {
        self.optional(name, most)?.filter(|text| !text.expose().is_empty()).ok_or(BodyError::Missing(name))
    }

    /// The text of a field that may be absent.
    pub fn optional(&self, name: &'static str, most: usize) -> Result<Option<&Secret>, BodyError> {
        let mut with_name = self.0.iter().filter(|(key, _)| key == name).map(|(_, field)| field);
        let first = with_name.next();
        if with_name.next().is_some() {
            return Err(BodyError::Repeated(name));
        }
        match first {
            None | Some(Field::Nothing) => Ok(None),
            Some(Field::Other) => Err(BodyError::NotText(name)),
            Some(Field::Text(text)) if text.expose().chars().count() > most => {
                Err(BodyError::TooLong(name, most))
            }
            Some(Field::Text(text)) => Ok(Some(text)),
        }
    }
}

fn without_last_comma(body: &[u8]) -> Option<Vec<u8>> {
    let open = body.trim_ascii_end().strip_suffix(b"}")?.trim_ascii_end().strip_suffix(b",")?;
    Some([open, b"}"].concat())
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Fields;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    fields.push(pair);
                }
                Ok(Fields(fields))
            }
        }
        from.deserialize_map(Object)
    }
}

impl<'de> Deserialize<'de> for Field {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Field;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("anything")
            }
            fn visit_str<E>(self, text: &str) -> Result<Field, E> {
                Ok(Field::Text(Secret::new(text)))
            }
            fn visit_unit<E>(self) -> Result<Field, E> {
                Ok(Field::Nothing)
            }
            fn visit_bool<E>(self, _: bool) -> Result<Field, E> {
                Ok(Field::Other)
            }
            fn visit_i64<E>(self, _: i64) -> Result<Field, E> {
                Ok(Field::Other)
            }
            fn visit_u64<E>(self, _: u64) -> Result<Field, E> {
                Ok(Field::Other)
            }
            fn visit_f64<E>(self, _: f64) -> Result<Field, E> {
                Ok(Field::Other)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Field, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Field::Other)
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Field, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Field::Other)
            }
        }
        from.deserialize_any(Any)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn username(body: &str) -> Result<String, BodyError> {
        Fields::from_json_with_comma(body.as_bytes())?
            .required("username", 5)
            .map(|text| text.expose().to_owned())
    }

    #[test]
    fn a_field_is_taken_with_its_rules() {
        let cases = [
            (r#"{"username":"ada","extra":[1,{"a":null}]}"#, Ok("ada")),
            ("{\r\n\"username\":\"ada\",\r\n}\r\n", Ok("ada")),
            (r#"{"username":"éééééé"}"#, Err(BodyError::TooLong("username", 5))),
            (r#"{"username":"ééééé"}"#, Ok("ééééé")),
            (r#"{"username":""}"#, Err(BodyError::Missing("username"))),
            (r#"{"username":null}"#, Err(BodyError::Missing("username"))),
            ("\u{feff}{\"username\":\"ada\"}", Ok("ada")),
            ("{}", Err(BodyError::Missing("username"))),
            (r#"{"username":5}"#, Err(BodyError::NotText("username"))),
            (r#"{"username":{"$gt":""}}"#, Err(BodyError::NotText("username"))),
            (r#"{"username":"a","username":"b"}"#, Err(BodyError::Repeated("username"))),
            (r#"["ada"]"#, Err(BodyError::NotAnObject)),
            (r#""ada""#, Err(BodyError::NotAnObject)),
            (r#"{"username":"a"b"}"#, Err(BodyError::Json { line: 1, column: 16 })),
            ("{,,}", Err(BodyError::Json { line: 1, column: 2 })),
            ("", Err(BodyError::Json { line: 1, column: 0 })),
        ];
        for (body, expected) in cases {
            assert_eq!(username(body), expected.map(String::from), "{body}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_no_json() {
        let error = Fields::from_json(b"{\"username\":\"\xff\"}").unwrap_err();
        assert!(matches!(error, BodyError::Json { line: 1, .. }), "{error:?}");
    }
}
