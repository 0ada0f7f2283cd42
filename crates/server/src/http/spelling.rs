//! Paths of v3 in any case: the vendor's own documents do not agree on one (protocol.md 5).

use super::caller::Asked;
use axum::Router;
use axum::extract::{ConnectInfo, Request};
use axum::response::{IntoResponse, Response};
use http::Uri;
use http::uri::PathAndQuery;
use std::any::Any;
use std::net::SocketAddr;
use std::sync::Arc;
use tower::ServiceExt;

/// Everything of v3 that no route has in the spelling that was sent.
pub const ELSEWHERE: &str = "/saas/public/core/v3/{*path}";

/// Everything of SCIM that no route has: the paths without `v2` (protocol.md 6.4).
pub const SCIM_ELSEWHERE: &str = "/scim-service/{*path}";

const FAMILY: &str = "/saas/public/core/v3/";

/// The words of our routes, as they spell them.
pub const WORDS: [&str; 28] = [
    "users",
    "userGroups",
    "roles",
    "privileges",
    "ChangePassword",
    "ResetPassword",
    "addRoles",
    "removeRoles",
    "addGroups",
    "removeGroups",
    "addPrivileges",
    "removePrivileges",
    "securityLog",
    "license",
    "org",
    "login",
    "logout",
    "Orgs",
    "IdentityProviders",
    "scimTokens",
    "loginSaml",
    "addSamlGroupMappings",
    "removeSamlGroupMappings",
    "addSamlRoleMappings",
    "removeSamlRoleMappings",
    "SAMLConfig",
    "groupMappings",
    "roleMappings",
];

/// What somebody in front of the routes hands to somebody behind them: it goes along when a path is spelled anew.
#[derive(Clone)]
pub struct Luggage(pub Arc<dyn Any + Send + Sync>);

/// Asks the routes once more, with the words of the path as they spell them.
pub async fn asked_again(routes: Router, request: Request) -> Response {
    let path = request.uri().path();
    let in_family = path.starts_with(FAMILY) || path.starts_with("/scim-service/");
    let request = if in_family { respelled(request) } else { request };
    match routes.oneshot(request).await {
        Ok(response) => response.into_response(),
        Err(never) => match never {},
    }
}

fn respelled(mut request: Request) -> Request {
    if let Some(uri) = mended(request.uri()) {
        *request.uri_mut() = uri;
    }
    // What the router has learned of the path in its other spelling would stand beside what it learns now.
    let old = std::mem::take(request.extensions_mut());
    if let Some(peer) = old.get::<ConnectInfo<SocketAddr>>() {
        request.extensions_mut().insert(*peer);
    }
    if let Some(asked) = old.get::<Asked>() {
        request.extensions_mut().insert(asked.clone());
    }
    if let Some(luggage) = old.get::<Luggage>() {
        request.extensions_mut().insert(luggage.clone());
    }
    request
}

fn mended(uri: &Uri) -> Option<Uri> {
    let path = match uri.path().strip_prefix("/scim-service/") {
        Some(rest) if !rest.starts_with("v2/") => format!("/scim-service/v2/{rest}"),
        Some(_) => uri.path().to_owned(),
        None => uri.path().split('/').map(word).collect::<Vec<_>>().join("/"),
    };
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(path + &query).ok()?);
    Uri::from_parts(parts).ok()
}

fn word(segment: &str) -> &str {
    WORDS.into_iter().find(|word| word.eq_ignore_ascii_case(segment)).unwrap_or(segment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_path_are_mended_and_nothing_else() {
        let mended = |text: &str| mended(&text.parse().unwrap()).unwrap().to_string();
        assert_eq!(
            mended("/saas/public/core/v3/USERS/changepassword?q=Users"),
            "/saas/public/core/v3/users/ChangePassword?q=Users"
        );
        assert_eq!(mended("/saas/public/core/v3/Orgs/x/Y"), "/saas/public/core/v3/Orgs/x/Y");
        assert_eq!(mended("/scim-service/Users/x?count=1"), "/scim-service/v2/Users/x?count=1");
        assert_eq!(mended("/scim-service/v2/users"), "/scim-service/v2/users");
    }
}
