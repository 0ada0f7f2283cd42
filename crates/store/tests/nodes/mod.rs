//! Two nodes over one database: what one ends, the other refuses within a second, and what it cannot know it refuses.

mod limits;
mod proxy;
mod standby;
mod tls;

use crate::contract::{
    ACME, ADA, OTHER, World, account, at, chained, entry, fresh, generator, open_shared, proven, session,
};
use domain::audit::checkpoint::{Checkpoint, Kind, Statement};
use domain::audit::{Event, Written};
use domain::method::hash::{Cost, PasswordHash};
use domain::org::Org;
use domain::session::Session;
use domain::store::{Audit, Directory, Health, People, Roster, Sessions, StoreError};
use domain::user::{Keep, Status, User};
use proxy::{Line, Proxy};
use std::sync::Arc;
use std::time::Duration;
use store::Store;
use store::postgres::Settings;
use tokio::time::{Instant, timeout};
use wire::UserId;

/// How soon every node knows.
const BOUND: Duration = Duration::from_secs(1);

/// A node with a proxy before its database, and another without.
struct Nodes {
    world: World,
    proxy: Proxy,
    far: Arc<Store>,
}

impl Nodes {
    async fn new() -> Self {
        let world = World::new().await;
        let proxy = Proxy::before(world.database.as_deref().unwrap()).await;
        let settings = Settings {
            connections: 4,
            connect: Duration::from_millis(500),
            wait: Duration::from_millis(500),
            statement: Duration::from_secs(1),
            tries: 3,
            ..Settings::of(proxy.url.parse().unwrap())
        };
        let far = Arc::new(Store::open_shared(&settings, at(0)).await.unwrap());
        Self { world, proxy, far }
    }

    /// Opens a session on the near node, and has the far one answer for it from memory.
    async fn known_to_both(&self, number: u8) -> Arc<Session> {
        let session = session(number, ACME, 0);
        self.world.store.open_session(&session, &self.revision().await, &entry(0)).await.unwrap();
        self.heard().await;
        assert!(self.far.live(&session.digest).await.unwrap().is_some());
        session
    }

    async fn revision(&self) -> domain::revision::Revision {
        self.world.store.user(ADA).await.unwrap().unwrap().revision.clone()
    }

    /// Waits until the far node has news that are younger than this moment.
    async fn heard(&self) {
        let since = Instant::now();
        until("the far node hears nothing", async || {
            self.far.news_age().is_some_and(|age| age < since.elapsed())
        })
        .await;
    }

    async fn is_refused_in_time(&self, session: &Session, what: &str) {
        let since = Instant::now();
        until(what, async || self.far.live(&session.digest).await.unwrap().is_none()).await;
        assert!(since.elapsed() < BOUND, "{what} after {:?}", since.elapsed());
    }
}

