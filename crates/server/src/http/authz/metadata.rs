//! What `/authz-service` can do, as programs look it up (RFC 8414).

use crate::app::App;
use crate::http::keys::for_a_minute;
use crate::http::reply;
use axum::extract::State;
use axum::response::Response;
use wire::oauth::{Metadata, word};

/// The metadata, where RFC 8414 has them.
#[utoipa::path(get, path = "/.well-known/oauth-authorization-server/authz-service", tag = "oauth",
    responses((status = 200, description = "What is supported", body = Metadata)))]
pub async fn well_known(State(app): State<App>) -> Response {
    for_a_minute(reply::json(&metadata(&app)))
}

/// The same below the issuer.
#[utoipa::path(get, path = "/authz-service/.well-known/oauth-authorization-server", tag = "oauth",
    responses((status = 200, description = "What is supported", body = Metadata)))]
pub async fn below_the_issuer(State(app): State<App>) -> Response {
    for_a_minute(reply::json(&metadata(&app)))
}

/// The same for programs that look for OpenID Connect.
#[utoipa::path(get, path = "/authz-service/.well-known/openid-configuration", tag = "oauth",
    responses((status = 200, description = "What is supported", body = Metadata)))]
pub async fn discovery(State(app): State<App>) -> Response {
    for_a_minute(reply::json(&metadata(&app)))
}

fn metadata(app: &App) -> Metadata {
    let issuer = app.cx.policy().authz_issuer();
    let methods = || vec!["client_secret_basic", "client_secret_post"];
    Metadata {
        token_endpoint: format!("{issuer}/oauth/token"),
        introspection_endpoint: format!("{issuer}/oauth/introspect"),
        revocation_endpoint: format!("{issuer}/oauth/revoke"),
        jwks_uri: format!("{issuer}/.well-known/jwks.json"),
        issuer,
        grant_types_supported: vec![word::CLIENT_CREDENTIALS, word::JWT_BEARER, word::TOKEN_EXCHANGE],
        token_endpoint_auth_methods_supported: [methods(), vec!["none"]].concat(),
        introspection_endpoint_auth_methods_supported: methods(),
        revocation_endpoint_auth_methods_supported: methods(),
        response_types_supported: Vec::new(),
        subject_types_supported: vec!["public"],
        id_token_signing_alg_values_supported: vec!["ES256"],
    }
}
