//! identity-service v1 (protocol.md 2).

pub mod current_user;
pub mod login;
pub mod login_saml;
pub mod logout;

use crate::app::App;
use domain::access::Caller;
use std::collections::BTreeMap;
use wire::v1::SessionUser;

/// A session and its owner, as v1 and the session-service tell it.
pub fn session_user<'a>(app: &'a App, caller: &'a Caller) -> SessionUser<'a> {
    let (user, org) = (caller.user(), caller.org());
    let expires_at = caller.session().map(|session| session.expires_at());
    SessionUser {
        session_expire_time: expires_at.map(|at| at.rfc3339()).unwrap_or_default(),
        id: user.id,
        name: user.name.as_str(),
        current_org_id: org.id,
        current_org_name: &org.name,
        parent_org_id: org.parent,
        org_id: org.id,
        org_name: &org.name,
        groups: user.group_names().map(|(name, id)| (name, id.base62())).collect(),
        effective_roles: user.role_names().collect(),
        effective_privileges: BTreeMap::new(),
        status: if user.is_active() { "Active" } else { "Inactive" },
        time_zone_id: user.profile.timezone(),
        authenticator: user.authenticator.name(),
        base_api_url: &app.saas_url,
        server_url: &app.saas_url,
    }
}
