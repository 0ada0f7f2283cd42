//! A sign of life on a terminal, for what takes longer than a person expects. A pipe sees nothing of it.

use indicatif::{ProgressBar, ProgressStyle};
use std::future::Future;
use std::io::IsTerminal;
use std::pin::pin;
use std::time::Duration;

/// Nobody wonders before this.
const PATIENCE: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_millis(120);

/// Waits for a story, and says what for when it takes over a second.
pub async fn while_waiting<T>(what: &str, story: impl Future<Output = T>) -> T {
    let mut story = pin!(story);
    if !std::io::stderr().is_terminal() {
        return story.await;
    }
    tokio::select! {
        done = &mut story => return done,
        () = tokio::time::sleep(PATIENCE) => {}
    }
    let line = ProgressBar::new_spinner().with_message(what.to_owned());
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
        line.set_style(style);
    }
    line.enable_steady_tick(TICK);
    let done = story.await;
    line.finish_and_clear();
    done
}

/// A bar over so many bytes; a pipe sees nothing of it.
pub fn bar(length: u64) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = if length == 0 { ProgressBar::new_spinner() } else { ProgressBar::new(length) };
    let shape =
        if length == 0 { "{spinner} {msg} ({elapsed})" } else { "{wide_bar} {percent}% {msg} ({elapsed})" };
    if let Ok(style) = ProgressStyle::with_template(shape) {
        bar.set_style(style);
    }
    bar.enable_steady_tick(TICK);
    bar
}
