//! What every rule may ask: the store, the clock, the dice, the hashing threads, the keys and the settings.

use crate::attempts::Tried;
use crate::audit::trail::Trail;
use crate::entropy::Entropy;
use crate::flow::{Flow, Flows, Waiter};
use crate::key_set::KeySets;
use crate::keyring::{Keyring, Keysmith};
use crate::method::bearer::Recorded;
use crate::method::hash::{Cost, PasswordHash};
use crate::method::{Busy, Hasher};
use crate::name::NameDigest;
use crate::once::Marks;
use crate::password::Rules;
use crate::saml::key::ServiceKey;
use crate::store::Store;
use crate::throttle::Throttle;
use crate::time::Clock;
use crate::token::Verified;
use crate::turns::Turns;
use ipnet::IpNet;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use wire::{OrgId, Secret};

/// Everything the rules need from the machine, handed over once at the start.
pub struct Needs {
    /// Where orgs, users, sessions, keys and attempts are kept.
    pub store: Arc<dyn Store>,
    /// What tells the time.
    pub clock: Arc<dyn Clock>,
    /// What throws the dice.
    pub entropy: Arc<dyn Entropy>,
    /// Where passwords are hashed.
    pub hasher: Arc<dyn Hasher>,
    /// What makes and opens signing keys.
    pub keysmith: Arc<dyn Keysmith>,
    /// What fetches and keeps the key sets of identity providers.
    pub key_sets: Arc<dyn KeySets>,
    /// The instance's settings.
    pub policy: Policy,
}

/// The context of every rule. Its fields belong to the rules alone.
///
/// ```compile_fail,E0616
/// fn forged(cx: &domain::Cx) { cx.store.clone(); }
/// ```
pub struct Cx {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) hasher: Arc<dyn Hasher>,
    pub(crate) keysmith: Arc<dyn Keysmith>,
    pub(crate) key_sets: Arc<dyn KeySets>,
    pub(crate) policy: Policy,
    pub(crate) keyring: Keyring,
    pub(crate) turns: Turns<Tried>,
    pub(crate) counting: [tokio::sync::Mutex<()>; 64],
    pub(crate) throttle: Throttle,
    pub(crate) flows: Flows,
    pub(crate) assertions: Turns<NameDigest>,
    pub(crate) recorded: Recorded,
    pub(crate) sign_outs_recorded: Recorded,
    pub(crate) noted: Recorded,
    pub(crate) marks: Marks,
    pub(crate) trail: Trail,
    pub(crate) saml_key: tokio::sync::OnceCell<Arc<ServiceKey>>,
    pub(crate) verified: quick_cache::sync::Cache<[u8; 32], Arc<Verified>>,
    pub(crate) binding: [tokio::sync::Mutex<()>; 16],
}

/// Evidence of holding the machine itself: made once, beside the context, and kept by the composition root.
///
/// ```compile_fail,E0423
/// let forged = domain::Operator(());
/// ```
pub struct Operator(());

impl Needs {
    /// Turns the needs into the context, and hands out the one proof of being the operator.
    pub fn start(self) -> (Cx, Operator) {
        let Self { store, clock, entropy, hasher, keysmith, key_sets, policy } = self;
        let cx = Cx {
            turns: Turns::new(policy.hash_threads),
            counting: std::array::from_fn(|_| tokio::sync::Mutex::new(())),
            throttle: Throttle::new(policy.lockout.failures_per_address, policy.lockout.addresses),
            flows: Flows::default(),
            assertions: Turns::new(policy.hash_threads),
            recorded: Recorded::default(),
            sign_outs_recorded: Recorded::default(),
            noted: Recorded::default(),
            marks: Marks::default(),
            verified: quick_cache::sync::Cache::new(policy.verified_tokens),
            keyring: Keyring::default(),
            trail: Trail::default(),
            saml_key: tokio::sync::OnceCell::new(),
            binding: std::array::from_fn(|_| tokio::sync::Mutex::new(())),
            store,
            clock,
            entropy,
            hasher,
            keysmith,
            key_sets,
            policy,
        };
        (cx, Operator(()))
    }
}

impl Cx {
    /// The present instant, for a reply that tells the time.
    pub fn now(&self) -> crate::time::Timestamp {
        self.clock.now()
    }

    /// A name for a request, 22 characters of base 62, that the reply and the log share.
    pub fn request_id(&self) -> String {
        wire::id::base62(crate::entropy::id(&*self.entropy))
    }

