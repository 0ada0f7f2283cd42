//! How many passwords are hashed at once: a fixed pool of threads behind one bounded queue that is shared fairly.

mod fair;

use crate::config::Password;
use crate::metrics::HashMeters;
use crate::system::{self, Stopwatch};
use async_trait::async_trait;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::entropy::Entropy;
use domain::flow::{Flow, Waiter};
use domain::method::hash::{Arena, Cost, PasswordHash};
use domain::method::{Busy, Hasher, Place};
use fair::{FairQueue, NoPlace};
use std::borrow::Cow;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;
use tokio::sync::{Semaphore, oneshot};
use wire::Secret;

/// Threads that do nothing but hash, each with its own arena. They end when the pool is dropped.
pub struct HashPool {
    shared: Arc<Shared>,
    /// A permit is a core; session ids are bound beside the queue, so that nobody's token waits for passwords.
    cores: Arc<Semaphore>,
}

/// What the threads and the places share.
struct Shared {
    state: Mutex<State>,
    /// Told of every job, and of the end.
    news: Condvar,
    threads: usize,
    places: usize,
    /// What waited longer is not hashed any more.
    patience: Duration,
    entropy: Arc<dyn Entropy>,
    meters: HashMeters,
}

#[derive(Default)]
struct State {
    queue: FairQueue<Job>,
    /// How long a hash takes lately, one thread for itself; zero before the first.
    pace: Duration,
    is_closed: bool,
}

/// One hash to compute.
struct Job {
    seat: Seat,
    /// Returns whether somebody still wanted it.
    work: Box<dyn FnOnce(&mut Arena) -> bool + Send>,
}

/// A place in the queue. It is given back when a thread takes the job, or when there is to be none.
struct Seat {
    shared: Arc<Shared>,
    flow: Flow,
    waiter: Waiter,
    since: Stopwatch,
}

impl HashPool {
    /// Starts the threads.
    pub fn start(password: &Password, entropy: Arc<dyn Entropy>, meters: HashMeters) -> io::Result<Self> {
        let threads = usize::try_from(password.threads)
            .ok()
            .filter(|&threads| threads > 0)
            .unwrap_or_else(system::cores);
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            news: Condvar::new(),
            threads,
            places: usize::try_from(password.queue).unwrap_or(usize::MAX),
            patience: password.patience(),
            entropy,
            meters,
        });
        for _ in 0..threads {
            let shared = Arc::clone(&shared);
            thread::Builder::new().name("password".into()).spawn(move || shared.work_off())?;
        }
        Ok(Self { shared, cores: Arc::new(Semaphore::new(system::cores())) })
    }

    /// Does work that is short but not short enough for an async thread, on as many threads as there are cores.
    async fn briefly<T, F>(&self, work: F) -> Result<T, Busy>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let core = Arc::clone(&self.cores).acquire_owned().await.map_err(|_| Busy::A_MOMENT)?;
        let done = tokio::task::spawn_blocking(move || {
            let _core = core;
            work()
        });
        done.await.map_err(|_| Busy::A_MOMENT)
    }

    fn seat(&self, flow: Flow, waiter: Waiter) -> Result<Seat, Busy> {
        self.shared.take(flow)?;
        Ok(Seat { shared: Arc::clone(&self.shared), flow, waiter, since: Stopwatch::start() })
    }
}

impl Drop for HashPool {
    fn drop(&mut self) {
        self.shared.state().is_closed = true;
        self.shared.news.notify_all();
    }
}

#[async_trait]
impl Hasher for HashPool {
    fn admit(&self, flow: Flow, waiter: Waiter) -> Result<Box<dyn Place>, Busy> {
        Ok(Box::new(self.seat(flow, waiter)?))
    }

    async fn bind(&self, session_id: Secret) -> Result<String, Busy> {
        let entropy = Arc::clone(&self.shared.entropy);
        let bound = self.briefly(move || unique_id(&session_id, entropy.as_ref())).await?;
        bound.ok_or(Busy::A_MOMENT)
    }

    async fn is_bound(&self, session_id: Secret, unique_id: String) -> Result<bool, Busy> {
        self.briefly(move || check_unique_id(&session_id, &unique_id)).await
    }
}

