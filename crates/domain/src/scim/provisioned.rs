//! What the client of SCIM says about a user beyond what everybody reads about it.

use serde::{Deserialize, Serialize};

/// What is kept beside the profile of a user, so that its client reads back what it wrote.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Provisioned {
    /// The id that the client gave (RFC 7643 section 3.1); the store also keeps it where it can be looked up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// The name that others see.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// E-mail addresses; the one that counts stands in the profile.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub emails: Vec<Contact>,
    /// Telephone numbers; the one that counts stands in the profile.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub phones: Vec<Contact>,
}

impl Provisioned {
    /// Whether nothing was said.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// An address or a number, and what it is for (RFC 7643 section 2.4).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Contact {
    /// The address or the number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// What it is for, such as `work`.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Whether it is the one that counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub primary: Option<bool>,
}

/// The value that counts: that of the primary one, else of the first.
pub fn main_of(contacts: &[Contact]) -> &str {
    let primary = contacts.iter().find(|contact| contact.primary == Some(true));
    primary.or_else(|| contacts.first()).and_then(|contact| contact.value.as_deref()).unwrap_or_default()
}

/// The contacts as they are shown: as the client wrote them, unless somebody else has changed the one that counts.
pub fn shown(contacts: &[Contact], main: &str) -> Vec<Contact> {
    if main_of(contacts) == main {
        return contacts.to_vec();
    }
    let alone = Contact { value: Some(main.to_owned()), kind: Some("work".to_owned()), primary: Some(true) };
    (!main.is_empty()).then_some(alone).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_changed_takes_the_place_of_what_the_client_wrote() {
        let contact = |value: &str, primary| Contact { value: Some(value.into()), kind: None, primary };
        let both = [contact("a", None), contact("b", Some(true))];
        assert_eq!(main_of(&both), "b");
        assert_eq!(main_of(&both[..1]), "a");
        assert_eq!(main_of(&[]), "");
        assert_eq!(shown(&both, "b"), both);
        assert_eq!(shown(&both, ""), []);
        let alone = Contact { kind: Some("work".into()), ..contact("c", Some(true)) };
        assert_eq!(shown(&both, "c"), [alone]);
    }
}