    /// A secret of `length` characters of base 62, for a door that has to know its own forms again.
    pub fn form_secret(&self, length: usize) -> Secret {
        crate::entropy::word(&*self.entropy, length)
    }

    /// Makes a hash at today's cost, in the turn of an org.
    pub(crate) async fn hash(&self, org: OrgId, password: Secret) -> Result<PasswordHash, Busy> {
        let place = self.hasher.admit(Flow::within(org), Waiter::always())?;
        place.make(password, self.policy.hash_cost).await
    }

    /// The instance's settings.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }
}

/// The instance's settings; an org may override some of them for itself.
#[derive(Debug, Clone)]
pub struct Policy {
    /// The `iss` of every token: `<login host>/identity-service` (protocol.md 3.2).
    pub issuer: String,
    /// The audience of each known `client_id` (protocol.md 3.1).
    pub audiences: BTreeMap<String, String>,
    /// The audience of a token of `/authz-service` when none is asked for.
    pub oauth_audience: String,
    /// The login host of each other region, by the region's name.
    pub regions: BTreeMap<String, String>,
    /// How long a session lives without a call.
    pub idle: Duration,
    /// How long a session lives whatever happens.
    pub absolute: Duration,
    /// How many sessions an org may hold at once.
    pub sessions_per_org: u64,
    /// When a name is locked, and for how long.
    pub lockout: Lockout,
    /// The price of a new password hash.
    pub hash_cost: Cost,
    /// What a new password must be.
    pub passwords: Rules,
    /// How long a password lasts, and how long it may not come back.
    pub ageing: Ageing,
    /// From where anybody may come; an empty list is anywhere.
    pub trusted_ip_ranges: Vec<IpNet>,
    /// How many hashes run at once.
    pub hash_threads: usize,
    /// After how long a signing key is replaced by a new one; `None` leaves that to the operator.
    pub key_life: Option<Duration>,
    /// How long entries of the audit record are kept; `None` is for ever.
    pub audit_kept: Option<Duration>,
    /// How many verified tokens are remembered, so that the same one costs its signature once.
    pub verified_tokens: usize,
    /// Whose assertions may be accepted.
    pub federation: Federation,
    /// Whether what is minted here is worth anything elsewhere.
    pub world: World,
}

impl Policy {
    /// The `iss` of every token of `/authz-service`, which is not that of tokens from sessions: what the two promise differs.
    pub fn authz_issuer(&self) -> String {
        format!("{}/authz-service", self.issuer.strip_suffix("/identity-service").unwrap_or(&self.issuer))
    }
}

/// Whose assertions may be accepted (protocol.md 4.3, 5.4).
#[derive(Debug, Clone)]
pub struct Federation {
    /// The host, and the port if it is another than usual, below which every org has its entity id.
    pub host: String,
    /// Whether the vendor's rules hold: one provider per org, with its keys under its issuer, and `nbf` in its tokens.
    pub vendor_rules: bool,
    /// Whether keys may be fetched in the clear.
    pub plain_http: bool,
}

/// How long a password lasts, and how long it may not come back; 0 days are none (protocol.md 7.1).
#[derive(Debug, Clone, Copy, Default)]
pub struct Ageing {
    /// For how many days a password may not come back.
    pub reuse_days: u32,
    /// After how many days a password is too old.
    pub expiration_days: u32,
}

/// What kind of world an instance is in. Tokens of the one are refused in the other, whatever key and issuer they have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum World {
    /// People and data depend on it.
    Real,
    /// Time can be moved; nothing may depend on it.
    Emulated,
}

/// When a name is locked, and for how long (protocol.md 7.1).
#[derive(Debug, Clone, Copy)]
pub struct Lockout {
    /// Consecutive failures that lock a name.
    pub max_attempts: u32,
    /// How long a lock holds; `None` until it is lifted.
    pub lock: Option<Duration>,
    /// After how long without an attempt a counter is forgotten.
    pub forget: Duration,
    /// Failures from everywhere that lock a name for those who have not signed in lately.
    pub failures_per_name: u32,
    /// How often one address may fail in an hour, over all names; 0 is as often as it likes.
    pub failures_per_address: u32,
    /// How many addresses are remembered for that.
    pub addresses: u32,
    /// How many counters there are at the most, those of unknown names included.
    pub names: u32,
}
