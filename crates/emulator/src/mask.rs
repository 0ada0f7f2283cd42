//! Secrets put out of sight: one secret has one mark wherever it appears, and no mark tells its secret.

use aws_lc_rs::hmac;
use domain::entropy::Entropy;
use http::{HeaderMap, HeaderName, header};
use serde_json::{Map, Value};
use server::http::caller;
use std::collections::BTreeMap;
use wire::Secret;

/// What stands for a secret that two requests need not have in common, above all a password.
const HIDDEN: &str = "***";

/// How many characters of one text are kept.
const LONGEST: usize = 1_024;

/// How many bytes a body may have to be kept.
const BODY: usize = 4_096;

/// Makes marks; with the same seed a run makes the same ones.
#[derive(Debug)]
pub struct Mask {
    key: hmac::Key,
}

/// What may be shown of one request, whose own session ids and token are known wherever else it repeats them.
pub struct Sight<'a> {
    mask: &'a Mask,
    known: Vec<(Secret, String)>,
}

/// What the name of a value says about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Nature {
    Plain,
    Session,
    Token,
    Hidden,
}

impl Mask {
    /// Draws the key of a run.
    pub fn new(dice: &dyn Entropy) -> Self {
        let mut key = [0; 32];
        dice.fill(&mut key);
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, &key) }
    }

    /// The mark of a session id, `session:1a2b3c4d`, or of a token, `token:1a2b3c4d`.
    pub fn mark(&self, secret: &str) -> String {
        let kind = if is_jwt(secret) { "token" } else { "session" };
        format!("{kind}:{}", self.digest(secret))
    }

    /// What may be shown of a request with these headers.
    pub fn sight(&self, headers: &HeaderMap) -> Sight<'_> {
        let sessions = caller::sessions(headers).unwrap_or_default();
        let known = sessions.into_iter().chain(bearer(headers));
        Sight {
            mask: self,
            known: known.map(|secret| (secret.clone(), self.mark(secret.expose()))).collect(),
        }
    }

    fn digest(&self, secret: &str) -> String {
        let tag = hmac::sign(&self.key, secret.trim().as_bytes());
        tag.as_ref().iter().take(4).map(|byte| format!("{byte:02x}")).collect()
    }

    fn masked(&self, nature: Nature, text: &str) -> String {
        match nature {
            _ if text.is_empty() => String::new(),
            Nature::Hidden => HIDDEN.into(),
            Nature::Token => format!("token:{}", self.digest(text)),
            Nature::Session => self.mark(text),
            Nature::Plain if is_jwt(text.trim()) => self.mark(text),
            Nature::Plain => cut(text),
        }
    }
}

