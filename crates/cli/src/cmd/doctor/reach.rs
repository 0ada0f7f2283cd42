//! The way to the login host, step by step: its address, proxies, names, connections, TLS, clocks, and what answers.

use super::finding::Finding;
use crate::account;
use client::region::Region;
use client::{Clock, LoginUrl, SystemClock, Timestamp, Url};
use reqwest::header::{ACCEPT, CONTENT_TYPE, DATE, LOCATION};
use reqwest::{Certificate, Response, StatusCode};
use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

/// A step that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(10);
/// Clocks may differ by this much: a token is early or late by less than that.
const SKEW: Duration = Duration::from_secs(60);
/// The vendor's domain.
const VENDOR: &str = ".informaticacloud.com";
/// Where every login host takes a sign-in; without a name and a password it answers what is missing.
const SIGN_IN: &str = "/saas/public/core/v3/login";

/// Whether the address looks like a login host.
pub fn address(login: &LoginUrl) -> Finding {
    let host = login.host();
    let labels = host.strip_suffix(VENDOR);
    if labels.is_some_and(|labels| labels.contains('.')) {
        return Finding::odd(
            "address",
            format!("{login} looks like a pod"),
            "the login host is like https://dm-us.informaticacloud.com",
        );
    }
    if labels.is_some() && Region::find(host).is_none() {
        return Finding::odd(
            "address",
            format!("{login} is no known region"),
            "`latchkey region list` shows the regions",
        );
    }
    if !matches!(login.url().path(), "" | "/") {
        return Finding::odd(
            "address",
            format!("{login} has a path"),
            "the login host has none; the base URL is not the login host",
        );
    }
    Finding::well("address", login.to_string())
}

/// The way that requests take.
pub struct Way {
    proxy: Option<(&'static str, String)>,
}

impl Way {
    /// What the environment says. This machine itself is reached directly.
    pub fn from_environment(login: &LoginUrl) -> Self {
        let names = match login.url().scheme() {
            _ if is_this_machine(login) => return Self { proxy: None },
            "https" => ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"],
            _ => ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"],
        };
        let named = names.into_iter().find_map(|name| Some((name, account::environment(name)?)));
        Self { proxy: named }
    }

    /// What there is to say about it; a password in it is not said.
    pub fn finding(&self) -> Finding {
        let Some((name, value)) = &self.proxy else { return Finding::well("proxy", "none") };
        let whole = if value.contains("://") { value.clone() } else { format!("http://{value}") };
        match Url::parse(&whole) {
            Ok(url) if url.has_host() => {
                let host = url.host_str().unwrap_or_default();
                let port = url.port_or_known_default().unwrap_or_default();
                Finding::well("proxy", format!("{name} names {}://{host}:{port}", url.scheme()))
            }
            _ => Finding::here(
                "proxy",
                format!("{name} is no URL"),
                "it is like http://proxy.example.com:3128",
            ),
        }
    }

