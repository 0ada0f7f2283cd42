//! One world of the emulator: the real service over one store, seen from every host that a program may ask.

use crate::clock::{MovableClock, SkewedClock};
use crate::dice::{Dice, Stream};
use crate::keysmith::SeededKeysmith;
use axum::routing::MethodRouter;
use domain::cx::{Policy, World as Kind};
use domain::name::CanonicalName;
use domain::store::StoreError;
use domain::time::Clock;
use domain::{Cx, Needs, Operator, access, keyring};
use server::admission::HashPool;
use server::app::{App, Shared};
use server::config::Config;
use server::http::front::Front;
use server::metrics::Metrics;
use server::outbound::Outbound;
use server::{http, jobs, service};
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use store::Store;
use wire::jwt::EMULATOR_ISSUER;

/// The pod that sign-ins name.
const POD: &str = "use4";

/// Login hosts that get a router of their own; a program that asks for more gets the first one's.
const LOGIN_HOSTS: usize = 32;

/// What all worlds of one run have in common.
pub struct Ground {
    /// The clock of the run.
    pub clock: Arc<MovableClock>,
    /// Ids and session ids.
    pub rules: Arc<Dice>,
    /// Private keys.
    pub keys: Arc<Dice>,
    /// Settings: those of a service, but for the price of a hash.
    pub config: Config,
    /// The address that the emulator listens on.
    pub address: SocketAddr,
    /// Who answers the paths that are not the service's.
    pub elsewhere: MethodRouter<App>,
    hasher: Arc<HashPool>,
    metrics: Arc<Metrics>,
    key_sets: Arc<Outbound>,
}

impl Ground {
    /// Begins a run whose random numbers follow from a seed.
    pub fn new(
        clock: Arc<MovableClock>,
        seed: [u8; 32],
        address: SocketAddr,
        elsewhere: MethodRouter<App>,
    ) -> io::Result<Self> {
        let dice = |stream| Arc::new(Dice::new(seed, stream));
        let (config, metrics) = (cheap(), http::metrics());
        let hasher = HashPool::start(&config.password, dice(Stream::Hashes), metrics.hashes.clone())?;
        let (rules, keys) = (dice(Stream::Rules), dice(Stream::Keys));
        let (hasher, time) = (Arc::new(hasher), Arc::<MovableClock>::clone(&clock));
        let key_sets = Arc::new(Outbound::new(&config.federation, time).map_err(io::Error::other)?);
        Ok(Self { clock, rules, keys, config, address, elsewhere, hasher, metrics, key_sets })
    }

    fn policy(&self) -> Policy {
        Policy {
            issuer: EMULATOR_ISSUER.to_owned(),
            world: Kind::Emulated,
            ..service::policy(&self.config, self.address)
        }
    }

    fn rules(&self, store: &Arc<Store>, clock: Arc<dyn Clock>) -> (Cx, Operator) {
        let needs = Needs {
            store: Arc::<Store>::clone(store),
            clock,
            entropy: Arc::<Dice>::clone(&self.rules),
            hasher: Arc::<HashPool>::clone(&self.hasher),
            keysmith: Arc::new(SeededKeysmith(Arc::clone(&self.keys))),
            key_sets: Arc::<Outbound>::clone(&self.key_sets),
            policy: self.policy(),
        };
        needs.start()
    }
}

/// Passwords here are known to everybody, so their hashes may cost next to nothing.
fn cheap() -> Config {
    let mut config = Config::default();
    // Programs under test may fail as often as they like.
    config.lockout.failures_per_address = 0;
    config.password.memory_kib = 8;
    config.password.passes = 1;
    config.password.threads = 2;
    // The identity provider of a test is on this machine, and has no certificate.
    config.federation.inner_hosts = ["127.0.0.1", "localhost", "[::1]"].map(str::to_owned).into();
    config.federation.plain_http = true;
    config
}

/// The service over one store.
pub struct World {
    /// The rules.
    pub cx: Arc<Cx>,
    /// What is kept.
    pub store: Arc<Store>,
    /// Evidence of holding this machine.
    pub operator: Operator,
    ground: Arc<Ground>,
    routers: Mutex<HashMap<String, Front>>,
    direct: App,
}

