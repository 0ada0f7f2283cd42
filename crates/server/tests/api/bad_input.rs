//! Bad input: a 4xx in the envelope of its family, with a message that says what is wrong where.

use crate::answer::{DEAD, DEAD_V2};
use crate::world::{Door, TOKEN, World};
use http::Method;

const V1: &str = "/identity-service/api/v1/Login";
const V2: &str = "/ma/api/v2/user/login";
const V3: &str = "/saas/public/core/v3/login";
const LOGOUT_ALL: &str = "/ma/api/v2/user/logoutall";

fn nested(reason: &str) -> String {
    format!(
        r#"400 {{"error":{{"code":"V3API_007","message":"Bad Request. Please check your request: {reason}.","requestId":"$request","details":null}}}}"#
    )
}

fn flat(reason: &str) -> String {
    format!(
        r#"400 {{"@type":"error","code":"LK_BAD_REQUEST","description":"Bad Request. Please check your request: {reason}.","statusCode":400}}"#
    )
}

fn flat_xml(reason: &str) -> String {
    format!(
        r#"400 [content-type: application/xml] <?xml version="1.0" encoding="UTF-8" standalone="yes"?><error><code>LK_BAD_REQUEST</code><description>Bad Request. Please check your request: {reason}.</description><statusCode>400</statusCode></error>"#
    )
}

/// A body that no family takes for a sign-in, and no family compares a hash for.
async fn refused_in_every_family(world: &World, body: &str, reason: &str) {
    world.post(V1).json(body).await.is(&nested(reason));
    world.post(V3).json(body).await.is(&nested(reason));
    world.post(V2).json(body).await.is(&flat(reason));
    world.post(LOGOUT_ALL).json(body).await.is(&flat(reason));
    assert_eq!(world.compared(), 0);
}

