//! How entries hang together: each is hashed with the hash of the one before it.

use crate::time::Timestamp;
use aws_lc_rs::digest::{Context, SHA256};
use std::fmt;
use std::str::FromStr;
use wire::OrgId;

/// What is hashed begins with these bytes, so that nothing else that is hashed here can pass for an entry.
const ENTRY: &[u8] = b"latchkey audit entry v1\n";

/// The hash of an entry, which stands for it and all entries before it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Link(pub [u8; 32]);

impl Link {
    /// What the first entry follows.
    pub const NOTHING: Self = Self([0; 32]);
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// This text is not 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a hash is 64 lower-case hexadecimal digits")]
pub struct NotALink;

impl FromStr for Link {
    type Err = NotALink;

    fn from_str(text: &str) -> Result<Self, NotALink> {
        let mut bytes = [0; 32];
        let is_ours = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() != 64 || !text.bytes().all(is_ours) {
            return Err(NotALink);
        }
        for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
            let digits = std::str::from_utf8(digits).map_err(|_| NotALink)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| NotALink)?;
        }
        Ok(Self(bytes))
    }
}

/// What of an entry is hashed: its number, its instant, its org, and its event byte for byte.
#[derive(Debug, Clone, Copy)]
pub struct Written<'a> {
    /// Its number; the first is 1.
    pub seq: i64,
    /// When.
    pub at: Timestamp,
    /// Whose record it is.
    pub org: Option<OrgId>,
    /// What, as JSON.
    pub event: &'a str,
}

impl Written<'_> {
    /// The hash of this entry behind `before`. The bytes are described in docs/reference/audit.md and never change.
    pub fn after(&self, before: Link) -> Link {
        let mut hash = Context::new(&SHA256);
        hash.update(ENTRY);
        hash.update(&before.0);
        hash.update(&self.seq.to_be_bytes());
        hash.update(&self.at.as_micros().to_be_bytes());
        hash.update(&[u8::from(self.org.is_some())]);
        hash.update(&self.org.map_or(0, OrgId::bits).to_be_bytes());
        hash.update(self.event.as_bytes());
        Link(hash.finish().as_ref().try_into().unwrap_or([0; 32]))
    }
}

/// An entry as it stands in the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// Its number.
    pub seq: i64,
    /// When.
    pub at: Timestamp,
    /// Whose record it is.
    pub org: Option<OrgId>,
    /// What, as JSON.
    pub event: String,
    /// Its hash.
    pub hash: Link,
}

impl Sealed {
    /// What of it is hashed.
    pub fn written(&self) -> Written<'_> {
        Written { seq: self.seq, at: self.at, org: self.org, event: &self.event }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRY: Written<'_> = Written {
        seq: 7,
        at: Timestamp::from_micros(1_787_395_152_736_999),
        org: Some(OrgId::from_bits(1)),
        event: r#"{"event":"signed_out"}"#,
    };

    #[test]
    fn the_bytes_of_an_entry_never_change() {
        // Reckoned with Python's hashlib by the recipe of docs/reference/audit.md.
        assert_eq!(
            ENTRY.after(Link::NOTHING).to_string(),
            "9c6b4b89bc822fe806c4283d1b6c8a4a06baecc966ad557912ef5a81c0235b34"
        );
    }

    #[test]
    fn whatever_of_an_entry_differs_its_hash_differs() {
        let hash = ENTRY.after(Link::NOTHING);
        let others = [
            Written { seq: 8, ..ENTRY }.after(Link::NOTHING),
            Written { at: Timestamp::from_micros(1_787_395_152_737_000), ..ENTRY }.after(Link::NOTHING),
            Written { org: None, ..ENTRY }.after(Link::NOTHING),
            Written { org: Some(OrgId::from_bits(0)), ..ENTRY }.after(Link::NOTHING),
            Written { event: r#"{"event":"signed_ouT"}"#, ..ENTRY }.after(Link::NOTHING),
            ENTRY.after(hash),
        ];
        assert!(others.iter().all(|other| *other != hash));
        let nobody = Written { org: None, ..ENTRY }.after(Link::NOTHING);
        assert_ne!(nobody, Written { org: Some(OrgId::from_bits(0)), ..ENTRY }.after(Link::NOTHING));
    }

    #[test]
    fn a_hash_has_one_spelling() {
        let hash = ENTRY.after(Link::NOTHING);
        assert_eq!(hash.to_string().parse(), Ok(hash));
        for wrong in ["", "00", &hash.to_string().to_uppercase(), &format!("{hash}0"), &"+".repeat(64)] {
            assert_eq!(wrong.parse::<Link>(), Err(NotALink), "{wrong}");
        }
    }
}
