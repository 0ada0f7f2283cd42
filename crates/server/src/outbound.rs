//! The one way out: fetches the key sets of identity providers, bounded, kept, and only from where it may.

use crate::config::Federation;
use async_trait::async_trait;
use domain::key_set::{KeySet, KeySetUrl, KeySets, NoKeySet};
use domain::time::{Clock, Timestamp};
use quick_cache::sync::Cache;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Certificate, Client, Url, redirect};
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;
use thiserror::Error;

/// For how long a key set is used without another look.
const FRESH: Duration = Duration::from_secs(5 * 60);

/// For how long it is used while another look is under way; then the look is waited for.
const DATED: Duration = Duration::from_secs(15 * 60);

/// For how long it is used while nobody answers: a key that was withdrawn is trusted for at most this long.
const STALE: Duration = Duration::from_secs(60 * 60);

/// How often a URL is asked, whatever tokens say.
const PAUSE: Duration = Duration::from_secs(60);

/// How long an answer may take, whole.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long an answer may be.
const LONGEST: usize = 64 * 1024;

/// URLs whose key sets are kept: 64 MiB if every one is as long as it may be.
const URLS: usize = 1_024;

/// Why nothing can be fetched.
#[derive(Debug, Error)]
pub enum OutboundError {
    /// The file of authorities cannot be read.
    #[error("the file cannot be read")]
    Unreadable(#[from] std::io::Error),
    /// What is in the file are no certificates.
    #[error("the file holds something other than certificates")]
    Tls(#[from] reqwest::Error),
    /// There is nothing in the file.
    #[error("the file holds no certificate")]
    Empty,
}

/// Why a key set was not fetched; for the log alone.
#[derive(Debug, Error)]
enum NotFetched {
    #[error("the URL may not be asked: it is in the clear, or of the inner network")]
    NotAllowed,
    #[error("{0}")]
    Http(#[from] reqwest::Error),
    #[error("the status is {0}")]
    Status(u16),
    #[error("the answer is longer than {LONGEST} bytes")]
    TooLong,
    #[error(transparent)]
    NotAKeySet(#[from] domain::key_set::NotAKeySet),
}

/// Fetches key sets and keeps them.
pub struct Outbound(Arc<Inner>);

struct Inner {
    http: OnceLock<Client>,
    authorities: Vec<Certificate>,
    inner_hosts: Arc<BTreeSet<String>>,
    plain_http: bool,
    clock: Arc<dyn Clock>,
    slots: Cache<KeySetUrl, Arc<Slot>>,
}

/// What is known of one URL.
struct Slot {
    kept: RwLock<Option<Kept>>,
    asked_at: AtomicI64,
    asking: tokio::sync::Mutex<()>,
}

#[derive(Clone)]
struct Kept {
    set: Arc<KeySet>,
    at: Timestamp,
}

impl Outbound {
    /// What an operator allows, and nothing opened yet: a machine without authorities of its own must start all the same.
    pub fn new(settings: &Federation, clock: Arc<dyn Clock>) -> Result<Self, OutboundError> {
        let hosts = settings.inner_hosts.iter().map(|host| host.to_ascii_lowercase());
        let authorities = match &settings.authorities {
            Some(path) => Certificate::from_pem_bundle(&std::fs::read(path)?)?,
            None => Vec::new(),
        };
        if settings.authorities.is_some() && authorities.is_empty() {
            return Err(OutboundError::Empty);
        }
        Ok(Self(Arc::new(Inner {
            http: OnceLock::new(),
            authorities,
            inner_hosts: Arc::new(hosts.collect()),
            plain_http: settings.plain_http,
            clock,
            slots: Cache::new(URLS),
        })))
    }
}

#[async_trait]
impl KeySets for Outbound {
    async fn key_set(&self, url: &KeySetUrl, kid: &str) -> Result<Arc<KeySet>, NoKeySet> {
        let inner = &self.0;
        let (slot, now) = (inner.slot(url), inner.clock.now());
        let kept = slot.kept().filter(|kept| now.since(kept.at) < STALE);
        match kept {
            Some(kept) if !kept.set.has(kid) || now.since(kept.at) >= DATED => {
                Ok(inner.ask_again(url, &slot).await.unwrap_or(kept).set)
            }
            Some(kept) => {
                if now.since(kept.at) >= FRESH && slot.asking.try_lock().is_ok() {
                    let (inner, url) = (Arc::clone(inner), url.clone());
                    // Nobody waits for it: what is kept will do until it is there.
                    drop(tokio::spawn(async move { inner.ask_again(&url, &slot).await.map(drop) }));
                }
                Ok(kept.set)
            }
            None => inner.ask_again(url, &slot).await.map(|kept| kept.set).ok_or(NoKeySet),
        }
    }
}

impl Slot {
    fn kept(&self) -> Option<Kept> {
        self.kept.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Inner {
    fn http(&self) -> Result<&Client, reqwest::Error> {
        match self.http.get() {
            Some(http) => Ok(http),
            None => {
                let http = self.open()?;
                Ok(self.http.get_or_init(|| http))
            }
        }
    }

    /// No proxy: it would resolve names in our place, and to wherever it likes. No redirects: they would lead elsewhere.
    fn open(&self) -> Result<Client, reqwest::Error> {
        Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .https_only(!self.plain_http)
            .timeout(PATIENCE)
            // It is asked so rarely that a connection would only wait for its end.
            .pool_max_idle_per_host(0)
            .user_agent(concat!("latchkey/", env!("CARGO_PKG_VERSION")))
            .dns_resolver(Outside(Arc::clone(&self.inner_hosts)))
            .tls_certs_merge(self.authorities.iter().cloned())
            .build()
    }

    fn slot(&self, url: &KeySetUrl) -> Arc<Slot> {
        let new = || {
            let asked_at = AtomicI64::new(i64::MIN);
            Ok::<_, std::convert::Infallible>(Arc::new(Slot {
                kept: RwLock::default(),
                asked_at,
                asking: tokio::sync::Mutex::new(()),
            }))
        };
        let Ok(slot) = self.slots.get_or_insert_with(url, new);
        slot
    }

    /// Asks, one at a time and not often; hands back what was fetched within the pause, by this call or another.
    async fn ask_again(&self, url: &KeySetUrl, slot: &Slot) -> Option<Kept> {
        let _one_at_a_time = slot.asking.lock().await;
        let now = self.clock.now();
        let asked_at = Timestamp::from_micros(slot.asked_at.load(Ordering::SeqCst));
        if asked_at + PAUSE > now && asked_at <= now {
            return slot.kept().filter(|kept| kept.at >= asked_at);
        }
        slot.asked_at.store(now.as_micros(), Ordering::SeqCst);
        match self.fetch(url).await {
            Ok(set) => {
                let kept = Kept { set: Arc::new(set), at: now };
                *slot.kept.write().unwrap_or_else(PoisonError::into_inner) = Some(kept.clone());
                Some(kept)
            }
            Err(error) => {
                tracing::warn!(url = url.as_str(), %error, "a key set could not be fetched");
                None
            }
        }
    }

    async fn fetch(&self, url: &KeySetUrl) -> Result<KeySet, NotFetched> {
        let url = Url::parse(url.as_str()).map_err(|_| NotFetched::NotAllowed)?;
        if !self.may_ask(&url) {
            return Err(NotFetched::NotAllowed);
        }
        let mut answer = self.http()?.get(url).header("accept", "application/json").send().await?;
        if answer.status() != reqwest::StatusCode::OK {
            return Err(NotFetched::Status(answer.status().as_u16()));
        }
        let mut text = Vec::new();
        while let Some(part) = answer.chunk().await? {
            if text.len() + part.len() > LONGEST {
                return Err(NotFetched::TooLong);
            }
            text.extend_from_slice(&part);
        }
        Ok(KeySet::read(&text)?)
    }

    /// Judges the URL as the library reads it. An address in it is not resolved, so it is judged here.
    fn may_ask(&self, url: &Url) -> bool {
        let host = url.host_str().unwrap_or_default();
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        let is_outside = address.map_or(!host.is_empty(), is_public);
        let is_secure = url.scheme() == "https" || (url.scheme() == "http" && self.plain_http);
        is_secure && (is_outside || self.inner_hosts.contains(host))
    }
}

/// Resolves names to addresses of the outside, once, and the connection goes to these very addresses.
struct Outside(Arc<BTreeSet<String>>);

impl Resolve for Outside {
    fn resolve(&self, name: Name) -> Resolving {
        let may_be_inner = self.0.contains(&name.as_str().to_ascii_lowercase());
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let fit: Vec<_> = found.filter(|found| may_be_inner || is_public(found.ip())).collect();
            if fit.is_empty() {
                return Err("the name has no address outside".into());
            }
            Ok(Box::new(fit.into_iter()) as Addrs)
        })
    }
}

/// Whether an address is one of the internet, and of nobody's inner network (RFC 6890).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_shared = a == 100 && (64..128).contains(&b);
    let is_of_protocols = (a, b, c) == (192, 0, 0) || (a == 198 && (18..20).contains(&b));
    let is_special = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || a == 0
        || a >= 224;
    !is_special && !is_shared && !is_of_protocols
}

/// Only what is given out (2000::/3), without what carries an IPv4 address inside or is for documents.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, ..] = address.segments();
    let is_given_out = a & 0xe000 == 0x2000;
    let is_special =
        (a == 0x2001 && (b < 0x0200 || b == 0x0db8)) || a == 0x2002 || (a == 0x3fff && b < 0x1000);
    is_given_out && !is_special
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inner_addresses_are_told_from_outer_ones() {
        for inner in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "0.1.2.3",
            "192.0.0.8",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "::ffff:10.0.0.1",
            "::ffff:8.8.8.8",
            "fe80::1",
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
            "64:ff9b::a00:1",
            "2002:a00:1::",
            "2001:db8::1",
            "2001::1",
        ] {
            assert!(!is_public(inner.parse().unwrap()), "{inner}");
        }
        for outer in ["8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2001:4860:4860::8888"] {
            assert!(is_public(outer.parse().unwrap()), "{outer}");
        }
    }

    struct Never;
    impl Clock for Never {
        fn now(&self) -> Timestamp {
            Timestamp::default()
        }
    }

    #[test]
    fn a_file_without_certificates_is_no_file_of_authorities() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "not a certificate").unwrap();
        for path in [file.path(), std::path::Path::new("/nowhere")] {
            let settings = Federation { authorities: Some(path.to_owned()), ..Federation::default() };
            assert!(Outbound::new(&settings, Arc::new(Never)).is_err(), "{}", path.display());
        }
    }

    #[test]
    fn a_url_is_judged_as_it_is_read() {
        let outbound = |inner_hosts: &[&str], plain_http| {
            let inner_hosts = inner_hosts.iter().map(|host| (*host).to_owned()).collect();
            let settings = Federation { inner_hosts, plain_http, ..Federation::default() };
            Outbound::new(&settings, Arc::new(Never)).unwrap()
        };
        let may = |outbound: &Outbound, url: &str| outbound.0.may_ask(&Url::parse(url).unwrap());
        let usual = outbound(&[], false);
        assert!(may(&usual, "https://idp.example.com/keys") && may(&usual, "https://8.8.8.8/keys"));
        for url in [
            "http://idp.example.com/keys",
            "https://127.0.0.1/",
            "https://0x7f.1/",
            "https://2130706433/",
            "https://[::1]/",
            "https://[::ffff:127.0.0.1]/",
            "https://169.254.169.254/latest",
        ] {
            assert!(!may(&usual, url), "{url}");
        }
        let allowed = outbound(&["127.0.0.1"], true);
        assert!(may(&allowed, "http://127.0.0.1:8080/keys") && !may(&allowed, "http://127.0.0.2/keys"));
    }
}