#[tokio::test]
async fn what_is_not_json_is_refused_with_the_place_where_reading_stopped() {
    let world = World::new().await;
    let deep = format!(r#"{{"username":{}"#, "[".repeat(100_000));
    let many = format!("{{{}", r#""username":"ada","#.repeat(1_000));
    for (body, line, column) in [
        ("{", 1, 1),
        ("ada", 1, 1),
        ("{\"username\":\"ada\",\n\"password\":\"it\"s\"}", 2, 16),
        (r#"{"username":"ada","password":"\x"}"#, 1, 32),
        (r#"{"username":"ada","password":"\ud800"}"#, 1, 37),
        ("{\"username\":\"a\u{0}\"}", 1, 15),
        (r#"{"username":"ada","password":"p"} {}"#, 1, 35),
        (r#"{"username":"ada",,"password":"p"}"#, 1, 19),
        (r#"{'username':'ada'}"#, 1, 2),
        (r#"{"username":NaN}"#, 1, 13),
        (&deep, 1, 100_012),
        (&many, 1, 17_001),
    ] {
        let reason = format!("the body is not JSON: reading stopped at line {line} column {column}");
        refused_in_every_family(&world, body, &reason).await;
    }
    for body in ["[]", r#""ada""#, "null", "7", "true"] {
        refused_in_every_family(&world, body, "the body is not a JSON object").await;
    }
}

#[tokio::test]
async fn a_field_that_is_missing_repeated_or_no_text_is_named() {
    let world = World::new().await;
    for (body, reason) in [
        ("{}", "the field username is missing or empty"),
        (r#"{"Username":"ada","password":"p"}"#, "the field username is missing or empty"),
        (r#"{"username":"","password":"p"}"#, "the field username is missing or empty"),
        (r#"{"username":null,"password":"p"}"#, "the field username is missing or empty"),
        (r#"{"username":"ada"}"#, "the field password is missing or empty"),
        (r#"{"username":"ada","password":""}"#, "the field password is missing or empty"),
        (r#"{"username":7,"password":"p"}"#, "the field username is not a string"),
        (r#"{"username":true,"password":"p"}"#, "the field username is not a string"),
        (r#"{"username":["ada"],"password":"p"}"#, "the field username is not a string"),
        (r#"{"username":"ada","password":{"$ne":""}}"#, "the field password is not a string"),
        (r#"{"username":"ada","password":1.5}"#, "the field password is not a string"),
        (
            r#"{"username":"ada","username":"bob","password":"p"}"#,
            "the field username is there more than once",
        ),
        (r#"{"username":"ada","password":"p","password":"q"}"#, "the field password is there more than once"),
    ] {
        refused_in_every_family(&world, body, reason).await;
    }
}

#[tokio::test]
async fn a_field_of_256_characters_is_too_long() {
    let world = World::new().await;
    let long = "é".repeat(256);
    let body = format!(r#"{{"username":"{long}","password":"p"}}"#);
    refused_in_every_family(&world, &body, "the field username is longer than 255 characters").await;
    let body = format!(r#"{{"username":"ada","password":"{long}"}}"#);
    refused_in_every_family(&world, &body, "the field password is longer than 255 characters").await;
}

#[tokio::test]
async fn an_empty_body_is_no_sign_in() {
    let world = World::new().await;
    let reason = "the body is not JSON: reading stopped at line 1 column 0";
    world.post(V1).json("").await.is(&nested(reason));
    world.post(V3).json("").await.is(&nested(reason));
    world.post(V2).json("").await.is(&flat(reason));
    world.post(LOGOUT_ALL).json("").await.is(DEAD_V2);
}

#[tokio::test]
async fn a_comma_too_many_is_forgiven_where_the_vendors_example_has_it_and_nowhere_else() {
    let world = World::new().await;
    let body = r#"{"username":"ada","password":"correct horse",}"#;
    assert_eq!(world.post(V1).json(body).await.status, 200);
    let reason = "the body is not JSON: reading stopped at line 1 column 46";
    world.post(V3).json(body).await.is(&nested(reason));
    world.post(V2).json(body).await.is(&flat(reason));
    for body in [r#"{"username":"ada","password":"p",,}"#, "{,}", ",}"] {
        assert_eq!(world.post(V1).json(body).await.status, 400, "{body}");
    }
}

#[tokio::test]
async fn the_longest_name_and_password_are_read() {
    let world = World::new().await;
    let (name, password) = ("é".repeat(255), "ß".repeat(255));
    assert_eq!(world.sign_in(Door::V1, &name, &password).await.status, 401);
    assert_eq!(world.compared(), 1);
}

#[tokio::test]
async fn bytes_that_are_no_text_are_refused() {
    let world = World::new().await;
    let body = b"{\"username\":\"ada\",\"password\":\"\xff\"}";
    let reason = "the body is not JSON: reading stopped at line 1 column 31";
    world.post(V1).raw_body(*body).await.is(&nested(reason));
    world.post(V3).raw_body(*body).await.is(&nested(reason));
    world.post(V2).raw_body(*body).await.is(&flat(reason));
    let xml = world.post(V2).headers([("Content-Type", "application/xml"), ("Accept", "application/xml")]);
    xml.raw_body(*b"<login><username>\xff</username></login>")
        .await
        .is(&flat_xml("the body is not XML that is read here: it is not UTF-8"));
}

#[tokio::test]
async fn bad_xml_is_refused_and_nothing_in_it_is_looked_up() {
    let world = World::new().await;
    let deep = format!("<login>{}", "<a>".repeat(100_000));
    let long = format!("<login><username>{}</username><password>p</password></login>", "x".repeat(256));
    let dtd = r#"<!DOCTYPE login [<!ENTITY x SYSTEM "file:///etc/passwd">]><login><username>&x;</username></login>"#;
    let laughs =
        r#"<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><login><username>&b;</username></login>"#;
    let not_xml = |why: &str| flat_xml(&format!("the body is not XML that is read here: {why}"));
    for (body, expected) in [
        ("", not_xml("it ends too early")),
        ("plain", not_xml("text stands in a field only")),
        ("<login/>tail", not_xml("text stands in a field only")),
        ("<login>", not_xml("it ends too early")),
        ("<login><username>ada</password></login>", not_xml("it is not well-formed")),
        ("<login", not_xml("it is not well-formed")),
        ("<logout><username>a</username></logout>", not_xml("its outermost element has another name")),
        ("<login></login><login></login>", not_xml("one element holds all the others")),
        ("<login><username><b>a</b></username></login>", not_xml("a field holds text only")),
        (&deep, not_xml("a field holds text only")),
        (dtd, not_xml("a document type is not allowed")),
        (laughs, not_xml("a document type is not allowed")),
        ("<login><username>&xxe;</username></login>", not_xml("an entity is not allowed")),
        ("<login><username>&#xD800;</username></login>", not_xml("an entity is not allowed")),
        ("<?php x ?><login/>", not_xml("a processing instruction is not allowed")),
        ("<login></login>", flat_xml("the field username is missing or empty")),
        ("<login><username>ada</username></login>", flat_xml("the field password is missing or empty")),
        (
            "<login><username/><password>p</password></login>",
            flat_xml("the field username is missing or empty"),
        ),
        (
            "<login><username>a</username><username>b</username><password>p</password></login>",
            flat_xml("the field username is there more than once"),
        ),
        (&long, flat_xml("the field username is longer than 255 characters")),
    ] {
        let headers = [("Content-Type", "application/xml"), ("Accept", "application/xml")];
        world.post(V2).headers(headers).body(body).await.is(&expected);
    }
    assert_eq!(world.compared(), 0);
}

#[tokio::test]
async fn a_bad_form_is_refused() {
    let world = World::new().await;
    let long = format!("username={}&password=p", "x".repeat(256));
    for (body, reason) in [
        ("username=ada", "the field password is missing or empty"),
        ("username=&password=p", "the field username is missing or empty"),
        ("username=ada&username=bob&password=p", "the field username is there more than once"),
        ("nothing", "the field username is missing or empty"),
        (&long, "the field username is longer than 255 characters"),
    ] {
        let form = [("Content-Type", "application/x-www-form-urlencoded")];
        world.post(V2).headers(form).body(body).await.is(&flat(reason));
    }
}

#[tokio::test]
async fn a_body_over_a_mebibyte_is_not_read() {
    let world = World::new().await;
    let session = world.ada().await;
    let body = vec![b' '; 1_048_577];
    let nested = r#"413 [connection: close] {"error":{"code":"LK_BODY","message":"the body is longer than 1048576 bytes","requestId":"$request","details":null}}"#;
    let flat = r#"413 [connection: close] {"@type":"error","code":"LK_BODY","description":"the body is longer than 1048576 bytes","statusCode":413}"#;
    for (path, expected) in [
        (V1, nested),
        (V3, nested),
        (V2, flat),
        (LOGOUT_ALL, flat),
        ("/saas/api/v2/user/validSessionId", flat),
        (TOKEN, nested),
        ("/identity-service/api/v1/Logout", nested),
        ("/saas/api/v2/user/logout", flat),
    ] {
        world.post(path).header("IDS-SESSION-ID", &session).raw_body(body.clone()).await.is(expected);
    }
    assert!(world.is_alive(&session).await, "nothing was done");
    // A body of just that length is read.
    let mut longest = br#"{"username":"ada","password":"correct horse"}"#.to_vec();
    longest.resize(1_048_576, b' ');
    assert_eq!(world.post(V1).raw_body(longest).await.status, 200);
}

#[tokio::test]
async fn headers_beyond_their_limit_are_431_and_64_kib_of_them_are_read() {
    let world = World::new().await;
    let session = world.ada().await;
    let padding = "x".repeat(64 * 1024);
    let read = world.get("/gate").header("IDS-SESSION-ID", &session).header("X-Padding", &padding).await;
    assert_eq!(read.status, 200);
    let nested = r#"431 {"error":{"code":"LK_HEADERS","message":"the headers are longer than are read here","requestId":"$request","details":null}}"#;
    let flat = r#"431 {"@type":"error","code":"LK_HEADERS","description":"the headers are longer than are read here","statusCode":431}"#;
    let flood = "x".repeat(100_000);
    world.get("/gate").header("X-Padding", &flood).await.is(nested);
    world.post(V2).header("X-Padding", &flood).await.is(flat);
    let many = (0..20_000).fold(world.get("/gate"), |ask, _| ask.header("a", "b"));
    many.await.is(nested);
}

#[tokio::test]
async fn another_method_is_405_and_told_which_one_is_taken() {
    let world = World::new().await;
    let v1 = r#"405 [allow: $ALLOW] {"error":{"code":"LK_METHOD","message":"this path takes another method","requestId":"$request","details":null}}"#;
    let v2 = r#"405 [allow: $ALLOW] {"@type":"error","code":"LK_METHOD","description":"this path takes another method","statusCode":405}"#;
    for (path, allowed, expected) in [
        (V1, "POST", v1),
        (V3, "POST", v1),
        (V2, "POST", v2),
        ("/saas/api/v2/user/validSessionId", "POST", v2),
        ("/saas/api/v2/server/serverTime", "GET,HEAD", v2),
        (TOKEN, "GET,HEAD,POST", v1),
        ("/identity-service/.well-known/jwks.json", "GET,HEAD", v1),
        ("/gate", "GET,HEAD", v1),
        ("/healthz", "GET,HEAD", v1),
    ] {
        let expected = expected.replace("$ALLOW", allowed);
        for method in [Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS, Method::TRACE] {
            world.ask(method, path).await.is(&expected);
        }
        let missing = if allowed == "POST" { Method::GET } else { Method::from_bytes(b"BREW").unwrap() };
        world.ask(missing, path).await.is(&expected);
    }
}

#[tokio::test]
async fn a_path_where_nothing_is_answers_404_in_the_envelope_of_its_family() {
    let world = World::new().await;
    let nested = r#"404 {"error":{"code":"LK_NOT_FOUND","message":"nothing is here: see /docs for what is","requestId":"$request","details":null}}"#;
    let flat = r#"404 {"@type":"error","code":"LK_NOT_FOUND","description":"nothing is here: see /docs for what is","statusCode":404}"#;
    for (path, expected) in [
        ("/", nested),
        ("/nowhere", nested),
        ("/identity-service/api/v1/Login/", nested),
        ("/identity-service/api/v1/login", nested),
        ("/identity-service/api/v1/../v1/Login", nested),
        ("/%00", nested),
        ("/%ff%fe", nested),
        ("//healthz", nested),
        ("/saas/public/core/v3/nothing", nested),
        ("/saas/api/v2/nothing", flat),
        ("/ma/api/v2/user/login/x", flat),
        ("/api/v2/user/logout", flat),
    ] {
        for method in [Method::GET, Method::POST, Method::DELETE] {
            world.ask(method, path).await.is(expected);
        }
    }
}

#[tokio::test]
async fn a_query_that_is_no_text_mints_nothing_surprising() {
    let world = World::new().await;
    let session = world.ada().await;
    for query in [
        "?%",
        "?client_id=%ff&nonce=%ff",
        "?&&&",
        "?nonce=1&client_id=%00",
        "?nonce=1&nonce=2&client_id=idmc_api",
    ] {
        let path = format!("/identity-service/api/v1/jwt/Token{query}");
        let answer = world.get(&path).header("IDS-SESSION-ID", &session).await;
        assert_eq!(answer.status, 400, "{query}: {answer}");
        assert!(answer.json()["error"]["code"].is_string(), "{query}: {answer}");
    }
}

#[tokio::test]
async fn a_request_may_not_carry_a_crowd_of_sessions() {
    let world = World::new().await;
    let session = world.ada().await;
    let crowd = (0..1_000).map(|n| format!("USER_SESSION={n:022}; ")).collect::<String>();
    world.get("/gate").header("IDS-SESSION-ID", &session).header("Cookie", &crowd).await.is(DEAD);
}

#[tokio::test]
async fn no_refusal_quotes_what_was_sent() {
    let world = World::new().await;
    for body in [
        r#"{"username":"hunter2","password":"hunter2""#,
        r#"{"username":"hunter2","password":["hunter2"]}"#,
        r#"{"username":"hunter2","password":"hunter2","hunter2":"#,
        r#"{"username":"hunter2","password":"hunter2"}"#,
    ] {
        for path in [V1, V2, V3, LOGOUT_ALL] {
            let answer = world.post(path).json(body).await;
            assert!(answer.status.is_client_error(), "{answer}");
            assert!(!answer.to_string().contains("hunter2"), "{answer}");
        }
    }
}

#[tokio::test]
async fn what_is_no_text_is_refused_in_forms_and_queries_too() {
    let world = World::new().await;
    let session = world.ada().await;
    for query in ["client_id=idmc_api&nonce=%ff%fe", "client_id=idmc_api&nonce=%zz"] {
        let path = format!("/identity-service/api/v1/jwt/Token?{query}");
        assert_eq!(world.get(&path).header("IDS-SESSION-ID", &session).await.status, 400, "{query}");
    }
    let form =
        world.post("/ma/api/v2/user/login").header("Content-Type", "application/x-www-form-urlencoded");
    form.body("username=ada&password=%ff").await.is(
        r#"400 {"@type":"error","code":"LK_BAD_REQUEST","description":"Bad Request. Please check your request: the body is not a form.","statusCode":400}"#,
    );
}
