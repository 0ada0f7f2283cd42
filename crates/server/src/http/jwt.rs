//! `GET` and `POST /identity-service/api/v1/jwt/Token` (protocol.md 3.1): any session carrier, any body or none.

use super::body::Ignored;
use super::caller::Session;
use super::docs::Refusals;
use super::error::ApiError;
use super::form;
use super::reply;
use crate::app::App;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use domain::token::{self, Nonce};
use serde_json::value::RawValue;
use wire::error::Code;
use wire::jwt::TokenReply;

/// Mint an access token from the session.
#[utoipa::path(get, path = "/identity-service/api/v1/jwt/Token", tag = "token", security(("ids_session" = [])),
    params(("client_id" = String, Query, description = "`idmc_api` or another client that is known"),
        ("nonce" = String, Query, description = "Echoed in the token", min_length = 1, max_length = 255)),
    responses((status = 200, description = "A token that lives 30 minutes", body = TokenReply), Refusals))]
pub async fn get_token(
    State(app): State<App>,
    Session(caller): Session,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let Asked { client_id, nonce } = asked(query.as_deref().unwrap_or_default())?;
    let token = token::mint(&app.cx, &caller, &client_id, nonce).await?;
    app.metrics.tokens_minted.inc();
    let expires_in = token::LIFE.as_secs();
    // A token has no letter that JSON escapes, which costs less to see than to write letter by letter.
    let token = RawValue::from_string(["\"", token.expose(), "\""].concat())
        .map_err(|_| ApiError::new(Code::Internal, "the token could not be written"))?;
    let (jwt_token, token, access_token) = (&*token, &*token, &*token);
    let bytes = 3 * token.get().len() + 128;
    let reply = TokenReply { jwt_token, token, access_token, token_type: "Bearer", expires_in };
    Ok(reply::json_of(bytes, &reply))
}

/// Mint an access token from the session.
#[utoipa::path(post, path = "/identity-service/api/v1/jwt/Token", tag = "token", security(("ids_session" = [])),
    params(("client_id" = String, Query, description = "`idmc_api` or another client that is known"),
        ("nonce" = String, Query, description = "Echoed in the token", min_length = 1, max_length = 255)),
    responses((status = 200, description = "A token that lives 30 minutes", body = TokenReply), Refusals))]
pub async fn post_token(
    app: State<App>,
    session: Session,
    query: RawQuery,
    _ignored: Ignored,
) -> Result<Response, ApiError> {
    get_token(app, session, query).await
}

struct Asked {
    client_id: String,
    nonce: Nonce,
}

/// The two parameters that are read; a repeated one would leave open which is meant.
fn asked(query: &str) -> Result<Asked, ApiError> {
    let pairs =
        form::pairs(query).ok_or_else(|| ApiError::new(Code::BadRequest, "the query cannot be read"))?;
    let one = |name: &str| {
        let mut values = pairs.iter().filter(|(key, _)| key == name).map(|(_, value)| value.clone());
        match (values.next(), values.next()) {
            (value, None) => Ok(value.unwrap_or_default()),
            _ => {
                Err(ApiError::new(Code::BadRequest, format!("the parameter {name} is there more than once")))
            }
        }
    };
    let nonce = one("nonce")?;
    let code = if nonce.is_empty() { Code::NonceMissing } else { Code::BadRequest };
    let nonce = nonce.parse().map_err(|_| {
        ApiError::new(code, "The parameter nonce is missing, empty or longer than 255 characters.")
    })?;
    Ok(Asked { client_id: one("client_id")?, nonce })
}