/// Asks until it is so, at most ten seconds.
async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    let asked = timeout(Duration::from_secs(10), async {
        while !is_so().await {
            drop(timeout(Duration::from_millis(5), std::future::pending::<()>()).await);
        }
    });
    assert!(asked.await.is_ok(), "{what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_node_ends_the_other_refuses_within_a_second() {
    let nodes = Nodes::new().await;
    let near = &nodes.world.store;
    let one = nodes.known_to_both(1).await;
    let out = Event::SignedOut { user: ADA, org: ACME, session: one.digest.into() };
    near.end_session(&one, &out.at(at(1))).await.unwrap();
    nodes.is_refused_in_time(&one, "a session that was ended").await;
    let two = nodes.known_to_both(2).await;
    let ended = Event::OrgSessionsEnded { org: ACME, by: ADA };
    near.end_org_sessions(ACME, &ended.at(at(1))).await.unwrap();
    nodes.is_refused_in_time(&two, "a session of an org that was ended").await;
    let three = nodes.known_to_both(3).await;
    let hash = PasswordHash::decoy(Cost { memory_kib: 64, passes: 1, lanes: 1 }).unwrap();
    let written = |how| Event::UserWritten { org: ACME, user: ADA, by: ADA, how }.at(at(2));
    let user = near.user(ADA).await.unwrap().unwrap();
    near.replace_password(&user, &fresh(&hash), Keep::None, &written(Written::Password)).await.unwrap();
    nodes.is_refused_in_time(&three, "a session whose password was changed").await;
    let four = nodes.known_to_both(4).await;
    let user = near.user(ADA).await.unwrap().unwrap();
    let disabled =
        User { status: Status::Disabled, revision: user.revision.next("eve"), ..User::clone(&user) };
    near.replace_user(&disabled, Keep::All, &written(Written::Disabled)).await.unwrap();
    let since = Instant::now();
    until("a user that was disabled", async || !nodes.far.user(ADA).await.unwrap().unwrap().is_active())
        .await;
    assert!(since.elapsed() < BOUND);
    near.end_user_sessions(ADA, &Event::UserSessionsEnded { org: ACME, user: ADA, by: ADA }.at(at(3)))
        .await
        .unwrap();
    nodes.is_refused_in_time(&four, "a session of a user whose sessions were ended").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_shows_its_user_as_it_was_when_it_was_opened_elsewhere_or_later() {
    let nodes = Nodes::new().await;
    nodes.heard().await;
    for number in 1..=5 {
        let before = nodes.far.user(ADA).await.unwrap().unwrap();
        let ended = Event::UserSessionsEnded { org: ACME, user: ADA, by: ADA };
        nodes.world.store.end_user_sessions(ADA, &ended.at(at(number.into()))).await.unwrap();
        let session = session(number, ACME, 0);
        nodes.world.store.open_session(&session, &nodes.revision().await, &entry(0)).await.unwrap();
        let seen = nodes.far.live(&session.digest).await.unwrap().unwrap();
        assert_eq!(seen.user.tokens_after, Some(at(number.into())), "{:?} before", before.tokens_after);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_cannot_know_refuses_and_comes_back_by_itself() {
    let nodes = Nodes::new().await;
    for line in [Line::Cut, Line::Silent] {
        let number = if line == Line::Cut { 1 } else { 2 };
        let session = nodes.known_to_both(number).await;
        nodes.proxy.set(line);
        let out = Event::SignedOut { user: ADA, org: ACME, session: session.digest.into() };
        nodes.world.store.end_session(&session, &out.at(at(1))).await.unwrap();
        let ended = Instant::now();
        until("a node without its database refuses", async || {
            let answer = nodes.far.live(&session.digest).await;
            assert!(
                !matches!(answer, Ok(Some(_))) || ended.elapsed() < BOUND,
                "{line:?}: accepted after the bound"
            );
            matches!(answer, Err(StoreError::Unavailable(_)))
        })
        .await;
        until("nor does it say anything of users", async || {
            matches!(nodes.far.user(ADA).await, Err(StoreError::Unavailable(_)))
        })
        .await;
        nodes.proxy.set(Line::Open);
        until("the node finds its database again", async || {
            matches!(nodes.far.live(&session.digest).await, Ok(None))
        })
        .await;
        nodes.heard().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_database_makes_no_node_accept_what_was_ended() {
    let nodes = Nodes::new().await;
    nodes.proxy.set(Line::Slow(Duration::from_millis(50)));
    for number in 1..4 {
        let session = nodes.known_to_both(number).await;
        let out = Event::SignedOut { user: ADA, org: ACME, session: session.digest.into() };
        nodes.world.store.end_session(&session, &out.at(at(1))).await.unwrap();
        nodes.is_refused_in_time(&session, "a session that was ended").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_whose_transaction_commits_late_is_not_missed() {
    let nodes = Nodes::new().await;
    let session = nodes.known_to_both(1).await;
    let config: tokio_postgres::Config = nodes.world.database.as_deref().unwrap().parse().unwrap();
    let (late, line) = config.connect(tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(line);
    // As a third node would: it ends the session and records it, and then its commit takes long.
    late.batch_execute(
        "BEGIN; UPDATE session SET ended_at = 1, expires_at = 1;
         INSERT INTO audit_waiting (id, placed_at, at, org_id, event) VALUES ('\\x00', 0, 0, NULL,
             '{\"event\":\"signed_out\",\"user\":\"000000000000000000000B\",\"session\":\"010101010101\"}')",
    )
    .await
    .unwrap();
    for minute in 0..20 {
        nodes.world.store.record(&entry(minute)).await.unwrap();
        nodes.world.store.last_entry().await.unwrap();
    }
    nodes.heard().await;
    nodes.heard().await;
    assert!(nodes.far.live(&session.digest).await.unwrap().is_some(), "it is not committed yet");
    late.batch_execute("COMMIT").await.unwrap();
    nodes.is_refused_in_time(&session, "a session that was ended by a late commit").await;
    let numbered = chained(&nodes.world.store).await;
    let last = nodes.world.store.entries(numbered - 1, 1).await.unwrap();
    assert!(
        last[0].event.contains("signed_out"),
        "what is committed last is numbered last: {}",
        last[0].event
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_goes_away_while_it_is_numbered_leaves_a_whole_record() {
    let world = World::new().await;
    // One connection, so that the next who asks gets the one over which it was being numbered.
    let settings =
        Settings { connections: 1, ..Settings::of(world.database.as_deref().unwrap().parse().unwrap()) };
    let node = Arc::new(Store::open_shared(&settings, at(0)).await.unwrap());
    let config: tokio_postgres::Config = world.database.as_deref().unwrap().parse().unwrap();
    let connect = async || {
        let (client, line) = config.connect(tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(line);
        client
    };
    let (holder, watcher) = (connect().await, connect().await);
    let mut recorded = chained(&world.store).await;
    let counts = async |question: &str| watcher.query_one(question, &[]).await.unwrap().get::<_, i64>(0);
    let waiting =
        "SELECT COUNT(*) FROM pg_stat_activity WHERE usename = current_user AND wait_event_type = 'Lock'";
    for minute in 0..3 {
        node.record(&entry(minute)).await.unwrap();
        recorded += 1;
        holder
            .batch_execute("BEGIN; SELECT number FROM migration WHERE number = 0 FOR UPDATE")
            .await
            .unwrap();
        let asked = Arc::clone(&node);
        let asking = tokio::spawn(async move { asked.last_entry().await });
        until("it waits for its turn to number", async || counts(waiting).await == 1).await;
        asking.abort();
        assert!(asking.await.unwrap_err().is_cancelled());
        holder.batch_execute("COMMIT").await.unwrap();
        until("what was begun is done, though nobody asks", async || {
            counts("SELECT COUNT(*) FROM audit_waiting").await == 0
        })
        .await;
        assert_eq!(chained(&node).await, recorded);
    }
    // Wherever else they go away: each looks a little longer than the one before.
    for looks in 0..60 {
        node.record(&entry(looks)).await.unwrap();
        recorded += 1;
        let mut asking = Box::pin(node.last_entry());
        for _ in 0..looks {
            drop(futures_util::poll!(&mut asking));
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(chained(&node).await, recorded);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_is_cut_whole_leaves_no_node_behind() {
    let nodes = Nodes::new().await;
    let session = nodes.known_to_both(1).await;
    let near = &nodes.world.store;
    let (last, hash) = near.last_entry().await.unwrap().unwrap();
    let cut = Checkpoint {
        statement: Statement { kind: Kind::Cut, seq: last, hash, at: at(9) },
        kid: "k".into(),
        public: generator(),
        signature: vec![1, 2, 3],
    };
    near.cut(&cut, &Event::AuditCut { through: last }.at(at(9))).await.unwrap();
    near.forget_entries(last).await.unwrap();
    let out = Event::SignedOut { user: ADA, org: ACME, session: session.digest.into() };
    near.end_session(&session, &out.at(at(1))).await.unwrap();
    let (numbered, _) = near.last_entry().await.unwrap().unwrap();
    assert_eq!(numbered, last + 2, "the numbers go on");
    nodes.is_refused_in_time(&session, "a session that was ended after a cut").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_changes_while_it_is_proven_elsewhere_leaves_no_session() {
    let nodes = Nodes::new().await;
    let near = &nodes.world.store;
    let hash = PasswordHash::decoy(Cost { memory_kib: 64, passes: 1, lanes: 1 }).unwrap();
    // A digest of nothing but zeros is no session's.
    for number in 1..=30 {
        let user = near.user(ADA).await.unwrap().unwrap();
        let session = session(number, ACME, 0);
        let changed = Event::UserWritten { org: ACME, user: ADA, by: ADA, how: Written::Password }.at(at(1));
        let entry = entry(1);
        let next = fresh(&hash);
        let (opened, replaced) = tokio::join!(
            nodes.far.open_session(&session, &user.revision, &entry),
            near.replace_password(&user, &next, Keep::None, &changed),
        );
        replaced.unwrap();
        assert!(matches!(opened, Ok(()) | Err(StoreError::Conflict)), "{opened:?}");
        let rows = near.session_by_handle(session.digest.into()).await.unwrap();
        assert!(rows.is_none(), "round {number}: it lives on although its password is another");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_start_at_once_apply_each_step_once() {
    let url = crate::contract::private_postgres::store();
    let all: Vec<_> = (0..6)
        .map(|_| {
            let url = url.clone();
            tokio::spawn(async move { open_shared(&url).await.is_empty().await.unwrap() })
        })
        .collect();
    for one in all {
        assert!(one.await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_org_holds_no_more_sessions_because_two_nodes_open_them() {
    let nodes = Nodes::new().await;
    for number in 0..3 {
        let place = nodes.world.store.place(ACME, 3, at(0)).await.unwrap().unwrap();
        nodes.world.store.open_session(&session(number, ACME, 0), &proven(), &entry(0)).await.unwrap();
        drop(place);
    }
    assert!(nodes.far.place(ACME, 3, at(1)).await.unwrap().is_none());
    assert!(nodes.far.place(OTHER, 3, at(1)).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_many_nodes_with_an_empty_database_fills_it() {
    let url = crate::contract::private_postgres::store();
    let (one, two) = (open_shared(&url).await, open_shared(&url).await);
    let orgs: [Org; 2] = [crate::contract::org(ACME), crate::contract::org(OTHER)];
    let (ada, eve) = (account(ADA, "admin"), account(UserId::from_bits(12), "admin"));
    let (ada, eve, entry) = ([ada], [eve], entry(0));
    let (first, second) = tokio::join!(one.found(&orgs, &ada, &entry), two.found(&orgs, &eve, &entry));
    assert!(
        matches!(
            (&first, &second),
            (Ok(()), Err(StoreError::Conflict)) | (Err(StoreError::Conflict), Ok(()))
        ),
        "{first:?} {second:?}"
    );
}