impl Sight<'_> {
    /// The mark of the session that the request is about, or of its token if it carries no session.
    pub fn session(&self) -> Option<String> {
        self.known.first().map(|(_, mark)| mark.clone())
    }

    /// A text that should hold no secret.
    pub fn text(&self, text: &str) -> String {
        // A shorter one is no real one, and would be found in half of all words.
        const SHORTEST: usize = 8;
        let telling = self.known.iter().filter(|(secret, _)| secret.expose().len() >= SHORTEST);
        cut(&telling.fold(text.to_owned(), |text, (secret, mark)| text.replace(secret.expose(), mark)))
    }

    /// The headers that say something about the request, by name.
    ///
    /// Those that say something about the connection, the machine or the library are left out, so that two runs of one
    /// program have the same journal.
    pub fn headers(&self, headers: &HeaderMap) -> BTreeMap<String, String> {
        let kept = headers.keys().filter(|name| !is_noise(name.as_str()));
        let values =
            |name| headers.get_all(name).iter().map(move |value| self.header(name, value.to_str().ok()));
        kept.map(|name| (name.as_str().to_owned(), values(name).collect::<Vec<_>>().join(", "))).collect()
    }

    fn header(&self, name: &HeaderName, value: Option<&str>) -> String {
        let Some(value) = value else {
            return HIDDEN.into();
        };
        match name.as_str() {
            "authorization" => self.authorization(value),
            "cookie" => value.split(';').map(|pair| self.cookie(pair.trim())).collect::<Vec<_>>().join("; "),
            // Some programs put the session id here.
            "content-type" if !value.contains('/') => HIDDEN.into(),
            name => self.value(Nature::of(name), value),
        }
    }

    fn authorization(&self, value: &str) -> String {
        match value.split_once(' ') {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
                format!("Bearer {}", self.mask.mark(token))
            }
            Some((scheme, _)) if scheme.chars().all(char::is_alphanumeric) => format!("{scheme} {HIDDEN}"),
            _ => HIDDEN.into(),
        }
    }

    /// A cookie without its value, unless that can be told again.
    fn cookie(&self, pair: &str) -> String {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let nature = match Nature::of(name) {
            Nature::Plain => Nature::Hidden,
            nature => nature,
        };
        format!("{name}={}", self.mask.masked(nature, value.trim_matches('"')))
    }

    /// A query with its secret parameters masked, in its own order and spelling.
    pub fn query(&self, query: &str) -> String {
        cut(&query.split('&').map(|pair| self.parameter(pair)).collect::<Vec<_>>().join("&"))
    }

    fn parameter(&self, pair: &str) -> String {
        let Some((name, value)) = pair.split_once('=') else {
            return self.text(pair);
        };
        // Read as a form is, since a secret may be spelled with percent signs here.
        let read = serde_urlencoded::from_str::<Vec<(String, String)>>(pair).unwrap_or_default();
        let (read_name, read_value) = read.into_iter().next().unwrap_or_default();
        match Nature::of(&read_name) {
            Nature::Plain if !is_jwt(&read_value) => format!("{}={}", self.text(name), self.text(value)),
            nature => format!("{}={}", self.text(name), self.mask.masked(nature, &read_value)),
        }
    }

    /// The fields of a small body of JSON or of a form, secrets masked; nothing of any other body.
    pub fn body(&self, body: &[u8], content_type: &str) -> Option<Value> {
        if body.len() > BODY {
            return None;
        }
        let fields =
            if content_type.trim().to_ascii_lowercase().starts_with("application/x-www-form-urlencoded") {
                form(body)
            } else {
                serde_json::from_slice(body).ok()
            };
        let fields = fields.filter(|value| value.is_object() || value.is_array());
        fields.map(|value| self.json(Nature::Plain, value))
    }

    fn json(&self, nature: Nature, value: Value) -> Value {
        match value {
            Value::Object(_) | Value::Array(_) | Value::Number(_) if nature == Nature::Hidden => {
                HIDDEN.into()
            }
            Value::Object(fields) => fields
                .into_iter()
                .map(|(name, value)| (self.text(&name), self.json(Nature::of(&name), value)))
                .collect(),
            Value::Array(items) => items.into_iter().map(|item| self.json(nature, item)).collect(),
            Value::String(text) => self.value(nature, &text).into(),
            Value::Number(_) if nature != Nature::Plain => HIDDEN.into(),
            plain => plain,
        }
    }

    fn value(&self, nature: Nature, text: &str) -> String {
        match nature {
            // Replaced before it is cut, or a part of a secret would stay at the end.
            Nature::Plain if !is_jwt(text.trim()) => self.text(text),
            _ => self.mask.masked(nature, text),
        }
    }
}

impl Nature {
    /// The nature of what stands under a name, whatever the name's case and hyphens. In doubt it is a secret.
    fn of(name: &str) -> Self {
        let name: String =
            name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
        let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
        let is = |words: &[&str]| words.contains(&name.as_str());
        if has(&[
            "pass",
            "pwd",
            "secret",
            "credential",
            "signature",
            "answer",
            "authoriz",
            "cookie",
            "accesscode",
        ]) || is(&["otp", "pin", "sig"])
            || ["key", "auth"].iter().any(|end| name.ends_with(end))
        {
            Self::Hidden
        } else if has(&["session"]) || is(&["ictoken"]) {
            Self::Session
        } else if has(&["token", "jwt", "assertion", "saml"]) {
            Self::Token
        } else {
            Self::Plain
        }
    }
}