impl World {
    /// The service over a store, which may be empty.
    pub async fn over(ground: &Arc<Ground>, store: Arc<Store>) -> Result<Self, StoreError> {
        let clock = Arc::<MovableClock>::clone(&ground.clock);
        let world = Self::at(ground, store, clock);
        keyring::refresh(&world.cx).await?;
        if keyring::is_due(&world.cx) {
            world.rotate_keys().await?;
        }
        Ok(world)
    }

    /// The same service on a host whose clock is off by so many microseconds.
    pub async fn skewed(&self, ahead: i64) -> Result<Self, StoreError> {
        let clock = SkewedClock { right: Arc::clone(&self.ground.clock), ahead };
        let world = Self::at(&self.ground, Arc::clone(&self.store), Arc::new(clock));
        keyring::refresh(&world.cx).await?;
        Ok(world)
    }

    fn at(ground: &Arc<Ground>, store: Arc<Store>, clock: Arc<dyn Clock>) -> Self {
        let (cx, operator) = ground.rules(&store, clock);
        let cx = Arc::new(cx);
        let mut shared = Shared::new(
            &ground.config,
            Arc::clone(&cx),
            Arc::<Store>::clone(&store),
            Arc::clone(&ground.metrics),
        );
        shared.saas_url = format!("http://{}/saas", ground.address);
        Self {
            cx,
            store,
            operator,
            ground: Arc::clone(ground),
            routers: Mutex::default(),
            direct: Arc::new(shared),
        }
    }

    /// The service as it answers on a host of the vendor, or on its own address.
    pub fn router(&self, host: Option<&str>) -> Front {
        let login = host.map(login_host).unwrap_or_default();
        let mut routers = self.routers.lock().unwrap_or_else(PoisonError::into_inner);
        let login = if routers.len() < LOGIN_HOSTS || routers.contains_key(login) { login } else { "" };
        routers.entry(login.to_owned()).or_insert_with(|| self.route(login)).clone()
    }

    fn route(&self, login: &str) -> Front {
        let mut app = Arc::clone(&self.direct);
        if !login.is_empty() {
            let mut shared = Shared::new(
                &self.ground.config,
                Arc::clone(&self.cx),
                Arc::<Store>::clone(&self.store),
                Arc::clone(&self.ground.metrics),
            );
            shared.saas_url = format!("https://{POD}.{login}/saas");
            app = Arc::new(shared);
        }
        http::router_and(app, self.ground.elsewhere.clone())
    }

    /// The spellings and statuses of the service.
    pub fn wire(&self) -> &server::config::Wire {
        &self.ground.config.wire
    }

    /// Replaces the signing key.
    pub async fn rotate_keys(&self) -> Result<String, StoreError> {
        keyring::rotate(&self.cx, access::may_rotate_keys(&self.operator)).await
    }

    /// Does what a running service does from time to time: replaces a key that is due, forgets what is over.
    pub async fn tidy(&self) -> Result<(), StoreError> {
        jobs::tidy(&self.direct, &self.operator).await
    }

    /// Locks a name, as a crowd of attackers would.
    pub async fn lock_out(&self, name: &str) -> Result<(), StoreError> {
        let permit = access::may_found(&self.operator);
        domain::attempts::lock_out(&self.cx, &permit, &CanonicalName::of(name)).await
    }

    /// Adds orgs and users.
    pub async fn extend(
        &self,
        orgs: Vec<domain::founding::NewOrg>,
    ) -> Result<Vec<domain::org::Org>, domain::founding::FoundingError> {
        domain::founding::extend(&self.cx, access::may_found(&self.operator), orgs).await
    }
}

/// The login host of a vendor's host: its last three labels, as `dm-us.informaticacloud.com`.
fn login_host(host: &str) -> &str {
    let dots: Vec<usize> = host.rmatch_indices('.').map(|(place, _)| place).collect();
    dots.get(2).and_then(|&place| host.get(place + 1..)).unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::login_host;

    #[test]
    fn every_host_of_a_region_has_one_login_host() {
        let login = "dm-us.informaticacloud.com";
        for host in [login, "use4.dm-us.informaticacloud.com", "a.use4-mdm.dm-us.informaticacloud.com"] {
            assert_eq!(login_host(host), login);
        }
    }
}
