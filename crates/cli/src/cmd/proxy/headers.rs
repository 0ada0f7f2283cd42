//! What headers pass a proxy: those between the two ends, with the proxy's credentials in place of all others.

use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};

/// The cookie that carries a session id.
const USER_SESSION: &str = "USER_SESSION=";

/// Headers that are about one connection (RFC 9110 section 7.6.1).
const OF_CONNECTION: [HeaderName; 9] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Headers that are about the proxy, or that would compete with its credentials. The referrer may hold its key.
const OF_PROXY: [HeaderName; 9] = [
    super::door::KEY,
    header::HOST,
    header::EXPECT,
    header::ORIGIN,
    header::REFERER,
    header::AUTHORIZATION,
    HeaderName::from_static("icsessionid"),
    HeaderName::from_static("infa-session-id"),
    HeaderName::from_static("ids-session-id"),
];

/// The headers of an answer that are meant for the other end.
pub fn end_to_end(mut headers: HeaderMap) -> HeaderMap {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named.iter().chain(&OF_CONNECTION) {
        headers.remove(name);
    }
    headers
}

/// The headers of a request that are meant for the other end, without credentials.
pub fn forwarded(headers: HeaderMap) -> HeaderMap {
    let mut headers = end_to_end(headers);
    for name in &OF_PROXY {
        headers.remove(name);
    }
    headers
}

/// A request's headers with credentials added. The caller's cookies stay, but for a session.
pub fn with_credentials(theirs: &HeaderMap, ours: &HeaderMap) -> HeaderMap {
    let mut headers = theirs.clone();
    let cookies = theirs.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let cookies = cookies.flat_map(|value| value.split(';')).map(str::trim);
    let cookies = cookies.filter(|cookie| !cookie.is_empty() && !cookie.starts_with(USER_SESSION));
    let ours_too = ours.get(header::COOKIE).and_then(|value| value.to_str().ok());
    let cookies: Vec<&str> = cookies.chain(ours_too).collect();
    headers.remove(header::COOKIE);
    for (name, value) in ours {
        headers.insert(name, value.clone());
    }
    if let Ok(mut value) = HeaderValue::try_from(cookies.join("; "))
        && !value.is_empty()
    {
        value.set_sensitive(true);
        headers.insert(header::COOKIE, value);
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let lines = lines.iter().copied();
        lines.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn what_is_between_the_ends_passes() {
        let sent = headers(&[
            ("connection", "close, X-Hop"),
            ("x-hop", "1"),
            ("te", "trailers"),
            ("authorization", "Basic x"),
            ("icsessionid", "old"),
            ("referer", "http://127.0.0.1:8400/k3y/x"),
            ("content-type", "text/csv"),
            ("x-a", "1"),
        ]);
        assert_eq!(forwarded(sent), headers(&[("content-type", "text/csv"), ("x-a", "1")]));
    }

    #[test]
    fn cookies_stay_and_the_session_is_ours() {
        let theirs = headers(&[("cookie", "a=1; USER_SESSION=old"), ("accept", "*/*")]);
        let with = |ours| with_credentials(&theirs, &headers(ours));
        let both = with(&[("cookie", "USER_SESSION=new")]);
        assert_eq!(both, headers(&[("accept", "*/*"), ("cookie", "a=1; USER_SESSION=new")]));
        let session = with(&[("ids-session-id", "s")]);
        assert_eq!(session, headers(&[("accept", "*/*"), ("cookie", "a=1"), ("ids-session-id", "s")]));
    }
}