#[async_trait]
impl Place for Seat {
    async fn check(self: Box<Self>, password: Secret, hash: PasswordHash) -> Result<bool, Busy> {
        let checked = self.shared.meters.checked.clone();
        self.compute(move |arena| {
            checked.inc();
            hash.matches(&password, arena)
        })
        .await
    }

    async fn make(self: Box<Self>, password: Secret, cost: Cost) -> Result<PasswordHash, Busy> {
        let (made, entropy) = (self.shared.meters.made.clone(), Arc::clone(&self.shared.entropy));
        let hash = self.compute(move |arena| {
            made.inc();
            PasswordHash::make(&password, cost, entropy.as_ref(), arena)
        });
        // `Config::check` lets no cost through that Argon2 does not know.
        hash.await?.ok_or(Busy::A_MOMENT)
    }
}

impl Seat {
    /// Waits for its turn and for the result. Whoever stops waiting before it begins leaves nothing to do.
    async fn compute<T, F>(self, hash: F) -> Result<T, Busy>
    where
        T: Send + 'static,
        F: FnOnce(&mut Arena) -> T + Send + 'static,
    {
        let shared = Arc::clone(&self.shared);
        let (answer, result) = oneshot::channel();
        let work = Box::new(move |arena: &mut Arena| {
            let is_wanted = !answer.is_closed();
            if is_wanted {
                let _ = answer.send(hash(arena));
            }
            is_wanted
        });
        shared.hand_in(Job { seat: self, work });
        // A job that is not done is dropped, and its end of the channel with it.
        result.await.map_err(|_| shared.busy())
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.shared.state().queue.give_back(self.flow);
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, flow: Flow) -> Result<(), Busy> {
        let mut state = self.state();
        let places = self.places_at(state.pace);
        state.queue.take(flow, places).map_err(|why| {
            let refused = match why {
                NoPlace::Full => &self.meters.full,
                NoPlace::Share => &self.meters.share,
            };
            refused.inc();
            self.busy_for(&state)
        })
    }

    /// No more places than can be worked off before patience ends, so that whoever waits does not wait in vain.
    fn places_at(&self, pace: Duration) -> usize {
        let hashes = self.patience.as_nanos().saturating_mul(self.threads as u128) / pace.as_nanos().max(1);
        self.places.min(usize::try_from(hashes).unwrap_or(usize::MAX)).max(1)
    }

    fn hand_in(&self, job: Job) {
        let mut state = self.state();
        if state.is_closed {
            // Its seat wants the state, too.
            drop(state);
            drop(job);
            return;
        }
        self.meters.waiting.inc();
        state.queue.push(job.seat.flow, job);
        drop(state);
        self.news.notify_one();
    }

    fn busy(&self) -> Busy {
        self.busy_for(&self.state())
    }

    /// What has a place now is hashed within this time, at the pace of the last hashes.
    fn busy_for(&self, state: &State) -> Busy {
        let held = u32::try_from(state.queue.held()).unwrap_or(u32::MAX);
        let threads = u32::try_from(self.threads).unwrap_or(u32::MAX).max(1);
        Busy { wait: state.pace.saturating_mul(held) / threads }
    }

    /// The life of one thread: it ends when the pool is gone and the queue is empty.
    fn work_off(&self) {
        system::let_others_go_first();
        let mut arena = Arena::new();
        while let Some(Job { seat, work }) = self.next() {
            let (waited, has_gone) = (seat.since.elapsed(), seat.waiter.has_gone());
            drop(seat);
            self.meters.waited.observe(waited.as_secs_f64());
            if has_gone {
                self.meters.gone.inc();
            } else if waited > self.patience {
                self.meters.late.inc();
            } else {
                self.hash(work, &mut arena);
            }
        }
    }

    fn hash(&self, work: Box<dyn FnOnce(&mut Arena) -> bool + Send>, arena: &mut Arena) {
        let watch = Stopwatch::start();
        // A panic has been logged by the hook; the thread must not be lost with it.
        match catch_unwind(AssertUnwindSafe(|| work(arena))) {
            Ok(true) => self.state().took(watch.elapsed()),
            Ok(false) => drop(self.meters.gone.inc()),
            Err(_panic) => *arena = Arena::new(),
        }
    }

