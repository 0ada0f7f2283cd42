//! Lockout: one counter per canonical name and network over all doors, kept for unknown names too.
//!
//! A lock holds for the network that caused it, so that nobody locks somebody else out. Beside it all networks together
//! have a far higher limit, which does not hold for those from which the name was signed in with lately.
//!
//! An attempt is counted before its hash is compared. While it is under way it is pending, neither failure nor
//! success, so that five hundred right passwords at once lock nobody out and five hundred wrong ones compare ten hashes.

use crate::access::{Over, Permit, action};
use crate::audit::{Entry, Event};
use crate::cx::Cx;
use crate::name::{CanonicalName, NameDigest};
use crate::network::Network;
use crate::store::StoreError;
use crate::throttle::{Token, TooMany};
use crate::time::Timestamp;
use crate::turns::Turn;
use crate::user::User;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use wire::UserId;

/// What is tried, and from where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tried {
    /// The name.
    pub name: NameDigest,
    /// The network.
    pub network: Network,
}

/// The counter of one name, as one network tries it or as all do together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Attempts {
    /// Consecutive failures.
    pub failures: u32,
    /// Attempts whose outcome is not known yet.
    pub pending: u32,
    /// Until when the name is locked.
    pub locked_until: Option<Timestamp>,
    /// When the last attempt began.
    pub last_at: Timestamp,
    /// When somebody last signed in from there; the epoch if nobody has.
    pub succeeded_at: Timestamp,
    /// Which writing of the record this is; the store compares it.
    pub version: i64,
}

/// The two counters that an attempt moves.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counters {
    /// That of the network.
    pub here: Option<Attempts>,
    /// That of all networks.
    pub everywhere: Option<Attempts>,
}

/// How many attempts may fail in a row, and what happens then.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// So many failures of one network lock the name for it.
    pub(crate) max: u32,
    /// For so long; `None` until the lock is lifted.
    pub(crate) lock: Option<Duration>,
    /// After so long without an attempt the failures are forgotten.
    pub(crate) forget: Duration,
    /// So many failures of all networks lock the name for those that nobody has signed in from lately.
    pub(crate) of_all: u32,
}

impl Limits {
    fn until(self, now: Timestamp) -> Timestamp {
        now + self.lock.unwrap_or(Duration::MAX)
    }

    /// The limits of the counter of all networks. Its lock always ends: it is not the owner who caused it.
    fn everywhere(self) -> Self {
        Self { max: self.of_all, lock: Some(self.lock.unwrap_or(CROWDED)), ..self }
    }
}

/// How long all networks together lock a name where one alone would lock it until the lock is lifted.
const CROWDED: Duration = Duration::from_secs(15 * 60);

/// How long a network is known after somebody signed in from there.
pub const KNOWN: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// An attempt whose ending was not written is forgotten when the name was not tried for this long: its process died or the
/// store failed, so nobody was told what came of it.
const ABANDONED: Duration = Duration::from_secs(60);

/// The answer to a claim.
#[derive(Debug, PartialEq, Eq)]
enum Claim<Counter> {
    Granted(Counter),
    Locked(Timestamp),
    Contended,
}

impl Counters {
    /// Counts an attempt in both. Whoever comes from where somebody signed in lately is not kept out by what others do.
    fn claim(&self, now: Timestamp, limits: Limits) -> Claim<Self> {
        let (here, everywhere) = self.both();
        let next = match here.claim(now, limits) {
            Claim::Granted(next) => next,
            Claim::Locked(until) => return Claim::Locked(until),
            Claim::Contended => return Claim::Contended,
        };
        let all = if here.is_known(now) {
            everywhere.aged(now, limits.everywhere()).begun(now)
        } else {
            match everywhere.claim(now, limits.everywhere()) {
                Claim::Granted(all) => all,
                Claim::Locked(until) => return Claim::Locked(until),
                Claim::Contended => return Claim::Contended,
            }
        };
        Claim::Granted(Self::of(next, all))
    }

    fn failed(&self, now: Timestamp, limits: Limits) -> Self {
        let (here, everywhere) = self.both();
        Self::of(here.failed(now, limits), everywhere.failed(now, limits.everywhere()))
    }

    /// Takes back what this network did wrong before, and nothing of what others do.
    fn succeeded(&self, now: Timestamp) -> Self {
        let (here, everywhere) = self.both();
        let all = everywhere.released();
        let failures = all.failures.saturating_sub(here.failures);
        Self::of(Attempts { failures: 0, succeeded_at: now, ..here.released() }, Attempts { failures, ..all })
    }

