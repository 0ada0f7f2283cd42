//! A line that says what is waited for: on a terminal and after a second, and never in a pipe.

use crate::client::world::{PASSWORD, World};
use crate::upstream::{head, listen, on_terminal};
use std::io::Read;
use std::sync::mpsc;

#[test]
fn a_terminal_is_told_what_takes_long_and_a_pipe_is_not() {
    let world = World::new();
    // A login host that says nothing until both have come and gone.
    let (url, came) = listen(|mut stream| {
        head(&mut stream);
        stream
    });
    let token = |state: &str| {
        let mut command = world.job(PASSWORD, &["token"]);
        command.env("LATCHKEY_URL", &url).env("LATCHKEY_STATE_DIR", world.path().join(state));
        command
    };
    let piped = token("piped").spawn().expect("the tool can be started");
    let waits_too = came.recv().expect("a request");
    let mut shown = on_terminal(&token("shown")).spawn().expect("script can be started");
    let waits = came.recv().expect("a request");
    let mut screen = shown.stdout.take().expect("the output is piped");
    let (sender, receiver) = mpsc::channel();
    let reader = std::thread::spawn(move || {
        let (mut text, mut part) = (String::new(), [0; 1024]);
        while let Ok(length @ 1..) = screen.read(&mut part) {
            text.push_str(&String::from_utf8_lossy(&part[..length]));
            let _heard = sender.send(text.contains("waiting for "));
        }
        text
    });
    assert!(receiver.iter().any(|shown| shown), "nothing is shown");
    // By now the other one has waited for longer, for it came first.
    drop((waits, waits_too));
    let told = world.ended(piped);
    assert!(told.code == Some(3) && !told.err.contains("waiting"), "{}", told.err);
    assert_eq!(shown.wait().expect("it has ended").code(), Some(3));
    let text = reader.join().expect("the screen was read");
    assert!(text.contains("error: not signed in to"), "{text}");
}
