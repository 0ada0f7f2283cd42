//! Sign-ins with a password at each door, beside bare hashes.

use std::time::Duration;

use crate::gauge::{self, repeating};
use crate::load::Script;
use crate::place::{CONNECTIONS, Door, user};
use crate::report::{Row, ms, progress};
use crate::run::{Aim, Run};
use crate::server_process::ServerProcess;

/// Each door under load, then one connection alone.
pub async fn measure(process: &ServerProcess, run: &mut Run<'_>) -> anyhow::Result<()> {
    let doors = [
        ("T1.v1", "password sign-in, v1", Door::V1),
        ("T1.v2", "password sign-in, v2", Door::V2),
        ("T1.v3", "password sign-in, v3", Door::V3),
    ];
    for (id, what, door) in doors {
        progress(what);
        let aim = Aim { id, what, limit: run.limits.hash.per_cpu_second, least: 0.95 };
        let gauged = gauge::both(process, what, run.duration, || everybody(door)).await?;
        run.reached(aim, &gauged);
    }
    let what = "password sign-in, 1 connection, p99";
    progress(what);
    let alone = vec![repeating(&Door::V1.sign_in(&user(0))?)];
    let gauged = gauge::closed(process, what, run.duration, alone).await?;
    let (hash, flush) = (run.limits.hash.spread.percentile(0.99), run.limits.flush.spread.percentile(0.5));
    let most = hash + flush * 3 / 2 + Duration::from_millis(1);
    let mut row = Row::at_most("T1.p99", what, "ms", (ms(gauged.timing.p99), ms(most)));
    row.timing = Some(gauged.timing);
    run.report.rows.push(row);
    Ok(())
}

/// Each connection is one user.
fn everybody(door: Door) -> anyhow::Result<Vec<Script>> {
    (0..CONNECTIONS).map(|number| Ok(repeating(&door.sign_in(&user(number))?))).collect()
}