    fn released(&self) -> Self {
        let (here, everywhere) = self.both();
        Self::of(here.released(), everywhere.released())
    }

    fn is_locked(&self) -> bool {
        [&self.here, &self.everywhere].into_iter().flatten().any(|one| one.locked_until.is_some())
    }

    fn both(&self) -> (Attempts, Attempts) {
        (self.here.clone().unwrap_or_default(), self.everywhere.clone().unwrap_or_default())
    }

    fn of(here: Attempts, everywhere: Attempts) -> Self {
        Self { here: Some(here), everywhere: Some(everywhere) }
    }

    /// These as a store keeps them once they have taken the place of `old`.
    fn kept_over(&self, old: &Self) -> Self {
        let kept = |new: &Option<Attempts>, old: &Option<Attempts>| {
            let version = old.as_ref().map_or(1, |old| old.version + 1);
            new.clone().map(|new| Attempts { version, ..new })
        };
        Self { here: kept(&self.here, &old.here), everywhere: kept(&self.everywhere, &old.everywhere) }
    }

    fn versions(&self) -> [Option<i64>; 2] {
        [&self.here, &self.everywhere].map(|one| one.as_ref().map(|one| one.version))
    }
}

impl Attempts {
    fn claim(&self, now: Timestamp, limits: Limits) -> Claim<Self> {
        let next = self.aged(now, limits);
        if let Some(until) = next.locked_until {
            return Claim::Locked(until);
        }
        if next.failures.saturating_add(next.pending) >= limits.max {
            return Claim::Contended;
        }
        Claim::Granted(next.begun(now))
    }

    fn begun(self, now: Timestamp) -> Self {
        Self { pending: self.pending.saturating_add(1), last_at: now, ..self }
    }

    /// Whether somebody signed in from there lately.
    fn is_known(&self, now: Timestamp) -> bool {
        self.succeeded_at > Timestamp::default() && now.since(self.succeeded_at) < KNOWN
    }

    /// What time alone has made of the counter.
    fn aged(&self, now: Timestamp, limits: Limits) -> Self {
        let fresh = Self { version: self.version, succeeded_at: self.succeeded_at, ..Self::default() };
        match self.locked_until {
            Some(until) if until > now => return self.clone(),
            Some(_) => return fresh,
            None if now.since(self.last_at) >= limits.forget => return fresh,
            None => {}
        }
        let is_abandoned = now.since(self.last_at) >= ABANDONED;
        Self { pending: if is_abandoned { 0 } else { self.pending }, ..self.clone() }
    }

    fn failed(&self, now: Timestamp, limits: Limits) -> Self {
        let failures = self.failures.saturating_add(1);
        let lock = (failures >= limits.max).then_some(limits.until(now));
        let locked_until = self.locked_until.filter(|until| *until > now).or(lock);
        Self { failures, pending: self.pending.saturating_sub(1), locked_until, ..self.clone() }
    }

    fn released(&self) -> Self {
        Self { pending: self.pending.saturating_sub(1), ..self.clone() }
    }
}

/// Why an attempt may not be made.
#[derive(Debug)]
pub(crate) enum NoAttempt {
    /// The name is locked.
    Locked {
        /// Until when.
        until: Timestamp,
    },
    /// The network has failed too often, with whatever names.
    Throttled(TooMany),
    /// Too many attempts wait already.
    Busy,
    /// The counter could not be read or written.
    Store(StoreError),
}

impl From<StoreError> for NoAttempt {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<TooMany> for NoAttempt {
    fn from(refused: TooMany) -> Self {
        Self::Throttled(refused)
    }
}

/// Evidence that an attempt has been counted. Whoever holds it owes one of its three endings.
#[must_use]
pub(crate) struct Attempt {
    tried: Tried,
    limits: Limits,
    /// What it left in the store; others may have written since.
    left: Counters,
    token: Token,
    _turn: Turn<Tried>,
}

/// Counts an attempt.
pub(crate) async fn claim(cx: &Cx, tried: Tried, limits: Limits) -> Result<Attempt, NoAttempt> {
    cx.throttle.look(tried.network, cx.clock.now())?;
    let mut turn = cx.turns.take(tried).await.ok_or(NoAttempt::Busy)?;
    let queue = Arc::clone(&turn.queue);
    let mut stuck_at = None;
    loop {
        let resolved = queue.resolved.notified();
        let counting = counting(cx, tried).await;
        let old = cx.store.attempts(tried).await?;
        let now = cx.clock.now();
        match old.claim(now, limits) {
            Claim::Locked(until) => return Err(NoAttempt::Locked { until }),
            Claim::Granted(new) => {
                let token = cx.throttle.take(tried.network, now)?;
                // Whoever finds the place taken on disk must find this attempt under way, too.
                turn.begin();
                if cx.store.replace_attempts(tried, &old, &new, None).await? {
                    let left = new.kept_over(&old);
                    return Ok(Attempt { tried, limits, left, token, _turn: turn });
                }
                turn.end();
            }
            Claim::Contended if queue.under_way.load(Ordering::SeqCst) > 0 => {
                drop(counting);
                resolved.await;
            }
            // The places are taken by attempts of another node, or of one that died.
            Claim::Contended if stuck_at == Some(old.versions()) => return Err(NoAttempt::Busy),
            Claim::Contended => stuck_at = Some(old.versions()),
        }
    }
}

/// One at a time reads and writes the counters of a name, so that those who come from everywhere at once do not
/// overtake each other again and again. Other processes are kept out by the version.
async fn counting(cx: &Cx, tried: Tried) -> Option<tokio::sync::MutexGuard<'_, ()>> {
    let [first, ..] = tried.name.0;
    match cx.counting.get(usize::from(first) % cx.counting.len()) {
        Some(turn) => Some(turn.lock().await),
        None => None,
    }
}

