//! Passwords as they grow old: what may not come back, what has to be changed, and what stands for a forgotten one.

use crate::answer::Answer;
use crate::world::{Door, Question, World, minutes};
use domain::name::CanonicalName;
use domain::store::Directory;
use http::Method;

const DAY: u32 = 24 * 60;

const REFUSED: &str = r#"400 {"error":{"code":"IDS_085","message":"User name or password is not valid.","requestId":"$request","details":null}}"#;

const USED: &str = r#"400 {"error":{"code":"LK_PASSWORD","message":"The password was not taken: this password was used before.","requestId":"$request","details":null}}"#;

async fn decide(world: &World, body: &str) {
    let ada = world.ada().await;
    let path = "/latchkey/v1/orgs/5mYdXw9KcJhaf3LrN8pQ2v/policy";
    let answer = world.ask(Method::PATCH, path).header("IDS-SESSION-ID", &ada).json(body).await;
    assert_eq!(answer.status, 200, "{answer}");
}

async fn change(world: &World, old: &str, new: &str) -> Answer {
    let bob = world.session(Door::V3, "bob", old).await;
    let body = serde_json::json!({"oldPassword": old, "newPassword": new}).to_string();
    world.post("/saas/public/core/v3/users/ChangePassword").header("INFA-SESSION-ID", &bob).json(&body).await
}

fn reset(world: &World, user: &str, answer: &str, new: &str) -> Question {
    let body = serde_json::json!({"userId": user, "securityAnswer": answer, "newPassword": new}).to_string();
    world.post("/saas/public/core/v3/Users/ResetPassword").json(&body)
}

async fn id(world: &World, name: &str) -> String {
    world.account(name).await.user.id.base62()
}

