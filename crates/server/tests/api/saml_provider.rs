//! The SAML provider of an org: set up by fields or by a file, and what its people, groups and roles become here.

use crate::bearer::{SEED, reasons};
use crate::saml::{arrival, file, pem, provider, sign_in, trust};
use crate::world::{Door, World};
use http::Method;
use serde_json::{Value, json};

const SAML: &str = "/latchkey/v1/orgs/5mYdXw9KcJhaf3LrN8pQ2v/saml";
const ORGS: &str = "/saas/public/core/v3/Orgs/5mYdXw9KcJhaf3LrN8pQ2v";

/// The provider of the corpus, which makes accounts, and follows groups and roles.
async fn following(world: &World) {
    trust(world, |draft| {
        draft["disableAutoProvisioning"] = false.into();
        draft["mapGroupsAndRoles"] = true.into();
        draft["defaultRole"] = "Service Consumer".into();
    })
    .await;
}

async fn mapped(world: &World, act: &str, body: Value) -> crate::answer::Answer {
    let ada = world.ada().await;
    let path = format!("{ORGS}/{act}");
    world.ask(Method::PUT, &path).header("INFA-SESSION-ID", &ada).json(&body.to_string()).await
}

async fn user(world: &World, name: &str) -> Value {
    let ada = world.ada().await;
    let path = format!("/saas/public/core/v3/users?q=userName=={name}");
    world.get(&path).header("INFA-SESSION-ID", &ada).await.json()[0].clone()
}

fn names(user: &Value, list: &str, name: &str) -> Vec<String> {
    let all = user[list].as_array().unwrap().iter();
    let mut all: Vec<_> = all.map(|it| it[name].as_str().unwrap().to_owned()).collect();
    all.sort();
    all
}

