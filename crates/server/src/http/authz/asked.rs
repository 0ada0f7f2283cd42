//! What an OAuth request says: parameters of its body and its query, each once, and the client that sends it.

use crate::app::App;
use crate::http::body::Body;
use crate::http::error::ApiError;
use crate::http::form::{self, Pair};
use axum::extract::{FromRequest, Request};
use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD};
use domain::audit::{Door, Visit};
use domain::method::bearer::LONGEST;
use domain::method::oauth_client::Presented;
use http::{HeaderMap, header};
use percent_encoding::percent_decode_str;
use std::collections::HashSet;
use wire::Secret;
use wire::error::Code;
use wire::fields::Fields;

/// The longest id, secret or word that is read, in characters.
const LONGEST_WORD: usize = 255;

/// What stands in a URL stands in every log on the way, so these are taken from the body alone.
const IN_BODY_ALONE: [&str; 5] = ["client_secret", "assertion", "subject_token", "token", "client_assertion"];

/// An OAuth request.
pub struct Asked {
    /// The client, if one is named.
    pub client: Option<Presented>,
    /// Where it came from.
    pub visit: Visit,
    fields: Fields,
}

impl FromRequest<App> for Asked {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        let query = request.uri().query().unwrap_or_default().to_owned();
        let basic = basic(request.headers())?;
        let body = Body::from_request(request, app).await?;
        let fields = parameters(&query, body.form()?)?;
        let client = client(basic, &fields)?;
        Ok(Self { client, visit: body.visit(Door::OAuth), fields })
    }
}

impl Asked {
    /// A parameter that must be there.
    pub fn required(&self, name: &'static str) -> Result<&Secret, ApiError> {
        self.optional(name)?.ok_or_else(|| invalid(format!("the parameter {name} is missing")))
    }

    /// A parameter that may be absent; without a value it is (RFC 6749 section 3.1).
    pub fn optional(&self, name: &'static str) -> Result<Option<&Secret>, ApiError> {
        value(&self.fields, name)
    }

    /// The client, for a request that only a client may send.
    pub fn client(&mut self) -> Result<Presented, ApiError> {
        self.client.take().ok_or_else(ApiError::invalid_client)
    }
}

fn value<'a>(fields: &'a Fields, name: &'static str) -> Result<Option<&'a Secret>, ApiError> {
    let most = if IN_BODY_ALONE.contains(&name) { LONGEST } else { LONGEST_WORD };
    Ok(fields.optional(name, most)?.filter(|value| !value.expose().is_empty()))
}

/// The parameters of the query and of the body; which of two is meant nobody can know (RFC 6749 section 3.2).
fn parameters(query: &str, body: Vec<Pair>) -> Result<Fields, ApiError> {
    let query = form::pairs(query).ok_or_else(|| invalid("the query cannot be read"))?;
    if let Some(name) = IN_BODY_ALONE.iter().find(|name| query.iter().any(|(key, _)| key == *name)) {
        return Err(invalid(format!("the parameter {name} belongs into the body")));
    }
    let (mut seen, all) = (HashSet::new(), [query, body].concat());
    if all.iter().any(|(name, _)| !seen.insert(name)) {
        return Err(invalid("a parameter is there more than once"));
    }
    Ok(Fields::from_pairs(all))
}

/// The client that the header names, or else the body (RFC 6749 section 2.3.1); not both, and not two.
fn client(basic: Option<Presented>, fields: &Fields) -> Result<Option<Presented>, ApiError> {
    let (id, secret) = (value(fields, "client_id")?, value(fields, "client_secret")?);
    match (basic, id, secret) {
        (Some(_), _, Some(_)) => Err(invalid("the client proves itself in more than one way")),
        (Some(client), Some(id), None) if client.id.expose() != id.expose() => {
            Err(invalid("client_id is not the client of the header"))
        }
        (Some(client), _, None) => Ok(Some(client)),
        (None, Some(id), Some(secret)) => Ok(Some(Presented { id: id.clone(), secret: secret.clone() })),
        // A client without a secret proves nothing; what is asked for may do without.
        (None, Some(_), None) => Err(ApiError::invalid_client()),
        (None, None, Some(_)) => Err(invalid("the parameter client_id is missing")),
        (None, None, None) => Ok(None),
    }
}

fn basic(headers: &HeaderMap) -> Result<Option<Presented>, ApiError> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        let is_there = headers.contains_key(header::AUTHORIZATION);
        return if is_there { Err(invalid("the header Authorization is there twice")) } else { Ok(None) };
    };
    let value = value.to_str().unwrap_or_default();
    let (scheme, given) = value.split_once(' ').unwrap_or((value, ""));
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(ApiError::invalid_client());
    }
    let given = given.trim();
    let decoded = BASE64_STANDARD.decode(given).or_else(|_| BASE64_STANDARD_NO_PAD.decode(given));
    let text = decoded.ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let (id, secret) =
        text.as_deref().and_then(|text| text.split_once(':')).ok_or_else(ApiError::invalid_client)?;
    Ok(Some(Presented { id: form_decoded(id), secret: form_decoded(secret) }))
}

/// The RFC has id and secret encoded like a form, and most programs do not do it. No id and no secret of ours has a
/// character that the encoding changes, so both spellings are read.
fn form_decoded(text: &str) -> Secret {
    let decoded = percent_decode_str(text).decode_utf8();
    Secret::new(decoded.map_or_else(|_| text.to_owned(), std::borrow::Cow::into_owned))
}

fn invalid(what: impl Into<std::borrow::Cow<'static, str>>) -> ApiError {
    ApiError::new(Code::BadRequest, what)
}
