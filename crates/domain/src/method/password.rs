//! Proof by password. Every refusal looks the same and costs one hash; the true reason goes to the audit log.

use super::hash::PasswordHash;
use super::{Busy, Proof};
use crate::attempts::{self, Limits, NoAttempt};
use crate::audit::trail::{self, Knock};
use crate::audit::{Event, Refusal, Visit};
use crate::cx::{Cx, Lockout};
use crate::name::CanonicalName;
use crate::org;
use crate::sign_in::SignInError;
use crate::store::StoreError;
use crate::user::{Account, Authenticator};
use std::sync::Arc;
use wire::Secret;

/// Proves that whoever presents `password` is the user called `name`.
pub(crate) async fn prove(
    cx: &Cx,
    name: &CanonicalName,
    password: Secret,
    visit: Visit,
) -> Result<Proof, SignInError> {
    cx.hasher.admit()?;
    let account = cx.store.account(name).await?;
    let user = account.as_ref().map(|account| account.user.id);
    let limits = limits(cx, account.as_ref()).await?;
    let attempt = attempts::claim(cx, name.digest(), limits).await;
    let attempt = attempt.inspect_err(|no| match no {
        NoAttempt::Locked { until } => {
            trail::knocked(cx, name.digest(), Knock { user, until: *until, visit })
        }
        NoAttempt::Busy | NoAttempt::Store(_) => {}
    })?;
    let right = match cx.hasher.check(password.clone(), hash_to_compare(cx, account.as_ref())?).await {
        Ok(right) => right,
        Err(busy) => {
            attempt.released(cx).await?;
            return Err(busy.into());
        }
    };
    let account = match verdict(account, right) {
        Ok(account) => account,
        Err(reason) => {
            let now = cx.clock.now();
            let name = name.digest().into();
            attempt
                .failed(cx, |locked| Event::SignInRefused { name, user, reason, locked, visit }.at(now))
                .await?;
            return Err(SignInError::Refused);
        }
    };
    attempt.succeeded(cx).await?;
    renew(cx, &account, password).await?;
    let org = cx
        .store
        .org(account.user.org)
        .await?
        .ok_or_else(|| StoreError::Corrupt("a user without its org".into()))?;
    Ok(Proof { user: Arc::new(account.user), org, method: "password", visit })
}

/// What the org of the account says; of a name that nobody has, what the instance says.
async fn limits(cx: &Cx, account: Option<&Account>) -> Result<Limits, StoreError> {
    let Lockout { max_attempts, lock, forget, .. } = cx.policy.lockout;
    let Some(Account { user, .. }) = account else {
        return Ok(Limits { max: max_attempts, lock, forget });
    };
    let org = org::of(cx, user.org).await?;
    let max = user.max_login_attempts.unwrap_or(org.max_login_attempts(&cx.policy));
    Ok(Limits { max, lock: org.lock(&cx.policy), forget })
}

/// The account's hash, or for a name that has none a decoy that costs as much as one made today.
fn hash_to_compare(cx: &Cx, account: Option<&Account>) -> Result<PasswordHash, StoreError> {
    account
        .and_then(|account| account.password.clone())
        .or_else(|| PasswordHash::decoy(cx.policy.hash_cost))
        .ok_or_else(|| StoreError::Corrupt("the password cost in force cannot be hashed with".into()))
}

fn verdict(account: Option<Account>, right: bool) -> Result<Account, Refusal> {
    let account = account.ok_or(Refusal::UnknownName)?;
    if account.password.is_none() || account.user.authenticator == Authenticator::Saml {
        return Err(Refusal::NoPassword);
    }
    if !right {
        return Err(Refusal::WrongPassword);
    }
    if account.user.is_active() { Ok(account) } else { Err(Refusal::Disabled) }
}

/// Makes an outdated hash anew while the password is at hand; a busy pool leaves that to the next sign-in.
async fn renew(cx: &Cx, account: &Account, password: Secret) -> Result<(), StoreError> {
    let Some(old) = account.password.as_ref().filter(|hash| hash.is_outdated(cx.policy.hash_cost)) else {
        return Ok(());
    };
    let new = match cx.hasher.make(password, cx.policy.hash_cost).await {
        Ok(new) => new,
        Err(Busy) => return Ok(()),
    };
    let event = Event::PasswordRehashed { user: account.user.id, org: account.user.org };
    cx.store.rehash(account.user.id, old, &new, &event.at(cx.clock.now())).await
}

impl From<NoAttempt> for SignInError {
    fn from(no: NoAttempt) -> Self {
        match no {
            NoAttempt::Locked { .. } => Self::Locked,
            NoAttempt::Busy => Self::Busy,
            NoAttempt::Store(error) => Self::Store(error),
        }
    }
}

impl From<Busy> for SignInError {
    fn from(_: Busy) -> Self {
        Self::Busy
    }
}
