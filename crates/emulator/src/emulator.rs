//! One run of the emulator: its world, what is done to it, and the moments it can go back to.

use crate::clock::{Motion, MovableClock};
use crate::dice::{Dice, Stream};
use crate::elsewhere;
use crate::faults::Faults;
use crate::journal::Journal;
use crate::kept::Kept;
use crate::seed::{self, Person};
use crate::stubs::Elsewhere;
use crate::world::{Ground, World};
use domain::audit::seal;
use domain::founding::{FoundingError, NewOrg};
use domain::org::Org;
use domain::store::{Health, StoreError};
use domain::time::{Clock, Timestamp};
use server::folder::FolderError;
use server::seed::SeedError;
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use store::{Snapshot, Store};
use thiserror::Error;
use tokio::sync::RwLock;

/// Moments that are kept; the oldest is forgotten for a new one.
const MOMENTS: usize = 64;

/// Clocks of other hosts that are kept ready.
const SKEWS: usize = 64;

/// How much time may go by before what is over is forgotten.
const TIDY: Duration = Duration::from_secs(60);

/// How a run begins.
#[derive(Debug)]
pub struct Settings {
    /// Orgs and users; `None` takes one user for each situation.
    pub seed: Option<Vec<NewOrg>>,
    /// Where the store is kept; `None` keeps it in memory.
    pub data: Option<PathBuf>,
    /// What every random number follows from.
    pub dice: [u8; 32],
    /// The instant at which the clock stands still; `None` lets it run with the machine's.
    pub frozen_at: Option<Timestamp>,
}

