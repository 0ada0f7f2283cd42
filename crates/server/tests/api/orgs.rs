//! Orgs: a parent's administrator makes, changes and removes those below it, and what they may not.

use crate::answer::{Answer, DEAD};
use crate::world::{CARRIERS, Door, Question, World};
use http::Method;

const ACME: &str = "5mYdXw9KcJhaf3LrN8pQ2v";
const DENIED: &str = r#"403 [content-type: application/problem+json] {"type":"urn:latchkey:LK_DENIED","title":"Forbidden","status":403,"detail":"This user may not do that.","code":"LK_DENIED","requestId":"$request"}"#;
const UNKNOWN: &str = r#"404 [content-type: application/problem+json] {"type":"urn:latchkey:LK_NOT_FOUND","title":"Not Found","status":404,"detail":"Nothing here has that id or name.","code":"LK_NOT_FOUND","requestId":"$request"}"#;
const BOOKS: &str = r#"{"id":"$org","name":"Acme Books","parentId":"5mYdXw9KcJhaf3LrN8pQ2v","description":"Prints","region":null,"createdAt":"2026-01-15T10:30:00.000Z","updatedAt":"2026-01-15T10:30:00.000Z"}"#;

const REGISTRATION: &str = r#"{"@type":"registration","registrationCode":"ics-standard","sendEmail":"true",
"user":{"@type":"user","name":"nora","password":"a first one","firstName":"Nora","lastName":"Nix","title":"Boss","phone":"5550199","email":"n@sub.test","timezone":"Europe/Oslo","securityQuestion":"PET_NAME","securityAnswer":"canary","forceChangePassword":"false","optOutOfEmails":"true"},
"org":{"@type":"org","name":"Acme Sub","address1":"Street 1","city":"Oslo","country":"NO","timezone":"Europe/Oslo","employees":"0_10","offerCode":"X","campaignCode":"Y"}}"#;

fn ask(world: &World, session: &str, method: Method, path: &str) -> Question {
    world.ask(method, &world.notebook.fill(path)).header("IDS-SESSION-ID", session)
}

async fn eve(world: &World) -> String {
    world.session(Door::V1, "eve", "other side").await
}

/// A sub-org of Acme that nora administers; its id stands in the notebook as `sub`.
async fn registered(world: &World, ada: &str) -> String {
    let answer = ask(world, ada, Method::POST, "/saas/api/v2/user/register").json(REGISTRATION).await;
    assert_eq!(answer.status, 200, "{answer}");
    let answer = answer.json();
    world.notebook.write("org_sub", answer["orgId"].as_str().unwrap());
    world.notebook.write("user_nora", answer["id"].as_str().unwrap());
    world.session(Door::V3, "nora", "a first one").await
}

