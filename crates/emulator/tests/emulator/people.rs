//! Who is there: the users of a run, those of a seed, those added by a call.

use crate::world::{Answer, PASSWORD, World, options};
use emulator::run::{Options, Run, RunError};
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn there_is_a_user_for_each_situation() {
    let world = World::new().await;
    let told = async |name| {
        let answer = world.sign_in(name, PASSWORD).await;
        let code = |answer: &Answer| answer.json()["error"]["code"].as_str().map(str::to_owned);
        (answer.status, code(&answer).unwrap_or_default())
    };
    for name in ["admin", "plain", "expired", "jwt", "second", "sub"] {
        assert_eq!(told(name).await, (200, String::new()), "{name}");
    }
    assert_eq!(told("locked").await, (400, "IDS_086".to_owned()));
    for name in ["disabled", "saml", "nobody"] {
        assert_eq!(told(name).await, (400, "IDS_085".to_owned()), "{name}");
    }
    let jwt = world.session("jwt").await;
    assert_eq!(jwt.matches('.').count(), 2, "its session id is a JWT");
    let listed = world.control(Method::GET, "users", Value::Null).await;
    let names: Vec<_> =
        listed.as_array().unwrap().iter().map(|user| user["name"].as_str().unwrap()).collect();
    let expected = ["admin", "plain", "locked", "disabled", "expired", "saml", "jwt", "second", "sub"];
    assert_eq!(names, expected);
    world.end().await;
}

#[tokio::test]
async fn a_sub_organization_names_its_parent_and_expired_must_change() {
    let world = World::new().await;
    let v2 = async |name| {
        let body = json!({"@type": "login", "username": name, "password": PASSWORD}).to_string();
        Answer::to(world.ask(Method::POST, "/ma/api/v2/user/login").body(body)).await.json()
    };
    assert_eq!(v2("expired").await["forceChangePassword"], true);
    assert_eq!(v2("admin").await["forceChangePassword"], false);
    let info = async |session: String| {
        let path = "/identity-service/api/v1/CurrentUserInfo";
        Answer::to(world.ask(Method::GET, path).header("IDS-SESSION-ID", session)).await.json()
    };
    let (sub, admin) = (info(world.session("sub").await).await, info(world.session("admin").await).await);
    assert_eq!(sub["parentOrgId"], admin["orgId"]);
    world.end().await;
}

#[tokio::test]
async fn a_seed_is_all_that_is_there() {
    let seed = "[[org]]\nname = \"A\"\n[[org.user]]\nname = \"ada\"\npassword = \"right\"";
    let seed = Some(server::seed::parse(seed).unwrap());
    let world = World::of(Options { seed, ..options() }).await;
    assert_eq!(world.sign_in("ada", "right").await.status, 200);
    assert_eq!(world.sign_in("admin", PASSWORD).await.status, 400);
    assert_eq!((world.variable("LATCHKEY_EMULATOR_USER"), world.people.len()), ("ada", 1));
    world.end().await;
}

#[tokio::test]
async fn people_are_added_by_one_call_in_toml_and_json() {
    let world = World::new().await;
    let toml = "[[org]]\nname = \"New\"\nid = \"5mYdXw9KcJhaf3LrN8pQ2v\"\n[[org.user]]\nname = \"t\"\npassword = \"p\"";
    let added = Answer::to(world.ask(Method::POST, "/_emulator/seed").body(toml)).await;
    assert_eq!(added.json()["users"][0]["org_id"], "5mYdXw9KcJhaf3LrN8pQ2v");
    let json = json!({"org": [{"name": "New", "id": "5mYdXw9KcJhaf3LrN8pQ2v", "user": [{"name": "j", "password": "p"}]}]});
    world.control(Method::POST, "seed", json.clone()).await;
    for name in ["t", "j"] {
        let signed_in = world.sign_in(name, "p").await.json();
        assert_eq!(signed_in["userInfo"]["orgId"], "5mYdXw9KcJhaf3LrN8pQ2v", "the same org for both");
    }
    let again = Answer::to(world.ask(Method::POST, "/_emulator/seed").body(json.to_string())).await;
    assert_eq!(again.status, 400, "{again:?}");
    world.end().await;
}

#[tokio::test]
async fn a_thousand_orgs_are_isolated() {
    let world = World::new().await;
    let added = world.control(Method::POST, "orgs", json!({"count": 1000})).await;
    let users = added["users"].as_array().unwrap();
    assert_eq!(users.len(), 1000);
    let sign_in = async |user: &Value| {
        let answer = world.sign_in(user["name"].as_str().unwrap(), PASSWORD).await.json();
        (
            answer["userInfo"]["sessionId"].as_str().unwrap().to_owned(),
            user["org_id"].as_str().unwrap().to_owned(),
        )
    };
    let ((one, org), (_, other)) = (sign_in(&users[0]).await, sign_in(&users[999]).await);
    let at = |org: &str| {
        world.ask(Method::GET, "/gate").header("INFA-SESSION-ID", &one).header("X-INFA-ORG-ID", org)
    };
    assert_eq!(Answer::to(at(&org)).await.status, 200);
    assert_eq!(Answer::to(at(&other)).await.status, 401);
    world.end().await;
}

#[tokio::test]
async fn a_folder_keeps_what_was_there() {
    let folder = tempfile::tempdir().unwrap();
    let kept = || Options { data: Some(folder.path().to_owned()), ..options() };
    let world = World::of(kept()).await;
    let session = world.session("plain").await;
    world.end().await;
    let world = World::of(kept()).await;
    assert_eq!(world.use_session(&session).await, 200);
    let moment = world.control(Method::POST, "snapshot", Value::Null).await;
    let later = world.session("plain").await;
    world.control(Method::POST, "restore", moment).await;
    assert_eq!((world.use_session(&session).await, world.use_session(&later).await), (200, 401));
    assert_eq!(world.people.len(), 9, "the next run knows who is there");
    world.end().await;
    let store = folder.path().join("emulator");
    assert!(matches!(server::folder::hold(&store), Err(server::folder::FolderError::Emulated(_))));
    assert!(server::folder::hold(folder.path()).is_ok(), "beside it there may be a real one");
    let seed = server::seed::parse("[[org]]\nname = \"A\"").unwrap();
    let refused = Run::open(Options { seed: Some(seed), ..kept() }).await.err().unwrap();
    assert!(matches!(refused, RunError::Open(_)), "{refused}");
}

#[tokio::test]
async fn an_address_that_others_reach_is_refused() {
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let listen = address.parse().unwrap();
        let refused = Run::open(Options { listen, ..options() }).await.err().unwrap();
        assert!(matches!(refused, RunError::NotLoopback(_)), "{refused}");
    }
}

#[tokio::test]
async fn the_control_answers_no_page_of_another_site() {
    let world = World::new().await;
    for (name, value) in [("Origin", "https://example.com"), ("Host", "rebound.example.com")] {
        let foreign = Answer::to(world.ask(Method::POST, "/_emulator/reset").header(name, value)).await;
        assert_eq!(foreign.status, 403, "{name}");
    }
    let rebound = world.ask(Method::GET, "/saas/api/v2/task").header("Host", "rebound.example.com");
    assert_eq!(Answer::to(rebound).await.status, 403, "nor anything else by a name that is not ours");
    world.end().await;
}
