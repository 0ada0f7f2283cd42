//! The policy of an org: what it decides for itself, what of that is refused, and what holds in the end (protocol.md 7).

use crate::access::{Caller, Permit, action};
use crate::audit::Event;
use crate::cx::{Cx, Policy};
use crate::org::{Authentication, Org, ROOT};
use crate::password::Rules;
use crate::revision::{ChangeError, author};
use crate::store::StoreError;
use crate::time::{Timestamp, minutes};
use ipnet::IpNet;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// How many sessions an org may hold at the most.
pub const MOST_SESSIONS: u32 = 10_000_000;

/// How many trusted ranges an org may name; each of its requests is compared with all of them.
pub const MOST_RANGES: usize = 100;

/// What an org decides for itself beside its sessions; what is `None` is the instance's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decided {
    /// The fewest characters of a new password.
    pub password_min_length: Option<u32>,
    /// How many kinds of characters a new password has.
    pub password_char_mix: Option<u32>,
    /// For how many days a password may not come back; 0 lets it.
    pub password_reuse_days: Option<u32>,
    /// After how many days a password is too old; 0 is never.
    pub password_expiration_days: Option<u32>,
    /// Failures that lock a name.
    pub max_login_attempts: Option<u32>,
    /// How long a lock holds, in minutes; 0 until it is lifted.
    pub lock_minutes: Option<u32>,
    /// From where its users may come; an empty list is anywhere.
    pub trusted_ip_ranges: Option<Vec<IpNet>>,
    /// Whether it has chosen plain session ids, rather than left that to the instance.
    pub chose_session_id: bool,
    /// When its passwords began to grow old; none of them is older than that.
    pub expires_since: Option<Timestamp>,
}

/// Everything that an org may decide; what is `None` is left to the instance.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "they are the fields of `Decided` and of `Org`, and mean the same")]
pub struct Own {
    pub password_min_length: Option<u32>,
    pub password_char_mix: Option<u32>,
    pub password_reuse_days: Option<u32>,
    pub password_expiration_days: Option<u32>,
    pub max_login_attempts: Option<u32>,
    pub lock_minutes: Option<u32>,
    pub trusted_ip_ranges: Option<Vec<IpNet>>,
    pub session_idle_minutes: Option<u32>,
    pub session_absolute_minutes: Option<u32>,
    pub session_limit: Option<u32>,
    pub authentication: Option<Authentication>,
}

impl Own {
    /// What an org has decided.
    pub fn of(org: &Org) -> Self {
        let decided = &org.decided;
        let authentication = match org.authentication {
            Authentication::SessionId if !decided.chose_session_id => None,
            chosen => Some(chosen),
        };
        Self {
            password_min_length: decided.password_min_length,
            password_char_mix: decided.password_char_mix,
            password_reuse_days: decided.password_reuse_days,
            password_expiration_days: decided.password_expiration_days,
            max_login_attempts: decided.max_login_attempts,
            lock_minutes: decided.lock_minutes,
            trusted_ip_ranges: decided.trusted_ip_ranges.clone(),
            session_idle_minutes: org.idle_minutes,
            session_absolute_minutes: org.absolute_minutes,
            session_limit: org.session_limit,
            authentication,
        }
    }

    /// What holds for an org, wherever it was decided.
    pub fn effective(org: &Org, policy: &Policy) -> Self {
        let Rules { min_length, char_mix } = org.password_rules(policy);
        let whole = |time: Duration| u32::try_from(time.as_secs() / 60).unwrap_or(u32::MAX);
        Self {
            password_min_length: Some(min_length),
            password_char_mix: Some(char_mix),
            password_reuse_days: Some(org.reuse_days(policy)),
            password_expiration_days: Some(org.expiration_days(policy)),
            max_login_attempts: Some(org.max_login_attempts(policy)),
            lock_minutes: Some(org.lock(policy).map_or(0, whole)),
            trusted_ip_ranges: Some(org.trusted(policy).to_vec()),
            session_idle_minutes: Some(whole(org.idle(policy))),
            session_absolute_minutes: Some(whole(org.absolute(policy))),
            session_limit: Some(u32::try_from(org.session_limit(policy)).unwrap_or(u32::MAX)),
            authentication: Some(org.authentication),
        }
    }

