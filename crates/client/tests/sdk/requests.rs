//! Calls to services: headers, replays, waits, and where credentials do not go.

use crate::rude::{Rude, answer, signed_in};
use crate::world::{StoppedClock, World};
use client::{
    CallError, Client, Credential, Family, Method, Replay, Secret, SignInError, Source, StatusCode,
};
use std::sync::Arc;

const DEAD: &str = r#"{"error":{"code":"AUTH_01","message":"expired"}}"#;

fn of(rude: &Rude) -> (Client, Arc<StoppedClock>) {
    let clock = StoppedClock::new();
    let client = Client::builder(&rude.url).credential(World::credential(Family::V3, "ada", "pw"));
    (client.clock(clock.clone()).build().unwrap(), clock)
}

fn paths(rude: &Rude) -> Vec<String> {
    let first = |request: String| request.split(' ').nth(1).unwrap().to_owned();
    rude.heard().into_iter().map(first).collect()
}

#[tokio::test]
async fn a_call_is_answered_by_the_real_service() {
    let world = World::new().await;
    let client = world.ada();
    let url = format!("{}/session-service/api/v1/session/User", world.url);
    let reply = client.request(Method::GET, url).send().await.unwrap();
    assert_eq!(reply.status, 200);
    let user: serde_json::Value = reply.json().await.unwrap();
    assert_eq!(user["name"], "ada");
}

#[tokio::test]
async fn a_call_outlives_a_session_that_ended_elsewhere() {
    let world = World::new().await;
    let client = world.ada();
    let url = format!("{}/session-service/api/v1/session/User", world.url);
    client.session().await.unwrap();
    world.end_all().await;
    assert_eq!(client.request(Method::GET, &url).send().await.unwrap().status, 200);
    assert_eq!(world.number("sessions_opened_total").await, 2);
}

#[tokio::test]
async fn a_job_across_three_session_lifetimes_sees_no_failed_call() {
    let world = World::new().await;
    let client = world.ada();
    let url = format!("{}/gate", world.url);
    for minute in (0..100).step_by(5) {
        if minute == 50 {
            world.end_all().await;
        }
        let reply = client.request(Method::GET, &url).send().await.unwrap();
        assert_eq!(reply.status, 200, "minute {minute}");
        world.clock.later(5);
    }
    assert_eq!(world.number("sessions_opened_total").await, 2);
}

