//! What the door for SAML costs beside the least that it could, one parse of the message and one bare verification, and
//! beside the other parts that it is made of.

use std::hint::black_box;
use std::time::Duration;

use anyhow::{anyhow, ensure};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::{KeyPair as _, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256};
use base64::Engine;
use base64::engine::{GeneralPurposeConfig, Simd};
use base64::prelude::BASE64_STANDARD;
use bergshamra_c14n::{C14nMode, canonicalize_doc};
use domain::method::saml::{Taker, judge};
use domain::saml::provider::{Draft, Provider};
use domain::saml::service::Service;
use domain::time::Timestamp;
use rcgen::{CertificateParams, PKCS_RSA_SHA256, RsaKeySize};
use uppsala::parser::Parser;
use wire::{IdentityProviderId, OrgId, Secret};

use crate::limits::{Limit, repeat};

/// 2026-01-15T10:30:00Z, when the message is brought.
const NOW: Timestamp = Timestamp::from_seconds(1_768_473_000);
const ISSUER: &str = "https://idp.acme.test/saml";
const ENTITY: &str = "https://acme.latchkey.test";
const ACS: &str = "https://latchkey.test/identity-service/acs/acme";

/// How long a message is, in bytes.
const LENGTH: usize = 8 * 1024;

/// The door, its two limits, and what else it cannot do without, each done over and over.
pub struct Saml {
    pub door: Limit,
    pub parse: Limit,
    pub verify: Limit,
    pub base64: Limit,
    pub canonical: Limit,
    pub digest: Limit,
}

impl Saml {
    /// Measures each for `duration`, on one message.
    pub fn measure(duration: Duration) -> anyhow::Result<Self> {
        let example = Example::made()?;
        let door = repeat(duration, || example.judged())?;
        let parse = repeat(duration, || example.parsed())?;
        let verify = repeat(duration, || example.verified())?;
        let (message, token) = (&example.signed.message, &example.token);
        let simd = Simd::standard(GeneralPurposeConfig::new());
        let base64 = repeat(duration, || Ok(simd.decode(token.expose()).map(drop)?))?;
        let document = Parser::new().parse(message).map_err(|error| anyhow!("not parsed: {error}"))?;
        let canonical = repeat(duration, || {
            let done = canonicalize_doc::<&str>(&document, C14nMode::Exclusive, None, &[]);
            done.map(drop).map_err(|error| anyhow!("not made canonical: {error}"))
        })?;
        let digest = repeat(duration, || {
            black_box(digest(&SHA256, message.as_bytes()));
            Ok(())
        })?;
        Ok(Self { door, parse, verify, base64, canonical, digest })
    }

    /// What the door costs, and what the two limits cost together, in microseconds of CPU.
    pub fn microseconds(&self) -> (f64, f64) {
        let cost = |limit: &Limit| 1e6 / limit.per_cpu_second;
        (cost(&self.door), cost(&self.parse) + cost(&self.verify))
    }
}

/// One message signed with RSA-2048, and what it is judged by.
pub struct Example {
    provider: Provider,
    service: Service,
    token: Secret,
    signed: Signed,
    public: ParsedPublicKey,
}

impl Example {
    /// Signed with a key that is made for it.
    pub fn made() -> anyhow::Result<Self> {
        let made = rcgen::KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048)?;
        let key = KeyPair::from_pkcs8(&made.serialize_der())?;
        let provider = provider(CertificateParams::default().self_signed(&made)?.pem())?;
        let signed = Signed::by(&key)?;
        let length = signed.message.len();
        ensure!(length.abs_diff(LENGTH) < 100, "the message has {length} bytes");
        let service = Service { entity_id: ENTITY.into(), acs: ACS.into(), slo: String::new() };
        let token = Secret::new(BASE64_STANDARD.encode(&signed.message));
        let public = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.public_key().as_ref())?;
        Ok(Self { provider, service, token, signed, public })
    }

    /// By the door, from its Base64 until it is known what it says.
    pub fn judged(&self) -> anyhow::Result<()> {
        judge(&self.provider, &self.service, &Taker::Program, NOW, &self.token)
            .map(drop)
            .map_err(|reason| anyhow!("refused: {reason:?}"))
    }

    fn parsed(&self) -> anyhow::Result<()> {
        Parser::new().parse(&self.signed.message).map(drop).map_err(|error| anyhow!("not parsed: {error}"))
    }

    /// Its signature alone, over what it is over.
    pub fn verified(&self) -> anyhow::Result<()> {
        Ok(self.public.verify_sig(self.signed.info.as_bytes(), &self.signed.signature)?)
    }
}

