//! Verifying a token without asking its issuer: who, for which org, until when, or why not.

use crate::client::{BuildError, certificates};
use crate::keys::{KeySource, Keys, KeysError};
use crate::login_url::LoginUrl;
use crate::system::SystemClock;
use crate::time::{Clock, Timestamp};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, Validation, decode};
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use wire::Secret;

/// The audience of every token that the vendor mints.
pub const AUDIENCE: &str = "cdlg";
/// Two clocks may differ by this much.
const SKEW: Duration = Duration::from_secs(30);
/// No token is longer than a session id may be.
const MOST: usize = 16_384;

/// Verifies tokens of one issuer for one audience.
pub struct Verifier {
    issuer: String,
    audience: String,
    keys: Keys,
    clock: Arc<dyn Clock>,
    emulated: Emulated,
}

/// What becomes of a token that an emulator signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Emulated {
    Refused,
    Expected,
}

/// What a good token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The name that signed in.
    pub user: String,
    /// The user's id.
    pub user_id: String,
    /// The org that the token speaks for.
    pub org_id: String,
    /// The name of that org.
    pub org_name: String,
    /// The client for which it was minted.
    pub client_id: String,
    /// When it was minted.
    pub issued: Timestamp,
    /// When it ends.
    pub expires: Timestamp,
}

