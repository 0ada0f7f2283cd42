//! Tokens: minted from a session, their life read from themselves.

use crate::exchange::{Answer, Exchange, NetworkError};
use crate::login_url::LoginUrl;
use crate::reply::{self, Complaint};
use crate::session::{Session, Token};
use crate::sign_in::{SignInError, sensitive};
use crate::system;
use crate::time::{Clock, Timestamp};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{StatusCode, header};
use serde::Deserialize;
use std::time::Duration;
use thiserror::Error;
use wire::Secret;
use wire::error::Code;
use wire::header::{IDS_SESSION_ID, USER_SESSION};

/// A token whose life cannot be read is taken to live this long (protocol.md 3.1).
const LIFE: Duration = Duration::from_secs(30 * 60);
/// A failing server is asked this often in all: minting twice does no harm.
const TRIES: u32 = 3;
/// A server that wants more time than this is left alone.
const PATIENCE: Duration = Duration::from_secs(20);

/// Why there is no token, by what the caller can do about it.
#[derive(Debug, Error)]
pub enum TokenError {
    /// There is no session to mint it from.
    #[error(transparent)]
    SignIn(#[from] SignInError),
    /// The session is good, but gets no token: ask for another client.
    #[error("no token for this client: {message}")]
    Refused {
        /// The server's word for it.
        code: String,
        /// The server's sentence.
        message: String,
    },
    /// The server is busy: try again later.
    #[error("the login host is busy")]
    TooMany {
        /// When, if the server says so.
        retry_after: Option<Duration>,
    },
    /// There was no answer.
    #[error("the login host gave no answer")]
    Network(#[from] NetworkError),
    /// The server is broken, or answers what is no token.
    #[error("the login host failed with status {status}: {message}")]
    Server {
        /// The HTTP status.
        status: u16,
        /// The server's sentence.
        message: String,
    },
}

/// What minting came to.
pub(crate) enum Minted {
    Token(Token),
    /// The session is dead, or was never alive.
    Dead,
}

/// Mints a token for a client from a session.
pub(crate) async fn mint(
    login: &LoginUrl,
    exchange: &Exchange,
    clock: &dyn Clock,
    session: &Session,
    client_id: &str,
) -> Result<Minted, TokenError> {
    let mut tried = 1;
    loop {
        let asked = clock.now();
        let answer = exchange.ask(request(login, exchange, session, client_id)?).await?;
        match judge(&answer, client_id, asked) {
            Err(error) if tried < TRIES => match pause(&error, tried) {
                Some(pause) => {
                    tracing::info!("{error}: asking again in {pause:.1?}");
                    clock.wait(pause).await;
                }
                None => return Err(error),
            },
            judged => return judged,
        }
        tried += 1;
    }
}

fn request(
    login: &LoginUrl,
    exchange: &Exchange,
    session: &Session,
    client_id: &str,
) -> Result<reqwest::RequestBuilder, NetworkError> {
    let nonce = system::rough();
    let client_id: String = url_encoded(client_id);
    let path = format!("/identity-service/api/v1/jwt/Token?client_id={client_id}&nonce={nonce:08x}");
    let id = session.id.expose();
    let post = exchange.http()?.post(login.at(&path)).header(header::ACCEPT, "application/json");
    Ok(post
        .header(IDS_SESSION_ID, sensitive(id))
        .header(header::COOKIE, sensitive(&format!("{USER_SESSION}={id}")))
        .body(""))
}

fn url_encoded(text: &str) -> String {
    reqwest::Url::parse_with_params("http://a/", [("q", text)])
        .ok()
        .and_then(|url| url.query().and_then(|query| query.strip_prefix("q=")).map(str::to_owned))
        .unwrap_or_default()
}

fn judge(answer: &Answer, client_id: &str, asked: Timestamp) -> Result<Minted, TokenError> {
    let status = answer.status;
    if status == StatusCode::UNAUTHORIZED
        || status.is_redirection()
        || answer.is_html() && !status.is_server_error()
    {
        return Ok(Minted::Dead);
    }
    if status.is_success() && !reply::is_complaint(answer) {
        let token = read(&answer.body, client_id, asked).map(Minted::Token);
        return token.ok_or_else(|| TokenError::Server {
            status: status.as_u16(),
            message: "the answer holds no token".to_owned(),
        });
    }
    let Complaint { code, message } = reply::complaint(&answer.body)
        .unwrap_or_else(|| Complaint { code: String::new(), message: format!("status {}", status.as_u16()) });
    match status {
        StatusCode::FORBIDDEN if code == Code::DeadSession.nested() => Ok(Minted::Dead),
        StatusCode::TOO_MANY_REQUESTS => Err(TokenError::TooMany { retry_after: answer.retry_after() }),
        _ if status.is_client_error() || status.is_success() => Err(TokenError::Refused { code, message }),
        _ => Err(TokenError::Server { status: status.as_u16(), message }),
    }
}

/// How long to wait before asking again, if that may help.
fn pause(error: &TokenError, tried: u32) -> Option<Duration> {
    let least = match error {
        TokenError::TooMany { retry_after } => retry_after.unwrap_or(Duration::from_secs(1)),
        TokenError::Server { status: 500.., .. } => Duration::from_millis(200) * 2u32.saturating_pow(tried),
        _ => return None,
    };
    (least <= PATIENCE).then(|| system::between(least, least.mul_f32(1.5)))
}

/// Reads the reply of `jwt/Token` or to an OAuth client.
pub(crate) fn read(body: &[u8], client_id: &str, asked: Timestamp) -> Option<Token> {
    let value = reply::token(body)?;
    let claims = claims(&value);
    let told = claims.as_ref().and_then(Claims::life).or_else(|| told_life(body));
    let org_id = claims.and_then(|claims| claims.org_id).unwrap_or_default();
    let expires = asked + told.unwrap_or(LIFE);
    Some(Token { value, client_id: client_id.to_owned(), org_id, minted: asked, expires })
}

/// `expires_in`, for a token that cannot be read.
fn told_life(body: &[u8]) -> Option<Duration> {
    #[derive(Deserialize)]
    struct Told {
        expires_in: u64,
    }
    serde_json::from_slice::<Told>(body).ok().map(|told| Duration::from_secs(told.expires_in))
}

#[derive(Deserialize)]
struct Claims {
    exp: Option<i64>,
    iat: Option<i64>,
    org_id: Option<String>,
}

impl Claims {
    /// From issue to end: both are of the server's clock, so the difference holds on any machine.
    fn life(&self) -> Option<Duration> {
        let seconds = self.exp?.checked_sub(self.iat?)?;
        u64::try_from(seconds).ok().map(Duration::from_secs)
    }
}

/// The life of a session id that is itself a token.
pub(crate) fn life(id: &Secret) -> Option<Duration> {
    claims(id)?.life()
}

/// The claims of a token, read but not believed.
fn claims(token: &Secret) -> Option<Claims> {
    let mut parts = token.expose().split('.');
    let (_header, claims, _signature, None) = (parts.next()?, parts.next()?, parts.next()?, parts.next())
    else {
        return None;
    };
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(claims: &str) -> String {
        format!(r#"{{"jwt_token":"e30.{}.c2ln","expires_in":60}}"#, URL_SAFE_NO_PAD.encode(claims))
    }

    #[test]
    fn the_life_of_a_token_is_its_own() {
        let asked = Timestamp::from_seconds(5_000);
        let lives = |body: &str| {
            let token = read(body.as_bytes(), "idmc_api", asked).unwrap();
            token.expires.since(asked).as_secs()
        };
        // The server's clock is far from this machine's.
        assert_eq!(lives(&body(r#"{"iat":1725298200,"exp":1725300000,"org_id":"o"}"#)), 1800);
        assert_eq!(lives(&body("{}")), 60);
        assert_eq!(lives(r#"{"token":"opaque"}"#), 1800);
        assert_eq!(lives(r#"{"access_token":"opaque","expires_in":300}"#), 300);
        assert!(read(br#"{"jwt":"x"}"#, "idmc_api", asked).is_none());
    }

    #[test]
    fn a_client_id_may_hold_anything() {
        assert_eq!(url_encoded("a&b=c d/é"), "a%26b%3Dc+d%2F%C3%A9");
    }
}
