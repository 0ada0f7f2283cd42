//! What was read lately and has not changed since.

use crate::elsewhere::Hearing;
use quick_cache::sync::Cache;
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// How many records of a kind are kept at hand; a user takes about 400 bytes.
const MOST: usize = 1_000_000;

/// Records by their ids. A record that was read before a change never comes in after it.
pub struct AtHand<Id, Thing> {
    kept: Cache<Id, Arc<Thing>>,
    changes: AtomicU64,
    changing: Mutex<()>,
    hearing: Arc<Hearing>,
}

impl<Id: Eq + Hash + Copy, Thing> Default for AtHand<Id, Thing> {
    fn default() -> Self {
        Self::of(Arc::default())
    }
}

/// How many changes had happened when a read began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading(pub u64);

impl<Id: Eq + Hash + Copy, Thing> AtHand<Id, Thing> {
    /// Records that answer while this hears what other nodes do.
    pub fn of(hearing: Arc<Hearing>) -> Self {
        Self { kept: Cache::new(MOST), changes: AtomicU64::new(0), changing: Mutex::default(), hearing }
    }

    /// The record with this id, if it is at hand and nobody else can have changed it for long.
    pub fn get(&self, id: &Id) -> Option<Arc<Thing>> {
        self.hearing.is_current().then(|| self.kept.get(id)).flatten()
    }

    /// Begins to read a record, here or from disk. What is found is as it was until the next beginning is another one.
    pub fn start_reading(&self) -> Reading {
        Reading(self.changes.load(Ordering::SeqCst))
    }

    /// Keeps a record as it was read, unless something has changed meanwhile.
    pub fn keep(&self, reading: Reading, id: Id, thing: &Arc<Thing>) {
        let _one_at_a_time = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        if self.start_reading() == reading {
            self.kept.insert(id, Arc::clone(thing));
        }
    }

    /// Forgets a record that has changed on disk.
    pub fn changed(&self, id: &Id) {
        self.change(|| drop(self.kept.remove(id)));
    }

    /// Forgets every record: something that many of them show has changed on disk.
    pub fn all_changed(&self) {
        self.change(|| self.kept.clear());
    }

    /// Counts a change after it is forgotten: whoever began to read after the counting finds nothing of before.
    fn change(&self, forget: impl FnOnce()) {
        let _one_at_a_time = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        forget();
        self.changes.fetch_add(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_before_a_change_does_not_come_in_after_it() {
        let at_hand = AtHand::<u8, &str>::default();
        let early = at_hand.start_reading();
        at_hand.changed(&1);
        at_hand.keep(early, 1, &Arc::new("old"));
        assert_eq!(at_hand.get(&1), None);
        at_hand.keep(at_hand.start_reading(), 1, &Arc::new("new"));
        assert_eq!(at_hand.get(&1), Some(Arc::new("new")));
        at_hand.all_changed();
        assert_eq!(at_hand.get(&1), None);
    }
}
