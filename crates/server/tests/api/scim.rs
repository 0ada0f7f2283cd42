//! SCIM 2.0: users and groups of an org, kept by its identity provider (RFC 7643, RFC 7644).

use crate::answer::Answer;
use crate::world::{CARRIERS, Door, Question, World};
use http::Method;
use serde_json::{Value, json};

/// A world whose Acme has a SCIM token, and the requests that are sent with it.
pub struct Client {
    pub world: World,
    token: String,
}

impl Client {
    pub async fn new() -> Self {
        Self::with("{}").await
    }

    async fn with(asked: &str) -> Self {
        let world = World::new().await;
        let ada = world.ada().await;
        let made =
            world.post("/saas/public/core/v3/scimTokens").header("INFA-SESSION-ID", &ada).json(asked).await;
        let token = made.json()["token"].as_str().unwrap().to_owned();
        Self { world, token }
    }

    pub fn sends(&self, method: Method, path: &str) -> Question {
        let path = format!("/scim-service/v2{}", self.world.notebook.fill(path));
        self.world.ask(method, &path).header("Authorization", &format!("Bearer {}", self.token))
    }

    pub fn gets(&self, path: &str) -> Question {
        self.sends(Method::GET, path)
    }

    pub fn posts(&self, path: &str, body: &Value) -> Question {
        self.body(Method::POST, path, body)
    }

    pub fn puts(&self, path: &str, body: &Value) -> Question {
        self.body(Method::PUT, path, body)
    }

    pub fn deletes(&self, path: &str) -> Question {
        self.sends(Method::DELETE, path)
    }

    /// One operation of a PATCH.
    pub fn patches(&self, path: &str, operations: Value) -> Question {
        let schemas = ["urn:ietf:params:scim:api:messages:2.0:PatchOp"];
        self.body(Method::PATCH, path, &json!({"schemas": schemas, "Operations": operations}))
    }

    fn body(&self, method: Method, path: &str, body: &Value) -> Question {
        let body = self.world.notebook.fill(&body.to_string());
        self.sends(method, path).headers([("Content-Type", "application/scim+json")]).body(body)
    }

    /// The names of the users that a filter means.
    async fn finds(&self, filter: &str) -> Vec<String> {
        let filter = self.world.notebook.fill(filter);
        let query = serde_urlencoded::to_string([("filter", filter.as_str())]).unwrap();
        let answer = self.gets(&format!("/Users?{query}")).await;
        assert_eq!(answer.status, 200, "{filter}: {answer}");
        names(&answer)
    }

    async fn v3(&self, method: Method, path: &str, body: &str) -> Answer {
        let ada = self.world.ada().await;
        let path = format!("/saas/public/core/v3/{}", self.world.notebook.fill(path));
        self.world
            .ask(method, &path)
            .header("INFA-SESSION-ID", &ada)
            .json(&self.world.notebook.fill(body))
            .await
    }
}

fn names(answer: &Answer) -> Vec<String> {
    let list = answer.json();
    list["Resources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["userName"].as_str().unwrap().to_owned())
        .collect()
}

pub fn cleo() -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "cleo@acme.test", "externalId": "00u1",
        "name": {"givenName": "Cleo", "familyName": "Dee", "formatted": "Cleo Dee"}, "displayName": "Cleo D.",
        "title": "Pilot", "timezone": "Europe/London", "active": true, "nickName": "C",
        "emails": [{"value": "c@acme.test", "type": "work", "primary": true}, {"value": "c@home.test", "type": "home"}],
        "phoneNumbers": [{"value": "5550101", "type": "mobile"}]
    })
}

const CLEO: &str = r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"id":"$user_cleo","externalId":"00u1","userName":"cleo@acme.test","name":{"familyName":"Dee","givenName":"Cleo"},"displayName":"Cleo D.","title":"Pilot","timezone":"Europe/London","active":true,"emails":[{"value":"c@acme.test","type":"work","primary":true},{"value":"c@home.test","type":"home"}],"phoneNumbers":[{"value":"5550101","type":"mobile"}],"meta":{"resourceType":"User","created":"2026-01-15T10:30:00.000Z","lastModified":"2026-01-15T10:30:00.000Z","location":"https://usw1.dm-us.latchkey.test/scim-service/v2/Users/$user_cleo","version":"W/\"0\""}}"#;

