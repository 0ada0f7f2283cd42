//! A JWT that somebody else issued, in two states: presented, when it may only say who is to be asked, and signed.

use crate::audit::Distrust;
use crate::key_set::Verifier;
use crate::strict_json::{self, NotStrict};
use crate::time::Timestamp;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL;
use serde_json::{Map, Value};
use wire::Secret;

/// The longest assertion that is read, in characters.
pub const LONGEST: usize = 16_000;

/// The longest value of a claim that is compared, in characters.
const LONGEST_TEXT: usize = 512;

/// Parts of a header that would change how the token is read, or bring a key along (RFC 7515 section 4.1, RFC 7516).
const NOT_ALLOWED: [&str; 11] =
    ["crit", "jwk", "jku", "x5u", "x5c", "cty", "enc", "zip", "b64", "epk", "p2c"];

/// The kinds of token that sign somebody in (RFC 7519 section 5.1, RFC 9068); a logout token, say, does not.
const KINDS: [&str; 2] = ["jwt", "at+jwt"];

/// The last instant that a claim may name: the end of the year 9999.
const LAST_SECOND: i64 = 253_402_300_799;

/// What is signed, in the compact form (RFC 7515, section 7.1), whatever it says. Nothing in it is believed.
struct Jws {
    message: String,
    signature: Vec<u8>,
    algorithm: String,
    kid: String,
}

impl Jws {
    /// Takes a text apart; what is signed comes beside it, as it was written.
    fn read(compact: &str) -> Result<(Self, &str), Distrust> {
        let parts: Vec<&str> = compact.splitn(4, '.').collect();
        let [header, payload, signature] = parts.as_slice() else { return Err(Distrust::NotAToken) };
        if compact.len() > LONGEST {
            return Err(Distrust::NotAToken);
        }
        let header_fields = object(header)?;
        if NOT_ALLOWED.iter().any(|name| header_fields.contains_key(*name)) {
            return Err(Distrust::HeaderNotAllowed);
        }
        is_to_sign_in(&header_fields)?;
        let jws = Self {
            message: format!("{header}.{payload}"),
            signature: BASE64URL.decode(signature).map_err(|_| Distrust::NotAToken)?,
            algorithm: text(&header_fields, "alg")?.to_owned(),
            kid: text(&header_fields, "kid")?.to_owned(),
        };
        Ok((jws, payload))
    }

    /// Whether this key signed it. The algorithm is the key's; the header may only agree.
    fn is_signed_with(&self, key: &Verifier<'_>) -> Result<(), Distrust> {
        if self.algorithm != key.algorithm() {
            return Err(Distrust::WrongAlgorithm);
        }
        let is_signed = key.verifies(self.message.as_bytes(), &self.signature);
        if is_signed { Ok(()) } else { Err(Distrust::BadSignature) }
    }
}

/// A token as it was presented. Nothing in it is believed.
pub(super) struct Presented {
    jws: Jws,
    claims: Map<String, Value>,
}

impl Presented {
    /// Takes a token apart, which proves nothing.
    pub(super) fn read(token: &Secret) -> Result<Self, Distrust> {
        let (jws, claims) = Jws::read(token.expose())?;
        Ok(Self { jws, claims: object(claims)? })
    }

    /// Who says to have issued it: the provider to ask.
    pub(super) fn issuer(&self) -> Result<&str, Distrust> {
        text(&self.claims, "iss")
    }

    /// The name of the key that it says to be signed with: which of the provider's keys to try.
    pub(super) fn kid(&self) -> &str {
        &self.jws.kid
    }

    /// The claims, once the signature holds.
    pub(super) fn verified_with(self, key: &Verifier<'_>) -> Result<Signed, Distrust> {
        self.jws.is_signed_with(key)?;
        // Whoever publishes an emulator's keys as theirs still cannot lend them its users.
        if self.claims.contains_key("latchkey_emulator") {
            return Err(Distrust::WrongKind);
        }
        Ok(Signed(self.claims))
    }
}

/// Claims whose signature held.
#[derive(Debug)]
pub(super) struct Signed(Map<String, Value>);

impl Signed {
    /// A claim that is text and must be there.
    pub(super) fn text(&self, name: &str) -> Result<&str, Distrust> {
        text(&self.0, name)
    }

