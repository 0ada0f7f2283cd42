//! Users of another region: told where to sign in, but only once their password was right.

use crate::world::{Door, World};
use server::config::Region;

const SEED: &str = r#"
[[org]]
name = "Acme Europe"
region = "eu"
  [[org.user]]
  name = "zoe"
  password = "far away"
  roles = ["Admin"]
"#;

async fn world() -> World {
    let region = || Region { name: "eu".into(), login_url: "https://dm-em.latchkey.test".parse().unwrap() };
    World::set_up(SEED, |config| config.region.push(region())).await
}

#[tokio::test]
async fn a_wrong_password_tells_nothing_about_the_region() {
    let world = world().await;
    for door in Door::ALL {
        let theirs = world.sign_in(door, "zoe", "wrong").await.but_its_request_id();
        let nobodys = world.sign_in(door, "nobody", "wrong").await.but_its_request_id();
        assert_eq!(theirs, nobodys);
    }
}

#[tokio::test]
async fn the_right_password_names_the_login_host_and_opens_nothing() {
    let world = world().await;
    let nested = r#"403 {"error":{"code":"LK_REGION","message":"This user signs in at https://dm-em.latchkey.test.","requestId":"$request","details":null}}"#;
    let flat = r#"403 {"@type":"error","code":"LK_REGION","description":"This user signs in at https://dm-em.latchkey.test.","statusCode":403}"#;
    world.sign_in(Door::V1, "zoe", "far away").await.is(nested);
    world.sign_in(Door::V3, "zoe", "far away").await.is(nested);
    world.sign_in(Door::V2, "zoe", "far away").await.is(flat);
    world.sign_in(Door::V2Form, "zoe", "far away").await.is(flat);
    let logout_all = r#"{"username":"zoe","password":"far away"}"#;
    world.post("/ma/api/v2/user/logoutall").json(logout_all).await.is(flat);
    assert_eq!(world.app.metrics.sessions_opened.get(), 0);
}

#[tokio::test]
async fn the_right_password_is_no_failure() {
    let world = world().await;
    for _ in 0..12 {
        assert_eq!(world.sign_in(Door::V1, "zoe", "far away").await.status, 403);
    }
}
