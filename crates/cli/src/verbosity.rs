//! `-v`: what our own crates do, told on stderr; libraries may put headers into their log, so they stay silent.

use crate::print;
use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Tells more the more often `-v` was given; without it nothing is set up.
pub fn speak(times: u8) {
    let level = match times {
        0 => return,
        1 => Level::INFO,
        2 => Level::DEBUG,
        _ => Level::TRACE,
    };
    let ours = Targets::new().with_target("client", level).with_target("latchkey", level);
    let lines = tracing_subscriber::fmt::layer().without_time().with_target(false).with_ansi(false);
    let told = tracing_subscriber::registry().with(lines.with_writer(print::notes)).with(ours);
    // Whoever listens already hears the same.
    let _listens = told.try_init();
}
