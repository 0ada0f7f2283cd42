//! Transcripts: what each command prints where, and how it ends.

use super::world::{PASSWORD, World};
use serde_json::Value;
use std::fs;

const STATUS: &str = "profile  default\nhost     URL\nuser     etl.robot\n";

#[test]
fn somebody_new_is_told_what_to_do() {
    let world = World::new();
    for command in
        [&["token"][..], &["session"], &["status"], &["exec", "true"], &["logout"], &["verify", "x"]]
    {
        world.run(command).is(
            2,
            "",
            "error: there is no profile default\nhint: run `latchkey login --region REGION -u USER`, or set LATCHKEY_URL and LATCHKEY_USERNAME\n",
        );
    }
    let url = world.service.url.clone();
    world.run(&["login", "--url", &url]).is(
        2,
        "",
        "error: no user name is known\nhint: name it with -u or in LATCHKEY_USERNAME\n",
    );
    world.run(&["login", "--url", &url, "-u", "etl.robot"]).is(
        1,
        "",
        "error: not signed in to URL\n  caused by: no password\n  caused by: no password was given: none is remembered\nhint: run `latchkey login`, or set LATCHKEY_PASSWORD\n",
    );
    world.run(&["token", "--region", "eu", "-u", "a"]).is(
        2,
        "",
        "error: there is no region eu\nhint: `latchkey region list` shows the regions; --url names another login host\n",
    );
}

#[test]
fn after_a_login_everything_is_at_hand() {
    let world = World::new();
    world.log_in();
    let session = world.run(&["session"]);
    assert_eq!((session.code, session.err.as_str(), session.out.lines().count()), (Some(0), "", 1));
    let before = format!("{STATUS}org      Acme Prod (ORG)\nsession  until TIME\n");
    let status = world.run(&["status"]);
    let org = status.out.split_once('(').and_then(|(_, rest)| rest.split_once(')')).expect("an org").0;
    status.is(0, &before.replace("ORG", org), "");
    let token = world.run(&["token"]);
    assert_eq!((token.code, token.err.as_str(), token.out.matches('.').count()), (Some(0), "", 2));
    let after = format!("{}token    until TIME for idmc_api\n", before.replace("ORG", org));
    world.run(&["status"]).is(0, &after, "");
    world.run(&["logout"]).is(0, "", "signed out of URL as etl.robot\n");
    let nobody = "error: not signed in to URL\nhint: run `latchkey login`\n";
    world.run(&["status"]).is(1, &format!("{STATUS}session  none\n"), nobody);
    world.run(&["logout"]).is(0, "", "forgot URL as etl.robot: there was no session to end\n");
    world.run(&["token"]).is(
        1,
        "",
        "error: not signed in to URL\n  caused by: no password\n  caused by: no password was given: none is remembered\nhint: run `latchkey login`, or set LATCHKEY_PASSWORD\n",
    );
    assert_eq!(world.counted(), (1, 1));
}

#[test]
fn a_credential_has_the_shape_that_is_asked_for() {
    let world = World::new();
    world.log_in();
    let of = |command: &str, format: &str| world.run(&[command, "--format", format]).out;
    let (id, token) = (of("session", "raw").trim().to_owned(), of("token", "raw").trim().to_owned());
    let json: Value = serde_json::from_str(&of("token", "json")).expect("JSON");
    let org = json["org_id"].as_str().expect("an org");
    assert_eq!(
        json,
        serde_json::json!({"token": token, "login_url": "URL", "user": "etl.robot", "client_id": "idmc_api", "org_id": org, "expires": "TIME"})
    );
    let json: Value = serde_json::from_str(&of("session", "json")).expect("JSON");
    assert_eq!(
        json,
        serde_json::json!({"session_id": id, "login_url": "URL", "base_url": "URL/saas", "user": "etl.robot", "org_id": org, "org_name": "Acme Prod", "expires": "TIME"})
    );
    assert_eq!(of("session", "header"), format!("INFA-SESSION-ID: {id}\n"));
    assert_eq!(of("token", "header"), format!("Authorization: Bearer {token}\n"));
    assert_eq!(
        of("session", "env"),
        format!("IDMC_LOGIN_URL=URL\nIDMC_BASE_URL=URL/saas\nIDMC_ORG_ID={org}\nIDMC_SESSION_ID={id}\n")
    );
    assert_eq!(of("token", "env"), format!("IDMC_LOGIN_URL=URL\nIDMC_ORG_ID={org}\nIDMC_JWT={token}\n"));
    assert_eq!(
        of("session", "curl"),
        format!(
            "header = \"INFA-SESSION-ID: {id}\"\nheader = \"IDS-SESSION-ID: {id}\"\nheader = \"icSessionId: {id}\"\n"
        )
    );
    assert_eq!(
        of("token", "curl"),
        format!(
            "header = \"Authorization: Bearer {token}\"\nheader = \"X-INFA-ORG-ID: {org}\"\nheader = \"IDS-SESSION-ID: {id}\"\n"
        )
    );
}