    /// A step that fails without the proxy may succeed behind it.
    fn judge(&self, about: &'static str, seen: String, advice: &'static str) -> Finding {
        match self.proxy {
            Some(_) => Finding::odd(about, seen, "the proxy may know better"),
            None => Finding::there(about, seen, advice),
        }
    }
}

fn is_this_machine(login: &LoginUrl) -> bool {
    let host = login.host().trim_matches(['[', ']']);
    let is_address = host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    is_address || host == "localhost" || host.ends_with(".localhost")
}

/// Names, connections, and what answers; what cannot be after a failure is not tried.
pub async fn network(
    login: &LoginUrl,
    way: &Way,
    authorities: &[Certificate],
    say: &mut impl FnMut(Finding),
) {
    let addresses = names(login, way, say).await;
    let is_there = connection(&addresses, way, say).await;
    if is_there || way.proxy.is_some() {
        answer(login, authorities, say).await;
    }
}

async fn names(login: &LoginUrl, way: &Way, say: &mut impl FnMut(Finding)) -> Vec<SocketAddr> {
    let host = login.host().trim_matches(['[', ']']).to_owned();
    let port = login.url().port_or_known_default().unwrap_or(443);
    let found = timeout(PATIENCE, lookup_host((host.as_str(), port))).await;
    let addresses: Vec<SocketAddr> = found.ok().and_then(Result::ok).into_iter().flatten().collect();
    match addresses.first() {
        Some(first) => say(Finding::well("dns", format!("{host} is {}", first.ip()))),
        None => {
            say(way.judge(
                "dns",
                format!("{host} has no address"),
                "check the spelling, the network and the name server",
            ));
        }
    }
    addresses
}

async fn connection(addresses: &[SocketAddr], way: &Way, say: &mut impl FnMut(Finding)) -> bool {
    for address in addresses {
        if let Ok(Ok(_stream)) = timeout(PATIENCE, TcpStream::connect(address)).await {
            say(Finding::well("tcp", format!("{address} accepts connections")));
            return true;
        }
    }
    if let Some(address) = addresses.first() {
        let seen = format!("{address} accepts no connection");
        say(way.judge("tcp", seen, "check the port, the firewall and whether the host is up"));
    }
    false
}

/// Asks for a sign-in without a name, and looks at what comes back.
async fn answer(login: &LoginUrl, authorities: &[Certificate], say: &mut impl FnMut(Finding)) {
    let builder = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).timeout(PATIENCE);
    let builder = builder.tls_certs_merge(authorities.iter().cloned());
    let builder = if is_this_machine(login) { builder.no_proxy() } else { builder };
    let request = match builder.build() {
        Ok(http) => http.post(login.at(SIGN_IN)).header(CONTENT_TYPE, "application/json"),
        Err(error) => {
            return say(Finding::here(
                "tls",
                words(&error),
                "set SSL_CERT_FILE to the authorities of this machine",
            ));
        }
    };
    match request.header(ACCEPT, "application/json").body("{}").send().await {
        Ok(response) => {
            let tls = if login.url().scheme() == "https" { "the certificate is good" } else { "not used" };
            say(Finding::well("tls", tls));
            say(clock(text(&response, &DATE).and_then(Timestamp::parse_http_date), SystemClock.now()));
            say(host(response).await);
        }
        Err(error) => say(silence(&error)),
    }
}

fn silence(error: &reqwest::Error) -> Finding {
    let words = words(error);
    let has = |word: &str| words.to_ascii_lowercase().contains(word);
    if has("certificate") {
        return Finding::there(
            "tls",
            words,
            "name your company's authority with --cacert if it has one of its own",
        );
    }
    if error.is_timeout() {
        return Finding::there("http", "no answer in time", "check the proxy and the firewall");
    }
    if error.is_connect() {
        return Finding::there("tls", words, "check the scheme, the port and the proxy");
    }
    Finding::there("http", words, "check that the port belongs to a login host")
}

/// The last cause says what happened.
fn words(error: &reqwest::Error) -> String {
    let causes = std::iter::successors(Some(error as &dyn Error), |cause| (*cause).source());
    causes.last().map(ToString::to_string).unwrap_or_default()
}

fn clock(theirs: Option<Timestamp>, ours: Timestamp) -> Finding {
    let Some(theirs) = theirs else {
        return Finding::odd("clock", "the host says no time", "compare the clocks by hand");
    };
    let (ahead, behind) = (ours.since(theirs), theirs.since(ours));
    let skew = ahead.max(behind);
    if skew <= SKEW {
        return Finding::well("clock", "agrees with the host's");
    }
    let way = if ahead > behind { "ahead of" } else { "behind" };
    Finding::odd(
        "clock",
        format!("{} minutes {way} the host's", skew.as_secs().div_ceil(60)),
        "set the clock; tokens look expired or early to others",
    )
}

