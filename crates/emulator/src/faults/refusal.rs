//! Answers that a fault gives in the service's place, in the words of the vendor (protocol.md 8).

use super::effect::Instead;
use super::reading::{BadField, Reading};
use super::span::Span;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Deserialize;
use server::config::RefusedStatus;
use server::http::error::{self, Family};
use server::http::harden;
use std::time::Duration;
use wire::error::Code;

/// A refusal: a status, a code for programs and a sentence for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Its status; none is the status with which the family refuses a sign-in.
    pub status: Option<StatusCode>,
    /// Its code, unless `word` is given.
    pub code: Code,
    /// A code of the tester's own.
    pub word: Option<String>,
    /// Its sentence.
    pub message: String,
    /// When to try again, if it says so.
    pub retry_after: Option<Duration>,
}

impl Refusal {
    /// A refusal of any status, as the vendor would word it.
    pub fn of_status(status: StatusCode) -> Self {
        let (code, message) = words(status);
        Self { status: Some(status), code, word: None, message: message.into(), retry_after: None }
    }

    /// A session that is not alive, told with any status: 401, or the 403 that some resources give.
    pub fn of_dead_session(status: StatusCode) -> Self {
        let (code, message) = words(StatusCode::UNAUTHORIZED);
        Self { code, message: message.into(), ..Self::of_status(status) }
    }

    /// The refusal of a sign-in to a locked account.
    pub fn locked() -> Self {
        let message = "User account is locked. Try again later, or ask an administrator.".into();
        Self { status: None, code: Code::Locked, word: None, message, retry_after: None }
    }

    /// The refusal of a sign-in with an expired password. No such answer is published: it has the code and the status
    /// of a wrong password, since programs know no other, and a sentence of its own.
    pub fn expired_password() -> Self {
        let message = "The password has expired. Change it, and sign in with the new one.".into();
        Self { code: Code::BadCredentials, message, ..Self::locked() }
    }

    /// Reads the fields beside `status`.
    pub(super) fn read(status: StatusCode, fields: &mut Reading) -> Result<Self, BadField> {
        let expired = fields.take("expired")?.unwrap_or(false);
        let base = if expired { Self::of_dead_session(status) } else { Self::of_status(status) };
        Ok(Self {
            word: fields.take("code")?,
            message: fields.take("message")?.unwrap_or(base.message),
            retry_after: fields.take("retry_after")?.map(|Span(time)| time),
            ..base
        })
    }

    /// The answer, as the service itself would send it.
    pub fn response(&self, family: Family, refused: &RefusedStatus, request_id: String) -> Response {
        let status = self.status.unwrap_or_else(|| error::status(self.code, family, refused));
        let code = match family {
            Family::V1 | Family::V3 | Family::Own | Family::Page | Family::Scim => self.code.nested(),
            Family::V2(_) => self.code.flat(),
            Family::OAuth => self.code.oauth(),
        };
        let word = self.word.as_deref().unwrap_or(code);
        let mut response = error::envelope(family, status, word, self.message.as_str().into(), request_id);
        if [StatusCode::NO_CONTENT, StatusCode::RESET_CONTENT, StatusCode::NOT_MODIFIED].contains(&status) {
            response = status.into_response();
        }
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        finished(response, self.retry_after)
    }
}

/// A page of HTML where a program expects JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Its status: 200 is the login page of a console, another the page of a proxy or of a site that is down.
    pub status: StatusCode,
    /// When to try again, if it says so.
    pub retry_after: Option<Duration>,
    /// A page of the tester's own.
    pub html: Option<String>,
}

/// The login page of a console.
impl Default for Page {
    fn default() -> Self {
        Self { status: StatusCode::OK, retry_after: None, html: None }
    }
}

impl Page {
    /// Reads the fields beside `html`.
    pub(super) fn read(status: StatusCode, fields: &mut Reading) -> Result<Self, BadField> {
        let retry_after = fields.take("retry_after")?.map(|Span(time)| time);
        Ok(Self { status, retry_after, html: fields.take("page")? })
    }