/// Why a token is not good.
#[derive(Debug, Clone, Error)]
pub enum NotVerified {
    /// It is no token at all.
    #[error("this is no JWT")]
    NotAToken,
    /// It is signed with another algorithm than ES256, or not signed.
    #[error("it is signed with another algorithm than ES256")]
    Algorithm,
    /// Its header calls it something else than a JWT.
    #[error("its type is {0}, not JWT")]
    Type(String),
    /// Its header demands what nobody here understands.
    #[error("its header demands an extension")]
    Extension,
    /// Its header names no key, or one that the issuer does not publish.
    #[error("its key is not among those of the issuer")]
    UnknownKey,
    /// Its signature is not that of the key.
    #[error("its signature is wrong")]
    Signature,
    /// A claim is missing or not what it should be.
    #[error("a claim is missing or malformed: {0}")]
    Claim(String),
    /// Somebody else issued it.
    #[error("it was issued by {0}")]
    Issuer(String),
    /// It is meant for somebody else.
    #[error("it is for another audience")]
    Audience,
    /// An emulator signed it, and nobody said that one should.
    #[error("an emulator signed it")]
    Emulated,
    /// It is not from an emulator, although one was named.
    #[error("no emulator signed it")]
    NotEmulated,
    /// It has ended.
    #[error("it ended at {}", .0.rfc3339())]
    Ended(Timestamp),
    /// It begins later.
    #[error("it begins at {}", .0.rfc3339())]
    Early(Timestamp),
    /// Nobody can say: there are no keys to verify it with.
    #[error("it cannot be judged")]
    NoKeys(#[from] KeysError),
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: Audience,
    exp: i64,
    iat: i64,
    nbf: Option<i64>,
    #[serde(default)]
    user_name: String,
    #[serde(default)]
    user_id: String,
    #[serde(default)]
    org_id: String,
    #[serde(default)]
    org_name: String,
    #[serde(default)]
    client_id: String,
    #[serde(default)]
    latchkey_emulator: bool,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Audience {
    fn has(&self, name: &str) -> bool {
        match self {
            Self::One(one) => one == name,
            Self::Many(many) => many.iter().any(|one| one == name),
        }
    }
}

impl Verifier {
    /// Verifies what this issuer signs for this audience, by the machine's clock.
    pub fn new(
        issuer: impl Into<String>,
        audience: impl Into<String>,
        keys: KeySource,
    ) -> Result<Self, KeysError> {
        Self::with_clock(issuer, audience, keys, Arc::new(SystemClock))
    }

    /// The same, by another clock.
    pub fn with_clock(
        issuer: impl Into<String>,
        audience: impl Into<String>,
        keys: KeySource,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, KeysError> {
        let keys = Keys::new(keys, Arc::clone(&clock))?;
        let (issuer, audience) = (issuer.into(), audience.into());
        Ok(Self { issuer, audience, keys, clock, emulated: Emulated::Refused })
    }

    /// Verifies tokens of emulators, and no others: for a test that says so.
    pub fn emulated(self) -> Self {
        Self { emulated: Emulated::Expected, ..self }
    }

    /// Fetches keys also from a host whose certificate comes from one of these authorities, in PEM.
    pub fn authority(self, pem: &[u8]) -> Result<Self, BuildError> {
        let keys = self.keys.believing(certificates(pem)?);
        Ok(Self { keys, ..self })
    }

    /// The issuer that a login host is, and where its keys are.
    pub fn names_of(login: &LoginUrl) -> (String, Option<reqwest::Url>) {
        let keys = login.at("/authz-service/.well-known/jwks.json");
        (login.at("/identity-service"), reqwest::Url::parse(&keys).ok())
    }

    /// Verifies a token. No claim is read before its signature held.
    pub async fn verify(&self, token: &Secret) -> Result<Verified, NotVerified> {
        let token = token.expose();
        let kid = key_name(token)?;
        let key = self.keys.find(&kid).await?.ok_or(NotVerified::UnknownKey)?;
        // The key is an ES256 key, so the header has no say in how it is used; time, issuer and audience are judged below.
        let mut validation = Validation::new(Algorithm::ES256);
        validation.validate_exp = false;
        validation.validate_aud = false;
        let claims =
            decode::<Claims>(token, &key, &validation).map_err(|error| not_decoded(error.kind()))?.claims;
        self.judge(claims)
    }

    fn judge(&self, claims: Claims) -> Result<Verified, NotVerified> {
        let now = self.clock.now();
        let at = Timestamp::from_seconds;
        match (claims.latchkey_emulator, self.emulated) {
            (true, Emulated::Refused) => return Err(NotVerified::Emulated),
            (false, Emulated::Expected) => return Err(NotVerified::NotEmulated),
            _ => {}
        }
        if claims.iss != self.issuer {
            return Err(NotVerified::Issuer(claims.iss));
        }
        if !claims.aud.has(&self.audience) {
            return Err(NotVerified::Audience);
        }
        if at(claims.exp) + SKEW <= now {
            return Err(NotVerified::Ended(at(claims.exp)));
        }
        let begins = at(claims.nbf.unwrap_or(claims.iat).max(claims.iat));
        if begins > now + SKEW {
            return Err(NotVerified::Early(begins));
        }
        Ok(Verified {
            user: claims.user_name,
            user_id: claims.user_id,
            org_id: claims.org_id,
            org_name: claims.org_name,
            client_id: claims.client_id,
            issued: at(claims.iat),
            expires: at(claims.exp),
        })
    }
}

/// What is read of a header. A name that is there twice is an error.
#[derive(Deserialize)]
struct Header {
    alg: String,
    typ: Option<String>,
    kid: Option<String>,
    crit: Option<Value>,
}

/// The name of the key, from a header that asks for nothing unusual.
fn key_name(token: &str) -> Result<String, NotVerified> {
    if token.len() > MOST || token.matches('.').count() != 2 {
        return Err(NotVerified::NotAToken);
    }
    let header = token.split('.').next().and_then(|header| URL_SAFE_NO_PAD.decode(header).ok());
    let header = header.and_then(|header| serde_json::from_slice::<Header>(&header).ok());
    let header = header.ok_or(NotVerified::NotAToken)?;
    if header.alg != "ES256" {
        return Err(NotVerified::Algorithm);
    }
    if header.crit.is_some() {
        return Err(NotVerified::Extension);
    }
    match header.typ {
        Some(kind) if !kind.eq_ignore_ascii_case("JWT") => Err(NotVerified::Type(kind)),
        _ => header.kid.ok_or(NotVerified::UnknownKey),
    }
}

fn not_decoded(kind: &ErrorKind) -> NotVerified {
    match kind {
        ErrorKind::InvalidSignature => NotVerified::Signature,
        ErrorKind::InvalidAlgorithm | ErrorKind::InvalidKeyFormat => NotVerified::Algorithm,
        ErrorKind::MissingRequiredClaim(name) | ErrorKind::InvalidClaimFormat(name) => {
            NotVerified::Claim(name.clone())
        }
        ErrorKind::Json(error) => NotVerified::Claim(error.to_string()),
        _ => NotVerified::NotAToken,
    }
}
