//! What every store keeps, shown on a real SQLite in a folder of its own; `contract_on_postgres.rs` shows it on PostgreSQL.

#![cfg(test)]

pub(crate) mod private_postgres;

use domain::attempts::{Attempts, Counters, Tried};
use domain::audit::chain::Link;
use domain::audit::checkpoint::{Checkpoint, Kind, PublicKey, Statement};
use domain::audit::{Door, Entry, Event, Visit, Written};
use domain::client::{Client, ClientSecret, SecretDigest, Terms};
use domain::group::Group;
use domain::keyring::{Certified, KeyRecord, PrivateKey};
use domain::method::hash::{Cost, PasswordHash};
use domain::name::{CanonicalName, NameDigest, UserName};
use domain::network::Network;
use domain::once::Mark;
use domain::org::{Authentication, Org, ROOT};
use domain::org_policy::Decided;
use domain::page::Page;
use domain::password::{REMEMBERED, Replacement};
use domain::privilege::{Privilege, Privileges};
use domain::revision::Revision;
use domain::revocation::Revocation;
use domain::role::{AnyRole, CustomRole, Role, Roles};
use domain::roster::{Handle, Origin};
use domain::saml::mapping::GroupChange;
use domain::saml::provider::{Attributes, Binding, Draft, Endpoint, Provider};
use domain::saml::session::{NameId, SamlSession};
use domain::scim::{Contact, Provisioned, ScimToken, TokenDigest};
use domain::session::{Record, Session, SessionDigest};
use domain::store::{
    AttemptCounters, Audit, Clients, Directory, Health, Keys, OneShot, Orgs, Passwords, People, Policies,
    Provisioning, Roster, SamlKeys, SamlProviders, SamlSessions, Sessions, StoreError,
};
use domain::time::{Timestamp, minutes};
use domain::user::{Account, Authenticator, Grants, Keep, Profile, Status, User};
use std::path::Path;
use std::sync::Arc;
use store::Store;
use store::postgres::Settings;
use tempfile::TempDir;
use wire::{ClientId, ClientSecretId, GroupId, IdentityProviderId, OrgId, RoleId, ScimTokenId, UserId};

pub(crate) const ACME: OrgId = OrgId::from_bits(1);
pub(crate) const OTHER: OrgId = OrgId::from_bits(2);
pub(crate) const ADA: UserId = UserId::from_bits(11);

pub(crate) fn at(minute: u32) -> Timestamp {
    Timestamp::from_seconds(1_000_000) + minutes(minute)
}

pub(crate) fn entry(minute: u32) -> Entry {
    Event::Founded { orgs: 0, users: 0 }.at(at(minute))
}

pub(crate) fn org(id: OrgId) -> Org {
    Org {
        id,
        name: "Acme Prod".into(),
        parent: ROOT,
        region: None,
        authentication: Authentication::Jwt { minutes: 60 },
        idle_minutes: Some(20),
        absolute_minutes: None,
        session_limit: Some(7),
        decided: Decided::default(),
        created_at: at(0),
        updated_at: at(1),
        profile: domain::org::Profile { city: "Oslo".into(), ..Default::default() },
        revision: Revision::of("ada", "bob", 3),
    }
}

pub(crate) fn account(id: UserId, name: &str) -> Account {
    let name: UserName = name.parse().unwrap();
    let user = User {
        id,
        org: ACME,
        name,
        status: Status::Active,
        authenticator: Authenticator::Native,
        roles: [Role::Admin, Role::Designer].into_iter().collect(),
        grants: Grants::default(),
        profile: Profile { first_name: "Ada".into(), ..Profile::default() }.into(),
        must_change_password: true,
        max_login_attempts: Some(5),
        created_at: at(0),
        updated_at: at(1),
        tokens_after: None,
        revision: Revision::default(),
    };
    Account { user, password: None }
}

/// The writing of a user that nobody has changed.
pub(crate) fn proven() -> Revision {
    Revision::default()
}

pub(crate) fn session(number: u8, org: OrgId, minute: u32) -> Arc<Session> {
    Arc::new(record(number, org, minute).into())
}

fn record(number: u8, org: OrgId, minute: u32) -> Record {
    let (opened_at, ends_at, idle) = (at(minute), at(minute + 720), Some(minutes(30)));
    Record {
        digest: SessionDigest([number; 32]),
        user: ADA,
        org,
        opened_at,
        seen_at: opened_at,
        ends_at,
        idle,
        unique_id: None,
        origin: None,
    }
}

/// Whether this is the binary that shows it on PostgreSQL.
fn is_shared() -> bool {
    env!("CARGO_CRATE_NAME") == "contract_on_postgres"
}

pub(crate) async fn open_shared(url: &str) -> Store {
    let settings = Settings { connections: 4, ..Settings::of(url.parse().unwrap()) };
    Store::open_shared(&settings, at(0)).await.unwrap()
}

pub(crate) struct World {
    folder: TempDir,
    pub(crate) database: Option<String>,
    pub(crate) store: Store,
}

impl World {
    pub(crate) async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let database = is_shared().then(private_postgres::store);
        let store = open_either(folder.path(), database.as_deref()).await;
        store.found(&[org(ACME), org(OTHER)], &[account(ADA, "Ada")], &entry(0)).await.unwrap();
        Self { folder, database, store }
    }

    /// Another process opens the same store, as after `kill -9`: nothing was closed, nothing is in memory.
    pub(crate) async fn another(&self) -> Store {
        open_either(self.folder.path(), self.database.as_deref()).await
    }

    /// Copies of a shared database are not ours to make, and whoever tries hears who makes them. True if it is one.
    async fn leaves_copies_to_others(&self) -> bool {
        if !is_shared() {
            return false;
        }
        let refused = self.store.backup(&self.folder.path().join("copy.db")).await.unwrap_err().to_string();
        assert!(refused.contains("pg_dump"), "{refused}");
        assert_eq!(self.store.snapshot().await.err().unwrap().to_string(), refused);
        true
    }
}

async fn open_either(folder: &Path, database: Option<&str>) -> Store {
    match database {
        Some(url) => open_shared(url).await,
        None => open(folder).await,
    }
}

async fn open(folder: &Path) -> Store {
    Store::open(folder, at(0)).await.unwrap()
}

#[tokio::test]
async fn orgs_and_users_are_read_as_they_were_written() {
    let world = World::new().await;
    let store = world.another().await;
    assert_eq!(*store.org(ACME).await.unwrap().unwrap(), org(ACME));
    let found = store.account(&CanonicalName::of("ADA")).await.unwrap().unwrap();
    assert_eq!(found.user, account(ADA, "Ada").user);
    assert_eq!(*store.user(ADA).await.unwrap().unwrap(), found.user);
    assert!(store.account(&CanonicalName::of("bob")).await.unwrap().is_none());
    assert!(!store.is_empty().await.unwrap());
}

#[tokio::test]
async fn founding_is_all_or_nothing() {
    let world = World::new().await;
    let twice = world
        .store
        .found(&[org(OrgId::from_bits(3))], &[account(UserId::from_bits(12), "ADA")], &entry(0))
        .await;
    assert_eq!(twice, Err(StoreError::Conflict));
    assert!(world.store.org(OrgId::from_bits(3)).await.unwrap().is_none());
}

#[tokio::test]
async fn an_acknowledged_session_is_there_after_a_crash_and_an_ended_one_is_not() {
    let world = World::new().await;
    let (kept, ended) = (session(1, ACME, 0), session(2, ACME, 0));
    world.store.open_session(&kept, &proven(), &entry(0)).await.unwrap();
    world.store.open_session(&ended, &proven(), &entry(0)).await.unwrap();
    world.store.end_session(&ended, &entry(1)).await.unwrap();
    for store in [&world.store, &world.another().await] {
        let live = store.live(&kept.digest).await.unwrap().unwrap();
        assert_eq!((live.user.id, live.org.id, live.session.expires_at()), (ADA, ACME, at(30)));
        assert!(store.live(&ended.digest).await.unwrap().is_none());
    }
    assert!(ended.has_ended(at(1)));
}

/// A new org right below another.
fn below(id: u128, parent: OrgId, name: &str) -> Org {
    Org { parent, name: name.into(), revision: Revision::default(), ..org(OrgId::from_bits(id)) }
}

