//! Proof by password. Every refusal looks the same and costs one hash; the true reason goes to the audit log.

use super::hash::PasswordHash;
use super::{Busy, Place, Proof};
use crate::attempts::{self, Limits, NoAttempt, Tried};
use crate::audit::trail::{self, Knock};
use crate::audit::{Event, Refusal, Visit};
use crate::cx::{Cx, Lockout};
use crate::flow::Waiter;
use crate::name::{CanonicalName, NameDigest};
use crate::network::Network;
use crate::org::{self, Org};
use crate::password;
use crate::sign_in::SignInError;
use crate::store::StoreError;
use crate::user::{Account, Authenticator};
use std::sync::Arc;
use std::time::Duration;
use wire::Secret;

/// Attempts on a lock are summed up after this long at the latest, however long it holds.
const SUMMED_UP: Duration = Duration::from_secs(60 * 60);

/// Somebody who says that a name is theirs, and has a place in the queue of hashes.
pub struct Admitted {
    pub(crate) name: CanonicalName,
    place: Box<dyn Place>,
    visit: Visit,
}

/// Takes a place before anything is read or begun, or says at once that there is none.
pub(crate) fn admit(cx: &Cx, name: CanonicalName, visit: Visit, waiter: Waiter) -> Result<Admitted, Busy> {
    let place = admitted(cx, name.digest(), visit, waiter)?;
    Ok(Admitted { name, place, visit })
}

/// Proves that somebody with a session is still whoever has this name, for an act that is finished if nobody waits for it.
pub(crate) async fn prove_again(
    cx: &Cx,
    name: CanonicalName,
    password: Secret,
    visit: Visit,
) -> Result<Proof, SignInError> {
    let admitted = admit(cx, name, visit, Waiter::always())?;
    prove(cx, admitted, password).await
}

/// Proves that whoever presents `password` is the user by whose name they were admitted.
pub(crate) async fn prove(cx: &Cx, admitted: Admitted, password: Secret) -> Result<Proof, SignInError> {
    let Admitted { name, place, visit } = admitted;
    let account = cx.store.account(&name).await?;
    let kept = account.as_ref().and_then(|account| account.password.clone());
    let claimed = Claimed::new(cx, (name.digest(), place), account, kept).await?;
    let (account, org) = claimed.compare(cx, password.clone(), Refusal::WrongPassword, visit).await?;
    renew(cx, &account, password).await?;
    let mut user = account.user;
    user.must_change_password |= password::is_too_old(cx, &org, user.id).await?;
    Ok(Proof { user: Arc::new(user), org, method: "password", visit })
}

/// Proves that whoever presents `answer` knows what the user with this id once answered; `name` is what is counted. It
/// opens no session.
pub(crate) async fn prove_answer(
    cx: &Cx,
    account: Option<Account>,
    name: NameDigest,
    answer: Secret,
    visit: Visit,
) -> Result<Account, SignInError> {
    let place = admitted(cx, name, visit, Waiter::always())?;
    let kept = match &account {
        Some(account) => cx.store.security_answer(account.user.id).await?,
        None => None,
    };
    let claimed = Claimed::new(cx, (name, place), account, kept).await?;
    Ok(claimed.compare(cx, answer, Refusal::WrongAnswer, visit).await?.0)
}

/// A place in the queue of hashes, before anything is read of the name.
fn admitted(cx: &Cx, name: NameDigest, visit: Visit, waiter: Waiter) -> Result<Box<dyn Place>, Busy> {
    cx.hasher.admit(cx.flows.of(name, Network::of(visit.address)), waiter)
}

/// Somebody who says that they are the owner of an account, if there is one.
struct Claimed {
    name: NameDigest,
    place: Box<dyn Place>,
    account: Option<(Account, Arc<Org>)>,
    kept: Option<PasswordHash>,
}

impl Claimed {
    async fn new(
        cx: &Cx,
        (name, place): (NameDigest, Box<dyn Place>),
        account: Option<Account>,
        kept: Option<PasswordHash>,
    ) -> Result<Self, StoreError> {
        let account = match account {
            Some(account) => {
                let org = org::of(cx, account.user.org).await?;
                Some((account, org))
            }
            None => None,
        };
        Ok(Self { name, place, account, kept })
    }

