//! A standby that lags takes over, and no look fails meanwhile: what the nodes have seen is more than what there is.

use super::{BOUND, until};
use crate::contract::private_postgres::{Server, as_its_user, folder, keep, make, run};
use crate::contract::{ACME, ADA, OTHER, account, at, chained, entry, open_shared, org, proven, session};
use domain::audit::Event;
use domain::store::{Audit, Directory, Health, Sessions};
use std::os::unix::fs::symlink;
use std::path::Path;
use store::Store;
use store::postgres::Settings;
use tokio::time::Instant;

fn url(folder: &Path) -> String {
    format!("postgres:///postgres?host={}&user=latchkey", folder.display())
}

/// A database that has what the other has at this moment, and hears nothing of it afterwards.
fn copy_of(server: &Server) -> Server {
    let folder = folder();
    let mut copy = as_its_user(&server.programs.join("pg_basebackup"));
    copy.arg("--pgdata").arg(folder.join("data")).arg("--host").arg(&server.folder);
    copy.args(["--username=latchkey", "--checkpoint=fast", "--no-sync"]);
    run(copy);
    keep(folder, "")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_standby_has_ended_is_refused_although_it_has_fewer_entries() {
    let before = folder();
    make(&before);
    let before = keep(before, "");
    let links = tempfile::tempdir().unwrap();
    let place = links.path().join("now");
    symlink(&before.folder, &place).unwrap();
    let settings = Settings { name: Some("far"), ..Settings::of(url(&place).parse().unwrap()) };
    let (near, far) =
        (open_shared(&url(&before.folder)).await, Store::open_shared(&settings, at(0)).await.unwrap());
    near.found(&[org(ACME), org(OTHER)], &[account(ADA, "Ada")], &entry(0)).await.unwrap();
    let session = session(1, ACME, 0);
    near.open_session(&session, &proven(), &entry(0)).await.unwrap();
    near.last_entry().await.unwrap();
    let after = copy_of(&before);
    for minute in 0..50 {
        near.record(&entry(minute)).await.unwrap();
    }
    let seen = chained(&near).await;
    is_current(&far).await;
    assert!(far.live(&session.digest).await.unwrap().is_some());

    let standby = open_shared(&url(&after.folder)).await;
    let out = Event::SignedOut { user: ADA, org: ACME, session: session.digest.into() };
    standby.end_session(&session, &out.at(at(1))).await.unwrap();
    assert!(chained(&standby).await < seen, "what ended it has a number that was another's");
    std::fs::remove_file(&place).unwrap();
    symlink(&after.folder, &place).unwrap();
    // Whoever was connected is connected anew at the next look, which finds the other database.
    let far_ones = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'far'";
    assert!(before.ask(far_ones).starts_with('t'));
    let since = Instant::now();
    until("a session that was ended", async || matches!(far.live(&session.digest).await, Ok(None))).await;
    assert!(since.elapsed() < BOUND, "{:?}", since.elapsed());
}

/// Waits until a node has news that are younger than this moment.
async fn is_current(node: &Store) {
    let since = Instant::now();
    until("nothing is heard", async || node.news_age().is_some_and(|age| age < since.elapsed())).await;
}
