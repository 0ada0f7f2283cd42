//! The record: what is in it, what never is, and that it can be verified whatever happened at once.

use crate::world::{Door, World, minutes};
use domain::access;
use domain::audit::export::export;
use domain::audit::line::{HEAD, Speller};
use domain::audit::seal;
use domain::audit::verify::{Demands, Fault, Verdict, Verifier};
use futures_util::future::join_all;
use http::Method;

/// An export of everything.
pub async fn record(world: &World) -> Vec<String> {
    let (mut lines, mut speller) = (vec![HEAD.to_owned()], Speller::default());
    let permit = access::may_read_audit(&world.operator);
    let mut export = export(&world.app.cx, permit, None).await.unwrap();
    loop {
        let items = export.next().await.unwrap();
        if items.is_empty() {
            return lines;
        }
        lines.extend(items.iter().flat_map(|item| speller.lines(item)));
    }
}

/// The same with what waits to be written.
async fn written(world: &World) -> Vec<String> {
    seal::tend(&world.app.cx).await.unwrap();
    record(world).await
}

pub fn verify(lines: &[String]) -> Result<Verdict, Fault> {
    let mut verifier = Verifier::new(Demands::default());
    lines.iter().try_for_each(|line| verifier.read(line))?;
    verifier.finish()
}