fn provider(certificate: String) -> anyhow::Result<Provider> {
    let draft = Draft { issuer: ISSUER.into(), certificates: vec![certificate], ..Draft::default() };
    let (id, org) = (IdentityProviderId::from_bits(1), OrgId::from_bits(1));
    Ok(Provider { id, org, terms: draft.try_into()?, created_at: NOW, updated_at: NOW })
}

/// A response whose assertion is signed.
struct Signed {
    message: String,
    /// What the signature is over, in its canonical form.
    info: String,
    signature: Vec<u8>,
}

impl Signed {
    /// All of it is written in its canonical form, so that nothing has to be brought into one.
    fn by(key: &KeyPair) -> anyhow::Result<Self> {
        let [before, behind] = assertion();
        let hash = BASE64_STANDARD.encode(digest(&SHA256, format!("{before}{behind}").as_bytes()));
        let info = signed_info(&hash);
        let mut signature = vec![0; key.public_modulus_len()];
        key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), info.as_bytes(), &mut signature)?;
        let value = BASE64_STANDARD.encode(&signature);
        let message = format!(
            r#"<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" Destination="{ACS}" ID="_r" IssueInstant="2026-01-15T10:29:55Z" Version="2.0"><samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"></samlp:StatusCode></samlp:Status>{before}<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#">{info}<ds:SignatureValue>{value}</ds:SignatureValue></ds:Signature>{behind}</samlp:Response>"#
        );
        Ok(Self { message, info, signature })
    }
}

/// An assertion in front of its signature and behind it, with the groups that make it long.
fn assertion() -> [String; 2] {
    let groups: String = (0..82)
        .map(|group| format!("<saml:AttributeValue>Group {group:03} of the directory</saml:AttributeValue>"))
        .collect();
    let before = format!(
        r#"<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_a" IssueInstant="2026-01-15T10:29:55Z" Version="2.0"><saml:Issuer>{ISSUER}</saml:Issuer>"#
    );
    let behind = format!(
        r#"<saml:Subject><saml:NameID>saml.sam</saml:NameID><saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData NotOnOrAfter="2026-01-15T10:35:00Z" Recipient="{ACS}"></saml:SubjectConfirmationData></saml:SubjectConfirmation></saml:Subject><saml:Conditions NotBefore="2026-01-15T10:29:00Z" NotOnOrAfter="2026-01-15T10:35:00Z"><saml:AudienceRestriction><saml:Audience>{ENTITY}</saml:Audience></saml:AudienceRestriction></saml:Conditions><saml:AuthnStatement AuthnInstant="2026-01-15T10:29:55Z" SessionIndex="_s"><saml:AuthnContext><saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement><saml:AttributeStatement><saml:Attribute Name="groups">{groups}</saml:Attribute></saml:AttributeStatement></saml:Assertion>"#
    );
    [before, behind]
}

fn signed_info(hash: &str) -> String {
    format!(
        r##"<ds:SignedInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"></ds:CanonicalizationMethod><ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"></ds:SignatureMethod><ds:Reference URI="#_a"><ds:Transforms><ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"></ds:Transform><ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"></ds:Transform></ds:Transforms><ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"></ds:DigestMethod><ds:DigestValue>{hash}</ds:DigestValue></ds:Reference></ds:SignedInfo>"##
    )
}
