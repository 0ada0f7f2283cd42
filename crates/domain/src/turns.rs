//! Turns: who is trying what on this node, and who waits for it.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// How many attempts may wait for their turn on this node, over all things.
const WAITING: usize = 65_536;

/// How many of them may wait for one thing, so that nobody can make all others wait.
const WAITING_FOR_ONE: usize = 512;

/// Who is trying what on this node. As many try one thing at once as hashes can run at once.
pub(crate) struct Turns<Thing> {
    seats: usize,
    waiting: Arc<Semaphore>,
    names: Arc<Mutex<HashMap<Thing, Arc<Queue>>>>,
}

pub(crate) struct Queue {
    seats: Arc<Semaphore>,
    line: Semaphore,
    pub(crate) under_way: AtomicUsize,
    pub(crate) resolved: Notify,
}

pub(crate) struct Turn<Thing: Copy + Eq + Hash> {
    name: Thing,
    pub(crate) queue: Arc<Queue>,
    names: Arc<Mutex<HashMap<Thing, Arc<Queue>>>>,
    has_begun: bool,
    _seat: OwnedSemaphorePermit,
}

impl<Thing: Copy + Eq + Hash> Turns<Thing> {
    pub(crate) fn new(seats: usize) -> Self {
        Self { seats: seats.max(1), waiting: Arc::new(Semaphore::new(WAITING)), names: Arc::default() }
    }

    /// Takes a turn for a thing; `None` when too many wait already.
    pub(crate) async fn take(&self, name: Thing) -> Option<Turn<Thing>> {
        let _waiting = self.waiting.try_acquire().ok()?;
        let queue = {
            let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(names.entry(name).or_insert_with(|| Arc::new(Queue::new(self.seats))))
        };
        let place_in_line = queue.line.try_acquire().ok()?;
        let seat = Arc::clone(&queue.seats).acquire_owned().await.ok()?;
        drop(place_in_line);
        Some(Turn { name, queue, names: Arc::clone(&self.names), has_begun: false, _seat: seat })
    }
}

impl Queue {
    fn new(seats: usize) -> Self {
        Self {
            seats: Arc::new(Semaphore::new(seats)),
            line: Semaphore::new(WAITING_FOR_ONE),
            under_way: AtomicUsize::new(0),
            resolved: Notify::new(),
        }
    }
}

impl<Thing: Copy + Eq + Hash> Turn<Thing> {
    pub(crate) fn begin(&mut self) {
        self.has_begun = true;
        self.queue.under_way.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn end(&mut self) {
        if std::mem::take(&mut self.has_begun) {
            self.queue.under_way.fetch_sub(1, Ordering::SeqCst);
            self.queue.resolved.notify_waiters();
        }
    }
}

impl<Thing: Copy + Eq + Hash> Drop for Turn<Thing> {
    fn drop(&mut self) {
        self.end();
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        // The map's own reference and this one: nobody else is here or on the way.
        if Arc::strong_count(&self.queue) == 2 {
            names.remove(&self.name);
        }
    }
}
