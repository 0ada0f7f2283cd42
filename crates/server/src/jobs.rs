//! What happens without being asked: keys are read again and replaced, the record is signed, what is over is forgotten.

use crate::app::App;
use domain::access;
use domain::audit::seal;
use domain::store::StoreError;
use domain::{Operator, keyring, once, revocation, session};
use futures_util::FutureExt;
use std::panic::AssertUnwindSafe;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

/// How soon a key that another process made is used here.
const LOOK: Duration = Duration::from_secs(2);

/// The same where that process is another node, of which the store hears anyway: asking costs nothing.
const LOOK_AMONG_NODES: Duration = Duration::from_millis(100);

/// How often what waits to be recorded is written, and signed if it is time; a crash loses no more of it.
const TEND: Duration = Duration::from_secs(1);

/// How often what is over is forgotten.
const SWEEP: Duration = Duration::from_secs(60);

/// Does the jobs for as long as the service runs.
pub async fn run(app: App, operator: Operator) {
    let look = app.store.news_age().map_or(LOOK, |_| LOOK_AMONG_NODES);
    let (mut look, mut tend, mut sweep) = (interval(look), interval(TEND), interval(SWEEP));
    for clock in [&mut look, &mut tend, &mut sweep] {
        clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    }
    let mut seen = None;
    loop {
        let job = async {
            tokio::select! {
                _ = look.tick() => refresh_keys(&app, &mut seen).await,
                _ = tend.tick() => seal::tend(&app.cx).await,
                _ = sweep.tick() => tidy(&app, &operator).await,
            }
        };
        // A panic has been logged by the hook; the jobs after it must not be lost with it.
        if let Ok(Err(error)) = AssertUnwindSafe(job).catch_unwind().await {
            tracing::warn!(%error, "a background job was not done; it is tried again");
        }
    }
}

async fn refresh_keys(app: &App, seen: &mut Option<i64>) -> Result<(), StoreError> {
    let now = app.store.changes_elsewhere().await?;
    if *seen != Some(now) {
        keyring::refresh(&app.cx).await?;
        *seen = Some(now);
    }
    Ok(())
}

/// Replaces a key that is due, and forgets what is over.
pub async fn tidy(app: &App, operator: &Operator) -> Result<(), StoreError> {
    if keyring::is_due(&app.cx)
        && let Some(kid) = keyring::rotate_when_due(&app.cx, access::may_rotate_keys(operator)).await?
    {
        tracing::info!(kid, "a new signing key is in use");
    }
    keyring::forget(&app.cx).await?;
    once::forget(&app.cx).await?;
    revocation::forget(&app.cx).await?;
    seal::tend(&app.cx).await?;
    seal::cut(&app.cx).await?;
    session::forget(&app.cx).await
}
