//! Signing in: one request, and what its answer means for whoever asked.

use crate::cache::CacheError;
use crate::credential::{Credential, Family, SourceError};
use crate::exchange::{Answer, Exchange, NetworkError};
use crate::login_url::LoginUrl;
use crate::reply::{self, Complaint, Told};
use crate::session::{IDLE, Session, Slides, Token};
use crate::time::{Clock, Timestamp};
use crate::token;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{StatusCode, header};
use serde_json::json;
use std::time::Duration;
use thiserror::Error;
use wire::Secret;
use wire::error::Code;

/// A session that a reply says to last longer than this is taken to last half an hour.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
/// A busy login host is asked this often in all.
const TRIES: u32 = 3;
/// A login host that wants more time than this is left alone.
const PATIENCE: Duration = Duration::from_secs(20);

/// Why nobody is signed in, by what the caller can do about it.
#[derive(Debug, Error)]
pub enum SignInError {
    /// Name or proof are not right: ask for another password. The same one is not sent again.
    #[error("the sign-in was refused: {message}")]
    Refused {
        /// The server's word for it.
        code: String,
        /// The server's sentence.
        message: String,
    },
    /// This very password was refused before, so it was not sent.
    #[error("this password was refused before and was not sent again: {message}")]
    RefusedBefore {
        /// When.
        at: Timestamp,
        /// The server's word for it.
        code: String,
        /// The server's sentence.
        message: String,
    },
    /// The account is locked: wait, or ask an administrator.
    #[error("the account is locked: {message}")]
    Locked {
        /// The server's sentence.
        message: String,
    },
    /// The user belongs to another login host.
    #[error("this user signs in elsewhere: {message}")]
    OtherRegion {
        /// Where, if the server says so.
        login_url: Option<String>,
        /// The server's sentence.
        message: String,
    },
    /// The org holds as many sessions as it may: end some.
    #[error("the org holds too many sessions: {message}")]
    TooManySessions {
        /// The server's sentence.
        message: String,
    },
    /// The server is busy: try again later. No password was judged.
    #[error("the login host is busy")]
    TooMany {
        /// When, if the server says so.
        retry_after: Option<Duration>,
    },
    /// What answers there is no login host.
    #[error("this is not a login host: it {0}")]
    WrongUrl(String),
    /// There was no answer.
    #[error("the login host gave no answer")]
    Network(#[from] NetworkError),
    /// The server is broken.
    #[error("the login host failed with status {status}: {message}")]
    Server {
        /// The HTTP status.
        status: u16,
        /// The server's sentence.
        message: String,
    },
    /// There is no password.
    #[error("no password")]
    NoSecret(#[from] SourceError),
    /// Nothing to sign in with was given, and nothing is kept.
    #[error("not signed in")]
    NoCredential,
    /// An OAuth client has tokens, but no session.
    #[error("an OAuth client has no session")]
    NoSession,
    /// The program ended the work in the middle.
    #[error("the sign-in was interrupted")]
    Interrupted,
    /// What is kept on this machine cannot be changed.
    #[error("the cache cannot be used")]
    Cache(#[from] CacheError),
}

/// What a sign-in opened.
#[derive(Debug)]
pub(crate) enum Opened {
    Session(Session),
    Token(Token),
}

/// Whose sign-in it is, and by what means.
pub(crate) struct Attempt<'a> {
    pub login: &'a LoginUrl,
    pub exchange: &'a Exchange,
    pub clock: &'a dyn Clock,
}

impl Attempt<'_> {
    /// Sends a credential once; only an answer that judged nothing is followed by another try.
    pub(crate) async fn open(&self, credential: &Credential, secret: &Secret) -> Result<Opened, SignInError> {
        let mut tried = 1;
        loop {
            let asked = self.clock.now();
            let answer = self.exchange.ask(self.request(credential, secret)?).await?;
            match judge(credential, &answer, asked) {
                Err(SignInError::TooMany { retry_after }) if tried < TRIES => {
                    let pause = retry_after.unwrap_or(Duration::from_secs(1));
                    if pause > PATIENCE {
                        return Err(SignInError::TooMany { retry_after });
                    }
                    let pause = crate::system::between(pause, pause.mul_f32(1.5));
                    tracing::info!("the login host is busy: asking again in {pause:.1?}");
                    self.clock.wait(pause).await;
                    tried += 1;
                }
                judged => return judged,
            }
        }
    }

    fn request(
        &self,
        credential: &Credential,
        secret: &Secret,
    ) -> Result<reqwest::RequestBuilder, NetworkError> {
        let path = path(credential);
        let post = self.exchange.http()?.post(self.login.at(path)).header(header::ACCEPT, "application/json");
        let secret = secret.expose();
        let body = match credential {
            Credential::Password { family: Family::V2, user, .. } => {
                json!({"@type": "login", "username": user, "password": secret})
            }
            Credential::Password { user, .. } => json!({"username": user, "password": secret}),
            Credential::Saml { org_id, .. } => json!({"samlToken": secret.trim(), "orgId": org_id}),
            Credential::Bearer { org_id, .. } => json!({"oauthToken": secret.trim(), "orgId": org_id}),
            Credential::Client { id, .. } => {
                let basic = STANDARD.encode(format!("{id}:{}", secret.trim()));
                return Ok(post
                    .header(header::AUTHORIZATION, sensitive(&format!("Basic {basic}")))
                    .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                    .body("grant_type=client_credentials"));
            }
        };
        Ok(post.header(header::CONTENT_TYPE, "application/json").body(body.to_string()))
    }
}

/// A header that no log shows.
pub(crate) fn sensitive(text: &str) -> http::HeaderValue {
    let mut value = http::HeaderValue::from_str(text).unwrap_or_else(|_| http::HeaderValue::from_static(""));
    value.set_sensitive(true);
    value
}

fn path(credential: &Credential) -> &'static str {
    match credential {
        Credential::Password { family: Family::V1, .. } => "/identity-service/api/v1/Login",
        Credential::Password { family: Family::V2, .. } => "/ma/api/v2/user/login",
        Credential::Password { family: Family::V3, .. } => "/saas/public/core/v3/login",
        Credential::Saml { .. } => "/ma/api/v2/user/loginSaml",
        Credential::Bearer { .. } => "/ma/api/v2/user/loginOAuth",
        Credential::Client { .. } => "/authz-service/oauth/token",
    }
}

