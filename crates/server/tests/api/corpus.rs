//! Assertions that somebody else's library signed (scripts/jwt-corpus), each judged as its file name says.

use crate::bearer::{NOT_TRUSTED, reasons, register, sign_in, world};
use crate::issuer::Issuer;
use crate::world::{Door, World};
use std::path::PathBuf;

const OTHER_PROVIDERS: &str = "/saas/public/core/v3/Orgs/2rPkV8sQxYdTb6WnJ0cLfH/IdentityProviders";

/// The names and the texts of all assertions; a file is called after what must happen.
fn corpus() -> Vec<(String, String)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/jwt");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let mut tokens: Vec<_> = files
        .filter(|path| path.extension().is_some_and(|extension| extension == "jwt"))
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, std::fs::read_to_string(path).unwrap())
        })
        .collect();
    tokens.sort();
    tokens
}

async fn corpus_world() -> (World, Issuer) {
    let world = world().await;
    let keys = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/jwt/keys.json"));
    let issuer = Issuer::publishing(&keys.unwrap()).await;
    let terms = |issuer_name: &str, algorithm: &str| {
        let end_points = serde_json::json!({"issuer": issuer_name, "keys": format!("{}/keys", issuer.url)});
        serde_json::json!({"type": "OIDC", "endPoints": end_points, "signingAlgorithm": algorithm})
            .to_string()
    };
    for algorithm in
        ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
    {
        let name = format!("https://idp.acme.test/{}", algorithm.to_lowercase());
        register(&world, &terms(&name, algorithm)).await;
    }
    let eve = world.session(Door::V1, "eve", "other side").await;
    let body = terms("https://idp.globex.test", "RS256");
    let answer = world.post(OTHER_PROVIDERS).header("INFA-SESSION-ID", &eve).json(&body).await;
    assert_eq!(answer.status, 201, "{answer}");
    (world, issuer)
}

#[tokio::test]
async fn every_assertion_of_the_corpus_is_judged_as_its_name_says() {
    let (world, _issuer) = corpus_world().await;
    let mut expected = Vec::new();
    for (name, token) in corpus() {
        let verdict = name.split_once("--").unwrap().0;
        let answer = sign_in(&world, &token).await;
        if verdict == "accepted" {
            assert_eq!(answer.status, 200, "{name}: {answer}");
        } else if verdict == "not_a_token" && answer.status == 400 {
            assert!(name.contains("too-long"), "{name}: {answer}");
        } else {
            assert_eq!(answer.but_its_request_id(), NOT_TRUSTED, "{name}");
            expected.push((name.clone(), verdict.to_owned()));
        }
    }
    let found = reasons(&world).await;
    assert_eq!(found.len(), expected.len());
    let wrong: Vec<_> =
        expected.iter().zip(&found).filter(|((_, verdict), found)| verdict != *found).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(expected.len() > 150, "the corpus has shrunk to {}", expected.len());
}

/// Every text that differs from a good assertion in one character, or breaks off somewhere.
fn bent(token: &str) -> impl Iterator<Item = String> + '_ {
    (0..token.len()).flat_map(move |at| {
        let (before, after) = token.split_at(at);
        let (this, rest) = after.split_at(1);
        let other = if this == "A" { "B" } else { "A" };
        let next = if this == "w" { "x" } else { "w" };
        [format!("{before}{other}{rest}"), format!("{before}{next}{rest}"), before.to_owned()]
    })
}

#[tokio::test]
async fn no_text_that_differs_from_an_assertion_in_one_character_is_accepted() {
    let (world, _issuer) = corpus_world().await;
    let good = |name: &str| corpus().into_iter().find(|(known, _)| known == name).unwrap().1;
    for name in ["accepted--es256", "accepted--eddsa", "accepted--rs256"] {
        let token = good(name);
        for bent in bent(&token).filter(|bent| *bent != token) {
            let answer = sign_in(&world, &bent).await;
            assert!([400, 403].contains(&answer.status.as_u16()), "{name}: {bent}: {answer}");
        }
        assert_eq!(sign_in(&world, &token).await.status, 200, "{name} was not used up by what was refused");
    }
}
