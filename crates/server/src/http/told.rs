//! The one answer that resource servers ask for all the time, written once for as long as it holds.

use super::{reply, v1};
use crate::app::App;
use axum::response::Response;
use domain::access::Caller;
use domain::org::Org;
use domain::user::User;
use quick_cache::sync::Cache;
use std::sync::Arc;
use wire::UserId;
use wire::v1::SessionUser;

/// Users whose answers are kept, about 1 KiB each.
const MOST: usize = 10_000;

/// What the answer begins with; the instant behind it is the one thing that each use of the session changes.
const BEGINNING: &str = r#"{"sessionExpireTime":""#;

/// What was told of users lately.
pub struct Told(Cache<UserId, Arc<Text>>);

/// What follows the instant, and of whom it was written: of this reading of a user and of an org, and of no later one.
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
        let holds = |text: &Arc<Text>| Arc::ptr_eq(&text.user, user) && Arc::ptr_eq(&text.org, org);
        let known = self.0.get(&user.id).filter(holds).or_else(|| self.write(app, caller));
        let Some(text) = known else { return reply::json(&v1::session_user(app, caller)) };
        let expires = caller.session().map(|session| session.expires_at().rfc3339()).unwrap_or_default();
        reply::written_as("application/json", [BEGINNING, &expires, &text.rest].concat().into())
    }

    fn write(&self, app: &App, caller: &Caller) -> Option<Arc<Text>> {
        let timeless = SessionUser { session_expire_time: String::new(), ..v1::session_user(app, caller) };
        let written = serde_json::to_string(&timeless).ok()?;
        let rest = written.strip_prefix(BEGINNING)?.to_owned();
        let (user, org) = (Arc::clone(caller.user()), Arc::clone(caller.org()));
        let id = user.id;
        let text = Arc::new(Text { user, org, rest });
        self.0.insert(id, Arc::clone(&text));
        Some(text)
    }
}
