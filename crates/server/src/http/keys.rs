//! The keys that verify our tokens, and the document that says where they are (protocol.md 3.3).

use super::reply;
use crate::app::App;
use axum::extract::State;
use axum::response::Response;
use domain::keyring;
use http::{HeaderValue, header};
use wire::jwt::{CLAIMS, Discovery, Jwks};

/// The key set.
#[utoipa::path(get, path = "/identity-service/.well-known/jwks.json", tag = "token",
    responses((status = 200, description = "The public keys, newest first", body = Jwks)))]
pub async fn identity_keys(State(app): State<App>) -> Response {
    for_a_minute(reply::json(&keyring::published(&app.cx)))
}

/// The same key set, where the vendor publishes one.
#[utoipa::path(get, path = "/authz-service/.well-known/jwks.json", tag = "token",
    responses((status = 200, description = "The public keys, newest first", body = Jwks)))]
pub async fn authz_keys(State(app): State<App>) -> Response {
    for_a_minute(reply::json(&keyring::published(&app.cx)))
}

/// Where the keys are, and what they sign.
#[utoipa::path(get, path = "/identity-service/.well-known/openid-configuration", tag = "token",
    responses((status = 200, description = "The discovery document", body = Discovery)))]
pub async fn discovery(State(app): State<App>) -> Response {
    let issuer = app.cx.policy().issuer.clone();
    for_a_minute(reply::json(&Discovery {
        jwks_uri: format!("{issuer}/.well-known/jwks.json"),
        token_endpoint: format!("{issuer}/api/v1/jwt/Token"),
        issuer,
        response_types_supported: vec!["token"],
        subject_types_supported: vec!["public"],
        id_token_signing_alg_values_supported: vec!["ES256"],
        claims_supported: CLAIMS.to_vec(),
    }))
}

/// A new key signs at once, so nobody may remember the set for long.
pub(super) fn for_a_minute(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=60"));
    response
}
