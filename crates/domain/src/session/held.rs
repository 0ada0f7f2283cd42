//! A session in memory, where there may be millions, and the parts of it that are on disk.

use super::SessionDigest;
use super::unique_id::UniqueId;
use crate::org::Org;
use crate::roster::Origin;
use crate::time::Timestamp;
use crate::user::User;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use wire::{OrgId, UserId};

/// A session. Its owner has the id, the store only the digest.
///
/// It is in memory in this order, so that what every check reads stands together at its beginning.
#[repr(C)]
pub struct Session {
    /// SHA-256 of its id.
    pub digest: SessionDigest,
    seen_at: AtomicI64,
    /// When it ends, whatever happens.
    pub ends_at: Timestamp,
    /// How many microseconds it lives without a call; [`FOR_EVER`] when it does not slide.
    idle: i64,
    ended: AtomicBool,
    unsaved: AtomicBool,
    known: Mutex<Known>,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// Whose it is.
    pub user: UserId,
    /// The org it works in.
    pub org: OrgId,
}

const FOR_EVER: i64 = i64::MAX;

/// What comes to be known of a session while it lives; every check reads its owner.
#[repr(C)]
struct Known {
    owner: Option<(u64, Owner)>,
    /// Until it is on disk, for nobody else asks for it.
    origin: Option<Box<Origin>>,
    unique_id: Option<UniqueId>,
}

/// A user, and the org it works in, as a store found them.
type Owner = (Arc<User>, Arc<Org>);

/// The parts of a session that a store keeps.
#[derive(Debug, Clone)]
pub struct Record {
    /// SHA-256 of its id.
    pub digest: SessionDigest,
    /// Whose it is.
    pub user: UserId,
    /// The org it works in.
    pub org: OrgId,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When it was last used.
    pub seen_at: Timestamp,
    /// When it ends, whatever happens.
    pub ends_at: Timestamp,
    /// How long it lives without a call.
    pub idle: Option<Duration>,
    /// The bcrypt hash of its id that tokens carry, once one was minted.
    pub unique_id: Option<String>,
    /// Where it was opened from, once that was noted.
    pub origin: Option<Origin>,
}

impl From<Record> for Session {
    fn from(record: Record) -> Self {
        let Record { digest, user, org, opened_at, seen_at, ends_at, idle, unique_id, origin } = record;
        let idle = idle.map(|idle| i64::try_from(idle.as_micros()).unwrap_or(FOR_EVER));
        let unique_id = unique_id.as_deref().map(UniqueId::from);
        Self {
            digest,
            seen_at: AtomicI64::new(seen_at.as_micros()),
            ends_at,
            idle: idle.unwrap_or(FOR_EVER),
            ended: AtomicBool::new(false),
            unsaved: AtomicBool::new(false),
            known: Mutex::new(Known { owner: None, origin: origin.map(Box::new), unique_id }),
            opened_at,
            user,
            org,
        }
    }
}

impl Session {
    /// When it was last used.
    pub fn seen_at(&self) -> Timestamp {
        Timestamp::from_micros(self.seen_at.load(Ordering::Relaxed))
    }

    /// How long it lives without a call; `None` when it does not slide (protocol.md 3.5).
    pub fn idle(&self) -> Option<Duration> {
        let idle = u64::try_from(self.idle).ok().map(Duration::from_micros);
        idle.filter(|_| self.idle != FOR_EVER)
    }

    /// When it ends if it is not used again.
    pub fn expires_at(&self) -> Timestamp {
        self.idle().map_or(self.ends_at, |idle| self.ends_at.min(self.seen_at() + idle))
    }

    /// Whether it is over: ended, idle for too long, or too old.
    pub fn has_ended(&self, now: Timestamp) -> bool {
        self.ended.load(Ordering::Acquire) || self.expires_at() <= now
    }

    /// Marks it as ended; nothing revives it.
    pub fn mark_ended(&self) {
        self.ended.store(true, Ordering::Release);
    }

    /// Marks it as saved, before its values are read for saving.
    pub fn mark_saved(&self) {
        self.unsaved.store(false, Ordering::SeqCst);
    }

    /// Whether something of it has not been handed to the store for writing yet.
    pub fn is_unsaved(&self) -> bool {
        self.unsaved.load(Ordering::SeqCst)
    }

    /// Marks it as changed; true when it was not marked, so that the store has to be told.
    pub fn mark_unsaved(&self) -> bool {
        !self.unsaved.swap(true, Ordering::SeqCst)
    }

