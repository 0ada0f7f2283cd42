//! How many passwords are hashed at once: a fixed pool of threads with one bounded queue.

use crate::config::Password;
use crate::metrics::HashMeters;
use crate::system;
use async_trait::async_trait;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::entropy::Entropy;
use domain::method::hash::{Arena, Cost, PasswordHash};
use domain::method::{Busy, Hasher};
use std::borrow::Cow;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use wire::Secret;

/// Threads that do nothing but hash, each with its own arena. They end when the pool is dropped.
pub struct HashPool {
    jobs: Sender<Job>,
    /// A permit is a place in the queue; it is given back when a thread takes the job.
    places: Arc<Semaphore>,
    /// A permit is a core; session ids are bound beside the queue, so that nobody's token waits for passwords.
    cores: Arc<Semaphore>,
    entropy: Arc<dyn Entropy>,
    meters: HashMeters,
}

/// One hash to compute, or nothing to do if nobody waits for it any more.
struct Job {
    work: Box<dyn FnOnce(&mut Arena) + Send>,
    place: OwnedSemaphorePermit,
}

impl HashPool {
    /// Starts the threads.
    pub fn start(password: &Password, entropy: Arc<dyn Entropy>, meters: HashMeters) -> io::Result<Self> {
        let (jobs, taken) = channel();
        let taken = Arc::new(Mutex::new(taken));
        let threads = usize::try_from(password.threads)
            .ok()
            .filter(|&threads| threads > 0)
            .unwrap_or_else(system::cores);
        for _ in 0..threads {
            let (taken, meters) = (Arc::clone(&taken), meters.clone());
            thread::Builder::new().name("password".into()).spawn(move || work_off(&taken, &meters))?;
        }
        Ok(Self {
            jobs,
            places: Arc::new(Semaphore::new(
                usize::try_from(password.queue).unwrap_or(Semaphore::MAX_PERMITS),
            )),
            cores: Arc::new(Semaphore::new(system::cores())),
            entropy,
            meters,
        })
    }

    /// Hands in a job and waits for its result. Whoever stops waiting before it begins takes it out of the queue.
    async fn compute<T, F>(&self, hash: F) -> Result<T, Busy>
    where
        T: Send + 'static,
        F: FnOnce(&mut Arena) -> T + Send + 'static,
    {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| self.refuse())?;
        let (answer, result) = oneshot::channel();
        let work = Box::new(move |arena: &mut Arena| {
            if !answer.is_closed() {
                let _ = answer.send(hash(arena));
            }
        });
        self.meters.waiting.inc();
        self.jobs.send(Job { work, place }).map_err(|_| Busy)?;
        result.await.map_err(|_| Busy)
    }

    /// Does work that is short but not short enough for an async thread, on as many threads as there are cores.
    async fn briefly<T, F>(&self, work: F) -> Result<T, Busy>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let core = Arc::clone(&self.cores).acquire_owned().await.map_err(|_| Busy)?;
        let done = tokio::task::spawn_blocking(move || {
            let _core = core;
            work()
        });
        done.await.map_err(|_| Busy)
    }

    fn refuse(&self) -> Busy {
        self.meters.refused.inc();
        Busy
    }
}

#[async_trait]
impl Hasher for HashPool {
    fn admit(&self) -> Result<(), Busy> {
        if self.places.available_permits() == 0 { Err(self.refuse()) } else { Ok(()) }
    }

    async fn check(&self, password: Secret, hash: PasswordHash) -> Result<bool, Busy> {
        let checked = self.meters.checked.clone();
        self.compute(move |arena| {
            checked.inc();
            hash.matches(&password, arena)
        })
        .await
    }

    async fn make(&self, password: Secret, cost: Cost) -> Result<PasswordHash, Busy> {
        let (made, entropy) = (self.meters.made.clone(), Arc::clone(&self.entropy));
        let hash = self.compute(move |arena| {
            made.inc();
            PasswordHash::make(&password, cost, entropy.as_ref(), arena)
        });
        // `Config::check` lets no cost through that Argon2 does not know.
        hash.await?.ok_or(Busy)
    }

