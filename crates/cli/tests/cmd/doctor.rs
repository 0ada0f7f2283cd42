//! `latchkey doctor`: transcripts against hosts that are well and hosts that are not.

use crate::client::world::{PASSWORD, Told, World};
use crate::upstream::{head, listen};
use std::io::{Read, Write};
use std::net::TcpListener;

const NOBODY: &str = "warn  account  etl.robot has not signed in on this machine; run `latchkey login`\n";

/// Examines a host whose address is printed as `HOST`.
fn examine(world: &World, url: &str) -> Told {
    let mut command = world.job(PASSWORD, &["doctor"]);
    command.env("LATCHKEY_URL", url);
    let told = world.told(command);
    let (scheme, host) = url.split_once("://").expect("a URL");
    Told {
        out: told
            .out
            .replace("URL", &format!("{scheme}://HOST"))
            .replace(host, "HOST")
            .replace(world.service.url.trim_start_matches("http://"), "HOST"),
        ..told
    }
}

/// The lines down to the connection, and what is said of the host.
fn reached(clock: &str, host: &str) -> String {
    format!(
        "ok    address  http://HOST\nok    proxy    none\nok    dns      127.0.0.1 is 127.0.0.1\nok    tcp      HOST accepts connections\nok    tls      not used\n{clock}{host}{NOBODY}"
    )
}

/// A host that answers everything like this.
fn answering(answer: &'static str) -> String {
    let (url, heard) = listen(move |mut stream| {
        // The first connection only looks whether there is one.
        let head = head(&mut stream);
        let _body = stream.read(&mut [0; 2]);
        let _gone = stream.write_all(answer.as_bytes());
        head
    });
    // Nobody listens to what it hears.
    std::mem::forget(heard);
    url
}

#[test]
fn a_host_that_is_well() {
    let world = World::new();
    let all = reached("ok    clock    agrees with the host's\n", "ok    host     it takes sign-ins\n");
    examine(&world, &world.service.url.clone()).is(0, &all, "");
    assert_eq!(world.counted(), (0, 0));
    world.log_in();
    let signed_in = all.replace(NOBODY, "ok    account  etl.robot is signed in until TIME\n");
    examine(&world, &world.service.url.clone()).is(0, &signed_in, "");
}

#[test]
fn a_host_whose_authority_nobody_knows() {
    let world = World::with_tls();
    let told = examine(&world, &world.service.url.clone());
    let reached = "ok    address  URL\nok    proxy    none\nok    dns      127.0.0.1 is 127.0.0.1\nok    tcp      HOST accepts connections\n";
    let tls = "fail  tls      invalid peer certificate: UnknownIssuer; name your company's authority with --cacert if it has one of its own\n";
    let all = format!("{reached}{tls}{NOBODY}").replace("URL", "https://HOST");
    told.is(3, &all, "error: one thing keeps you from signing in\n");
    let mut command = world.job(PASSWORD, &["doctor"]);
    command.env("LATCHKEY_CACERT", "authority.pem");
    let told = world.told(command);
    assert_eq!((told.code, told.err.as_str()), (Some(0), ""));
    assert!(told.out.contains("ok    tls      the certificate is good\n"), "{}", told.out);
}

#[test]
fn a_port_where_nobody_listens() {
    let world = World::new();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    drop(listener);
    examine(&world, &url).is(
        3,
        &format!("ok    address  http://HOST\nok    proxy    none\nok    dns      127.0.0.1 is 127.0.0.1\nfail  tcp      HOST accepts no connection; check the port, the firewall and whether the host is up\n{NOBODY}"),
        "error: one thing keeps you from signing in\n",
    );
}

#[test]
fn a_web_page_in_the_place_of_a_login_host() {
    let world = World::new();
    let url = answering("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<html>");
    examine(&world, &url).is(
        1,
        &reached(
            "warn  clock    the host says no time; compare the clocks by hand\n",
            "fail  host     a web page answers (200); this is no login host, or a proxy's page\n",
        ),
        "error: one thing keeps you from signing in\n",
    );
}

#[test]
fn a_host_of_another_time() {
    let world = World::new();
    let url = answering(
        "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nDate: Sat, 01 Jan 2000 00:00:00 GMT\r\nConnection: close\r\n\r\n{\"error\":{}}",
    );
    let told = examine(&world, &url);
    assert_eq!((told.code, told.err.as_str()), (Some(0), ""));
    let clock = told.out.lines().find(|line| line.contains(" clock ")).expect("a line about the clock");
    assert!(clock.starts_with("warn  clock    "), "{clock}");
    assert!(
        clock
            .ends_with(" minutes ahead of the host's; set the clock; tokens look expired or early to others"),
        "{clock}"
    );
}

#[test]
fn a_password_that_was_refused() {
    let world = World::new();
    assert_eq!(world.run_job("wrong", &["token"]).code, Some(1));
    let told = examine(&world, &world.service.url.clone());
    assert_eq!((told.code, told.err.as_str()), (Some(1), "error: one thing keeps you from signing in\n"));
    let line = told.out.lines().last().expect("a line about the account");
    assert_eq!(
        line,
        "fail  account  the password of etl.robot was refused at TIME (IDS_085); run `latchkey login` with the right one; it is not sent again by itself"
    );
    assert_eq!(world.counted(), (1, 0));
}
