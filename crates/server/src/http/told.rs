//! The one answer that resource servers ask for all the time. What users have in common is written once for all of them.

use super::{reply, v1};
use crate::app::App;
use axum::response::Response;
use domain::access::Caller;
use domain::org::Org;
use domain::user::User;
use quick_cache::sync::Cache;
use serde::Serialize;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use wire::v1::SessionUser;
use wire::{OrgId, UserId};

/// Kinds of users whose part of the answer is kept, about 1 KiB each.
const MOST: usize = 10_000;

/// What each caller has alone: the first fields of [`SessionUser`].
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Own<'a> {
    session_expire_time: String,
    id: UserId,
    name: &'a str,
}

/// Where the rest begins.
const REST: &str = r#","currentOrgId":"#;

/// What was told of users lately, by org and kind.
pub struct Told(Cache<(OrgId, u64), Arc<Text>>);

/// What follows the caller's own fields: of this reading of an org, for whoever is of the same kind as this user.
struct Text {
    user: Arc<User>,
    org: Arc<Org>,
    rest: String,
}

impl Default for Told {
    fn default() -> Self {
        Self(Cache::new(MOST))
    }
}

impl Told {
    /// 200 with the caller's session and user.
    pub fn session_user(&self, app: &App, caller: &Caller) -> Response {
        let (user, org) = (caller.user(), caller.org());
        let kind = (org.id, kind(user));
        let holds = |text: &Arc<Text>| Arc::ptr_eq(&text.org, org) && is_alike(&text.user, user);
        let known = self.0.get(&kind).filter(holds).or_else(|| self.write(app, caller, kind));
        match known.and_then(|text| Some([&own(caller)?, text.rest.as_bytes()].concat())) {
            Some(body) => reply::written_as("application/json", body.into()),
            None => reply::json(&v1::session_user(app, caller)),
        }
    }

    fn write(&self, app: &App, caller: &Caller, kind: (OrgId, u64)) -> Option<Arc<Text>> {
        let (user, org) = (Arc::clone(caller.user()), Arc::clone(caller.org()));
        let nobody = SessionUser { name: "", ..v1::session_user(app, caller) };
        let written = serde_json::to_string(&nobody).ok()?;
        let rest = written.get(written.find(REST)?..)?.to_owned();
        let text = Arc::new(Text { user, org, rest });
        self.0.insert(kind, Arc::clone(&text));
        Some(text)
    }
}

/// The caller's own fields, as the beginning of an object.
fn own(caller: &Caller) -> Option<Vec<u8>> {
    let expires_at = caller.session().map(|session| session.expires_at().rfc3339());
    let (id, name) = (caller.user().id, caller.user().name.as_str());
    let own = Own { session_expire_time: expires_at.unwrap_or_default(), id, name };
    let mut written = serde_json::to_vec(&own).ok()?;
    written.pop();
    Some(written)
}

/// A number that users have in common for whom [`is_alike`] holds.
fn kind(user: &User) -> u64 {
    let mut hasher = DefaultHasher::new();
    user.roles.hash(&mut hasher);
    user.profile.timezone.hash(&mut hasher);
    user.grants.groups.iter().for_each(|group| group.id.hash(&mut hasher));
    hasher.finish()
}

/// Whether the answer says the same of both, but for their own fields.
fn is_alike(one: &Arc<User>, other: &Arc<User>) -> bool {
    Arc::ptr_eq(one, other)
        || one.roles == other.roles
            && one.grants == other.grants
            && one.status == other.status
            && one.authenticator == other.authenticator
            && one.profile.timezone == other.profile.timezone
}
