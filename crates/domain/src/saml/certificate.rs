//! Certificates of identity providers. They carry a key; who issued them and until when is for nobody to judge here.

use aws_lc_rs::digest;
use aws_lc_rs::rsa::PublicEncryptingKey;
use aws_lc_rs::signature::{ParsedPublicKey, VerificationAlgorithm};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bergshamra_keys::{Key, loader};
use std::fmt::{self, Write};
use std::str::FromStr;
use std::sync::OnceLock;

/// The longest certificate that is read, in characters.
const LONGEST: usize = 16_000;

/// The shortest RSA key that is trusted, and the longest that is used, in bits.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2_048..=8_192;

/// A certificate whose key can verify.
#[derive(Clone)]
pub struct Certificate {
    der: Vec<u8>,
    key: Key,
    /// The key as the first algorithm that was asked for takes it. A provider signs with one.
    parsed: OnceLock<ParsedPublicKey>,
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der
    }
}

impl Eq for Certificate {}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({})", self.fingerprint())
    }
}

/// This text is no certificate with a key that is trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a certificate is X.509 in PEM or Base64, with an RSA key of 2,048 to 8,192 bits or one on P-256, P-384 or P-521"
)]
pub struct NotACertificate;

impl FromStr for Certificate {
    type Err = NotACertificate;

    fn from_str(text: &str) -> Result<Self, NotACertificate> {
        if text.len() > LONGEST {
            return Err(NotACertificate);
        }
        let der = der(text).ok_or(NotACertificate)?;
        let key = loader::load_x509_cert_der(&der).map_err(|_| NotACertificate)?;
        let is_trusted = match key.algorithm_name() {
            "RSA" => {
                let key = key.to_spki_der().and_then(|der| PublicEncryptingKey::from_der(&der).ok());
                key.is_some_and(|key| RSA_BITS.contains(&key.key_size_bits()))
            }
            "EC-P256" | "EC-P384" | "EC-P521" => true,
            _ => false,
        };
        if is_trusted { Ok(Self { der, key, parsed: OnceLock::new() }) } else { Err(NotACertificate) }
    }
}

/// The bytes in PEM, or in Base64 as metadata has them.
fn der(text: &str) -> Option<Vec<u8>> {
    let text = text.trim();
    let body = match text.strip_prefix("-----BEGIN CERTIFICATE-----") {
        Some(rest) => rest.strip_suffix("-----END CERTIFICATE-----")?,
        None => text,
    };
    let body: String = body.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    BASE64_STANDARD.decode(body).ok()
}

impl Certificate {
    /// In PEM (RFC 7468).
    pub fn pem(&self) -> String {
        pem_of("CERTIFICATE", &self.der)
    }

    /// SHA-256 of its bytes, as people compare it: in hexadecimal digits.
    pub fn fingerprint(&self) -> String {
        fingerprint(&self.der)
    }

    /// Its key.
    pub(crate) fn key(&self) -> &Key {
        &self.key
    }

    /// Whether this is a signature of its key by this algorithm.
    pub(crate) fn has_signed(
        &self,
        algorithm: &'static dyn VerificationAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> bool {
        let verifies = |key: &ParsedPublicKey| key.verify_sig(message, signature).is_ok();
        match self.parsed.get() {
            Some(key) if std::ptr::addr_eq(key.algorithm(), algorithm) => verifies(key),
            _ => {
                let key = self.key.to_spki_der().and_then(|der| ParsedPublicKey::new(algorithm, der).ok());
                key.is_some_and(|key| {
                    let holds = verifies(&key);
                    // Whichever algorithm held first stays; nobody without the key chooses it.
                    let _kept = holds.then(|| self.parsed.set(key));
                    holds
                })
            }
        }
    }
}

/// A document of this kind in PEM (RFC 7468).
pub(crate) fn pem_of(kind: &str, der: &[u8]) -> String {
    let body = BASE64_STANDARD.encode(der);
    let mut text = format!("-----BEGIN {kind}-----\n");
    let mut rest = body.as_str();
    while let Some((line, after)) = rest.split_at_checked(64) {
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text.push_str(rest);
    if !rest.is_empty() {
        text.push('\n');
    }
    text + &format!("-----END {kind}-----\n")
}

/// SHA-256 in hexadecimal digits.
pub(crate) fn fingerprint(der: &[u8]) -> String {
    let digest = digest::digest(&digest::SHA256, der);
    digest.as_ref().iter().fold(String::new(), |mut text, byte| {
        // Writing into memory cannot fail.
        let _written = write!(text, "{byte:02x}");
        text
    })
}
