//! The fields of a request body, whichever format they came in, taken out one by one with their rules.

use crate::secret::Secret;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// The fields of a flat body. Every text may be a password, so every text is a secret.
#[derive(Debug, Default)]
pub struct Fields(Vec<(String, Field)>);

#[derive(Debug)]
pub(crate) enum Field {
    Text(Secret),
    Number(i64),
    Flag(bool),
    List(Vec<Field>),
    Object(Fields),
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
    /// A field is something other than a whole number that is not negative.
    NotANumber(&'static str),
    /// A field is something other than true or false.
    NotAFlag(&'static str),
    /// A field is something other than a list of so many texts.
    NotAList(&'static str, usize),
    /// A field is something other than an object.
    NotAnObjectIn(&'static str),
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
            Self::NotANumber(name) => write!(f, "the field {name} is not a number"),
            Self::NotAFlag(name) => write!(f, "the field {name} is not true or false"),
            Self::NotAList(name, most) => {
                write!(f, "the field {name} is not a list of at most {most} strings")
            }
            Self::NotAnObjectIn(name) => write!(f, "the field {name} is not an object"),
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
        match self.only(name)? {
            None => Ok(None),
            Some(Field::Text(text)) if text.expose().chars().count() > most => {
                Err(BodyError::TooLong(name, most))
            }
            Some(Field::Text(text)) => Ok(Some(text)),
            Some(_) => Err(BodyError::NotText(name)),
        }
    }

    /// The number in a field that may be absent; callers also write it as a text.
    pub fn number(&self, name: &'static str) -> Result<Option<u32>, BodyError> {
        let number = match self.only(name)? {
            None => return Ok(None),
            Some(Field::Number(number)) => u32::try_from(*number).ok(),
            Some(Field::Text(text)) if text.expose().is_empty() => return Ok(None),
            Some(Field::Text(text)) => text.expose().parse().ok(),
            Some(_) => None,
        };
        number.map(Some).ok_or(BodyError::NotANumber(name))
    }

    /// The flag in a field that may be absent; callers also write it as a text.
    pub fn flag(&self, name: &'static str) -> Result<Option<bool>, BodyError> {
        let flag = match self.only(name)? {
            None => return Ok(None),
            Some(Field::Flag(flag)) => Some(*flag),
            Some(Field::Text(text)) => text.expose().to_ascii_lowercase().parse().ok(),
            Some(_) => None,
        };
        flag.map(Some).ok_or(BodyError::NotAFlag(name))
    }

    /// The texts in a field that may be absent: at most `most` of them, each of at most 255 characters.
    pub fn list(&self, name: &'static str, most: usize) -> Result<Option<Vec<String>>, BodyError> {
        let items = match self.only(name)? {
            None => return Ok(None),
            Some(Field::List(items)) if items.len() <= most => items,
            Some(_) => return Err(BodyError::NotAList(name, most)),
        };
        let text = |item: &Field| match item {
            Field::Text(text) if text.expose().chars().count() <= 255 => Some(text.expose().to_owned()),
            _ => None,
        };
        items.iter().map(text).collect::<Option<_>>().map(Some).ok_or(BodyError::NotAList(name, most))
    }

    /// The object in a field that must be there.
    pub fn within(&self, name: &'static str) -> Result<&Self, BodyError> {
        match self.only(name)? {
            None => Err(BodyError::Missing(name)),
            Some(Field::Object(fields)) => Ok(fields),
            Some(_) => Err(BodyError::NotAnObjectIn(name)),
        }
    }

    /// The names in a field that may be absent: at most `most` texts, or objects with a `name`. JSON has them in a list,
    /// XML as elements of one name.
    pub fn names(&self, name: &'static str, most: usize) -> Result<Option<Vec<String>>, BodyError> {
        let mut with_name = self.0.iter().filter(|(key, _)| key == name).map(|(_, field)| field).peekable();
        let items: Vec<&Field> = match with_name.peek() {
            None => return Ok(None),
            Some(Field::List(_)) => match self.only(name)? {
                Some(Field::List(items)) => items.iter().collect(),
                _ => Vec::new(),
            },
            Some(_) => with_name.filter(|field| !matches!(field, Field::Nothing)).collect(),
        };
        let text = |item: &Field| match item {
            Field::Text(text) if text.expose().chars().count() <= 255 => Ok(text.expose().to_owned()),
            Field::Object(item) => Ok(item.required("name", 255)?.expose().to_owned()),
            _ => Err(BodyError::NotAList(name, most)),
        };
        if items.len() > most {
            return Err(BodyError::NotAList(name, most));
        }
        items.into_iter().map(text).collect::<Result<_, _>>().map(Some)
    }

    /// Takes fields as they were read.
    pub(crate) fn from_fields(fields: Vec<(String, Field)>) -> Self {
        Self(fields)
    }

    /// The one field with this name, if it says something.
    fn only(&self, name: &'static str) -> Result<Option<&Field>, BodyError> {
        let mut with_name = self.0.iter().filter(|(key, _)| key == name).map(|(_, field)| field);
        match (with_name.next(), with_name.next()) {
            (_, Some(_)) => Err(BodyError::Repeated(name)),
            (None | Some(Field::Nothing), None) => Ok(None),
            (Some(field), None) => Ok(Some(field)),
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
        from.deserialize_any(Any { room: ROOM })
    }
}

/// How many lists and objects within one another are looked at. What stands deeper is not, so that no body makes the
/// reader dive.
const ROOM: u8 = 3;

/// Takes any value for a field, or for a part of a list or an object in a field.
#[derive(Clone, Copy)]
struct Any {
    room: u8,
}

impl<'de> DeserializeSeed<'de> for Any {
    type Value = Field;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Field, D::Error> {
        from.deserialize_any(self)
    }
}

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

    fn visit_bool<E>(self, flag: bool) -> Result<Field, E> {
        Ok(Field::Flag(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Field, E> {
        Ok(Field::Number(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Field, E> {
        Ok(i64::try_from(number).map_or(Field::Other, Field::Number))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Field, E> {
        Ok(Field::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Field, A::Error> {
        let Some(room) = self.room.checked_sub(1) else {
            while seq.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(Field::Other);
        };
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(Self { room })? {
            items.push(item);
        }
        Ok(Field::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Field, A::Error> {
        let Some(room) = self.room.checked_sub(1) else {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(Field::Other);
        };
        let mut fields = Vec::new();
        while let Some(name) = map.next_key()? {
            fields.push((name, map.next_value_seed(Self { room })?));
        }
        Ok(Field::Object(Fields(fields)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_flags_and_lists_are_taken_with_their_rules() {
        let body = br#"{"n":7,"m":"8","x":-1,"t":true,"f":"FALSE","l":["a","b"],"d":["a",["b"]],"s":"a"}"#;
        let fields = Fields::from_json(body).unwrap();
        assert_eq!(
            (fields.number("n"), fields.number("m"), fields.number("z")),
            (Ok(Some(7)), Ok(Some(8)), Ok(None))
        );
        assert_eq!(fields.number("x"), Err(BodyError::NotANumber("x")));
        assert_eq!((fields.flag("t"), fields.flag("f")), (Ok(Some(true)), Ok(Some(false))));
        assert_eq!(fields.flag("n"), Err(BodyError::NotAFlag("n")));
        assert_eq!(fields.list("l", 2), Ok(Some(vec!["a".to_owned(), "b".to_owned()])));
        for (name, most) in [("l", 1), ("d", 9), ("s", 9)] {
            assert_eq!(fields.list(name, most), Err(BodyError::NotAList(name, most)));
        }
        assert_eq!(fields.optional("n", 9).unwrap_err(), BodyError::NotText("n"));
    }

    #[test]
    fn objects_and_names_are_taken_to_a_depth() {
        let body = br#"{"o":{"a":"b","i":{"j":{"k":{}}}},"l":["x",{"@type":"role","name":"y"}],"d":[{"x":1}],"n":null}"#;
        let fields = Fields::from_json(body).unwrap();
        let inner = fields.within("o").unwrap();
        assert_eq!(inner.required("a", 9).unwrap().expose(), "b");
        assert_eq!(
            inner.within("i").unwrap().within("j").unwrap().within("k").unwrap_err(),
            BodyError::NotAnObjectIn("k")
        );
        assert_eq!(
            (fields.within("l").err(), fields.within("z").err()),
            (Some(BodyError::NotAnObjectIn("l")), Some(BodyError::Missing("z")))
        );
        assert_eq!(fields.names("l", 2), Ok(Some(vec!["x".to_owned(), "y".to_owned()])));
        assert_eq!((fields.names("z", 2), fields.names("n", 2)), (Ok(None), Ok(Some(Vec::new()))));
        assert_eq!(fields.names("l", 1), Err(BodyError::NotAList("l", 1)));
        assert_eq!(fields.names("d", 1), Err(BodyError::Missing("name")));
    }

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
