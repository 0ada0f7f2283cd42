//! Tokens of the real service, verified without asking it.

use crate::world::World;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use client::{AUDIENCE, KeySource, NotVerified, Secret, Url, Verifier};

fn keys_url(world: &World) -> Url {
    Url::parse(&format!("{}/authz-service/.well-known/jwks.json", world.url)).unwrap()
}

fn verifier(world: &World, keys: KeySource) -> Verifier {
    let issuer = format!("{}/identity-service", world.url);
    Verifier::with_clock(issuer, AUDIENCE, keys, world.clock.clone()).unwrap()
}

async fn fetched(world: &World) -> u64 {
    world.number("http_requests_total{route=\"/authz-service/.well-known/jwks.json\",status=\"2xx\"}").await
}

fn part(json: &str) -> String {
    URL_SAFE_NO_PAD.encode(json)
}

/// The same token with another header.
fn with_header(token: &str, header: &str) -> Secret {
    let (_, rest) = token.split_once('.').unwrap();
    Secret::new(format!("{}.{rest}", part(header)))
}

#[tokio::test]
async fn a_token_says_who_which_org_and_until_when() {
    let world = World::new().await;
    let token = world.ada().token().await.unwrap();
    let verifier = verifier(&world, KeySource::Url(keys_url(&world)));
    let verified = verifier.verify(&token.value).await.unwrap();
    assert_eq!((verified.user.as_str(), verified.org_name.as_str()), ("ada", "Acme Prod"));
    assert_eq!((verified.org_id, token.org_id.as_str()), (token.org_id.clone(), "5mYdXw9KcJhaf3LrN8pQ2v"));
    assert_eq!(verified.expires.as_seconds() - verified.issued.as_seconds(), 1800);
    world.clock.later(31);
    let error = verifier.verify(&token.value).await.unwrap_err();
    assert!(matches!(error, NotVerified::Ended(at) if at == verified.expires), "{error}");
}

