//! What strangers hand in, judged without a store: the targets of `just fuzz`, and of crates/domain/tests/bent.rs.
//!
//! Each takes any bytes and panics when a rule is broken. The corpus is what a neighbouring identity provider signed; a
//! message may say what a file of the corpus says, and nothing else can be signed.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use domain::cx::Federation;
use domain::identity_provider::{self, IdentityProvider};
use domain::key_set::KeySet;
use domain::method::saml::{Delivered, Kind, Taker};
use domain::method::{bearer, saml};
use domain::saml::provider::{self, Provider};
use domain::saml::service::Service;
use domain::time::Timestamp;
use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::LazyLock;
use wire::scim::filter;
use wire::{IdentityProviderId, OrgId, Secret};

/// 2026-01-15T10:30:00Z, when the corpus was made.
const NOW: Timestamp = Timestamp::from_seconds(1_768_473_000);
const ORG: &str = "5mYdXw9KcJhaf3LrN8pQ2v";
const HOST: &str = "dm-us.latchkey.test";

/// A file of the corpus.
pub struct File {
    /// Its name without the extension: what must happen, two hyphens, how.
    pub name: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// The files of one kind, `saml/xml` or `jwt/jwt`, by name.
pub fn corpus(folder: &str, extension: &str) -> Vec<File> {
    let paths = std::fs::read_dir(vectors().join(folder)).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .map(|path| File {
            name: path.file_stem().unwrap().to_str().unwrap().to_owned(),
            bytes: std::fs::read(path).unwrap(),
        })
        .collect();
    files.sort_by(|one, other| one.name.cmp(&other.name));
    files
}

/// Found from the crate whose target this is: `fuzz` or `crates/domain`.
fn vectors() -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let root = folder
        .ancestors()
        .find(|folder| folder.join("Cargo.lock").exists() && folder.join("crates").exists());
    root.unwrap().join("crates/server/tests/vectors")
}

/// What a SAML message says, if anything; it is what a file of the corpus says, whole.
pub fn saml(message: &[u8]) -> Option<String> {
    static KNOWN: LazyLock<HashSet<String>> = LazyLock::new(|| {
        let files = corpus("saml", "xml").into_iter().chain(corpus("saml/arrivals", "xml"));
        files.flat_map(|file| saml_may_say(&file.bytes)).collect()
    });
    let said = saml_says(message);
    assert!(said.iter().all(|said| KNOWN.contains(said)), "accepted, and nobody signed it: {said:?}");
    said
}

/// What a file may say however it is bent: what it says, and what its signed assertion says in another envelope or
/// without comments, since neither is signed.
pub fn saml_may_say(message: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(message);
    let mut plain = String::new();
    for (index, part) in text.split("<!--").enumerate() {
        plain.push_str(if index == 0 { part } else { part.split_once("-->").map_or("", |(_, rest)| rest) });
    }
    let moved = [&*text, &plain].map(|text| {
        let (_, rest) = text.split_once("<saml:Assertion")?;
        let (assertion, _) = rest.rsplit_once("</saml:Assertion>")?;
        saml_says(
            format!("{ENVELOPE}<saml:Assertion{assertion}</saml:Assertion></samlp:Response>").as_bytes(),
        )
    });
    [saml_says(message)].into_iter().chain(moved).flatten().collect()
}

/// How a response begins that nobody objects to.
const ENVELOPE: &str = r#"<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_moved" Version="2.0"><samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status>"#;

fn saml_says(message: &[u8]) -> Option<String> {
    static TRUSTED: LazyLock<(Provider, Service)> =
        LazyLock::new(|| saml_provider(&["rsa", "next", "p256", "p384"]));
    let (provider, service) = &*TRUSTED;
    let message = Secret::new(BASE64_STANDARD.encode(message));
    let said = saml::judge(provider, service, &Taker::Program, NOW, &message);
    said.ok().map(|said| format!("{said:?}"))
}

/// What a message of a single logout says, if anything; it is what a file of the corpus says, whole.
pub fn logout(message: &[u8]) -> Option<String> {
    static KNOWN: LazyLock<HashSet<String>> =
        LazyLock::new(|| logouts().iter().filter_map(|file| logout_says(&file.bytes)).collect());
    let said = logout_says(message);
    assert!(said.iter().all(|said| KNOWN.contains(said)), "accepted, and nobody signed it: {said:?}");
    said
}

