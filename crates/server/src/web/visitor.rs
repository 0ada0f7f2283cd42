//! Who looks at a page, and the tokens without which no form is taken.

use super::cookies;
use crate::app::App;
use crate::http::error::ApiError;
use crate::http::origin;
use crate::http::{address, caller};
use aws_lc_rs::hmac;
use axum::extract::FromRequestParts;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::access::{self, Caller, NotACaller, Use};
use domain::roster::Handle;
use http::request::Parts;
use wire::Secret;
use wire::error::Code;
use wire::fields::Fields;

/// Characters of the secret of forms: 131 random bits, like a session id.
pub const SECRET_LENGTH: usize = 22;

/// The field of a form that holds its token.
const TOKEN: &str = "form_token";

/// Somebody in front of a browser.
pub struct Visitor {
    /// Whose session the browser has, if it has one that is alive.
    pub caller: Option<Caller>,
    /// The secret that the forms of this browser are made with, if it has one.
    secret: Option<Secret>,
    /// Whether a page of somebody else sent this.
    is_sent: bool,
}

/// What a form may be sent for: a token for the one is none for the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Signing in, by whoever sits there.
    SignIn,
    /// What the owner of a session does with it.
    Session(Handle),
}

impl FromRequestParts<App> for Visitor {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let caller = match caller::in_cookie_alone(&parts.headers) {
            Ok(ids) => match access::caller(&app.cx, &ids, address::of(&parts.extensions), Use::Call).await {
                Ok(caller) => Some(caller),
                Err(NotACaller::Dead) => None,
                Err(NotACaller::Store(error)) => return Err(error.into()),
            },
            Err(_unreadable) => None,
        };
        let secret = cookies::form_secret(&parts.headers, app);
        Ok(Self { caller, secret, is_sent: origin::is_foreign_change(parts, app) })
    }
}

impl Visitor {
    /// What the forms of the visitor's session are for.
    pub fn purpose(&self) -> Purpose {
        let session = self.caller.as_ref().and_then(Caller::session);
        session.map_or(Purpose::SignIn, |session| Purpose::Session(session.digest.into()))
    }

    /// The secret for the forms of this browser: the one it has, so that two windows do not disturb each other.
    pub fn form_secret(&self, app: &App) -> Secret {
        self.secret.clone().unwrap_or_else(|| app.cx.form_secret(SECRET_LENGTH))
    }

    /// Lets a form through that a page of ours made for this browser and this purpose, and refuses every other.
    pub fn sent(&self, fields: &Fields, purpose: Purpose) -> Result<(), ApiError> {
        let token = fields.optional(TOKEN, 64).ok().flatten();
        let matches =
            token.zip(self.secret.as_ref()).is_some_and(|(token, secret)| is_of(token, secret, purpose));
        if matches && !self.is_sent { Ok(()) } else { Err(not_from_here()) }
    }
}

fn not_from_here() -> ApiError {
    ApiError::new(
        Code::Denied,
        "This form is too old, or it was not sent from our page. Open the page again, and let your browser keep its cookies.",
    )
}

/// The token of a form: it says nothing about the secret and is worth nothing without it.
pub fn token(secret: &Secret, purpose: Purpose) -> String {
    URL_SAFE_NO_PAD.encode(hmac::sign(&key(secret), message(purpose).as_bytes()))
}

fn is_of(token: &Secret, secret: &Secret, purpose: Purpose) -> bool {
    let presented = URL_SAFE_NO_PAD.decode(token.expose()).unwrap_or_default();
    hmac::verify(&key(secret), message(purpose).as_bytes(), &presented).is_ok()
}

fn key(secret: &Secret) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes())
}

fn message(purpose: Purpose) -> String {
    match purpose {
        Purpose::SignIn => "sign in".to_owned(),
        Purpose::Session(handle) => format!("session {handle}"),
    }
}
