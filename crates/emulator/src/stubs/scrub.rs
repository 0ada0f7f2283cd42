//! What is taken out of an answer before it is written down: tokens, session ids, passwords.

use super::stub::Kind;
use serde_json::Value;

/// What stands in the place of a secret.
const MASK: &str = "***";

/// Words in a name whose value is a secret; names are compared without case and without what is no letter or digit.
const SECRET: [&str; 20] = [
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "pwd",
    "secret",
    "token",
    "sessionid",
    "usersession",
    "apikey",
    "accesskey",
    "privatekey",
    "credential",
    "authorization",
    "cookie",
    "assertion",
    "securityanswer",
    "signature",
    "saml",
    "jwt",
];

/// Names that are secret as a whole, but not as a part of another.
const SECRET_ALONE: [&str; 4] = ["sig", "otp", "pin", "session"];

/// Whether what goes by this name is a secret.
pub fn is_secret(name: &str) -> bool {
    let letters =
        name.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| char::from(byte.to_ascii_lowercase()));
    let letters: String = letters.collect();
    SECRET.iter().any(|word| letters.contains(word)) || SECRET_ALONE.contains(&letters.as_str())
}

/// A body without its secrets; byte for byte the same when it has none.
pub fn body(kind: Kind, body: &[u8]) -> Vec<u8> {
    let Ok(whole) = std::str::from_utf8(body) else {
        return body.to_vec();
    };
    if kind == Kind::Json
        && let Ok(json) = serde_json::from_str::<Value>(whole)
    {
        let clean = clean(&json);
        return if clean == json { body.to_vec() } else { clean.to_string().into_bytes() };
    }
    text(whole).into_bytes()
}

fn clean(json: &Value) -> Value {
    match json {
        Value::Object(fields) => {
            fields.iter().map(|(name, field)| (name.clone(), field_of(name, field))).collect()
        }
        Value::Array(items) => items.iter().map(clean).collect(),
        Value::String(whole) => Value::from(text(whole)),
        other => other.clone(),
    }
}

fn field_of(name: &str, field: &Value) -> Value {
    if is_secret(name) { masked(field) } else { clean(field) }
}

/// Flags and nothing tell no secret, so what depends on their type goes on working.
fn masked(json: &Value) -> Value {
    match json {
        Value::Object(fields) => fields.iter().map(|(name, field)| (name.clone(), masked(field))).collect(),
        Value::Array(items) => items.iter().map(masked).collect(),
        Value::String(_) | Value::Number(_) => Value::from(MASK),
        Value::Bool(_) | Value::Null => json.clone(),
    }
}

/// What the next piece of a text means, after a name whose value is a secret.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Anything,
    SignOfValue,
    Value,
}

/// A text without what looks like a token, and without what follows a secret's name: `name=…`, `name: …`, `<name>…`.
pub fn text(whole: &str) -> String {
    let mut out = String::with_capacity(whole.len());
    let mut next = Next::Anything;
    let mut rest = whole;
    while let Some(first) = rest.chars().next() {
        let length = rest.find(|other| is_of_word(other) != is_of_word(first)).unwrap_or(rest.len());
        let (piece, beyond) = rest.split_at(length);
        let is_word = is_of_word(first);
        let is_value = is_word && next == Next::Value && !is_scheme(piece);
        if is_value || (is_word && looks_like_a_token(piece)) {
            let end = if is_value { end_of_value(&out, rest).max(length) } else { length };
            rest = rest.get(end..).unwrap_or_default();
            out.push_str(MASK);
            next = Next::Anything;
            continue;
        }
        rest = beyond;
        next = match next {
            Next::Value if is_word || piece.trim().is_empty() => Next::Value,
            Next::SignOfValue if leads_to_value(piece) => Next::Value,
            _ if is_word && is_secret(piece) && !(out.ends_with('<') && piece.starts_with('/')) => {
                Next::SignOfValue
            }
            _ => Next::Anything,
        };
        out.push_str(piece);
    }
    out
}

/// Where a value ends: at the quote that began it, at the next element, or where the next parameter or word begins.
fn end_of_value(before: &str, rest: &str) -> usize {
    let end = match before.chars().next_back() {
        Some(quote @ ('"' | '\'')) => rest.find(quote),
        Some('>') => rest.find('<'),
        _ => {
            rest.find(|next: char| next.is_whitespace() || matches!(next, '&' | ';' | ',' | '<' | '"' | '\''))
        }
    };
    end.unwrap_or(rest.len())
}

/// Letters of base64 and of tokens hold together, so that a secret is one piece.
fn is_of_word(next: char) -> bool {
    next.is_alphanumeric() || matches!(next, '_' | '-' | '.' | '+' | '/' | '$' | '~' | '!' | '@' | '%' | '*')
}

fn leads_to_value(between: &str) -> bool {
    let is_short = between.len() <= 4 && between.contains(['=', ':', '>']);
    is_short && between.chars().all(|next| matches!(next, '=' | ':' | '>' | '"' | '\'' | ' '))
}

/// A word between `Authorization:` and the secret.
fn is_scheme(piece: &str) -> bool {
    ["bearer", "basic"].iter().any(|scheme| piece.eq_ignore_ascii_case(scheme))
}

/// A JWT: three parts of base64url, the first of which begins an object of JSON.
fn looks_like_a_token(piece: &str) -> bool {
    piece.contains("eyJ") && piece.matches('.').count() >= 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_in_json_are_masked_and_the_rest_stays_as_it_is() {
        for (before, after) in [
            (r#"{ "id" : 1.50 }"#, r#"{ "id" : 1.50 }"#),
            (
                r#"{"icSessionId":"a","isValidToken":true,"n":1}"#,
                r#"{"icSessionId":"***","isValidToken":true,"n":1}"#,
            ),
            (
                r#"{"connection":{"Pass-Word":"x","port":1}}"#,
                r#"{"connection":{"Pass-Word":"***","port":1}}"#,
            ),
            (r#"{"secrets":[{"a":"b"},5]}"#, r#"{"secrets":[{"a":"***"},"***"]}"#),
            (
                r#"["see eyJh.eyJb.c-d", "https://a/b?token=x&c=d"]"#,
                r#"["see ***","https://a/b?token=***&c=d"]"#,
            ),
        ] {
            assert_eq!(String::from_utf8(body(Kind::Json, before.as_bytes())).unwrap(), after);
        }
        assert_eq!(body(Kind::Bytes, b"\xffpassword=x"), b"\xffpassword=x");
    }

    #[test]
    fn secrets_in_a_text_are_masked() {
        for (before, after) in [
            (
                "<a><icSessionId>x1</icSessionId>\n<b>y</b></a>",
                "<a><icSessionId>***</icSessionId>\n<b>y</b></a>",
            ),
            ("<password>x</password> rest", "<password>***</password> rest"),
            ("<c password=\"x y\" user='z'/>", "<c password=\"***\" user='z'/>"),
            ("Authorization: Bearer abc def", "Authorization: Bearer *** def"),
            ("<password>ab#cd</password>", "<password>***</password>"),
            ("https://a/b?sig=x%2By#z&c=d", "https://a/b?sig=***&c=d"),
            ("api_key: 'k'; next: 1", "api_key: '***'; next: 1"),
            ("Your password has expired.", "Your password has expired."),
            ("a eyJhbGciOi.eyJpc3Mi.sig b", "a *** b"),
        ] {
            assert_eq!(text(before), after);
        }
    }
}