    async fn bind(&self, session_id: Secret) -> Result<String, Busy> {
        let entropy = Arc::clone(&self.entropy);
        self.briefly(move || unique_id(&session_id, entropy.as_ref())).await?.ok_or(Busy)
    }

    async fn is_bound(&self, session_id: Secret, unique_id: String) -> Result<bool, Busy> {
        self.briefly(move || check_unique_id(&session_id, &unique_id)).await
    }
}

/// The life of one thread: it ends when the pool is gone and the queue is empty.
fn work_off(jobs: &Mutex<Receiver<Job>>, meters: &HashMeters) {
    let mut arena = Arena::new();
    let next = || jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
    while let Ok(Job { work, place }) = next() {
        drop(place);
        meters.waiting.dec();
        // A panic has been logged by the hook; the thread must not be lost with it.
        if catch_unwind(AssertUnwindSafe(|| work(&mut arena))).is_err() {
            arena = Arena::new();
        }
    }
}

/// The cost of a `unique_id`, the lowest there is: the 131 bits of a session id need no slowness.
const BINDING_COST: u32 = 4;

/// The highest cost of a `unique_id` that is checked; tokens of the original carry 7 (protocol.md 3.2).
const HIGHEST_COST: u32 = 7;

/// The bcrypt hash of a session id that a token carries as `unique_id` (protocol.md 3.2).
///
/// `None` cannot come from a session id that exists: bcrypt refuses nothing that is given to it here.
pub fn unique_id(session_id: &Secret, entropy: &dyn Entropy) -> Option<String> {
    let mut salt = [0; 16];
    entropy.fill(&mut salt);
    let hash = bcrypt::hash_with_salt(bindable(session_id).as_bytes(), BINDING_COST, salt).ok()?;
    Some(hash.format_for_version(bcrypt::Version::TwoA))
}

/// Whether `unique_id` was made from this session id.
pub fn check_unique_id(session_id: &Secret, unique_id: &str) -> bool {
    let cheap = unique_id.parse::<bcrypt::HashParts>().is_ok_and(|parts| parts.get_cost() <= HIGHEST_COST);
    cheap && bcrypt::verify(bindable(session_id).as_bytes(), unique_id).unwrap_or(false)
}