/// The events of one kind, without the entry around them.
fn events(lines: &[String], kind: &str) -> Vec<serde_json::Value> {
    let entries = lines.iter().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    entries.map(|entry| entry["event"].clone()).filter(|event| event["event"] == kind).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_sign_ins_at_once_leave_one_chain() {
    let world = World::set_up(crate::world::SEED, |config| {
        config.password.queue = 3_000;
        config.password.queue_seconds = 600;
    })
    .await;
    let sign_ins = (0..500).map(|number| {
        let (name, password) = [("ada", "correct horse"), ("bob", "battery staple")][number % 2];
        world.sign_in(Door::ALL[number % 5], name, password)
    });
    let answers = join_all(sign_ins.map(|question| tokio::spawn(question.into_future()))).await;
    assert!(answers.iter().all(|answer| answer.as_ref().unwrap().status == 200));
    seal::close(&world.app.cx).await.unwrap();
    let lines = record(&world).await;
    let verdict = verify(&lines).unwrap();
    assert_eq!((verdict.last, verdict.checkpoints), (502, 2), "the key, the seed and the sign-ins");
    assert_eq!(events(&lines, "signed_in").len(), 500);
}

#[tokio::test]
async fn tokens_are_recorded_a_moment_later_and_many_together() {
    let world = World::new().await;
    let (ada, bob) = (world.ada().await, world.session(Door::V3, "bob", "battery staple").await);
    for session in [&ada, &bob, &ada] {
        world.token(session).await;
    }
    assert!(events(&record(&world).await, "tokens_minted").is_empty());
    seal::tend(&world.app.cx).await.unwrap();
    let minted = events(&record(&world).await, "tokens_minted");
    let tokens = minted[0]["tokens"].as_array().unwrap();
    assert_eq!((minted.len(), tokens.len()), (1, 3));
    assert_eq!(tokens[0]["session"], tokens[2]["session"]);
    assert_ne!(tokens[0]["session"], tokens[1]["session"]);
    assert_eq!((&tokens[0]["client"], tokens[0]["iat"].as_i64()), (&"idmc_api".into(), Some(1_768_473_000)));
}

#[tokio::test]
async fn attempts_on_a_locked_name_are_two_entries_however_many_they_are() {
    let world = World::new().await;
    for _ in 0..10 {
        assert_eq!(world.sign_in(Door::V1, "ada", "wrong").await.status, 401);
    }
    for door in Door::ALL.into_iter().cycle().take(23) {
        assert_ne!(world.sign_in(door, "ada", "correct horse").await.status, 200);
    }
    let counts = async || {
        seal::tend(&world.app.cx).await.unwrap();
        let attempts = events(&record(&world).await, "locked_attempts");
        attempts.iter().map(|event| event["count"].as_i64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(counts().await, [1]);
    world.later(minutes(15));
    assert_eq!(counts().await, [1, 22]);
    assert_eq!(world.sign_in(Door::V1, "ada", "correct horse").await.status, 200);
    assert_eq!(counts().await, [1, 22]);
}

#[tokio::test]
async fn old_entries_are_let_go_with_a_signed_cut_and_the_rest_is_whole() {
    let world = World::set_up(crate::world::SEED, |config| config.audit.retention_days = 30).await;
    let days = |count: u32| minutes(count * 24 * 60);
    let tidy = async || server::jobs::tidy(&world.app, &world.operator).await.unwrap();
    world.ada().await;
    tidy().await;
    world.later(days(29));
    world.ada().await;
    tidy().await;
    assert_eq!(verify(&record(&world).await).unwrap().start, None);
    world.later(days(2));
    tidy().await;
    let lines = record(&world).await;
    let verdict = verify(&lines).unwrap();
    assert_eq!(verdict.start.map(|start| (start.seq, start.kind.word())), Some((3, "cut")));
    assert_eq!((verdict.last, events(&lines, "audit_cut")[0]["through"].as_i64()), (5, Some(3)));
}

#[tokio::test]
async fn no_secret_is_in_the_record() {
    let jwt = crate::world::SEED.replacen("id = \"5mY", "authentication_type = \"jwt\"\nid = \"5mY", 1);
    let mut secrets = vec!["correct horse".to_owned(), "canary-wrong".into(), "canary-name".into()];
    let mut lines = Vec::new();
    for seed in [crate::world::SEED, &jwt] {
        let world = World::of(seed).await;
        for door in Door::ALL {
            let session = world.session(door, "ada", "correct horse").await;
            secrets.push(world.token(&session).await);
            for path in ["/identity-service/api/v1/Logout", "/ma/api/v2/user/logout"] {
                world.post(path).header("IDS-SESSION-ID", &session).await;
            }
            secrets.push(session);
            world.sign_in(door, "canary-name", "canary-wrong").await;
            world.sign_in(door, "bob", "canary-wrong").await;
        }
        for _ in 0..12 {
            world.sign_in(Door::V1, "bob", "canary-wrong").await;
        }
        world.rotate_keys().await;
        seal::close(&world.app.cx).await.unwrap();
        lines.extend(record(&world).await);
    }
    let all = lines.join("\n");
    assert!(
        ["signed_in", "tokens_minted", "locked_attempts", "key_rotated"]
            .iter()
            .all(|kind| all.contains(kind))
    );
    // A JWT has three parts, and none of them may be there either.
    let parts = secrets.iter().flat_map(|secret| secret.split('.'));
    let found: Vec<_> = parts.filter(|part| all.contains(part)).collect();
    assert!(found.is_empty(), "{found:?}");
}

#[tokio::test]
async fn an_act_that_was_denied_is_recorded_with_who_what_and_on_what() {
    let world = World::new().await;
    let bob = world.session(Door::V1, "bob", "battery staple").await;
    let ada = world.account("ada").await.user.id.base62();
    let eve = world.account("eve").await.user.id.base62();
    let tries = [
        (Method::DELETE, format!("/saas/public/core/v3/users/{ada}")),
        (Method::DELETE, format!("/saas/public/core/v3/USERS/{ada}")),
        (Method::DELETE, format!("/saas/public/core/v3/users/{eve}")),
        (Method::GET, "/latchkey/v1/orgs/5mYdXw9KcJhaf3LrN8pQ2v/sessions".to_owned()),
        (Method::GET, "/saas/public/core/v3/Orgs/5mYdXw9KcJhaf3LrN8pQ2v/IdentityProviders".to_owned()),
        (Method::POST, "/ma/api/v2/user/logoutall".to_owned()),
    ];
    for (method, path) in tries {
        assert_eq!(world.ask(method, &path).header("icSessionId", &bob).await.status, 403, "{path}");
    }
    let by_password = r#"{"@type":"logout","username":"bob","password":"battery staple"}"#;
    assert_eq!(world.post("/ma/api/v2/user/logoutall").json(by_password).await.status, 403);
    let lines = written(&world).await;
    let told: Vec<_> = events(&lines, "denied")
        .iter()
        .map(|event| format!("{} {}", event["act"].as_str().unwrap(), event["on"]))
        .collect();
    assert_eq!(
        told,
        [
            format!("DELETE /saas/public/core/v3/users/{{id}} {{\"user\":\"{ada}\"}}"),
            format!("DELETE /saas/public/core/v3/users/{{id}} {{\"user\":\"{ada}\"}}"),
            "DELETE /saas/public/core/v3/users/{id} null".to_owned(),
            "GET /latchkey/v1/orgs/{id}/sessions {\"org\":\"5mYdXw9KcJhaf3LrN8pQ2v\"}".to_owned(),
            "GET /saas/public/core/v3/Orgs/{org}/IdentityProviders {\"org\":\"5mYdXw9KcJhaf3LrN8pQ2v\"}"
                .to_owned(),
            "POST /ma/api/v2/user/logoutall null".to_owned(),
            "POST /ma/api/v2/user/logoutall null".to_owned(),
        ]
    );
    assert!(!lines.join("\n").contains(&bob));
    let ada = world.ada().await;
    let log = world.get("/saas/api/v2/auditlog?batchSize=9").header("icSessionId", &ada).await;
    let denied: Vec<_> =
        log.json().as_array().unwrap().iter().filter(|it| it["event"] == "ACCESS_DENIED").cloned().collect();
    assert_eq!((&denied[6]["username"], &denied[6]["objectName"]), (&"bob".into(), &"ada".into()), "{log}");
    assert_eq!(denied[6]["eventParam"], "DELETE /saas/public/core/v3/users/{id}");
}

#[tokio::test]
async fn a_token_that_was_not_minted_is_recorded_without_what_was_asked_for() {
    let world = World::new().await;
    let ada = world.ada().await;
    let path = "/identity-service/api/v1/jwt/Token?client_id=canary-client&nonce=canary-nonce";
    assert_eq!(world.get(path).header("IDS-SESSION-ID", &ada).await.status, 400);
    let lines = written(&world).await;
    let refused = events(&lines, "mint_refused");
    assert_eq!((refused.len(), &refused[0]["reason"]), (1, &"unknown_client".into()));
    assert!(!lines.join("\n").contains("canary"));
}

#[tokio::test]
async fn a_flood_of_denied_acts_is_recorded_up_to_a_number_and_the_rest_is_counted() {
    let world = World::new().await;
    let bob = world.session(Door::V1, "bob", "battery staple").await;
    for _ in 0..650 {
        assert_eq!(world.get("/saas/api/v2/user").header("icSessionId", &bob).await.status, 403);
    }
    let lines = written(&world).await;
    assert_eq!(events(&lines, "denied").len(), 600);
    assert_eq!(events(&lines, "not_recorded")[0]["count"], 50);
    let numbers = world.get("/metrics").await.body;
    assert!(numbers.contains("\nlatchkey_audit_not_recorded_total 50\n"), "{numbers}");
    world.later(minutes(1));
    assert_eq!(world.get("/saas/api/v2/user").header("icSessionId", &bob).await.status, 403);
    assert_eq!(events(&written(&world).await, "denied").len(), 601);
}
