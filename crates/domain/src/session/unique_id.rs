//! The bcrypt hash of a session's id that its tokens carry, in little memory.

use base64::Engine;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};

/// What ours begin with: the version and the cost.
const BEGINNING: &str = "$2b$04$";

/// How many letters the salt has.
const SALT: usize = 22;

const LETTERS: GeneralPurpose = GeneralPurpose::new(&alphabet::BCRYPT, NO_PAD);

/// A bcrypt hash: as the bytes that its letters stand for, or as it is written when it is not like ours.
pub(super) enum UniqueId {
    Packed { salt: [u8; 16], hash: [u8; 23] },
    Written(Box<str>),
}

impl From<&str> for UniqueId {
    fn from(text: &str) -> Self {
        packed(text).unwrap_or_else(|| Self::Written(text.into()))
    }
}

fn packed(text: &str) -> Option<UniqueId> {
    let (salt, hash) = text.strip_prefix(BEGINNING)?.split_at_checked(SALT)?;
    // Bytes with two spellings are refused here, so the text can be written again as it was.
    let (salt, hash) = (LETTERS.decode(salt).ok()?, LETTERS.decode(hash).ok()?);
    Some(UniqueId::Packed { salt: salt.try_into().ok()?, hash: hash.try_into().ok()? })
}

impl UniqueId {
    /// The hash as it is written.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Packed { salt, hash } => {
                let mut text = String::with_capacity(BEGINNING.len() + 4 * (salt.len() + hash.len()) / 3 + 2);
                text.push_str(BEGINNING);
                LETTERS.encode_string(salt, &mut text);
                LETTERS.encode_string(hash, &mut text);
                text
            }
            Self::Written(text) => text.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_told_as_it_was_written() {
        let ours = bcrypt::hash_with_salt("3fTqk0ZpXyLr9bWcV2uN7e", 4, [7; 16]).unwrap();
        let ours = ours.format_for_version(bcrypt::Version::TwoB);
        assert!(matches!(UniqueId::from(&*ours), UniqueId::Packed { .. }), "{ours}");
        let (beginning, _) = ours.split_at(ours.len() - 1);
        let others = [
            String::new(),
            "$2b$04$".into(),
            ours.replace("$2b$", "$2a$"),
            ours.replace("$04$", "$05$"),
            beginning.into(),
            format!("{ours}."),
            // The last letter stands for more bits than are left.
            format!("{beginning}9"),
        ];
        for other in &others {
            assert!(matches!(UniqueId::from(&**other), UniqueId::Written(_)), "{other}");
        }
        for text in others.iter().chain([&ours]) {
            assert_eq!(UniqueId::from(&**text).text(), *text);
        }
    }
}