/// The corpus of single logouts: requests and answers, out of forms and out of URLs.
pub fn logouts() -> Vec<File> {
    ["saml/logout", "saml/logout/answers"]
        .into_iter()
        .flat_map(|folder| ["xml", "query"].map(|extension| corpus(folder, extension)))
        .flatten()
        .collect()
}

/// As what it says in a form, as a request or as an answer, or else in a URL.
fn logout_says(message: &[u8]) -> Option<String> {
    static TRUSTED: LazyLock<(Provider, Service)> =
        LazyLock::new(|| saml_provider(&["logout/logout", "logout/logout-p256"]));
    let (provider, service) = &*TRUSTED;
    let in_form = |kind| Some(Delivered::in_form(kind, Secret::new(BASE64_STANDARD.encode(message)), None));
    let in_url = std::str::from_utf8(message).ok().and_then(Delivered::in_url);
    let all = [in_form(Kind::Request), in_form(Kind::Response), in_url].into_iter().flatten();
    let mut said = all.filter_map(|delivered| {
        let said = saml::logout::judge(provider, service, NOW, &delivered).ok()?;
        Some(format!("{:?}: {said:?}", delivered.kind()))
    });
    said.next()
}

fn saml_provider(keys: &[&str]) -> (Provider, Service) {
    let pem = |name: &&str| std::fs::read_to_string(vectors().join(format!("saml/{name}.pem"))).unwrap();
    let draft = provider::Draft {
        issuer: "https://idp.acme.test/saml".to_owned(),
        certificates: keys.iter().map(pem).collect(),
        ..provider::Draft::default()
    };
    let org: OrgId = ORG.parse().unwrap();
    let terms = draft.try_into().unwrap();
    let id = IdentityProviderId::from_bits(1);
    let base = format!("https://{HOST}/identity-service");
    let service = Service {
        entity_id: format!("https://{ORG}.{HOST}"),
        acs: format!("{base}/acs/{ORG}"),
        slo: format!("{base}/slo/{ORG}"),
    };
    (Provider { id, org, terms, created_at: NOW, updated_at: NOW }, service)
}

/// What a JWT says, if anything; it is what a file of the corpus says, whole.
pub fn jwt(token: &[u8]) -> Option<String> {
    static KNOWN: LazyLock<HashSet<String>> =
        LazyLock::new(|| corpus("jwt", "jwt").iter().filter_map(|file| jwt_says(&file.bytes)).collect());
    let said = jwt_says(token);
    assert!(said.iter().all(|said| KNOWN.contains(said)), "accepted, and nobody signed it: {said:?}");
    said
}

fn jwt_says(token: &[u8]) -> Option<String> {
    static TRUSTED: LazyLock<(Vec<IdentityProvider>, KeySet)> = LazyLock::new(|| {
        let keys = std::fs::read(vectors().join("jwt/keys.json")).unwrap();
        (ALGORITHMS.map(jwt_provider).into(), KeySet::read(&keys).unwrap())
    });
    let (providers, keys) = &*TRUSTED;
    let federation = Federation { host: HOST.to_owned(), vendor_rules: false, plain_http: false };
    let token = Secret::new(std::str::from_utf8(token).ok()?);
    bearer::judge(providers, &federation, keys, NOW, &token).ok().map(|said| format!("{said:?}"))
}

const ALGORITHMS: [&str; 10] =
    ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"];

fn jwt_provider(algorithm: &str) -> IdentityProvider {
    let draft = identity_provider::Draft {
        issuer: format!("https://idp.acme.test/{}", algorithm.to_lowercase()),
        keys: "https://idp.acme.test/keys".to_owned(),
        algorithm: algorithm.to_owned(),
        token_claim: "sub".to_owned(),
        match_type: "aliasName".to_owned(),
        aliases: Vec::new(),
        audience: None,
    };
    let (id, org, terms) =
        (IdentityProviderId::from_bits(1), ORG.parse().unwrap(), draft.try_into().unwrap());
    IdentityProvider { id, org, terms, created_at: NOW, updated_at: NOW }
}

/// Reads a SCIM filter and the path of a PATCH; what was read as a filter is one when it is written again.
pub fn scim(text: &[u8]) {
    let Ok(text) = std::str::from_utf8(text) else { return };
    let _path = filter::path(text);
    let Ok(read) = filter::filter(text) else { return };
    let written = read.to_string();
    // Written out in full it may be longer than is read, and a long fraction is not kept to its last digit.
    let again = filter::filter(&written);
    assert!(written.len() > filter::LONGEST || again.is_ok(), "{text}: {written}: {again:?}");
}
