//! New passwords: what they must be, and how they take the place of old ones. One in use already is not judged.

use crate::access::{Caller, Over, action};
use crate::audit::{Event, Visit, Written};
use crate::common;
use crate::cx::Cx;
use crate::method;
use crate::name::{CanonicalName, LONGEST};
use crate::org;
use crate::revision::ChangeError;
use crate::sign_in::SignInError;
use crate::user::{self, Keep, User};
use wire::Secret;

/// What a new password must be on this instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// The fewest characters it has.
    pub min_length: u32,
    /// How many of the four kinds it has: lower case, upper case, digits, anything else.
    pub char_mix: u32,
}

impl Default for Rules {
    fn default() -> Self {
        Self { min_length: 8, char_mix: 1 }
    }
}

/// A password that keeps the rules; nothing else becomes a hash in the name of a user.
#[derive(Debug)]
pub struct Chosen(Secret);

/// Why a password was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Weakness {
    /// It is too short.
    #[error("a password has at least {0} characters")]
    Short(u32),
    /// It has too few kinds of characters.
    #[error("a password has at least {0} of these: lower case, upper case, digits, other characters")]
    Plain(u32),
    /// It is too long to be read at a sign-in.
    #[error("a password has at most {LONGEST} characters")]
    Long,
    /// It is the name of the user, or little more.
    #[error("a password is not the name of its user")]
    Name,
    /// It is among the first that anybody tries.
    #[error("this password is among the first that anybody tries")]
    Common,
}

impl Chosen {
    /// Takes a password for the user with this name, if it keeps the rules.
    pub fn new(password: Secret, name: &CanonicalName, rules: Rules) -> Result<Self, Weakness> {
        let (length, text) = (password.expose().chars().count(), password.expose());
        if length < rules.min_length as usize {
            return Err(Weakness::Short(rules.min_length));
        }
        if length > LONGEST {
            return Err(Weakness::Long);
        }
        if kinds(text) < rules.char_mix {
            return Err(Weakness::Plain(rules.char_mix));
        }
        if CanonicalName::of(text) == *name {
            return Err(Weakness::Name);
        }
        if common::is_common(text) {
            return Err(Weakness::Common);
        }
        Ok(Self(password))
    }

    pub(crate) fn into_secret(self) -> Secret {
        self.0
    }
}

/// How many of the four kinds of characters there are.
fn kinds(text: &str) -> u32 {
    let has = |kind: fn(char) -> bool| u32::from(text.chars().any(kind));
    has(char::is_lowercase)
        + has(char::is_uppercase)
        + has(|c| c.is_ascii_digit())
        + has(|c| !c.is_lowercase() && !c.is_uppercase() && !c.is_ascii_digit())
}

/// Why a password was not changed by its owner.
#[derive(Debug)]
pub enum OwnError {
    /// The old one was not proven; counted as a sign-in is.
    Old(SignInError),
    /// The new one was not written.
    New(ChangeError),
}

/// Changes one's own password: the old one is proven as at a sign-in, and every session but the caller's ends.
pub async fn change_own(
    cx: &Cx,
    caller: &Caller,
    old: Secret,
    new: Secret,
    visit: Visit,
) -> Result<(), OwnError> {
    let user = caller.user();
    let proof =
        method::password::prove(cx, &user.name.canonical(), old, visit).await.map_err(OwnError::Old)?;
    if proof.user().id != user.id {
        return Err(OwnError::Old(SignInError::Refused));
    }
    let keep = caller.session().map_or(Keep::None, |session| Keep::Only(session.digest));
    let event = user::written(user, user.id, Written::Password);
    // As it was proven: whoever was disabled or given another password meanwhile does not get this one.
    set(cx, proof.user(), new, keep, event).await.map_err(OwnError::New)
}

/// Gives a user another password, and ends the sessions it has.
pub async fn give(cx: &Cx, over: Over<action::ResetPasswords, User>, new: Secret) -> Result<(), ChangeError> {
    let event = user::written(over.thing(), over.permit().by(), Written::Password);
    set(cx, over.thing(), new, Keep::None, event).await
}

async fn set(cx: &Cx, user: &User, new: Secret, keep: Keep, event: Event) -> Result<(), ChangeError> {
    let org = org::of(cx, user.org).await?;
    let chosen = Chosen::new(new, &user.name.canonical(), org.password_rules(&cx.policy))?;
    let hash = cx.hasher.make(chosen.into_secret(), cx.policy.hash_cost).await?;
    let entry = event.at(cx.clock.now());
    cx.store.replace_password(user, &hash, keep, &entry).await.map_err(ChangeError::changing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_keeps_its_rules() {
        let name = CanonicalName::of("etl.robot");
        let by = |text: &str, rules| Chosen::new(Secret::new(text), &name, rules).err();
        let weakness = |text: &str| by(text, Rules::default());
        assert_eq!(weakness("eight by"), None);
        assert_eq!(weakness("ééééé ßß"), None);
        assert_eq!(weakness("seven 7"), Some(Weakness::Short(8)));
        assert_eq!(weakness("ETL.Robot"), Some(Weakness::Name));
        assert_eq!(weakness("aaaaaaaaaaaa"), Some(Weakness::Common));
        assert_eq!(weakness(&"ab".repeat(128)), Some(Weakness::Long));
        let strict = Rules { min_length: 10, char_mix: 4 };
        assert_eq!(by("a good one", strict), Some(Weakness::Plain(4)));
        assert_eq!(by("A good 1", strict), Some(Weakness::Short(10)));
        assert_eq!(by("A good 1, or 2", strict), None);
    }
}
