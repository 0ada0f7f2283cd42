//! What a request is about, told by its path and by whether it carries credentials.

use crate::asked::Asked;
use http::{HeaderMap, header};
use serde::Deserialize;
use wire::header as names;

/// What a request is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Signing in, in any family.
    SignIn,
    /// Signing out, one session or all of an org.
    SignOut,
    /// Asking for a token.
    Token,
    /// Anything else that carries a session or a token: the work of a program.
    Call,
}

impl Kind {
    /// The kind of a request; none for one that carries nothing and asks for nothing of the kind.
    pub fn of(asked: &Asked) -> Option<Self> {
        match asked.path.as_str() {
            "/identity-service/api/v1/jwt/Token" => Some(Self::Token),
            path if is_sign_in(path) => Some(Self::SignIn),
            path if is_after(path, "logout") => Some(Self::SignOut),
            _ => carries_credentials(&asked.headers).then_some(Self::Call),
        }
    }
}

/// Whether this is the path of a sign-in.
pub fn is_sign_in(path: &str) -> bool {
    is_after(path, "login")
}

/// Whether a path is a family's `login…` or `logout…`: `loginSaml` and `logoutall` are of the same kinds.
fn is_after(path: &str, word: &str) -> bool {
    const PLACES: [&str; 6] = [
        "/identity-service/api/v1/",
        "/ma/api/v2/user/",
        "/saas/api/v2/user/",
        "/api/v2/user/",
        "/saas/public/core/v3/",
        "/public/core/v3/",
    ];
    let last = PLACES.iter().find_map(|place| path.strip_prefix(place));
    last.is_some_and(|last| !last.contains('/') && last.to_ascii_lowercase().starts_with(word))
}

fn carries_credentials(headers: &HeaderMap) -> bool {
    let carriers = [names::IC_SESSION_ID, names::INFA_SESSION_ID, names::IDS_SESSION_ID];
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut named =
        cookies.flat_map(|line| line.split(';')).map(|pair| pair.split('=').next().unwrap_or(pair).trim());
    headers.contains_key(header::AUTHORIZATION)
        || carriers.iter().any(|carrier| headers.contains_key(*carrier))
        || named.any(|name| name == names::USER_SESSION)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faults::testing::asked;

    #[test]
    fn a_kind_is_told_by_path_and_credentials() {
        for (path, expected) in [
            ("/identity-service/api/v1/Login", Some(Kind::SignIn)),
            ("/ma/api/v2/user/login", Some(Kind::SignIn)),
            ("/ma/api/v2/user/loginSaml", Some(Kind::SignIn)),
            ("/saas/public/core/v3/login", Some(Kind::SignIn)),
            ("/identity-service/api/v1/Logout", Some(Kind::SignOut)),
            ("/saas/api/v2/user/logout", Some(Kind::SignOut)),
            ("/ma/api/v2/user/logoutall", Some(Kind::SignOut)),
            ("/identity-service/api/v1/jwt/Token", Some(Kind::Token)),
            ("/saas/api/v2/job", None),
            ("/saas/public/core/v3/users/login", None),
        ] {
            assert_eq!(Kind::of(&asked("GET", path)), expected, "{path}");
        }
    }

    #[test]
    fn every_carrier_makes_a_call() {
        let carriers = [
            ("icsessionid", "x"),
            ("infa-session-id", "x"),
            ("ids-session-id", "x"),
            ("authorization", "Bearer x"),
            ("cookie", "a=b; USER_SESSION=x"),
        ];
        for (name, value) in carriers {
            let mut call = asked("GET", "/saas/api/v2/job");
            call.headers.insert(name, value.parse().unwrap());
            assert_eq!(Kind::of(&call), Some(Kind::Call), "{name}");
        }
        let mut other = asked("GET", "/saas/api/v2/job");
        other.headers.insert("cookie", "theme=dark".parse().unwrap());
        assert_eq!(Kind::of(&other), None);
    }
}
