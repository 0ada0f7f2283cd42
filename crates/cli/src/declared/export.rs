//! A state as one file: always in the same order, so that the same state is the same bytes.

use super::{Org, Path, State, shape};
use crate::error::Failure;
use serde_json::{Map, Value};

/// The first lines of every export.
const HEAD: &str =
    "# Made by `latchkey export`; `latchkey plan` and `latchkey apply` read it. It holds no secret.\n\n";

/// A state as text.
pub fn file(state: &State) -> Result<String, Failure> {
    let orgs = state.iter().map(|(path, org)| shaped(path, org)).collect::<Result<Vec<_>, _>>();
    let file = shape::File { org: orgs.map_err(Failure::machine)? };
    Ok(format!("{HEAD}{}", toml::to_string(&file).map_err(Failure::machine)?))
}

fn shaped(path: &Path, org: &Org) -> Result<shape::Org<String>, serde_json::Error> {
    let mut fields = org.fields.clone();
    // The region is for somebody above to say, so its default is not said.
    fields.retain(|name, value| name != "region" || value != "");
    if !path.0.is_empty() {
        fields.insert("path".to_owned(), path.0.clone().into());
    }
    if let Some(policy) = &org.policy {
        fields.insert("policy".to_owned(), Value::Object(policy.clone()));
    }
    for (kind, records) in &org.records {
        let all = records.values().map(|record| {
            let name = [(kind.name().to_owned(), Value::from(record.name.clone()))];
            Value::Object(name.into_iter().chain(record.fields.clone()).collect::<Map<_, _>>())
        });
        fields.insert(kind.key().to_owned(), all.collect());
    }
    serde_json::from_value(Value::Object(fields))
}

#[cfg(test)]
mod tests {
    use super::super::file::tests::declared;
    use super::*;

    #[test]
    fn what_was_written_is_read_again_and_written_the_same() {
        let text = r#"
            [[org]]
            path = ["East"]
            role = []
              [[org.user]]
              name = "bob"
              state = "Inactive"
              roles = ["Zeta", "Alpha"]
              [[org.user]]
              name = "Ada"
              state = "Active"
            [[org]]
            name = "Acme"
            description = ""
              [org.policy]
              lock_minutes = 0
              trusted_ip_ranges = []
              [[org.identity_provider]]
              issuer = "https://id.acme.test"
              keys = "https://id.acme.test/keys"
              aliases = { "repo:b" = "bob", "repo:a" = "ada" }
        "#;
        let written = file(&declared(text).unwrap()).unwrap_or_default();
        assert_eq!(
            written,
            r#"# Made by `latchkey export`; `latchkey plan` and `latchkey apply` read it. It holds no secret.

[[org]]
name = "Acme"
description = ""

[org.policy]
lock_minutes = 0
trusted_ip_ranges = []

[[org.identity_provider]]
issuer = "https://id.acme.test"
keys = "https://id.acme.test/keys"

[org.identity_provider.aliases]
"repo:a" = "ada"
"repo:b" = "bob"

[[org]]
path = ["East"]
role = []

[[org.user]]
name = "Ada"

[[org.user]]
name = "bob"
state = "Inactive"
roles = ["Alpha", "Zeta"]
"#
        );
        assert_eq!(file(&declared(&written).unwrap()).unwrap_or_default(), written);
    }
}