fn judge(credential: &Credential, answer: &Answer, asked: Timestamp) -> Result<Opened, SignInError> {
    // A proxy's or a login page's HTML is no judgement of the password, whatever its status.
    if answer.is_html() && !answer.status.is_server_error() {
        return Err(SignInError::WrongUrl(format!(
            "answers with a page (status {})",
            answer.status.as_u16()
        )));
    }
    if answer.status.is_redirection() {
        let to = answer.location().unwrap_or("elsewhere");
        return Err(SignInError::WrongUrl(format!("redirects to {to}")));
    }
    if !answer.status.is_success() || reply::is_complaint(answer) {
        return Err(refused(answer));
    }
    opened(credential, answer, asked)
        .ok_or_else(|| SignInError::WrongUrl("answers, but with no session".to_owned()))
}

fn opened(credential: &Credential, answer: &Answer, asked: Timestamp) -> Option<Opened> {
    let family = match credential {
        Credential::Password { family, .. } => *family,
        Credential::Saml { .. } | Credential::Bearer { .. } => Family::V2,
        Credential::Client { id, .. } => return token::read(&answer.body, id, asked).map(Opened::Token),
    };
    let told = match family {
        Family::V1 | Family::V2 => reply::flat(&answer.body)?,
        Family::V3 => reply::nested(&answer.body)?,
    };
    let user = if told.user.is_empty() { credential.user() } else { told.user.clone() };
    Some(Opened::Session(session(told, Session { user, ..blank(family, asked) }, answer.date())))
}

fn blank(family: Family, opened: Timestamp) -> Session {
    Session {
        id: Secret::new(""),
        org_id: String::new(),
        org_name: String::new(),
        user: String::new(),
        base_url: None,
        family,
        opened,
        expires: opened + IDLE,
        slides: Slides::By(IDLE.as_secs()),
    }
}

fn session(told: Told, blank: Session, server_time: Option<Timestamp>) -> Session {
    let opened = blank.opened;
    // In JWT mode the id is a token with a fixed end; else the reply may say when it ends by the server's clock.
    let (life, slides) = match token::life(&told.id) {
        Some(life) => (life, Slides::Never),
        None => {
            let life = life_told(told.expires.as_deref(), server_time.unwrap_or(opened));
            (life, Slides::By(life.as_secs()))
        }
    };
    Session {
        id: told.id,
        org_id: told.org_id,
        org_name: told.org_name,
        base_url: told.base_url,
        expires: opened + life,
        slides,
        ..blank
    }
}

fn life_told(expires: Option<&str>, server_time: Timestamp) -> Duration {
    let life = expires.and_then(Timestamp::parse).map(|end| end.since(server_time));
    life.filter(|life| (Duration::from_secs(60)..LONGEST).contains(life)).unwrap_or(IDLE)
}

