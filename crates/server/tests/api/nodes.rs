//! Nodes over one PostgreSQL database: whatever one of them takes away, the other refuses within a second.

use crate::audit::{record, verify};
use crate::bystander::Bystander;
use crate::clients::{made, text};
use crate::private_postgres;
use crate::world::{Door, Question, World, minutes};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use domain::store::{Audit, Health};
use http::Method;
use std::time::Duration;
use tokio::time::{Instant, timeout};

const ACME: &str = "5mYdXw9KcJhaf3LrN8pQ2v";

/// How soon every node knows.
const BOUND: Duration = Duration::from_secs(1);

/// The node where everything happens, and the other one, which hears of it.
struct Nodes {
    here: World,
    there: World,
    ada: String,
}

impl Nodes {
    async fn new() -> Self {
        let (here, there) = World::two_nodes().await;
        let ada = here.ada().await;
        Self { here, there, ada }
    }

    /// Asks the other node until it refuses what it took before.
    async fn is_refused(&self, what: &str, question: impl Fn() -> Question) {
        let since = Instant::now();
        let refused = timeout(10 * BOUND, async {
            while question().await.status != 401 {
                drop(timeout(Duration::from_millis(5), std::future::pending::<()>()).await);
            }
        });
        assert!(refused.await.is_ok() && since.elapsed() < BOUND, "{what}: after {:?}", since.elapsed());
    }

    /// The other node takes it, from memory: it has heard of everything that happened until now.
    async fn is_taken(&self, what: &str, question: impl Fn() -> Question) {
        let since = Instant::now();
        let heard = timeout(10 * BOUND, async {
            while self.there.store.news_age().is_none_or(|age| age >= since.elapsed()) {
                drop(timeout(Duration::from_millis(5), std::future::pending::<()>()).await);
            }
        });
        assert!(heard.await.is_ok(), "{what}: nothing is heard");
        for _ in 0..2 {
            let answer = question().await;
            assert_eq!(answer.status, 200, "{what}: {answer}");
        }
    }

    /// What was good at the other node is refused there once this node has done it.
    async fn ends(&self, what: &str, question: impl Fn() -> Question, act: Question) {
        self.is_taken(what, &question).await;
        let done = act.await;
        assert!(done.status.is_success(), "{what}: {done}");
        self.is_refused(what, question).await;
    }

    fn act(&self, method: Method, path: &str, body: &str) -> Question {
        self.here.ask(method, path).header("IDS-SESSION-ID", &self.ada).json(body)
    }

    async fn bob(&self) -> String {
        self.here.session(Door::V1, "bob", "battery staple").await
    }

    fn gate<'a>(&'a self, session: &'a str) -> impl Fn() -> Question + 'a {
        move || self.there.get("/gate").header("IDS-SESSION-ID", session)
    }