    /// An org that has decided this, at `now`.
    fn decided_by(self, org: &Org, policy: &Policy, now: Timestamp) -> Org {
        let grew_old = org.expiration_days(policy) > 0;
        let mut new = Org {
            authentication: self.authentication.unwrap_or(Authentication::SessionId),
            idle_minutes: self.session_idle_minutes,
            absolute_minutes: self.session_absolute_minutes,
            session_limit: self.session_limit,
            updated_at: now,
            decided: Decided {
                chose_session_id: self.authentication == Some(Authentication::SessionId),
                password_min_length: self.password_min_length,
                password_char_mix: self.password_char_mix,
                password_reuse_days: self.password_reuse_days,
                password_expiration_days: self.password_expiration_days,
                max_login_attempts: self.max_login_attempts,
                lock_minutes: self.lock_minutes,
                trusted_ip_ranges: self.trusted_ip_ranges,
                expires_since: org.decided.expires_since,
            },
            ..org.clone()
        };
        // Passwords that were good for ever begin to grow old now, so that nobody has to change one at once.
        if !grew_old && new.expiration_days(policy) > 0 {
            new.decided.expires_since = Some(now);
        }
        new
    }

    fn checked(self) -> Result<Self, Nonsense> {
        self.check().map(|()| self)
    }

    /// Refuses what cannot be meant.
    fn check(&self) -> Result<(), Nonsense> {
        let numbers = [
            ("passwordMinLength", self.password_min_length, 4, 64),
            ("passwordCharMix", self.password_char_mix, 1, 4),
            ("passwordReuseDays", self.password_reuse_days, 0, 3_650),
            ("passwordExpirationDays", self.password_expiration_days, 0, 3_650),
            ("maxLoginAttempts", self.max_login_attempts, 1, 1_000),
            ("lockMinutes", self.lock_minutes, 0, 525_600),
            ("sessionIdleMinutes", self.session_idle_minutes, 1, 525_600),
            ("sessionAbsoluteMinutes", self.session_absolute_minutes, 1, 525_600),
            ("sessionLimit", self.session_limit, 1, MOST_SESSIONS),
        ];
        for (field, value, least, most) in numbers {
            if value.is_some_and(|value| value < least || value > most) {
                return Err(Nonsense::Number { field, least, most });
            }
        }
        if let Some(Authentication::Jwt { minutes }) = self.authentication
            && !Authentication::JWT_MINUTES.contains(&minutes)
        {
            return Err(Nonsense::Authentication);
        }
        let ranges = self.trusted_ip_ranges.as_deref().unwrap_or_default();
        if ranges.len() > MOST_RANGES {
            return Err(Nonsense::Ranges);
        }
        let loose = |range: &&IpNet| range.addr() != range.network() || is_mapped(range);
        match ranges.iter().find(loose) {
            Some(range) => Err(Nonsense::Range(range.trunc())),
            None => Ok(()),
        }
    }
}

/// Whether it is a range of IPv4 in the clothes of IPv6; addresses are compared without them.
fn is_mapped(range: &IpNet) -> bool {
    matches!(range.addr(), IpAddr::V6(address) if address.to_ipv4_mapped().is_some())
}

/// Why a policy cannot be meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Nonsense {
    /// A number is outside its limits.
    #[error("{field} is within {least} and {most}")]
    #[expect(missing_docs, reason = "the fields are named in the sentence")]
    Number { field: &'static str, least: u32, most: u32 },
    /// There are too many ranges.
    #[error("trustedIpRanges has at most {MOST_RANGES} ranges")]
    Ranges,
    /// A range is none.
    #[error("a range in trustedIpRanges is written like 10.0.0.0/8 or 2001:db8::/32")]
    Word,
    /// A range names an address and not a network, or IPv4 as IPv6.
    #[error("a range in trustedIpRanges is no network of its own kind; write something like {0}")]
    Range(IpNet),
    /// The type of authentication and the minutes do not go together.
    #[error("authentication is session_id, or jwt with jwtMinutes of 15, 30, 60, 120, 180 or 240")]
    Authentication,
    /// Sessions would idle for longer than they live.
    #[error("sessionIdleMinutes is not above sessionAbsoluteMinutes")]
    Idle,
    /// Whoever asks would be outside.
    #[error("trustedIpRanges does not hold the address from which this request came")]
    Outside,
}