#[test]
fn a_job_needs_no_login() {
    let world = World::new();
    assert_eq!(world.run_job(PASSWORD, &["token"]).code, Some(0));
    for family in ["v1", "v2", "v3"] {
        let told = world.run_job(PASSWORD, &["session", "--family", family]);
        assert_eq!((told.code, told.err.as_str()), (Some(0), ""));
    }
    assert_eq!(world.counted(), (1, 1));
    assert!(!world.path().join("config").exists());
    let told = world.run_job(PASSWORD, &["token", "--client-id", "other"]);
    assert_eq!((told.code, told.out.as_str()), (Some(1), ""));
    assert!(
        told.err.starts_with("error: no token from URL\n  caused by: no token for this client: "),
        "{}",
        told.err
    );
    assert!(told.err.ends_with("hint: name another client with --client-id\n"), "{}", told.err);
    let long = world.run_job(PASSWORD, &["token", "--min-minutes", "60"]);
    assert_eq!(long.code, Some(0));
    assert!(long.err.starts_with("this login host gives nothing that lasts longer than "), "{}", long.err);
}

#[test]
fn a_token_is_verified_or_the_reason_is_said() {
    let world = World::new();
    world.log_in();
    let token = world.run(&["token"]).out;
    let told = world.run_with(&token, &["verify", "--format", "json", "-"]);
    let said: Value = serde_json::from_str(&told.out).expect("JSON");
    let (user, org) = (said["user_id"].as_str().expect("an id"), said["org_id"].as_str().expect("an id"));
    let text = format!(
        "user     etl.robot ({user})\norg      Acme Prod ({org})\nclient   idmc_api\nissued   TIME\nexpires  TIME\n"
    );
    world.run_with(&token, &["verify", "-"]).is(0, &text, "");
    let url = format!("{}/authz-service/.well-known/jwks.json", world.service.url);
    let keys = ureq::get(&url).call().expect("an answer").body_mut().read_to_string().expect("text");
    fs::write(world.path().join("jwks.json"), keys).expect("the folder can be written");
    let issuer = format!("{}/identity-service", world.service.url);
    for keys in ["jwks.json", &url] {
        let arguments = ["verify", "--profile", "none", "--issuer", &issuer, "--jwks", keys];
        world.run_with(&token, &arguments).is(0, &text, "");
    }
    let (signed, signature) = token.trim().rsplit_once('.').expect("three parts");
    let other = if signature.starts_with('A') { 'B' } else { 'A' };
    let forged = format!("{signed}.{other}{}", signature.split_at(1).1);
    let why = |cause: &str, hint: &str| format!("error: the token is not good\n  caused by: {cause}\n{hint}");
    world.run_with(&forged, &["verify"]).is(1, "", &why("its signature is wrong", ""));
    world.run(&["verify", "x"]).is(1, "", &why("this is no JWT", ""));
    world.run_with(&token, &["verify", "--audience", "me"]).is(
        1,
        "",
        &why("it is for another audience", "hint: name the audience with --audience\n"),
    );
    world.run_with(&token, &["verify", "--issuer", "https://a.example"]).is(
        1,
        "",
        &why(
            "it was issued by URL/identity-service",
            "hint: name the issuer with --issuer, or its login host with --url\n",
        ),
    );
    world.run_with("", &["verify"]).is(
        2,
        "",
        "error: there is no token on stdin\nhint: `latchkey token | latchkey verify -`\n",
    );
    world.run_with(&token, &["verify", "--jwks", "http://a.example/jwks"]).is(
        2,
        "",
        "error: --jwks cannot be used\n  caused by: a login URL begins with https://, except on this machine\n",
    );
}

#[test]
fn a_login_host_that_is_not_there_is_no_refusal() {
    let mut world = World::new();
    world.service.kill();
    let told = world.run_job(PASSWORD, &["token"]);
    assert_eq!((told.code, told.out.as_str()), (Some(3), ""));
    assert!(
        told.err.starts_with("error: not signed in to URL\n  caused by: the login host gave no answer\n"),
        "{}",
        told.err
    );
    assert!(told.err.ends_with("hint: check the address, the network and HTTPS_PROXY\n"), "{}", told.err);
    assert!(!told.err.contains(PASSWORD));
}

