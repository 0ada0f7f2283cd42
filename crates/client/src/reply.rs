//! Replies to a sign-in, read leniently: what callers rely on, whatever else is there (protocol.md 13).

use crate::exchange::Answer;
use serde::Deserialize;
use serde_json::Value;
use wire::fields::Fields;
use wire::{OrgId, Secret, v3};

/// Longer than any session id: in JWT mode they have up to 16,000 characters.
const MOST: usize = 65_536;

/// What a sign-in told, from whichever family.
#[derive(Debug)]
pub(crate) struct Told {
    pub id: Secret,
    pub org_id: String,
    pub org_name: String,
    pub user: String,
    pub base_url: Option<String>,
    pub expires: Option<String>,
}

/// The flat reply of v1 and v2.
pub(crate) fn flat(body: &[u8]) -> Option<Told> {
    let fields = Fields::from_json(body).ok()?;
    let id = first(&fields, &["sessionId", "icSessionId"])?;
    Some(Told {
        id,
        // v2 has a legacy id in `orgId`; `currentOrgId` is where the session works.
        org_id: org(text(&fields, &["orgUuid", "currentOrgId", "orgId"])),
        org_name: text(&fields, &["currentOrgName", "orgName"]),
        user: text(&fields, &["name"]),
        base_url: url(text(&fields, &["serverUrl", "baseApiUrl"])),
        expires: Some(text(&fields, &["sessionExpireTime"])).filter(|time| !time.is_empty()),
    })
}

/// The nested reply of v3.
pub(crate) fn nested(body: &[u8]) -> Option<Told> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Reply {
        user_info: Fields,
        #[serde(default)]
        products: Vec<Fields>,
    }
    let Reply { user_info, products } = serde_json::from_slice(body).ok()?;
    let named = products.iter().find(|product| text(product, &["name"]) == v3::PRODUCT);
    let product = named.or(products.first());
    Some(Told {
        id: first(&user_info, &["sessionId"])?,
        org_id: org(text(&user_info, &["orgId"])),
        org_name: text(&user_info, &["orgName"]),
        user: text(&user_info, &["name"]),
        base_url: product.and_then(|product| url(text(product, &["baseApiUrl"]))),
        expires: None,
    })
}

/// The reply to an OAuth client, or of `jwt/Token`: one token under the names that it has had.
pub(crate) fn token(body: &[u8]) -> Option<Secret> {
    first(&Fields::from_json(body).ok()?, &["jwt_token", "token", "access_token"])
}

/// What an error said of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Complaint {
    pub code: String,
    pub message: String,
}

/// The error in a body, in whichever envelope: v1 and v3 nest it, v2 has it flat, OAuth has words.
pub(crate) fn complaint(body: &[u8]) -> Option<Complaint> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let is_error = body.get("@type").and_then(Value::as_str) == Some("error");
    let nested = body.get("error").filter(|error| !error.is_null());
    if !is_error && nested.is_none() && body.get("code").is_none() && body.get("message").is_none() {
        return None;
    }
    let from = nested.filter(|error| error.is_object()).unwrap_or(&body);
    let word = |names: &[&str]| names.iter().find_map(|name| from.get(name)?.as_str()).map(plain);
    Some(Complaint {
        code: word(&["code", "error"]).unwrap_or_default(),
        message: word(&["message", "description", "error_description"]).unwrap_or_default(),
    })
}

/// The error that an answer is, even under status 200.
pub(crate) fn is_complaint(answer: &Answer) -> bool {
    let Ok(fields) = Fields::from_json(&answer.body) else { return false };
    let is_error = text(&fields, &["@type"]) == "error";
    is_error || !matches!(fields.optional("error", MOST), Ok(None))
}

/// A sentence that somebody else wrote, fit for one line.
fn plain(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(300).collect()
}

fn first(fields: &Fields, names: &[&'static str]) -> Option<Secret> {
    let mut found = names.iter().filter_map(|name| fields.optional(name, MOST).ok().flatten());
    found.find(|text| !text.expose().is_empty()).cloned()
}

fn text(fields: &Fields, names: &[&'static str]) -> String {
    first(fields, names).map(|text| text.expose().to_owned()).unwrap_or_default()
}

/// An org in the spelling of `X-INFA-ORG-ID`; an id that is not ours is left as it is.
fn org(text: String) -> String {
    text.parse::<OrgId>().map(OrgId::base62).unwrap_or(text)
}

fn url(text: String) -> Option<String> {
    let text = text.trim().trim_end_matches('/');
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_of_three_families_are_read() {
        let v1 = flat(br#"{"sessionId":"s1","orgId":"o1","currentOrgId":"o2","name":"ada","x":{"y":[1]}}"#);
        let v1 = v1.unwrap();
        assert_eq!((v1.id.expose(), v1.org_id.as_str(), v1.base_url), ("s1", "o2", None));
        let v2 = flat(
            br#"{"@type":"user","id":7,"orgId":"0002AB","orgUuid":"5mYdXw9KcJhaf3LrN8pQ2v",
            "serverUrl":"https://a.example/saas/","icSessionId":"s2","roles":[{}]}"#,
        );
        let v2 = v2.unwrap();
        assert_eq!(v2.org_id, "5mYdXw9KcJhaf3LrN8pQ2v");
        assert_eq!(v2.base_url.as_deref(), Some("https://a.example/saas"));
        let v3 = nested(
            br#"{"products":[{"name":"Other","baseApiUrl":"https://b.example"},
            {"name":"Integration Cloud","baseApiUrl":"https://a.example/saas"}],
            "userInfo":{"sessionId":"s3","groups":{}}}"#,
        );
        let v3 = v3.unwrap();
        assert_eq!((v3.id.expose(), v3.base_url.as_deref()), ("s3", Some("https://a.example/saas")));
    }

    #[test]
    fn an_error_is_read_from_every_envelope() {
        for (body, code, message) in [
            (r#"{"error":{"code":"IDS_085","message":"no"}}"#, "IDS_085", "no"),
            (r#"{"@type":"error","code":"UI_10000","description":"no","statusCode":403}"#, "UI_10000", "no"),
            (r#"{"error":"invalid_client","error_description":"no"}"#, "invalid_client", "no"),
            (r#"{"error":{"message":"a\u0007b"}}"#, "", "ab"),
        ] {
            let read = complaint(body.as_bytes()).unwrap();
            assert_eq!((read.code.as_str(), read.message.as_str()), (code, message), "{body}");
        }
        for body in ["<html>", "{}", r#"{"error":null}"#, "[]", ""] {
            assert_eq!(complaint(body.as_bytes()), None, "{body}");
        }
    }
}