/// Why a policy was not changed.
#[derive(Debug)]
pub enum PolicyError {
    /// It cannot be meant.
    Nonsense(Nonsense),
    /// How many sessions an org may hold is decided by those above it.
    FromAbove,
    /// There is no such org any more.
    Gone,
    /// It was not written.
    Change(ChangeError),
}

impl From<StoreError> for PolicyError {
    fn from(error: StoreError) -> Self {
        Self::Change(error.into())
    }
}

/// The org of the permit, with what it has decided.
pub async fn show(cx: &Cx, permit: &Permit<action::ViewOrg>) -> Result<Option<Arc<Org>>, StoreError> {
    cx.store.org(permit.org()).await
}

/// Changes what the org of the permit has decided. Where somebody may come from, how long sessions live and what a new
/// password must be holds from the next request on; sessions that are open keep the life they were given.
pub async fn change(
    cx: &Cx,
    permit: &Permit<action::ManageOrg>,
    from: (&Caller, Option<IpAddr>),
    to: impl FnOnce(Own) -> Result<Own, Nonsense>,
) -> Result<Arc<Org>, PolicyError> {
    let now = cx.clock.now();
    let org = cx.store.org(permit.org()).await?.ok_or(PolicyError::Gone)?;
    let before = Own::of(&org);
    let own = to(before.clone()).and_then(Own::checked).map_err(PolicyError::Nonsense)?;
    let changed = changed(&before, &own);
    let mut new = own.decided_by(&org, &cx.policy, now);
    new.revision = org.revision.next(author(cx, permit).await?);
    if new.idle(&cx.policy) > new.absolute(&cx.policy) {
        return Err(PolicyError::Nonsense(Nonsense::Idle));
    }
    let (caller, address) = from;
    if new.session_limit != org.session_limit && caller.org().id == new.id && new.parent != ROOT {
        return Err(PolicyError::FromAbove);
    }
    if caller.org().id == new.id && !new.admits(&cx.policy, address) {
        return Err(PolicyError::Nonsense(Nonsense::Outside));
    }
    let event = Event::PolicyChanged { org: new.id, by: permit.by(), changed };
    cx.store
        .replace_policy(&new, &event.at(now))
        .await
        .map_err(|error| PolicyError::Change(ChangeError::changing(error)))?;
    Ok(Arc::new(new))
}

/// The fields that differ, with what they say now.
fn changed(before: &Own, after: &Own) -> BTreeMap<&'static str, Value> {
    let (before, after) = (fields(before), fields(after));
    before.into_iter().zip(after).filter(|(old, new)| old != new).map(|(_, new)| new).collect()
}