    /// The answer.
    pub fn response(&self) -> Response {
        let usual = if self.status.is_success() { LOGIN } else { DOWN };
        let html = self.html.clone().unwrap_or_else(|| usual.to_owned());
        let kind = [(header::CONTENT_TYPE, HeaderValue::from_static("text/html;charset=UTF-8"))];
        finished((self.status, kind, html).into_response(), self.retry_after)
    }
}

const LOGIN: &str = "<!DOCTYPE html>\n<html><head><title>Log In</title></head><body><form method=\"post\" \
    action=\"/identity-service/home\"><label>User name <input name=\"username\"></label><label>Password <input \
    name=\"password\" type=\"password\"></label><button>Log In</button></form></body></html>\n";

const DOWN: &str = "<!DOCTYPE html>\n<html><head><title>Scheduled maintenance</title></head><body><h1>We will be \
    back soon</h1><p>The service is not available at this time.</p></body></html>\n";

impl Instead {
    /// The answer that is given, or none when the connection is closed instead.
    pub fn response(&self, family: Family, refused: &RefusedStatus, request_id: String) -> Option<Response> {
        match self {
            Self::Refuse(refusal) => Some(refusal.response(family, refused, request_id)),
            Self::Show(page) => Some(page.response()),
            Self::HangUp => None,
        }
    }
}

/// A status that can end a request.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "u16")]
pub(super) struct Status(pub StatusCode);

impl TryFrom<u16> for Status {
    type Error = String;

    fn try_from(number: u16) -> Result<Self, String> {
        let good = (200..=599).contains(&number).then(|| StatusCode::from_u16(number).ok()).flatten();
        good.map(Self).ok_or_else(|| format!("{number} is not a status from 200 to 599"))
    }
}

fn finished(mut response: Response, retry_after: Option<Duration>) -> Response {
    harden(response.headers_mut());
    say_when(response.headers_mut(), retry_after);
    response
}

/// `Retry-After` has whole seconds; a part of one becomes one, since nought would say at once.
fn say_when(headers: &mut HeaderMap, retry_after: Option<Duration>) {
    let seconds = retry_after.map(|time| time.as_secs() + u64::from(time.subsec_nanos() > 0));
    seconds.into_iter().for_each(|seconds| drop(headers.insert(header::RETRY_AFTER, seconds.into())));
}