#[tokio::test]
async fn an_org_is_added_changed_and_removed_with_everything_in_it() {
    let World { folder: _folder, store, .. } = World::new().await;
    let sub = below(20, ACME, "Sub");
    let mut eve = account(UserId::from_bits(21), "eve");
    eve.user.org = sub.id;
    store.add_org(&sub, Some(&eve), &[entry(1), entry(1)]).await.unwrap();
    store.add_org(&below(22, sub.id, "Below"), None, &[entry(1)]).await.unwrap();
    let taken = store.add_org(&below(23, ACME, "Taken"), Some(&eve), &[entry(1)]).await;
    assert_eq!((taken, store.org(OrgId::from_bits(23)).await), (Err(StoreError::Conflict), Ok(None)));
    let nowhere = store.add_org(&below(24, OrgId::from_bits(99), "Nowhere"), None, &[entry(1)]).await;
    assert_eq!(nowhere, Err(StoreError::Conflict));
    let within = async |skip| {
        let orgs = store.orgs_within(ACME, Page::new(2, skip)).await.unwrap();
        orgs.iter().map(|org| org.name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(
        (within(0).await, within(2).await),
        (vec!["Acme Prod".into(), "Below".into()], vec!["Sub".into()])
    );

    let named = async |above, name: &str| store.orgs_named(above, &name.parse().unwrap()).await.unwrap();
    store.add_org(&below(23, sub.id, "Below"), None, &[entry(1)]).await.unwrap();
    assert_eq!((named(ACME, "Sub").await, named(sub.id, "Sub").await), (vec![sub.id], vec![]));
    assert_eq!(named(sub.id, "Below").await, [22, 23].map(OrgId::from_bits));
    store.remove_org(&below(23, sub.id, "Below"), &entry(1)).await.unwrap();

    let renamed = Org { name: "Renamed".into(), revision: sub.revision.next("ada"), ..sub.clone() };
    store.replace_org(&renamed, &entry(2)).await.unwrap();
    assert_eq!(*store.org(sub.id).await.unwrap().unwrap(), renamed);
    assert_eq!(store.replace_org(&renamed, &entry(2)).await, Err(StoreError::Conflict));

    let mut theirs = session(9, sub.id, 2);
    Arc::get_mut(&mut theirs).unwrap().user = eve.user.id;
    store.open_session(&theirs, &proven(), &entry(2)).await.unwrap();
    let mut nights = group(vec![]);
    (nights.id, nights.org) = (GroupId::from_bits(25), sub.id);
    store.add_group(&nights, &[eve.user.id], &entry(2)).await.unwrap();
    assert_eq!(store.remove_org(&renamed, &entry(3)).await, Err(StoreError::Conflict));
    assert!(store.live(&theirs.digest).await.unwrap().is_some());
    store.remove_org(&below(22, sub.id, "Below"), &entry(3)).await.unwrap();
    assert_eq!(store.remove_org(&sub, &entry(3)).await, Err(StoreError::Conflict));
    store.remove_org(&renamed, &entry(3)).await.unwrap();
    assert!(store.live(&theirs.digest).await.unwrap().is_none());
    assert_eq!((store.org(sub.id).await, store.user(eve.user.id).await), (Ok(None), Ok(None)));
    assert_eq!((store.group(nights.id).await, within(0).await), (Ok(None), vec!["Acme Prod".to_owned()]));
}

#[tokio::test]
async fn ending_an_org_ends_its_sessions_and_no_others() {
    let world = World::new().await;
    let (mine, theirs) = (session(1, ACME, 0), session(2, OTHER, 0));
    world.store.open_session(&mine, &proven(), &entry(0)).await.unwrap();
    world.store.open_session(&theirs, &proven(), &entry(0)).await.unwrap();
    world.store.end_org_sessions(ACME, &entry(1)).await.unwrap();
    for store in [&world.store, &world.another().await] {
        assert!(store.live(&mine.digest).await.unwrap().is_none());
        assert!(store.live(&theirs.digest).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn a_session_read_while_its_org_is_ended_does_not_come_back() {
    let world = World::new().await;
    let store = Arc::new(world.another().await);
    for round in 0..50 {
        let session = session(round, ACME, u32::from(round));
        world.store.open_session(&session, &proven(), &entry(0)).await.unwrap();
        let reader = {
            let (store, digest) = (Arc::clone(&store), session.digest);
            tokio::spawn(async move { store.live(&digest).await })
        };
        store.end_org_sessions(ACME, &entry(u32::from(round))).await.unwrap();
        reader.await.unwrap().unwrap();
        assert!(store.live(&session.digest).await.unwrap().is_none(), "round {round}");
    }
}

#[tokio::test]
async fn the_last_use_is_written_behind_and_never_revives() {
    let world = World::new().await;
    let (used, ended) = (session(1, ACME, 0), session(2, ACME, 0));
    for session in [&used, &ended] {
        world.store.open_session(session, &proven(), &entry(0)).await.unwrap();
    }
    let other = world.another().await;
    other.end_session(&ended, &entry(1)).await.unwrap();
    for session in [&used, &ended] {
        let later: Arc<Session> = Arc::new(
            Record {
                digest: session.digest,
                user: ADA,
                org: ACME,
                opened_at: at(0),
                seen_at: at(9),
                ends_at: at(720),
                idle: Some(minutes(30)),
                unique_id: Some("$2a$".into()),
                origin: None,
            }
            .into(),
        );
        world.store.touched(&later);
    }
    world.store.close().await;
    let store = world.another().await;
    let live = store.live(&used.digest).await.unwrap().unwrap();
    assert_eq!((live.session.seen_at(), live.session.unique_id()), (at(9), Some("$2a$".into())));
    assert!(store.live(&ended.digest).await.unwrap().is_none());
}

#[tokio::test]
async fn an_org_holds_as_many_sessions_as_it_may_and_gets_room_when_some_are_over() {
    let world = World::new().await;
    let store = &world.store;
    for number in 0..3 {
        let place = store.place(ACME, 3, at(0)).await.unwrap().unwrap();
        store.open_session(&session(number, ACME, 0), &proven(), &entry(0)).await.unwrap();
        drop(place);
    }
    assert!(store.place(ACME, 3, at(0)).await.unwrap().is_none());
    assert!(store.place(OTHER, 3, at(0)).await.unwrap().is_some());
    store.end_session(&session(0, ACME, 0), &entry(1)).await.unwrap();
    let held = store.place(ACME, 3, at(1)).await.unwrap();
    assert!(held.is_some());
    assert!(store.place(ACME, 3, at(2)).await.unwrap().is_none());
    drop(held);
    assert!(store.place(ACME, 3, at(3)).await.unwrap().is_some());
    assert!(store.place(ACME, 3, at(31)).await.unwrap().is_some());
}

#[tokio::test]
async fn what_an_org_decides_is_kept_whole_and_never_over_what_was_not_seen() {
    let world = World::new().await;
    let before = world.store.org(ACME).await.unwrap().unwrap();
    assert_eq!(before.decided, Decided::default());
    let decided = Decided {
        password_min_length: Some(12),
        password_char_mix: Some(3),
        password_reuse_days: Some(90),
        password_expiration_days: Some(180),
        max_login_attempts: Some(3),
        lock_minutes: Some(0),
        trusted_ip_ranges: Some(vec!["10.0.0.0/8".parse().unwrap(), "2001:db8::/32".parse().unwrap()]),
        chose_session_id: true,
        expires_since: Some(at(3)),
    };
    let new = Org {
        authentication: Authentication::SessionId,
        idle_minutes: None,
        absolute_minutes: Some(60),
        session_limit: None,
        updated_at: at(3),
        decided,
        revision: before.revision.next("ada"),
        ..Org::clone(&before)
    };
    world.store.replace_policy(&new, &entry(3)).await.unwrap();
    assert_eq!(*world.store.org(ACME).await.unwrap().unwrap(), new);
    assert_eq!(*world.another().await.org(ACME).await.unwrap().unwrap(), new);
    assert_eq!(world.store.replace_policy(&new, &entry(4)).await, Err(StoreError::Conflict));
    let anywhere = Decided { trusted_ip_ranges: Some(Vec::new()), ..Decided::default() };
    let next = Org { decided: anywhere, revision: new.revision.next("ada"), ..new };
    world.store.replace_policy(&next, &entry(5)).await.unwrap();
    assert_eq!(*world.another().await.org(ACME).await.unwrap().unwrap(), next);
}

/// A password that takes the place of another.
pub(crate) fn fresh(hash: &PasswordHash) -> Replacement {
    Replacement { hash: hash.clone(), remember: at(0), forgets_answer: false }
}

/// A name as one network tries it.
fn tried(name: u8, network: u8) -> Tried {
    let address = std::net::IpAddr::from([203, 0, 113, network]);
    Tried { name: NameDigest([name; 32]), network: Network::of(Some(address)) }
}

fn failures(minute: u32) -> Attempts {
    Attempts { failures: 1, last_at: at(minute), ..Attempts::default() }
}

fn both(attempts: &Attempts) -> Counters {
    Counters { here: Some(attempts.clone()), everywhere: Some(attempts.clone()) }
}

async fn counted(store: &Store, tried: Tried, attempts: &Attempts) {
    let old = store.attempts(tried).await.unwrap();
    assert!(store.replace_attempts(tried, &old, &both(attempts), None).await.unwrap());
}

#[tokio::test]
async fn concurrent_replacements_of_a_counter_count_once_each() {
    let world = World::new().await;
    let store = Arc::new(world.another().await);
    let add = |store: Arc<Store>, network| async move {
        loop {
            let old = store.attempts(tried(7, network)).await.unwrap();
            let more = |old: &Option<Attempts>| {
                let failures = old.as_ref().map_or(0, |old| old.failures) + 1;
                Some(Attempts { failures, last_at: at(0), ..Attempts::default() })
            };
            let new = Counters { here: more(&old.here), everywhere: more(&old.everywhere) };
            if store.replace_attempts(tried(7, network), &old, &new, None).await.unwrap() {
                return;
            }
        }
    };
    let all: Vec<_> = (0..40).map(|number| tokio::spawn(add(Arc::clone(&store), number % 2))).collect();
    for one in all {
        one.await.unwrap();
    }
    let Counters { here, everywhere } = world.another().await.attempts(tried(7, 0)).await.unwrap();
    let told = [here, everywhere].map(|counter| counter.map(|it| (it.failures, it.version)));
    assert_eq!(told, [Some((20, 20)), Some((40, 40))]);
}

#[tokio::test]
async fn a_counter_is_kept_whole_and_its_lock_is_lifted_everywhere() {
    let world = World::new().await;
    let locked = Attempts {
        failures: 10,
        pending: 2,
        locked_until: Some(at(15)),
        last_at: at(1),
        succeeded_at: at(0),
        version: 1,
    };
    for network in 1..=2 {
        let counters = Counters { here: Some(locked.clone()), everywhere: None };
        assert!(
            world
                .store
                .replace_attempts(tried(7, network), &Counters::default(), &counters, None)
                .await
                .unwrap()
        );
        assert_eq!(world.another().await.attempts(tried(7, network)).await, Ok(counters));
    }
    world.store.lift_lock(NameDigest([7; 32]), &entry(2)).await.unwrap();
    let lifted = Attempts { failures: 0, locked_until: None, version: 2, ..locked };
    for network in 1..=2 {
        let counters = Counters { here: Some(lifted.clone()), everywhere: None };
        assert_eq!(world.another().await.attempts(tried(7, network)).await, Ok(counters));
    }
}

#[tokio::test]
async fn counters_are_forgotten_by_age_and_beyond_their_number() {
    let world = World::new().await;
    for number in 0..5u8 {
        counted(&world.store, tried(number, 1), &failures(u32::from(number))).await;
    }
    let known = Attempts { succeeded_at: at(0), ..failures(0) };
    for number in 10..12u8 {
        counted(&world.store, tried(number, 1), &known).await;
    }
    // Two counters each; half of the twelve may be of those who signed in.
    world.store.forget_attempts(at(1), at(0), 12).await.unwrap();
    let mut kept = Vec::new();
    for number in [0, 1, 2, 3, 4, 10, 11u8] {
        kept.push(world.store.attempts(tried(number, 1)).await.unwrap().here.is_some());
    }
    assert_eq!(kept, [false, false, true, true, true, true, true]);
    world.store.forget_attempts(at(1), at(1), 12).await.unwrap();
    assert_eq!(world.store.attempts(tried(10, 1)).await, Ok(Counters::default()));
}

#[tokio::test]
async fn passwords_before_are_remembered_for_a_time_and_never_more_than_so_many() {
    let world = World::new().await;
    let hash = PasswordHash::decoy(Cost { memory_kib: 8, passes: 1, lanes: 1 }).unwrap();
    let person = account(UserId::from_bits(77), "cleo");
    world
        .store
        .add_user(&Account { password: Some(hash.clone()), ..person.clone() }, &entry(0))
        .await
        .unwrap();
    let id = person.user.id;
    assert_eq!(world.store.password_set_at(id).await, Ok(Some(person.user.created_at)));
    assert_eq!(world.store.passwords(id, at(0)).await.unwrap().len(), 1);
    for number in 1..=30 {
        let user = world.another().await.user(id).await.unwrap().unwrap();
        let next = Replacement { hash: hash.clone(), remember: at(0), forgets_answer: false };
        world.store.replace_password(&user, &next, Keep::All, &entry(number)).await.unwrap();
    }
    assert_eq!(world.store.password_set_at(id).await, Ok(Some(at(30))));
    // That in force, and those before.
    assert_eq!(world.store.passwords(id, at(0)).await.unwrap().len(), 1 + REMEMBERED as usize);
    assert_eq!(world.store.passwords(id, at(28)).await.unwrap().len(), 1 + 2);
    let user = world.another().await.user(id).await.unwrap().unwrap();
    let last = Replacement { hash: hash.clone(), remember: at(31), forgets_answer: false };
    world.store.replace_password(&user, &last, Keep::All, &entry(31)).await.unwrap();
    assert_eq!(world.store.passwords(id, at(0)).await.unwrap().len(), 1);
    assert_eq!(world.store.security_answer(id).await.unwrap().map(|_| ()), None);
    world.store.replace_security_answer(id, &hash, &entry(32)).await.unwrap();
    assert!(world.another().await.security_answer(id).await.unwrap().is_some());
    let user = world.another().await.user(id).await.unwrap().unwrap();
    let given = Replacement { hash: hash.clone(), remember: at(31), forgets_answer: true };
    world.store.replace_password(&user, &given, Keep::None, &entry(32)).await.unwrap();
    assert!(world.another().await.security_answer(id).await.unwrap().is_none());
    let user = world.another().await.user(id).await.unwrap().unwrap();
    world.store.remove_user(&user, &entry(33)).await.unwrap();
    assert_eq!(world.store.password_set_at(id).await, Ok(None));
    let gone = world.store.replace_security_answer(id, &hash, &entry(34)).await;
    assert_eq!(gone, Err(StoreError::Conflict));
}

#[tokio::test]
async fn a_new_key_retires_the_one_before_it() {
    let world = World::new().await;
    let key = |kid: &str, minute| KeyRecord {
        kid: kid.into(),
        private: PrivateKey::new(vec![1, 2, 3]),
        created_at: at(minute),
        retired_at: None,
    };
    world.store.rotate_key(&key("first", 0), None, &entry(0)).await.unwrap();
    for before in [None, Some("nobody's")] {
        let unseen = world.store.rotate_key(&key("unseen", 1), before, &entry(1)).await;
        assert_eq!(unseen, Err(StoreError::Conflict), "{before:?}");
    }
    let before = world.store.changes_elsewhere().await.unwrap();
    let other = world.another().await;
    other.rotate_key(&key("second", 5), Some("first"), &entry(5)).await.unwrap();
    // Of another node one hears a moment later.
    let heard = tokio::time::timeout(std::time::Duration::from_secs(10), async {
        while world.store.changes_elsewhere().await.unwrap() == before {
            tokio::task::yield_now().await;
        }
    });
    assert!(heard.await.is_ok());
    let keys = world.store.keys().await.unwrap();
    let seen: Vec<_> =
        keys.iter().map(|key| (key.kid.as_str(), key.retired_at, key.private.expose())).collect();
    assert_eq!(seen, [("first", Some(at(5)), [1, 2, 3].as_slice()), ("second", None, [1, 2, 3].as_slice())]);
    other.forget_keys(at(6)).await.unwrap();
    assert_eq!(world.store.keys().await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_make_a_key_at_once_one_does() {
    let world = World::new().await;
    let nodes = [Arc::new(world.another().await), Arc::new(world.another().await)];
    let mut signing: Option<String> = None;
    for round in 0..10 {
        let make = |number: usize| {
            let (node, before) = (Arc::clone(&nodes[number % 2]), signing.clone());
            let key = KeyRecord {
                kid: format!("{round}.{number}"),
                private: PrivateKey::new(vec![1, 2, 3]),
                created_at: at(round),
                retired_at: None,
            };
            let made = async move { node.rotate_key(&key, before.as_deref(), &entry(1)).await };
            tokio::spawn(made)
        };
        let all: Vec<_> = (0..6).map(make).collect();
        let mut made = Vec::new();
        for (number, one) in all.into_iter().enumerate() {
            match one.await.unwrap() {
                Ok(()) => made.push(format!("{round}.{number}")),
                refused => assert_eq!(refused, Err(StoreError::Conflict)),
            }
        }
        let keys = world.store.keys().await.unwrap();
        let sign: Vec<_> =
            keys.into_iter().filter(|key| key.retired_at.is_none()).map(|key| key.kid).collect();
        assert_eq!((made.len(), &made), (1, &sign));
        signing = made.pop();
    }
}

#[tokio::test]
async fn what_is_over_is_forgotten() {
    let world = World::new().await;
    let numbers: Vec<u8> = (1..=255).collect();
    for number in &numbers {
        let minute = if number % 2 == 0 { 90 } else { 0 };
        world.store.open_session(&session(*number, ACME, minute), &proven(), &entry(minute)).await.unwrap();
    }
    forget_for_an_hour(&world.store).await;
    let (store, mut kept) = (world.another().await, Vec::new());
    for number in numbers {
        kept.extend(store.live(&SessionDigest([number; 32])).await.unwrap().map(|_| number));
    }
    assert_eq!(kept, (1..=127).map(|half| half * 2).collect::<Vec<u8>>());
}

/// All that was over after forty minutes has had its turn then.
async fn forget_for_an_hour(store: &Store) {
    for minute in 40..100 {
        store.forget_sessions(at(minute)).await.unwrap();
    }
}

#[tokio::test]
async fn a_backup_comes_back_as_it_was() {
    let world = World::new().await;
    if world.leaves_copies_to_others().await {
        return;
    }
    let (before, after) = (session(1, ACME, 0), session(2, ACME, 0));
    world.store.open_session(&before, &proven(), &entry(0)).await.unwrap();
    let file = world.folder.path().join("copy.db");
    world.store.backup(&file).await.unwrap();
    assert!(world.store.backup(&file).await.is_err(), "a file that exists is not overwritten");
    world.store.open_session(&after, &proven(), &entry(0)).await.unwrap();
    world.store.close().await;
    for (end_sessions, alive) in [(false, true), (true, false)] {
        store::restore::from_backup(&file, world.folder.path(), at(1), end_sessions).await.unwrap();
        let store = world.another().await;
        assert_eq!(store.live(&before.digest).await.unwrap().is_some(), alive);
        assert!(store.live(&after.digest).await.unwrap().is_none());
        assert!(store.account(&CanonicalName::of("ada")).await.unwrap().is_some());
        store.close().await;
    }
    assert!(world.folder.path().join("latchkey.db.before-restore").exists());
}

#[tokio::test]
async fn what_is_no_backup_is_refused_and_changes_nothing() {
    let world = World::new().await;
    if world.leaves_copies_to_others().await {
        return;
    }
    let file = world.folder.path().join("notes.txt");
    std::fs::write(&file, "not a database, but long enough to look").unwrap();
    assert!(store::restore::from_backup(&file, world.folder.path(), at(1), false).await.is_err());
    assert!(world.store.account(&CanonicalName::of("ada")).await.unwrap().is_some());
}

#[tokio::test]
async fn the_record_holds_what_happened_and_no_session_id() {
    let world = World::new().await;
    let session = session(1, ACME, 0);
    let visit = Visit { door: Door::V1, address: None };
    let event =
        Event::SignedIn { user: ADA, org: ACME, session: session.digest.into(), method: "password", visit };
    world.store.open_session(&session, &proven(), &event.at(at(0))).await.unwrap();
    let entries = world.store.entries(0, 9).await.unwrap();
    let [_, last] = entries.as_slice() else { panic!("{} entries", entries.len()) };
    let event = last.event.as_str();
    assert_eq!(last.seq, 2);
    assert_eq!(
        event,
        r#"{"event":"signed_in","user":"000000000000000000000B","org":"0000000000000000000001","session":"010101010101","method":"password","visit":{"door":"v1","address":null}}"#
    );
}

#[tokio::test]
async fn a_damaged_backup_is_refused_and_leaves_nothing_behind() {
    let world = World::new().await;
    if world.leaves_copies_to_others().await {
        return;
    }
    let file = world.folder.path().join("copy.db");
    world.store.backup(&file).await.unwrap();
    let mut bytes = std::fs::read(&file).unwrap();
    bytes.iter_mut().skip(8_192).step_by(7).for_each(|byte| *byte ^= 0x5a);
    std::fs::write(&file, bytes).unwrap();
    assert!(store::restore::from_backup(&file, world.folder.path(), at(1), false).await.is_err());
    assert!(!world.folder.path().join("restoring").exists());
    assert!(world.store.account(&CanonicalName::of("ada")).await.unwrap().is_some());
}

fn custom_role(name: &str, privileges: Privileges) -> CustomRole {
    CustomRole {
        id: RoleId::from_bits(31),
        org: ACME,
        name: name.parse().unwrap(),
        description: "Looks after people".into(),
        privileges,
        revision: Revision::first("Ada"),
        created_at: at(2),
        updated_at: at(3),
    }
}

fn group(roles: Vec<AnyRole>) -> Group {
    Group {
        id: GroupId::from_bits(41),
        org: ACME,
        name: "Night shift".parse().unwrap(),
        description: String::new(),
        roles,
        external_id: None,
        revision: Revision::first("Ada"),
        created_at: at(2),
        updated_at: at(3),
    }
}

fn bare(id: UserId, name: &str) -> Account {
    let mut account = account(id, name);
    account.user.roles = Roles::default();
    account
}

const BOB: UserId = UserId::from_bits(12);

fn some_privileges() -> Privileges {
    [Privilege::ViewPeople, Privilege::ManageSessions].into_iter().collect()
}

#[tokio::test]
async fn a_user_is_listed_with_its_roles_and_groups_and_leaves_with_its_sessions() {
    let world = World::new().await;
    let store = &world.store;
    let role = custom_role("Support", some_privileges());
    store.add_role(&role, &entry(2)).await.unwrap();
    let group = group(vec![AnyRole::Custom(Arc::new(role.clone())), AnyRole::BuiltIn(Role::Designer)]);
    store.add_group(&group, &[ADA], &entry(2)).await.unwrap();
    let mut bob = bare(BOB, "bob");
    bob.user.grants = Grants::of(vec![Arc::new(role.clone())], vec![Arc::new(group.clone())]);
    store.add_user(&bob, &entry(3)).await.unwrap();
    assert_eq!(
        store.add_user(&bare(UserId::from_bits(13), "BOB"), &entry(3)).await,
        Err(StoreError::Conflict)
    );
    let other = world.another().await;
    assert_eq!(*other.user(BOB).await.unwrap().unwrap(), bob.user);
    assert_eq!(other.users(ACME, Page::default()).await.unwrap(), [ADA, BOB]);
    assert_eq!(other.users(ACME, Page::new(1, 1)).await.unwrap(), [BOB]);
    assert!(other.users(OTHER, Page::default()).await.unwrap().is_empty());
    assert_eq!(other.members(group.id).await.unwrap(), [ADA, BOB]);
    let mine = session(1, ACME, 0);
    store.open_session(&mine, &proven(), &entry(3)).await.unwrap();
    let ada = store.user(ADA).await.unwrap().unwrap();
    let mut late = User::clone(&ada);
    late.revision.number -= 1;
    assert_eq!(store.remove_user(&late, &entry(4)).await, Err(StoreError::Conflict));
    assert_eq!(store.user(ADA).await.unwrap(), Some(Arc::clone(&ada)));
    store.remove_user(&ada, &entry(4)).await.unwrap();
    assert_eq!(store.remove_user(&ada, &entry(4)).await, Err(StoreError::Conflict));
    for store in [store, &world.another().await] {
        assert!(store.live(&mine.digest).await.unwrap().is_none());
        assert!(store.user(ADA).await.unwrap().is_none());
        assert_eq!(store.members(group.id).await.unwrap(), [BOB]);
    }
}

#[tokio::test]
async fn users_come_together_with_their_events_or_not_at_all() {
    let world = World::new().await;
    let store = &world.store;
    let role = custom_role("Support", some_privileges());
    store.add_role(&role, &entry(2)).await.unwrap();
    let mut bob = bare(BOB, "bob");
    bob.user.grants.roles = vec![Arc::new(role)];
    let cleo = bare(UserId::from_bits(13), "cleo");
    let last = store.last_entry().await.unwrap().unwrap().0;
    let taken = [bob.clone(), bare(UserId::from_bits(14), "ADA")];
    assert_eq!(store.add_users(&taken, &[entry(3), entry(3)]).await, Err(StoreError::Conflict));
    assert_eq!(store.users(ACME, Page::default()).await.unwrap(), [ADA]);
    assert_eq!(store.last_entry().await.unwrap().unwrap().0, last);
    store.add_users(&[bob.clone(), cleo.clone()], &[entry(3), entry(3)]).await.unwrap();
    assert_eq!(store.last_entry().await.unwrap().unwrap().0, last + 2);
    let other = world.another().await;
    assert_eq!(*other.user(BOB).await.unwrap().unwrap(), bob.user);
    assert_eq!(other.users(ACME, Page::default()).await.unwrap(), [ADA, BOB, cleo.user.id]);
}

#[tokio::test]
async fn what_a_role_or_a_group_loses_its_users_lose_at_once() {
    let world = World::new().await;
    let store = &world.store;
    store.add_user(&bare(BOB, "bob"), &entry(1)).await.unwrap();
    let may = |store: Arc<User>| store.privileges();
    let role = custom_role("Support", some_privileges());
    store.add_role(&role, &entry(2)).await.unwrap();
    assert_eq!(
        store
            .add_role(
                &CustomRole { id: RoleId::from_bits(32), ..custom_role("SUPPORT", Privileges::NONE) },
                &entry(2)
            )
            .await,
        Err(StoreError::Conflict)
    );
    let shift = group(vec![AnyRole::Custom(Arc::new(role.clone()))]);
    store.add_group(&shift, &[BOB], &entry(2)).await.unwrap();
    assert_eq!(may(store.user(BOB).await.unwrap().unwrap()), some_privileges());
    let seen = store.user(BOB).await.unwrap().unwrap();
    let narrower =
        CustomRole { privileges: Privileges::NONE, revision: role.revision.next("Ada"), ..role.clone() };
    store.replace_role(&narrower, &entry(3)).await.unwrap();
    assert_eq!(
        store.replace_role(&narrower, &entry(3)).await,
        Err(StoreError::Conflict),
        "it was seen before"
    );
    assert_eq!(may(store.user(BOB).await.unwrap().unwrap()), Privileges::NONE);
    let empty = Group {
        roles: vec![AnyRole::BuiltIn(Role::Admin)],
        revision: shift.revision.next("Ada"),
        ..shift.clone()
    };
    store.replace_group(&empty, &[BOB], &entry(4)).await.unwrap();
    assert_eq!(may(store.user(BOB).await.unwrap().unwrap()), Privileges::all());
    store.remove_group(shift.id, &entry(5)).await.unwrap();
    assert_eq!(may(store.user(BOB).await.unwrap().unwrap()), Privileges::NONE);
    let stale = User { revision: seen.revision.next("eve"), ..User::clone(&seen) };
    assert_eq!(
        store.replace_user(&stale, Keep::All, &entry(6)).await,
        Err(StoreError::Conflict),
        "its group is gone"
    );
    store.remove_role(role.id, &entry(6)).await.unwrap();
    assert!(store.role_named(ACME, &CanonicalName::of("support")).await.unwrap().is_none());
}

#[tokio::test]
async fn a_user_that_is_disabled_or_gets_another_password_keeps_the_sessions_that_it_may_and_no_others() {
    let world = World::new().await;
    let (store, ada) = (&world.store, account(ADA, "Ada").user);
    let all: Vec<_> = (1..=3).map(|number| session(number, ACME, 0)).collect();
    for session in &all {
        store.open_session(session, &proven(), &entry(0)).await.unwrap();
    }
    let hash = PasswordHash::decoy(Cost { memory_kib: 64, passes: 1, lanes: 1 }).unwrap();
    store.replace_password(&ada, &fresh(&hash), Keep::Only(all[1].digest), &entry(1)).await.unwrap();
    let stale = store.replace_password(&ada, &fresh(&hash), Keep::None, &entry(1)).await;
    assert_eq!(stale, Err(StoreError::Conflict), "it was written since");
    for store in [store, &world.another().await] {
        let mut alive = Vec::new();
        for session in &all {
            alive.push(store.live(&session.digest).await.unwrap().is_some());
        }
        assert_eq!(alive, [false, true, false]);
    }
    let found = store.account(&CanonicalName::of("ada")).await.unwrap().unwrap();
    assert_eq!(found.password.map(|it| it.expose().to_owned()), Some(hash.expose().to_owned()));
    assert!(!found.user.must_change_password);
    let disabled = User { status: Status::Disabled, revision: found.user.revision.next("eve"), ..ada };
    store.replace_user(&disabled, Keep::None, &entry(2)).await.unwrap();
    assert!(store.live(&all[1].digest).await.unwrap().is_none());
    assert!(!store.user(ADA).await.unwrap().unwrap().is_active());
    let bob = bare(BOB, "bob").user;
    assert_eq!(
        store.replace_password(&bob, &fresh(&hash), Keep::None, &entry(2)).await,
        Err(StoreError::Conflict)
    );
}

#[tokio::test]
async fn sessions_are_listed_by_their_last_use_and_found_by_their_handles() {
    let world = World::new().await;
    let store = &world.store;
    let all = [session(1, ACME, 0), session(2, ACME, 5), session(3, OTHER, 0)];
    for session in &all {
        store.open_session(session, &proven(), &entry(0)).await.unwrap();
    }
    let seen = |sessions: Vec<(Arc<Session>, Origin)>| -> Vec<u8> {
        sessions.iter().map(|(it, _)| it.digest.0[0]).collect()
    };
    assert_eq!(seen(store.sessions(ACME, None, Page::default(), at(6)).await.unwrap()), [2, 1]);
    assert_eq!(seen(store.sessions(ACME, Some(ADA), Page::new(1, 1), at(6)).await.unwrap()), [1]);
    assert!(store.sessions(ACME, Some(BOB), Page::default(), at(6)).await.unwrap().is_empty());
    assert_eq!(seen(store.sessions(ACME, None, Page::default(), at(30)).await.unwrap()), [2]);
    let found = store.session_by_handle(Handle([2; 16])).await.unwrap().unwrap();
    assert_eq!(found.digest, all[1].digest);
    assert!(store.session_by_handle(Handle([9; 16])).await.unwrap().is_none());
    store.end_user_sessions(ADA, &entry(7)).await.unwrap();
    assert!(store.session_by_handle(Handle([2; 16])).await.unwrap().is_none());
    assert!(store.sessions(ACME, None, Page::default(), at(7)).await.unwrap().is_empty());
}

#[tokio::test]
async fn where_a_session_was_opened_from_is_known_until_and_since_it_is_on_disk() {
    let world = World::new().await;
    let store = &world.store;
    store.open_session(&session(1, ACME, 0), &proven(), &entry(0)).await.unwrap();
    let origin = Origin::new(None, Some("curl"));
    let used = |minute, origin| -> Arc<Session> {
        Arc::new(Record { seen_at: at(minute), origin, ..record(1, ACME, 0) }.into())
    };
    let listed = async || store.sessions(ACME, None, Page::default(), at(10)).await.unwrap().remove(0).1;
    store.touched(&used(8, None));
    assert_eq!(listed().await, Origin::default());
    // The disk knows a later use, of another node, and takes of this one where it was opened from.
    let early = used(7, Some(origin.clone()));
    store.touched(&early);
    assert_eq!(listed().await, origin);
    assert_eq!(early.origin(), None);
    let seen = world.another().await.live(&SessionDigest([1; 32])).await.unwrap().unwrap();
    assert_eq!(seen.session.seen_at(), at(8));
}

#[tokio::test]
async fn the_record_of_an_org_is_read_from_its_end() {
    let world = World::new().await;
    let written = |org, minute| Event::OrgWritten { org, by: ADA, how: Written::Changed }.at(at(minute));
    for (org, minute) in [(ACME, 1), (OTHER, 2), (ACME, 3), (ACME, 9)] {
        world.store.record(&written(org, minute)).await.unwrap();
    }
    let logged = world.store.logged(ACME, (at(1), at(3)), Page::default()).await.unwrap();
    assert_eq!(logged.iter().map(|it| it.at).collect::<Vec<_>>(), [at(3), at(1)]);
    assert_eq!(logged[0].event["event"], "org_written");
    assert_eq!(logged[0].event["how"], "changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_use_a_thing_at_once_on_two_nodes_one_does() {
    let world = World::new().await;
    let nodes = [Arc::new(world.another().await), Arc::new(world.another().await)];
    let mark = Mark::of_jwt(ACME, "https://idp.example.com", "7", at(5));
    let tries = (0..100).map(|number| {
        let node = Arc::clone(&nodes[number % 2]);
        tokio::spawn(async move { node.spend(&mark).await.unwrap() })
    });
    let mut done = 0;
    for tried in tries.collect::<Vec<_>>() {
        done += u32::from(tried.await.unwrap());
    }
    assert_eq!(done, 1);
    assert!(!world.another().await.spend(&mark).await.unwrap(), "a mark survives the death of its process");
    let elsewhere = Mark::of_jwt(OTHER, "https://idp.example.com", "7", at(5));
    assert!(world.store.spend(&elsewhere).await.unwrap());
}

#[tokio::test]
async fn a_mark_is_forgotten_when_its_time_is_over_and_not_before() {
    let world = World::new().await;
    let mark = |id, minute| Mark::of_jwt(ACME, "https://idp.example.com", id, at(minute));
    for one in [mark("early", 5), mark("late", 6)] {
        assert!(world.store.spend(&one).await.unwrap());
    }
    assert_eq!(world.store.forget_marks(at(5)).await.unwrap(), [(ACME, 2)]);
    assert_eq!(world.store.forget_marks(at(6)).await.unwrap(), [(ACME, 1)]);
    assert!(!world.store.spend(&mark("late", 6)).await.unwrap());
    assert!(world.store.spend(&mark("early", 9)).await.unwrap());
}

/// Follows the chain from the beginning; answers how many entries hang together.
pub(crate) async fn chained(store: &Store) -> i64 {
    let (mut seq, mut hash) = (0, Link::NOTHING);
    loop {
        let entries = store.entries(seq, 700).await.unwrap();
        if entries.is_empty() {
            assert_eq!(store.last_entry().await.unwrap().unwrap_or((0, Link::NOTHING)), (seq, hash));
            return seq;
        }
        for entry in entries {
            assert_eq!((entry.seq, entry.hash), (seq + 1, entry.written().after(hash)));
            (seq, hash) = (entry.seq, entry.hash);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_of_all_who_write_at_once_are_one_chain() {
    let world = World::new().await;
    let (one, two) = (Arc::new(world.another().await), Arc::new(world.another().await));
    let write = |number: u32| {
        let (store, name) = (Arc::clone(if number.is_multiple_of(2) { &one } else { &two }), tried(7, 1));
        tokio::spawn(async move {
            match number % 3 {
                0 => store.record(&entry(number)).await.unwrap(),
                1 => store.record_behind(&[entry(number), entry(number)]).await.unwrap(),
                // Most of these find another version, and leave no entry.
                _ => drop(
                    store
                        .replace_attempts(
                            name,
                            &Counters::default(),
                            &both(&failures(0)),
                            Some(&entry(number)),
                        )
                        .await,
                ),
            }
        })
    };
    let all: Vec<_> = (0..300).map(write).collect();
    for one in all {
        one.await.unwrap();
    }
    assert_eq!(chained(&world.another().await).await, 1 + 100 + 200 + 1);
}

#[tokio::test]
async fn a_store_of_the_first_release_is_chained_when_it_is_opened() {
    let folder = TempDir::new().unwrap();
    let first = include_str!("../migrations/0001_init.sql");
    let db = rusqlite::Connection::open(folder.path().join("latchkey.db")).unwrap();
    db.execute_batch(&first.replace("{BLOB}", "BLOB")).unwrap();
    db.execute_batch("CREATE TABLE migration (number BIGINT PRIMARY KEY, name TEXT NOT NULL, checksum BLOB NOT NULL, applied_at BIGINT NOT NULL)").unwrap();
    let checksum = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, first.as_bytes());
    db.execute("INSERT INTO migration VALUES (1, 'init', ?1, 0)", [checksum.as_ref()]).unwrap();
    db.execute_batch(
        "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 2500)
         INSERT INTO audit SELECT n, n * 1000, CASE WHEN n % 2 THEN x'00000000000000000000000000000001' END,
             '{\"event\":\"founded\",\"orgs\":' || n || '}' FROM n",
    )
    .unwrap();
    drop(db);
    let store = open(folder.path()).await;
    assert_eq!(chained(&store).await, 2500);
    store.record(&entry(1)).await.unwrap();
    assert_eq!(chained(&open(folder.path()).await).await, 2501);
}

#[tokio::test]
async fn what_is_cut_off_is_gone_and_the_rest_hangs_on_the_cut() {
    let world = World::new().await;
    let store = &world.store;
    for minute in 0..5 {
        store.record(&entry(minute)).await.unwrap();
    }
    let entries = store.entries(0, 10).await.unwrap();
    let checkpoint = |kind, seq: usize, minute| Checkpoint {
        statement: Statement { kind, seq: seq as i64, hash: entries[seq - 1].hash, at: at(minute) },
        kid: "k".into(),
        public: generator(),
        signature: vec![1, 2, 3],
    };
    let (early, late) = (checkpoint(Kind::Mark, 2, 2), checkpoint(Kind::Mark, 4, 4));
    for mark in [&early, &late, &late] {
        store.keep_checkpoint(mark).await.unwrap();
    }
    assert_eq!(store.checkpoints(0, 9).await.unwrap(), [early.clone(), late.clone()]);
    assert_eq!(store.mark_before(at(4)).await.unwrap(), Some(early));
    assert_eq!((store.last_cut().await.unwrap(), store.mark_before(at(2)).await.unwrap()), (None, None));
    let cut = checkpoint(Kind::Cut, 4, 9);
    store.cut(&cut, &Event::AuditCut { through: 4 }.at(at(9))).await.unwrap();
    store.forget_entries(4).await.unwrap();
    let other = world.another().await;
    let left: Vec<_> = other.entries(0, 10).await.unwrap().iter().map(|entry| entry.seq).collect();
    assert_eq!(left, [5, 6, 7]);
    assert_eq!(other.checkpoints(0, 9).await.unwrap(), [late.clone(), cut.clone()]);
    assert_eq!(
        (other.last_cut().await.unwrap(), other.last_checkpoint().await.unwrap()),
        (Some(cut), Some(late))
    );
}

#[tokio::test]
async fn a_cut_of_everything_leaves_what_says_so_and_the_numbers_go_on() {
    let world = World::new().await;
    let store = &world.store;
    store.record(&entry(1)).await.unwrap();
    let (last, hash) = store.last_entry().await.unwrap().unwrap();
    let statement = Statement { kind: Kind::Cut, seq: last, hash, at: at(9) };
    let cut = Checkpoint { statement, kid: "k".into(), public: generator(), signature: vec![1, 2, 3] };
    store.cut(&cut, &Event::AuditCut { through: last }.at(at(9))).await.unwrap();
    store.forget_entries(last).await.unwrap();
    let other = world.another().await;
    other.record(&entry(10)).await.unwrap();
    let left = other.entries(0, 10).await.unwrap();
    let [said, next] = left.as_slice() else { panic!("{left:?}") };
    assert!(said.event.contains("audit_cut"), "{}", said.event);
    assert_eq!((said.seq, said.hash), (last + 1, said.written().after(hash)));
    assert_eq!((next.seq, next.hash), (last + 2, next.written().after(said.hash)));
}

/// The generator of P-256: a point that is certainly on the curve.
pub(crate) fn generator() -> PublicKey {
    let (x, y) =
        ("axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY", "T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU");
    PublicKey::of_coordinates(x, y).unwrap()
}

#[tokio::test]
async fn who_was_changed_while_being_proven_gets_no_session() {
    let world = World::new().await;
    let store = &world.store;
    let hash = PasswordHash::decoy(Cost { memory_kib: 64, passes: 1, lanes: 1 }).unwrap();
    store.replace_password(&account(ADA, "Ada").user, &fresh(&hash), Keep::None, &entry(1)).await.unwrap();
    let late = session(1, ACME, 1);
    assert_eq!(store.open_session(&late, &proven(), &entry(1)).await, Err(StoreError::Conflict));
    assert!(store.live(&late.digest).await.unwrap().is_none());
    let user = store.user(ADA).await.unwrap().unwrap();
    store.open_session(&late, &user.revision, &entry(1)).await.unwrap();
    let disabled =
        User { status: Status::Disabled, revision: user.revision.next("eve"), ..User::clone(&user) };
    store.replace_user(&disabled, Keep::None, &entry(2)).await.unwrap();
    let later = session(2, ACME, 2);
    assert_eq!(store.open_session(&later, &disabled.revision, &entry(2)).await, Err(StoreError::Conflict));
    let ada = store.user(ADA).await.unwrap().unwrap();
    store.remove_user(&ada, &entry(3)).await.unwrap();
    assert_eq!(store.open_session(&later, &disabled.revision, &entry(3)).await, Err(StoreError::Conflict));
}

fn oauth_client(number: u128, roles: Vec<AnyRole>) -> Client {
    Client {
        id: ClientId::from_bits(number),
        org: ACME,
        terms: Terms::new("Nightly loads", "runs at three".into(), 60).unwrap(),
        roles,
        status: Status::Active,
        secrets: vec![client_secret(number * 10)],
        revision: Revision::first("Ada"),
        created_at: at(2),
        updated_at: at(3),
    }
}

fn client_secret(number: u128) -> ClientSecret {
    let (id, digest) = (ClientSecretId::from_bits(number), SecretDigest([7; 32]));
    ClientSecret { id, digest, created_at: at(u32::try_from(number).unwrap()), last_used_at: None }
}

#[tokio::test]
async fn an_oauth_client_is_read_as_it_was_written_with_its_roles_and_its_secrets() {
    let world = World::new().await;
    let store = &world.store;
    let role = custom_role("Support", some_privileges());
    store.add_role(&role, &entry(2)).await.unwrap();
    let roles = vec![AnyRole::Custom(Arc::new(role.clone())), AnyRole::BuiltIn(Role::Designer)];
    let client = oauth_client(51, roles);
    assert!(store.add_client(&client, 2, &entry(2)).await.unwrap());
    assert_eq!(*world.another().await.client(client.id).await.unwrap().unwrap(), client);
    store.client_secret_used(client.secrets[0].id, at(9), at(8)).await.unwrap();
    store.client_secret_used(client.secrets[0].id, at(10), at(8)).await.unwrap();
    let mut next =
        Client { status: Status::Disabled, revision: client.revision.next("eve"), ..client.clone() };
    next.secrets.push(client_secret(511));
    store.replace_client(&next, &entry(4)).await.unwrap();
    assert_eq!(store.replace_client(&next, &entry(4)).await, Err(StoreError::Conflict), "it was seen before");
    next.secrets[0].last_used_at = Some(at(9));
    assert_eq!(*store.client(client.id).await.unwrap().unwrap(), next, "the last use was noted once");
    let mut last = Client { secrets: vec![client_secret(511)], revision: next.revision.next("eve"), ..next };
    store.replace_client(&last, &entry(5)).await.unwrap();
    store.remove_role(role.id, &entry(6)).await.unwrap();
    last.roles = vec![AnyRole::BuiltIn(Role::Designer)];
    assert_eq!(store.clients(ACME).await.unwrap(), [Arc::new(last)], "a role that is gone is nobody's");
    assert!(store.clients(OTHER).await.unwrap().is_empty());
    store.remove_client(client.id, &entry(7)).await.unwrap();
    assert_eq!(store.remove_client(client.id, &entry(7)).await, Err(StoreError::Conflict));
    assert!(world.another().await.client(client.id).await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_clients_that_are_added_at_once_on_two_nodes_as_many_stay_as_there_is_room_for() {
    let world = World::new().await;
    let nodes = [Arc::new(world.another().await), Arc::new(world.another().await)];
    let tries = (0..40_usize).map(|number| {
        let node = Arc::clone(&nodes[number % 2]);
        let client = oauth_client(100 + number as u128, Vec::new());
        tokio::spawn(async move { node.add_client(&client, 7, &entry(2)).await.unwrap() })
    });
    let mut added = 0;
    for tried in tries.collect::<Vec<_>>() {
        added += usize::from(tried.await.unwrap());
    }
    assert_eq!((added, world.store.clients(ACME).await.unwrap().len()), (7, 7));
}

#[tokio::test]
async fn a_withdrawn_token_is_so_on_every_node_until_its_time_is_over() {
    let world = World::new().await;
    let (store, other) = (&world.store, world.another().await);
    let token = |number, org, minute| Revocation { digest: [number; 32], org, until: at(minute) };
    let revoke = |token: Revocation| async move { store.revoke_token(&token, 2, &entry(1)).await.unwrap() };
    assert!(revoke(token(1, ACME, 5)).await && revoke(token(1, ACME, 5)).await, "twice is once");
    assert!(revoke(token(2, ACME, 9)).await && !revoke(token(3, ACME, 9)).await, "the org has two");
    assert!(!store.is_token_revoked(&[3; 32]).await.unwrap());
    assert!(revoke(token(3, OTHER, 9)).await);
    assert!(store.is_token_revoked(&[3; 32]).await.unwrap(), "what is in memory hears of it");
    assert!(
        other.is_token_revoked(&[1; 32]).await.unwrap() && !other.is_token_revoked(&[4; 32]).await.unwrap()
    );
    other.forget_revocations(at(6)).await.unwrap();
    for node in [other, world.another().await] {
        assert!(
            !node.is_token_revoked(&[1; 32]).await.unwrap() && node.is_token_revoked(&[2; 32]).await.unwrap()
        );
    }
    assert!(revoke(token(4, ACME, 9)).await, "there is room again");
}

fn scim_token(number: u128, place: u32) -> ScimToken {
    ScimToken {
        id: ScimTokenId::from_bits(number),
        org: ACME,
        place,
        by: ADA,
        privileges: some_privileges(),
        created_at: at(1),
        expires_at: at(9),
        last_used_at: None,
    }
}

fn digest(number: u8) -> TokenDigest {
    TokenDigest([number; 32])
}

#[tokio::test]
async fn a_scim_token_is_found_by_its_digest_and_leaves_its_place_when_it_is_over() {
    let world = World::new().await;
    let store = &world.store;
    store.add_scim_token(&scim_token(1, 1), &digest(1), &entry(1)).await.unwrap();
    let taken = store.add_scim_token(&scim_token(2, 1), &digest(2), &entry(8)).await;
    assert_eq!(taken, Err(StoreError::Conflict));
    let store = &world.another().await;
    assert_eq!(store.scim_token(&digest(1)).await.unwrap(), Some(scim_token(1, 1)));
    assert_eq!(store.scim_token_by_id(ScimTokenId::from_bits(1)).await.unwrap(), Some(scim_token(1, 1)));
    assert_eq!(store.scim_token(&digest(2)).await.unwrap(), None);
    for minute in [5, 3] {
        store.note_scim_use(ScimTokenId::from_bits(1), at(minute)).await.unwrap();
    }
    let used = ScimToken { last_used_at: Some(at(5)), ..scim_token(1, 1) };
    assert_eq!(store.scim_tokens(ACME).await.unwrap(), [used]);
    assert_eq!(store.scim_tokens(OTHER).await.unwrap(), []);
    store.add_scim_token(&scim_token(2, 1), &digest(2), &entry(9)).await.unwrap();
    assert_eq!(store.scim_tokens(ACME).await.unwrap(), [scim_token(2, 1)]);
    let id = ScimTokenId::from_bits(2);
    assert!(!store.remove_scim_token(OTHER, id, &entry(9)).await.unwrap());
    assert!(store.remove_scim_token(ACME, id, &entry(9)).await.unwrap());
    assert!(!store.remove_scim_token(ACME, id, &entry(9)).await.unwrap());
    assert_eq!(store.scim_token(&digest(2)).await.unwrap(), None);
}

#[tokio::test]
async fn what_scim_calls_a_user_or_a_group_is_kept_and_found() {
    let world = World::new().await;
    let store = &world.store;
    let mut bob = bare(BOB, "bob");
    let email = Contact { value: Some("b@acme.test".into()), kind: Some("work".into()), primary: Some(true) };
    let provisioned =
        Provisioned { external_id: Some("00u1".into()), emails: vec![email], ..Provisioned::default() };
    bob.user.profile = Profile { provisioned, ..Profile::default() }.into();
    store.add_user(&bob, &entry(1)).await.unwrap();
    let night = Group { external_id: Some("00g1".into()), ..group(vec![]) };
    store.add_group(&night, &[BOB], &entry(1)).await.unwrap();
    assert_eq!(store.users_with_external_id(ACME, "00u1").await.unwrap(), [BOB]);
    assert_eq!(store.users_with_external_id(OTHER, "00u1").await.unwrap(), []);
    assert_eq!(store.groups_with_external_id(ACME, "00g1").await.unwrap(), [night.id]);
    assert_eq!(store.groups_with_external_id(ACME, "00G1").await.unwrap(), []);
    assert_eq!((store.count_users(ACME).await, store.count_groups(ACME).await), (Ok(2), Ok(1)));
    assert_eq!((store.count_users(OTHER).await, store.count_groups(OTHER).await), (Ok(0), Ok(0)));
    let known = User::clone(&*store.user(BOB).await.unwrap().unwrap());
    assert_eq!(known.profile, bob.user.profile);
    let mut renamed = User { name: "bobby".parse().unwrap(), authenticator: Authenticator::Saml, ..known };
    let mut profile = renamed.profile.open();
    profile.provisioned.external_id = None;
    renamed.profile = profile.into();
    renamed.revision = renamed.revision.next("SCIM");
    store.replace_user(&renamed, Keep::All, &entry(2)).await.unwrap();
    let store = &world.another().await;
    assert_eq!(*store.user(BOB).await.unwrap().unwrap(), renamed);
    assert!(store.account(&CanonicalName::of("bob")).await.unwrap().is_none());
    assert_eq!(store.users_with_external_id(ACME, "00u1").await.unwrap(), []);
}

#[tokio::test]
async fn members_come_and_go_without_the_others_and_only_over_the_last_writing() {
    let world = World::new().await;
    let store = &world.store;
    store.add_user(&bare(BOB, "bob"), &entry(1)).await.unwrap();
    let night = group(vec![AnyRole::BuiltIn(Role::Designer)]);
    store.add_group(&night, &[ADA], &entry(1)).await.unwrap();
    let revision = |user: UserId| async move { store.user(user).await.unwrap().unwrap().revision.number };
    let (ada, bob) = (revision(ADA).await, revision(BOB).await);
    let renamed =
        Group { name: "Day".parse().unwrap(), revision: night.revision.next("SCIM"), ..night.clone() };
    store.change_members(&renamed, &[BOB, BOB], &[], &entry(2)).await.unwrap();
    assert_eq!(store.member_ids(night.id, 9).await.unwrap(), [ADA, BOB]);
    assert_eq!(store.member_ids(night.id, 1).await.unwrap(), [ADA]);
    assert_eq!(*store.group(night.id).await.unwrap().unwrap(), renamed);
    assert_eq!(revision(ADA).await, ada);
    assert!(revision(BOB).await > bob);
    let old = store.change_members(&renamed, &[], &[ADA], &entry(3)).await;
    assert_eq!(old, Err(StoreError::Conflict));
    let next = Group { revision: renamed.revision.next("SCIM"), ..renamed };
    store.change_members(&next, &[], &[ADA], &entry(3)).await.unwrap();
    assert_eq!(store.member_ids(night.id, 9).await.unwrap(), [BOB]);
    assert!(store.user(ADA).await.unwrap().unwrap().grants.groups.is_empty());
    let gone = Group { revision: next.revision.next("SCIM"), ..next };
    let nobody = store.change_members(&gone, &[UserId::from_bits(99)], &[], &entry(4)).await;
    assert_eq!(nobody, Err(StoreError::Conflict));
}

fn place(binding: Binding, url: &str, response_url: Option<&str>) -> Endpoint {
    Endpoint { binding, url: url.into(), response_url: response_url.map(str::to_owned) }
}

fn saml_provider(issuer: &str) -> Provider {
    let pem = include_str!("../../server/tests/vectors/saml/rsa.pem").to_owned();
    let draft = Draft {
        issuer: issuer.into(),
        single_sign_on: vec![place(Binding::Post, "https://idp.test/sso", None)],
        single_logout: vec![place(Binding::Redirect, "https://idp.test/slo", Some("https://idp.test/done"))],
        certificates: vec![pem],
        name_id_format: Some("urn:oasis:names:tc:SAML:2.0:nameid-format:persistent".into()),
        attributes: Attributes { email: Some("mail".into()), ..Attributes::default() },
        default_role: Some(Role::Designer.id()),
        default_group: Some(GroupId::from_bits(41)),
        disable_auto_provisioning: true,
        map_groups_and_roles: true,
        allow_sha1: true,
        idp_initiated: true,
    };
    let (terms, id) = (draft.try_into().unwrap(), IdentityProviderId::from_bits(51));
    Provider { id, org: ACME, terms, created_at: at(1), updated_at: at(2) }
}

#[tokio::test]
async fn there_is_one_saml_key_and_the_first_stays() {
    let world = World::new().await;
    assert!(world.store.saml_key().await.unwrap().is_none());
    let key =
        |name: &str| Certified { private: PrivateKey::new(name.into()), certificate: b"of it".to_vec() };
    world.store.keep_saml_key(&key("first"), &entry(3)).await.unwrap();
    assert_eq!(world.store.keep_saml_key(&key("other"), &entry(4)).await, Err(StoreError::Conflict));
    let kept = world.another().await.saml_key().await.unwrap().unwrap();
    assert_eq!(
        (kept.private.expose(), kept.certificate.as_slice()),
        (b"first".as_slice(), b"of it".as_slice())
    );
}

#[tokio::test]
async fn the_saml_provider_of_an_org_is_read_as_it_was_written() {
    let world = World::new().await;
    assert_eq!(world.store.saml_provider(ACME).await.unwrap(), None);
    for provider in [saml_provider("https://one.test"), saml_provider("https://other.test")] {
        world.store.put_saml_provider(&provider, &entry(3)).await.unwrap();
        assert_eq!(world.another().await.saml_provider(ACME).await.unwrap(), Some(provider));
    }
    assert_eq!(world.store.saml_provider(OTHER).await.unwrap(), None);
    assert!(world.store.remove_saml_provider(ACME, &entry(4)).await.unwrap());
    assert!(!world.store.remove_saml_provider(ACME, &entry(5)).await.unwrap());
}

/// A session as a provider knows it, which says all there is to say or as little as it may.
fn known_as(name: &str, index: Option<&str>) -> SamlSession {
    let said = |text: &str| index.map(|_| text.to_owned());
    let name = NameId {
        value: name.into(),
        format: said("urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"),
        name_qualifier: said("https://idp.test"),
        sp_name_qualifier: said("https://us.test"),
    };
    let provider = IdentityProviderId::from_bits(51);
    SamlSession { org: ACME, provider, name, index: index.map(str::to_owned) }
}

#[tokio::test]
async fn sessions_of_saml_are_found_by_the_name_there_and_end_together() {
    let world = World::new().await;
    let store = &world.store;
    let all = [known_as("ada", Some("_1")), known_as("ada", None), known_as("bob", Some("_1"))];
    for (number, known_as) in (1..).zip(&all) {
        store.open_saml_session(&session(number, ACME, 0), &proven(), known_as, &entry(0)).await.unwrap();
    }
    store.open_session(&session(4, ACME, 0), &proven(), &entry(0)).await.unwrap();
    let [first, second, other] = &all;
    for store in [store, &world.another().await] {
        for (number, known_as) in (1..).zip(&all) {
            let found = store.saml_session(&SessionDigest([number; 32])).await.unwrap();
            assert_eq!(found.as_ref(), Some(known_as));
        }
        assert_eq!(store.saml_session(&SessionDigest([4; 32])).await.unwrap(), None);
        let of = async |known_as: &SamlSession| {
            let found = store.saml_sessions(known_as.subject()).await.unwrap().into_iter();
            found.map(|(session, known_as)| (session.digest.0[0], known_as)).collect::<Vec<_>>()
        };
        assert_eq!(of(first).await, [(1, first.clone()), (2, second.clone())]);
        assert_eq!(of(other).await, [(3, other.clone())]);
    }
    let found = store.saml_sessions(first.subject()).await.unwrap();
    let sessions: Vec<_> = found.into_iter().map(|(session, _)| session).collect();
    store.end_sessions(&sessions, &[entry(1), entry(1)]).await.unwrap();
    for store in [store, &world.another().await] {
        assert!(store.saml_sessions(first.subject()).await.unwrap().is_empty());
        for (number, is_alive) in [(1, false), (2, false), (3, true), (4, true)] {
            let live = store.live(&SessionDigest([number; 32])).await.unwrap();
            assert_eq!(live.is_some(), is_alive, "{number}");
        }
    }
    assert!(sessions.iter().all(|session| session.has_ended(at(1))));
}

#[tokio::test]
async fn what_a_provider_calls_a_session_is_forgotten_with_it_and_with_its_org() {
    let world = World::new().await;
    let store = &world.store;
    let kept = async |number: u8| store.saml_session(&SessionDigest([number; 32])).await.unwrap().is_some();
    for (number, minute) in [(1, 0), (2, 90), (3, 20)] {
        let known_as = known_as("ada", Some("_1"));
        let session = session(number, ACME, minute);
        store.open_saml_session(&session, &proven(), &known_as, &entry(minute)).await.unwrap();
    }
    store.end_session(&session(3, ACME, 20), &entry(21)).await.unwrap();
    forget_for_an_hour(store).await;
    assert_eq!((kept(1).await, kept(2).await, kept(3).await), (false, true, false));
    let unwritten = session(5, ACME, 0);
    let refused = Revision::of("System", "System", 9);
    let refused = store.open_saml_session(&unwritten, &refused, &known_as("ada", None), &entry(0)).await;
    assert_eq!((refused, kept(5).await), (Err(StoreError::Conflict), false));
    let sub = below(20, ACME, "Sub");
    store.add_org(&sub, None, &[entry(1)]).await.unwrap();
    let theirs = SamlSession { org: sub.id, ..known_as("ada", None) };
    store.open_saml_session(&session(6, sub.id, 39), &proven(), &theirs, &entry(39)).await.unwrap();
    assert!(kept(6).await);
    store.remove_org(&sub, &entry(40)).await.unwrap();
    assert!(!kept(6).await);
}

#[tokio::test]
async fn what_is_mapped_is_all_there_or_nothing_and_goes_with_its_group_or_role() {
    let world = World::new().await;
    let made = Group { name: "Theirs".parse().unwrap(), ..group(Vec::new()) };
    let change = GroupChange {
        linked: vec![("their group".into(), made.id)],
        given: vec![(made.id, Role::Designer.id())],
        made: vec![made.clone()],
        ..GroupChange::default()
    };
    world.store.change_saml_groups(ACME, &change, &entry(1)).await.unwrap();
    let again = world.store.change_saml_groups(ACME, &change, &entry(2)).await;
    assert_eq!(again, Err(StoreError::Conflict));
    let links = world.another().await.saml_links(ACME).await.unwrap();
    assert_eq!((links.groups, links.roles), (vec![("their group".to_owned(), made.id)], vec![]));
    let found = world.store.group(made.id).await.unwrap().unwrap();
    assert_eq!(found.roles, [AnyRole::BuiltIn(Role::Designer)]);
    assert!(found.revision.number > made.revision.number, "whoever writes it must have seen that");
    let taken = GroupChange { taken: change.given.clone(), ..GroupChange::default() };
    world.store.change_saml_groups(ACME, &taken, &entry(3)).await.unwrap();
    assert!(world.store.group(made.id).await.unwrap().unwrap().roles.is_empty());
    world.store.remove_group(made.id, &entry(4)).await.unwrap();
    assert!(world.store.saml_links(ACME).await.unwrap().groups.is_empty());

    let custom = custom_role("Support", some_privileges());
    world.store.add_role(&custom, &entry(5)).await.unwrap();
    let pairs =
        [("a".to_owned(), custom.id), ("b".to_owned(), custom.id), ("a".to_owned(), Role::Admin.id())];
    world.store.add_saml_roles(ACME, &pairs, &entry(6)).await.unwrap();
    world.store.add_saml_roles(ACME, &pairs, &entry(7)).await.unwrap();
    world.store.remove_saml_roles(ACME, &pairs[1..2], &entry(8)).await.unwrap();
    assert_eq!(world.store.saml_links(ACME).await.unwrap().roles.len(), 2);
    world.store.remove_role(custom.id, &entry(9)).await.unwrap();
    assert_eq!(world.store.saml_links(ACME).await.unwrap().roles, [("a".to_owned(), Role::Admin.id())]);
    assert!(world.store.saml_links(OTHER).await.unwrap().roles.is_empty());
}

#[tokio::test]
async fn tokens_of_one_second_are_lost_as_often_as_they_were_minted() {
    let World { store, .. } = World::new().await;
    let ended = Event::UserSessionsEnded { org: ACME, user: ADA, by: ADA }.at(at(1));
    let after = async || store.user(ADA).await.unwrap().unwrap().tokens_after.unwrap();
    store.end_user_sessions(ADA, &ended).await.unwrap();
    assert_eq!(after().await, at(1));
    // A token that was minted in that second says the next one, or it would be lost with those before it.
    store.end_user_sessions(ADA, &ended).await.unwrap();
    assert_eq!(after().await.as_seconds(), at(1).as_seconds() + 1);
    let later = Event::UserSessionsEnded { org: ACME, user: ADA, by: ADA }.at(at(2));
    store.end_user_sessions(ADA, &later).await.unwrap();
    assert_eq!(after().await, at(2));
}
