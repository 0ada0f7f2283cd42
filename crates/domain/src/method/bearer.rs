//! Proof by a JWT of a registered identity provider (protocol.md 4.3). Whatever is wrong with it, one refusal is heard.

use super::assertion::{Presented, Signed};
use super::{Busy, Proof};
use crate::audit::{Distrust, Event, Visit, trail};
use crate::cx::{Cx, Federation};
use crate::identity_provider::{IdentityProvider, Meant};
use crate::key_set::KeySet;
use crate::name::{CanonicalName, NameDigest};
use crate::once::{self, Mark, NotSpent};
use crate::org::{Org, ROOT};
use crate::sign_in::SignInError;
use crate::store::StoreError;
use crate::time::Timestamp;
use crate::user::{Account, Authenticator, User};
use aws_lc_rs::digest;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use wire::{IdentityProviderId, OrgId, Secret, UserId};

pub use super::assertion::LONGEST;

/// How far the clock of an issuer may be from ours.
const SKEW: Duration = Duration::from_secs(60);

/// The longest life of an assertion; it is also how long its mark may have to be kept.
const LONGEST_LIFE: Duration = Duration::from_secs(24 * 60 * 60);

/// Refusals that are recorded in one minute for one org: they cost whoever causes them next to nothing.
const RECORDED: u32 = 600;

/// Proves who one is with an assertion that cannot be used again.
pub(crate) async fn prove(
    cx: &Cx,
    org: OrgId,
    assertion: &Secret,
    visit: Visit,
) -> Result<Proof, SignInError> {
    // As many are looked at for one org as there are cores, and its own line is the only one it can fill.
    let _turn = cx.assertions.take(turn_of(org)).await.ok_or(SignInError::Busy(Busy::A_MOMENT))?;
    match accept(cx, org, assertion).await {
        Ok((user, org)) => Ok(Proof { user, org, method: "bearer", visit }),
        Err(NotAccepted::Distrusted(about, reason)) => {
            record(cx, about, reason, visit).await?;
            Err(SignInError::NotTrusted)
        }
        Err(NotAccepted::Busy) => Err(SignInError::Busy(Busy::A_MOMENT)),
        Err(NotAccepted::Store(error)) => Err(error.into()),
    }
}

/// What is known of an assertion that was refused.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct About {
    pub(super) org: Option<OrgId>,
    pub(super) provider: Option<IdentityProviderId>,
    pub(super) user: Option<UserId>,
}

pub(super) enum NotAccepted {
    Distrusted(About, Distrust),
    Busy,
    Store(StoreError),
}

impl About {
    pub(super) fn no(self) -> impl Fn(Distrust) -> NotAccepted {
        move |reason| NotAccepted::Distrusted(self, reason)
    }
}