async fn host(response: Response) -> Finding {
    let status = response.status();
    let is_page = text(&response, &CONTENT_TYPE).is_some_and(|kind| kind.contains("html"));
    let elsewhere =
        status.is_redirection().then(|| text(&response, &LOCATION).unwrap_or_default().to_owned());
    let Ok(body) = response.bytes().await else {
        return Finding::there("host", "its answer was cut short", "check the proxy, or try again");
    };
    let is_json = serde_json::from_slice::<serde_json::Value>(&body).is_ok_and(|body| body.is_object());
    if let Some(elsewhere) = elsewhere {
        return Finding::here(
            "host",
            format!("it sends elsewhere: {}", plain(&elsewhere)),
            "use that address, if it is a login host",
        );
    }
    match status {
        StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
            Finding::there("host", "the proxy wants a password", "put name and password into HTTPS_PROXY")
        }
        StatusCode::TOO_MANY_REQUESTS => Finding::odd("host", "it is busy", "try again in a minute"),
        _ if is_page => Finding::here(
            "host",
            format!("a web page answers ({})", status.as_u16()),
            "this is no login host, or a proxy's page",
        ),
        StatusCode::NOT_FOUND => {
            Finding::here("host", "it takes no sign-in (404)", "this is no login host: check the address")
        }
        _ if status.is_server_error() => {
            Finding::there("host", format!("it fails ({})", status.as_u16()), "try again later")
        }
        _ if is_json => Finding::well("host", "it takes sign-ins"),
        _ => Finding::here(
            "host",
            format!("it answers no JSON ({})", status.as_u16()),
            "this is no login host: check the address",
        ),
    }
}

fn text<'a>(response: &'a Response, name: &reqwest::header::HeaderName) -> Option<&'a str> {
    response.headers().get(name)?.to_str().ok()
}

/// What somebody else wrote, fit for one line.
fn plain(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use client::Plain;

    #[test]
    fn an_address_that_is_no_login_host_is_noticed() {
        for (url, said) in [
            ("https://dm-us.informaticacloud.com", "ok    address  https://dm-us.informaticacloud.com"),
            (
                "https://usw1.dm-us.informaticacloud.com",
                "warn  address  https://usw1.dm-us.informaticacloud.com looks like a pod; the login host is like https://dm-us.informaticacloud.com",
            ),
            (
                "https://dm-eu.informaticacloud.com",
                "warn  address  https://dm-eu.informaticacloud.com is no known region; `latchkey region list` shows the regions",
            ),
            (
                "https://a.example/saas",
                "warn  address  https://a.example/saas has a path; the login host has none; the base URL is not the login host",
            ),
        ] {
            assert_eq!(address(&LoginUrl::parse(url, Plain::Loopback).unwrap()).to_string(), said);
        }
    }

    #[test]
    fn a_proxys_password_is_not_said() {
        for (value, said) in [
            (
                "http://ada:pw@proxy.example:3128",
                "ok    proxy    HTTPS_PROXY names http://proxy.example:3128",
            ),
            ("proxy.example", "ok    proxy    HTTPS_PROXY names http://proxy.example:80"),
            ("a b:pw", "fail  proxy    HTTPS_PROXY is no URL; it is like http://proxy.example.com:3128"),
        ] {
            let way = Way { proxy: Some(("HTTPS_PROXY", value.to_owned())) };
            assert_eq!(way.finding().to_string(), said);
        }
    }

    #[test]
    fn clocks_are_compared_both_ways() {
        let ours = Timestamp::from_seconds(1_000_000);
        let of = |seconds: i64| clock(Some(Timestamp::from_seconds(1_000_000 + seconds)), ours).to_string();
        assert_eq!(of(59), "ok    clock    agrees with the host's");
        assert!(of(-600).starts_with("warn  clock    10 minutes ahead of the host's; "));
        assert!(of(3600).starts_with("warn  clock    60 minutes behind the host's; "));
    }
}
