//! OAuth 2: tokens for clients, for assertions and in exchange, what is said of them, and how they are withdrawn.

use crate::answer::Answer;
use crate::bearer;
use crate::clients::{CLIENTS, made, text};
use crate::issuer::Issuer;
use crate::world::{Door, Question, START, World, minutes};
use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use http::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::future::IntoFuture;

const TOKEN: &str = "/authz-service/oauth/token";
const INTROSPECT: &str = "/authz-service/oauth/introspect";
const REVOKE: &str = "/authz-service/oauth/revoke";
const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");
const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const SESSION: &str = "urn:latchkey:token-type:session";
const ACCESS: &str = "urn:ietf:params:oauth:token-type:access_token";

/// What every refused client hears, whatever the reason.
const INVALID: &str = r#"401 [www-authenticate: Basic realm="latchkey"] {"error":"invalid_client","error_description":"The client is not known, or did not prove itself."}"#;

fn refused(status: u16, error: &str, why: &str) -> String {
    format!(r#"{status} {{"error":"{error}","error_description":"{why}"}}"#)
}

/// A client of an org, with the session of the administrator who made it.
struct Program {
    id: String,
    secret: String,
    secret_id: String,
    admin: String,
}

impl Program {
    async fn of_acme(world: &World, body: &str) -> Self {
        let admin = world.ada().await;
        Self::known(&made(world, &admin, body).await, admin)
    }

    async fn of_globex(world: &World) -> Self {
        let admin = world.session(Door::V1, "eve", "other side").await;
        let path = "/latchkey/v1/orgs/58c5f5a5-7816-9a57-be60-53f02432aec1/clients";
        let body = r#"{"name":"theirs","roles":["Admin"]}"#;
        Self::known(&world.post(path).header("IDS-SESSION-ID", &admin).json(body).await, admin)
    }

    fn known(made: &Answer, admin: String) -> Self {
        let text = |pointer| text(made, pointer);
        Self { id: text("/id"), secret: text("/secret"), secret_id: text("/secrets/0/id"), admin }
    }

    fn basic(&self) -> String {
        basic(&self.id, &self.secret)
    }

    /// A request of this client.
    fn post(&self, world: &World, path: &str, pairs: &[(&str, &str)]) -> Question {
        form(world, path, pairs).header("Authorization", &self.basic())
    }

    fn ask(&self, world: &World, pairs: &[(&str, &str)]) -> Question {
        self.post(world, TOKEN, pairs)
    }

    async fn token(&self, world: &World) -> String {
        let answer = self.ask(world, &[("grant_type", "client_credentials")]).await;
        assert_eq!(answer.status, 200, "{answer}");
        text(&answer, "/access_token")
    }

    async fn administer(&self, world: &World, method: Method, path: &str, body: &str) {
        let path = format!("/latchkey/v1/clients/{}{path}", self.id);
        let answer = world.ask(method, &path).header("IDS-SESSION-ID", &self.admin).json(body).await;
        assert!(answer.status.is_success(), "{answer}");
    }
}

fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{id}:{secret}")))
}

fn form(world: &World, path: &str, pairs: &[(&str, &str)]) -> Question {
    world.post(path).headers([FORM]).body(serde_urlencoded::to_string(pairs).unwrap())
}

fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

async fn gate(world: &World, token: &str) -> u16 {
    world.get("/gate").bearer(token).await.status.as_u16()
}