fn refused(answer: &Answer) -> SignInError {
    let status = answer.status;
    let said = reply::complaint(&answer.body);
    let Complaint { code, message } = said
        .clone()
        .unwrap_or_else(|| Complaint { code: String::new(), message: format!("status {}", status.as_u16()) });
    let is = |known: Code| code == known.nested() || code == known.flat();
    match status {
        StatusCode::TOO_MANY_REQUESTS => SignInError::TooMany { retry_after: answer.retry_after() },
        _ if is(Code::Locked) => SignInError::Locked { message },
        _ if is(Code::OtherRegion) => SignInError::OtherRegion { login_url: url_in(&message), message },
        _ if is(Code::TooManySessions) => SignInError::TooManySessions { message },
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => {
            SignInError::WrongUrl(format!("knows no sign-in (status {})", status.as_u16()))
        }
        StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            SignInError::Refused { code, message }
        }
        _ if status.is_success() => SignInError::Refused { code, message },
        _ => SignInError::Server { status: status.as_u16(), message },
    }
}

fn url_in(message: &str) -> Option<String> {
    let url = message.split_whitespace().find(|word| word.starts_with("https://"))?;
    Some(url.trim_end_matches(['.', ',', '/']).to_owned())
}

/// Whether a refusal may have been about the password; one about something else does not forbid it.
pub(crate) fn is_about_the_secret(code: &str) -> bool {
    let elsewhere = [Code::BadRequest, Code::BodyTooLarge, Code::HeadersTooLarge, Code::Denied];
    !elsewhere.iter().any(|known| code == known.nested() || code == known.flat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credential::Source;
    use bytes::Bytes;
    use http::HeaderMap;

    const NOW: Timestamp = Timestamp::from_seconds(1_787_394_000);

    fn answer(status: u16, kind: &'static str, body: &'static str) -> Answer {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, kind.parse().unwrap());
        Answer { status: StatusCode::from_u16(status).unwrap(), headers, body: Bytes::from(body) }
    }

    fn with(family: Family) -> Credential {
        let password = Source::Value(Secret::new("pw"));
        Credential::Password { family, user: "ada".to_owned(), password }
    }

    fn said(status: u16, kind: &'static str, body: &'static str) -> String {
        judge(&with(Family::V2), &answer(status, kind, body), NOW).unwrap_err().to_string()
    }

    #[test]
    fn what_is_no_session_says_what_to_do() {
        let json = "application/json";
        for (status, kind, body, expected) in [
            (200, "text/html", "<html>", "this is not a login host: it answers with a page (status 200)"),
            (403, "text/html", "<html>", "this is not a login host: it answers with a page (status 403)"),
            (200, json, "{}", "this is not a login host: it answers, but with no session"),
            (200, json, "not json", "this is not a login host: it answers, but with no session"),
            (302, json, "", "this is not a login host: it redirects to elsewhere"),
            (404, json, "{}", "this is not a login host: it knows no sign-in (status 404)"),
            (
                200,
                json,
                r#"{"@type":"error","code":"UI_10000","description":"no"}"#,
                "the sign-in was refused: no",
            ),
            (200, json, r#"{"error":{"code":"IDS_085","message":"no"}}"#, "the sign-in was refused: no"),
            (400, json, r#"{"error":{"code":"IDS_086","message":"wait"}}"#, "the account is locked: wait"),
            (403, json, r#"{"code":"UI_10000","description":"no"}"#, "the sign-in was refused: no"),
            (401, json, "", "the sign-in was refused: status 401"),
            (429, json, "", "the login host is busy"),
            (502, "text/html", "<html>", "the login host failed with status 502: status 502"),
        ] {
            assert_eq!(said(status, kind, body), expected, "{status} {body}");
        }
    }

    #[test]
    fn the_right_region_is_read_from_the_refusal() {
        let body = r#"{"error":{"code":"LK_REGION","message":"This user signs in at https://b.example."}}"#;
        match judge(&with(Family::V3), &answer(403, "application/json", body), NOW) {
            Err(SignInError::OtherRegion { login_url, .. }) => {
                assert_eq!(login_url.as_deref(), Some("https://b.example"));
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_session_lasts_as_long_as_the_reply_says_by_the_servers_clock() {
        let mut answer = answer(
            200,
            "application/json",
            r#"{"sessionId":"s","orgId":"o","sessionExpireTime":"2026-08-22T10:39:12.000Z"}"#,
        );
        // The server's clock is an hour behind this machine's.
        answer.headers.insert(header::DATE, "Sat, 22 Aug 2026 09:39:12 GMT".parse().unwrap());
        match judge(&with(Family::V1), &answer, NOW) {
            Ok(Opened::Session(session)) => {
                assert_eq!(session.expires, NOW + Duration::from_secs(3600));
                assert_eq!(session.slides, Slides::By(3600));
            }
            other => panic!("{other:?}"),
        }
    }
}
