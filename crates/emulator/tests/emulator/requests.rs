//! What was asked, told without a secret.

use crate::world::{Answer, PASSWORD, World};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[tokio::test]
async fn what_was_asked_is_counted_and_filtered() {
    let world = World::new().await;
    let session = world.session("plain").await;
    world.sign_in("plain", "wrong").await;
    world.use_session(&session).await;
    let count = async |query: &str| {
        world.control(Method::GET, &format!("requests/count?{query}"), Value::Null).await["count"].clone()
    };
    assert_eq!(count("").await, 3);
    assert_eq!(count("path=/saas/public/core/v3/login").await, 2);
    assert_eq!(count("path=/saas/**&status=200").await, 1);
    assert_eq!(count("user=plain&method=POST").await, 2);
    assert_eq!(
        count(&format!("session={session}")).await,
        1,
        "by the id itself, which the journal does not hold"
    );
    let wrong = Answer::to(world.ask(Method::GET, "/_emulator/requests?colour=red")).await;
    assert_eq!(wrong.status, 400);
    let cleared = world.ask(Method::DELETE, "/_emulator/requests");
    assert_eq!(Answer::to(cleared).await.status, 204);
    assert_eq!(count("").await, 0);
    world.end().await;
}

#[tokio::test]
async fn paths_of_every_family_that_are_not_the_services_are_answered_by_stubs() {
    let world = World::new().await;
    let session = world.session("plain").await;
    for path in
        ["/saas/api/v2/task", "/saas/public/core/v3/objects", "/mdm/x", "/identity-service/api/v1/none"]
    {
        let stub = json!({"path": path, "body": {"path": path}}).to_string();
        assert_eq!(Answer::to(world.ask(Method::POST, "/_emulator/stubs").body(stub)).await.status, 201);
        let answer = Answer::to(world.ask(Method::GET, path).header("INFA-SESSION-ID", &session)).await;
        assert_eq!((answer.status, answer.json()["path"].as_str()), (200, Some(path)));
    }
    world.end().await;
}

#[tokio::test]
async fn who_hangs_up_has_asked_too() {
    let world = World::new().await;
    let slow = json!({"path": "/healthz", "effect": {"latency": "60s"}});
    world.control(Method::POST, "faults", slow).await;
    let moment = std::time::Duration::from_millis(50);
    assert!(world.ask(Method::GET, "/healthz").timeout(moment).send().await.is_err());
    let path = "requests?path=/healthz&status=none";
    loop {
        let journal = world.control(Method::GET, path, Value::Null).await;
        if let Some(entry) = journal["requests"].get(0) {
            assert_eq!((&entry["by"], &entry["status"]), (&json!("nobody"), &Value::Null));
            break;
        }
        tokio::task::yield_now().await;
    }
    world.end().await;
}

#[tokio::test]
async fn a_sign_in_in_pieces_names_its_user_too() {
    let world = World::new().await;
    let body = json!({"username": "plain", "password": PASSWORD}).to_string();
    let address = world.url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await.unwrap();
    let (first, second) = body.split_at(10);
    let chunks = format!("{:x}\r\n{first}\r\n{:x}\r\n{second}\r\n0\r\n\r\n", first.len(), second.len());
    let head = format!(
        "POST /saas/public/core/v3/login HTTP/1.1\r\nHost: {address}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(format!("{head}{chunks}").as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let counted = world.control(Method::GET, "requests/count?user=plain&status=200", Value::Null).await;
    assert_eq!(counted["count"], 1);
    world.end().await;
}

#[tokio::test]
async fn the_journal_holds_marks_in_place_of_secrets() {
    let world = World::new().await;
    let session = world.session("plain").await;
    let token = world.token(&session).await;
    world.use_token(&token).await;
    world.use_session(&session).await;
    let journal = world.control(Method::GET, "requests", Value::Null).await;
    let text = journal.to_string();
    for secret in [PASSWORD, &session, &token] {
        assert!(!text.contains(secret), "{text}");
    }
    let requests = journal["requests"].as_array().unwrap();
    assert_eq!(requests[1]["session"], requests[3]["session"], "one session, one mark: {text}");
    let [at_sign_in, by] = ["time", "by"].map(|field| &requests[0][field]);
    assert_eq!((at_sign_in, by), (&json!("2026-01-15T10:30:00.000Z"), &json!("service")));
    world.end().await;
}

#[tokio::test]
async fn programs_come_through_the_proxy_to_any_host_of_the_vendor() {
    let world = World::new().await;
    let http = world.through();
    let body = json!({"@type": "login", "username": "admin", "password": PASSWORD}).to_string();
    let login =
        Answer::to(http.post("https://dm-em.informaticacloud.com/ma/api/v2/user/login").body(body)).await;
    let login = login.json();
    assert_eq!(
        login["serverUrl"], "https://use4.dm-em.informaticacloud.com/saas",
        "a pod of the same region"
    );
    let task = format!("{}/api/v2/task", login["serverUrl"].as_str().unwrap());
    let without = Answer::to(http.get(&task)).await;
    let with =
        Answer::to(http.get(&task).header("icSessionId", login["icSessionId"].as_str().unwrap())).await;
    assert_eq!((without.status, with.status), (401, 404));
    assert!(
        with.json()["description"].as_str().unwrap().contains("/_emulator/stubs"),
        "it says what to do: {with:?}"
    );
    let hosts = world.control(Method::GET, "requests/count?host=use4.*", Value::Null).await;
    assert_eq!(hosts["count"], 2);
    assert!(http.get("https://example.com").send().await.is_err(), "nobody else is reached");
    world.end().await;
}