    fn next(&self) -> Option<Job> {
        let mut state = self.state();
        loop {
            if let Some(job) = state.queue.pop() {
                self.meters.waiting.dec();
                return Some(job);
            }
            if state.is_closed {
                return None;
            }
            state = self.news.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl State {
    /// Lets the pace follow, so that one costly hash that was imported does not decide it.
    fn took(&mut self, time: Duration) {
        let usual = self.pace.is_zero();
        self.pace = if usual { time } else { (self.pace * 7 + time.min(self.pace * 4)) / 8 };
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
    use domain::network::Network;
    use std::cell::RefCell;
    use std::net::IpAddr;
    use std::sync::mpsc::channel;
    use wire::OrgId;

    const CHEAP: Cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };

    fn pool(threads: u32, queue: u32) -> HashPool {
        pool_of(Password { threads, queue, ..Password::default() })
    }

    fn pool_of(password: Password) -> HashPool {
        HashPool::start(&password, Arc::new(SystemEntropy), HashMeters::default()).unwrap()
    }

    /// The flow of an org whose users come from one address.
    fn org(number: u8) -> Flow {
        let network = Network::of(Some(IpAddr::from([203, 0, 113, number])));
        Flow { org: Some(OrgId::from_bits(number.into())), network, name: None }
    }

    fn seat(pool: &HashPool, flow: Flow) -> Seat {
        pool.seat(flow, Waiter::always()).unwrap()
    }

    async fn make(pool: &HashPool, password: &str) -> Result<PasswordHash, Busy> {
        Box::new(pool.seat(org(1), Waiter::always())?).make(Secret::new(password), CHEAP).await
    }

    /// Occupies a thread until the sender is dropped; returns once the thread has begun.
    async fn occupy(pool: &HashPool) -> std::sync::mpsc::Sender<()> {
        let (release, wait) = channel::<()>();
        let (begun, has_begun) = oneshot::channel();
        let seat = seat(pool, org(0));
        tokio::spawn(seat.compute(move |_| {
            let _ = begun.send(());
            let _ = wait.recv();
        }));
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
        let hash = make(&pool, "right").await.unwrap();
        let check = |word| Box::new(seat(&pool, org(1))).check(Secret::new(word), hash.clone());
        assert_eq!(check("right").await, Ok(true));
        assert_eq!(check("wrong").await, Ok(false));
        let meters = &pool.shared.meters;
        assert_eq!((meters.made.get(), meters.checked.get(), meters.waiting.get()), (1, 2, 0));
        assert_eq!(pool.shared.state().queue.held(), 0);
    }

    #[tokio::test]
    async fn a_full_queue_says_no_at_once_and_for_how_long() {
        let pool = pool(1, 1);
        let release = occupy(&pool).await;
        pool.shared.state().pace = Duration::from_millis(1_500);
        let mut waiting = Box::pin(make(&pool, "first"));
        queued(&mut waiting).await;
        assert_eq!(pool.shared.meters.waiting.get(), 1);
        assert_eq!(make(&pool, "second").await.unwrap_err(), Busy { wait: Duration::from_millis(1_500) });
        assert_eq!(
            pool.admit(org(2), Waiter::always()).err(),
            Some(Busy { wait: Duration::from_millis(1_500) })
        );
        assert_eq!(pool.shared.meters.full.get(), 2);
        drop(release);
        assert!(waiting.await.is_ok());
        assert!(pool.admit(org(2), Waiter::always()).is_ok());
    }

    #[tokio::test]
    async fn an_org_that_floods_leaves_every_second_turn_to_another() {
        let pool = pool(1, 100);
        let release = occupy(&pool).await;
        let (told, order) = channel();
        let mut jobs = Vec::new();
        for (number, times) in [(1, 20), (2, 4)] {
            for _ in 0..times {
                let told = told.clone();
                let mut job = Box::pin(seat(&pool, org(number)).compute(move |_| told.send(number).unwrap()));
                queued(&mut job).await;
                jobs.push(job);
            }
        }
        drop((release, told));
        futures_util::future::join_all(jobs).await;
        assert_eq!(order.iter().take(9).collect::<Vec<_>>(), [1, 2, 1, 2, 1, 2, 1, 2, 1]);
    }

    #[tokio::test]
    async fn whoever_floods_is_refused_before_whoever_has_nothing() {
        let pool = pool(1, 8);
        let seats: Vec<_> = (0..100).map_while(|_| pool.seat(org(1), Waiter::always()).ok()).collect();
        assert_eq!((seats.len(), pool.shared.meters.share.get()), (2, 1));
        assert!(pool.seat(org(2), Waiter::always()).is_ok());
    }

    #[tokio::test]
    async fn a_place_that_is_not_used_is_given_back() {
        let pool = pool(1, 1);
        for _ in 0..3 {
            drop(seat(&pool, org(1)));
        }
        assert_eq!(pool.shared.state().queue.held(), 0);
    }

    #[tokio::test]
    async fn there_are_no_more_places_than_can_be_worked_off_in_time() {
        let pool = pool_of(Password { threads: 2, queue: 1_000, queue_seconds: 3, ..Password::default() });
        let ms = Duration::from_millis;
        assert_eq!(pool.shared.places_at(Duration::ZERO), 1_000);
        assert_eq!(pool.shared.places_at(ms(100)), 60);
        assert_eq!(pool.shared.places_at(ms(60_000)), 1);
        let mut state = State::default();
        state.took(ms(100));
        state.took(ms(260));
        assert_eq!(state.pace, ms(120));
        state.took(ms(60_000));
        assert_eq!(state.pace, ms(165), "one costly hash counts as four usual ones");
    }

    #[tokio::test]
    async fn nobody_hashes_for_a_caller_who_went_away() {
        let pool = pool(1, 9);
        let release = occupy(&pool).await;
        let mut gone = Box::pin(make(&pool, "gone"));
        queued(&mut gone).await;
        drop(gone);
        let (waiting, waiter) = Waiter::new();
        let seat = Box::new(pool.seat(org(1), waiter).unwrap());
        let mut left = Box::pin(seat.make(Secret::new("left"), CHEAP));
        queued(&mut left).await;
        drop((waiting, release));
        assert!(left.await.is_err());
        make(&pool, "here").await.unwrap();
        assert_eq!((pool.shared.meters.made.get(), pool.shared.meters.gone.get()), (1, 2));
    }

    #[tokio::test]
    async fn nobody_hashes_what_waited_too_long() {
        let pool = pool_of(Password { threads: 1, queue_seconds: 0, ..Password::default() });
        assert!(make(&pool, "late").await.is_err());
        assert_eq!((pool.shared.meters.made.get(), pool.shared.meters.late.get()), (0, 1));
    }

    #[tokio::test]
    async fn a_session_id_is_bound_while_every_thread_is_busy() {
        let pool = pool(1, 1);
        let _release = occupy(&pool).await;
        let id = Secret::new("4sTxGlFkEUFgLcwAe1ZyDd");
        let bound = pool.bind(id.clone()).await.unwrap();
        assert_eq!(pool.is_bound(id, bound.clone()).await, Ok(true));
        assert_eq!(pool.is_bound(Secret::new("4sTxGlFkEUFgLcwAe1ZyDe"), bound).await, Ok(false));
    }

    #[tokio::test]
    async fn a_thread_survives_a_panic() {
        let pool = pool(1, 4);
        assert!(seat(&pool, org(1)).compute(|_| -> () { panic!("on purpose") }).await.is_err());
        assert!(make(&pool, "after").await.is_ok());
    }

    thread_local! {
        static END: RefCell<Option<oneshot::Sender<()>>> = const { RefCell::new(None) };
    }

    #[tokio::test]
    async fn the_threads_end_with_the_pool() {
        let pool = pool(1, 4);
        let (dropped_with_thread, ended) = oneshot::channel::<()>();
        seat(&pool, org(1))
            .compute(move |_| END.with_borrow_mut(|end| *end = Some(dropped_with_thread)))
            .await
            .unwrap();
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
