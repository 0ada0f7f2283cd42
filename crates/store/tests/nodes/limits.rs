//! A database that takes too long, and more requests than there are connections: refused in time, and good again after.

use super::until;
use crate::contract::{ACME, World, at, entry, proven, session};
use domain::store::{Directory, Sessions, StoreError};
use std::sync::Arc;
use std::time::Duration;
use store::Store;
use store::postgres::Settings;
use tokio::time::Instant;
use tokio_postgres::NoTls;

fn said(answer: Result<Option<Arc<domain::org::Org>>, StoreError>) -> String {
    match answer {
        Err(StoreError::Unavailable(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_is_given_up_and_a_full_pool_refuses_and_both_are_good_again() {
    let world = World::new().await;
    let url = world.database.as_deref().unwrap();
    let settings = Settings {
        connections: 2,
        wait: Duration::from_millis(200),
        statement: Duration::from_secs(2),
        tries: 1,
        ..Settings::of(url.parse().unwrap())
    };
    let node = Arc::new(Store::open_shared(&settings, at(0)).await.unwrap());
    let config: tokio_postgres::Config = url.parse().unwrap();
    let (holder, line) = config.connect(NoTls).await.unwrap();
    tokio::spawn(line);
    // Within one transaction the activity of others looks as it did at the first look.
    let (watcher, line) = config.connect(NoTls).await.unwrap();
    tokio::spawn(line);
    holder.batch_execute("BEGIN; LOCK TABLE org IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let begun = Instant::now();
    let asked: Vec<_> = (0..2)
        .map(|_| {
            let node = Arc::clone(&node);
            tokio::spawn(async move { node.org(ACME).await })
        })
        .collect();
    let waiting = "SELECT 1 FROM pg_stat_activity WHERE usename = current_user AND wait_event_type = 'Lock'";
    until("both connections wait for the lock", async || {
        watcher.query(waiting, &[]).await.unwrap().len() == 2
    })
    .await;
    assert_eq!(said(node.org(ACME).await), "too many requests are waiting for the database");
    for one in asked {
        let why = said(one.await.unwrap());
        assert!(why.contains("timeout"), "{why}");
    }
    assert!(begun.elapsed() >= settings.statement);
    holder.batch_execute("COMMIT").await.unwrap();
    assert!(node.org(ACME).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_user_may_sign_in_many_times_at_once_on_two_nodes() {
    let world = World::new().await;
    let nodes = [Arc::new(world.another().await), Arc::new(world.another().await)];
    let opened: Vec<_> = (0..100_u8)
        .map(|number| {
            let node = Arc::clone(&nodes[usize::from(number % 2)]);
            let session = session(number + 1, ACME, 0);
            tokio::spawn(async move { node.open_session(&session, &proven(), &entry(0)).await })
        })
        .collect();
    for one in opened {
        assert_eq!(one.await.unwrap(), Ok(()));
    }
}