#[tokio::test]
async fn what_is_not_quite_right_is_refused_with_its_reason() {
    let world = World::new().await;
    let token = world.ada().token().await.unwrap().value;
    let token = token.expose();
    let set = crate::world::get(keys_url(&world).as_str()).await;
    let verifier = verifier(&world, KeySource::Given(set.clone()));
    let [head, claims, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!("{token}") };
    let head_text = String::from_utf8(URL_SAFE_NO_PAD.decode(head).unwrap()).unwrap();
    let changed = head_text.replace("\"typ\":\"JWT\"", "\"typ\":\"JWT\",\"crit\":[\"exp\"]");
    let mut other = URL_SAFE_NO_PAD.decode(claims).unwrap();
    let at = other.windows(3).position(|three| three == b"ada").unwrap();
    other[at] = b'b';
    for (token, reason) in [
        (Secret::new("x"), "this is no JWT"),
        (Secret::new(format!("{head}.{claims}")), "this is no JWT"),
        (Secret::new("x".repeat(20_000)), "this is no JWT"),
        (with_header(token, &changed), "its header demands an extension"),
        (
            with_header(token, r#"{"alg":"none","typ":"JWT"}"#),
            "it is signed with another algorithm than ES256",
        ),
        (
            with_header(token, r#"{"alg":"HS256","kid":"x"}"#),
            "it is signed with another algorithm than ES256",
        ),
        (
            with_header(token, r#"{"alg":"ES256","kid":"x","typ":"logout+jwt"}"#),
            "its type is logout+jwt, not JWT",
        ),
        (with_header(token, r#"{"alg":"ES256","kid":"x"}"#), "its key is not among those of the issuer"),
        (with_header(token, r#"{"alg":"ES256"}"#), "its key is not among those of the issuer"),
        (
            Secret::new(format!("{head}.{}.{signature}", URL_SAFE_NO_PAD.encode(other))),
            "its signature is wrong",
        ),
    ] {
        assert_eq!(verifier.verify(&token).await.unwrap_err().to_string(), reason);
    }
    assert!(verifier.verify(&Secret::new(token)).await.is_ok());
    let elsewhere = |issuer: &str, audience: &str| {
        let keys = KeySource::Given(set.clone());
        Verifier::with_clock(issuer, audience, keys, world.clock.clone()).unwrap()
    };
    let token = Secret::new(token);
    let error = elsewhere("https://a.example", AUDIENCE).verify(&token).await.unwrap_err();
    assert!(
        matches!(error, NotVerified::Issuer(found) if found == format!("{}/identity-service", world.url))
    );
    let issuer = format!("{}/identity-service", world.url);
    let error = elsewhere(&issuer, "b").verify(&token).await.unwrap_err();
    assert!(matches!(error, NotVerified::Audience));
}

#[tokio::test]
async fn keys_are_fetched_once_and_for_unknown_names_once_a_minute() {
    let world = World::new().await;
    let token = world.ada().token().await.unwrap().value;
    let folder = world.folder.path().join("keys");
    let source = || KeySource::UrlKeptIn(keys_url(&world), folder.clone());
    let first = verifier(&world, source());
    let stranger = with_header(token.expose(), r#"{"alg":"ES256","kid":"x"}"#);
    let both = futures_of(&first, &token, 10).await;
    assert!(both && fetched(&world).await == 1);
    for _ in 0..10 {
        assert!(matches!(first.verify(&stranger).await, Err(NotVerified::UnknownKey)));
    }
    assert_eq!(fetched(&world).await, 1);
    world.clock.later(2);
    for _ in 0..10 {
        assert!(matches!(first.verify(&stranger).await, Err(NotVerified::UnknownKey)));
    }
    assert_eq!(fetched(&world).await, 2);
    // Another process finds what the first one kept.
    let second = verifier(&world, source());
    assert!(second.verify(&token).await.is_ok());
    assert_eq!(fetched(&world).await, 2);
}

async fn futures_of(verifier: &Verifier, token: &Secret, count: usize) -> bool {
    let mut good = true;
    for _ in 0..count {
        let (one, other) = tokio::join!(verifier.verify(token), verifier.verify(token));
        good &= one.is_ok() && other.is_ok();
    }
    good
}

#[tokio::test]
async fn without_keys_nobody_can_say() {
    let world = World::new().await;
    let token = world.ada().token().await.unwrap().value;
    let nowhere = Url::parse("http://127.0.0.1:1/keys").unwrap();
    let verifier = verifier(&world, KeySource::Url(nowhere));
    assert!(matches!(verifier.verify(&token).await, Err(NotVerified::NoKeys(_))));
    assert!(Verifier::new("a", "b", KeySource::Given("<html>".to_owned())).is_err());
}

#[cfg(feature = "tower")]
mod layer {
    use super::{World, keys_url, verifier};
    use client::{KeySource, RequireToken, Verified};
    use http::{Request, Response};
    use std::convert::Infallible;
    use std::future::{Ready, ready};
    use std::sync::Arc;
    use std::task::{Context, Poll};
    use tower_layer::Layer;
    use tower_service::Service;

    /// Says who called.
    #[derive(Clone)]
    struct Who;

    impl Service<Request<()>> for Who {
        type Response = Response<String>;
        type Error = Infallible;
        type Future = Ready<Result<Self::Response, Infallible>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, request: Request<()>) -> Self::Future {
            ready(Ok(Response::new(request.extensions().get::<Verified>().unwrap().user.clone())))
        }
    }

    #[tokio::test]
    async fn only_a_good_token_comes_through() {
        let world = World::new().await;
        let token = world.ada().token().await.unwrap();
        let verifier = Arc::new(verifier(&world, KeySource::Url(keys_url(&world))));
        let mut service = RequireToken::new(verifier).layer(Who);
        let good = format!("Bearer {}", token.value.expose());
        for (authorization, org, status, body) in [
            (good.as_str(), token.org_id.as_str(), 200, "ada"),
            (
                &good,
                "another",
                403,
                r#"{"error":{"code":"LK_DENIED","message":"the token is for another org"}}"#,
            ),
            (
                "Bearer x",
                &token.org_id,
                401,
                r#"{"error":{"code":"AUTH_01","message":"the token is missing or not valid"}}"#,
            ),
            (
                "Basic eDp5",
                &token.org_id,
                401,
                r#"{"error":{"code":"AUTH_01","message":"the token is missing or not valid"}}"#,
            ),
        ] {
            let request =
                Request::builder().header("authorization", authorization).header("x-infa-org-id", org);
            let Ok(response) = service.call(request.body(()).unwrap()).await;
            assert_eq!((response.status().as_u16(), response.body().as_str()), (status, body));
        }
    }
}

#[tokio::test]
async fn of_the_vectors_of_wycheproof_only_what_is_signed_with_es256_gets_as_far_as_its_claims() {
    let vectors = include_str!("../../../server/tests/vectors/wycheproof/json_web_signature_test.json");
    let vectors: serde_json::Value = serde_json::from_str(vectors).unwrap();
    let (mut seen, mut signed) = (0, Vec::new());
    for group in vectors["testGroups"].as_array().unwrap() {
        let set = serde_json::json!({"keys": [group["public"]]}).to_string();
        let verifier = Verifier::new("https://id.example.com", AUDIENCE, KeySource::Given(set)).unwrap();
        for test in group["tests"].as_array().unwrap() {
            seen += 1;
            let verdict = verifier.verify(&Secret::new(test["jws"].as_str().unwrap())).await.unwrap_err();
            // None of them says who somebody is, and nothing is read before the signature held.
            if matches!(verdict, NotVerified::Claim(_)) {
                signed.push(test["tcId"].as_u64().unwrap());
            }
        }
    }
    assert_eq!((seen, signed), (401, vec![18, 378]));
}
