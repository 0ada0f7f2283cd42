//! Start, memory and size, on a data folder that exists.

use std::fs;

use anyhow::ensure;
use http::StatusCode;
use http_body_util::Full;

use crate::load::{Client, Spread};
use crate::place::{Place, get};
use crate::report::{Row, mb, ms, progress};
use crate::run::Run;

/// From the fork to the first 200, the median of several starts.
pub async fn measure(place: &Place<'_>, run: &mut Run<'_>) -> anyhow::Result<()> {
    progress("starts");
    let mut took = Spread::default();
    let mut resident = 0;
    for _ in 0..run.settings.starts() {
        let process = place.start(&[])?;
        let ready = get("/readyz").body(Full::default())?;
        let (status, _) = Client::connect(process.address()).await?.ask(ready).await?;
        took.add(process.age());
        ensure!(status == StatusCode::OK, "/readyz answered {status}");
        resident = resident.max(process.resident()?);
        ensure!(process.end()?.success(), "the server did not end cleanly");
    }
    let size = fs::metadata(place.server)?.len();
    run.report.rows.extend([
        Row::at_most("T7.start", "start to first 200", "ms", (ms(took.percentile(0.5)), 20.0)),
        Row::at_most("T7.memory", "idle memory before the first hash", "MB", (mb(resident), 15.0)),
        Row::at_most("T7.binary", "binary", "MB", (mb(size), 25.0)),
    ]);
    Ok(())
}