#[tokio::test]
async fn a_missing_permission_is_no_reason_to_sign_in_again() {
    let denied =
        answer("403 Forbidden", "application/json", r#"{"error":{"code":"AUTH_02","message":"no"}}"#);
    let rude = Rude::answering(&[&signed_in("s1"), &denied]).await;
    let reply = of(&rude).0.request(Method::GET, "/api/v2/task").send().await.unwrap();
    assert_eq!(reply.status, 403);
    assert!(String::from_utf8_lossy(&reply.bytes().await.unwrap()).contains("AUTH_02"));
    assert_eq!(paths(&rude), ["/saas/public/core/v3/login", "/saas/api/v2/task"]);
}

#[tokio::test]
async fn each_sign_of_a_dead_session_leads_to_one_replay() {
    let invalid = answer("200 OK", "application/json", r#"{"timeUntilExpire":0,"isValidToken":false}"#);
    let fine = answer("200 OK", "application/json", "[]");
    for dead in [
        answer("401 Unauthorized", "application/json", DEAD),
        answer("403 Forbidden", "application/json", DEAD),
        answer("200 OK", "text/html; charset=utf-8", "<html>"),
        answer("302 Found\r\nLocation: /identity-service/home", "text/plain", ""),
    ] {
        let rude = Rude::answering(&[&signed_in("s1"), &dead, &invalid, &signed_in("s2"), &fine]).await;
        let reply = of(&rude).0.request(Method::GET, "/api/v2/task").send().await.unwrap();
        assert_eq!(reply.status, 200, "{dead}");
        let heard = rude.heard();
        assert_eq!(heard.len(), 5, "{dead}");
        assert!(heard[1].contains("icsessionid: s1") && heard[4].contains("icsessionid: s2"), "{heard:?}");
    }
}

#[tokio::test]
async fn a_session_that_is_alive_is_not_replaced_whatever_a_service_says() {
    let valid = answer("200 OK", "application/json", r#"{"timeUntilExpire":29,"isValidToken":true}"#);
    let dead = answer("401 Unauthorized", "application/json", DEAD);
    let rude = Rude::answering(&[&signed_in("s1"), &dead, &valid]).await;
    let reply = of(&rude).0.request(Method::GET, "/api/v2/task").send().await.unwrap();
    assert_eq!(reply.status, 401);
    assert_eq!(rude.heard().len(), 3);
}

#[tokio::test]
async fn what_is_not_safe_is_replayed_only_when_the_caller_says_so() {
    let invalid = answer("200 OK", "application/json", r#"{"isValidToken":false}"#);
    let dead = answer("401 Unauthorized", "application/json", DEAD);
    let fine = answer("200 OK", "application/json", "{}");
    let script = [&*signed_in("s1"), &dead, &invalid, &signed_in("s2"), &fine];
    let rude = Rude::answering(&script).await;
    let (client, _) = of(&rude);
    let reply = client.request(Method::POST, "/api/v2/job").body("{}").send().await.unwrap();
    assert_eq!(reply.status, 401);
    // The next call finds a session that was opened meanwhile.
    assert_eq!(client.request(Method::GET, "/api/v2/job").send().await.unwrap().status, 200);
    assert_eq!(rude.heard().len(), 5);
    let rude = Rude::answering(&script).await;
    let call = of(&rude).0.request(Method::POST, "/api/v2/job").body("{\"a\":1}").replay(Replay::Safe);
    assert_eq!(call.send().await.unwrap().status, 200);
    assert!(rude.heard()[4].ends_with("{\"a\":1}"));
}

#[tokio::test]
async fn a_busy_service_is_given_the_time_it_wants() {
    let busy = answer("429 Too Many Requests\r\nRetry-After: 7", "application/json", "{}");
    let fine = answer("200 OK", "application/json", "{}");
    let rude = Rude::answering(&[&signed_in("s1"), &busy, &fine]).await;
    let (client, clock) = of(&rude);
    assert_eq!(client.request(Method::POST, "/api/v2/job").send().await.unwrap().status, 200);
    let [wait] = clock.waits()[..] else { panic!("{:?}", clock.waits()) };
    assert!((7.0..=10.5).contains(&wait.as_secs_f64()), "{wait:?}");
    let tomorrow = answer("429 Too Many Requests\r\nRetry-After: 86400", "application/json", "{}");
    let rude = Rude::answering(&[&signed_in("s1"), &tomorrow]).await;
    let reply = of(&rude).0.request(Method::GET, "/api/v2/job").send().await.unwrap();
    assert_eq!((reply.status, rude.heard().len()), (StatusCode::TOO_MANY_REQUESTS, 2));
}

#[tokio::test]
async fn a_failing_service_is_asked_again_only_for_what_is_safe() {
    let broken = answer("503 Service Unavailable", "application/json", "{}");
    let rude = Rude::answering(&[&signed_in("s1"), &broken]).await;
    assert_eq!(of(&rude).0.request(Method::POST, "/api/v2/job").send().await.unwrap().status, 503);
    assert_eq!(rude.heard().len(), 2);
    let rude = Rude::answering(&[&signed_in("s1"), &broken]).await;
    assert_eq!(of(&rude).0.request(Method::GET, "/api/v2/job").send().await.unwrap().status, 503);
    assert_eq!(rude.heard().len(), 5);
}

#[tokio::test]
async fn no_session_goes_to_a_foreign_host() {
    let world = World::new().await;
    let error = world.ada().request(Method::GET, "https://evil.example/x").send().await.unwrap_err();
    assert!(matches!(error, CallError::ForeignHost { ref host } if host == "evil.example"), "{error:?}");
    let away = answer("302 Found\r\nLocation: http://evil.localhost:1/x", "text/plain", "");
    let rude = Rude::answering(&[&signed_in("s1"), &away]).await;
    let reply = of(&rude).0.request(Method::GET, "/api/v2/job").send().await.unwrap();
    assert_eq!((reply.status, rude.heard().len()), (StatusCode::FOUND, 2));
}

#[tokio::test]
async fn a_page_or_a_redirect_is_no_login_host_and_no_refusal() {
    for odd in [
        answer("200 OK", "text/html", "<html>"),
        answer("200 OK", "application/json", "surprise"),
        answer("307 Temporary Redirect\r\nLocation: https://evil.example/", "text/plain", ""),
    ] {
        let rude = Rude::answering(&[&odd]).await;
        let (client, _) = of(&rude);
        for _ in 0..2 {
            let error = client.session().await.unwrap_err();
            assert!(matches!(error, SignInError::WrongUrl(_)), "{error:?}");
        }
        assert_eq!(rude.heard().len(), 2);
    }
}

#[tokio::test]
async fn an_answer_cut_short_is_a_network_error() {
    let cut =
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{\"userInfo\":";
    let rude = Rude::answering(&[cut]).await;
    let error = of(&rude).0.session().await.unwrap_err();
    assert!(matches!(error, SignInError::Network(_)), "{error:?}");
    assert_eq!(rude.heard().len(), 1);
}

#[tokio::test]
async fn a_busy_login_host_judged_no_password() {
    let busy = answer("429 Too Many Requests\r\nRetry-After: 3", "application/json", "{}");
    let rude = Rude::answering(&[&busy, &signed_in("s1")]).await;
    let (client, clock) = of(&rude);
    assert_eq!(client.session().await.unwrap().id.expose(), "s1");
    assert_eq!(clock.waits().len(), 1);
}

#[tokio::test]
async fn other_credentials_are_sent_as_their_doors_want_them() {
    let v2 = r#"{"icSessionId":"s1","serverUrl":"https://a.example/saas","orgUuid":"o","name":"ada"}"#;
    let source = || Source::Value(Secret::new("proof\n"));
    for (credential, first, body) in [
        (
            Credential::Saml { org_id: "o".to_owned(), assertion: source() },
            "POST /ma/api/v2/user/loginSaml ",
            r#"{"samlToken":"proof","orgId":"o"}"#,
        ),
        (
            Credential::Bearer { org_id: "o".to_owned(), token: source() },
            "POST /ma/api/v2/user/loginOAuth ",
            r#"{"oauthToken":"proof","orgId":"o"}"#,
        ),
    ] {
        let rude = Rude::answering(&[&answer("200 OK", "application/json", v2)]).await;
        let client = Client::builder(&rude.url).credential(credential).build().unwrap();
        assert_eq!(client.session().await.unwrap().user, "ada");
        let heard = rude.heard();
        assert!(heard[0].starts_with(first) && heard[0].ends_with(body), "{heard:?}");
    }
    let token = answer("200 OK", "application/json", r#"{"access_token":"t","expires_in":300}"#);
    let rude = Rude::answering(&[&token]).await;
    let credential = Credential::Client { id: "cid".to_owned(), secret: source() };
    let client = Client::builder(&rude.url).credential(credential).build().unwrap();
    assert!(matches!(client.session().await, Err(SignInError::NoSession)));
    assert_eq!(client.token().await.unwrap().value.expose(), "t");
    let heard = rude.heard();
    // cid:proof
    assert!(heard[0].contains("authorization: Basic Y2lkOnByb29m"), "{heard:?}");
    assert!(heard[0].ends_with("grant_type=client_credentials"));
}
