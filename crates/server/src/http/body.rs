//! Bodies of requests: read whole, within a limit of size and of time, and parsed once, at the door.

use super::address;
use super::error::ApiError;
use super::form;
use crate::app::App;
use axum::body::HttpBody;
use axum::extract::{FromRequest, Request};
use domain::audit::{Door, Visit};
use domain::name::{CanonicalName, LONGEST};
use domain::roster::Origin;
use http::{HeaderMap, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use std::net::IpAddr;
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;
use wire::Secret;
use wire::error::Code;
use wire::fields::{BodyError, Fields};

/// A body as it arrived, with what the rules want to know about its sender.
pub struct Body {
    bytes: Vec<u8>,
    content_type: String,
    from: Option<IpAddr>,
    device: Option<String>,
    /// Its share of the memory that all bodies may take together.
    _room: Option<OwnedSemaphorePermit>,
}

impl FromRequest<App> for Body {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        let from = address::of(request.extensions());
        let content_type = content_type(request.headers());
        let device = request.headers().get(header::USER_AGENT).and_then(|value| value.to_str().ok());
        let device = device.map(str::to_owned);
        let (mut bytes, mut room) = (Vec::new(), None);
        read(request, app, |part| {
            make_room(&mut room, app, bytes.len(), part.len())?;
            bytes.extend_from_slice(part);
            Ok(())
        })
        .await?;
        Ok(Self { bytes, content_type, from, device, _room: room })
    }
}

/// A body that nobody looks at; it is read to its end and forgotten, so that the connection can go on.
pub struct Ignored;

impl FromRequest<App> for Ignored {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        read(request, app, |_| Ok(())).await.map(|()| Self)
    }
}

/// Hands over a body part by part, within the limits of size and of time.
async fn read(
    request: Request,
    app: &App,
    keep: impl FnMut(&[u8]) -> Result<(), ApiError>,
) -> Result<(), ApiError> {
    let most = app.limits.body_bytes;
    if request.body().size_hint().lower() > u64::from(most) {
        return Err(too_large(most));
    }
    let parts = parts(Limited::new(request.into_body(), most as usize), most, keep);
    let late = |_| Err(ApiError::new(Code::TimedOut, "the body did not arrive in time"));
    tokio::time::timeout(app.limits.body_time(), parts).await.unwrap_or_else(late)
}

async fn parts(
    mut body: Limited<axum::body::Body>,
    most: u32,
    mut keep: impl FnMut(&[u8]) -> Result<(), ApiError>,
) -> Result<(), ApiError> {
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => frame.data_ref().map_or(Ok(()), |part| keep(part))?,
            Err(error) if error.is::<LengthLimitError>() => return Err(too_large(most)),
            Err(_) => return Err(ApiError::new(Code::BadRequest, "the body broke off")),
        }
    }
    Ok(())
}

fn too_large(most: u32) -> ApiError {
    ApiError::new(Code::BodyTooLarge, format!("the body is longer than {most} bytes"))
}

/// What a body may take without asking for room: more than any sign-in needs, so that large ones cannot shut it out.
const SMALL: usize = 4_096;

/// Takes room for a part that comes after `before` bytes, or says that too much is under way.
fn make_room(
    room: &mut Option<OwnedSemaphorePermit>,
    app: &App,
    before: usize,
    part: usize,
) -> Result<(), ApiError> {
    let needed = (before + part).saturating_sub(SMALL.max(before));
    let busy = || ApiError::new(Code::Busy, "Too many large bodies at once. Try again in a moment.");
    if needed > 0 {
        let needed = u32::try_from(needed).map_err(|_| busy())?;
        let more = Arc::clone(&app.room).try_acquire_many_owned(needed).map_err(|_| busy())?;
        match room {
            Some(room) => room.merge(more),
            None => *room = Some(more),
        }
    }
    Ok(())
}

fn content_type(headers: &HeaderMap) -> String {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .to_ascii_lowercase()
}

impl Body {
    /// Where the sender came from, for the record.
    pub fn visit(&self, door: Door) -> Visit {
        Visit { door, address: self.from }
    }

