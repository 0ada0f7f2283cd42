//! New passwords: what they must be, and how they take the place of old ones. One in use already is not judged.

use crate::access::{Caller, Over, action};
use crate::attempts;
use crate::audit::{Event, Visit, Written};
use crate::common;
use crate::cx::Cx;
use crate::flow::{Flow, Waiter};
use crate::method;
use crate::method::hash::PasswordHash;
use crate::name::{CanonicalName, LONGEST};
use crate::org::{self, Org};
use crate::revision::ChangeError;
use crate::sign_in::SignInError;
use crate::store::StoreError;
use crate::time::Timestamp;
use crate::user::{self, Account, Authenticator, Keep, User};
use std::time::Duration;
use wire::{Secret, UserId};

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
    /// It was used before.
    #[error("this password was used before")]
    Used,
    /// The answer to a security question is too short.
    #[error("the answer to a security question has at least {SHORTEST_ANSWER} characters")]
    ShortAnswer,
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
        method::password::prove_again(cx, user.name.canonical(), old, visit).await.map_err(OwnError::Old)?;
    if proof.user().id != user.id {
        return Err(OwnError::Old(SignInError::Refused));
    }
    let keep = caller.session().map_or(Keep::None, |session| Keep::Only(session.digest));
    let event = user::written(user, user.id, Written::Password);
    // As it was proven: whoever was disabled or given another password meanwhile does not get this one.
    set(cx, proof.user(), new, By::Owner(keep), event).await.map_err(OwnError::New)
}

/// Gives a user another password, ends the sessions it has, and lifts the lock on its name.
pub async fn give(cx: &Cx, over: Over<action::ResetPasswords, User>, new: Secret) -> Result<(), ChangeError> {
    if over.thing().authenticator == Authenticator::Saml {
        return Err(ChangeError::NoPassword);
    }
    give_any(cx, over, new).await
}

/// The same for whoever is to sign in by it from now on, wherever they signed in before.
pub(crate) async fn give_any(
    cx: &Cx,
    over: Over<action::ResetPasswords, User>,
    new: Secret,
) -> Result<(), ChangeError> {
    let (user, by) = (over.thing(), over.permit().by());
    set(cx, user, new, By::Another, user::written(user, by, Written::Password)).await?;
    // Whoever gets a new password has failed with the old one.
    Ok(attempts::lift_by(cx, user, by).await?)
}

/// Who sets a password.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    /// Whose it is; these sessions go on.
    Owner(Keep),
    /// Somebody else: the answer to the security question may be that of whom it is to keep out.
    Another,
}

async fn set(cx: &Cx, user: &User, new: Secret, by: By, event: Event) -> Result<(), ChangeError> {
    let (org, now) = (org::of(cx, user.org).await?, cx.clock.now());
    let Chosen(new) = Chosen::new(new, &user.name.canonical(), org.password_rules(&cx.policy))?;
    let reuse = org.reuse_days(&cx.policy);
    let since = now - days(reuse);
    if reuse > 0 && was_used(cx, user, since, &new).await? {
        return Err(Weakness::Used.into());
    }
    let hash = cx.hash(user.org, new).await?;
    let (keep, forgets_answer) = match by {
        By::Owner(keep) => (keep, false),
        By::Another => (Keep::None, true),
    };
    let next = Replacement { hash, remember: since, forgets_answer };
    cx.store.replace_password(user, &next, keep, &event.at(now)).await.map_err(ChangeError::changing)
}

/// How many passwords of a user are remembered at the most; each costs a hash when a new one is chosen.
pub const REMEMBERED: u32 = 24;

/// A password that takes the place of another.
#[derive(Debug)]
pub struct Replacement {
    /// Its hash.
    pub hash: PasswordHash,
    /// What was replaced before this instant is forgotten, and what is beyond [`REMEMBERED`].
    pub remember: Timestamp,
    /// Whether the answer to the security question goes with the password before.
    pub forgets_answer: bool,
}

