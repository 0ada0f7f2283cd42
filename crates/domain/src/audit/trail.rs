//! What is written to the record a moment later, many together, so that nobody waits for it.

use super::scim_use::ScimUse;
use super::{Entry, Event, Minted, Visit};
use crate::access::Caller;
use crate::cx::Cx;
use crate::name::NameDigest;
use crate::store::StoreError;
use crate::time::Timestamp;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use wire::jwt::Claims;
use wire::{OrgId, UserId};

/// How many tokens and entries may wait to be written. What comes on top is counted, and the count is written.
const WAITING: usize = 200_000;

/// How many tokens one entry names.
const TOKENS: usize = 100;

/// How many entries one transaction writes, so that others may write in between.
const PORTION: usize = 20;

/// What waits to be written.
#[derive(Default)]
pub(crate) struct Trail {
    waiting: Mutex<Waiting>,
    missed: AtomicU64,
    knocks: Mutex<HashMap<NameDigest, Knocks>>,
    pub(crate) scim: ScimUse,
}

#[derive(Default)]
struct Waiting {
    tokens: Vec<(OrgId, Minted)>,
    entries: Vec<Entry>,
    dropped: u64,
}

/// An attempt on a name that is locked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Knock {
    pub(crate) user: Option<UserId>,
    pub(crate) until: Timestamp,
    pub(crate) visit: Visit,
}

/// The attempts during one lock behind the first, which has been noted at once.
struct Knocks {
    last: Knock,
    at: Timestamp,
    more: u64,
}

/// Notes that a token was minted.
pub(crate) fn minted(cx: &Cx, caller: &Caller, claims: Claims) {
    let session = caller.session().map(|session| session.digest.into());
    let Claims { jti, user_id: user, client_id: client, iat, .. } = claims;
    lock(&cx.trail.waiting).add_token(claims.org_id, Minted { jti, user, session, client, iat });
}

/// Whether one more event of an org that anybody can cause for next to nothing finds room in this minute; those that
/// do not are counted.
pub(crate) fn has_room_for(cx: &Cx, org: OrgId) -> bool {
    let has_room = cx.noted.may_record(org, cx.clock.now());
    if !has_room {
        missed(cx);
    }
    has_room
}

/// Notes an event that changes nothing.
pub(crate) fn note(cx: &Cx, event: Event) {
    lock(&cx.trail.waiting).add(Some(event.at(cx.clock.now())));
}

/// Counts an event that is not recorded because there were too many like it.
pub(crate) fn missed(cx: &Cx) {
    lock(&cx.trail.waiting).dropped += 1;
}

/// How many events were not recorded since the start.
pub fn not_recorded(cx: &Cx) -> u64 {
    let waiting = lock(&cx.trail.waiting).dropped;
    cx.trail.missed.load(Ordering::Relaxed) + waiting
}

/// Notes an attempt on a locked name: two entries for each lock at the most, however many attempts there are.
pub(crate) fn knocked(cx: &Cx, name: NameDigest, knock: Knock) {
    let now = cx.clock.now();
    let mut knocks = lock(&cx.trail.knocks);
    let before = match knocks.get_mut(&name) {
        Some(known) if now < known.last.until => return known.again(knock, now),
        Some(_) => knocks.remove(&name).and_then(|over| over.summary(name)),
        None => None,
    };
    let mut waiting = lock(&cx.trail.waiting);
    waiting.add(before);
    if knocks.len() >= usize::try_from(cx.policy.lockout.names).unwrap_or(usize::MAX) {
        waiting.dropped += 1;
        return;
    }
    knocks.insert(name, Knocks { last: knock, at: now, more: 0 });
    waiting.add(Some(entry(name, knock, 1).at(now)));
}

/// Notes that an address fails too often.
pub(crate) fn throttled(cx: &Cx, visit: Visit) {
    lock(&cx.trail.waiting).add(Some(Event::AddressThrottled { visit }.at(cx.clock.now())));
}

/// Writes what waits. What could not be written waits for the next time.
pub async fn write_behind(cx: &Cx) -> Result<(), StoreError> {
    let now = cx.clock.now();
    cx.trail.sum_up(|knocks| knocks.last.until <= now);
    cx.trail.sum_up_scim(now, false);
    write(cx, now).await
}

/// Writes everything, before the service ends.
pub async fn write_all(cx: &Cx) -> Result<(), StoreError> {
    let now = cx.clock.now();
    cx.trail.sum_up(|_| true);
    cx.trail.sum_up_scim(now, true);
    write(cx, now).await
}

async fn write(cx: &Cx, now: Timestamp) -> Result<(), StoreError> {
    for (token, at) in cx.trail.scim.take_used() {
        cx.store.note_scim_use(token, at).await?;
    }
    let mut taken = Taken { trail: &cx.trail, entries: cx.trail.take(now) };
    while !taken.entries.is_empty() {
        let portion = taken.entries.len().min(PORTION);
        cx.store.record_behind(taken.entries.get(..portion).unwrap_or_default()).await?;
        taken.entries.drain(..portion);
    }
    Ok(())
}

fn entry(name: NameDigest, knock: Knock, count: u64) -> Event {
    Event::LockedAttempts { name: name.into(), user: knock.user, count, visit: knock.visit }
}

impl Knocks {
    fn again(&mut self, knock: Knock, now: Timestamp) {
        // The lock that was met first says how long it lasts; only where from is news.
        self.last.visit = knock.visit;
        self.at = now;
        self.more += 1;
    }