fn fields(own: &Own) -> [(&'static str, Value); 12] {
    let (kind, life) = match own.authentication {
        None => (None, None),
        Some(Authentication::SessionId) => (Some("session_id"), None),
        Some(Authentication::Jwt { minutes }) => (Some("jwt"), Some(minutes)),
    };
    let ranges = own.trusted_ip_ranges.as_ref();
    let ranges = ranges.map(|ranges| ranges.iter().map(IpNet::to_string).collect::<Vec<_>>());
    [
        ("passwordMinLength", json!(own.password_min_length)),
        ("passwordCharMix", json!(own.password_char_mix)),
        ("passwordReuseDays", json!(own.password_reuse_days)),
        ("passwordExpirationDays", json!(own.password_expiration_days)),
        ("maxLoginAttempts", json!(own.max_login_attempts)),
        ("lockMinutes", json!(own.lock_minutes)),
        ("trustedIpRanges", json!(ranges)),
        ("sessionIdleMinutes", json!(own.session_idle_minutes)),
        ("sessionAbsoluteMinutes", json!(own.session_absolute_minutes)),
        ("sessionLimit", json!(own.session_limit)),
        ("authentication", json!(kind)),
        ("jwtMinutes", json!(life)),
    ]
}

impl Org {
    /// What a new password of its users must be.
    pub fn password_rules(&self, policy: &Policy) -> Rules {
        Rules {
            min_length: self.decided.password_min_length.unwrap_or(policy.passwords.min_length),
            char_mix: self.decided.password_char_mix.unwrap_or(policy.passwords.char_mix),
        }
    }

    /// For how many days a password of its users may not come back; 0 lets it.
    pub fn reuse_days(&self, policy: &Policy) -> u32 {
        self.decided.password_reuse_days.unwrap_or(policy.ageing.reuse_days)
    }

    /// After how many days a password of its users is too old; 0 is never.
    pub fn expiration_days(&self, policy: &Policy) -> u32 {
        self.decided.password_expiration_days.unwrap_or(policy.ageing.expiration_days)
    }

    /// Failures that lock a name of its users.
    pub fn max_login_attempts(&self, policy: &Policy) -> u32 {
        self.decided.max_login_attempts.unwrap_or(policy.lockout.max_attempts)
    }

    /// How long a lock on a name of its users holds; `None` until it is lifted.
    pub fn lock(&self, policy: &Policy) -> Option<Duration> {
        match self.decided.lock_minutes {
            Some(0) => None,
            Some(some) => Some(minutes(some)),
            None => policy.lockout.lock,
        }
    }

    /// From where its users may come; an empty list is anywhere.
    pub fn trusted<'a>(&'a self, policy: &'a Policy) -> &'a [IpNet] {
        self.decided.trusted_ip_ranges.as_deref().unwrap_or(&policy.trusted_ip_ranges)
    }

    /// Whether its users may come from there (protocol.md 7.4). An address that is not known is in no range.
    pub fn admits(&self, policy: &Policy, address: Option<IpAddr>) -> bool {
        let trusted = self.trusted(policy);
        let is_inside = |address: IpAddr| trusted.iter().any(|range| range.contains(&address));
        trusted.is_empty() || address.is_some_and(is_inside)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(ranges: &[&str]) -> Own {
        let ranges = ranges.iter().map(|range| range.parse().unwrap()).collect();
        Own { trusted_ip_ranges: Some(ranges), ..Own::default() }
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        assert_eq!(Own::default().check(), Ok(()));
        assert_eq!(own(&["10.0.0.0/8", "2001:db8::/32", "203.0.113.7/32", "0.0.0.0/0"]).check(), Ok(()));
        assert_eq!(own(&["10.0.0.1/8"]).check(), Err(Nonsense::Range("10.0.0.0/8".parse().unwrap())));
        assert!(matches!(own(&["::ffff:10.0.0.0/104"]).check(), Err(Nonsense::Range(_))));
        assert_eq!(own(&["10.0.0.0/8"; MOST_RANGES + 1]).check(), Err(Nonsense::Ranges));
        let number = |own: Own| own.check().unwrap_err().to_string();
        assert_eq!(
            number(Own { max_login_attempts: Some(0), ..Own::default() }),
            "maxLoginAttempts is within 1 and 1000"
        );
        assert_eq!(
            number(Own { password_min_length: Some(65), ..Own::default() }),
            "passwordMinLength is within 4 and 64"
        );
        for good in [0, 3_650] {
            assert_eq!(Own { password_reuse_days: Some(good), ..Own::default() }.check(), Ok(()));
        }
    }

    #[test]
    fn the_record_names_what_changed_and_nothing_else() {
        let after = Own { lock_minutes: Some(0), ..own(&["10.0.0.0/8"]) };
        let changed = serde_json::to_string(&changed(&Own::default(), &after)).unwrap();
        assert_eq!(changed, r#"{"lockMinutes":0,"trustedIpRanges":["10.0.0.0/8"]}"#);
    }
}