/// What bcrypt is given, which reads no more than 72 bytes: a longer id, such as a JWT, by its SHA-256.
fn bindable(session_id: &Secret) -> Cow<'_, str> {
    match session_id.expose() {
        short if short.len() <= 72 => Cow::Borrowed(short),
        long => Cow::Owned(STANDARD.encode(digest(&SHA256, long.as_bytes()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::SystemEntropy;
    use std::cell::RefCell;

    const CHEAP: Cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };

    fn pool(threads: u32, queue: u32) -> HashPool {
        let password = Password { threads, queue, ..Password::default() };
        HashPool::start(&password, Arc::new(SystemEntropy), HashMeters::default()).unwrap()
    }

    /// Occupies a thread until the sender is dropped; returns once the thread has begun.
    async fn occupy(pool: &Arc<HashPool>) -> std::sync::mpsc::Sender<()> {
        let (release, wait) = channel::<()>();
        let (begun, has_begun) = oneshot::channel();
        let pool = Arc::clone(pool);
        tokio::spawn(async move {
            let work = move |_: &mut Arena| {
                let _ = begun.send(());
                let _ = wait.recv();
            };
            pool.compute(work).await
        });
        has_begun.await.unwrap();
        release
    }

    /// Polls a future once, so that its job stands in the queue.
    async fn queued<F: Future + Unpin>(future: &mut F) {
        tokio::select! { biased; _ = future => panic!("done already"), () = std::future::ready(()) => {} }
    }

    #[tokio::test]
    async fn a_password_is_hashed_and_checked() {
        let pool = pool(1, 4);
        let hash = pool.make(Secret::new("right"), CHEAP).await.unwrap();
        assert_eq!(pool.check(Secret::new("right"), hash.clone()).await, Ok(true));
        assert_eq!(pool.check(Secret::new("wrong"), hash).await, Ok(false));
        assert_eq!((pool.meters.made.get(), pool.meters.checked.get(), pool.meters.waiting.get()), (1, 2, 0));
    }

    #[tokio::test]
    async fn a_full_queue_says_no_at_once() {
        let pool = Arc::new(pool(1, 1));
        let release = occupy(&pool).await;
        assert_eq!(pool.admit(), Ok(()));
        let mut waiting = Box::pin(pool.make(Secret::new("first"), CHEAP));
        queued(&mut waiting).await;
        assert_eq!(pool.meters.waiting.get(), 1);
        assert_eq!(pool.admit(), Err(Busy));
        assert!(pool.make(Secret::new("second"), CHEAP).await.is_err());
        assert_eq!(pool.meters.refused.get(), 2);
        drop(release);
        assert!(waiting.await.is_ok());
        assert_eq!(pool.admit(), Ok(()));
    }

    #[tokio::test]
    async fn nobody_hashes_for_a_caller_who_went_away() {
        let pool = Arc::new(pool(1, 4));
        let release = occupy(&pool).await;
        let mut gone = Box::pin(pool.make(Secret::new("gone"), CHEAP));
        queued(&mut gone).await;
        drop(gone);
        drop(release);
        pool.make(Secret::new("here"), CHEAP).await.unwrap();
        assert_eq!(pool.meters.made.get(), 1);
    }

    #[tokio::test]
    async fn a_session_id_is_bound_while_every_thread_is_busy() {
        let pool = Arc::new(pool(1, 1));
        let _release = occupy(&pool).await;
        let id = Secret::new("4sTxGlFkEUFgLcwAe1ZyDd");
        let bound = pool.bind(id.clone()).await.unwrap();
        assert_eq!(pool.is_bound(id, bound.clone()).await, Ok(true));
        assert_eq!(pool.is_bound(Secret::new("4sTxGlFkEUFgLcwAe1ZyDe"), bound).await, Ok(false));
    }

    #[tokio::test]
    async fn a_thread_survives_a_panic() {
        let pool = pool(1, 4);
        assert_eq!(pool.compute(|_| -> () { panic!("on purpose") }).await, Err(Busy));
        assert!(pool.make(Secret::new("after"), CHEAP).await.is_ok());
    }

    thread_local! {
        static END: RefCell<Option<oneshot::Sender<()>>> = const { RefCell::new(None) };
    }

    #[tokio::test]
    async fn the_threads_end_with_the_pool() {
        let pool = pool(1, 4);
        let (dropped_with_thread, ended) = oneshot::channel::<()>();
        pool.compute(move |_| END.with_borrow_mut(|end| *end = Some(dropped_with_thread))).await.unwrap();
        drop(pool);
        assert!(ended.await.is_err());
    }

    #[test]
    fn a_unique_id_tells_long_ids_apart() {
        let (long, other) = (Secret::new("a".repeat(80)), Secret::new("a".repeat(81)));
        let bound = unique_id(&long, &SystemEntropy).unwrap();
        assert!(bound.starts_with("$2a$04$"), "{bound}");
        assert!(check_unique_id(&long, &bound));
        assert!(!check_unique_id(&other, &bound));
    }

    #[test]
    fn a_unique_id_that_asks_for_much_work_is_not_checked() {
        let costly = "$2a$12$abcdefghijklmnopqrstuuxk8V9mYjbHVRYGNKpoOI2ePSDGwjSdi";
        assert!(!check_unique_id(&Secret::new("a"), costly));
        assert!(!check_unique_id(&Secret::new("a"), "plain"));
    }
}