impl From<StoreError> for NotAccepted {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Where it belongs, who signed it, what it says, whom it means, and whether it is the first time: in this order.
async fn accept(cx: &Cx, id: OrgId, assertion: &Secret) -> Result<(Arc<User>, Arc<Org>), NotAccepted> {
    let about = About::default();
    let org = cx.store.org(id).await?.filter(|_| id != ROOT);
    let org = org.ok_or(Distrust::UnknownOrg).map_err(about.no())?;
    let about = About { org: Some(id), ..about };
    let presented = Presented::read(assertion).map_err(about.no())?;
    let issuer = presented.issuer().map_err(about.no())?;
    let providers = cx.store.identity_providers(id).await?;
    let provider = named(&providers, issuer).map_err(about.no())?;
    let about = About { provider: Some(provider.id), ..about };
    let keys = cx.key_sets.key_set(provider.terms.keys(), presented.kid()).await;
    let keys = keys.map_err(|_| about.no()(Distrust::KeysUnavailable))?;
    let held = hold(provider, &cx.policy.federation, &keys, cx.clock.now(), presented);
    let Said { signed, until } = held.map_err(about.no())?;
    let name = one_use_name(&signed).map_err(about.no())?;
    let account = meant(cx, provider, &signed, about).await?;
    let about = About { user: Some(account.user.id), ..about };
    may_come_this_way(&account.user).map_err(about.no())?;
    let mark = Mark::of_jwt(id, provider.terms.issuer(), name, until);
    match once::spend(cx, &mark).await {
        Ok(_spent) => Ok((Arc::new(account.user), org)),
        Err(NotSpent::Before) => Err(about.no()(Distrust::Replayed)),
        Err(NotSpent::TooMany) => Err(NotAccepted::Busy),
        Err(NotSpent::Store(error)) => Err(error.into()),
    }
}

/// What a token says that is signed and for here and now. It is no proof: nobody has been looked up, and it can be said
/// again.
#[derive(Debug)]
pub struct Said {
    signed: Signed,
    /// Until when it could be used.
    until: Timestamp,
}

/// Reads a token as the door does, with keys at hand, and asks no store; or says what is wrong with it.
pub fn judge(
    providers: &[IdentityProvider],
    federation: &Federation,
    keys: &KeySet,
    now: Timestamp,
    assertion: &Secret,
) -> Result<Said, Distrust> {
    let presented = Presented::read(assertion)?;
    let provider = named(providers, presented.issuer()?)?;
    let said = hold(provider, federation, keys, now, presented)?;
    one_use_name(&said.signed)?;
    said.signed.text(provider.terms.claim())?;
    Ok(said)
}

fn named<'a>(providers: &'a [IdentityProvider], issuer: &str) -> Result<&'a IdentityProvider, Distrust> {
    providers.iter().find(|provider| provider.terms.issuer() == issuer).ok_or(Distrust::UnknownIssuer)
}

/// What a token says, if the agreed key signed it and it is for this org at this time.
fn hold(
    provider: &IdentityProvider,
    federation: &Federation,
    keys: &KeySet,
    now: Timestamp,
    presented: Presented,
) -> Result<Said, Distrust> {
    let key = keys.key(presented.kid(), provider.terms.algorithm())?;
    let signed = presented.verified_with(&key)?;
    let until = is_for_here_and_now(provider, federation, now, &signed)?;
    Ok(Said { signed, until })
}

/// Whether it is for this org at this time; says until when it could be used.
fn is_for_here_and_now(
    provider: &IdentityProvider,
    federation: &Federation,
    now: Timestamp,
    signed: &Signed,
) -> Result<Timestamp, Distrust> {
    let audience = provider.audience(federation);
    if !signed.audience()?.into_iter().any(|given| audience.is(given)) {
        return Err(Distrust::WrongAudience);
    }
    let (issued, expires) = (signed.instant("iat")?, signed.instant("exp")?);
    // Okta and Keycloak do not say it; then it is good from the moment of its issue.
    let begins = if signed.has("nbf") || federation.vendor_rules { signed.instant("nbf")? } else { issued };
    if expires + SKEW <= now {
        Err(Distrust::Expired)
    } else if begins > now + SKEW || issued > now + SKEW {
        Err(Distrust::NotYet)
    } else if expires <= issued || expires.since(issued) > LONGEST_LIFE {
        Err(Distrust::LivesTooLong)
    } else {
        Ok(expires + SKEW)
    }
}

/// The name that its issuer gives to this assertion alone: `jti`, or `uti` at Entra.
fn one_use_name(signed: &Signed) -> Result<&str, Distrust> {
    signed.text(if signed.has("jti") { "jti" } else { "uti" })
}

