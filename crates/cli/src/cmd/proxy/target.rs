//! Where a request goes: to the login host, or below the base URL.

use client::{LoginUrl, Url};

/// Paths that only login hosts have.
const OF_LOGIN: [&str; 3] = ["/identity-service/", "/ma/", "/saas/public/core/v3/login"];
/// Paths of the platform, which are below its base URL; its other services are beside it.
const OF_PLATFORM: [&str; 2] = ["/api/", "/public/"];
/// How the base URL of the platform ends.
const PLATFORM: &str = "/saas";

/// The URL for a path and query. `base` is none when it has to be asked for.
pub fn url(login: &LoginUrl, base: &Url, path: &str) -> Option<Url> {
    if is_of_login(path) {
        return Url::parse(&login.at(path)).ok();
    }
    let prefix = base.path().trim_end_matches('/');
    let is_whole = path.strip_prefix(prefix).is_some_and(|rest| rest.starts_with(['/', '?']));
    let is_beside = prefix == PLATFORM && !OF_PLATFORM.iter().any(|of| path.starts_with(of));
    let prefix = if is_whole || is_beside { "" } else { prefix };
    let origin = base.origin().ascii_serialization();
    Url::parse(&format!("{origin}{prefix}{path}")).ok()
}

/// Whether the login host answers this path, wherever the session works.
pub fn is_of_login(path: &str) -> bool {
    OF_LOGIN.iter().any(|of| path.starts_with(of))
}

#[cfg(test)]
mod tests {
    use super::*;
    use client::Plain;

    fn goes(base: &str, path: &str) -> String {
        let login = LoginUrl::parse("https://dm-us.example.com", Plain::Loopback).unwrap();
        url(&login, &Url::parse(base).unwrap(), path).unwrap().to_string()
    }

    #[test]
    fn a_path_finds_its_host() {
        let pod = "https://usw1.dm-us.example.com/saas";
        for (base, path, url) in [
            (pod, "/api/v2/task?a=b%2Fc", "https://usw1.dm-us.example.com/saas/api/v2/task?a=b%2Fc"),
            (pod, "/saas/api/v2/task", "https://usw1.dm-us.example.com/saas/api/v2/task"),
            (pod, "/public/core/v3/users", "https://usw1.dm-us.example.com/saas/public/core/v3/users"),
            (pod, "/mftsaas/api/v1/x", "https://usw1.dm-us.example.com/mftsaas/api/v1/x"),
            (pod, "//evil.example/x", "https://usw1.dm-us.example.com//evil.example/x"),
            (pod, "/ma/api/v2/user/login", "https://dm-us.example.com/ma/api/v2/user/login"),
            (pod, "/identity-service/api/v1/x", "https://dm-us.example.com/identity-service/api/v1/x"),
            ("https://a.example", "/x", "https://a.example/x"),
            ("https://a.example/b/", "/x", "https://a.example/b/x"),
            ("https://a.example/b", "/b/x", "https://a.example/b/x"),
            ("https://a.example/b", "/bx", "https://a.example/b/bx"),
            ("http://127.0.0.1:8470/saas", "/gate", "http://127.0.0.1:8470/gate"),
        ] {
            assert_eq!(goes(base, path), url, "{path}");
        }
    }
}
