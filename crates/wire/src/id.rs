//! Identifiers: 128 bits with two spellings, 22 characters of base 62 or a UUID (protocol.md 1.2).

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{fmt, str::FromStr};
use uuid::Uuid;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const LENGTH: usize = 22;

/// This text is neither 22 characters of base 62 nor a UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAnId;

impl fmt::Display for NotAnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an id is 22 characters of 0-9A-Za-z, or a UUID")
    }
}

impl std::error::Error for NotAnId {}

/// The 22-character spelling of 128 bits.
pub fn base62(bits: u128) -> String {
    text(&digits(bits)).to_owned()
}

/// The same without an allocation, for whoever writes it into something else.
fn digits(bits: u128) -> [u8; LENGTH] {
    // Dividing 128 bits is slow, so ten digits at a time are taken off and divided as 64 bits.
    const TEN_DIGITS: u128 = 62u128.pow(10);
    let mut digits = [b'0'; LENGTH];
    let mut left = bits;
    for places in digits.rchunks_mut(10) {
        let more = left / TEN_DIGITS;
        let mut portion = (left - more * TEN_DIGITS) as u64;
        left = more;
        for place in places.iter_mut().rev() {
            *place = *ALPHABET.get((portion % 62) as usize).unwrap_or(&b'0');
            portion /= 62;
        }
    }
    digits
}

fn text(digits: &[u8; LENGTH]) -> &str {
    std::str::from_utf8(digits).unwrap_or_default()
}

/// Reads either spelling.
pub fn parse(text: &str) -> Result<u128, NotAnId> {
    if text.len() == LENGTH { from_base62(text) } else { from_uuid(text) }
}

fn from_base62(text: &str) -> Result<u128, NotAnId> {
    text.bytes().try_fold(0u128, |bits, byte| {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'A'..=b'Z' => byte - b'A' + 10,
            b'a'..=b'z' => byte - b'a' + 36,
            _ => return Err(NotAnId),
        };
        bits.checked_mul(62).and_then(|bits| bits.checked_add(digit.into())).ok_or(NotAnId)
    })
}

fn from_uuid(text: &str) -> Result<u128, NotAnId> {
    // `Uuid` also reads braces, URNs and the spelling without hyphens; the wire has one spelling.
    let uuid = Uuid::try_parse(text).map_err(|_| NotAnId)?;
    if text.len() == 36 { Ok(uuid.as_u128()) } else { Err(NotAnId) }
}

/// 128 bits in two halves, the higher first. Whole they would begin at every sixteenth byte only, and leave gaps in the
/// records of users and sessions, of which there are millions.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Bits {
    high: u64,
    low: u64,
}

impl Bits {
    const fn of(bits: u128) -> Self {
        Self { high: (bits >> 64) as u64, low: bits as u64 }
    }

    const fn whole(self) -> u128 {
        (self.high as u128) << 64 | self.low as u128
    }
}

macro_rules! id {
    ($name:ident, $prefix:literal, $what:literal) => {
        #[doc = $what]
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Bits);

        impl $name {
            /// The id with these 128 bits.
            pub const fn from_bits(bits: u128) -> Self {
                Self(Bits::of(bits))
            }

            /// The 128 bits, as a store keeps them.
            pub const fn bits(self) -> u128 {
                self.0.whole()
            }

            /// The 22-character spelling.
            pub fn base62(self) -> String {
                base62(self.bits())
            }

            /// The UUID spelling of the same bits.
            pub fn uuid(self) -> String {
                Uuid::from_u128(self.bits()).hyphenated().to_string()
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;
            fn from_str(text: &str) -> Result<Self, NotAnId> {
                parse(text).map(Self::from_bits)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, ":{}"), text(&digits(self.bits())))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, into: S) -> Result<S::Ok, S::Error> {
                into.serialize_str(text(&digits(self.bits())))
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

id!(OrgId, "org", "An organisation.");
id!(UserId, "user", "A user.");
id!(RoleId, "role", "A role.");
id!(GroupId, "group", "A group of users.");
id!(PrivilegeId, "privilege", "One thing that a role may allow.");
id!(IdentityProviderId, "provider", "An identity provider.");
id!(ClientId, "client", "An OAuth client.");
id!(ClientSecretId, "client-secret", "A secret of an OAuth client; it names the secret and opens nothing.");
id!(ScimTokenId, "scim", "A SCIM token; the secret itself is another text.");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_name_the_same_id() {
        let id = OrgId::from_bits(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef);
        assert_eq!(id.base62().len(), 22);
        assert_eq!(id.uuid(), "01234567-89ab-cdef-0123-456789abcdef");
        assert_eq!(id.base62().parse(), Ok(id));
        assert_eq!(id.uuid().parse(), Ok(id));
        assert_eq!(OrgId::from_bits(u128::MAX).base62().parse(), Ok(OrgId::from_bits(u128::MAX)));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in
            ["", "abc", "zzzzzzzzzzzzzzzzzzzzzz", "0123456789abcdef0123456789abcdef", "é23456789012345678901"]
        {
            assert_eq!(text.parse::<OrgId>(), Err(NotAnId), "{text}");
        }
    }
}
