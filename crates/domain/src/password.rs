//! What a new password must be. A password that is in use already is not judged.

use crate::name::{CanonicalName, LONGEST};
use wire::Secret;

/// The shortest password that is taken, in characters.
pub const SHORTEST: usize = 8;

/// A password that keeps the rules; nothing else becomes a hash in the name of a user.
#[derive(Debug)]
pub struct Chosen(Secret);

/// Why a password was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Weakness {
    /// It is too short.
    #[error("a password has at least {SHORTEST} characters")]
    Short,
    /// It is too long to be read at a sign-in.
    #[error("a password has at most {LONGEST} characters")]
    Long,
    /// It is the name of the user, or little more.
    #[error("a password is not the name of its user")]
    Name,
    /// It is one character again and again.
    #[error("a password is more than one character again and again")]
    Monotonous,
}

impl Chosen {
    /// Takes a password for the user with this name, if it keeps the rules.
    pub fn new(password: Secret, name: &CanonicalName) -> Result<Self, Weakness> {
        let (length, text) = (password.expose().chars().count(), password.expose());
        if length < SHORTEST {
            return Err(Weakness::Short);
        }
        if length > LONGEST {
            return Err(Weakness::Long);
        }
        if CanonicalName::of(text) == *name {
            return Err(Weakness::Name);
        }
        let first = text.chars().next();
        if text.chars().all(|one| Some(one) == first) {
            return Err(Weakness::Monotonous);
        }
        Ok(Self(password))
    }

    pub(crate) fn into_secret(self) -> Secret {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_keeps_its_rules() {
        let name = CanonicalName::of("etl.robot");
        let weakness = |text: &str| Chosen::new(Secret::new(text), &name).err();
        assert_eq!(weakness("eight by"), None);
        assert_eq!(weakness("ééééé ßß"), None);
        assert_eq!(weakness("seven 7"), Some(Weakness::Short));
        assert_eq!(weakness("ETL.Robot"), Some(Weakness::Name));
        assert_eq!(weakness("aaaaaaaaaaaa"), Some(Weakness::Monotonous));
        assert_eq!(weakness(&"ab".repeat(128)), Some(Weakness::Long));
    }
}