/// Whether it is the password in force, or one that was replaced since.
async fn was_used(cx: &Cx, user: &User, since: Timestamp, new: &Secret) -> Result<bool, ChangeError> {
    for hash in cx.store.passwords(user.id, since).await? {
        let place = cx.hasher.admit(Flow::within(user.org), Waiter::always())?;
        if place.check(new.clone(), hash).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether the password of a user of this org has to be changed because of its age. It still signs in.
pub(crate) async fn is_too_old(cx: &Cx, org: &Org, user: UserId) -> Result<bool, StoreError> {
    let life = org.expiration_days(&cx.policy);
    if life == 0 {
        return Ok(false);
    }
    let Some(set_at) = cx.store.password_set_at(user).await? else { return Ok(false) };
    let since = set_at.max(org.decided.expires_since.unwrap_or_default());
    Ok(cx.clock.now().since(since) >= days(life))
}

const fn days(number: u32) -> Duration {
    Duration::from_secs(number as u64 * 24 * 60 * 60)
}

/// Chooses a new password with the answer to the security question instead of the old one (protocol.md 5.6), and ends
/// every session. The answer is counted like a password, and every refusal is the same.
pub async fn reset(cx: &Cx, whose: &str, answer: Secret, new: Secret, visit: Visit) -> Result<(), OwnError> {
    let account = named(cx, whose).await.map_err(|error| OwnError::Old(error.into()))?;
    let name = account
        .as_ref()
        .map_or_else(|| CanonicalName::of(whose).digest(), |account| account.user.name.canonical().digest());
    let account = method::password::prove_answer(cx, account, name, folded(&answer), visit);
    let user = account.await.map_err(OwnError::Old)?.user;
    let event = user::written(&user, user.id, Written::Password);
    set(cx, &user, new, By::Owner(Keep::None), event).await.map_err(OwnError::New)
}

async fn named(cx: &Cx, whose: &str) -> Result<Option<Account>, StoreError> {
    let user = match whose.parse::<UserId>() {
        Ok(id) => cx.store.user(id).await?,
        Err(_) => None,
    };
    match user {
        Some(user) => cx.store.account(&user.name.canonical()).await,
        None => Ok(None),
    }
}

/// The shortest answer to a security question, in characters.
const SHORTEST_ANSWER: usize = 4;

/// An answer to a security question that can be kept.
#[derive(Debug)]
pub struct Answer(Secret);

impl Answer {
    /// Takes an answer, unless it is too short. Answers are compared without their case and the blanks around them.
    pub fn new(answer: &Secret) -> Result<Self, Weakness> {
        let answer = folded(answer);
        let is_long = answer.expose().chars().count() >= SHORTEST_ANSWER;
        is_long.then_some(Self(answer)).ok_or(Weakness::ShortAnswer)
    }
}

fn folded(answer: &Secret) -> Secret {
    Secret::new(CanonicalName::of(answer.expose().trim()).as_str())
}

/// Sets the answer to a user's security question. It opens as much as a password, so nobody sets their own this way.
pub async fn set_answer(
    cx: &Cx,
    over: &Over<action::ResetPasswords, User>,
    answer: Answer,
) -> Result<(), ChangeError> {
    write_answer(cx, over.thing(), over.permit().by(), answer).await
}

/// Sets the answer to one's own security question; the password is proven as at a sign-in.
pub async fn set_own_answer(
    cx: &Cx,
    caller: &Caller,
    password: Secret,
    answer: Answer,
    visit: Visit,
) -> Result<(), OwnError> {
    let name = caller.user().name.canonical();
    let proof = method::password::prove_again(cx, name, password, visit).await.map_err(OwnError::Old)?;
    if proof.user().id != caller.user().id {
        return Err(OwnError::Old(SignInError::Refused));
    }
    write_answer(cx, proof.user(), caller.user().id, answer).await.map_err(OwnError::New)
}

async fn write_answer(cx: &Cx, user: &User, by: UserId, answer: Answer) -> Result<(), ChangeError> {
    if user.authenticator == Authenticator::Saml {
        return Err(ChangeError::NoPassword);
    }
    let hash = cx.hash(user.org, answer.0).await?;
    let entry = user::written(user, by, Written::SecurityAnswer).at(cx.clock.now());
    cx.store.replace_security_answer(user.id, &hash, &entry).await.map_err(ChangeError::changing)
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
