//! JSON objects taken apart field by field, so that an error names the field it is about.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// A field of what was asked for is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {why}")]
pub struct BadField {
    /// The field, with a dot before each inner one.
    pub field: String,
    /// What is wrong with it.
    pub why: String,
}

impl BadField {
    /// An error about one field.
    pub fn new(field: impl Into<String>, why: impl Into<String>) -> Self {
        Self { field: field.into(), why: why.into() }
    }
}

/// An object, and the fields of it that nobody has asked for yet.
pub struct Reading {
    within: &'static str,
    known: Vec<&'static str>,
    left: Map<String, Value>,
}

impl Reading {
    /// Begins to read an object; `within` stands before the names of its fields in errors.
    pub fn of(within: &'static str, object: Map<String, Value>) -> Self {
        Self { within, known: Vec::new(), left: object }
    }

    /// The field of this name, if it is there and not null.
    pub fn take<T: DeserializeOwned>(&mut self, name: &'static str) -> Result<Option<T>, BadField> {
        self.known.push(name);
        let value = self.left.shift_remove(name).filter(|value| !value.is_null());
        let read = value.map(serde_json::from_value).transpose();
        read.map_err(|error| BadField::new(self.full(name), error.to_string()))
    }

    /// Ends the reading: a field that nobody asked for is a mistake.
    pub fn done(self) -> Result<(), BadField> {
        let Some(unknown) = self.left.keys().next() else {
            return Ok(());
        };
        Err(BadField::new(
            self.full(unknown),
            format!("is not known here, where there are: {}", self.known.join(", ")),
        ))
    }

    fn full(&self, name: &str) -> String {
        format!("{}{name}", self.within)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(json: Value) -> Reading {
        Reading::of("effect.", json.as_object().unwrap().clone())
    }

    #[test]
    fn an_error_names_its_field() {
        let mut bad = reading(serde_json::json!({"nth": "x", "times": null, "pth": 1}));
        assert_eq!(
            bad.take::<u64>("nth").unwrap_err().to_string(),
            "effect.nth: invalid type: string \"x\", expected u64"
        );
        assert_eq!(bad.take::<u64>("times"), Ok(None));
        assert_eq!(
            bad.done().unwrap_err().to_string(),
            "effect.pth: is not known here, where there are: nth, times"
        );
    }
}
