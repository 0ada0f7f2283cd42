//! Names that people sign in with: one canonical form, so that one person has one counter and one account.

use aws_lc_rs::digest;
use std::fmt;
use std::str::FromStr;
use unicode_normalization::UnicodeNormalization;
use wire::ClientId;

/// The longest name, in characters (protocol.md 2.1).
pub const LONGEST: usize = 255;

/// A name as presented at a door, folded to the form in which names are compared.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct CanonicalName(String);

impl CanonicalName {
    /// Folds whatever was presented; a name that nobody can have stays one that nobody has.
    pub fn of(presented: &str) -> Self {
        Self(presented.nfkc().collect::<String>().to_lowercase().nfkc().collect())
    }

    /// The folded text, as a store keeps it for look-up.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key of this name's counter. People type passwords into name fields, so the text itself is not kept.
    pub fn digest(&self) -> NameDigest {
        let digest = digest::digest(&digest::SHA256, self.0.as_bytes());
        NameDigest(digest.as_ref().try_into().unwrap_or([0; 32]))
    }
}

impl fmt::Debug for CanonicalName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CanonicalName({:?})", self.digest())
    }
}

/// SHA-256 of a canonical name.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct NameDigest(pub [u8; 32]);

impl fmt::Debug for NameDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().take(6).try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The name of an account: an e-mail address, or letters, digits and `- _ . '` (protocol.md 7.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserName(Box<str>);

impl UserName {
    /// The name as its owner writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form in which it is compared.
    pub fn canonical(&self) -> CanonicalName {
        CanonicalName::of(&self.0)
    }

    /// The name that an OAuth client goes by: no account can have it, for it has a colon.
    pub(crate) fn of_client(id: ClientId) -> Self {
        Self(format!("client:{}", id.base62()).into())
    }
}

/// This text cannot be the name of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a user name is an e-mail address, or letters, digits and - _ . ' only, at most 255 characters")]
pub struct NotAName;

impl FromStr for UserName {
    type Err = NotAName;

    fn from_str(text: &str) -> Result<Self, NotAName> {
        let (person, host) = text.split_once('@').unwrap_or((text, "host"));
        let of_name = |c: char| c.is_alphanumeric() || "-_.'".contains(c);
        let of_mail = |c: char| of_name(c) || "+!#$%&*/=?^`{|}~".contains(c);
        let good_person =
            if text.contains('@') { person.chars().all(of_mail) } else { person.chars().all(of_name) };
        let good_host = host.chars().all(|c| c.is_alphanumeric() || "-.".contains(c));
        let good_length = text.chars().count() <= LONGEST && !person.is_empty() && !host.is_empty();
        (good_person && good_host && good_length).then(|| Self(text.into())).ok_or(NotAName)
    }
}

/// What people call a role, a group or an org: 1 to 255 characters that can be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label(String);

impl Label {
    /// The text as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form in which it is compared.
    pub fn canonical(&self) -> CanonicalName {
        CanonicalName::of(&self.0)
    }
}

/// This text cannot be what people call something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a name is 1 to 255 characters that can be seen")]
pub struct NotALabel;

impl FromStr for Label {
    type Err = NotALabel;

    fn from_str(text: &str) -> Result<Self, NotALabel> {
        let text = text.trim();
        let good_length = (1..=LONGEST).contains(&text.chars().count());
        let good = good_length && !text.chars().any(char::is_control);
        good.then(|| Self(text.to_owned())).ok_or(NotALabel)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_name_are_one() {
        for spelling in ["etl.robot", "ETL.Robot", "\u{ff25}tl.robot"] {
            assert_eq!(CanonicalName::of(spelling), CanonicalName::of("etl.robot"));
        }
        assert_eq!(CanonicalName::of("Jose\u{301}"), CanonicalName::of("JOS\u{c9}"));
        assert_ne!(CanonicalName::of("etl.robot "), CanonicalName::of("etl.robot"));
    }

    #[test]
    fn a_user_name_keeps_its_rule() {
        for good in ["etl.robot", "o'neil_2-x", "ops@acme.test", "a+b@acme.test"] {
            assert!(good.parse::<UserName>().is_ok(), "{good}");
        }
        for bad in ["", "a b", "@acme.test", "a@", "a@b@c", "a\u{0}", &"x".repeat(256)] {
            assert_eq!(bad.parse::<UserName>(), Err(NotAName), "{bad}");
        }
    }
}