/// Makes Cleo, and notes her id.
async fn with_cleo(client: &Client) {
    client.posts("/Users", &cleo()).await.is(&format!(
        r#"201 [content-type: application/scim+json] [etag: W/"0"] [location: https://usw1.dm-us.latchkey.test/scim-service/v2/Users/$user_cleo] {CLEO}"#
    ));
}

fn error(status: u16, kind: &str, detail: &str) -> String {
    let kind = if kind.is_empty() { String::new() } else { format!(r#""scimType":"{kind}","#) };
    format!(
        r#"{status} [content-type: application/scim+json] {{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"{status}",{kind}"detail":"{detail}"}}"#
    )
}

#[tokio::test]
async fn a_user_is_added_read_listed_and_removed() {
    let client = Client::new().await;
    with_cleo(&client).await;
    client
        .gets("/Users/$user_cleo")
        .await
        .is(&format!(r#"200 [content-type: application/scim+json] [etag: W/"0"] {CLEO}"#));
    // The same without v2.
    let path = client.world.notebook.fill("/scim-service/Users/$user_cleo");
    let bearer = format!("Bearer {}", client.token);
    let answer = client.world.get(&path).header("Authorization", &bearer).await;
    answer.is(&format!(r#"200 [content-type: application/scim+json] [etag: W/"0"] {CLEO}"#));
    client.gets("/Users?filter=userName+eq+%22CLEO@acme.test%22").await.is(&format!(
        r#"200 [content-type: application/scim+json] {{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":1,"startIndex":1,"itemsPerPage":1,"Resources":[{CLEO}]}}"#
    ));
    client.posts("/Users", &cleo()).await.is(&error(409, "uniqueness", "Something else has that name."));
    client.deletes("/Users/$user_cleo").await.is("204");
    for answer in [client.gets("/Users/$user_cleo").await, client.deletes("/Users/$user_cleo").await] {
        answer.is(&error(404, "", "Nothing here has that id or name."));
    }
    client.gets("/Users/nonsense").await.is(&error(404, "", "Nothing here has that id or name."));
    client.gets("/Nothing").await.is(&error(404, "", "nothing is here: see /docs for what is"));
}

/// Made without a password she signs in at her identity provider, with the role that allows the least.
#[tokio::test]
async fn a_new_user_is_one_of_saml_with_the_least_role() {
    let client = Client::new().await;
    with_cleo(&client).await;
    let shown = client.v3(Method::GET, "users?q=userName=='cleo@acme.test'", "").await.json();
    assert_eq!(shown[0]["authentication"], "SAML");
    assert_eq!(shown[0]["email"], "c@acme.test");
    assert_eq!(shown[0]["phone"], "5550101");
    assert_eq!(shown[0]["createdBy"], "SCIM");
    assert_eq!(shown[0]["roles"].as_array().unwrap().len(), 1);
    assert_eq!(shown[0]["roles"][0]["roleName"], "Service Consumer");
    assert_eq!(client.world.sign_in(Door::V3, "cleo@acme.test", "").await.status, 400);
    let weak = json!({"userName": "dora", "password": "short"});
    client.posts("/Users", &weak).await.is(&error(
        400,
        "invalidValue",
        "The password was not taken: a password has at least 8 characters.",
    ));
    let dora = json!({"userName": "dora", "password": "a good one"});
    let made = client.posts("/Users", &dora).await;
    assert_eq!(made.status, 201, "{made}");
    assert!(!made.body.contains("good") && !made.body.contains("password"), "{made}");
    client.world.session(Door::V1, "dora", "a good one").await;
}

#[tokio::test]
async fn a_list_is_paged_and_a_filter_means_what_the_rfc_says() {
    let client = Client::new().await;
    with_cleo(&client).await;
    let page = async |query: &str| {
        let answer = client.gets(&format!("/Users?{query}")).await;
        let list = answer.json();
        (
            names(&answer),
            list["totalResults"].clone(),
            list["startIndex"].clone(),
            list["itemsPerPage"].clone(),
        )
    };
    let named = |all: &[&str]| all.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let everybody = named(&["ada", "bob", "cleo@acme.test", "disabled.dan", "saml.sam"]);
    assert_eq!(page("").await, (everybody.clone(), 5.into(), 1.into(), 5.into()));
    assert_eq!(
        page("startIndex=2&count=2").await,
        (named(&["bob", "cleo@acme.test"]), 5.into(), 2.into(), 2.into())
    );
    assert_eq!(page("startIndex=-3&count=-1").await, (vec![], 5.into(), 1.into(), 0.into()));
    assert_eq!(page("startIndex=99").await, (vec![], 5.into(), 99.into(), 0.into()));
    assert_eq!(
        page("filter=active+eq+true&startIndex=2&count=1").await,
        (named(&["bob"]), 4.into(), 2.into(), 1.into())
    );
    for (filter, expected) in [
        (r#"userName eq "ADA""#, named(&["ada"])),
        (r#"externalId eq "00u1""#, named(&["cleo@acme.test"])),
        (r#"externalId eq "00U1""#, vec![]),
        (r#"id eq "$user_cleo" and active eq true"#, named(&["cleo@acme.test"])),
        (r#"id eq "$user_cleo" and active eq false"#, vec![]),
        (r#"id eq "nonsense""#, vec![]),
        (r#"userName eq "eve""#, vec![]),
        ("active eq false", named(&["disabled.dan"])),
        (r#"emails[type eq "home" and value co "home"]"#, named(&["cleo@acme.test"])),
        (r#"emails[type eq "work"].value eq "c@acme.test""#, named(&["cleo@acme.test"])),
        (r#"not (userName sw "a" or userName sw "b") and emails pr"#, named(&["cleo@acme.test"])),
        (r#"meta.created ge "2026-01-15T10:30:00Z""#, everybody),
    ] {
        assert_eq!(client.finds(filter).await, expected, "{filter}");
    }
}

#[tokio::test]
async fn a_question_that_cannot_be_answered_says_why() {
    let client = Client::new().await;
    for (filter, detail) in [
        ("userName", "the filter cannot be read: at byte 8 there should be an operator such as eq"),
        ("password pr", "the attribute password of the filter is not known here"),
        ("nothing pr", "the attribute nothing of the filter is not known here"),
        ("active gt true", "the attribute active of the filter cannot be compared so"),
    ] {
        let query = serde_urlencoded::to_string([("filter", filter)]).unwrap();
        client.gets(&format!("/Users?{query}")).await.is(&error(400, "invalidFilter", detail));
    }
    client.gets("/Users?count=x").await.is(&error(
        400,
        "invalidValue",
        "startIndex or count is not a number",
    ));
    client.gets("/Users?count=1&count=2").await.is(&error(
        400,
        "invalidValue",
        "the parameter count is repeated",
    ));
}

#[tokio::test]
async fn a_search_asks_in_its_body() {
    let client = Client::new().await;
    let search = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": "userName sw \"b\"", "attributes": ["userName"], "count": 5});
    let found = client.posts("/Users/.search", &search).await;
    assert_eq!(names(&found), ["bob"]);
    let keys: Vec<_> = found.json()["Resources"][0].as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys, ["schemas", "id", "userName"]);
    client.posts("/.search", &search).await.is(&error(
        501,
        "",
        "Users and groups are not searched together: ask /Users/.search or /Groups/.search.",
    ));
}

#[tokio::test]
async fn the_gate_knows_a_new_name_at_once() {
    let client = Client::new().await;
    let bob = client.world.session(Door::V1, "bob", "battery staple").await;
    let ask = || client.world.get("/gate").header("IDS-SESSION-ID", &bob);
    let before = ask().await;
    assert_eq!(before.json()["user"], "bob");
    let rename = json!([{"op": "replace", "path": "userName", "value": "robert"}]);
    client.patches(&format!("/Users/{}", before.header("x-latchkey-user-id")), rename).await;
    let after = ask().await;
    assert_eq!((&after.json()["user"], after.header("x-latchkey-user")), (&json!("robert"), "robert"));
}

#[tokio::test]
async fn a_put_replaces_and_a_patch_changes_and_both_ask_for_the_last_writing() {
    let client = Client::new().await;
    with_cleo(&client).await;
    let put = json!({"userName": "Cleo@new.test", "name": {"givenName": "C"}, "id": "ignored", "groups": [{"value": "x"}]});
    let shown = r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"id":"$user_cleo","userName":"Cleo@new.test","name":{"givenName":"C"},"active":true,"meta":{"resourceType":"User","created":"2026-01-15T10:30:00.000Z","lastModified":"2026-01-15T10:30:00.000Z","location":"https://usw1.dm-us.latchkey.test/scim-service/v2/Users/$user_cleo","version":"W/\"1\""}}"#;
    let outdated = error(412, "", "It was changed meanwhile: read it again.");
    client.puts("/Users/$user_cleo", &put).header("If-Match", r#"W/"7", "x""#).await.is(&outdated);
    client
        .puts("/Users/$user_cleo", &put)
        .header("If-Match", r#"W/"7", W/"0""#)
        .await
        .is(&format!(r#"200 [content-type: application/scim+json] [etag: W/"1"] {shown}"#));
    client.puts("/Users/$user_cleo", &json!({"userName": "BOB"})).await.is(&error(
        409,
        "uniqueness",
        "Something else has that name.",
    ));
    client.puts("/Users/$user_cleo", &json!({"title": "x"})).await.is(&error(
        400,
        "invalidValue",
        "userName is missing",
    ));
    let same = json!([{"op": "replace", "path": "userName", "value": "Cleo@new.test"}]);
    client
        .patches("/Users/$user_cleo", same)
        .await
        .is(&format!(r#"200 [content-type: application/scim+json] [etag: W/"1"] {shown}"#));
    client
        .patches("/Users/$user_cleo", json!([{"op": "add", "path": "title", "value": "x"}]))
        .header("If-Match", r#"W/"0""#)
        .await
        .is(&outdated);
    client.deletes("/Users/$user_cleo").header("If-Match", r#"W/"0""#).await.is(&outdated);
    client.gets("/Users/$user_cleo").header("If-None-Match", r#"W/"1""#).await.is(r#"304 [etag: W/"1"]"#);
    assert_eq!(client.gets("/Users/$user_cleo").header("If-None-Match", r#"W/"0""#).await.status, 200);
    client.deletes("/Users/$user_cleo").header("If-Match", r#""1""#).await.is("204");
}

#[tokio::test]
async fn attributes_are_shown_as_they_are_asked_for() {
    let client = Client::new().await;
    with_cleo(&client).await;
    let of = async |query: &str| {
        let answer = client.gets(&format!("/Users/$user_cleo?{query}")).await.json();
        answer.as_object().unwrap().keys().cloned().collect::<Vec<_>>()
    };
    assert_eq!(of("attributes=userName,name.givenName").await, ["schemas", "id", "userName", "name"]);
    assert_eq!(
        of("excludedAttributes=id,emails,phoneNumbers,meta,name,title,timezone").await,
        ["schemas", "id", "externalId", "userName", "displayName", "active"]
    );
    let both = client.gets("/Users/$user_cleo?attributes=a&excludedAttributes=b").await;
    both.is(&error(400, "invalidValue", "attributes and excludedAttributes are not asked for together"));
}

#[tokio::test]
async fn who_is_disabled_loses_every_session_at_once() {
    let client = Client::new().await;
    let made = client.posts("/Users", &json!({"userName": "dora", "password": "a good one"})).await;
    client.world.notebook.write("user_dora", made.json()["id"].as_str().unwrap());
    let session = client.world.session(Door::V2, "dora", "a good one").await;
    for form in [
        json!([{"op": "Replace", "path": "active", "value": "False"}]),
        json!([{"op": "replace", "value": {"active": false}}]),
    ] {
        let answer = client.patches("/Users/$user_dora", form).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["active"]), (200, &Value::Bool(false)));
        for carrier in CARRIERS {
            let (name, value) = carrier(&session);
            assert_eq!(client.world.get("/gate").header(name, &value).await.status, 401);
        }
    }
    assert_eq!(client.world.sign_in(Door::V3, "dora", "a good one").await.status, 400);
    // A PUT that says nothing about it lets nobody in again.
    client.puts("/Users/$user_dora", &json!({"userName": "dora", "title": "x"})).await;
    assert_eq!(client.world.sign_in(Door::V3, "dora", "a good one").await.status, 400);
    client.patches("/Users/$user_dora", json!([{"op": "Add", "path": "active", "value": "True"}])).await;
    client.world.session(Door::V3, "dora", "a good one").await;
}

#[tokio::test]
async fn a_password_is_given_under_the_rules_and_ends_the_sessions() {
    let client = Client::new().await;
    with_cleo(&client).await;
    let give = |word: &str| {
        client.patches("/Users/$user_cleo", json!([{"op": "replace", "path": "password", "value": word}, {"op": "replace", "path": "title", "value": word.len().to_string()}]))
    };
    give("short").await.is(&error(
        400,
        "invalidValue",
        "The password was not taken: a password has at least 8 characters.",
    ));
    assert_eq!(client.gets("/Users/$user_cleo").await.json()["title"], "Pilot");
    let given = give("a good one").await;
    assert_eq!((given.status.as_u16(), &given.json()["title"]), (200, &"10".into()), "{given}");
    let session = client.world.session(Door::V3, "cleo@acme.test", "a good one").await;
    give("another one!").await;
    assert!(!client.world.is_alive(&session).await);
    client.world.session(Door::V3, "cleo@acme.test", "another one!").await;
}

/// 500 wrong guesses at once, over every family, move one counter of a user whom SCIM made.
#[tokio::test]
async fn a_user_made_by_scim_has_one_counter_of_failures_over_all_doors() {
    let client = Client::new().await;
    client.posts("/Users", &json!({"userName": "dora", "password": "a good one"})).await;
    for door in [Door::V1, Door::V2, Door::V3, Door::V2Xml, Door::V2Form].into_iter().cycle().take(9) {
        client.world.sign_in(door, "DORA", "wrong").await;
    }
    client.world.session(Door::V1, "dora", "a good one").await;
    let guesses = (0..500).map(|number| {
        client.world.sign_in(Door::ALL[number % Door::ALL.len()], "dora", "wrong").into_future()
    });
    futures_util::future::join_all(guesses).await;
    for door in Door::ALL {
        let answer = client.world.sign_in(door, "dora", "a good one").await;
        assert!(answer.body.contains("User account is locked"), "{door:?}: {answer}");
    }
}

fn members(answer: &Answer) -> Vec<String> {
    let members = answer.json()["members"].as_array().cloned().unwrap_or_default();
    let mut ids: Vec<_> = members.iter().map(|it| it["value"].as_str().unwrap().to_owned()).collect();
    ids.sort();
    ids
}

const NIGHT: &str = r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"id":"$group_night","externalId":"00g1","displayName":"Night shift","members":[{"value":"$user_cleo","$ref":"https://usw1.dm-us.latchkey.test/scim-service/v2/Users/$user_cleo","type":"User"}],"meta":{"resourceType":"Group","created":"2026-01-15T10:30:00.000Z","lastModified":"2026-01-15T10:30:00.000Z","location":"https://usw1.dm-us.latchkey.test/scim-service/v2/Groups/$group_night","version":"W/\"0-$etag"#;

#[tokio::test]
async fn a_group_is_added_changed_and_removed_with_its_members() {
    let client = Client::new().await;
    with_cleo(&client).await;
    let id = client.world.notebook.read("user_cleo");
    let night = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "Night shift", "externalId": "00g1", "members": [{"value": id, "display": "Cleo"}, {"value": id}]});
    let made = client.posts("/Groups", &night).await;
    let group = made.json();
    client.world.notebook.write("group_night", group["id"].as_str().unwrap());
    assert_eq!(made.status, 201, "{made}");
    let begins = client.world.notebook.fill(NIGHT).replace("$etag", "");
    assert!(made.body.starts_with(&begins), "{made}\n{begins}");
    client.posts("/Groups", &night).await.is(&error(409, "uniqueness", "Something else has that name."));
    let shown = client.gets("/Users/$user_cleo").await.json();
    assert_eq!(shown["groups"][0]["display"], "Night shift");
    assert_eq!(shown["groups"][0]["value"], group["id"]);
    for filter in [
        "displayName+eq+%22night+SHIFT%22",
        "externalId+eq+%2200g1%22",
        "id+eq+%22$group_night%22",
        "members+eq+%22$user_cleo%22",
        "displayName+sw+%22N%22",
    ] {
        assert_eq!(
            client.gets(&format!("/Groups?filter={filter}")).await.json()["totalResults"],
            1,
            "{filter}"
        );
    }
    let ada = client.world.account("ada").await.user.id.base62();
    let mut both = vec![id.clone(), ada.clone()];
    both.sort();
    let patch = |operations| client.patches("/Groups/$group_night", operations);
    let answer =
        patch(json!([{"op": "Add", "path": "members", "value": [{"value": ada}, {"value": id}]}])).await;
    assert_eq!(members(&answer), both, "{answer}");
    let etag = answer.header("etag").to_owned();
    let answer = patch(json!([{"op": "remove", "path": format!("members[value eq \"{id}\"]")}])).await;
    assert_eq!(members(&answer), [ada.as_str()]);
    assert_ne!(answer.header("etag"), etag);
    let answer = patch(json!([{"op": "Remove", "path": "members", "value": [{"value": ada}]}])).await;
    assert_eq!(members(&answer), Vec::<String>::new());
}

#[tokio::test]
async fn a_group_has_users_of_its_org_and_is_removed_as_it_was_seen() {
    let client = Client::new().await;
    with_cleo(&client).await;
    let id = client.world.notebook.read("user_cleo");
    let made = client.posts("/Groups", &json!({"displayName": "Night shift"})).await;
    client.world.notebook.write("group_night", made.json()["id"].as_str().unwrap());
    let patch = |operations| client.patches("/Groups/$group_night", operations);
    let eve = client.world.account("eve").await.user.id.base62();
    for nobody in [eve.as_str(), "nonsense", "3fTqk0ZpXyLr9bWcV2uN7e"] {
        let answer = patch(json!([{"op": "add", "path": "members", "value": [{"value": nobody}]}])).await;
        answer.is(&error(400, "invalidValue", "a member is no user of this org"));
    }
    let answer =
        client.puts("/Groups/$group_night", &json!({"displayName": "Day", "members": [{"value": id}]})).await;
    assert_eq!((members(&answer), &answer.json()["displayName"]), (vec![id.clone()], &"Day".into()));
    let lean = client.gets("/Groups/$group_night?excludedAttributes=members").await;
    assert!(lean.json().get("members").is_none());
    // Who is removed leaves the group, and its entity tag tells.
    let before = lean.header("etag").to_owned();
    client.deletes("/Users/$user_cleo").await.is("204");
    assert_ne!(client.gets("/Groups/$group_night").await.header("etag"), before);
    client.deletes("/Groups/$group_night").header("If-Match", &before).await.is(&error(
        412,
        "",
        "It was changed meanwhile: read it again.",
    ));
    client.deletes("/Groups/$group_night").await.is("204");
    client.gets("/Groups/$group_night").await.is(&error(404, "", "Nothing here has that id or name."));
}

/// A token touches nobody who may more than it, and gives nothing that it was not given.
#[tokio::test]
async fn a_token_is_never_above_itself() {
    let denied = error(403, "", "This token may not do that.");
    let unknown = error(404, "", "Nothing here has that id or name.");
    let client = Client::new().await;
    for (name, expected) in [("ada", &denied), ("eve", &unknown)] {
        let id = client.world.account(name).await.user.id.base62();
        let path = format!("/Users/{id}");
        for operations in [
            json!([{"op": "replace", "path": "active", "value": false}]),
            json!([{"op": "replace", "path": "password", "value": "a good one"}]),
        ] {
            client.patches(&path, operations).await.is(expected);
        }
        client.puts(&path, &json!({"userName": name})).await.is(expected);
        client.deletes(&path).await.is(expected);
    }
    let admins = client.v3(Method::POST, "userGroups", r#"{"name":"Admins","roles":["Admin"]}"#).await.json();
    let path = format!("/Groups/{}", admins["id"].as_str().unwrap());
    let bob = client.world.account("bob").await.user.id.base62();
    let join = json!([{"op": "add", "path": "members", "value": [{"value": bob}]}]);
    client.patches(&path, join.clone()).await.is(&denied);
    client.deletes(&path).await.is(&denied);
    assert_eq!(client.gets(&path).await.status, 200);
    // A token that was given as much as its maker has may do it.
    let all = r#"{"privileges":["manage.admin.roles","view.admin.org","manage.admin.org","view.admin.log","manage.admin.sessions"]}"#;
    let made = client.v3(Method::POST, "scimTokens", all).await.json();
    let strong = Client { token: made["token"].as_str().unwrap().to_owned(), world: client.world };
    assert_eq!(strong.patches(&path, join).await.status, 200);
    assert!(strong.world.account("bob").await.user.privileges() == domain::privilege::Privileges::all());
}

#[tokio::test]
async fn changes_that_meet_are_all_done() {
    let client = Client::new().await;
    let group = client.posts("/Groups", &json!({"displayName": "All"})).await.json();
    let path = format!("/Groups/{}", group["id"].as_str().unwrap());
    for name in ["ada", "bob", "saml.sam", "disabled.dan"] {
        client.world.notebook.write(
            &format!("user_{}", name.replace('.', "")),
            &client.world.account(name).await.user.id.base62(),
        );
    }
    let joins = ["$user_ada", "$user_bob", "$user_samlsam", "$user_disableddan"].map(|id| {
        client
            .patches(&path, json!([{"op": "add", "path": "members", "value": [{"value": id}]}]))
            .into_future()
    });
    let answers = futures_util::future::join_all(joins).await;
    assert!(answers.iter().all(|answer| answer.status == 200), "{}", answers[0]);
    assert_eq!(client.gets(&path).await.json()["members"].as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn what_is_no_body_of_scim_is_refused() {
    let client = Client::new().await;
    let send = |body: &'static str| client.sends(Method::POST, "/Users").body(body);
    send("").await.is(&error(400, "invalidSyntax", "the body is not a JSON object"));
    send("[]").await.is(&error(400, "invalidSyntax", "the body is not a JSON object"));
    send(r#"{"userName":"a","userName":"b"}"#).await.is(&error(
        400,
        "invalidSyntax",
        "a name in the body is repeated",
    ));
    send(r#"{"schemas":["urn:x"],"userName":"a"}"#).await.is(&error(
        400,
        "invalidSyntax",
        "schemas does not name urn:ietf:params:scim:schemas:core:2.0:User",
    ));
    send(r#"{"userName":"a b"}"#).await.is(&error(
        400,
        "invalidValue",
        "a user name is an e-mail address, or letters, digits and - _ . ' only, at most 255 characters",
    ));
    let bad = client.patches("/Users/x", json!([{"op": "move"}])).await;
    bad.is(&error(400, "invalidSyntax", "the op of an operation is none of add, replace, remove"));
}

#[tokio::test]
async fn the_service_says_truly_what_it_does() {
    let client = Client::new().await;
    let config = client.gets("/ServiceProviderConfig").await.json();
    let supported = ["patch", "bulk", "filter", "changePassword", "sort", "etag"]
        .map(|it| config[it]["supported"].as_bool().unwrap());
    assert_eq!(supported, [true, false, true, true, false, true]);
    let types = client.gets("/ResourceTypes").await.json();
    assert_eq!(types["totalResults"], 2);
    let schemas = client.gets("/Schemas").await.json();
    for schema in schemas["Resources"].as_array().unwrap() {
        let path = format!("/Schemas/{}", schema["id"].as_str().unwrap());
        assert_eq!(&client.gets(&path).await.json(), schema);
    }
    assert_eq!(client.gets("/ResourceTypes/User").await.json(), types["Resources"][0]);
    client.gets("/Schemas/urn:x").await.is(&error(404, "", "Nothing here has that id or name."));
    let wrong = client.posts("/Schemas", &json!({})).await;
    assert_eq!((wrong.status.as_u16(), wrong.header("content-type")), (405, "application/scim+json"));
}
