//! What was asked, told without a secret.

use crate::world::{Answer, PASSWORD, World};
use reqwest::Method;
use serde_json::{Value, json};

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