fn names(answer: &Answer) -> Vec<String> {
    let all = answer.json()["orgs"].as_array().unwrap().clone();
    all.iter().map(|org| org["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn an_org_is_added_read_changed_and_removed_by_those_above_it() {
    let world = World::new().await;
    let (ada, eve) = (world.ada().await, eve(&world).await);
    let bob = world.session(Door::V1, "bob", "battery staple").await;
    let all = "/latchkey/v1/orgs";
    let body = r#"{"name":"Acme Books","description":"Prints"}"#;
    ask(&world, &ada, Method::POST, all).json(body).await.is(&format!("201 {BOOKS}"));
    ask(&world, &bob, Method::POST, all).json(body).await.is(DENIED);
    let theirs = format!(r#"{{"name":"Mine","parentId":"{ACME}"}}"#);
    ask(&world, &eve, Method::POST, all).json(&theirs).await.is(UNKNOWN);
    let below = ask(&world, &ada, Method::POST, all)
        .json(&world.notebook.fill(r#"{"name":"Atlas","parentId":"$org"}"#))
        .await;
    world.notebook.write("org_atlas", below.json()["id"].as_str().unwrap());
    let listed = ask(&world, &ada, Method::GET, all).await;
    assert_eq!(names(&listed), ["Acme Books", "Acme Prod", "Atlas"]);
    assert_eq!(names(&ask(&world, &ada, Method::GET, "/latchkey/v1/orgs?limit=1&skip=2").await), ["Atlas"]);
    assert_eq!(names(&ask(&world, &eve, Method::GET, all).await), ["Globex"]);

    let one = "/latchkey/v1/orgs/$org";
    ask(&world, &ada, Method::GET, one).await.is(&format!("200 {BOOKS}"));
    for (method, body) in [(Method::GET, ""), (Method::PATCH, r#"{"name":"Mine"}"#), (Method::DELETE, "")] {
        ask(&world, &eve, method.clone(), one).json(body).await.is(UNKNOWN);
        ask(&world, &bob, method, one).json(body).await.is(DENIED);
    }
    let patch = |body: &str| ask(&world, &ada, Method::PATCH, one).json(body);
    let renamed = BOOKS.replace("Acme Books", "Books").replace("Prints", "");
    patch(r#"{"name":"Books","description":null}"#).await.is(&format!("200 {renamed}"));
    patch("{}").await.is(&format!("200 {renamed}"));
    for (body, what) in [
        (
            r#"{"id":"x"}"#,
            "unknown field `id`, expected one of `name`, `description`, `region` at line 1 column 5",
        ),
        (r#"{"name":null}"#, "a name is 1 to 255 characters that can be seen"),
        (r#"{"name":" "}"#, "a name is 1 to 255 characters that can be seen"),
        (r#"{"region":"mars"}"#, "no region has this name"),
    ] {
        let bad = r#"400 [content-type: application/problem+json] {"type":"urn:latchkey:V3API_007","title":"Bad Request","status":400,"detail":"Bad Request. Please check your request: $what.","code":"V3API_007","requestId":"$request"}"#;
        patch(body).await.is(&bad.replace("$what", what));
    }
    let conflict = r#"409 [content-type: application/problem+json] {"type":"urn:latchkey:LK_CONFLICT","title":"Conflict","status":409,"detail":"It cannot be so: it has sub-organizations.","code":"LK_CONFLICT","requestId":"$request"}"#;
    ask(&world, &ada, Method::DELETE, one).await.is(conflict);
    ask(&world, &ada, Method::DELETE, "/latchkey/v1/orgs/$org_atlas").await.is("204");
    ask(&world, &ada, Method::DELETE, one).await.is("204");
    ask(&world, &ada, Method::DELETE, one).await.is(UNKNOWN);
    ask(&world, &ada, Method::DELETE, &format!("/latchkey/v1/orgs/{ACME}")).await.is(DENIED);
    assert_eq!(written(&world).await, ["added", "added", "removed", "removed"]);
}

/// What the record says about orgs below others.
async fn written(world: &World) -> Vec<String> {
    let events = world.events().await;
    let told = events.iter().filter(|it| it["event"] == "sub_org_written");
    told.map(|it| it["how"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_region_is_for_somebody_above_to_say() {
    let world = World::set_up(crate::world::SEED, |config| {
        let region = "name = \"eu\"\nlogin_url = \"https://dm-em.latchkey.test\"";
        config.region.push(toml::from_str(region).unwrap());
    })
    .await;
    let ada = world.ada().await;
    let nora = registered(&world, &ada).await;
    let patch = |session: &str, org: &str| {
        ask(&world, session, Method::PATCH, &format!("/latchkey/v1/orgs/{org}"))
            .json(r#"{"region":"eu","name":"Moved"}"#)
    };
    patch(&ada, ACME).await.is(DENIED);
    patch(&nora, "$org_sub").await.is(DENIED);
    let moved = patch(&ada, "$org_sub").await;
    assert_eq!((&moved.json()["region"], &moved.json()["name"]), (&"eu".into(), &"Moved".into()), "{moved}");
    let refused = world.sign_in(Door::V3, "nora", "a first one").await;
    assert!(refused.body.contains("https://dm-em.latchkey.test"), "{refused}");
    let back =
        ask(&world, &ada, Method::PATCH, "/latchkey/v1/orgs/$org_sub").json(r#"{"region":null}"#).await;
    assert_eq!(back.json()["region"], serde_json::Value::Null);
    assert_eq!(world.sign_in(Door::V3, "nora", "a first one").await.status, 200);
}

#[tokio::test]
async fn an_org_that_is_removed_is_refused_on_the_next_call_by_every_carrier() {
    let world = World::new().await;
    let ada = world.ada().await;
    let nora = registered(&world, &ada).await;
    let token = world.token(&nora).await;
    let v3 = "/saas/public/core/v3";
    let post = |path: &str, body: &str| ask(&world, &nora, Method::POST, &format!("{v3}/{path}")).json(body);
    assert_eq!(post("roles", r#"{"name":"Support","privileges":["view.admin.log"]}"#).await.status, 201);
    assert_eq!(
        post(
            "userGroups",
            &world.notebook.fill(r#"{"name":"All","roles":["Support"],"users":["$user_nora"]}"#)
        )
        .await
        .status,
        201
    );
    assert_eq!(world.get("/gate").bearer(&token).await.status, 200);
    ask(&world, &nora, Method::DELETE, "/saas/api/v2/org/$org_sub").await.is(r#"403 {"@type":"error","code":"LK_DENIED","description":"This user may not do that.","statusCode":403}"#);
    ask(&world, &ada, Method::DELETE, "/saas/api/v2/org/$org_sub").await.is(r#"200 {"@type":"success"}"#);
    for carrier in CARRIERS {
        world.get("/gate").carrying(carrier(&nora)).await.is(DEAD);
    }
    world.get("/gate").bearer(&token).await.is(DEAD);
    assert_eq!(world.sign_in(Door::V1, "nora", "a first one").await.status, 401);
    ask(&world, &ada, Method::GET, "/saas/api/v2/org/$org_sub").await.is(r#"404 {"@type":"error","code":"LK_NOT_FOUND","description":"Nothing here has that id or name.","statusCode":404}"#);
    registered(&world, &ada).await;
}

#[tokio::test]
async fn who_has_not_every_privilege_removes_and_registers_no_org() {
    let world = World::new().await;
    let ada = world.ada().await;
    registered(&world, &ada).await;
    let v3 = "/saas/public/core/v3";
    let role = r#"{"name":"Clerk","privileges":["manage.admin.org","view.admin.org","manage.admin.users"]}"#;
    assert_eq!(ask(&world, &ada, Method::POST, &format!("{v3}/roles")).json(role).await.status, 201);
    let user = r#"{"name":"cleo","firstName":"C","lastName":"D","email":"c@acme.test","password":"a good one","roles":["Clerk"]}"#;
    assert_eq!(ask(&world, &ada, Method::POST, &format!("{v3}/users")).json(user).await.status, 201);
    let cleo = world.session(Door::V1, "cleo", "a good one").await;
    ask(&world, &cleo, Method::DELETE, "/latchkey/v1/orgs/$org_sub").await.is(DENIED);
    let other = REGISTRATION.replace("nora", "nina");
    assert_eq!(ask(&world, &cleo, Method::POST, "/saas/api/v2/user/register").json(&other).await.status, 403);
    assert_eq!(
        ask(&world, &cleo, Method::PATCH, "/latchkey/v1/orgs/$org_sub")
            .json(r#"{"name":"New"}"#)
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn a_sub_org_is_registered_with_its_first_user_or_not_at_all() {
    let world = World::new().await;
    let ada = world.ada().await;
    let nora = registered(&world, &ada).await;
    let shown = ask(&world, &nora, Method::GET, "/saas/api/v2/org").await;
    shown.is(r#"200 {"@type":"org","id":"$org_sub","orgId":"$org_sub","name":"Acme Sub","description":"","createTime":"2026-01-15T10:30:00.000Z","updateTime":"2026-01-15T10:30:00.000Z","createdBy":"ada","updatedBy":"ada","parentOrgId":"5mYdXw9KcJhaf3LrN8pQ2v","address1":"Street 1","address2":"","address3":"","city":"Oslo","state":"","zipcode":"","country":"NO","timezone":"Europe/Oslo","employees":"0_10","offerCode":"X","minPasswordLength":8,"minPasswordCharMix":1,"passwordReuseInDays":0,"passwordExpirationInDays":0,"restApiSessionLimit":100000,"twoFactorAuthentication":false,"orgUUID":"$org_sub","ipAddressRanges":[],"subOrgs":[]}"#);
    let user = ask(&world, &nora, Method::GET, "/saas/api/v2/user/name/nora").await;
    assert_eq!(user.json()["roles"][0]["name"], "Admin", "{user}");
    assert_eq!(
        (&user.json()["emails"], &user.json()["forceChangePassword"]),
        (&"n@sub.test".into(), &false.into())
    );
    for (from, to, status, word) in [
        ("\"nora\"", "\"ADA\"", 409, "Something else has that name."),
        ("\"nora\"", "\"no ra\"", 400, "a user name is an e-mail address"),
        ("a first one", "short", 400, "a password has at least 8 characters"),
        (r#""password":"a first one","#, "", 400, "the field password is missing or empty"),
        (r#""email":"n@sub.test","#, "", 400, "the field emails is missing or empty"),
        ("Acme Sub", "", 400, "the field name is missing or empty"),
        (r#""sendEmail":"true","#, r#""user":{},"#, 400, "the field user is there more than once"),
    ] {
        let body = REGISTRATION.replace(from, to).replace("\"nora\"", "\"nina\"");
        let answer = ask(&world, &ada, Method::POST, "/saas/api/v2/user/register").json(&body).await;
        assert!(answer.status == status && answer.body.contains(word), "{answer}");
    }
    let listed = ask(&world, &ada, Method::GET, "/latchkey/v1/orgs").await;
    assert_eq!(names(&listed), ["Acme Prod", "Acme Sub"]);
}

#[tokio::test]
async fn an_org_is_described_through_v2_as_json_and_as_xml() {
    let world = World::new().await;
    let ada = world.ada().await;
    let nora = registered(&world, &ada).await;
    let change = |session: &str| ask(&world, session, Method::POST, "/saas/api/v2/org/$org_sub");
    let told = change(&nora)
        .json(r#"{"@type":"org","description":"Sells","zipcode":"0150","subOrgs":[{"@type":"subOrg"}]}"#)
        .await;
    assert_eq!(
        (&told.json()["description"], &told.json()["zipcode"], &told.json()["city"]),
        (&"Sells".into(), &"0150".into(), &"Oslo".into()),
        "{told}"
    );
    let xml = [("Content-Type", "application/xml"), ("Accept", "application/xml")];
    let told = change(&ada).headers(xml).body("<org><name>Sub &amp; Co</name></org>").await;
    assert!(
        told.body.contains("<name>Sub &amp; Co</name>") && told.body.contains("<updatedBy>ada</updatedBy>"),
        "{told}"
    );
    let eve = eve(&world).await;
    assert_eq!(change(&eve).json("{}").await.status, 404);
    assert_eq!(change(&nora).json(r#"{"city":7}"#).await.status, 400);
}

#[tokio::test]
async fn a_user_is_added_through_v2_as_json_and_as_xml() {
    let world = World::new().await;
    let (ada, eve) = (world.ada().await, eve(&world).await);
    registered(&world, &ada).await;
    let add = |session: &str| ask(&world, session, Method::POST, "/saas/api/v2/user");
    let json = r#"{"@type":"user","name":"cleo","password":"a good one","firstName":"C","lastName":"D","emails":"c@acme.test","securityAnswer":"Rex","roles":[{"@type":"role","name":"Designer"}],"orgId":"$org_sub"}"#;
    add(&eve).json(&world.notebook.fill(json)).await.is(r#"404 {"@type":"error","code":"LK_NOT_FOUND","description":"Nothing here has that id or name.","statusCode":404}"#);
    let added = add(&ada).json(&world.notebook.fill(json)).await;
    assert_eq!(
        (&added.json()["orgId"], &added.json()["securityAnswer"]),
        (&world.notebook.read("org_sub").into(), &"".into()),
        "{added}"
    );
    assert_eq!(world.sign_in(Door::V1, "cleo", "a good one").await.status, 200);
    let xml = [("Content-Type", "application/xml"), ("Accept", "application/xml")];
    let body = "<user><name>dora</name><password>a good one</password><firstName>D</firstName><lastName>E</lastName><emails>d@acme.test</emails><roles><name>Designer</name></roles><roles><name>Service Consumer</name></roles></user>";
    let added = add(&ada).headers(xml).body(body).await;
    assert!(
        added.body.contains("<name>dora</name>") && added.body.matches("<roles>").count() == 2,
        "{added}"
    );
    assert_eq!(
        add(&ada).json(r#"{"name":"x","firstName":"X","lastName":"Y","emails":"x@y"}"#).await.status,
        400
    );
    let bob = world.session(Door::V1, "bob", "battery staple").await;
    assert_eq!(add(&bob).json("{}").await.status, 403);
}

#[tokio::test]
async fn the_sessions_of_a_sub_org_are_limited_by_those_above_it() {
    let world = World::new().await;
    let ada = world.ada().await;
    let nora = registered(&world, &ada).await;
    let license = |session: &str, method: Method| {
        ask(&world, session, method, "/saas/public/core/v3/license/org/$org_sub")
    };
    let body = |value: i64| {
        format!(r#"{{"customLimits":[{{"limitDefinition":"restApiSessionLimit","value":{value}}}]}}"#)
    };
    let shown = |value: i64| {
        format!(
            r#"200 {{"createTime":"2026-01-15T10:30:00Z","updateTime":"2026-01-15T10:30:00Z","createdBy":"ada","updatedBy":"ada","id":"$org_sub","parentOrg":"{ACME}","customLicenses":[],"assignedEditions":[],"customLimits":[{{"limitDefinition":"restApiSessionLimit","value":{value}}}]}}"#
        )
    };
    license(&ada, Method::PUT).json(&body(1)).await.is(&shown(1));
    assert_eq!(world.sign_in(Door::V1, "nora", "a first one").await.status, 403);
    license(&nora, Method::PUT).json(&body(9)).await.is(r#"403 {"error":{"code":"LK_DENIED","message":"This user may not do that.","requestId":"$request","details":null}}"#);
    // Nor by the other way that leads there; what else an org decides stays its own.
    let policy =
        |body: &str| ask(&world, &nora, Method::PATCH, "/latchkey/v1/orgs/$org_sub/policy").json(body);
    for body in [r#"{"sessionLimit":9}"#, r#"{"sessionLimit":null}"#] {
        assert_eq!(policy(body).await.status, 403, "{body}");
    }
    license(&nora, Method::GET).await.is(&shown(1));
    license(&ada, Method::PUT).json(&body(-1)).await.is(&shown(-1));
    license(&ada, Method::PUT).json(&body(0)).await.is(&shown(100_000));
    for bad in [
        r#"{"customLimits":[]}"#,
        "{}",
        &body(-2),
        &body(10_000_001),
        r#"{"customLicenses":[{}],"customLimits":[]}"#,
    ] {
        assert_eq!(license(&ada, Method::PUT).json(bad).await.status, 400, "{bad}");
    }
    assert_eq!(policy(r#"{"lockMinutes":5}"#).await.status, 200);
    let eve = eve(&world).await;
    assert_eq!(license(&eve, Method::PUT).json(&body(1)).await.status, 404);
}

#[tokio::test]
async fn orgs_stand_above_one_another_to_a_depth() {
    let world = World::new().await;
    let ada = world.ada().await;
    let mut parent = ACME.to_owned();
    for depth in 2..=17 {
        let body = format!(r#"{{"name":"Level {depth}","parentId":"{parent}"}}"#);
        let answer = ask(&world, &ada, Method::POST, "/latchkey/v1/orgs").json(&body).await;
        if depth == 17 {
            assert!(answer.status == 409 && answer.body.contains("16 above one another"), "{answer}");
            break;
        }
        parent = answer.json()["id"].as_str().unwrap().to_owned();
        let found = ask(&world, &ada, Method::GET, &format!("/latchkey/v1/orgs/{parent}")).await;
        assert_eq!(found.status, 200, "{depth} {found}");
    }
}
