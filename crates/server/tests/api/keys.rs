//! The published keys and the document that says where they are.

use crate::world::{World, minutes};

const PLACES: [&str; 2] = ["/identity-service/.well-known/jwks.json", "/authz-service/.well-known/jwks.json"];

#[tokio::test]
async fn the_key_set_holds_public_halves_only() {
    let world = World::new().await;
    for place in PLACES {
        world.get(place).await.is(r#"200 [cache-control: public, max-age=60] {"keys":[{"kty":"EC","crv":"P-256","use":"sig","alg":"ES256","kid":"$kid","x":"$coordinate_x","y":"$coordinate_y"}]}"#);
    }
}

#[tokio::test]
async fn a_retired_key_stays_until_no_token_of_its_can_be_alive() {
    let world = World::new().await;
    let kids = || async {
        let keys = world.get(PLACES[0]).await.json()["keys"].as_array().unwrap().clone();
        keys.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let old = kids().await;
    world.later(minutes(1));
    world.rotate_keys().await;
    let both = kids().await;
    assert_eq!(both.len(), 2, "{both:?}");
    assert_eq!(both[1..], old[..], "the newest key stands first");
    // A token of an OAuth client lives for a day at the most.
    world.later(minutes(24 * 60));
    assert_eq!(kids().await, both);
    world.later(minutes(1));
    assert_eq!(kids().await, both[..1]);
}

#[tokio::test]
async fn discovery_names_issuer_keys_and_claims() {
    let world = World::new().await;
    world.get("/identity-service/.well-known/openid-configuration").await.is(r#"200 [cache-control: public, max-age=60] {"issuer":"https://dm-us.latchkey.test/identity-service","jwks_uri":"https://dm-us.latchkey.test/identity-service/.well-known/jwks.json","token_endpoint":"https://dm-us.latchkey.test/identity-service/api/v1/jwt/Token","response_types_supported":["token"],"subject_types_supported":["public"],"id_token_signing_alg_values_supported":["ES256"],"claims_supported":["unique_id","user_fname","user_name","iss","nonce","user_lname","client_id","aud","user_org_id","user_id","org_id","exp","org_name","iat","jti"]}"#);
}