#[tokio::test]
async fn a_client_gets_a_token_that_says_whose_it_is_and_passes_the_gate() {
    let world = World::new().await;
    let program =
        Program::of_acme(&world, r#"{"name":"Nightly loads","roles":["Admin"],"tokenMinutes":5}"#).await;
    let answer = program.ask(&world, &[("grant_type", "client_credentials")]).await;
    let token = text(&answer, "/access_token");
    answer.is(r#"200 {"access_token":"$token_1","token_type":"Bearer","expires_in":300}"#);
    let (now, said) = (START.as_seconds(), claims(&token));
    let jti = said["jti"].as_str().unwrap();
    assert_eq!(
        said,
        json!({
            "unique_id": "", "user_fname": "Nightly loads", "user_name": format!("client:{}", program.id),
            "iss": "https://dm-us.latchkey.test/authz-service", "nonce": "", "user_lname": "",
            "client_id": program.id, "aud": "latchkey", "user_org_id": "5mYdXw9KcJhaf3LrN8pQ2v",
            "user_id": program.id, "org_id": "5mYdXw9KcJhaf3LrN8pQ2v", "exp": now + 300,
            "org_name": "Acme Prod", "iat": now, "jti": jti, "sub": program.id,
            "client_secret_id": program.secret_id,
        })
    );
    let id = &program.id;
    world.get("/gate").bearer(&token).await.is(&format!(
        r#"200 [x-latchkey-org: 5mYdXw9KcJhaf3LrN8pQ2v] [x-latchkey-session-expires: 2026-01-15T10:35:00.000Z] [x-latchkey-user: client:{id}] [x-latchkey-user-id: {id}] {{"user":"client:{id}","org":"5mYdXw9KcJhaf3LrN8pQ2v","expires":"2026-01-15T10:35:00.000Z"}}"#
    ));
    world.later(minutes(5));
    assert_eq!(gate(&world, &token).await, 401);
    domain::audit::trail::write_behind(&world.app.cx).await.unwrap();
    let events = world.events().await;
    let minted = events.iter().find(|event| event["event"] == "tokens_minted").unwrap();
    assert_eq!(
        minted["tokens"][0],
        json!({"jti": jti, "user": id, "session": null, "client": id, "iat": now})
    );
}

#[tokio::test]
async fn id_and_secret_travel_in_the_header_however_it_is_written_or_in_the_body() {
    let world = World::new().await;
    let program = Program::of_acme(&world, r#"{"name":"etl"}"#).await;
    let (id, secret) = (program.id.as_str(), program.secret.as_str());
    let grant = ("grant_type", "client_credentials");
    let encoded: String = secret.bytes().map(|byte| format!("%{byte:02x}")).collect();
    for header in [
        program.basic(),
        basic(id, &encoded),
        program.basic().replacen("Basic", "basic", 1),
        program.basic().trim_end_matches('=').to_owned(),
        basic(&domain_uuid(id), secret),
    ] {
        let answer = form(&world, TOKEN, &[grant]).header("Authorization", &header).await;
        assert_eq!(answer.status, 200, "{header}: {answer}");
    }
    let posted = [grant, ("client_id", id), ("client_secret", secret), ("state", ""), ("scope", "")];
    assert_eq!(form(&world, TOKEN, &posted).await.status, 200);
    assert_eq!(program.ask(&world, &[grant, ("client_id", id)]).await.status, 200);
    let in_query = format!("{TOKEN}?grant_type=client_credentials");
    assert_eq!(world.post(&in_query).header("Authorization", &program.basic()).await.status, 200);
}

fn domain_uuid(id: &str) -> String {
    id.parse::<wire::ClientId>().unwrap().uuid()
}

#[tokio::test]
async fn a_request_that_is_not_what_it_should_be_is_told_so_in_the_words_of_oauth() {
    let world = World::new().await;
    let program = Program::of_acme(&world, r#"{"name":"etl"}"#).await;
    let secret = program.secret.clone();
    let more = "the client proves itself in more than one way";
    for (pairs, expected) in [
        (vec![], refused(400, "invalid_request", "the parameter grant_type is missing")),
        (vec![("grant_type", "")], refused(400, "invalid_request", "the parameter grant_type is missing")),
        (
            vec![("grant_type", "password"), ("username", "ada"), ("password", "correct horse")],
            refused(400, "unsupported_grant_type", "this grant_type is not known here"),
        ),
        (
            vec![("grant_type", "client_credentials"), ("grant_type", "client_credentials")],
            refused(400, "invalid_request", "a parameter is there more than once"),
        ),
        (
            vec![("grant_type", "client_credentials"), ("x", "1"), ("x", "2")],
            refused(400, "invalid_request", "a parameter is there more than once"),
        ),
        (
            vec![("grant_type", "client_credentials"), ("scope", "admin")],
            refused(400, "invalid_scope", "no scopes are known here: roles say what a token may do"),
        ),
        (
            vec![("grant_type", "client_credentials"), ("audience", "elsewhere")],
            refused(
                400,
                "invalid_target",
                "The audience is not known, or the subject may not be taken there.",
            ),
        ),
        (
            vec![("grant_type", "client_credentials"), ("client_secret", &secret)],
            refused(400, "invalid_request", more),
        ),
        (
            vec![("grant_type", "client_credentials"), ("client_id", "somebody")],
            refused(400, "invalid_request", "client_id is not the client of the header"),
        ),
    ] {
        program.ask(&world, &pairs).await.is(&expected);
    }
}

#[tokio::test]
async fn parameters_are_taken_once_and_secrets_from_the_body_alone() {
    let world = World::new().await;
    let query = format!("{TOKEN}?grant_type=client_credentials&client_id=1&client_secret=2");
    let why = "the parameter client_secret belongs into the body";
    world.post(&query).await.is(&refused(400, "invalid_request", why));
    let twice = format!("{TOKEN}?grant_type=client_credentials");
    let asked = form(&world, &twice, &[("grant_type", "client_credentials")]);
    asked.await.is(&refused(400, "invalid_request", "a parameter is there more than once"));
    world.post(TOKEN).raw_body(b"grant_type=%ff".to_vec()).await.is(&refused(
        400,
        "invalid_request",
        "Bad Request. Please check your request: the body is not a form.",
    ));
    let other = world.get(TOKEN).await;
    other.is(r#"405 [allow: POST] {"error":"invalid_request","error_description":"this path takes another method"}"#);
}

#[tokio::test]
async fn a_client_that_does_not_prove_itself_hears_one_answer_whatever_the_reason() {
    let world = World::new().await;
    let program = Program::of_acme(&world, r#"{"name":"etl"}"#).await;
    let gone = Program::of_acme(&world, r#"{"name":"gone"}"#).await;
    gone.administer(&world, Method::PATCH, "", r#"{"disabled":true}"#).await;
    let grant = ("grant_type", "client_credentials");
    let with = |header: &str| form(&world, TOKEN, &[grant]).header("Authorization", header);
    for header in [
        basic("0000000000000000000007", &program.secret),
        basic("etl", &program.secret),
        basic(&program.id, "lkcs_wrong"),
        basic(&program.id, ""),
        basic(&program.id, &gone.secret),
        gone.basic(),
        "Basic".to_owned(),
        "Basic ????".to_owned(),
        format!("Bearer {}", program.secret),
        basic(&program.id, "").replace(':', ""),
    ] {
        with(&header).await.is(INVALID);
    }
    form(&world, TOKEN, &[grant]).await.is(INVALID);
    form(&world, TOKEN, &[grant, ("client_id", &program.id)]).await.is(INVALID);
    for path in [INTROSPECT, REVOKE] {
        form(&world, path, &[("token", "x")]).await.is(INVALID);
        form(&world, path, &[("token", "x")]).header("Authorization", &gone.basic()).await.is(INVALID);
    }
    let events = world.events().await.into_iter().filter(|event| event["event"] == "client_refused");
    let reasons: Vec<_> = events.map(|event| event["reason"].as_str().unwrap().to_owned()).collect();
    let (unknown, wrong, disabled) = ("unknown_client", "wrong_secret", "disabled");
    let expected = [unknown, unknown, wrong, wrong, wrong, disabled, wrong, disabled, disabled];
    assert_eq!(reasons, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_five_hundred_wrong_secrets_at_once_ten_are_recorded_one_by_one_and_the_right_one_still_counts() {
    let world = World::new().await;
    let program = Program::of_acme(&world, r#"{"name":"etl"}"#).await;
    let grant = ("grant_type", "client_credentials");
    let wrong: Vec<_> = (0..500)
        .map(|number| {
            let header = basic(&program.id, &format!("lkcs_{number}"));
            tokio::spawn(form(&world, TOKEN, &[grant]).header("Authorization", &header).into_future())
        })
        .collect();
    let mut statuses = BTreeMap::<u16, u32>::new();
    for one in wrong {
        *statuses.entry(one.await.unwrap().status.as_u16()).or_default() += 1;
    }
    assert_eq!(statuses, BTreeMap::from([(401, 500)]));
    assert_eq!(gate(&world, &program.token(&world).await).await, 200);
    domain::audit::trail::write_all(&world.app.cx).await.unwrap();
    let events = world.events().await;
    let of = |name: &'static str| events.iter().filter(move |event| event["event"] == name);
    assert_eq!(of("client_refused").count(), 10);
    assert_eq!(of("locked_attempts").map(|event| event["count"].as_u64().unwrap()).sum::<u64>(), 490);
}

#[tokio::test]
async fn what_a_client_loses_it_loses_with_its_next_call() {
    let world = World::new().await;
    let program = Program::of_acme(&world, r#"{"name":"etl","roles":["Admin"]}"#).await;
    let token = program.token(&world).await;
    let listed = |token: &str| world.get(CLIENTS).bearer(token).into_future();
    assert_eq!((gate(&world, &token).await, listed(&token).await.status.as_u16()), (200, 200));
    program.administer(&world, Method::PATCH, "", r#"{"roles":["Designer"]}"#).await;
    assert_eq!((gate(&world, &token).await, listed(&token).await.status.as_u16()), (200, 403));
    program.administer(&world, Method::PATCH, "", r#"{"disabled":true}"#).await;
    assert_eq!((gate(&world, &token).await, listed(&token).await.status.as_u16()), (401, 401));
    program.administer(&world, Method::PATCH, "", r#"{"disabled":false}"#).await;
    assert_eq!(gate(&world, &token).await, 200);
    program.administer(&world, Method::POST, "/secrets", "").await;
    program.administer(&world, Method::DELETE, &format!("/secrets/{}", program.secret_id), "").await;
    assert_eq!(gate(&world, &token).await, 401, "the token was got by a secret that is gone");
    program.ask(&world, &[("grant_type", "client_credentials")]).await.is(INVALID);
    program.administer(&world, Method::DELETE, "", "").await;
    assert_eq!(gate(&world, &token).await, 401);
}

#[tokio::test]
async fn a_client_administers_with_a_token_that_is_for_this_service_and_under_its_own_name() {
    let world = World::new().await;
    let program = Program::of_acme(&world, r#"{"name":"provision","roles":["Admin"]}"#).await;
    let token = program.token(&world).await;
    let added = world.post(CLIENTS).bearer(&token).json(r#"{"name":"second","roles":["Designer"]}"#).await;
    assert_eq!(added.status, 201, "{added}");
    let events = world.events().await;
    assert_eq!(events.last().unwrap()["by"], program.id.as_str());
    let elsewhere = program.ask(&world, &[("grant_type", "client_credentials"), ("audience", "cdlg")]).await;
    let elsewhere = text(&elsewhere, "/access_token");
    assert_eq!(gate(&world, &elsewhere).await, 200);
    assert_eq!(world.get(CLIENTS).bearer(&elsewhere).await.status, 401, "it is for another service");
    for (path, expected) in [
        ("/latchkey/v1/sessions", 200),
        ("/identity-service/api/v1/CurrentUserInfo", 401),
        ("/saas/public/core/v3/users", 401),
        ("/latchkey/v1/orgs/58c5f5a5-7816-9a57-be60-53f02432aec1/clients", 404),
    ] {
        assert_eq!(world.get(path).bearer(&token).await.status.as_u16(), expected, "{path}");
    }
    let of_session = world.token(&world.ada().await).await;
    assert_eq!(world.get(CLIENTS).bearer(&of_session).await.status, 401, "it is for cdlg");
}

#[tokio::test]
async fn the_last_use_of_a_secret_is_noted_to_the_minute() {
    let world = World::new().await;
    let program = Program::of_acme(&world, r#"{"name":"etl"}"#).await;
    let last_used = || async {
        let listed = world.get(CLIENTS).header("IDS-SESSION-ID", &program.admin).await;
        listed.json()["clients"][0]["secrets"][0]["lastUsedAt"].clone()
    };
    program.token(&world).await;
    assert_eq!(last_used().await, "2026-01-15T10:30:00.000Z");
    world.later(std::time::Duration::from_secs(59));
    program.token(&world).await;
    assert_eq!(last_used().await, "2026-01-15T10:30:00.000Z");
    world.later(std::time::Duration::from_secs(1));
    program.token(&world).await;
    assert_eq!(last_used().await, "2026-01-15T10:31:00.000Z");
}

#[tokio::test]
async fn a_session_is_exchanged_for_a_token_that_holds_together_with_it_and_is_for_whom_is_named() {
    let world = World::new().await;
    let session = world.ada().await;
    let pairs =
        [("grant_type", EXCHANGE), ("subject_token", session.as_str()), ("subject_token_type", SESSION)];
    let answer = form(&world, TOKEN, &pairs).await;
    let token = text(&answer, "/access_token");
    answer.is(&format!(
        r#"200 {{"access_token":"$token_1","token_type":"Bearer","expires_in":1800,"issued_token_type":"{ACCESS}"}}"#
    ));
    let said = claims(&token);
    assert_eq!(
        (&said["user_name"], &said["aud"], &said["sub"]),
        (&"ada".into(), &"latchkey".into(), &said["user_id"])
    );
    assert_eq!((said.get("act"), &said["client_id"]), (None, &"".into()));
    assert_eq!(world.get("/gate").bearer(&token).header("icSessionId", &session).await.status, 200);
    let bob = world.session(Door::V1, "bob", "battery staple").await;
    assert_eq!(world.get("/gate").bearer(&token).header("icSessionId", &bob).await.status, 401);
    assert_eq!(world.get(CLIENTS).bearer(&token).await.status, 200, "ada may");
    let program = Program::of_acme(&world, r#"{"name":"service"}"#).await;
    let acted = program.ask(&world, &[&pairs[..], &[("audience", "cdlg")]].concat()).await;
    let said = claims(&text(&acted, "/access_token"));
    assert_eq!((&said["aud"], &said["act"]), (&"cdlg".into(), &json!({"sub": program.id})));
    let theirs = Program::of_globex(&world).await;
    let why = "The subject_token is not alive, not that of a user, or not for this client.";
    theirs.ask(&world, &pairs).await.is(&refused(400, "invalid_request", why));
    world.later(minutes(30));
    form(&world, TOKEN, &pairs).await.is(&refused(400, "invalid_request", why));
}

/// The parameters that take a token to another audience.
fn onward<'a>(token: &'a str, audience: &'a str) -> [(&'static str, &'a str); 4] {
    [
        ("grant_type", EXCHANGE),
        ("subject_token", token),
        ("subject_token_type", ACCESS),
        ("audience", audience),
    ]
}

#[tokio::test]
async fn a_token_goes_on_to_another_service_by_a_client_and_never_to_this_one_nor_for_longer() {
    let world = World::new().await;
    let program = Program::of_acme(&world, r#"{"name":"service"}"#).await;
    let token = world.token(&world.ada().await).await;
    world.later(minutes(10));
    let answer = program.ask(&world, &onward(&token, "cdlg")).await;
    assert_eq!((answer.status.as_u16(), answer.json()["expires_in"].as_u64()), (200, Some(1200)), "{answer}");
    let second = text(&answer, "/access_token");
    assert_eq!(
        (claims(&second)["act"].clone(), gate(&world, &second).await),
        (json!({"sub": program.id}), 200)
    );
    let target = "The audience is not known, or the subject may not be taken there.";
    program.ask(&world, &onward(&token, "latchkey")).await.is(&refused(400, "invalid_target", target));
    form(&world, TOKEN, &onward(&token, "cdlg")).await.is(INVALID);
    let subject = "The subject_token is not alive, not that of a user, or not for this client.";
    let not_a_subject = refused(400, "invalid_request", subject);
    let theirs = Program::of_globex(&world).await;
    theirs.ask(&world, &onward(&token, "cdlg")).await.is(&not_a_subject);
    let own = program.token(&world).await;
    program.ask(&world, &onward(&own, "cdlg")).await.is(&not_a_subject);
    let mut chain = second.clone();
    for _ in 0..3 {
        let answer = program.ask(&world, &onward(&chain, "cdlg")).await;
        assert_eq!(answer.status, 200, "{answer}");
        chain = text(&answer, "/access_token");
    }
    program.ask(&world, &onward(&chain, "cdlg")).await.is(&not_a_subject);
    program.administer(&world, Method::PATCH, "", r#"{"disabled":true}"#).await;
    assert_eq!((gate(&world, &second).await, gate(&world, &token).await), (401, 200));
}

#[tokio::test]
async fn an_exchange_that_asks_for_what_is_not_done_here_is_told_so() {
    let world = World::new().await;
    let session = world.ada().await;
    let base =
        [("grant_type", EXCHANGE), ("subject_token", session.as_str()), ("subject_token_type", SESSION)];
    for (extra, error, why) in [
        (("actor_token", "x"), "invalid_request", "the actor is the client: actor_token is not read here"),
        (("resource", "https://a.test"), "invalid_target", "name an audience: resource is not known here"),
        (
            ("requested_token_type", "urn:ietf:params:oauth:token-type:refresh_token"),
            "invalid_request",
            "this requested_token_type is not issued here",
        ),
    ] {
        let pairs = [&base[..], &[extra]].concat();
        form(&world, TOKEN, &pairs).await.is(&refused(400, error, why));
    }
    let unknown = [base[0], base[1], ("subject_token_type", "urn:ietf:params:oauth:token-type:saml2")];
    let why = "this subject_token_type is not known here";
    form(&world, TOKEN, &unknown).await.is(&refused(400, "invalid_request", why));
}

#[tokio::test]
async fn an_assertion_is_good_for_one_token_of_its_org_with_a_client_or_without() {
    let (world, issuer) = (bearer::world().await, Issuer::new().await);
    bearer::register(&world, &issuer.registration()).await;
    let assertion = |jti| issuer.token("saml.sam", jti, START.as_seconds());
    let grant = ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer");
    let (first, second) = (assertion("1"), assertion("2"));
    let pairs = [grant, ("assertion", first.as_str()), ("org_id", "5mYdXw9KcJhaf3LrN8pQ2v")];
    let answer = form(&world, TOKEN, &pairs).await;
    let token = text(&answer, "/access_token");
    answer.is(r#"200 {"access_token":"$token_1","token_type":"Bearer","expires_in":1800}"#);
    assert_eq!((&claims(&token)["user_name"], gate(&world, &token).await), (&"saml.sam".into(), 200));
    let untrusted = refused(400, "invalid_grant", "The token is not trusted.");
    form(&world, TOKEN, &pairs).await.is(&untrusted);
    assert_eq!(bearer::reasons(&world).await, ["replayed"]);
    let program = Program::of_acme(&world, r#"{"name":"service","tokenMinutes":5}"#).await;
    let answer = program.ask(&world, &[grant, ("assertion", &second)]).await;
    assert_eq!(answer.json()["expires_in"], 300, "{answer}");
    assert_eq!(claims(&text(&answer, "/access_token"))["act"], json!({"sub": program.id}));
    let third = assertion("3");
    let why = "Name an org in org_id, or a client that has one.";
    form(&world, TOKEN, &[grant, ("assertion", &third)]).await.is(&refused(400, "invalid_request", why));
    let elsewhere = [grant, ("assertion", third.as_str()), ("org_id", "2rPkV8sQxYdTb6WnJ0cLfH")];
    form(&world, TOKEN, &elsewhere).await.is(&untrusted);
}

#[tokio::test]
async fn a_client_hears_what_is_alive_in_its_org_and_of_everything_else_that_it_is_not() {
    let world = World::new().await;
    let (mine, theirs) = (
        Program::of_acme(&world, r#"{"name":"service","roles":["Designer"]}"#).await,
        Program::of_globex(&world).await,
    );
    let (token, foreign) = (mine.token(&world).await, theirs.token(&world).await);
    let about = |program: &Program, token: &str| {
        let pairs = [("token", token), ("token_type_hint", "access_token")];
        program.post(&world, INTROSPECT, &pairs).into_future()
    };
    let (now, jti) = (START.as_seconds(), claims(&token)["jti"].as_str().unwrap().to_owned());
    about(&mine, &token).await.is(&format!(
        r#"200 {{"active":true,"client_id":"{0}","username":"client:{0}","token_type":"Bearer","exp":{1},"iat":{now},"sub":"{0}","aud":"latchkey","iss":"https://dm-us.latchkey.test/authz-service","jti":"{jti}","org_id":"5mYdXw9KcJhaf3LrN8pQ2v"}}"#,
        mine.id, now + 1800,
    ));
    let session = world.session(Door::V1, "bob", "battery staple").await;
    let of_session = world.token(&session).await;
    let said = about(&mine, &of_session).await.json();
    assert_eq!(
        (&said["active"], &said["username"], &said["client_id"]),
        (&true.into(), &"bob".into(), &"idmc_api".into())
    );
    world.later(minutes(29));
    about(&mine, &session).await.is(&format!(
        r#"200 {{"active":true,"username":"bob","token_type":"session","exp":{},"iat":{now},"sub":"$user_bob","org_id":"5mYdXw9KcJhaf3LrN8pQ2v"}}"#,
        now + 1800,
    ));
    world.later(minutes(1));
    for dead in [&foreign, &token, &session, &of_session, "x", "a.b.c"] {
        about(&mine, dead).await.is(r#"200 {"active":false}"#);
    }
    let program = Program::of_acme(&world, r#"{"name":"third"}"#).await;
    let token = program.token(&world).await;
    assert_eq!(about(&mine, &token).await.json()["active"], true);
    program.administer(&world, Method::PATCH, "", r#"{"disabled":true}"#).await;
    about(&mine, &token).await.is(r#"200 {"active":false}"#);
    mine.post(&world, INTROSPECT, &[]).await.is(&refused(
        400,
        "invalid_request",
        "the parameter token is missing",
    ));
}

#[tokio::test]
async fn a_token_that_was_withdrawn_is_refused_and_a_session_that_was_withdrawn_has_ended() {
    let world = World::new().await;
    let (mine, theirs) =
        (Program::of_acme(&world, r#"{"name":"service"}"#).await, Program::of_globex(&world).await);
    let (token, other) = (mine.token(&world).await, mine.token(&world).await);
    let session = world.session(Door::V1, "bob", "battery staple").await;
    let of_session = world.token(&session).await;
    let revoke =
        |program: &Program, token: &str| program.post(&world, REVOKE, &[("token", token)]).into_future();
    for unknown in ["x", "a.b.c", "3fTqk0ZpXyLr9bWcV2uN7e"] {
        revoke(&mine, unknown).await.is("200");
    }
    revoke(&theirs, &token).await.is("200");
    revoke(&theirs, &session).await.is("200");
    assert!(gate(&world, &token).await == 200 && world.is_alive(&session).await, "they are not theirs");
    revoke(&mine, &token).await.is("200");
    revoke(&mine, &token).await.is("200");
    assert_eq!((gate(&world, &token).await, gate(&world, &other).await), (401, 200));
    mine.post(&world, INTROSPECT, &[("token", &token)]).await.is(r#"200 {"active":false}"#);
    revoke(&mine, &of_session).await.is("200");
    assert_eq!((gate(&world, &of_session).await, world.is_alive(&session).await), (401, true));
    let beside = world.get("/gate").bearer(&of_session).header("IDS-SESSION-ID", &session).await;
    assert_eq!(beside.status, 401, "nor does its session make it good");
    revoke(&mine, &session).await.is("200");
    assert!(!world.is_alive(&session).await);
    let events = world.events().await;
    let revoked: Vec<_> = events.iter().filter(|event| event["event"] == "token_revoked").collect();
    assert_eq!(revoked.len(), 2);
    assert_eq!((&revoked[0]["jti"], &revoked[0]["by"]), (&claims(&token)["jti"], &mine.id.as_str().into()));
}

#[tokio::test]
async fn a_withdrawn_token_is_forgotten_when_its_time_is_over_and_not_before() {
    let world = World::new().await;
    let program = Program::of_acme(&world, r#"{"name":"service","tokenMinutes":1440}"#).await;
    let (withdrawn, token) = (program.token(&world).await, program.token(&world).await);
    program.post(&world, REVOKE, &[("token", &withdrawn)]).await.is("200");
    world.rotate_keys().await;
    world.later(minutes(1_439));
    server::jobs::tidy(&world.app, &world.operator).await.unwrap();
    assert_eq!((gate(&world, &withdrawn).await, gate(&world, &token).await), (401, 200));
    world.later(minutes(2));
    server::jobs::tidy(&world.app, &world.operator).await.unwrap();
    assert_eq!(gate(&world, &token).await, 401);
}

#[tokio::test]
async fn what_is_supported_is_said_in_three_places_and_is_true() {
    let world = World::new().await;
    for path in [
        "/.well-known/oauth-authorization-server/authz-service",
        "/authz-service/.well-known/oauth-authorization-server",
        "/authz-service/.well-known/openid-configuration",
    ] {
        world.get(path).await.is(r#"200 [cache-control: public, max-age=60] {"issuer":"https://dm-us.latchkey.test/authz-service","token_endpoint":"https://dm-us.latchkey.test/authz-service/oauth/token","introspection_endpoint":"https://dm-us.latchkey.test/authz-service/oauth/introspect","revocation_endpoint":"https://dm-us.latchkey.test/authz-service/oauth/revoke","jwks_uri":"https://dm-us.latchkey.test/authz-service/.well-known/jwks.json","grant_types_supported":["client_credentials","urn:ietf:params:oauth:grant-type:jwt-bearer","urn:ietf:params:oauth:grant-type:token-exchange"],"token_endpoint_auth_methods_supported":["client_secret_basic","client_secret_post","none"],"introspection_endpoint_auth_methods_supported":["client_secret_basic","client_secret_post"],"revocation_endpoint_auth_methods_supported":["client_secret_basic","client_secret_post"],"response_types_supported":[],"subject_types_supported":["public"],"id_token_signing_alg_values_supported":["ES256"]}"#);
    }
}
