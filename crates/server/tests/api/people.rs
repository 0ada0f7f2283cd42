//! Users, groups, roles and passwords through platform v3: what administrators see and do, and whom it touches at once.

use crate::answer::{Answer, DEAD};
use crate::world::{CARRIERS, Door, Question, SEED, World, minutes};
use domain::attempts::Tried;
use domain::name::CanonicalName;
use domain::network::Network;
use domain::store::AttemptCounters;
use http::Method;
use std::future::IntoFuture;

const NOT_ALLOWED: &str = r#"403 {"error":{"code":"LK_DENIED","message":"This user may not do that.","requestId":"$request","details":null}}"#;
const UNKNOWN: &str = r#"404 {"error":{"code":"LK_NOT_FOUND","message":"Nothing here has that id or name.","requestId":"$request","details":null}}"#;
const TAKEN: &str = r#"409 {"error":{"code":"LK_CONFLICT","message":"Something else has that name.","requestId":"$request","details":null}}"#;

const CLEO: &str = r#"{"name":"cleo","firstName":"Cleo","lastName":"Dee","email":"c@acme.test","password":"a good one","roles":["Designer"]}"#;

const CLEO_SHOWN: &str = r#"{"id":"$user_cleo","orgId":"5mYdXw9KcJhaf3LrN8pQ2v","createdBy":"ada","updatedBy":"ada","createTime":"2026-01-15T10:30:00.000Z","updateTime":"2026-01-15T10:30:00.000Z","userName":"cleo","firstName":"Cleo","lastName":"Dee","description":"","title":"","phone":"","email":"c@acme.test","state":"Provisioned","timeZoneId":"","maxLoginAttempts":"10","authentication":"Native","forcePasswordChange":false,"lastLoginTime":null,"lastLoginMode":"None","roles":[{"id":"3IVhuMMFlm9ArWaIL8nvog","roleName":"Designer","description":"Role for creating assets and running them","displayName":"Designer","displayDescription":"Role for creating assets and running them"}],"groups":[]}"#;

/// Somebody with a session, and the requests they send.
struct Somebody<'a> {
    world: &'a World,
    session: String,
}

impl<'a> Somebody<'a> {
    async fn called(world: &'a World, name: &str, password: &str) -> Self {
        Self { world, session: world.session(Door::V3, name, password).await }
    }

    async fn ada(world: &'a World) -> Self {
        Self::called(world, "ada", "correct horse").await
    }

    fn sends(&self, method: Method, path: &str) -> Question {
        let path = self.world.notebook.fill(path);
        self.world
            .ask(method, &format!("/saas/public/core/v3/{path}"))
            .header("INFA-SESSION-ID", &self.session)
    }

    fn gets(&self, path: &str) -> Question {
        self.sends(Method::GET, path)
    }

    fn posts(&self, path: &str, body: &str) -> Question {
        self.sends(Method::POST, path).json(body)
    }

    fn puts(&self, path: &str, body: &str) -> Question {
        self.sends(Method::PUT, path).json(body)
    }

    fn deletes(&self, path: &str) -> Question {
        self.sends(Method::DELETE, path)
    }

    fn patches(&self, path: &str, body: &str) -> Question {
        self.sends(Method::PATCH, path).json(body)
    }
}

