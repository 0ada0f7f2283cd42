//! `POST /authz-service/oauth/token`, `/introspect` and `/revoke`.

use super::asked::Asked;
use crate::app::App;
use crate::http::docs::OAuthRefusals;
use crate::http::error::ApiError;
use crate::http::reply;
use axum::extract::State;
use axum::response::Response;
use domain::oauth::{self, Ground, Known};
use wire::error::Code;
use wire::oauth::{Introspection, TokenReply, word};

/// Get a token: for the client itself, for an assertion, or in exchange for a session or another token.
#[utoipa::path(post, path = "/authz-service/oauth/token", tag = "oauth", security(("client" = []), ()),
    request_body(content = String, content_type = "application/x-www-form-urlencoded",
        description = "`grant_type` and what it needs; `client_id` and `client_secret` here or in the header"),
    responses((status = 200, description = "The token", body = TokenReply), OAuthRefusals))]
pub async fn token(State(app): State<App>, asked: Asked) -> Result<Response, ApiError> {
    let is_exchange = asked.optional("grant_type")?.is_some_and(|it| it.expose() == word::TOKEN_EXCHANGE);
    let ground = ground(&asked)?;
    no_scope(&asked)?;
    let audience = asked.optional("audience")?.map(|audience| audience.expose().to_owned());
    let Asked { client, visit, .. } = asked;
    let granted = app.grant(oauth::Asked { client, ground, audience, visit }).await?;
    Ok(reply::json(&TokenReply {
        access_token: granted.token,
        token_type: "Bearer",
        expires_in: granted.life.as_secs(),
        issued_token_type: is_exchange.then_some(word::ACCESS_TOKEN),
    }))
}

/// Ask what a token or a session id is (RFC 7662).
#[utoipa::path(post, path = "/authz-service/oauth/introspect", tag = "oauth", security(("client" = [])),
    request_body(content = String, content_type = "application/x-www-form-urlencoded", description = "`token`"),
    responses((status = 200, description = "What it is, if it is alive and of the client's org", body = Introspection),
        OAuthRefusals))]
pub async fn introspect(State(app): State<App>, mut asked: Asked) -> Result<Response, ApiError> {
    let (client, token, visit) = (asked.client()?, asked.required("token")?.clone(), asked.visit);
    let known = app.introspect(client, token, visit).await?;
    Ok(reply::json(&known.as_ref().map(said).unwrap_or_default()))
}

/// Withdraw a token, or end a session (RFC 7009).
#[utoipa::path(post, path = "/authz-service/oauth/revoke", tag = "oauth", security(("client" = [])),
    request_body(content = String, content_type = "application/x-www-form-urlencoded", description = "`token`"),
    responses((status = 200, description = "It is good no more, or never was"), OAuthRefusals))]
pub async fn revoke(State(app): State<App>, mut asked: Asked) -> Result<Response, ApiError> {
    let (client, token, visit) = (asked.client()?, asked.required("token")?.clone(), asked.visit);
    app.revoke(client, token, visit).await?;
    Ok(reply::empty())
}

fn ground(asked: &Asked) -> Result<Ground, ApiError> {
    match asked.required("grant_type")?.expose() {
        word::CLIENT_CREDENTIALS => Ok(Ground::Itself),
        word::JWT_BEARER => {
            let org = asked.optional("org_id")?.map(|id| id.expose().parse()).transpose();
            let org = org.map_err(|_| ApiError::new(Code::BadRequest, "org_id is not an id"))?;
            Ok(Ground::Assertion(asked.required("assertion")?.clone(), org))
        }
        word::TOKEN_EXCHANGE => exchanged(asked),
        _ => Err(ApiError::new(Code::UnsupportedGrantType, "this grant_type is not known here")),
    }
}

/// What is given in exchange (RFC 8693 section 2.1).
fn exchanged(asked: &Asked) -> Result<Ground, ApiError> {
    let invalid = |what: &'static str| Err(ApiError::new(Code::BadRequest, what));
    if asked.optional("actor_token")?.is_some() {
        return invalid("the actor is the client: actor_token is not read here");
    }
    if asked.optional("resource")?.is_some() {
        return Err(ApiError::new(Code::InvalidTarget, "name an audience: resource is not known here"));
    }
    match asked.optional("requested_token_type")?.map(wire::Secret::expose) {
        None | Some(word::ACCESS_TOKEN | word::JWT) => {}
        Some(_) => return invalid("this requested_token_type is not issued here"),
    }
    let subject = asked.required("subject_token")?.clone();
    match asked.required("subject_token_type")?.expose() {
        word::ACCESS_TOKEN | word::JWT => Ok(Ground::Token(subject)),
        word::SESSION => Ok(Ground::Session(subject)),
        _ => invalid("this subject_token_type is not known here"),
    }
}

/// What a token allows is what its subject may do; there are no scopes that could be less.
fn no_scope(asked: &Asked) -> Result<(), ApiError> {
    match asked.optional("scope")? {
        None => Ok(()),
        Some(_) => {
            Err(ApiError::new(Code::InvalidScope, "no scopes are known here: roles say what a token may do"))
        }
    }
}

fn said(known: &Known) -> Introspection {
    let filled = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    match known {
        Known::Token(token, user) => {
            let claims = &token.claims;
            Introspection {
                active: true,
                client_id: filled(&claims.client_id),
                username: filled(user.name.as_str()),
                token_type: Some("Bearer"),
                exp: Some(claims.exp),
                iat: Some(claims.iat),
                sub: Some(user.id.base62()),
                aud: filled(&claims.aud),
                iss: filled(&claims.iss),
                jti: filled(&claims.jti),
                act: token.grant.as_ref().and_then(|grant| grant.act.clone()),
                org_id: Some(claims.org_id),
            }
        }
        Known::Session(live) => Introspection {
            active: true,
            username: filled(live.user.name.as_str()),
            token_type: Some("session"),
            exp: Some(live.session.expires_at().as_seconds()),
            iat: Some(live.session.opened_at.as_seconds()),
            sub: Some(live.user.id.base62()),
            org_id: Some(live.org.id),
            ..Introspection::default()
        },
    }
}