    /// Whether a claim is there at all.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// A claim that is an instant in whole seconds and must be there.
    pub(super) fn instant(&self, name: &str) -> Result<Timestamp, Distrust> {
        let value = self.0.get(name).ok_or(Distrust::MissingClaim)?;
        let seconds = value.as_i64().filter(|seconds| (0..=LAST_SECOND).contains(seconds));
        seconds.map(Timestamp::from_seconds).ok_or(Distrust::WrongType)
    }

    /// Whom it is for: one name, or a list of names.
    pub(super) fn audience(&self) -> Result<Vec<&str>, Distrust> {
        match self.0.get("aud").ok_or(Distrust::MissingClaim)? {
            Value::String(one) => Ok(vec![one]),
            Value::Array(all) => all.iter().map(|one| one.as_str().ok_or(Distrust::WrongType)).collect(),
            _ => Err(Distrust::WrongType),
        }
    }
}

fn object(part: &str) -> Result<Map<String, Value>, Distrust> {
    let bytes = BASE64URL.decode(part).map_err(|_| Distrust::NotAToken)?;
    strict_json::object(&bytes).map_err(|error| match error {
        NotStrict::NotAnObject => Distrust::NotAToken,
        NotStrict::Repeated => Distrust::RepeatedName,
    })
}

fn text<'a>(object: &'a Map<String, Value>, name: &str) -> Result<&'a str, Distrust> {
    let text = object.get(name).ok_or(Distrust::MissingClaim)?.as_str().ok_or(Distrust::WrongType)?;
    let is_good = !text.is_empty() && text.chars().count() <= LONGEST_TEXT;
    if is_good { Ok(text) } else { Err(Distrust::WrongType) }
}

fn is_to_sign_in(header: &Map<String, Value>) -> Result<(), Distrust> {
    let Some(kind) = header.get("typ") else { return Ok(()) };
    let kind = kind.as_str().ok_or(Distrust::WrongType)?.to_ascii_lowercase();
    let kind = kind.strip_prefix("application/").unwrap_or(&kind);
    if KINDS.contains(&kind) { Ok(()) } else { Err(Distrust::WrongKind) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key_set::{Algorithm, KeySet};

    const VECTORS: &str =
        include_str!("../../../server/tests/vectors/wycheproof/json_web_signature_test.json");

    /// Published as valid and refused here, with the reason.
    const STRICTER: [(&[u64], &str); 3] = [
        (&[1, 348, 352, 357, 358, 359, 372, 373, 376, 377], "no provider signs with a secret that it shares"),
        (&[346, 350], "the key is for PS256, and the header says PS384"),
        (&[347, 351], "the key is for ES521, which no algorithm is called"),
    ];

    /// Whether a text is signed with the one key that a provider publishes, whichever algorithm was agreed with it.
    fn is_signed(public: &Value, text: &str) -> bool {
        let keys = KeySet::read(serde_json::json!({"keys": [public]}).to_string().as_bytes()).unwrap();
        let Ok((jws, _)) = Jws::read(text) else { return false };
        ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
            .map(|name| name.parse::<Algorithm>().unwrap())
            .into_iter()
            .any(|agreed| keys.key(&jws.kid, agreed).is_ok_and(|key| jws.is_signed_with(&key).is_ok()))
    }

    #[test]
    fn the_vectors_of_wycheproof_are_judged_as_they_are_published_or_more_strictly_for_a_reason() {
        let vectors: Value = serde_json::from_str(VECTORS).unwrap();
        let (mut seen, mut signed) = (0, 0);
        for group in vectors["testGroups"].as_array().unwrap() {
            for test in group["tests"].as_array().unwrap() {
                let id = test["tcId"].as_u64().unwrap();
                let stricter = STRICTER.iter().find(|(ids, _)| ids.contains(&id)).map(|(_, reason)| reason);
                let is_valid = test["result"] == "valid";
                assert!(is_valid || stricter.is_none(), "{id} is not published as valid");
                let ours = is_signed(&group["public"], test["jws"].as_str().unwrap());
                assert_eq!(ours, is_valid && stricter.is_none(), "{id} {} {stricter:?}", test["comment"]);
                seen += 1;
                signed += usize::from(ours);
            }
        }
        assert_eq!((seen, signed), (401, 32));
    }
}
