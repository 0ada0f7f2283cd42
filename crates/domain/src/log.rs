//! The record of an org as its administrators read it: who did what to whom, in words.

use crate::access::{Permit, action};
use crate::cx::Cx;
use crate::page::Page;
use crate::roster::Logged;
use crate::store::StoreError;
use crate::time::Timestamp;
use std::collections::HashMap;
use wire::{ClientId, UserId};

/// Which entries are meant; what is `None` does not matter.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// From when until when.
    pub between: (Timestamp, Timestamp),
    /// By whom.
    pub actor: Option<String>,
    /// To whom or what.
    pub object: Option<String>,
    /// Of which category.
    pub category: Option<String>,
}

/// One entry, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Its number in the record.
    pub number: i64,
    /// When it happened.
    pub at: Timestamp,
    /// The name of who did it, or the id when the name is gone.
    pub actor: String,
    /// The id of what it was done to.
    pub object_id: String,
    /// The name of that, or the id again.
    pub object_name: String,
    /// `AUTH`, `USER`, `ROLE`, `USER_GROUP`, `ORG`, `CLIENT` or `SYSTEM`.
    pub category: &'static str,
    /// What was done, such as `USER_ADDED`.
    pub action: String,
    /// What else there is to say: the act that was denied, the reason of a refusal, the method of a sign-in.
    pub detail: String,
}

/// How many entries are looked through for those that are meant.
const MOST: u32 = 10_000;

/// The entries that are meant, the latest first.
pub async fn read(
    cx: &Cx,
    permit: &Permit<action::ViewLog>,
    wanted: &Wanted,
    page: Page,
) -> Result<Vec<Told>, StoreError> {
    let (mut told, mut names, mut passed, mut seen) = (Vec::new(), HashMap::new(), 0, 0);
    while told.len() < page.limit() as usize && seen < MOST {
        let raw = cx.store.logged(permit.org(), wanted.between, Page::new(Page::MOST, seen)).await?;
        if raw.is_empty() {
            break;
        }
        seen += Page::MOST;
        for logged in raw {
            let entry = tell(cx, &mut names, logged).await?;
            if !wanted.fits(&entry) {
                continue;
            }
            passed += 1;
            if passed > page.skip() && told.len() < page.limit() as usize {
                told.push(entry);
            }
        }
    }
    Ok(told)
}

impl Wanted {
    fn fits(&self, entry: &Told) -> bool {
        let is = |wanted: &Option<String>, it: &str| {
            wanted.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(it))
        };
        is(&self.actor, &entry.actor)
            && is(&self.object, &entry.object_name)
            && is(&self.category, entry.category)
    }
}

async fn tell(cx: &Cx, names: &mut HashMap<String, String>, logged: Logged) -> Result<Told, StoreError> {
    let word = |name: &str| logged.event.get(name).and_then(serde_json::Value::as_str).unwrap_or_default();
    let actor = if word("by").is_empty() { word("user") } else { word("by") };
    let object = object(&logged.event);
    let (category, action) = words(word("event"), word("how"));
    let details = ["act", "reason", "method"].map(word);
    let detail = details.into_iter().find(|text| !text.is_empty()).unwrap_or_default().to_owned();
    Ok(Told {
        number: logged.number,
        at: logged.at,
        actor: name(cx, names, actor).await?,
        object_name: name(cx, names, object).await?,
        object_id: object.to_owned(),
        category,
        action,
        detail,
    })
}

/// The id of what it was done to; of a denied act, what it was meant for.
fn object(event: &serde_json::Value) -> &str {
    let target = event.get("on").and_then(serde_json::Value::as_object).and_then(|on| on.values().next());
    let named = ["client", "role", "group", "sub_org", "provider", "user", "org"].map(|name| event.get(name));
    let all = std::iter::once(target).chain(named).flatten();
    all.filter_map(serde_json::Value::as_str).find(|text| !text.is_empty()).unwrap_or_default()
}

/// The name of a user or of an OAuth client, or the id of anything else.
async fn name(cx: &Cx, names: &mut HashMap<String, String>, id: &str) -> Result<String, StoreError> {
    if let Some(name) = names.get(id) {
        return Ok(name.clone());
    }
    let name = match id.parse::<UserId>() {
        Ok(id) => match cx.store.user(id).await? {
            Some(user) => Some(user.name.as_str().to_owned()),
            None => {
                cx.store.client(ClientId::from_bits(id.bits())).await?.map(|it| it.terms.name().to_owned())
            }
        },
        Err(_) => None,
    };
    let name = name.unwrap_or_else(|| id.to_owned());
    names.insert(id.to_owned(), name.clone());
    Ok(name)
}

fn words(event: &str, how: &str) -> (&'static str, String) {
    let category = match (event, how) {
        ("user_written", "password" | "security_answer" | "granted") => "AUTH",
        ("user_written", _) => "USER",
        ("user_provisioned", _) => "USER",
        ("role_written", _) => "ROLE",
        ("group_written", _) => "USER_GROUP",
        ("client_written" | "client_secret_added" | "client_secret_removed", _) => "CLIENT",
        ("org_written" | "sub_org_written" | "policy_changed", _) => "ORG",
        ("signed_in" | "signed_out" | "password_rehashed" | "lock_lifted" | "assertion_refused", _) => "AUTH",
        ("tokens_minted" | "mint_refused" | "denied", _) => "AUTH",
        ("logout_refused" | "logout_answered" | "signed_out_by_provider", _) => "AUTH",
        (event, _) if event.starts_with("identity_provider_") => "AUTH",
        (event, _) if event.contains("session") => "AUTH",
        _ => "SYSTEM",
    };
    let action = match event {
        "signed_in" => "LOGIN".to_owned(),
        "signed_out" => "LOGOUT".to_owned(),
        "assertion_refused" => "LOGIN_REFUSED".to_owned(),
        "denied" => "ACCESS_DENIED".to_owned(),
        event => event.replace("written", how).to_ascii_uppercase(),
    };
    (category, action)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_told_in_words() {
        let told = |event, how| words(event, how);
        assert_eq!(told("user_written", "added"), ("USER", "USER_ADDED".to_owned()));
        assert_eq!(told("user_written", "password"), ("AUTH", "USER_PASSWORD".to_owned()));
        assert_eq!(told("signed_in", ""), ("AUTH", "LOGIN".to_owned()));
        assert_eq!(told("org_sessions_ended", ""), ("AUTH", "ORG_SESSIONS_ENDED".to_owned()));
        assert_eq!(told("identity_provider_added", ""), ("AUTH", "IDENTITY_PROVIDER_ADDED".to_owned()));
        assert_eq!(told("assertion_refused", ""), ("AUTH", "LOGIN_REFUSED".to_owned()));
        assert_eq!(told("denied", ""), ("AUTH", "ACCESS_DENIED".to_owned()));
        assert_eq!(told("mint_refused", ""), ("AUTH", "MINT_REFUSED".to_owned()));
        assert_eq!(told("sub_org_written", "removed"), ("ORG", "SUB_ORG_REMOVED".to_owned()));
        assert_eq!(told("founded", ""), ("SYSTEM", "FOUNDED".to_owned()));
    }
}
