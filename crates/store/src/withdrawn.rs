//! The tokens that were withdrawn, in memory: every token that is presented is looked for among them.

use crate::elsewhere::Hearing;
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};

/// Withdrawn tokens that are kept in memory, 32 bytes each. With more of them the database is asked each time.
pub const MOST: usize = 200_000;

/// What is known of withdrawn tokens.
pub struct Withdrawn {
    known: RwLock<Known>,
    is_being_read: AtomicBool,
    hearing: Arc<Hearing>,
}

#[derive(Default)]
struct Known {
    /// How often it has changed: what was read before a change does not come in after it.
    changes: u64,
    tokens: Tokens,
}

#[derive(Default)]
enum Tokens {
    #[default]
    Unread,
    All(HashSet<[u8; 32]>),
    TooMany,
}

/// Somebody reads them all; nobody else does at the same time.
pub struct Reading<'a> {
    of: &'a Withdrawn,
    changes: u64,
}

impl Withdrawn {
    /// Tokens that are known while this hears what other nodes do.
    pub fn of(hearing: Arc<Hearing>) -> Self {
        Self { known: RwLock::default(), is_being_read: AtomicBool::new(false), hearing }
    }

    /// Whether the token with this digest is among them; `None` when the database has to be asked.
    pub fn has(&self, digest: &[u8; 32]) -> Option<bool> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        match &known.tokens {
            Tokens::All(all) if self.hearing.is_current() => Some(all.contains(digest)),
            Tokens::All(_) | Tokens::Unread | Tokens::TooMany => None,
        }
    }

    /// Begins to read them all, if that is of use and nobody does already.
    pub fn start_reading(&self) -> Option<Reading<'_>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let is_of_use = matches!(known.tokens, Tokens::Unread);
        (is_of_use && !self.is_being_read.swap(true, Ordering::AcqRel))
            .then_some(Reading { of: self, changes: known.changes })
    }

    /// Adds one that was withdrawn, here or on another node.
    pub fn add(&self, digest: [u8; 32]) {
        let mut known = self.write();
        known.changes += 1;
        if let Tokens::All(all) = &mut known.tokens {
            all.insert(digest);
        }
    }

    /// Forgets all of them, so that they are read anew.
    pub fn forget(&self) {
        let mut known = self.write();
        known.changes += 1;
        known.tokens = Tokens::Unread;
    }

    fn write(&self) -> RwLockWriteGuard<'_, Known> {
        self.known.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reading<'_> {
    /// Keeps what was read, unless something has changed meanwhile.
    pub fn keep(self, all: HashSet<[u8; 32]>) {
        let mut known = self.of.write();
        if known.changes == self.changes {
            known.tokens = if all.len() > MOST { Tokens::TooMany } else { Tokens::All(all) };
        }
    }
}

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        self.of.is_being_read.store(false, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_before_a_change_does_not_come_in_after_it() {
        let withdrawn = Withdrawn::of(Arc::default());
        let early = withdrawn.start_reading().unwrap();
        assert!(withdrawn.start_reading().is_none(), "one reads at a time");
        withdrawn.add([1; 32]);
        early.keep(HashSet::new());
        assert_eq!(withdrawn.has(&[1; 32]), None);
        withdrawn.start_reading().unwrap().keep(HashSet::from([[1; 32]]));
        withdrawn.add([2; 32]);
        assert_eq!([[1; 32], [2; 32], [3; 32]].map(|one| withdrawn.has(&one)), [true, true, false].map(Some));
        withdrawn.forget();
        assert_eq!(withdrawn.has(&[1; 32]), None);
    }

    #[test]
    fn more_than_are_kept_are_asked_for_each_time() {
        let withdrawn = Withdrawn::of(Arc::default());
        let number = |number: usize| <[u8; 32]>::try_from([number.to_be_bytes(); 4].concat()).unwrap();
        withdrawn.start_reading().unwrap().keep((0..=MOST).map(number).collect());
        assert_eq!(withdrawn.has(&number(1)), None);
        assert!(withdrawn.start_reading().is_none(), "nobody reads them all again and again");
    }
}
