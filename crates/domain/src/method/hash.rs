//! Password hashes: one kind is made here, four more may be imported and are upgraded at sign-in.

use crate::entropy::Entropy;
use argon2::{Algorithm, Argon2, Block, Params, Version};
use phc::PasswordHash as Phc;
use std::fmt;
use subtle::ConstantTimeEq;
use wire::Secret;

/// The memory of one hashing thread, kept from hash to hash: clearing 19 MiB anew costs as much as the hash.
pub type Arena = Vec<Block>;

/// The price of one Argon2id hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl Cost {
    fn is_as_hard_as(self, other: Self) -> bool {
        let work = |cost: Self| u64::from(cost.memory_kib) * u64::from(cost.passes);
        self.memory_kib >= other.memory_kib && work(self) >= work(other)
    }
}

impl Default for Cost {
    fn default() -> Self {
        Self { memory_kib: 19_456, passes: 2, lanes: 1 }
    }
}

/// The most an imported hash may ask for, so that a record cannot become a denial of service.
const CEILING: Cost = Cost { memory_kib: 262_144, passes: 16, lanes: 8 };

/// What stands in the store in place of a password: a PHC string, or a bcrypt string.
#[derive(Clone)]
pub struct PasswordHash(Kind);

#[derive(Clone)]
enum Kind {
    Argon2 { text: String, recipe: Recipe },
    Scrypt { text: String, params: scrypt::Params },
    Pbkdf2 { text: String, digest: Digest, rounds: u32 },
    Bcrypt { text: String },
}

/// How Argon2 made a hash.
#[derive(Clone, Copy)]
struct Recipe {
    algorithm: Algorithm,
    version: Version,
    cost: Cost,
}

#[derive(Clone, Copy)]
enum Digest {
    Sha256,
    Sha512,
}

/// This text is no hash of a kind that can be checked here, or asks for more work than is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAHash;

impl fmt::Display for NotAHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a hash of argon2, bcrypt, scrypt or pbkdf2 within the allowed work")
    }
}

impl std::error::Error for NotAHash {}

impl PasswordHash {
    /// Hashes a password with Argon2id; `None` when the cost is not one that Argon2 knows.
    pub fn make(password: &Secret, cost: Cost, entropy: &dyn Entropy, arena: &mut Arena) -> Option<Self> {
        let mut salt = [0; 16];
        entropy.fill(&mut salt);
        let mut output = [0; 32];
        Recipe { algorithm: Algorithm::Argon2id, version: Version::V0x13, cost }.fill(
            password,
            &salt,
            &mut output,
            arena,
        )?;
        let text = format!(
            "$argon2id$v=19$m={},t={},p={}${}${}",
            cost.memory_kib,
            cost.passes,
            cost.lanes,
            phc::Salt::new(&salt).ok()?,
            phc::Output::new(&output).ok()?
        );
        text.parse().ok()
    }

