//! The only place that writes to stdout and stderr. Data goes to stdout, everything else to stderr.

use std::io::Write;

/// One line of data.
pub fn line(text: &str) {
    let mut out = anstream::stdout().lock();
    // A reader that went away is no failure of ours.
    let _gone = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// A text for the person at the terminal.
pub fn note(text: &str) {
    let mut err = anstream::stderr().lock();
    let _gone = writeln!(err, "{text}").and_then(|()| err.flush());
}

/// Where whatever is for the person at the terminal goes.
pub fn notes() -> impl Write {
    anstream::stderr()
}

/// A question that is answered on the same line.
pub fn ask(text: &str) {
    let mut err = anstream::stderr().lock();
    let _gone = write!(err, "{text}").and_then(|()| err.flush());
}