impl Attempt {
    /// It was right: the counter starts anew.
    pub(crate) async fn succeeded(self, cx: &Cx) -> Result<(), StoreError> {
        let now = cx.clock.now();
        self.resolve(cx, |counters| counters.succeeded(now), |_| None).await.map(drop)
    }

    /// Nothing was compared: the attempt is taken back.
    pub(crate) async fn released(self, cx: &Cx) -> Result<(), StoreError> {
        self.resolve(cx, Counters::released, |_| None).await.map(drop)
    }

    /// The attempt failed; `entry` records it, told whether this failure locked the name.
    pub(crate) async fn failed(self, cx: &Cx, entry: impl Fn(bool) -> Entry) -> Result<(), StoreError> {
        let (now, limits) = (cx.clock.now(), self.limits);
        let fail = |counters: &Counters| counters.failed(now, limits);
        let token = self.resolve(cx, fail, |new| Some(entry(new.is_locked()))).await?;
        token.spend();
        Ok(())
    }

    async fn resolve(
        self,
        cx: &Cx,
        change: impl Fn(&Counters) -> Counters,
        entry: impl Fn(&Counters) -> Option<Entry>,
    ) -> Result<Token, StoreError> {
        let mut old = self.left;
        loop {
            let _counting = counting(cx, self.tried).await;
            let new = change(&old);
            if cx.store.replace_attempts(self.tried, &old, &new, entry(&new).as_ref()).await? {
                return Ok(self.token);
            }
            old = cx.store.attempts(self.tried).await?;
        }
    }
}

/// Forgets the failures of a user, and lifts the lock on its name.
pub async fn lift(cx: &Cx, over: &Over<action::ManageUsers, User>) -> Result<(), StoreError> {
    lift_by(cx, over.thing(), over.permit().by()).await
}

pub(crate) async fn lift_by(cx: &Cx, user: &User, by: UserId) -> Result<(), StoreError> {
    let event = Event::LockLifted { org: user.org, user: user.id, by };
    cx.store.lift_lock(user.name.canonical().digest(), &event.at(cx.clock.now())).await
}