    fn summary(&self, name: NameDigest) -> Option<Entry> {
        (self.more > 0).then(|| entry(name, self.last, self.more).at(self.at))
    }
}

impl Trail {
    /// Turns the attempts of locks that are over into entries.
    fn sum_up(&self, is_over: impl Fn(&Knocks) -> bool) {
        let mut knocks = lock(&self.knocks);
        let over: Vec<_> = knocks.extract_if(|_, knocks| is_over(knocks)).collect();
        let mut waiting = lock(&self.waiting);
        over.iter().for_each(|(name, knocks)| waiting.add(knocks.summary(*name)));
    }

    fn sum_up_scim(&self, now: Timestamp, all: bool) {
        let refused = self.scim.take_refused(now, all);
        let mut waiting = lock(&self.waiting);
        refused.into_iter().for_each(|entry| waiting.add(Some(entry)));
    }

    fn take(&self, now: Timestamp) -> Vec<Entry> {
        let Waiting { mut tokens, mut entries, dropped } = std::mem::take(&mut *lock(&self.waiting));
        self.missed.fetch_add(dropped, Ordering::Relaxed);
        tokens.sort_by_key(|(org, _)| *org);
        for (org, token) in tokens {
            match entries.last_mut().map(|last| &mut last.event) {
                Some(Event::TokensMinted { org: same, tokens }) if *same == org && tokens.len() < TOKENS => {
                    tokens.push(token);
                }
                _ => entries.push(Event::TokensMinted { org, tokens: vec![token] }.at(now)),
            }
        }
        entries.extend((dropped > 0).then(|| Event::NotRecorded { count: dropped }.at(now)));
        entries
    }
}

impl Waiting {
    fn has_room(&self) -> bool {
        self.tokens.len() + self.entries.len() < WAITING
    }

    fn add_token(&mut self, org: OrgId, token: Minted) {
        if self.has_room() { self.tokens.push((org, token)) } else { self.dropped += 1 }
    }

    fn add(&mut self, entry: Option<Entry>) {
        let Some(entry) = entry else { return };
        if self.has_room() { self.entries.push(entry) } else { self.dropped += stands_for(&entry) }
    }
}

/// How many happenings an entry stands for.
fn stands_for(entry: &Entry) -> u64 {
    match &entry.event {
        Event::TokensMinted { tokens, .. } => tokens.len() as u64,
        Event::LockedAttempts { count, .. }
        | Event::NotRecorded { count }
        | Event::ScimRefused { count, .. } => *count,
        _ => 1,
    }
}

/// Entries on their way. Those that did not arrive go back, also when the writing is given up half-way.
struct Taken<'a> {
    trail: &'a Trail,
    entries: Vec<Entry>,
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        let mut waiting = lock(&self.trail.waiting);
        self.entries.drain(..).for_each(|entry| waiting.add(Some(entry)));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::Door;

    const NOW: Timestamp = Timestamp::from_seconds(1_000_000);

    fn token(number: usize) -> Minted {
        let (user, client) = (UserId::from_bits(1), "idmc_api".to_owned());
        Minted { jti: number.to_string(), user, session: None, client, iat: 0 }
    }

    #[test]
    fn tokens_are_written_many_together_and_each_org_for_itself() {
        let trail = Trail::default();
        for number in 0..250 {
            lock(&trail.waiting).add_token(OrgId::from_bits(1 + number as u128 % 2), token(number));
        }
        let sizes: Vec<_> = trail.take(NOW).iter().map(stands_for).collect();
        assert_eq!(sizes, [100, 25, 100, 25]);
        assert!(trail.take(NOW).is_empty());
    }

    #[test]
    fn what_finds_no_room_is_counted_and_the_count_is_an_entry() {
        let trail = Trail::default();
        for number in 0..WAITING + 3 {
            lock(&trail.waiting).add_token(OrgId::from_bits(1), token(number));
        }
        let entries = trail.take(NOW);
        assert_eq!(entries.iter().map(stands_for).sum::<u64>(), WAITING as u64 + 3);
        let last = entries.last().map(|entry| serde_json::to_string(&entry.event).unwrap());
        assert_eq!(last.as_deref(), Some(r#"{"event":"not_recorded","count":3}"#));
    }

    #[test]
    fn what_did_not_arrive_waits_again() {
        let trail = Trail::default();
        lock(&trail.waiting).add_token(OrgId::from_bits(1), token(1));
        drop(Taken { trail: &trail, entries: trail.take(NOW) });
        assert_eq!(trail.take(NOW).len(), 1);
    }

    #[test]
    fn many_attempts_on_a_lock_are_summed_up_when_it_is_over() {
        let trail = Trail::default();
        let visit = Visit { door: Door::V1, address: None };
        let mut knocks = Knocks { last: Knock { user: None, until: NOW, visit }, at: NOW, more: 0 };
        assert!(knocks.summary(NameDigest([7; 32])).is_none());
        (0..5).for_each(|_| knocks.again(knocks.last, NOW));
        lock(&trail.knocks).insert(NameDigest([7; 32]), knocks);
        trail.sum_up(|knocks| knocks.last.until < NOW);
        assert!(trail.take(NOW).is_empty());
        trail.sum_up(|_| true);
        assert_eq!(trail.take(NOW).iter().map(stands_for).collect::<Vec<_>>(), [5]);
    }
}