    /// Counts the attempt, compares, and judges; a secret that is not the one that is kept is refused as `wrong`.
    async fn compare(
        self,
        cx: &Cx,
        secret: Secret,
        wrong: Refusal,
        visit: Visit,
    ) -> Result<(Account, Arc<Org>), SignInError> {
        let (name, user) = (self.name, self.account.as_ref().map(|(account, _)| account.user.id));
        let tried = Tried { name, network: Network::of(visit.address) };
        let attempt = attempts::claim(cx, tried, self.limits(cx)).await;
        let attempt = attempt.inspect_err(|no| match no {
            NoAttempt::Locked { until } => {
                let until = (*until).min(cx.clock.now() + SUMMED_UP);
                trail::knocked(cx, name, Knock { user, until, visit });
            }
            NoAttempt::Throttled(refused) if refused.is_news => trail::throttled(cx, visit),
            NoAttempt::Throttled(_) | NoAttempt::Busy | NoAttempt::Store(_) => {}
        })?;
        let hash = self.hash_to_compare(cx)?;
        let Self { place, account, kept, .. } = self;
        let right = match place.check(secret, hash).await {
            Ok(right) => right,
            Err(busy) => {
                attempt.released(cx).await?;
                return Err(busy.into());
            }
        };
        let judged = Judged { account, is_right: right && kept.is_some() };
        match judged.verdict(cx, wrong, visit) {
            Ok((account, org)) => {
                attempt.succeeded(cx).await?;
                cx.flows.proven(tried.name, tried.network, &org);
                Ok((account, org))
            }
            Err(reason) => {
                let now = cx.clock.now();
                let name = name.into();
                let entry = |locked| Event::SignInRefused { name, user, reason, locked, visit }.at(now);
                attempt.failed(cx, entry).await?;
                Err(SignInError::Refused)
            }
        }
    }

    /// What the org of the account says; of a name that nobody has, what the instance says.
    fn limits(&self, cx: &Cx) -> Limits {
        let Lockout { max_attempts, lock, forget, failures_per_name: of_all, .. } = cx.policy.lockout;
        let Some((Account { user, .. }, org)) = &self.account else {
            return Limits { max: max_attempts, lock, forget, of_all };
        };
        let max = user.max_login_attempts.unwrap_or(org.max_login_attempts(&cx.policy));
        Limits { max, lock: org.lock(&cx.policy), forget, of_all }
    }

    /// What is kept, or for a name that has nothing a decoy that costs as much as a hash made today.
    fn hash_to_compare(&self, cx: &Cx) -> Result<PasswordHash, StoreError> {
        let decoy = || PasswordHash::decoy(cx.policy.hash_cost);
        let none = || StoreError::Corrupt("the password cost in force cannot be hashed with".into());
        self.kept.clone().or_else(decoy).ok_or_else(none)
    }
}

/// Somebody whose secret was compared.
struct Judged {
    account: Option<(Account, Arc<Org>)>,
    is_right: bool,
}

impl Judged {
    fn verdict(self, cx: &Cx, wrong: Refusal, visit: Visit) -> Result<(Account, Arc<Org>), Refusal> {
        let (account, org) = self.account.ok_or(Refusal::UnknownName)?;
        if account.password.is_none() || account.user.authenticator == Authenticator::Saml {
            return Err(Refusal::NoPassword);
        }
        if !self.is_right {
            return Err(wrong);
        }
        if !account.user.is_active() {
            return Err(Refusal::Disabled);
        }
        // Counted as a failure like the others, or a lock that never comes would tell that the password was right.
        if org.admits(&cx.policy, visit.address) { Ok((account, org)) } else { Err(Refusal::Outside) }
    }
}

/// Makes an outdated hash anew while the password is at hand; a busy pool leaves that to the next sign-in.
async fn renew(cx: &Cx, account: &Account, password: Secret) -> Result<(), StoreError> {
    let Some(old) = account.password.as_ref().filter(|hash| hash.is_outdated(cx.policy.hash_cost)) else {
        return Ok(());
    };
    let Ok(new) = cx.hash(account.user.org, password).await else {
        return Ok(());
    };
    let event = Event::PasswordRehashed { user: account.user.id, org: account.user.org };
    cx.store.rehash(account.user.id, old, &new, &event.at(cx.clock.now())).await
}

impl From<NoAttempt> for SignInError {
    fn from(no: NoAttempt) -> Self {
        match no {
            NoAttempt::Locked { .. } => Self::Locked,
            NoAttempt::Throttled(refused) => Self::Throttled { wait: refused.wait },
            NoAttempt::Busy => Self::Busy(Busy::A_MOMENT),
            NoAttempt::Store(error) => Self::Store(error),
        }
    }
}

impl From<Busy> for SignInError {
    fn from(busy: Busy) -> Self {
        Self::Busy(busy)
    }
}