    /// A hash that no password matches and that costs as much to check as one made at `cost`.
    pub fn decoy(cost: Cost) -> Option<Self> {
        let Cost { memory_kib, passes, lanes } = cost;
        format!("$argon2id$v=19$m={memory_kib},t={passes},p={lanes}$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
            .parse()
            .ok()
    }

    /// Whether this is the hash of `password`. Takes the time of one hash, whatever the answer.
    pub fn matches(&self, password: &Secret, arena: &mut Arena) -> bool {
        self.try_matches(password, arena).unwrap_or(false)
    }

    /// Whether a hash made today would be harder to guess; a lowered setting weakens no hash.
    pub fn is_outdated(&self, today: Cost) -> bool {
        !matches!(&self.0, Kind::Argon2 { recipe: Recipe { algorithm: Algorithm::Argon2id, version: Version::V0x13, cost }, .. } if cost.is_as_hard_as(today))
    }

    /// The text that a store keeps.
    pub fn expose(&self) -> &str {
        match &self.0 {
            Kind::Argon2 { text, .. }
            | Kind::Scrypt { text, .. }
            | Kind::Pbkdf2 { text, .. }
            | Kind::Bcrypt { text } => text,
        }
    }

    fn try_matches(&self, password: &Secret, arena: &mut Arena) -> Option<bool> {
        if let Kind::Bcrypt { text } = &self.0 {
            return bcrypt::verify(password.expose(), text).ok();
        }
        let stored = Phc::new(self.expose()).ok()?;
        let (salt, hash) = (stored.salt?, stored.hash?);
        let mut output = vec![0; hash.len()];
        let word = password.expose().as_bytes();
        match &self.0 {
            Kind::Argon2 { recipe, .. } => recipe.fill(password, salt.as_ref(), &mut output, arena)?,
            Kind::Scrypt { params, .. } => scrypt::scrypt(word, salt.as_ref(), params, &mut output).ok()?,
            Kind::Pbkdf2 { digest: Digest::Sha256, rounds, .. } => {
                pbkdf2::pbkdf2_hmac::<sha2::Sha256>(word, salt.as_ref(), *rounds, &mut output)
            }
            Kind::Pbkdf2 { digest: Digest::Sha512, rounds, .. } => {
                pbkdf2::pbkdf2_hmac::<sha2::Sha512>(word, salt.as_ref(), *rounds, &mut output)
            }
            Kind::Bcrypt { .. } => return None,
        }
        Some(bool::from(output.ct_eq(hash.as_bytes())))
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(..)")
    }
}

impl std::str::FromStr for PasswordHash {
    type Err = NotAHash;