/// Why a run did not begin.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The store cannot be opened.
    #[error("the store cannot be opened")]
    Store(#[from] StoreError),
    /// The store cannot be filled.
    #[error("the store cannot be filled")]
    Founding(#[from] FoundingError),
    /// The seed cannot be read.
    #[error("the seed cannot be used")]
    Seed(#[from] SeedError),
    /// The folder cannot be had.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The hashing threads did not start.
    #[error("the hashing threads did not start")]
    Threads(#[from] io::Error),
}

/// Nothing was kept under this name.
#[derive(Debug, Error)]
pub enum RestoreError {
    /// There is no such snapshot.
    #[error("there is no snapshot {0}")]
    Unknown(u64),
    /// The store did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A moment to go back to.
#[derive(Clone)]
struct Moment {
    store: Snapshot,
    motion: Motion,
    drawn: [u128; 3],
    people: Vec<Person>,
}

/// A run of the emulator.
pub struct Emulator {
    /// The clock.
    pub clock: Arc<MovableClock>,
    /// Faults that were asked for.
    pub faults: Faults,
    /// What was asked.
    pub journal: Journal,
    /// Who answers what the service does not.
    pub elsewhere: Arc<Elsewhere>,
    /// Decides faults that come with a probability.
    pub chance: Dice,
    ground: Arc<Ground>,
    world: RwLock<Arc<World>>,
    skewed: Mutex<HashMap<i64, Arc<World>>>,
    people: Mutex<Vec<Person>>,
    moments: Mutex<BTreeMap<u64, Moment>>,
    beginning: Moment,
    kept: Option<Kept>,
    tidied: tokio::sync::Mutex<Timestamp>,
}

impl Emulator {
    /// Begins a run that will be reached at `address`.
    pub async fn open(
        settings: Settings,
        address: SocketAddr,
        elsewhere: Arc<Elsewhere>,
    ) -> Result<Self, OpenError> {
        let clock = Arc::new(settings.frozen_at.map_or_else(MovableClock::running, MovableClock::frozen));
        let ground = Ground::new(Arc::clone(&clock), settings.dice, address, elsewhere::route(&elsewhere))?;
        let ground = Arc::new(ground);
        let kept = settings.data.as_deref().map(Kept::open).transpose()?;
        let store = Arc::new(match &kept {
            Some(kept) => Store::open(kept.folder(), clock.now()).await?,
            None => Store::in_memory(clock.now()).await?,
        });
        let world = World::over(&ground, store).await?;
        let people = match kept.as_ref().filter(|kept| kept.is_filled()) {
            Some(_) if settings.seed.is_some() => return Err(FoundingError::NotEmpty.into()),
            Some(kept) => kept.people()?,
            None => populate(&world, settings.seed).await?,
        };
        kept.iter().try_for_each(|kept| kept.remember(&people))?;
        let chance = Dice::new(settings.dice, Stream::Faults);
        let beginning = moment(&ground, &world, &chance, people.clone()).await?;
        Ok(Self {
            faults: Faults::default(),
            journal: Journal::new(&Dice::new(settings.dice, Stream::Marks)),
            chance,
            tidied: tokio::sync::Mutex::new(clock.now()),
            world: RwLock::new(Arc::new(world)),
            skewed: Mutex::default(),
            people: Mutex::new(people),
            moments: Mutex::default(),
            clock,
            elsewhere,
            ground,
            beginning,
            kept,
        })
    }

    /// The world as it is now; as long as this is held, no other moment takes its place.
    pub async fn world(&self) -> tokio::sync::RwLockReadGuard<'_, Arc<World>> {
        self.world.read().await
    }

    /// Everybody who is there.
    pub fn people(&self) -> Vec<Person> {
        lock(&self.people).clone()
    }

    /// Adds orgs and users.
    pub async fn extend(&self, orgs: Vec<NewOrg>) -> Result<Vec<Person>, FoundingError> {
        let more = settle(&**self.world().await, orgs).await?;
        lock(&self.people).extend(more.clone());
        if let Some(Err(error)) = self.kept.as_ref().map(|kept| kept.remember(&self.people())) {
            tracing::warn!(%error, "the next run in this folder will not know who was added");
        }
        Ok(more)
    }

    /// The same world on a host whose clock is ahead by so many microseconds.
    pub async fn skewed(&self, world: &World, ahead: i64) -> Result<Arc<World>, StoreError> {
        if let Some(known) = lock(&self.skewed).get(&ahead) {
            return Ok(Arc::clone(known));
        }
        let made = Arc::new(world.skewed(ahead).await?);
        let mut skewed = lock(&self.skewed);
        if skewed.len() == SKEWS {
            skewed.clear();
        }
        skewed.insert(ahead, Arc::clone(&made));
        Ok(made)
    }

    /// Does what a service does from time to time, when enough time has gone by, or been made to.
    pub async fn tidy(&self) -> Result<(), StoreError> {
        // Whoever asks meanwhile waits, and finds it done.
        let mut tidied = self.tidied.lock().await;
        let now = self.clock.now();
        if now.since(*tidied) < TIDY && *tidied <= now {
            return Ok(());
        }
        self.world().await.tidy().await?;
        *tidied = now;
        Ok(())
    }

    /// Keeps this moment, and answers its number.
    pub async fn keep(&self) -> Result<u64, StoreError> {
        let moment = moment(&self.ground, &**self.world().await, &self.chance, self.people()).await?;
        let mut moments = lock(&self.moments);
        let number = moments.last_key_value().map_or(1, |(last, _)| last + 1);
        if moments.len() == MOMENTS {
            moments.pop_first();
        }
        moments.insert(number, moment);
        Ok(number)
    }

    /// Goes back to a moment that was kept.
    pub async fn go_back(&self, number: u64) -> Result<(), RestoreError> {
        let moment = lock(&self.moments).get(&number).cloned().ok_or(RestoreError::Unknown(number))?;
        Ok(self.turn_to(moment).await?)
    }

    /// Goes back to the beginning of the run: nobody was there, nothing was asked for.
    pub async fn reset(&self) -> Result<(), StoreError> {
        self.faults.clear();
        self.journal.clear();
        self.elsewhere.stubs.memory.clear();
        lock(&self.moments).clear();
        self.turn_to(self.beginning.clone()).await
    }

    async fn turn_to(&self, moment: Moment) -> Result<(), StoreError> {
        let mut tidied = self.tidied.lock().await;
        let mut world = self.world.write().await;
        let store = Arc::new(world.store.restored(&moment.store).await?);
        let [rules, keys, chance] = moment.drawn;
        self.chance.rewind(chance);
        self.ground.rules.rewind(rules);
        self.ground.keys.rewind(keys);
        self.clock.rewind(moment.motion);
        *tidied = self.clock.now();
        *world = Arc::new(World::over(&self.ground, store).await?);
        lock(&self.skewed).clear();
        *lock(&self.people) = moment.people;
        Ok(())
    }

    /// Writes what is pending.
    pub async fn close(&self) {
        let world = self.world().await;
        if let Err(error) = seal::close(&world.cx).await {
            tracing::warn!(%error, "the record of this run has no last mark");
        }
        world.store.close().await;
    }
}

async fn moment(
    ground: &Ground,
    world: &World,
    chance: &Dice,
    people: Vec<Person>,
) -> Result<Moment, StoreError> {
    Ok(Moment {
        store: world.store.snapshot().await?,
        motion: ground.clock.moment(),
        drawn: [ground.rules.drawn(), ground.keys.drawn(), chance.drawn()],
        people,
    })
}

/// Fills an empty store.
async fn populate(world: &World, seed: Option<Vec<NewOrg>>) -> Result<Vec<Person>, OpenError> {
    let Some(orgs) = seed else {
        let people = settle(world, seed::default()?).await?;
        world.lock_out(seed::LOCKED).await?;
        return Ok(people);
    };
    Ok(settle(world, orgs).await?)
}

async fn settle(world: &World, orgs: Vec<NewOrg>) -> Result<Vec<Person>, FoundingError> {
    let people: Vec<_> = orgs.iter().map(seed::people).collect();
    // The orgs come back in the order in which they were asked for.
    let made = world.extend(orgs).await?;
    let with_id = |(people, org): (Vec<Person>, &Org)| {
        let id = org.id.base62();
        people.into_iter().map(move |person| Person { org_id: id.clone(), ..person })
    };
    Ok(people.into_iter().zip(&made).flat_map(with_id).collect())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
