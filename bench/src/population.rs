//! Users, orgs and live sessions by the million: the rows that the store itself writes, without a hash for each.

use std::net::{IpAddr, Ipv4Addr};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};
use domain::audit::{self, Event, Visit};
use domain::method::hash::{Cost, PasswordHash};
use domain::org::{self, Authentication, Org, ROOT};
use domain::org_policy::Decided;
use domain::revision::Revision;
use domain::role::Role;
use domain::roster::Origin;
use domain::session::{Record, Session, SessionDigest};
use domain::store::{Directory, Health, Sessions};
use domain::time::{Clock, Timestamp};
use domain::user::{Account, Authenticator, Grants, Profile, Status, User};
use server::system::{SystemClock, SystemEntropy};
use store::Store;
use tokio::task::JoinSet;
use wire::{OrgId, Secret, UserId};

use crate::place::PASSWORD;

/// How many users one transaction brings.
const PORTION: usize = 500;

/// How many sessions are opened at once; the store commits them in groups.
const AT_ONCE: usize = 512;

/// How long a session lives, used or not: longer than any run.
const LIFE: Duration = Duration::from_secs(12 * 60 * 60);

/// Whose users they are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// All belong to one org.
    OneOrg,
    /// Each has an org of its own.
    OrgEach,
}

/// A store with users 0 to `count`, each with one live session that has minted a token.
pub struct Population {
    data: PathBuf,
    shape: Shape,
    password: PasswordHash,
    count: u64,
}

impl Population {
    /// Nobody yet, in a data folder that may not exist yet.
    pub fn new(data: PathBuf, shape: Shape) -> anyhow::Result<Self> {
        let secret = Secret::new(PASSWORD.to_owned());
        let password = PasswordHash::make(&secret, Cost::default(), &SystemEntropy, &mut Vec::new());
        Ok(Self { data, shape, password: password.context("no hash could be made")?, count: 0 })
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Adds users and sessions until there are so many, while no service runs on the folder.
    pub async fn grow(&mut self, to: u64) -> anyhow::Result<()> {
        let now = SystemClock.now();
        let store = Arc::new(Store::open(&self.data, now).await?);
        let new = self.count..to;
        for first in new.clone().step_by(PORTION) {
            let portion = first..(first + PORTION as u64).min(to);
            let orgs = self.orgs(&portion, now);
            let accounts: Vec<_> =
                portion.map(|number| self.account(number, now)).collect::<Result<_, _>>()?;
            let event = Event::Founded { orgs: orgs.len(), users: accounts.len() };
            store.found(&orgs, &accounts, &event.at(now)).await?;
        }
        let mut opening = JoinSet::new();
        for number in new {
            if opening.len() >= AT_ONCE {
                opening.join_next().await.transpose()?.transpose()?;
            }
            opening.spawn(opened(Arc::clone(&store), self.shape.org(number), number, now));
        }
        while let Some(done) = opening.join_next().await {
            done??;
        }
        store.close().await;
        self.count = to;
        Ok(())
    }

    fn orgs(&self, new: &Range<u64>, now: Timestamp) -> Vec<Org> {
        match self.shape {
            Shape::OneOrg if new.start > 0 => Vec::new(),
            Shape::OneOrg => vec![org(0, now)],
            Shape::OrgEach => new.clone().map(|number| org(number, now)).collect(),
        }
    }

    fn account(&self, number: u64, now: Timestamp) -> anyhow::Result<Account> {
        let name = name(number).parse().map_err(|_| anyhow!("{} is no name", name(number)))?;
        let profile = Profile {
            first_name: format!("First{number}"),
            last_name: format!("Last{number}"),
            email: format!("user.{number}@acme.test"),
            ..Profile::default()
        };
        let user = User {
            id: user(number),
            org: self.shape.org(number),
            name,
            status: Status::Active,
            authenticator: Authenticator::Native,
            roles: Role::Designer.into(),
            grants: Grants::default(),
            profile: profile.into(),
            must_change_password: false,
            max_login_attempts: None,
            created_at: now,
            updated_at: now,
            tokens_after: None,
            revision: Revision::default(),
        };
        Ok(Account { user, password: Some(self.password.clone()) })
    }
}

impl Shape {
    fn org(self, number: u64) -> OrgId {
        let number = if self == Self::OneOrg { 0 } else { number };
        OrgId::from_bits(bits("org", number))
    }
}

/// What a user signs in with.
pub fn name(number: u64) -> String {
    format!("user.{number}")
}

/// The id of a user's session.
pub fn session_id(number: u64) -> String {
    wire::id::base62(bits("session", number))
}

fn user(number: u64) -> UserId {
    UserId::from_bits(bits("user", number))
}

/// Ids that are as spread out as random ones, and known beforehand.
fn bits(what: &str, number: u64) -> u128 {
    let digest = digest(&SHA256, format!("{what} {number}").as_bytes());
    digest.as_ref().iter().take(16).fold(0, |bits, byte| bits << 8 | u128::from(*byte))
}

fn org(number: u64, now: Timestamp) -> Org {
    Org {
        id: OrgId::from_bits(bits("org", number)),
        name: format!("Org {number}"),
        parent: ROOT,
        region: None,
        authentication: Authentication::SessionId,
        idle_minutes: None,
        absolute_minutes: None,
        session_limit: Some(100_000_000),
        decided: Decided::default(),
        created_at: now,
        updated_at: now,
        profile: org::Profile::default(),
        revision: Revision::default(),
    }
}

/// A text like the bcrypt hash of a session's id, which would take a second of a core for every thousand of them.
fn unique_id(SessionDigest(digest): SessionDigest) -> String {
    let letters = GeneralPurpose::new(&alphabet::BCRYPT, NO_PAD);
    let ((salt, _), (hash, _)) = (digest.split_at(16), digest.split_at(23));
    format!("$2b$04${}{}", letters.encode(salt), letters.encode(hash))
}

/// Opens a session as a sign-in does, and writes behind what its first token and its first call write.
async fn opened(store: Arc<Store>, org: OrgId, number: u64, now: Timestamp) -> anyhow::Result<()> {
    let digest = SessionDigest::of(&Secret::new(session_id(number)));
    let address = Some(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let session = Arc::new(Session::from(Record {
        digest,
        user: user(number),
        org,
        opened_at: now,
        seen_at: now,
        ends_at: now + LIFE,
        idle: Some(LIFE),
        unique_id: Some(unique_id(digest)),
        origin: Some(Origin { address, device: None }),
    }));
    let event = Event::SignedIn {
        user: session.user,
        org,
        session: digest.into(),
        method: "password",
        visit: Visit { door: audit::Door::V1, address },
    };
    store.open_session(&session, &Revision::default(), &event.at(now)).await?;
    store.touched(&session);
    Ok(())
}
