//! More sign-ins than can be hashed: refused at once, served by turns, and left without a trace.

use crate::world::{Door, World};
use domain::attempts::{Attempts, Counters, Tried};
use domain::name::CanonicalName;
use domain::network::Network;
use domain::store::AttemptCounters;
use futures_util::future::join_all;
use server::config::Config;
use std::future::IntoFuture;

const BUSY: &str = r#"429 [retry-after: 1] {"error":{"code":"LK_BUSY","message":"Too many sign-ins at once. Try again in a moment.","requestId":"$request","details":null}}"#;

/// Ada of one org and bob of another have signed in here; then the only thread begins a hash of this bcrypt cost.
async fn occupied(cost: u32, settings: impl FnOnce(&mut Config)) -> World {
    let slow = format!("$2b${cost}$abcdefghijklmnopqrstuud/5IuQmqhVO0kfNEbHJM.fJkPiliBzC");
    let seed = format!(
        "[[org]]\nname = \"A\"\n[[org.user]]\nname = \"ada\"\npassword = \"correct horse\"\n\
         [[org]]\nname = \"B\"\n[[org.user]]\nname = \"bob\"\npassword = \"battery staple\"\n\
         [[org]]\nname = \"C\"\n[[org.user]]\nname = \"slow\"\npassword_hash = \"{slow}\""
    );
    let world = World::set_up(&seed, |config| {
        config.password.threads = 1;
        settings(config);
    })
    .await;
    world.ada().await;
    world.session(Door::V1, "bob", "battery staple").await;
    tokio::spawn(world.sign_in(Door::V1, "slow", "any").into_future());
    until(|| world.compared() == 3).await;
    world
}

async fn counters(world: &World, name: &str) -> Counters {
    let tried = Tried { name: CanonicalName::of(name).digest(), network: Network::of(None) };
    world.store.attempts(tried).await.unwrap()
}

#[tokio::test]
async fn an_org_that_floods_is_refused_while_another_and_strangers_still_wait_their_turn() {
    let world = occupied(14, |config| config.password.queue = 9).await;
    let before = counters(&world, "ada").await;
    let flood: Vec<_> = (0..30)
        .map(|_| tokio::spawn(world.sign_in(Door::V1, "ada", "correct horse").into_future()))
        .collect();
    let hashes = &world.app.metrics.hashes;
    until(|| hashes.share.get() == 27).await;
    until(|| flood.iter().filter(|sign_in| sign_in.is_finished()).count() == 27).await;
    world.sign_in(Door::V1, "ada", "correct horse").await.is(BUSY);
    let _bob = tokio::spawn(world.sign_in(Door::V1, "bob", "battery staple").into_future());
    let _stranger = tokio::spawn(world.sign_in(Door::V1, "nobody.here", "any").into_future());
    // One of ada's, for a name is compared by as many threads at once as there are; bob; the stranger.
    until(|| hashes.waiting.get() == 3).await;
    let [before, now] = [before, counters(&world, "ada").await].map(|counters| counters.here.unwrap());
    assert_eq!((now.failures, now.pending), (before.failures, before.pending + 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_five_hundred_at_once_each_is_hashed_or_refused_and_nothing_is_left_pending() {
    let world = World::set_up(crate::world::SEED, |config| {
        config.password.queue = 16;
        config.password.memory_kib = 1_024;
        config.lockout.failures_per_address = 0;
    })
    .await;
    let names: Vec<_> = (0..500).map(|number| format!("nobody.{number}")).collect();
    let tries = names.iter().map(|name| tokio::spawn(world.sign_in(Door::V1, name, "wrong").into_future()));
    let answers = join_all(tries.collect::<Vec<_>>()).await;
    let (mut refused, mut busy) = (0, 0);
    for (name, answer) in names.iter().zip(answers) {
        let counted = counters(&world, name).await;
        if answer.unwrap().status == 429 {
            busy += 1;
            assert_eq!(counted, Counters::default(), "{name}");
        } else {
            refused += 1;
            let Attempts { failures, pending, .. } = counted.here.unwrap();
            assert_eq!((failures, pending), (1, 0), "{name}");
        }
    }
    assert_eq!((refused, refused + busy), (world.compared(), 500));
    assert!(refused >= 3, "{refused}");
}

#[tokio::test]
async fn nobody_hashes_for_whoever_hung_up_and_no_attempt_is_left() {
    let world = occupied(10, |_| {}).await;
    world.hang_up(world.sign_in(Door::V1, "ada", "wrong")).await;
    until(|| world.app.metrics.hashes.gone.get() == 1).await;
    assert_eq!(world.compared(), 3);
    loop {
        let here = counters(&world, "ada").await.here.unwrap();
        if here.pending == 0 {
            break assert_eq!(here.failures, 0);
        }
        tokio::task::yield_now().await;
    }
}

/// Lets the others go on until something has come about.
async fn until(is_so: impl Fn() -> bool) {
    while !is_so() {
        tokio::task::yield_now().await;
    }
}