/// The account that it means, of this org and of no other.
async fn meant(
    cx: &Cx,
    provider: &IdentityProvider,
    signed: &Signed,
    about: About,
) -> Result<Account, NotAccepted> {
    let value = signed.text(provider.terms.claim()).map_err(about.no())?;
    let unknown = || about.no()(Distrust::UnknownUser);
    let account = match provider.terms.meant(value).ok_or_else(unknown)? {
        Meant::Name(name) => account_called(cx, name).await?,
        Meant::Id(id) => match cx.store.user(id).await? {
            Some(user) => account_called(cx, user.name.as_str()).await?.filter(|found| found.user.id == id),
            None => None,
        },
    };
    account.filter(|account| account.user.org == provider.org).ok_or_else(unknown)
}

/// The account with exactly this name but for the case of ASCII: folding more would let two names there be one here.
pub(super) async fn account_called(cx: &Cx, name: &str) -> Result<Option<Account>, StoreError> {
    let account = cx.store.account(&CanonicalName::of(name)).await?;
    Ok(account.filter(|account| account.user.name.as_str().eq_ignore_ascii_case(name)))
}

/// Whoever has a password here signs in with it (protocol.md 6.2).
pub(super) fn may_come_this_way(user: &User) -> Result<(), Distrust> {
    match user.authenticator {
        Authenticator::Native => Err(Distrust::NotFederated),
        Authenticator::Saml if user.is_active() => Ok(()),
        Authenticator::Saml => Err(Distrust::Disabled),
    }
}

pub(super) fn turn_of(org: OrgId) -> NameDigest {
    let digest = digest::digest(&digest::SHA256, &org.bits().to_be_bytes());
    NameDigest(digest.as_ref().try_into().unwrap_or([0; 32]))
}

/// Records that the user whom an assertion meant was changed before a session was open; it is used up all the same.
pub(crate) async fn overtaken(cx: &Cx, user: &User, visit: Visit) -> Result<(), StoreError> {
    let about = About { org: Some(user.org), provider: None, user: Some(user.id) };
    record(cx, about, Distrust::ChangedMeanwhile, visit).await
}

pub(super) async fn record(cx: &Cx, about: About, reason: Distrust, visit: Visit) -> Result<(), StoreError> {
    let About { org, provider, user } = about;
    note(cx, org, Event::AssertionRefused { org, provider, user, reason, visit }).await
}

/// Records a refusal of something that was said for an org, if there were not too many. Whoever floods sign-outs does
/// not hide who tries to sign in, nor the other way round.
pub(super) async fn note(cx: &Cx, org: Option<OrgId>, refused: Event) -> Result<(), StoreError> {
    let now = cx.clock.now();
    let is_of_sign_out = matches!(refused, Event::LogoutRefused { .. });
    let recorded = if is_of_sign_out { &cx.sign_outs_recorded } else { &cx.recorded };
    if !recorded.may_record(org.unwrap_or(ROOT), now) {
        trail::missed(cx);
        return Ok(());
    }
    cx.store.record(&refused.at(now)).await
}

/// How many refusals of this minute were recorded for each org; those of orgs that do not exist are counted together.
#[derive(Default)]
pub(crate) struct Recorded(Mutex<(i64, HashMap<OrgId, u32>)>);

impl Recorded {
    /// Counts one more, and says whether it is among those that are recorded.
    pub(crate) fn may_record(&self, org: OrgId, now: Timestamp) -> bool {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let minute = now.as_seconds() / 60;
        if counted.0 != minute {
            *counted = (minute, HashMap::new());
        }
        let so_far = counted.1.entry(org).or_default();
        *so_far = so_far.saturating_add(1);
        *so_far <= RECORDED
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_refusals_is_recorded_up_to_a_number_in_a_minute() {
        let (recorded, acme, other) = (Recorded::default(), OrgId::from_bits(1), OrgId::from_bits(2));
        let written = |org, second| {
            (0..1_000).filter(|_| recorded.may_record(org, Timestamp::from_seconds(second))).count()
        };
        assert_eq!((written(acme, 0), written(acme, 59), written(other, 59)), (600, 0, 600));
        assert_eq!(written(acme, 60), 600);
    }
}