    /// The bcrypt hash of its id that tokens carry, once one was minted.
    pub fn unique_id(&self) -> Option<String> {
        self.known().unique_id.as_ref().map(UniqueId::text)
    }

    /// Keeps the bcrypt hash of its id, the first one for ever; true when the store has to be told.
    pub(crate) fn bind(&self, unique_id: &str) -> bool {
        self.known().unique_id.get_or_insert_with(|| unique_id.into());
        self.mark_unsaved()
    }

    /// Where it was opened from, until that is on disk.
    pub fn origin(&self) -> Option<Origin> {
        self.known().origin.as_deref().cloned()
    }

    /// Keeps where it was opened from, the first one for ever; true when the store has to be told.
    pub(crate) fn came_from(&self, origin: Origin) -> bool {
        let mut known = self.known();
        let is_first = known.origin.is_none();
        known.origin.get_or_insert_with(|| Box::new(origin));
        // The lock is held meanwhile, or what is not on disk yet might be forgotten.
        is_first && self.mark_unsaved()
    }

    /// Forgets what memory need not hold once it is on disk, unless something has changed since it was read for saving.
    pub fn forget_saved(&self) {
        let mut known = self.known();
        if !self.is_unsaved() {
            known.origin = None;
        }
    }

    /// Its owner, if it was kept at this reading of the store, by its number.
    pub fn owner(&self, reading: u64) -> Option<Owner> {
        let known = self.known();
        known.owner.as_ref().filter(|(of, _)| *of == reading).map(|(_, owner)| owner.clone())
    }

    /// Keeps its owner as it is at a reading of the store; the number of the next one will be another.
    pub fn keep_owner(&self, reading: u64, owner: Owner) {
        self.known().owner = Some((reading, owner));
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes its use; true when the store has to be told.
    pub(super) fn touch(&self, now: Timestamp) -> bool {
        let before = self.seen_at.fetch_max(now.as_micros(), Ordering::Relaxed);
        before < now.as_micros() && !self.unsaved.load(Ordering::Relaxed) && self.mark_unsaved()
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Session({:?}, {}, {})", self.digest, self.user, self.org)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::minutes;

    fn at(minute: u32) -> Timestamp {
        Timestamp::from_seconds(1_000_000) + minutes(minute)
    }

    fn session(idle: Option<Duration>) -> Session {
        let (digest, user, org) = (SessionDigest([7; 32]), UserId::from_bits(1), OrgId::from_bits(2));
        let record = Record {
            digest,
            user,
            org,
            opened_at: at(0),
            seen_at: at(0),
            ends_at: at(720),
            idle,
            unique_id: None,
            origin: None,
        };
        record.into()
    }

    #[test]
    fn a_million_sessions_and_users_are_in_memory_so_each_is_small() {
        assert!(size_of::<Session>() <= 184, "a session takes {} bytes", size_of::<Session>());
        assert!(size_of::<User>() <= 168, "a user takes {} bytes", size_of::<User>());
    }

    #[test]
    fn where_it_was_opened_from_is_forgotten_once_it_is_saved() {
        let (session, origin) = (session(None), Origin::new(None, Some("curl")));
        assert!(session.came_from(origin.clone()));
        session.forget_saved();
        assert_eq!(session.origin(), Some(origin));
        session.mark_saved();
        session.forget_saved();
        assert_eq!(session.origin(), None);
    }

    #[test]
    fn use_slides_a_session_up_to_its_absolute_limit() {
        let session = session(Some(minutes(30)));
        for minute in (0..=710).step_by(29) {
            assert!(!session.has_ended(at(minute)), "{minute}");
            session.touch(at(minute));
        }
        assert_eq!(session.expires_at(), at(720));
        assert!(session.has_ended(at(720)));
    }

    #[test]
    fn an_idle_session_ends_after_thirty_minutes() {
        let session = session(Some(minutes(30)));
        assert!(!session.has_ended(at(30) - Duration::from_micros(1)));
        assert!(session.has_ended(at(30)));
    }

    #[test]
    fn a_session_of_jwt_mode_does_not_slide() {
        let session = session(None);
        session.touch(at(719));
        assert!(session.has_ended(at(720)));
    }

    #[test]
    fn an_earlier_clock_does_not_shorten_a_session_and_nothing_revives_it() {
        let session = session(Some(minutes(30)));
        session.touch(at(10));
        session.touch(at(5));
        assert_eq!(session.seen_at(), at(10));
        session.mark_ended();
        session.touch(at(11));
        assert!(session.has_ended(at(11)));
    }
}
