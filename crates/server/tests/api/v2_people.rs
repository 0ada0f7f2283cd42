//! Users, orgs and the log through platform v2, as JSON and as XML.

use crate::answer::Answer;
use crate::world::{Question, World, minutes};
use http::Method;

const NOT_ALLOWED: &str =
    r#"403 {"@type":"error","code":"LK_DENIED","description":"This user may not do that.","statusCode":403}"#;
const UNKNOWN: &str = r#"404 {"@type":"error","code":"LK_NOT_FOUND","description":"Nothing here has that id or name.","statusCode":404}"#;

fn ask(world: &World, method: Method, path: &str, session: &str) -> Question {
    let path = world.notebook.fill(path);
    world.ask(method, &format!("/saas/api/v2/{path}")).header("icSessionId", session)
}

async fn get(world: &World, path: &str, session: &str) -> Answer {
    ask(world, Method::GET, path, session).await
}

const BOB: &str = r#"{"@type":"user","id":"$user_bob","orgId":"5mYdXw9KcJhaf3LrN8pQ2v","orgUuid":"$uuid","uuid":"$user_bob","name":"bob","description":"","createTime":"2026-01-15T10:30:00.000Z","updateTime":"2026-01-15T10:30:00.000Z","createdBy":"System","updatedBy":"System","firstName":"","lastName":"","title":"","password":"********","phone":"","emails":"","timezone":"America/Los_Angeles","serverUrl":"https://usw1.dm-us.latchkey.test/saas","spiUrl":"https://usw1.dm-us.latchkey.test/saas","securityQuestion":"","securityAnswer":"","forceChangePassword":false,"optOutOfEmails":false,"usergroups":[],"roles":[{"@type":"role","name":"Service Consumer","description":"Role for running assets that others created"}]}"#;

async fn world_with_bob() -> (World, String, String) {
    let world = World::new().await;
    let (ada, eve) = (world.ada().await, world.session(crate::world::Door::V2, "eve", "other side").await);
    let found = get(&world, "user/name/bob", &ada).await;
    world.notebook.write("user_bob", found.json()["id"].as_str().unwrap());
    world.notebook.write("uuid", found.json()["orgUuid"].as_str().unwrap());
    (world, ada, eve)
}

#[tokio::test]
async fn users_are_read_described_and_removed() {
    let (world, ada, eve) = world_with_bob().await;
    for path in ["user/name/bob", "user/name/BOB", "user/$user_bob"] {
        get(&world, path, &ada).await.is(&format!("200 {BOB}"));
        get(&world, path, &eve).await.is(UNKNOWN);
    }
    let all = get(&world, "user", &ada).await;
    assert!(all.body.contains(&world.notebook.fill(BOB)), "{all}");
    let names: Vec<_> = all.json().as_array().unwrap().iter().map(|it| it["name"].clone()).collect();
    assert_eq!(names, ["ada", "bob", "disabled.dan", "saml.sam"]);
    get(&world, "user?skip=4", &ada).await.is("200 []");
    world.later(minutes(1));
    let titled = BOB
        .replace(r#""title":"""#, r#""title":"Builder""#)
        .replace(r#""updateTime":"2026-01-15T10:30"#, r#""updateTime":"2026-01-15T10:31"#)
        .replace(r#""updatedBy":"System""#, r#""updatedBy":"ada""#);
    let change = |session: &str| ask(&world, Method::POST, "user/$user_bob", session);
    change(&ada).json(r#"{"@type":"user","title":"Builder"}"#).await.is(&format!("200 {titled}"));
    change(&eve).json(r#"{"title":"Mine"}"#).await.is(UNKNOWN);
    let xml = [("Content-Type", "application/xml"), ("Accept", "application/xml")];
    let told = change(&ada).headers(xml).body("<user><title>Mason</title></user>").await;
    assert!(told.body.contains("<title>Mason</title>") && !told.body.contains("icSessionId"), "{told}");
    let bob = world.session(crate::world::Door::V2, "bob", "battery staple").await;
    get(&world, "user", &bob).await.is(NOT_ALLOWED);
    ask(&world, Method::DELETE, "user/$user_bob", &eve).await.is(UNKNOWN);
    ask(&world, Method::DELETE, "user/$user_bob", &ada).await.is(r#"200 {"@type":"success"}"#);
    assert!(!world.is_alive(&bob).await);
    get(&world, "user/$user_bob", &ada).await.is(UNKNOWN);
}

#[tokio::test]
async fn an_org_is_read_by_its_own_people_alone() {
    let (world, ada, eve) = world_with_bob().await;
    let acme = r#"{"@type":"org","id":"5mYdXw9KcJhaf3LrN8pQ2v","orgId":"5mYdXw9KcJhaf3LrN8pQ2v","name":"Acme Prod","description":"","createTime":"2026-01-15T10:30:00.000Z","updateTime":"2026-01-15T10:30:00.000Z","createdBy":"System","updatedBy":"System","parentOrgId":"3IVhuMMFlm9ArWaIL8nvoe","address1":"","address2":"","address3":"","city":"","state":"","zipcode":"","country":"","timezone":"","employees":"","offerCode":"","minPasswordLength":8,"minPasswordCharMix":1,"passwordReuseInDays":0,"passwordExpirationInDays":0,"restApiSessionLimit":100000,"twoFactorAuthentication":false,"orgUUID":"5mYdXw9KcJhaf3LrN8pQ2v","ipAddressRanges":[],"subOrgs":[]}"#;
    for path in ["org", "org/5mYdXw9KcJhaf3LrN8pQ2v", "org/name/Acme%20Prod"] {
        get(&world, path, &ada).await.is(&format!("200 {acme}"));
    }
    for path in
        ["org/5mYdXw9KcJhaf3LrN8pQ2v", "org/name/Acme%20Prod", "org/3IVhuMMFlm9ArWaIL8nvoe", "org/nonsense"]
    {
        get(&world, path, &eve).await.is(UNKNOWN);
    }
    let bob = world.session(crate::world::Door::V2, "bob", "battery staple").await;
    get(&world, "org", &bob).await.is(NOT_ALLOWED);
}

#[tokio::test]
async fn the_audit_log_is_read_in_batches_and_as_xml() {
    let (world, ada, _) = world_with_bob().await;
    ask(&world, Method::DELETE, "user/$user_bob", &ada).await;
    let removed = r#"{"@type":"auditLogEntry","version":0,"id":"5","orgId":"5mYdXw9KcJhaf3LrN8pQ2v","username":"ada","entryTime":"2026-01-15T10:30:00.000Z","entryTimeUTC":"2026-01-15T10:30:00.000Z","objectId":"$user_bob","objectName":"$user_bob","category":"USER","event":"USER_REMOVED","eventParam":"","message":""}"#;
    get(&world, "auditlog?batchSize=1", &ada).await.is(&format!("200 [{removed}]"));
    let next = get(&world, "auditlog?batchId=1&batchSize=1", &ada).await;
    assert_eq!(next.json()[0]["event"], "LOGIN", "{next}");
    get(&world, "auditlog?batchId=2&batchSize=1", &ada).await.is("200 []");
    let xml = ask(&world, Method::GET, "auditlog", &ada).header("Accept", "application/xml").await;
    let begins = r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?><auditLogEntries><auditLogEntry><version>0</version><id>5</id>"#;
    assert!(xml.body.starts_with(begins) && xml.body.ends_with("</auditLogEntries>"), "{xml}");
}