fn names(answer: &Answer, field: &str) -> Vec<String> {
    assert_eq!(answer.status, 200, "{answer}");
    let list = answer.json();
    list.as_array().unwrap().iter().map(|it| it[field].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_user_is_added_listed_and_removed() {
    let world = World::new().await;
    let ada = Somebody::ada(&world).await;
    ada.posts("users", CLEO).await.is(&format!("201 {CLEO_SHOWN}"));
    ada.posts("users", &CLEO.replace("cleo", "CLEO")).await.is(TAKEN);
    for query in [
        "userName==%22cleo%22",
        "userName=='CLEO'",
        "userId==$user_cleo",
        "userName==cleo;userId==$user_cleo",
    ] {
        ada.gets(&format!("users?q={query}")).await.is(&format!("200 [{CLEO_SHOWN}]"));
    }
    for query in ["userName==nobody", "userId==nonsense", "userId==$user_cleo;userName==ada", "userName==eve"]
    {
        ada.gets(&format!("users?q={query}")).await.is("200 []");
    }
    assert_eq!(
        names(&ada.gets("users").await, "userName"),
        ["ada", "bob", "cleo", "disabled.dan", "saml.sam"]
    );
    assert_eq!(names(&ada.gets("users?limit=2&skip=1").await, "userName"), ["bob", "cleo"]);
    ada.gets("users?skip=5").await.is("200 []");
    ada.gets("users?q=userName==cleo&skip=1").await.is("200 []");
    let cleo = Somebody::called(&world, "cleo", "a good one").await;
    ada.deletes("users/$user_cleo").await.is("204");
    cleo.gets("users").await.is(DEAD);
    world.sign_in(Door::V3, "cleo", "a good one").await.is(r#"400 {"error":{"code":"IDS_085","message":"User name or password is not valid.","requestId":"$request","details":null}}"#);
    ada.deletes("users/$user_cleo").await.is(UNKNOWN);
}

#[tokio::test]
async fn a_body_that_makes_no_user_makes_none() {
    let world = World::new().await;
    let ada = Somebody::ada(&world).await;
    let bad = |what: &str| {
        format!(
            r#"400 {{"error":{{"code":"V3API_007","message":"Bad Request. Please check your request: {what}.","requestId":"$request","details":null}}}}"#
        )
    };
    for (from, to, what) in [
        (
            r#""cleo""#,
            r#""c l""#,
            "a user name is an e-mail address, or letters, digits and - _ . ' only, at most 255 characters",
        ),
        (r#""Dee""#, r#""""#, "the field lastName is missing or empty"),
        (r#"["Designer"]"#, "[]", "the field roles is missing or empty"),
        (r#"["Designer"]"#, "[7]", "the field roles is not a list of at most 1000 strings"),
        (r#""a good one""#, "7", "the field password is not a string"),
    ] {
        ada.posts("users", &CLEO.replace(from, to)).await.is(&bad(what));
    }
    ada.posts("users", &CLEO.replace("Designer", "Nobody")).await.is(UNKNOWN);
    ada.posts("users", &CLEO.replace("a good one", "short")).await.is(r#"400 {"error":{"code":"LK_PASSWORD","message":"The password was not taken: a password has at least 8 characters.","requestId":"$request","details":null}}"#);
    ada.gets("users?q=email==x").await.is(r#"400 {"error":{"code":"V3API_007","message":"q does not know \"email\" here; it knows userId, userName, orgId","requestId":"$request","details":null}}"#);
    ada.gets("users?q=userName==cleo").await.is("200 []");
}

#[tokio::test]
async fn who_is_disabled_is_refused_on_the_next_call_by_every_carrier_and_stays_out_when_enabled_again() {
    let world = World::new().await;
    let ada = Somebody::ada(&world).await;
    ada.posts("users", CLEO).await.is(&format!("201 {CLEO_SHOWN}"));
    let session = world.session(Door::V1, "cleo", "a good one").await;
    let at = r#""lastLoginTime":"2026-01-15T10:30:00.000Z","lastLoginMode":"Native""#;
    let signed_in = CLEO_SHOWN.replace(r#""lastLoginTime":null,"lastLoginMode":"None""#, at);
    ada.gets("users?q=userName==cleo").await.is(&format!("200 [{signed_in}]"));
    let token = world.token(&session).await;
    assert_eq!(world.get("/gate").bearer(&token).await.status, 200);
    let disabled = ada.patches("users/$user_cleo", r#"{"state":"Inactive"}"#).await;
    assert_eq!(disabled.json()["state"], "Inactive", "{disabled}");
    for carrier in CARRIERS {
        world.get("/gate").carrying(carrier(&session)).await.is(DEAD);
    }
    world.get("/gate").bearer(&token).await.is(DEAD);
    assert_eq!(world.sign_in(Door::V1, "cleo", "a good one").await.status, 401);
    ada.patches("users/$user_cleo", r#"{"state":"Active"}"#).await.is(&format!("200 {signed_in}"));
    world.get("/gate").carrying(CARRIERS[0](&session)).await.is(DEAD);
    assert_eq!(world.sign_in(Door::V1, "cleo", "a good one").await.status, 200);
    ada.patches("users/$user_cleo", r#"{"state":"Odd"}"#).await.is(r#"400 {"error":{"code":"V3API_007","message":"the field state is neither Active nor Inactive","requestId":"$request","details":null}}"#);
    let titled = ada.patches("users/$user_cleo", r#"{"title":"Queen","maxLoginAttempts":"5"}"#).await;
    titled.is(&format!(
        "200 {}",
        signed_in.replace(r#""title":"""#, r#""title":"Queen""#).replace(r#""10""#, r#""5""#)
    ));
}

#[tokio::test]
async fn an_administrator_is_made_and_unmade_at_once_and_never_unmakes_themselves() {
    let world = World::new().await;
    let ada = Somebody::ada(&world).await;
    let bob = Somebody::called(&world, "bob", "battery staple").await;
    bob.gets("users").await.is(NOT_ALLOWED);
    let listed = ada.gets("users?q=userName==bob").await;
    world.notebook.write("user_bob", listed.json()[0]["id"].as_str().unwrap());
    let listed = ada.gets("users?q=userName==ada").await;
    world.notebook.write("user_ada", listed.json()[0]["id"].as_str().unwrap());
    ada.puts("users/$user_bob/addRoles", r#"{"roles":["Admin"]}"#).await.is("204");
    assert_eq!(bob.gets("users").await.status, 200);
    bob.deletes("users/$user_bob").await.is(NOT_ALLOWED);
    bob.patches("users/$user_bob", r#"{"state":"Inactive"}"#).await.is(NOT_ALLOWED);
    bob.puts("users/$user_bob/removeRoles", r#"{"roles":["Admin"]}"#).await.is(NOT_ALLOWED);
    ada.puts("users/$user_bob/removeRoles", r#"{"roles":["Admin"]}"#).await.is("204");
    bob.gets("users").await.is(NOT_ALLOWED);
    bob.puts("users/$user_bob/addRoles", r#"{"roles":["Admin"]}"#).await.is(NOT_ALLOWED);
    bob.deletes("users/$user_ada").await.is(NOT_ALLOWED);
}

#[tokio::test]
async fn nobody_gives_what_they_do_not_have_nor_touches_who_has_more() {
    let world = World::new().await;
    let ada = Somebody::ada(&world).await;
    let body = r#"{"name":"Helpdesk","description":"Resets","privileges":["view.admin.people","manage.admin.users"]}"#;
    ada.posts("roles", body).await.is(r#"201 {"id":"$role","orgId":"5mYdXw9KcJhaf3LrN8pQ2v","createdBy":"ada","updatedBy":"ada","createTime":"2026-01-15T10:30:00.000Z","updateTime":"2026-01-15T10:30:00.000Z","roleName":"Helpdesk","description":"Resets","displayName":"Helpdesk","displayDescription":"Resets","systemRole":false,"status":"Enabled","privileges":[{"id":"3IVhuMMFlm9ArWaIL8nvsm","name":"view.admin.people","description":"See users, groups and roles","service":"Administrator","status":"Enabled"},{"id":"3IVhuMMFlm9ArWaIL8nvsn","name":"manage.admin.users","description":"Add, change and remove users","service":"Administrator","status":"Enabled"}]}"#);
    ada.posts("roles", &body.replace("Helpdesk", "HELPDESK")).await.is(TAKEN);
    ada.posts("roles", &body.replace("Helpdesk", "admin")).await.is(TAKEN);
    ada.posts("users", &CLEO.replace("Designer", "Helpdesk")).await;
    let cleo = Somebody::called(&world, "cleo", "a good one").await;
    for name in ["ada", "bob"] {
        let listed = cleo.gets(&format!("users?q=userName=={name}")).await;
        world.notebook.write(&format!("user_{name}"), listed.json()[0]["id"].as_str().unwrap());
    }
    cleo.posts("users/ChangePassword", r#"{"userId":"$user_ada","newPassword":"taken over"}"#)
        .await
        .is(NOT_ALLOWED);
    cleo.puts("users/$user_bob/addRoles", r#"{"roles":["Admin"]}"#).await.is(NOT_ALLOWED);
    cleo.posts("users", &CLEO.replace("cleo", "mallory").replace("Designer", "Admin")).await.is(NOT_ALLOWED);
    cleo.puts("roles/Helpdesk/addPrivileges", r#"{"privileges":["view.admin.log"]}"#).await.is(NOT_ALLOWED);
    cleo.deletes("users/$user_ada").await.is(NOT_ALLOWED);
    cleo.posts("users/ChangePassword", r#"{"userId":"$user_bob","newPassword":"helped out"}"#)
        .await
        .is("200");
    assert_eq!(world.sign_in(Door::V2, "bob", "helped out").await.status, 200);
    ada.puts("roles/helpdesk/removePrivileges", r#"{"privileges":["manage.admin.users"]}"#).await.is("204");
    cleo.posts("users/ChangePassword", r#"{"userId":"$user_bob","newPassword":"helped again"}"#)
        .await
        .is(NOT_ALLOWED);
    assert_eq!(cleo.gets("users").await.status, 200);
    ada.deletes("roles/$role").await.is("204");
    cleo.gets("users").await.is(NOT_ALLOWED);
    ada.puts("roles/$role/addPrivileges", r#"{"privileges":["view.admin.log"]}"#).await.is(UNKNOWN);
}

#[tokio::test]
async fn roles_and_privileges_are_listed() {
    let world = World::new().await;
    let ada = Somebody::ada(&world).await;
    assert_eq!(names(&ada.gets("roles").await, "roleName"), ["Admin", "Designer", "Service Consumer"]);
    ada.gets("roles?q=roleName==%22Service%20Consumer%22&expand=privileges").await.is(r#"200 [{"id":"3IVhuMMFlm9ArWaIL8nvoh","orgId":"3IVhuMMFlm9ArWaIL8nvoe","createdBy":"System","updatedBy":"System","createTime":"1970-01-01T00:00:00.000Z","updateTime":"1970-01-01T00:00:00.000Z","roleName":"Service Consumer","description":"Role for running assets that others created","displayName":"Service Consumer","displayDescription":"Role for running assets that others created","systemRole":true,"status":"Enabled","privileges":[]}]"#);
    ada.gets("roles?q=roleName==Nobody").await.is("200 []");
    assert_eq!(
        names(&ada.gets("privileges?q=status==%22All%22&limit=2&skip=7").await, "name"),
        ["manage.admin.sessions"]
    );
    ada.gets("privileges?q=status==Disabled").await.is("200 []");
}

#[tokio::test]
async fn a_group_makes_of_its_members_what_its_roles_are() {
    let world = World::new().await;
    let ada = Somebody::ada(&world).await;
    let bob = Somebody::called(&world, "bob", "battery staple").await;
    let listed = ada.gets("users?q=userName==bob").await;
    world.notebook.write("user_bob", listed.json()[0]["id"].as_str().unwrap());
    let shown = r#"{"id":"$group","orgId":"5mYdXw9KcJhaf3LrN8pQ2v","createdBy":"ada","updatedBy":"ada","createTime":"2026-01-15T10:30:00.000Z","updateTime":"2026-01-15T10:30:00.000Z","userGroupName":"Keepers","description":"","roles":[{"id":"3IVhuMMFlm9ArWaIL8nvof","roleName":"Admin","description":"Role for performing administrative tasks","displayName":"Admin","displayDescription":"Role for performing administrative tasks"}],"users":[{"id":"$user_bob","userName":"bob","description":""}]}"#;
    let body = r#"{"name":"Keepers","roles":["Admin"],"users":["$user_bob"]}"#;
    ada.posts("userGroups", body).await.is(&format!("201 {shown}"));
    ada.posts("userGroups", body).await.is(TAKEN);
    for query in ["userGroups", "userGroups?q=userGroupName==keepers", "userGroups?q=userGroupId==$group"] {
        bob.gets(query).await.is(&format!("200 [{shown}]"));
    }
    ada.gets("userGroups?q=userGroupId==nonsense").await.is("200 []");
    ada.puts("userGroups/$group", r#"{"name":"Keepers","roles":["Designer"],"users":["$user_bob"]}"#).await;
    bob.gets("userGroups").await.is(NOT_ALLOWED);
    ada.puts("userGroups/$group", body).await.is(&format!("200 {shown}"));
    assert_eq!(bob.gets("userGroups").await.status, 200);
    ada.puts("users/$user_bob/removeGroups", r#"{"groups":["Keepers"]}"#).await.is("204");
    bob.gets("userGroups").await.is(NOT_ALLOWED);
    ada.puts("users/$user_bob/addGroups", r#"{"groups":["$group"]}"#).await.is("204");
    assert_eq!(bob.gets("userGroups").await.status, 200);
    ada.deletes("userGroups/$group").await.is("204");
    bob.gets("userGroups").await.is(NOT_ALLOWED);
    ada.deletes("userGroups/$group").await.is(UNKNOWN);
    ada.posts("userGroups", r#"{"name":"Others","roles":["Admin"],"users":["nonsense"]}"#).await.is(UNKNOWN);
}

#[tokio::test]
async fn one_changes_ones_own_password_with_the_old_one_and_keeps_only_this_session() {
    let world = World::new().await;
    let (here, there) = (
        Somebody::called(&world, "bob", "battery staple").await,
        world.session(Door::V2, "bob", "battery staple").await,
    );
    let change = |old: &str, new: &str| {
        here.posts("Users/ChangePassword", &format!(r#"{{"oldPassword":"{old}","newPassword":"{new}"}}"#))
    };
    change("wrong", "a better one").await.is(r#"400 {"error":{"code":"IDS_085","message":"User name or password is not valid.","requestId":"$request","details":null}}"#);
    change("battery staple", "bob").await.is(r#"400 {"error":{"code":"LK_PASSWORD","message":"The password was not taken: a password has at least 8 characters.","requestId":"$request","details":null}}"#);
    change("battery staple", "a better one").await.is("200");
    assert!(world.is_alive(&here.session).await && !world.is_alive(&there).await);
    assert_eq!(world.sign_in(Door::V1, "bob", "battery staple").await.status, 401);
    assert_eq!(world.sign_in(Door::V1, "bob", "a better one").await.status, 200);
    here.posts("USERS/changepassword", r#"{"newPassword":"a third one"}"#).await.is(r#"400 {"error":{"code":"V3API_007","message":"Bad Request. Please check your request: the field oldPassword is missing or empty.","requestId":"$request","details":null}}"#);
}

#[tokio::test]
async fn wrong_old_passwords_are_counted_with_wrong_sign_ins() {
    let world = World::new().await;
    let bob = Somebody::called(&world, "bob", "battery staple").await;
    for round in 0..10 {
        let answer = if round % 2 == 0 {
            bob.posts("users/ChangePassword", r#"{"oldPassword":"wrong","newPassword":"a better one"}"#).await
        } else {
            world.sign_in(Door::V3, "bob", "wrong").await
        };
        assert!(answer.body.contains("IDS_085"), "{round}: {answer}");
    }
    let locked = r#"400 {"error":{"code":"IDS_086","message":"User account is locked. Try again later, or ask an administrator.","requestId":"$request","details":null}}"#;
    bob.posts("users/ChangePassword", r#"{"oldPassword":"battery staple","newPassword":"a better one"}"#)
        .await
        .is(locked);
    world.sign_in(Door::V3, "bob", "battery staple").await.is(locked);
}

#[tokio::test]
async fn another_org_hears_the_same_of_what_is_here_and_of_what_is_nowhere() {
    let world = World::new().await;
    let (ada, eve) = (Somebody::ada(&world).await, Somebody::called(&world, "eve", "other side").await);
    ada.posts("users", CLEO).await.is(&format!("201 {CLEO_SHOWN}"));
    ada.posts("roles", r#"{"name":"Support","privileges":["view.admin.log"]}"#).await;
    let acme = [
        (Method::DELETE, "users/$user_cleo", ""),
        (Method::PATCH, "users/$user_cleo", r#"{"state":"Inactive"}"#),
        (Method::PUT, "users/$user_cleo/addRoles", r#"{"roles":["Admin"]}"#),
        (Method::POST, "users/ChangePassword", r#"{"userId":"$user_cleo","newPassword":"mine from now"}"#),
        (Method::GET, "users?q=orgId==5mYdXw9KcJhaf3LrN8pQ2v", ""),
    ];
    for (method, path, body) in acme {
        let send = |path: &str, body: &str| {
            eve.sends(method.clone(), path).header("X-INFA-ORG-ID", "5mYdXw9KcJhaf3LrN8pQ2v").json(body)
        };
        let nowhere = |text: &str| {
            text.replace("$user_cleo", "3fTqk0ZpXyLr9bWcV2uN7e")
                .replace("5mYdXw9KcJhaf3LrN8pQ2v", "3fTqk0ZpXyLr9bWcV2uN7e")
        };
        send(path, body).await.is(UNKNOWN);
        send(&nowhere(path), &nowhere(body)).await.is(UNKNOWN);
    }
    eve.gets("users?q=userId==$user_cleo").await.is("200 []");
    eve.gets("users?q=userName==cleo").await.is("200 []");
    eve.gets("roles?q=roleName==Support").await.is("200 []");
    assert_eq!(names(&eve.gets("users").await, "userName"), ["eve"]);
    ada.gets("users?q=userName==cleo").await.is(&format!("200 [{CLEO_SHOWN}]"));
}

/// Two orgs, one below the other.
const FAMILY: &str = r#"
[[org]]
name = "Top"
id = "5mYdXw9KcJhaf3LrN8pQ2v"
  [[org.user]]
  name = "ada"
  password = "correct horse"
  roles = ["Admin"]

[[org]]
name = "Below"
id = "58c5f5a5-7816-9a57-be60-53f02432aec1"
parent = "5mYdXw9KcJhaf3LrN8pQ2v"
  [[org.user]]
  name = "eve"
  password = "other side"
  roles = ["Admin"]
"#;

#[tokio::test]
async fn an_org_stands_under_its_parent_and_not_the_other_way_round() {
    let world = World::of(FAMILY).await;
    let (ada, eve) = (Somebody::ada(&world).await, Somebody::called(&world, "eve", "other side").await);
    let below = ada.gets("users?q=orgId==58c5f5a5-7816-9a57-be60-53f02432aec1").await;
    assert_eq!(names(&below, "userName"), ["eve"]);
    world.notebook.write("user_eve", below.json()[0]["id"].as_str().unwrap());
    eve.gets("users?q=orgId==5mYdXw9KcJhaf3LrN8pQ2v").await.is(UNKNOWN);
    ada.puts("users/$user_eve/removeRoles", r#"{"roles":["Admin"]}"#).await.is("204");
    eve.gets("users").await.is(NOT_ALLOWED);
    ada.patches("users/$user_eve", r#"{"state":"Inactive"}"#).await;
    eve.gets("users").await.is(DEAD);
}

#[tokio::test]
async fn paths_are_read_in_any_case() {
    let world = World::new().await;
    let ada = Somebody::ada(&world).await;
    for path in server::http::paths().iter().filter_map(|path| path.strip_prefix("/saas/public/core/v3/")) {
        let known = |word: &str| word.starts_with('{') || server::http::spelling::WORDS.contains(&word);
        assert!(path.split('/').all(known), "{path} is read in one case alone");
    }
    for path in ["USERS", "Users", "usergroups", "UserGroups", "Roles", "PRIVILEGES"] {
        assert_eq!(ada.gets(path).await.status, 200, "{path}");
    }
    ada.gets("nonsense").await.is(r#"404 {"error":{"code":"LK_NOT_FOUND","message":"nothing is here: see /docs for what is","requestId":"$request","details":null}}"#);
    assert_eq!(ada.deletes("Users").await.status, 405);
}

#[tokio::test]
async fn the_security_log_tells_who_did_what_to_whom_in_this_org_alone() {
    let world = World::new().await;
    let eve = Somebody::called(&world, "eve", "other side").await;
    let ada = Somebody::ada(&world).await;
    world.later(minutes(1));
    ada.posts("users", CLEO).await.is(&format!("201 {}", CLEO_SHOWN.replace("10:30", "10:31")));
    ada.puts("users/$user_cleo/addRoles", r#"{"roles":["Admin"]}"#).await.is("204");
    let listed = ada.gets("users?q=userName==ada").await;
    world.notebook.write("user_ada", listed.json()[0]["id"].as_str().unwrap());
    let login = r#"{"id":"4","orgId":"5mYdXw9KcJhaf3LrN8pQ2v","actor":"ada","entryTime":"2026-01-15T10:30:00.000Z","objectId":"$user_ada","objectName":"ada","actionCategory":"AUTH","actionEvent":"LOGIN"}"#;
    let added = r#"{"id":"5","orgId":"5mYdXw9KcJhaf3LrN8pQ2v","actor":"ada","entryTime":"2026-01-15T10:31:00.000Z","objectId":"$user_cleo","objectName":"cleo","actionCategory":"USER","actionEvent":"USER_ADDED"}"#;
    let granted = r#"{"id":"6","orgId":"5mYdXw9KcJhaf3LrN8pQ2v","actor":"ada","entryTime":"2026-01-15T10:31:00.000Z","objectId":"$user_cleo","objectName":"cleo","actionCategory":"AUTH","actionEvent":"USER_GRANTED"}"#;
    ada.gets("securityLog").await.is(&format!(r#"200 {{"entries":[{granted},{added},{login}]}}"#));
    let since = "securityLog?q=entryTime%3E=%222026-01-15T10:31:00.000Z%22";
    for separator in ["%3B", "%20and%20"] {
        let query =
            format!("{since}{separator}actionCategory==USER{separator}entryTime%3C=2026-01-15T10:31:00Z");
        ada.gets(&query).await.is(&format!(r#"200 {{"entries":[{added}]}}"#));
    }
    ada.gets("securityLog?limit=1000&skip=2&q=actor==ada")
        .await
        .is(&format!(r#"200 {{"entries":[{login}]}}"#));
    ada.gets("securityLog?skip=3").await.is(r#"200 {"entries":[]}"#);
    ada.gets("securityLog?q=objectName==nobody").await.is(r#"200 {"entries":[]}"#);
    let span = "securityLog?q=entryTime%3E=2026-01-01T00:00:00Z;entryTime%3C=2026-01-15T00:00:01Z";
    ada.gets(span).await.is(r#"400 {"error":{"code":"V3API_007","message":"entryTime spans more than 14 days","requestId":"$request","details":null}}"#);
    let eves = eve.gets("securityLog").await;
    assert_eq!(eves.json()["entries"].as_array().unwrap().len(), 1, "{eves}");
    Somebody::called(&world, "bob", "battery staple").await.gets("securityLog").await.is(NOT_ALLOWED);
}

#[tokio::test]
async fn a_new_password_keeps_the_rules_of_the_instance() {
    let world = World::set_up(SEED, |config| {
        config.password.min_length = 10;
        config.password.char_mix = 2;
    })
    .await;
    let bob = Somebody::called(&world, "bob", "battery staple").await;
    for (new, why) in [
        ("short 1", "a password has at least 10 characters"),
        ("noothers", "a password has at least 10 characters"),
        (
            "onlyletters",
            "a password has at least 2 of these: lower case, upper case, digits, other characters",
        ),
        ("P@ssw0rd2026", "this password is among the first that anybody tries"),
    ] {
        let body = format!(r#"{{"oldPassword":"battery staple","newPassword":"{new}"}}"#);
        let refused = format!(
            r#"400 {{"error":{{"code":"LK_PASSWORD","message":"The password was not taken: {why}.","requestId":"$request","details":null}}}}"#
        );
        bob.posts("users/ChangePassword", &body).await.is(&refused);
    }
    let body = r#"{"oldPassword":"battery staple","newPassword":"plain as 1 can"}"#;
    bob.posts("users/ChangePassword", body).await.is("200");
}

#[tokio::test]
async fn the_license_of_an_org_is_read_by_its_own_people_alone() {
    let world = World::new().await;
    let (ada, eve) = (Somebody::ada(&world).await, Somebody::called(&world, "eve", "other side").await);
    ada.gets("License/Org/5mYdXw9KcJhaf3LrN8pQ2v").await.is(r#"200 {"createTime":"2026-01-15T10:30:00Z","updateTime":"2026-01-15T10:30:00Z","createdBy":"System","updatedBy":"System","id":"5mYdXw9KcJhaf3LrN8pQ2v","parentOrg":"3IVhuMMFlm9ArWaIL8nvoe","customLicenses":[],"assignedEditions":[],"customLimits":[{"limitDefinition":"restApiSessionLimit","value":100000}]}"#);
    eve.gets("license/org/5mYdXw9KcJhaf3LrN8pQ2v").await.is(UNKNOWN);
}

#[tokio::test]
async fn a_changed_password_refuses_earlier_tokens_by_every_carrier_and_mints_new_ones() {
    let world = World::new().await;
    let ada = Somebody::ada(&world).await;
    ada.posts("users", CLEO).await.is(&format!("201 {CLEO_SHOWN}"));
    let cleo = Somebody::called(&world, "cleo", "a good one").await;
    let early = world.token(&cleo.session).await;
    let with = |token: &str| world.get("/gate").bearer(token);
    assert_eq!(with(&early).await.status, 200);
    let changed =
        cleo.posts("users/ChangePassword", r#"{"oldPassword":"a good one","newPassword":"another one"}"#);
    changed.await.is("200");
    with(&early).await.is(DEAD);
    for carrier in CARRIERS {
        with(&early).carrying(carrier(&cleo.session)).await.is(DEAD);
    }
    // In the very second of the change a new token is good, and stays so.
    let new = world.token(&cleo.session).await;
    assert_eq!(with(&new).carrying(CARRIERS[0](&cleo.session)).await.status, 200);
    world.later(minutes(29));
    assert_eq!(with(&new).await.status, 200);
    with(&early).await.is(DEAD);
    ada.posts("users/ChangePassword", r#"{"userId":"$user_cleo","newPassword":"a third one"}"#)
        .await
        .is("200");
    with(&new).await.is(DEAD);
    cleo.gets("users").await.is(DEAD);
}

#[tokio::test]
async fn a_token_of_before_a_user_was_disabled_is_not_good_again_when_it_is_enabled() {
    let world = World::new().await;
    let ada = Somebody::ada(&world).await;
    ada.posts("users", CLEO).await.is(&format!("201 {CLEO_SHOWN}"));
    let cleo = Somebody::called(&world, "cleo", "a good one").await;
    let token = world.token(&cleo.session).await;
    for state in ["Inactive", "Active"] {
        let body = format!(r#"{{"state":"{state}"}}"#);
        assert_eq!(ada.patches("users/$user_cleo", &body).await.status, 200);
        world.get("/gate").bearer(&token).await.is(DEAD);
    }
}

/// Somebody whose hash takes long enough for things to happen meanwhile.
const SLOW: &str = r#"
[[org]]
name = "Slow"
  [[org.user]]
  name = "boss"
  password = "correct horse"
  roles = ["Admin"]
  [[org.user]]
  name = "slow"
  password_hash = "$pbkdf2-sha256$i=60000,l=32$c2FsdHNhbHRzYWx0c2FsdA$UIV3RjdQAD6MHs+RyxR0syYrPEabGW8hT3F7DOO3rhY"
  roles = ["Admin"]
"#;

#[tokio::test(flavor = "multi_thread")]
async fn who_is_disabled_while_being_proven_ends_no_sessions() {
    let world = World::of(SLOW).await;
    let boss = Somebody::called(&world, "boss", "correct horse").await;
    let id = world.account("slow").await.user.id.base62();
    let body = r#"{"@type":"logout","username":"slow","password":"correct horse"}"#;
    let ending = tokio::spawn(world.post("/ma/api/v2/user/logoutall").json(body).into_future());
    let tried = Tried { name: CanonicalName::of("slow").digest(), network: Network::of(None) };
    while world.store.attempts(tried).await.unwrap().here.is_none() {
        tokio::task::yield_now().await;
    }
    assert_eq!(boss.patches(&format!("users/{id}"), r#"{"state":"Inactive"}"#).await.status, 200);
    ending.await.unwrap().is(r#"403 {"@type":"error","code":"UI_10000","description":"User name or password is not valid.","statusCode":403}"#);
    assert!(world.is_alive(&boss.session).await);
    let events = world.events().await;
    let refused = events.iter().find(|event| event["event"] == "sign_in_refused").unwrap();
    assert_eq!(refused["reason"], "disabled");
}

#[tokio::test]
async fn an_administrator_adds_people_to_an_org_below_and_to_no_other() {
    let world = World::of(FAMILY).await;
    let (ada, eve) = (Somebody::ada(&world).await, Somebody::called(&world, "eve", "other side").await);
    let bodies = [
        ("roles", r#"{"name":"Support","privileges":["view.admin.log"],"orgId":"ORG"}"#),
        ("userGroups", r#"{"name":"Night shift","roles":["Support"],"orgId":"ORG"}"#),
        (
            "users",
            r#"{"name":"cleo","firstName":"C","lastName":"D","email":"c@acme.test","groups":["Night shift"],"orgId":"ORG"}"#,
        ),
    ];
    for (path, body) in bodies {
        eve.posts(path, &body.replace("ORG", "5mYdXw9KcJhaf3LrN8pQ2v")).await.is(UNKNOWN);
        ada.posts(path, &body.replace("ORG", "nonsense")).await.is(UNKNOWN);
        let added = ada.posts(path, &body.replace("ORG", "58c5f5a5-7816-9a57-be60-53f02432aec1")).await;
        assert_eq!(added.status, 201, "{added}");
        assert_eq!(added.json()["orgId"], eve.gets("users").await.json()[0]["orgId"], "{added}");
    }
    assert_eq!(names(&eve.gets("users").await, "userName"), ["cleo", "eve"]);
    assert_eq!(names(&ada.gets("users").await, "userName"), ["ada"]);
}

#[tokio::test]
async fn a_role_is_described_anew_and_may_allow_nothing_yet() {
    let world = World::new().await;
    let (ada, eve) = (Somebody::ada(&world).await, Somebody::called(&world, "eve", "other side").await);
    let role = ada.posts("roles", r#"{"name":"Support","description":"old","privileges":[]}"#).await;
    assert_eq!(
        (role.status.as_u16(), role.json()["privileges"].to_string()),
        (201, "[]".to_owned()),
        "{role}"
    );
    let group = ada.posts("userGroups", r#"{"name":"Night shift","roles":[]}"#).await;
    assert_eq!((group.status.as_u16(), group.json()["roles"].to_string()), (201, "[]".to_owned()), "{group}");
    let path = format!("/latchkey/v1/roles/{}", role.json()["id"].as_str().unwrap());
    let describe = |who: &Somebody<'_>, body: &str| {
        world.ask(Method::PATCH, &path).header("IDS-SESSION-ID", &who.session).json(body)
    };
    assert_eq!(describe(&eve, r#"{"description":"hers"}"#).await.status, 404);
    assert_eq!(describe(&ada, r#"{"name":"x","description":"new"}"#).await.status, 400);
    let described = describe(&ada, r#"{"description":"new"}"#).await;
    assert_eq!(
        (described.status.as_u16(), described.json()["description"].as_str()),
        (200, Some("new")),
        "{described}"
    );
    let read = ada.gets("roles?q=roleName==Support").await;
    assert_eq!(read.json()[0]["description"], "new", "{read}");
}
