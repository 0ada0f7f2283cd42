//! New passwords: what they must be, and how they take the place of old ones. One in use already is not judged.

use crate::access::{Caller, Over, action};
use crate::audit::{Event, Visit, Written};
use crate::cx::Cx;
use crate::method;
use crate::name::{CanonicalName, LONGEST};
use crate::revision::ChangeError;
use crate::sign_in::SignInError;
use crate::user::{self, Keep, User};
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
    set(cx, user, new, keep, event).await.map_err(OwnError::New)
}

/// Gives a user another password, and ends the sessions it has.
pub async fn give(cx: &Cx, over: Over<action::ResetPasswords, User>, new: Secret) -> Result<(), ChangeError> {
    let event = user::written(over.thing(), over.permit().by(), Written::Password);
    set(cx, over.thing(), new, Keep::None, event).await
}

async fn set(cx: &Cx, user: &User, new: Secret, keep: Keep, event: Event) -> Result<(), ChangeError> {
    let chosen = Chosen::new(new, &user.name.canonical())?;
    let hash = cx.hasher.make(chosen.into_secret(), cx.policy.hash_cost).await?;
    let entry = event.at(cx.clock.now());
    cx.store.replace_password(user.id, &hash, keep, &entry).await.map_err(ChangeError::changing)
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