#[tokio::test]
async fn a_password_does_not_come_back_before_its_time() {
    let world = World::new().await;
    decide(&world, r#"{"passwordReuseDays":90}"#).await;
    change(&world, "battery staple", "battery staple").await.is(USED);
    change(&world, "battery staple", "the second one").await.is("200");
    change(&world, "the second one", "battery staple").await.is(USED);
    let ada = world.ada().await;
    let body = serde_json::json!({"userId": id(&world, "bob").await, "newPassword": "battery staple"});
    let give = world.post("/saas/public/core/v3/users/ChangePassword").header("INFA-SESSION-ID", &ada);
    give.json(&body.to_string()).await.is(USED);
    world.later(minutes(90 * DAY));
    change(&world, "the second one", "battery staple").await.is("200");
}

#[tokio::test]
async fn where_nothing_is_decided_a_password_may_come_back() {
    let world = World::new().await;
    change(&world, "battery staple", "battery staple").await.is("200");
}

#[tokio::test]
async fn an_old_password_signs_in_and_has_to_be_changed() {
    let world = World::new().await;
    let forced = async |name: &str, password: &str| {
        let login = world.sign_in(Door::V2, name, password).await;
        assert_eq!(login.status, 200, "{login}");
        login.json()["forceChangePassword"].as_bool().unwrap()
    };
    world.later(minutes(400 * DAY));
    decide(&world, r#"{"passwordExpirationDays":30}"#).await;
    // Passwords that were good for ever begin to grow old when the org says so.
    assert!(!forced("bob", "battery staple").await);
    world.later(minutes(30 * DAY - 1));
    assert!(!forced("bob", "battery staple").await);
    world.later(minutes(1));
    assert!(forced("bob", "battery staple").await);
    let ada = world.ada().await;
    let users = world.get("/saas/public/core/v3/users?q=userName==bob").header("INFA-SESSION-ID", &ada).await;
    assert_eq!(users.json()[0]["forcePasswordChange"], true);
    change(&world, "battery staple", "the second one").await.is("200");
    assert!(!forced("bob", "the second one").await);
    world.later(minutes(30 * DAY));
    assert!(forced("bob", "the second one").await);
    decide(&world, r#"{"passwordExpirationDays":0}"#).await;
    assert!(!forced("bob", "the second one").await);
}

#[tokio::test]
async fn who_signs_in_elsewhere_is_given_no_password() {
    let world = World::new().await;
    let (ada, sam) = (world.ada().await, id(&world, "saml.sam").await);
    let none = r#"400 {"error":{"code":"V3API_007","message":"This user signs in at an identity provider and has no password here.","requestId":"$request","details":null}}"#;
    let body = serde_json::json!({"userId": sam, "newPassword": "a good one"}).to_string();
    let give = world.post("/saas/public/core/v3/users/ChangePassword").header("INFA-SESSION-ID", &ada);
    give.json(&body).await.is(none);
    let patch = world.ask(Method::PATCH, &format!("/saas/public/core/v3/users/{sam}"));
    patch.header("INFA-SESSION-ID", &ada).json(r#"{"securityAnswer":"Fluffy"}"#).await.is(none);
    assert!(world.account("saml.sam").await.password.is_none());
}

#[tokio::test]
async fn the_answer_to_the_security_question_stands_for_a_forgotten_password() {
    let world = World::new().await;
    let (bob, user) = (world.session(Door::V1, "bob", "battery staple").await, id(&world, "bob").await);
    let set = |password: &str, answer: &str| {
        let body = serde_json::json!({"password": password, "securityAnswer": answer}).to_string();
        world.ask(Method::PUT, "/latchkey/v1/security-answer").header("IDS-SESSION-ID", &bob).json(&body)
    };
    reset(&world, &user, "Fluffy", "a better one").await.is(REFUSED);
    assert_eq!(set("wrong", "Fluffy").await.status, 401);
    assert_eq!(set("battery staple", "cat").await.status, 400);
    set("battery staple", " Fluffy").await.is("204");
    reset(&world, &user, "Rex the dog", "a better one").await.is(REFUSED);
    reset(&world, &user, "fluffy ", "bob").await.is(r#"400 {"error":{"code":"LK_PASSWORD","message":"The password was not taken: a password has at least 8 characters.","requestId":"$request","details":null}}"#);
    reset(&world, &user, "fluffy ", "a better one").await.is("200");
    assert!(!world.is_alive(&bob).await);
    assert_eq!(world.sign_in(Door::V1, "bob", "battery staple").await.status, 401);
    world.session(Door::V1, "bob", "a better one").await;
    let events = world.events().await;
    assert!(events.iter().all(|event| !event.to_string().to_lowercase().contains("fluffy")));
}

#[tokio::test]
async fn an_administrator_sets_question_and_answer_with_the_user() {
    let world = World::new().await;
    let ada = world.ada().await;
    let add =
        |body: &str| world.post("/saas/public/core/v3/users").header("INFA-SESSION-ID", &ada).json(body);
    let cleo = |answer: &str| {
        format!(
            r#"{{"name":"cleo","firstName":"C","lastName":"D","email":"c@acme.test","password":"a good one","roles":["Designer"],"securityQuestion":"PET_NAME","securityAnswer":"{answer}"}}"#
        )
    };
    add(&cleo("cat")).await.is(r#"400 {"error":{"code":"LK_PASSWORD","message":"The answer was not taken: the answer to a security question has at least 4 characters.","requestId":"$request","details":null}}"#);
    let added = add(&cleo("Fluffy")).await;
    assert_eq!((added.status.as_u16(), added.body.contains("luffy")), (201, false), "{added}");
    let user = added.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(world.account("cleo").await.user.profile.security_question(), "PET_NAME");
    reset(&world, &user, "FLUFFY", "a better one").await.is("200");
    let patch = world.ask(Method::PATCH, &format!("/saas/public/core/v3/users/{user}"));
    let patched = patch.header("INFA-SESSION-ID", &ada).json(r#"{"securityAnswer":"Rex the dog"}"#).await;
    assert_eq!(patched.status, 200, "{patched}");
    reset(&world, &user, "Fluffy", "a third one!").await.is(REFUSED);
    reset(&world, &user, "rex the dog", "a third one!").await.is("200");
    // Whoever set the answer is kept out with whoever knew the password.
    let given = serde_json::json!({"userId": user, "newPassword": "a fourth one"}).to_string();
    let give = world.post("/saas/public/core/v3/users/ChangePassword").header("INFA-SESSION-ID", &ada);
    give.json(&given).await.is("200");
    reset(&world, &user, "rex the dog", "a fifth one!").await.is(REFUSED);
}

#[tokio::test]
async fn nobody_sets_their_own_answer_without_their_password() {
    let world = World::new().await;
    let ada = world.ada().await;
    let own = format!("/saas/public/core/v3/users/{}", id(&world, "ada").await);
    let patch = world.ask(Method::PATCH, &own).header("INFA-SESSION-ID", &ada);
    assert_eq!(patch.json(r#"{"securityAnswer":"Rex the dog"}"#).await.status, 403);
    let saml = r#"{"name":"sam2","firstName":"S","lastName":"A","email":"s@acme.test","authentication":1,"aliasName":"sam2","roles":["Designer"],"securityAnswer":"Rex the dog"}"#;
    let add = world.post("/saas/public/core/v3/users").header("INFA-SESSION-ID", &ada).json(saml).await;
    assert_eq!(add.status, 400, "{add}");
    assert!(world.store.account(&CanonicalName::of("sam2")).await.unwrap().is_none());
}

#[tokio::test]
async fn every_refused_reset_is_the_same_costs_one_hash_and_locks() {
    let world = World::new().await;
    let mut answers = Vec::new();
    for whose in ["bob", "disabled.dan", "saml.sam"] {
        answers.push(id(&world, whose).await);
    }
    answers.extend(["3fTqk0ZpXyLr9bWcV2uN7e".to_owned(), "no id at all".to_owned()]);
    for user in &answers {
        for _ in 0..10 {
            let before = world.compared();
            reset(&world, user, "wrong", "a better one").await.is(REFUSED);
            assert_eq!(world.compared(), before + 1, "{user}");
        }
        let locked = reset(&world, user, "wrong", "a better one").await;
        assert!(locked.body.contains("IDS_086"), "{user}: {locked}");
    }
    // The counter is that of the name, whatever was tried.
    assert!(world.sign_in(Door::V1, "bob", "battery staple").await.body.contains("IDS_086"));
}