#[test]
fn profiles_are_added_listed_and_removed() {
    let world = World::new();
    world.run(&["profile", "list"]).is(0, "", "");
    world.run(&["profile", "add", "prod", "--region", "em", "-u", "ada", "--family", "v2"]).is(0, "", "");
    let url = world.service.url.clone();
    world
        .run(&["profile", "add", "test", "--url", &url, "-u", "etl.robot", "--password-command", "cat pw"])
        .is(0, "", "");
    world.run(&["profile", "list"]).is(
        0,
        "prod  https://dm-em.informaticacloud.com  ada  v2\ntest  URL  etl.robot  v3\n",
        "",
    );
    fs::write(world.path().join("pw"), PASSWORD).expect("the folder can be written");
    assert_eq!(world.run(&["token", "--profile", "test"]).code, Some(0));
    // The profile's password is not for another user.
    let other = world.run(&["token", "--profile", "test", "-u", "somebody"]);
    assert!(other.err.contains("none is remembered"), "{}", other.err);
    world.run(&["profile", "add", "bad", "--region", "eu"]).is(
        2,
        "",
        "error: there is no region eu\nhint: `latchkey region list` shows the regions; --url names another login host\n",
    );
    world.run(&["profile", "remove", "prod"]).is(0, "", "");
    world.run(&["profile", "remove", "prod"]).is(
        1,
        "",
        "error: there is no profile prod\nhint: `latchkey profile list` shows them\n",
    );
    world.log_in();
    world.run(&["logout", "--all-profiles"]);
    for profile in ["test", "default"] {
        assert_eq!(world.run(&["status", "--profile", profile]).code, Some(1));
    }
}

#[test]
fn what_needs_no_login_host_works_without_one() {
    let world = World::new();
    let regions = world.run(&["region", "list"]);
    assert_eq!((regions.code, regions.err.as_str(), regions.out.lines().count()), (Some(0), "", 18));
    let first =
        "us          https://dm-us.informaticacloud.com          USW1 USE2 USW3 USE4 USW5 USE6 NA1 NA2 NA4";
    assert_eq!(regions.out.lines().next(), Some(first));
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let told = world.run(&["completions", shell]);
        assert_eq!((told.code, told.err.as_str()), (Some(0), ""));
        assert!(told.out.contains("latchkey"));
    }
    world.run(&["man", "man1"]).is(0, "", "");
    let page = fs::read_to_string(world.path().join("man1/latchkey-token.1")).expect("a page");
    assert!(page.contains("min\\-minutes"), "{page}");
}

#[test]
fn an_assertion_and_an_oauth_client_are_sent_where_they_belong() {
    let world = World::new();
    let url = world.service.url.clone();
    fs::write(world.path().join("assertion"), "PHNhbWw+").expect("the folder can be written");
    let told = world.run(&["login", "--url", &url, "--saml", "assertion", "--org", "o"]);
    assert_eq!((told.code, told.out.as_str()), (Some(1), ""), "{}", told.err);
    assert!(told.err.contains("the field orgId is not an id"), "{}", told.err);
    let told = world.run(&["login", "--url", &url, "--oauth", "assertion", "--org", "o"]);
    assert_eq!((told.code, told.out.as_str()), (Some(1), ""), "{}", told.err);
    assert!(told.err.contains("the field orgId is not an id"), "{}", told.err);
    let client = ["login", "--url", &url, "--client-id", "7f0c", "--password-stdin"];
    let told = world.run_with("secret", &client);
    assert_eq!((told.code, told.out.as_str()), (Some(1), ""), "{}", told.err);
    assert!(told.err.contains("The client is not known, or did not prove itself."), "{}", told.err);
    let half = world.run(&["login", "--url", &url, "--saml", "assertion"]);
    assert_eq!(half.code, Some(2));
}

#[test]
fn a_login_host_of_a_private_authority_is_believed_when_it_is_named() {
    let world = World::with_tls();
    let told = world.run_job(PASSWORD, &["token"]);
    assert_eq!(told.code, Some(3));
    assert!(told.err.contains("invalid peer certificate: UnknownIssuer"), "{}", told.err);
    let with =
        |arguments: &[&str]| world.run_job(PASSWORD, &[arguments, &["--cacert", "authority.pem"]].concat());
    for command in [&["login"][..], &["token"], &["session"], &["credential", "--for", "kubernetes"]] {
        assert_eq!(with(command).code, Some(0), "{command:?}: {}", with(command).err);
    }
    let token = with(&["token"]).out;
    assert_eq!(with(&["verify", token.trim()]).code, Some(0));
    let mut command =
        world.job(PASSWORD, &["exec", "--", "sh", "-c", "echo latchkey exec $IDMC_PROXY; read -r line"]);
    command.env("LATCHKEY_CACERT", "authority.pem").stdin(std::process::Stdio::piped());
    let running = crate::upstream::Running::start(command);
    let url = format!("{}/session-service/api/v1/session/User", running.at);
    assert_eq!(ureq::get(&url).call().expect("an answer").status(), 200);
    with(&["logout"]).is(0, "", "signed out of URL as etl.robot\n");
    fs::write(world.path().join("none.pem"), "no certificate").expect("the folder can be written");
    world.run_job(PASSWORD, &["token", "--cacert", "none.pem"]).is(
        2,
        "",
        "error: there is no certificate of an authority in what was given as one\n",
    );
    let absent = world.run_job(PASSWORD, &["token", "--cacert", "absent.pem"]);
    assert!(
        absent.code == Some(2) && absent.err.starts_with("error: absent.pem cannot be read\n"),
        "{}",
        absent.err
    );
}