    /// The address that the sender came from, if it is known.
    pub fn address(&self) -> Option<IpAddr> {
        self.from
    }

    /// The same for the eyes of who opened a session, and of administrators.
    pub fn origin(&self) -> Origin {
        Origin::new(self.from, self.device.as_deref())
    }

    /// A JSON object, whatever the content type says; callers send none, or a decorated one (protocol.md 1.5).
    pub fn json(&self) -> Result<Fields, BodyError> {
        Fields::from_json(&self.bytes)
    }

    /// A JSON object of this very shape, for what an administrator writes: what is not known is not ignored.
    pub fn typed<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        let wrong = |what| {
            ApiError::new(Code::BadRequest, format!("Bad Request. Please check your request: {what}."))
        };
        // The reader would take a list for the fields in their order.
        if self.bytes.trim_ascii_start().starts_with(b"[") {
            return Err(wrong("the body is not a JSON object".to_owned()));
        }
        serde_json::from_slice(&self.bytes).map_err(|error| wrong(error.to_string()))
    }

    /// The text of a body that is neither JSON nor a form.
    pub fn text(&self) -> Result<&str, ApiError> {
        let no_text =
            |_| ApiError::new(Code::BadRequest, "Bad Request. Please check your request: it is not UTF-8.");
        std::str::from_utf8(&self.bytes).map_err(no_text)
    }

    /// The same, where the vendor's own example has a comma too many.
    pub fn json_with_comma(&self) -> Result<Fields, BodyError> {
        Fields::from_json_with_comma(&self.bytes)
    }

    /// JSON, XML or a form, as v2 takes them. The content type says which; where it says form, as `curl -d` does by
    /// itself, the first character may say otherwise.
    pub fn any_format(&self, root: &str) -> Result<Fields, BodyError> {
        let begins_with = |character| self.bytes.trim_ascii_start().starts_with(character);
        if self.content_type.contains("xml") || begins_with(b"<") {
            wire::xml::fields(&self.bytes, root)
        } else if self.content_type.starts_with("application/x-www-form-urlencoded") && !begins_with(b"{") {
            std::str::from_utf8(&self.bytes)
                .ok()
                .and_then(form::pairs)
                .map(Fields::from_pairs)
                .ok_or(BodyError::Form)
        } else {
            self.json()
        }
    }

    /// The same where a field may hold fields again, as the vendor writes users with their roles.
    pub fn nested(&self, root: &str) -> Result<Fields, BodyError> {
        let is_xml = self.content_type.contains("xml") || self.bytes.trim_ascii_start().starts_with(b"<");
        if is_xml { wire::xml::nested_fields(&self.bytes, root) } else { self.any_format(root) }
    }

    /// The pairs of a form, whatever the content type says; none when there is nothing in it.
    pub fn form(&self) -> Result<Vec<form::Pair>, BodyError> {
        std::str::from_utf8(&self.bytes).ok().and_then(form::pairs).ok_or(BodyError::Form)
    }

    /// The bytes themselves, for a reader of its own.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// A form, and nothing that only looks like one: other pages may send text unasked, a form says what it is.
    pub fn strict_form(&self) -> Result<Fields, BodyError> {
        let is_form =
            self.content_type.split(';').next().map(str::trim) == Some("application/x-www-form-urlencoded");
        let text = std::str::from_utf8(&self.bytes).ok().filter(|_| is_form);
        text.and_then(form::pairs).map(Fields::from_pairs).ok_or(BodyError::Form)
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.bytes.trim_ascii().is_empty()
    }
}

/// A name and a password.
pub struct Credentials {
    /// The name, folded.
    pub name: CanonicalName,
    /// The password.
    pub password: Secret,
}

impl TryFrom<Fields> for Credentials {
    type Error = BodyError;

    fn try_from(fields: Fields) -> Result<Self, BodyError> {
        let name = CanonicalName::of(fields.required("username", LONGEST)?.expose());
        let password = fields.required("password", LONGEST)?.clone();
        Ok(Self { name, password })
    }
}