/// Headers about the connection, the machine or the library rather than about the request.
fn is_noise(name: &str) -> bool {
    const NAMES: [&str; 26] = [
        "host",
        "user-agent",
        "accept-encoding",
        "accept-language",
        "cache-control",
        "connection",
        "content-length",
        "date",
        "dnt",
        "expect",
        "forwarded",
        "http2-settings",
        "keep-alive",
        "pragma",
        "priority",
        "referer",
        "te",
        "traceparent",
        "tracestate",
        "baggage",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "via",
        "x-request-id",
        "x-correlation-id",
    ];
    const BEGINNINGS: [&str; 5] = ["proxy-", "sec-", "x-forwarded-", "x-amzn-", "x-b3-"];
    NAMES.contains(&name) || BEGINNINGS.iter().any(|beginning| name.starts_with(beginning))
}

fn bearer(headers: &HeaderMap) -> Option<Secret> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| Secret::new(token.trim()))
}

fn form(body: &[u8]) -> Option<Value> {
    let pairs: Vec<(String, String)> = serde_urlencoded::from_bytes(body).ok()?;
    Some(pairs.into_iter().map(|(name, value)| (name, Value::from(value))).collect::<Map<_, _>>().into())
}

fn is_jwt(text: &str) -> bool {
    text.trim().starts_with("eyJ") && text.matches('.').count() == 2
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some(_) => text.chars().take(LONGEST).chain(['…']).collect(),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faults::testing::Dice;
    use serde_json::json;

    const ID: &str = "3fTqk0ZpXyLr9bWcV2uN7e";
    const JWT: &str = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl";

    fn mask() -> Mask {
        Mask::new(&Dice::default())
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    fn shown(pairs: &[(&'static str, &str)]) -> String {
        let (mask, headers) = (mask(), headers(pairs));
        serde_json::to_string(&mask.sight(&headers).headers(&headers)).unwrap()
    }

    fn body(body: &str, kind: &str) -> String {
        let mask = mask();
        mask.sight(&HeaderMap::new()).body(body.as_bytes(), kind).map_or("-".into(), |body| body.to_string())
    }

    #[test]
    fn a_secret_has_one_mark_per_run_and_seed() {
        let mark = mask().mark(ID);
        assert_eq!((mask().mark(ID), mark.len(), mark.starts_with("session:")), (mark.clone(), 16, true));
        assert_ne!(mask().mark("another"), mark);
        let dice = Dice::default();
        let (first, second) = (Mask::new(&dice), Mask::new(&dice));
        assert_ne!(first.mark(ID), second.mark(ID), "a key is drawn anew");
        assert!(mask().mark(JWT).starts_with("token:"));
    }

    #[test]
    fn every_carrier_shows_the_same_mark() {
        let mark = mask().mark(ID);
        let token = mask().mark(JWT);
        let all = shown(&[
            ("icsessionid", ID),
            ("infa-session-id", ID),
            ("ids-session-id", ID),
            ("cookie", &format!("theme=dark; USER_SESSION=\"{ID}\"; XSRF_TOKEN=abc")),
            ("authorization", &format!("bearer {JWT}")),
        ]);
        assert_eq!(all.matches(&mark).count(), 4, "{all}");
        assert!(all.contains(&format!(r#""authorization":"Bearer {token}""#)), "{all}");
        assert!(all.contains("theme=***; USER_SESSION=session:"), "{all}");
        assert_eq!(
            body(&json!({"icToken": ID, "id": 1}).to_string(), ""),
            format!(r#"{{"icToken":"{mark}","id":1}}"#)
        );
        assert_eq!(
            mask().sight(&HeaderMap::new()).query(&format!("sessionId={ID}&x=1")),
            format!("sessionId={mark}&x=1")
        );
    }

    #[test]
    fn a_request_is_about_its_session_or_else_its_token() {
        let about = |pairs: &[(&'static str, &str)]| mask().sight(&headers(pairs)).session();
        let bearer = format!("Bearer {JWT}");
        assert_eq!(about(&[("authorization", &bearer), ("icsessionid", ID)]), Some(mask().mark(ID)));
        assert_eq!(about(&[("authorization", &bearer)]), Some(mask().mark(JWT)));
        assert_eq!(about(&[("authorization", "Basic YTpi")]), None);
    }

    #[test]
    fn headers_are_shown_without_noise_and_secrets() {
        assert_eq!(
            shown(&[
                ("host", "127.0.0.1:40123"),
                ("user-agent", "curl/8"),
                ("x-forwarded-for", "10.0.0.1"),
                ("proxy-authorization", "Basic eHg="),
                ("content-type", "application/json"),
                ("x-infa-org-id", "5mYdXw9KcJhaf3LrN8pQ2v"),
                ("authorization", "Basic YTpi"),
                ("x-api-key", "k"),
                ("x-auth", "a"),
                ("x-client-secret", "s"),
            ]),
            r#"{"authorization":"Basic ***","content-type":"application/json","x-api-key":"***","x-auth":"***","x-client-secret":"***","x-infa-org-id":"5mYdXw9KcJhaf3LrN8pQ2v"}"#
        );
        assert_eq!(shown(&[("authorization", "YTpi")]), r#"{"authorization":"***"}"#);
    }

    #[test]
    fn what_a_request_repeats_is_masked_everywhere() {
        let mark = mask().mark(ID);
        assert_eq!(
            shown(&[("icsessionid", ID), ("content-type", ID), ("x-note", &format!("id={ID}"))]),
            format!(r#"{{"content-type":"***","icsessionid":"{mark}","x-note":"id={mark}"}}"#)
        );
        let (mask, headers) = (mask(), headers(&[("icsessionid", ID)]));
        let sight = mask.sight(&headers);
        assert_eq!(sight.text(&format!("/x/{ID}")), format!("/x/{mark}"));
        assert_eq!(sight.query(&format!("q={ID}")), format!("q={mark}"));
        assert_eq!(
            sight.body(json!([ID, {"note": ID}]).to_string().as_bytes(), ""),
            Some(json!([mark, {"note": mark}]))
        );
    }

    #[test]
    fn a_query_keeps_its_shape() {
        let mask = mask();
        let query = |query: &str| mask.sight(&HeaderMap::new()).query(query);
        assert_eq!(query("client_id=idmc_api&nonce=1234"), "client_id=idmc_api&nonce=1234");
        assert_eq!(query("q=name%3D%3D'a'&&flag"), "q=name%3D%3D'a'&&flag");
        assert_eq!(query("pass%77ord=x%21&a=b"), "pass%77ord=***&a=b");
        assert_eq!(query("password="), "password=");
        assert_eq!(query(&format!("next={JWT}")), format!("next={}", mask.mark(JWT)));
    }

    #[test]
    fn a_body_is_kept_without_its_secrets() {
        let kept = |value: Value| body(&value.to_string(), "application/json");
        assert_eq!(
            kept(json!({"@type": "login", "username": "ada", "password": "correct horse"})),
            r#"{"@type":"login","username":"ada","password":"***"}"#
        );
        assert_eq!(
            kept(
                json!({"secret": {"a": 1}, "pin": 1234, "keys": "shown", "user": {"newPassword": "x", "ok": true}})
            ),
            r#"{"secret":"***","pin":"***","keys":"shown","user":{"newPassword":"***","ok":true}}"#
        );
        assert!(kept(json!({"samlToken": "PHNhbWw+"})).starts_with(r#"{"samlToken":"token:"#));
        assert_eq!(
            body("username=ada&password=correct+horse", "application/x-www-form-urlencoded; charset=UTF-8"),
            r#"{"username":"ada","password":"***"}"#
        );
    }

    #[test]
    fn what_cannot_be_masked_is_not_kept() {
        for (text, kind) in [
            (r#"{"username":"ada","password":"a"b"}"#, "application/json"),
            (r#""correct horse""#, "application/json"),
            ("<login><password>x</password></login>", "application/xml"),
            ("username=ada&password=x", "text/plain"),
            ("", ""),
        ] {
            assert_eq!(body(text, kind), "-", "{text}");
        }
        assert_eq!(body(&json!({"a": "x".repeat(BODY)}).to_string(), ""), "-");
    }

    #[test]
    fn long_texts_are_cut() {
        let long = mask().sight(&HeaderMap::new()).text(&"é".repeat(2 * LONGEST));
        assert_eq!((long.chars().count(), long.ends_with('…')), (LONGEST + 1, true));
    }
}