    fn from_str(text: &str) -> Result<Self, NotAHash> {
        if ["$2a$", "$2b$", "$2y$"].iter().any(|prefix| text.starts_with(prefix)) {
            return bcrypt_hash(text).ok_or(NotAHash).map(Self);
        }
        let phc = Phc::new(text).map_err(|_| NotAHash)?;
        if phc.salt.is_none() || phc.hash.is_none() {
            return Err(NotAHash);
        }
        let kind = match phc.algorithm.as_str() {
            "argon2id" | "argon2i" | "argon2d" => argon2_hash(text, &phc),
            "scrypt" => scrypt_hash(text, &phc),
            "pbkdf2-sha256" => pbkdf2_hash(text, &phc, Digest::Sha256),
            "pbkdf2-sha512" => pbkdf2_hash(text, &phc, Digest::Sha512),
            _ => None,
        };
        kind.map(Self).ok_or(NotAHash)
    }
}

impl Recipe {
    fn fill(&self, password: &Secret, salt: &[u8], output: &mut [u8], arena: &mut Arena) -> Option<()> {
        let Cost { memory_kib, passes, lanes } = self.cost;
        let params = Params::new(memory_kib, passes, lanes, Some(output.len())).ok()?;
        let blocks = params.block_count();
        if arena.len() < blocks {
            arena.resize(blocks, Block::default());
        }
        Argon2::new(self.algorithm, self.version, params)
            .hash_password_into_with_memory(
                password.expose().as_bytes(),
                salt,
                output,
                arena.get_mut(..blocks)?,
            )
            .ok()
    }
}

fn argon2_hash(text: &str, phc: &Phc) -> Option<Kind> {
    let number = |name| phc.params.get_decimal(name);
    let cost = Cost { memory_kib: number("m")?, passes: number("t")?, lanes: number("p")? };
    let version = Version::try_from(phc.version.unwrap_or(16)).ok()?;
    let within =
        cost.memory_kib <= CEILING.memory_kib && cost.passes <= CEILING.passes && cost.lanes <= CEILING.lanes;
    Params::new(cost.memory_kib, cost.passes, cost.lanes, phc.hash.map(|hash| hash.len())).ok()?;
    let algorithm = phc.algorithm.as_str().parse().ok()?;
    within.then(|| Kind::Argon2 { text: text.into(), recipe: Recipe { algorithm, version, cost } })
}

fn scrypt_hash(text: &str, phc: &Phc) -> Option<Kind> {
    let number = |name| phc.params.get_decimal(name);
    let (log_n, r, p) = (u8::try_from(number("ln")?).ok()?, number("r")?, number("p")?);
    let params = scrypt::Params::new(log_n, r, p).ok()?;
    (log_n <= 18 && r <= 16 && p <= 4).then(|| Kind::Scrypt { text: text.into(), params })
}

fn pbkdf2_hash(text: &str, phc: &Phc, digest: Digest) -> Option<Kind> {
    let rounds = phc.params.get_decimal("i")?;
    (1..=2_000_000).contains(&rounds).then(|| Kind::Pbkdf2 { text: text.into(), digest, rounds })
}

fn bcrypt_hash(text: &str) -> Option<Kind> {
    let parts: bcrypt::HashParts = text.parse().ok()?;
    (text.len() == 60 && parts.get_cost() <= 15).then(|| Kind::Bcrypt { text: text.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Zero;
    impl Entropy for Zero {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(7);
        }
    }

    const CHEAP: Cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };

    #[test]
    fn a_hash_matches_its_password_only() {
        let mut arena = Arena::new();
        let hash = PasswordHash::make(&Secret::new("right"), CHEAP, &Zero, &mut arena).unwrap();
        assert!(hash.matches(&Secret::new("right"), &mut arena));
        assert!(!hash.matches(&Secret::new("wrong"), &mut arena));
        assert!(!hash.is_outdated(CHEAP));
        assert!(hash.is_outdated(Cost::default()));
        assert!(!hash.is_outdated(Cost { memory_kib: 32, ..CHEAP }), "a lowered setting weakens no hash");
        assert!(
            !PasswordHash::decoy(CHEAP).unwrap().is_outdated(CHEAP),
            "a decoy costs what a hash of today costs"
        );
        assert!(!PasswordHash::decoy(CHEAP).unwrap().matches(&Secret::new("right"), &mut arena));
    }

    /// Made with other programs (argon2-cffi, bcrypt and hashlib of Python), all of the password `correct horse`.
    const IMPORTED: [&str; 5] = [
        "$argon2id$v=19$m=1024,t=2,p=2$c29tZXNhbHRzb21lc2FsdA$tsO6Y2aSBljG2z0xzqpPrCfUfGL6p4s+3/dK55iDYUs",
        "$2b$06$abcdefghijklmnopqrstuud/5IuQmqhVO0kfNEbHJM.fJkPiliBzC",
        "$scrypt$ln=10,r=8,p=1$c29tZXNhbHRzb21lc2FsdA$yALJnsFxauKkuF0VG58vDqriCmlZJaHv3/Yg+rL2eO8",
        "$pbkdf2-sha256$i=1000,l=32$c29tZXNhbHRzb21lc2FsdA$f2yJk+Dph1FxQ+yhQ5KLmg1c5wfFtFU14dLQONYBoAE",
        "$pbkdf2-sha512$i=1000,l=32$c29tZXNhbHRzb21lc2FsdA$RbkohYpABhrVf6dAjV1mgswjeaDcEw/Z9Lqqoc7ZO6c",
    ];

    #[test]
    fn imported_hashes_match_and_are_outdated() {
        for text in IMPORTED {
            let hash: PasswordHash = text.parse().unwrap();
            assert!(hash.matches(&Secret::new("correct horse"), &mut Arena::new()), "{text}");
            assert!(!hash.matches(&Secret::new("wrong"), &mut Arena::new()), "{text}");
            assert!(hash.is_outdated(Cost::default()), "{text}");
        }
    }

    #[test]
    fn a_hash_that_asks_for_too_much_is_no_hash() {
        for text in [
            "",
            "plain",
            "$argon2id$v=19$m=4194304,t=2,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ",
            "$2b$31$abcdefghijklmnopqrstuuxk8V9mYjbHVRYGNKpoOI2ePSDGwjSdi",
            "$scrypt$ln=30,r=8,p=1$c29tZXNhbHRzb21lc2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "$md5$c29tZXNhbHQ$AAAAAAAAAAA",
        ] {
            assert_eq!(text.parse::<PasswordHash>().unwrap_err(), NotAHash, "{text}");
        }
    }
}