    fn gate_by_token<'a>(&'a self, token: &'a str) -> impl Fn() -> Question + 'a {
        move || self.there.get("/gate").bearer(token)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_that_end_on_one_node_are_refused_by_the_other() {
    let nodes = Nodes::new().await;
    let session = nodes.bob().await;
    let out = nodes.here.post("/identity-service/api/v1/Logout").header("IDS-SESSION-ID", &session);
    nodes.ends("a session that its holder ended", nodes.gate(&session), out).await;
    let (session, bob) = (nodes.bob().await, nodes.here.account("bob").await.user.id.base62());
    let token = nodes.here.token(&session).await;
    nodes.is_taken("a token", nodes.gate_by_token(&token)).await;
    let path = format!("/saas/public/core/v3/users/{bob}");
    let disable = nodes.act(Method::PATCH, &path, r#"{"state":"Inactive"}"#);
    nodes.ends("a session of a user who was disabled", nodes.gate(&session), disable).await;
    nodes.is_refused("a token of a user who was disabled", nodes.gate_by_token(&token)).await;
    assert!(nodes.act(Method::PATCH, &path, r#"{"state":"Active"}"#).await.status.is_success());
    nodes.here.later(Duration::from_secs(1));
    let session = nodes.bob().await;
    let token = nodes.here.token(&session).await;
    nodes.is_taken("a token", nodes.gate_by_token(&token)).await;
    let body = serde_json::json!({"userId": bob, "newPassword": "a better one"}).to_string();
    let give = nodes.act(Method::POST, "/saas/public/core/v3/users/ChangePassword", &body);
    nodes.ends("a session whose password was changed", nodes.gate(&session), give).await;
    nodes.is_refused("a token from before a password was changed", nodes.gate_by_token(&token)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_programs_hold_and_lose_on_one_node_is_refused_by_the_other() {
    let nodes = Nodes::new().await;
    let body = r#"{"name":"Nightly loads","roles":["Admin"],"tokenMinutes":60}"#;
    let client = made(&nodes.here, &nodes.ada, body).await;
    let (id, secret) = (text(&client, "/id"), text(&client, "/secret"));
    let basic = format!("Basic {}", BASE64_STANDARD.encode(format!("{id}:{secret}")));
    let asks = |path: &str, body: String| {
        let form = [("Content-Type", "application/x-www-form-urlencoded"), ("Authorization", basic.as_str())];
        nodes.here.post(path).headers(form).body(body)
    };
    let new = async || {
        let token = asks("/authz-service/oauth/token", "grant_type=client_credentials".into()).await;
        text(&token, "/access_token")
    };
    let orgs = |token: String| {
        let there = &nodes.there;
        move || there.get("/latchkey/v1/orgs").bearer(&token)
    };
    let token = new().await;
    let withdraw = asks("/authz-service/oauth/revoke", format!("token={token}"));
    nodes.ends("a token that was withdrawn", orgs(token), withdraw).await;
    let (token, secret_id) = (new().await, text(&client, "/secrets/0/id"));
    assert!(
        nodes.act(Method::POST, &format!("/latchkey/v1/clients/{id}/secrets"), "").await.status.is_success()
    );
    let remove = nodes.act(Method::DELETE, &format!("/latchkey/v1/clients/{id}/secrets/{secret_id}"), "");
    nodes.ends("a token of a secret that was removed", orgs(token), remove).await;

    let made = nodes.act(Method::POST, "/saas/public/core/v3/scimTokens", "{}").await;
    let (scim, id) = (text(&made, "/token"), text(&made, "/id"));
    let users = || nodes.there.get("/scim-service/v2/Users").bearer(&scim);
    let remove = nodes.act(Method::DELETE, &format!("/saas/public/core/v3/scimTokens/{id}"), "");
    nodes.ends("a SCIM token that was removed", users, remove).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn orgs_that_one_node_narrows_or_removes_the_other_holds_to_that() {
    let nodes = Nodes::new().await;
    let sub = nodes.act(Method::POST, "/latchkey/v1/orgs", r#"{"name":"Acme Books"}"#).await;
    let sub = text(&sub, "/id");
    let body = r#"{"name":"Their loads","roles":["Admin"],"tokenMinutes":60}"#;
    let client = nodes.act(Method::POST, &format!("/latchkey/v1/orgs/{sub}/clients"), body).await;
    let basic = BASE64_STANDARD.encode(format!("{}:{}", text(&client, "/id"), text(&client, "/secret")));
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    let token = nodes.here.post("/authz-service/oauth/token").headers(form);
    let token =
        token.header("Authorization", &format!("Basic {basic}")).body("grant_type=client_credentials");
    let token = text(&token.await, "/access_token");
    let orgs = || nodes.there.get("/latchkey/v1/orgs").bearer(&token);
    let remove = nodes.act(Method::DELETE, &format!("/latchkey/v1/orgs/{sub}"), "");
    nodes.ends("a token of an org that was removed", orgs, remove).await;

    let session = nodes.bob().await;
    let elsewhere = || nodes.gate(&session)().from("198.51.100.7");
    let path = format!("/latchkey/v1/orgs/{ACME}/policy");
    let narrow = nodes.act(Method::PATCH, &path, r#"{"trustedIpRanges":["192.0.2.0/24"]}"#).from("192.0.2.1");
    nodes.ends("an address that is trusted no more", elsewhere, narrow).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_a_key_that_another_node_made_is_good_once_this_one_has_looked() {
    let nodes = Nodes::new().await;
    let session = nodes.bob().await;
    let old = nodes.here.token(&session).await;
    nodes.is_taken("a token of a key that was never read here", nodes.gate_by_token(&old)).await;
    // Whoever invents a key makes this node look once, and then not for a while.
    nodes.here.later(Duration::from_secs(1));
    let (_, rest) = old.split_once('.').unwrap();
    let invented = format!("{}.{rest}", BASE64_STANDARD.encode(r#"{"kid":"nobody's"}"#));
    for _ in 0..3 {
        assert_eq!(nodes.there.get("/gate").bearer(&invented).await.status, 401);
    }
    nodes.here.rotate_keys().await;
    let new = nodes.here.token(&session).await;
    assert_eq!(nodes.there.get("/gate").bearer(&new).await.status, 401, "it looked a moment ago");
    nodes.here.later(Duration::from_millis(200));
    let mut all = Vec::new();
    for _ in 0..50 {
        let gate = nodes.there.get("/gate").bearer(&new);
        all.push(tokio::spawn(async move { gate.await.status.as_u16() }));
    }
    for one in all {
        assert_eq!(one.await.unwrap(), 200, "those who come while it looks wait for that");
    }
    assert_eq!(nodes.there.get("/gate").bearer(&old).await.status, 200);
}

const LOCK_KEYS: &str = "BEGIN; LOCK TABLE signing_key IN ACCESS EXCLUSIVE MODE";

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_invented_keys_at_once_are_looked_for_once() {
    let url = private_postgres::store();
    let (here, there) = World::nodes_over(&url).await;
    let nodes = Nodes { ada: here.ada().await, here, there };
    let session = nodes.bob().await;
    let old = nodes.here.token(&session).await;
    nodes.is_taken("a token of a key that was never read here", nodes.gate_by_token(&old)).await;
    let (_, rest) = old.split_once('.').unwrap();
    let asked = |numbers: std::ops::Range<u32>| -> Vec<_> {
        let ask = |number: u32| {
            let header = BASE64_STANDARD.encode(format!(r#"{{"kid":"{number}"}}"#));
            let gate = nodes.there.get("/gate").bearer(&format!("{header}.{rest}"));
            tokio::spawn(async move { gate.await.status.as_u16() })
        };
        numbers.map(ask).collect()
    };
    let [mut holder, mut next, mut watcher] = [(); 3].map(|()| Bystander::at(&url));

    // Whoever goes away while it looks has looked: those after it are answered although the keys cannot be read.
    nodes.here.later(Duration::from_secs(1));
    holder.does(LOCK_KEYS);
    let first = asked(0..1).remove(0);
    watcher.sees_waiting(1).await;
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    for one in asked(1..500) {
        assert_eq!(timeout(10 * BOUND, one).await.expect("it does not look").unwrap(), 401);
    }
    holder.does("COMMIT");
    watcher.sees_waiting(0).await;

    // Somebody stands right behind the one that looks, and would let nobody else look.
    nodes.here.later(Duration::from_secs(1));
    holder.does(LOCK_KEYS);
    let all = asked(0..500);
    watcher.sees_waiting(1).await;
    next.asks(LOCK_KEYS);
    watcher.sees_waiting(2).await;
    holder.does("COMMIT");
    for one in all {
        assert_eq!(timeout(10 * BOUND, one).await.expect("one look is for all").unwrap(), 401);
    }
    next.hears();
    next.does("COMMIT");

    // A key that was made meanwhile is found when the pause is over, however many invent keys.
    nodes.here.rotate_keys().await;
    let new = nodes.here.token(&session).await;
    nodes.here.later(Duration::from_millis(200));
    let invented = asked(0..500);
    assert_eq!(nodes.there.get("/gate").bearer(&new).await.status, 200);
    for one in invented {
        assert_eq!(one.await.unwrap(), 401);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_is_let_go_whole_is_verified_from_its_cut() {
    let url = private_postgres::store();
    let world = World::shared(&url, |config| config.audit.retention_days = 30).await;
    let tidy = async || server::jobs::tidy(&world.app, &world.operator).await.unwrap();
    world.ada().await;
    tidy().await;
    let (last, _) = world.store.last_entry().await.unwrap().unwrap();
    // Nobody comes for a month.
    world.later(minutes(31 * 24 * 60));
    tidy().await;
    let verdict = verify(&record(&world).await).unwrap();
    assert_eq!(verdict.start.map(|start| (start.seq, start.kind.word())), Some((last, "cut")));
    assert_eq!(verdict.last, last + 1, "what says that they were cut is numbered after them");
    world.ada().await;
    tidy().await;
    assert!(verify(&record(&world).await).unwrap().last > last + 1);
}