#[tokio::test]
async fn a_provider_is_set_up_read_changed_and_removed() {
    let world = World::of(SEED).await;
    let ada = world.ada().await;
    let ask = |method, path: &str| world.ask(method, path).header("IDS-SESSION-ID", &ada);
    ask(Method::GET, SAML).await.is(r#"404 [content-type: application/problem+json] {"type":"urn:latchkey:LK_NOT_FOUND","title":"Not Found","status":404,"detail":"The organization has no such identity provider.","code":"LK_NOT_FOUND","requestId":"$request"}"#);
    let put = ask(Method::PUT, SAML).json(&provider(|draft| draft["defaultRole"] = "Designer".into())).await;
    let shown = put.json();
    assert_eq!(put.status, 200, "{put}");
    assert_eq!(shown["entityId"], "https://5mYdXw9KcJhaf3LrN8pQ2v.dm-us.latchkey.test");
    assert_eq!(shown["acsUrl"], "https://dm-us.latchkey.test/identity-service/acs/5mYdXw9KcJhaf3LrN8pQ2v");
    assert_eq!(shown["sloUrl"], "https://dm-us.latchkey.test/identity-service/slo/5mYdXw9KcJhaf3LrN8pQ2v");
    assert_eq!(shown["certificates"][0], pem("rsa"));
    assert_eq!((shown["fingerprints"].as_array().unwrap().len(), &shown["idpInitiated"]), (4, &json!(false)));
    assert_eq!(ask(Method::GET, SAML).await.json(), shown);
    let metadata = String::from_utf8(file("metadata.xml")).unwrap();
    let imported = ask(Method::POST, &format!("{SAML}/metadata")).body(&metadata).await;
    assert_eq!(imported.status, 200, "{imported}");
    let now = imported.json();
    assert_eq!((&now["id"], &now["defaultRole"]), (&shown["id"], &shown["defaultRole"]), "the rest stays");
    assert_eq!(now["certificates"], json!([pem("rsa"), pem("next")]), "keys that sign, and no others");
    let places = json!([
        {"binding": "HTTP-Redirect", "url": "https://idp.acme.test/sso?a=1&b=HTTP-Redirect"},
        {"binding": "HTTP-POST", "url": "https://idp.acme.test/sso?a=1&b=HTTP-POST"},
    ]);
    assert_eq!(now["singleSignOn"], places);
    let places = json!([
        {"binding": "HTTP-Redirect", "url": "https://idp.acme.test/slo?a=1&b=HTTP-Redirect"},
        {"binding": "HTTP-POST", "url": "https://idp.acme.test/slo?a=1&b=HTTP-POST", "responseUrl": "https://idp.acme.test/slo-done"},
    ]);
    assert_eq!(now["singleLogout"], places);
    ask(Method::DELETE, SAML).await.is("204");
    assert_eq!(ask(Method::DELETE, SAML).await.status, 404);
    let events = world.events().await;
    let words: Vec<_> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    let tail = ["identity_provider_added", "identity_provider_changed", "identity_provider_removed"];
    assert_eq!(words[words.len() - 3..], tail);
}

#[tokio::test]
async fn a_file_of_metadata_alone_sets_a_provider_up() {
    let world = World::of(SEED).await;
    let ada = world.ada().await;
    let metadata = String::from_utf8(file("metadata.xml")).unwrap();
    let post = |text: &str| world.post(&format!("{SAML}/metadata")).header("IDS-SESSION-ID", &ada).body(text);
    assert_eq!(post(&metadata).await.status, 200);
    assert_eq!(sign_in(&world, &arrival("sam-once")).await.status, 200);
    let two = format!("<x>{metadata}{metadata}</x>");
    let deep = "<x>".repeat(100);
    let wide = format!("<x {}/>", (0..100).map(|n| format!("a{n}=''")).collect::<Vec<_>>().join(" "));
    let long = format!("<x>{}</x>", "x".repeat(300_000));
    let doctype = format!("<!DOCTYPE x>{metadata}");
    let weak = metadata.replace(" use=\"encryption\"", "");
    let not_there = metadata.replace("IDPSSODescriptor", "SPSSODescriptor");
    for bad in ["", "x", "<x/>", &two, &deep, &wide, &long, &doctype, &weak, &not_there] {
        let answer = post(bad).await;
        assert_eq!(answer.status, 400, "{bad:.60}: {answer}");
    }
}

#[tokio::test]
async fn a_draft_that_breaks_a_rule_is_told_which() {
    let world = World::of(SEED).await;
    let ada = world.ada().await;
    let place = |url: &str| json!([{"binding": "HTTP-POST", "url": url}]);
    let twice = json!([{"binding": "HTTP-POST", "url": "https://a.test"}, {"binding": "HTTP-POST", "url": "https://b.test"}]);
    let transient = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient";
    for (field, value, rule) in [
        ("issuer", json!(""), "issuer has 1 to 1024 characters and no blanks"),
        ("issuer", json!("a b"), "issuer has 1 to 1024 characters and no blanks"),
        ("singleSignOn", place("ftp://a.test"), "singleSignOn has at most one https URL for each binding"),
        (
            "singleSignOn",
            place("https://u@a.test"),
            "singleSignOn has at most one https URL for each binding",
        ),
        ("singleSignOn", place("http://a.test"), "singleSignOn and singleLogout are https URLs"),
        ("singleLogout", twice, "singleLogout has at most one https URL for each binding"),
        (
            "singleLogout",
            json!([{"binding": "HTTP-POST", "url": "https://a.test", "responseUrl": "javascript:alert(1)"}]),
            "singleLogout has at most one https URL for each binding",
        ),
        (
            "singleLogout",
            json!([{"binding": "HTTP-POST", "url": "https://a.test", "responseUrl": "http://a.test"}]),
            "singleSignOn and singleLogout are https URLs",
        ),
        ("certificates", json!([]), "certificates are 1 to 8"),
        ("certificates", json!(vec![pem("rsa"); 9]), "certificates are 1 to 8"),
        (
            "certificates",
            json!([pem("weak")]),
            "certificates are X.509 in PEM, with RSA keys from 2048 bits or on P-256, P-384 or P-521",
        ),
        (
            "certificates",
            json!(["MIIB"]),
            "certificates are X.509 in PEM, with RSA keys from 2048 bits or on P-256, P-384 or P-521",
        ),
        ("nameIdFormat", json!(transient), "nameIdFormat is the URN of a kind of name that stays the same"),
        ("attributes", json!({"email": ""}), "attributes have names of 1 to 1024 characters without blanks"),
    ] {
        let body = provider(|draft| draft[field] = value.clone());
        let answer = world.ask(Method::PUT, SAML).header("IDS-SESSION-ID", &ada).json(&body).await;
        assert_eq!(answer.status, 400, "{field}: {answer}");
        let detail = format!("Bad Request. Please check your request: {rule}.");
        assert_eq!(answer.json()["detail"], detail, "{value}");
    }
}

#[tokio::test]
async fn a_draft_names_a_role_that_is_there_and_no_field_that_is_not() {
    let world = World::of(SEED).await;
    let ada = world.ada().await;
    for (field, value, status) in [("defaultRole", json!("Nobody"), 404), ("clientSecret", json!("x"), 400)] {
        let body = provider(|draft| draft[field] = value.clone());
        let answer = world.ask(Method::PUT, SAML).header("IDS-SESSION-ID", &ada).json(&body).await;
        assert_eq!(answer.status, status, "{field}: {answer}");
    }
}

#[tokio::test]
async fn who_arrives_gets_an_account_that_follows_the_provider() {
    let world = World::of(SEED).await;
    following(&world).await;
    let body = groups("Designer", &["Data Engineers"]);
    assert_eq!(mapped(&world, "addSamlGroupMappings", body).await.status, 204);
    let body = roles("Admin", &["idmc-admin".to_owned()]);
    assert_eq!(mapped(&world, "addSamlRoleMappings", body).await.status, 204);

    assert_eq!(sign_in(&world, &arrival("nora")).await.status, 200);
    let nora = user(&world, "nora@acme.test").await;
    assert_eq!((&nora["firstName"], &nora["lastName"]), (&json!("Nora"), &json!("Newcomb")));
    assert_eq!((&nora["email"], &nora["authentication"]), (&json!("nora@acme.test"), &json!("SAML")));
    assert_eq!((&nora["title"], &nora["phone"]), (&json!("Engineer"), &json!("5550199")));
    assert_eq!(names(&nora, "groups", "userGroupName"), ["Data Engineers"]);
    assert!(names(&nora, "roles", "roleName").is_empty(), "a group is enough, so no default: {nora}");

    assert_eq!(sign_in(&world, &arrival("nora-again")).await.status, 200);
    let nora = user(&world, "nora@acme.test").await;
    assert_eq!((&nora["lastName"], &nora["updatedBy"]), (&json!("Newcomb-Hale"), &json!("SAML")));

    assert_eq!(sign_in(&world, &arrival("nora-promoted")).await.status, 200);
    assert_eq!(names(&user(&world, "nora@acme.test").await, "roles", "roleName"), ["Admin"]);

    assert_eq!(sign_in(&world, &arrival("nora-nobody")).await.status, 200);
    let nora = user(&world, "nora@acme.test").await;
    assert_eq!(names(&nora, "roles", "roleName"), ["Service Consumer"], "a name there is no name here");
    assert!(names(&nora, "groups", "userGroupName").is_empty());
    let events = world.events().await.into_iter().filter(|event| event["event"] == "user_provisioned");
    let how: Vec<_> = events.map(|event| event["how"].as_str().unwrap().to_owned()).collect();
    assert_eq!(how, ["added", "changed", "changed", "changed"]);
}

#[tokio::test]
async fn an_account_that_says_the_same_is_not_written_and_without_mapping_keeps_its_roles() {
    let world = World::of(SEED).await;
    trust(&world, |draft| {
        draft["disableAutoProvisioning"] = false.into();
        draft["defaultRole"] = "Designer".into();
    })
    .await;
    assert_eq!(sign_in(&world, &arrival("nora")).await.status, 200);
    assert_eq!(sign_in(&world, &arrival("nora-promoted")).await.status, 200);
    let nora = user(&world, "nora@acme.test").await;
    assert_eq!(names(&nora, "roles", "roleName"), ["Designer"]);
    let provisioned = world.events().await.into_iter().filter(|event| event["event"] == "user_provisioned");
    assert_eq!(provisioned.count(), 1);
}

#[tokio::test]
async fn nobody_new_arrives_where_accounts_are_made_by_hand() {
    let world = World::of(SEED).await;
    trust(&world, |_| {}).await;
    assert_eq!(sign_in(&world, &arrival("nora")).await.status, 403);
    assert_eq!(reasons(&world).await, ["unknown_user"]);
}

#[tokio::test]
async fn a_name_that_only_looks_like_another_makes_no_account_and_means_nobody() {
    let world = World::of(SEED).await;
    trust(&world, |draft| draft["disableAutoProvisioning"] = false.into()).await;
    for name in ["kelvin-sign", "looks-alike", "of-the-other-org", "blank-behind", "no-user-name"] {
        let answer = sign_in(&world, &file(&format!("unknown_user--{name}.xml"))).await;
        assert_eq!(answer.status, 403, "{name}: {answer}");
    }
    assert_eq!(reasons(&world).await, ["unknown_user"; 5]);
}

fn groups(role: &str, names: &[&str]) -> Value {
    json!({"groupMappings": [{"roleName": role, "samlGroupNames": names}]})
}

fn roles(role: &str, names: &[String]) -> Value {
    json!({"roleMappings": [{"roleName": role, "samlRoleNames": names}]})
}

async fn listed(world: &World, path: &str) -> Value {
    let ada = world.ada().await;
    world.get(&format!("{ORGS}/SAMLConfig/{path}")).header("INFA-SESSION-ID", &ada).await.json()
}

#[tokio::test]
async fn groups_are_mapped_listed_and_taken_back() {
    let world = World::of(SEED).await;
    let ada = world.ada().await;
    let group = world.post("/saas/public/core/v3/userGroups").header("INFA-SESSION-ID", &ada);
    assert_eq!(group.json(r#"{"name":"Stewards","roles":["Service Consumer"]}"#).await.status, 201);
    for body in [groups("Designer", &["Stewards"]), groups("Admin", &["Stewards", "Owners"])] {
        assert_eq!(mapped(&world, "addSamlGroupMappings", body).await.status, 204);
    }
    let all = listed(&world, "groupMappings").await;
    assert_eq!(all["count"], 2);
    let of = |role: &str| {
        let mut rows = all["groupMappings"].as_array().unwrap().iter();
        rows.find(|row| row["roleName"] == role).unwrap()["samlGroupNames"].clone()
    };
    assert_eq!((of("Designer"), of("Admin")), (json!(["Stewards"]), json!(["Owners", "Stewards"])));
    let shown = world.get("/saas/public/core/v3/userGroups").header("INFA-SESSION-ID", &ada).await.json();
    let made: Vec<_> =
        shown.as_array().unwrap().iter().map(|it| it["userGroupName"].as_str().unwrap()).collect();
    assert_eq!(made, ["Owners", "Stewards", "Stewards_EXT"], "{shown}");
    let one = listed(&world, "groupMappings?q=roleName==Admin&limit=1").await;
    assert_eq!((&one["count"], one["groupMappings"].as_array().unwrap().len()), (&json!(1), 1));
    let both = groups("Admin", &["Stewards", "Owners"]);
    assert_eq!(mapped(&world, "removeSamlGroupMappings", both).await.status, 204);
    let again = mapped(&world, "removeSamlGroupMappings", groups("Admin", &["Stewards"])).await;
    assert_eq!(again.status, 400, "{again}");
    assert_eq!(listed(&world, "groupMappings").await["count"], 1);
    let events = world.events().await.into_iter().filter(|event| event["event"] == "saml_mappings_written");
    assert_eq!(events.count(), 3);
}

#[tokio::test]
async fn roles_are_mapped_listed_and_taken_back_within_their_limits() {
    let world = World::of(SEED).await;
    let many: Vec<_> = (0..200).map(|number| format!("r{number}")).collect();
    for why in ["as many as may be", "the same ones again are no more"] {
        assert_eq!(
            mapped(&world, "addSamlRoleMappings", roles("Designer", &many)).await.status,
            204,
            "{why}"
        );
    }
    for name in ["one more", "a|b", "a;b", "a,b", ""] {
        let answer = mapped(&world, "addSamlRoleMappings", roles("Designer", &[name.to_owned()])).await;
        assert_eq!(answer.status, 400, "{name:?}: {answer}");
    }
    assert_eq!(mapped(&world, "addSamlRoleMappings", roles("Nobody", &many)).await.status, 404);
    assert_eq!(mapped(&world, "addSamlRoleMappings", json!({"roleMappings": []})).await.status, 400);
    for (name, status) in [("r7", 204), ("r7", 400)] {
        let answer = mapped(&world, "removeSamlRoleMappings", roles("Designer", &[name.to_owned()])).await;
        assert_eq!(answer.status, status, "{answer}");
    }
    let left = listed(&world, "roleMappings?q=roleName==Designer").await;
    assert_eq!(left["roleMappings"][0]["samlRoleNames"].as_array().unwrap().len(), 199);
    assert_eq!(
        listed(&world, "roleMappings?q=roleName==Admin").await,
        json!({"count": 0, "roleMappings": []})
    );
}

#[tokio::test]
async fn a_group_that_has_the_name_may_be_taken_as_it_is() {
    let world = World::of(SEED).await;
    let ada = world.ada().await;
    following(&world).await;
    let group = world.post("/saas/public/core/v3/userGroups").header("INFA-SESSION-ID", &ada);
    assert_eq!(group.json(r#"{"name":"data engineers","roles":["Service Consumer"]}"#).await.status, 201);
    let groups = json!({"groupMappings": [{"roleName": "Designer", "samlGroupNames": ["Data Engineers"]}], "reuseGroup": true});
    assert_eq!(mapped(&world, "addSamlGroupMappings", groups).await.status, 204);
    assert_eq!(sign_in(&world, &arrival("nora")).await.status, 200);
    assert_eq!(names(&user(&world, "nora@acme.test").await, "groups", "userGroupName"), ["data engineers"]);
    let shown = world.get("/saas/public/core/v3/userGroups").header("INFA-SESSION-ID", &ada).await.json();
    assert_eq!(names(&shown[0], "roles", "roleName"), ["Designer", "Service Consumer"]);
    let id = shown[0]["id"].as_str().unwrap().to_owned();
    let gone = world.ask(Method::DELETE, &format!("/saas/public/core/v3/userGroups/{id}"));
    assert_eq!(gone.header("INFA-SESSION-ID", &ada).await.status, 204);
    assert_eq!(sign_in(&world, &arrival("nora-again")).await.status, 200, "its link went with it");
}

#[tokio::test]
async fn only_who_may_do_everything_in_the_org_decides_whom_it_trusts() {
    let world = World::of(SEED).await;
    let eve = world.session(Door::V1, "eve", "other side").await;
    for (method, path) in
        [(Method::GET, SAML.to_owned()), (Method::PUT, format!("{ORGS}/addSamlRoleMappings"))]
    {
        let answer = world.ask(method, &path).header("IDS-SESSION-ID", &eve).json(&provider(|_| {})).await;
        assert_eq!(answer.status, 403, "{answer}");
    }
}