/// The code and the sentence that usually come with a status.
fn words(status: StatusCode) -> (Code, &'static str) {
    match status.as_u16() {
        401 => (Code::DeadSession, "The session has expired or is not valid. Sign in again."),
        403 => (Code::Denied, "This user may not do that."),
        404 => (Code::NotFound, "nothing is here"),
        405 => (Code::MethodNotAllowed, "this path takes another method"),
        408 => (Code::TimedOut, "the request took longer than is allowed here"),
        413 => (Code::BodyTooLarge, "the body is longer than is read here"),
        429 => (Code::Busy, "Too many requests. Try again in a moment."),
        431 => (Code::HeadersTooLarge, "the headers are longer than are read here"),
        502..=504 => (Code::Unavailable, "The service cannot be reached right now. Try again in a moment."),
        500.. => (Code::Internal, "something here is broken"),
        _ => (Code::BadRequest, "Bad Request. Please check your request."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faults::effect::Effect;
    use http_body_util::BodyExt;
    use serde_json::{Value, json};
    use server::http::reply::Format;

    /// Status, content type, `Retry-After` and body of what an effect answers.
    async fn answer(effect: Value, family: Family) -> (u16, String, Option<String>, String) {
        let instead = Effect::read(effect).unwrap().plan().instead.unwrap();
        let response = instead.response(family, &RefusedStatus::default(), "R".into()).unwrap();
        let text = |name| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        let (status, kind) = (response.status().as_u16(), text(header::CONTENT_TYPE).unwrap_or_default());
        let retry_after = text(header::RETRY_AFTER);
        assert!(text(header::CACHE_CONTROL).is_some(), "as every answer of the service");
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, kind, retry_after, String::from_utf8(body.to_vec()).unwrap())
    }

    async fn body(effect: Value, family: Family) -> String {
        let (status, _, _, body) = answer(effect, family).await;
        format!("{status} {body}")
    }

    #[tokio::test]
    async fn a_refusal_has_the_envelope_of_its_family() {
        let dead = || json!({"status": 401});
        let nested = r#"401 {"error":{"code":"AUTH_01","message":"The session has expired or is not valid. Sign in again.","requestId":"R","details":null}}"#;
        assert_eq!(body(dead(), Family::V1).await, nested);
        assert_eq!(body(dead(), Family::V3).await, nested);
        assert_eq!(
            body(dead(), Family::V2(Format::Json)).await,
            r#"401 {"@type":"error","code":"AUTH_01","description":"The session has expired or is not valid. Sign in again.","statusCode":401}"#
        );
        assert_eq!(
            body(dead(), Family::V2(Format::Xml)).await,
            r#"401 <?xml version="1.0" encoding="UTF-8" standalone="yes"?><error><code>AUTH_01</code><description>The session has expired or is not valid. Sign in again.</description><statusCode>401</statusCode></error>"#
        );
    }

    #[tokio::test]
    async fn a_403_is_expiry_only_when_it_says_so() {
        assert!(
            body(json!({"status": 403, "expired": true}), Family::V3).await.contains(r#""code":"AUTH_01""#)
        );
        assert!(
            body(json!({"end_session": 403}), Family::V3)
                .await
                .starts_with(r#"403 {"error":{"code":"AUTH_01""#)
        );
        assert!(body(json!({"status": 403}), Family::V3).await.contains(r#""code":"LK_DENIED""#));
        let own = json!({"status": 403, "code": "MINE_1", "message": "no"});
        assert_eq!(
            body(own, Family::V2(Format::Json)).await,
            r#"403 {"@type":"error","code":"MINE_1","description":"no","statusCode":403}"#
        );
    }

    #[tokio::test]
    async fn retry_after_is_there_when_it_is_asked_for() {
        for (effect, expected) in [
            (json!({"status": 429}), None),
            (json!({"status": 429, "retry_after": "2s"}), Some("2")),
            (json!({"status": 503, "retry_after": "1500ms"}), Some("2")),
            (json!({"html": 503, "retry_after": "10m"}), Some("600")),
        ] {
            let (_, _, retry_after, _) = answer(effect.clone(), Family::V1).await;
            assert_eq!(retry_after.as_deref(), expected, "{effect}");
        }
    }

    #[tokio::test]
    async fn a_refused_sign_in_has_the_status_of_its_family() {
        for (family, status) in [(Family::V1, 401), (Family::V2(Format::Json), 403), (Family::V3, 400)] {
            let locked = body(json!("lock"), family).await;
            assert!(locked.starts_with(&status.to_string()) && locked.contains("IDS_086"), "{locked}");
            let expired = body(json!("expire_password"), family).await;
            assert!(expired.starts_with(&status.to_string()) && expired.contains("has expired"), "{expired}");
        }
    }

    #[tokio::test]
    async fn a_page_is_html() {
        let (status, kind, _, page) = answer(json!("html"), Family::V3).await;
        assert_eq!((status, kind.as_str()), (200, "text/html;charset=UTF-8"));
        assert!(page.contains("<title>Log In</title>"));
        assert!(body(json!({"html": 503}), Family::V3).await.contains("maintenance"));
        assert_eq!(body(json!({"html": 502, "page": "<p>"}), Family::V3).await, "502 <p>");
    }

    #[tokio::test]
    async fn every_status_can_be_answered() {
        for status in 200..=599 {
            let (answered, _, _, body) = answer(json!({"status": status}), Family::V1).await;
            assert_eq!(answered, status);
            assert_eq!(body.is_empty(), [204, 205, 304].contains(&status), "{status}");
        }
        assert!(Effect::read(json!({"status": 199})).is_err());
        assert!(Effect::read(json!({"status": 600})).is_err());
    }
}
