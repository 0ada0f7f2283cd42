//! The committed description of the routes is the routes' own.

use crate::world::World;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::PathBuf;

fn committed() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", "..", "openapi", "latchkey.json"].iter().collect()
}

#[test]
fn the_committed_description_is_that_of_the_routes() {
    let derived = serde_json::to_string_pretty(&server::http::description()).unwrap() + "\n";
    if option_env!("UPDATE_OPENAPI").is_some() {
        std::fs::create_dir_all(committed().parent().unwrap()).unwrap();
        std::fs::write(committed(), &derived).unwrap();
    }
    let written = std::fs::read_to_string(committed()).unwrap_or_default();
    assert!(
        written == derived,
        "openapi/latchkey.json is not what the routes say; refresh it with \
         `UPDATE_OPENAPI=1 cargo test -p latchkey-server --test api openapi` and read the difference"
    );
}

#[tokio::test]
async fn the_description_is_served_whole_and_as_a_page_that_needs_nothing_else() {
    let world = World::new().await;
    let served = world.get("/openapi.json").await;
    let committed: Value = serde_json::from_str(include_str!("../../../../openapi/latchkey.json")).unwrap();
    assert_eq!(served.json(), committed);
    assert_eq!(served.json()["openapi"], "3.1.0");
    let page = world.get("/docs").await;
    assert_eq!(page.status, 200);
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    for path in server::http::paths() {
        assert!(page.body.contains(&path), "{path} is not on the page");
    }
    for foreign in ["src=\"http", "href=\"http", "<script"] {
        assert!(!page.body.contains(foreign), "the page loads {foreign}");
    }
}

#[test]
fn every_route_is_where_its_description_says() {
    let described: BTreeSet<_> = server::http::description().paths.paths.into_keys().collect();
    assert_eq!(BTreeSet::from_iter(server::http::paths()), described);
}

#[tokio::test]
async fn every_listed_route_is_there() {
    let world = World::new().await;
    for path in server::http::paths() {
        let (got, posted) = (world.get(&path).await, world.post(&path).await);
        for answer in [got, posted] {
            // Of an org by the name `{org}` its handler says that there is none.
            let is_there = answer.status != 404 || answer.body.contains("has single sign-on here");
            assert!(is_there, "{path}: {answer}");
            assert!(!answer.status.is_server_error(), "{path}: {answer}");
        }
    }
}