/// Locks a name for everybody who has not signed in lately, as a crowd of attackers would.
pub async fn lock_out(
    cx: &Cx,
    _permit: &Permit<action::Found>,
    name: &CanonicalName,
) -> Result<(), StoreError> {
    let (now, tried) = (cx.clock.now(), Tried { name: name.digest(), network: Network::Unknown });
    loop {
        let old = cx.store.attempts(tried).await?;
        let (here, everywhere) = old.both();
        let until = now + cx.policy.lockout.lock.unwrap_or(CROWDED);
        let all = Attempts { locked_until: Some(until), last_at: now, ..everywhere };
        if cx.store.replace_attempts(tried, &old, &Counters::of(here, all), None).await? {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::minutes;

    const LIMITS: Limits = Limits { max: 3, lock: Some(minutes(15)), forget: minutes(24 * 60), of_all: 5 };

    fn at(minute: u32) -> Timestamp {
        Timestamp::from_seconds(1_000_000) + minutes(minute)
    }

    fn granted(attempts: &Attempts, now: Timestamp) -> Attempts {
        match attempts.claim(now, LIMITS) {
            Claim::Granted(next) => next,
            other => panic!("{other:?}"),
        }
    }

    fn failed(attempts: &Attempts, now: Timestamp) -> Attempts {
        granted(attempts, now).failed(now, LIMITS)
    }

    #[test]
    fn three_failures_lock_and_time_unlocks() {
        let locked = failed(&failed(&failed(&Attempts::default(), at(0)), at(1)), at(2));
        assert_eq!(locked.locked_until, Some(at(17)));
        assert_eq!(locked.claim(at(16), LIMITS), Claim::Locked(at(17)));
        assert_eq!(granted(&locked, at(17)).failures, 0);
    }

    #[test]
    fn a_success_starts_the_count_anew() {
        let two = failed(&failed(&Attempts::default(), at(0)), at(0));
        let begun = Counters { here: Some(granted(&two, at(0))), everywhere: None };
        let fresh = Attempts { last_at: at(0), succeeded_at: at(0), ..Attempts::default() };
        assert_eq!(begun.succeeded(at(0)).here, Some(fresh));
    }

    #[test]
    fn attempts_under_way_take_places_but_do_not_lock() {
        let full = granted(&granted(&granted(&Attempts::default(), at(0)), at(0)), at(0));
        assert_eq!(full.claim(at(0), LIMITS), Claim::Contended);
        assert_eq!(granted(&full.released(), at(0)).pending, 3);
    }

    #[test]
    fn attempts_of_which_nobody_heard_the_end_are_forgotten_and_failures_are_not() {
        let full = granted(&granted(&failed(&Attempts::default(), at(0)), at(0)), at(0));
        assert_eq!(full.claim(at(1) - Duration::from_micros(1), LIMITS), Claim::Contended);
        let next = granted(&full, at(1));
        assert_eq!((next.failures, next.pending), (1, 1));
        // One that ends after all still counts as what it was.
        assert_eq!(next.failed(at(1), LIMITS).failures, 2);
    }

    #[test]
    fn a_counter_is_forgotten_after_a_day_without_attempts() {
        let two = failed(&failed(&Attempts::default(), at(0)), at(0));
        assert_eq!(granted(&two, at(24 * 60)).failures, 0);
        assert_eq!(granted(&two, at(24 * 60 - 1)).failures, 2);
    }

    /// A failure of a network from which nobody ever signed in.
    fn fail(everywhere: &Option<Attempts>, now: Timestamp) -> Claim<Option<Attempts>> {
        let counters = Counters { here: None, everywhere: everywhere.clone() };
        match counters.claim(now, LIMITS) {
            Claim::Granted(begun) => Claim::Granted(begun.failed(now, LIMITS).everywhere),
            Claim::Locked(until) => Claim::Locked(until),
            Claim::Contended => Claim::Contended,
        }
    }

    #[test]
    fn many_networks_lock_a_name_for_all_but_those_it_signed_in_from() {
        let mut everywhere = None;
        for _ in 0..5 {
            let Claim::Granted(next) = fail(&everywhere, at(0)) else { panic!("{everywhere:?}") };
            everywhere = next;
        }
        assert_eq!(fail(&everywhere, at(14)), Claim::Locked(at(15)));
        let known = Attempts { succeeded_at: at(0), ..Attempts::default() };
        let owner =
            |now| Counters { here: Some(known.clone()), everywhere: everywhere.clone() }.claim(now, LIMITS);
        let Claim::Granted(begun) = owner(at(1)) else { panic!("the owner is kept out") };
        assert_eq!(begun.failed(at(1), LIMITS).everywhere.unwrap().locked_until, Some(at(15)));
        assert!(matches!(fail(&everywhere, at(15)), Claim::Granted(_)));
        let until_lifted = Limits { lock: None, ..LIMITS }.everywhere();
        assert_eq!(until_lifted.lock, Some(minutes(15)));
    }

    #[test]
    fn a_network_is_known_for_thirty_days() {
        let known = Attempts { succeeded_at: at(0), ..Attempts::default() };
        assert!(known.is_known(at(30 * 24 * 60 - 1)) && !known.is_known(at(30 * 24 * 60)));
        assert!(!Attempts::default().is_known(Timestamp::default()));
        assert_eq!(known.aged(at(10 * 24 * 60), LIMITS).succeeded_at, at(0));
    }

    #[test]
    fn a_success_takes_back_the_failures_of_its_own_network_alone() {
        let counters = |here, everywhere| {
            let of = |failures| Attempts { failures, pending: 1, last_at: at(0), ..Attempts::default() };
            Counters::of(of(here), of(everywhere))
        };
        let after = counters(2, 4).succeeded(at(0)).both();
        assert_eq!((after.0.failures, after.1.failures, after.1.pending), (0, 2, 0));
    }
}
