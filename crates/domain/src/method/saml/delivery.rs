//! A message of a single logout as a browser brought it: in a form, or in a URL (SAML 2.0 bindings, sections 3.4 and 3.5).

use super::message::{Message, Sought};
use super::signature::{self, Trust};
use super::{LAX, LONGEST, algorithm, decoded, scan};
use crate::audit::Distrust;
use crate::saml::certificate::Certificate;
use base64::Engine;
use percent_encoding::percent_decode_str;
use wire::Secret;
use zeroize::Zeroizing;
use zune_inflate::{DeflateDecoder, DeflateOptions};

/// The one encoding of a message in a URL (bindings, section 3.4.4.1).
const DEFLATE: &str = "urn:oasis:names:tc:SAML:2.0:bindings:URL-Encoding:DEFLATE";

/// How much of what a provider wants back is carried, in bytes (bindings, section 3.4.3).
const RELAY_BYTES: usize = 80;

/// What somebody says with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// That something be done.
    Request,
    /// What was done.
    Response,
}

/// A message that nobody believes yet.
#[derive(Debug)]
pub struct Delivered {
    kind: Kind,
    /// In Base64.
    message: Secret,
    relay: Option<String>,
    /// What signs a message that stands in a URL; one in a form is signed inside.
    beside: Option<Beside>,
}

/// The signature of a URL.
#[derive(Debug)]
struct Beside {
    /// The octets that are signed, as they arrived.
    signed: Secret,
    algorithm: Option<String>,
    signature: Option<Secret>,
}

impl Delivered {
    /// Out of the fields of a form.
    pub fn in_form(kind: Kind, message: Secret, relay: Option<String>) -> Self {
        Self { kind, message, relay: within_limits(relay), beside: None }
    }

    /// Out of the query of a URL, as it arrived; `None` when there is no message in it, or more than one.
    pub fn in_url(query: &str) -> Option<Self> {
        let value = |name: &str| {
            let mut all =
                query.split('&').filter_map(|pair| pair.split_once('=')).filter(|(it, _)| *it == name);
            all.next().map_or(Ok(None), |(_, one)| if all.next().is_none() { Ok(Some(one)) } else { Err(()) })
        };
        let (request, response) = (value("SAMLRequest").ok()?, value("SAMLResponse").ok()?);
        let (kind, name, message) = match (request, response) {
            (Some(message), None) => (Kind::Request, "SAMLRequest", message),
            (None, Some(message)) => (Kind::Response, "SAMLResponse", message),
            _ => return None,
        };
        if value("SAMLEncoding").ok()?.is_some_and(|it| text(it).as_deref() != Some(DEFLATE)) {
            return None;
        }
        let (relay, method) = (value("RelayState").ok()?, value("SigAlg").ok()?);
        let parts =
            [Some((name, message)), relay.map(|it| ("RelayState", it)), method.map(|it| ("SigAlg", it))];
        let parts: Vec<_> =
            parts.into_iter().flatten().map(|(name, value)| format!("{name}={value}")).collect();
        let beside = Beside {
            signed: Secret::new(parts.join("&")),
            algorithm: method.and_then(text),
            signature: value("Signature").ok()?.and_then(text).map(Secret::new),
        };
        // Programs of the web write a blank as a plus sign; Base64 has plus signs of its own.
        let relay = relay.and_then(|it| text(&it.replace('+', "%20")));
        let message = Secret::new(text(message)?);
        Some(Self { kind, message, relay: within_limits(relay), beside: Some(beside) })
    }

    /// What is said with it.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// What whoever sent it wants back as it is.
    pub(super) fn relay(&self) -> Option<String> {
        self.relay.clone()
    }

    /// The message itself. What a URL holds is looked at only once its signature is known to hold.
    pub(super) fn text(&self, trust: &Trust<'_>) -> Result<Secret, Distrust> {
        let Some(beside) = &self.beside else { return decoded(&self.message) };
        if self.message.expose().len() > LONGEST {
            return Err(Distrust::TooLarge);
        }
        beside.holds(trust)?;
        let bytes = base64(&self.message).ok_or(Distrust::NotXml)?;
        let options = DeflateOptions::default().set_limit(scan::MOST_BYTES);
        let inflated = DeflateDecoder::new_with_options(&bytes, options).decode_deflate();
        let inflated = inflated.map_err(|_| Distrust::NotXml)?;
        String::from_utf8(inflated).map(Secret::new).map_err(|_| Distrust::NotXml)
    }

    /// Whether all of the message is signed, by whichever of the two ways its binding has.
    pub(super) fn is_signed(&self, message: &Message<'_>, trust: &Trust<'_>) -> Result<(), Distrust> {
        match &self.beside {
            None => signature::signed(message, &[message.root()], trust).map(drop),
            Some(_) if message.everywhere(Sought::Signature).next().is_none() => Ok(()),
            Some(_) => Err(Distrust::MisplacedSignature),
        }
    }
}

impl Beside {
    fn holds(&self, trust: &Trust<'_>) -> Result<(), Distrust> {
        let (algorithm, signature) =
            self.algorithm.as_ref().zip(self.signature.as_ref()).ok_or(Distrust::Unsigned)?;
        let verifier = algorithm::verifier(algorithm, trust.allow_sha1).ok_or(Distrust::WrongAlgorithm)?;
        let signature = base64(signature).ok_or(Distrust::BadSignature)?;
        let signed = self.signed.expose().as_bytes();
        let is_by = |certificate: &Certificate| certificate.has_signed(verifier, signed, &signature);
        if trust.certificates.iter().any(is_by) { Ok(()) } else { Err(Distrust::BadSignature) }
    }
}

fn within_limits(relay: Option<String>) -> Option<String> {
    relay.filter(|relay| !relay.is_empty() && relay.len() <= RELAY_BYTES)
}

/// The text of a value in a URL; a plus sign is one.
fn text(value: &str) -> Option<String> {
    percent_decode_str(value).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

fn base64(text: &Secret) -> Option<Zeroizing<Vec<u8>>> {
    let letters: Zeroizing<String> =
        Zeroizing::new(text.expose().chars().filter(|c| !c.is_ascii_whitespace()).collect());
    LAX.decode(letters.as_bytes()).ok().map(Zeroizing::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed(query: &str) -> Option<String> {
        Some(Delivered::in_url(query)?.beside?.signed.expose().to_owned())
    }

    #[test]
    fn what_is_signed_is_what_arrived_in_the_order_that_is_agreed() {
        let octets = "SAMLRequest=a%2Bb%2bc&RelayState=x%20y&SigAlg=urn%3ax";
        assert_eq!(signed(octets).as_deref(), Some(octets));
        let shuffled = "Signature=z&SigAlg=urn%3ax&other=1&RelayState=x%20y&SAMLRequest=a%2Bb%2bc";
        assert_eq!(signed(shuffled).as_deref(), Some(octets));
        let delivered = Delivered::in_url("SAMLResponse=a+b&RelayState=x+y%2B").unwrap();
        assert_eq!((delivered.kind(), delivered.message.expose()), (Kind::Response, "a+b"));
        assert_eq!(delivered.relay().as_deref(), Some("x y+"));
    }

    #[test]
    fn what_two_readers_could_read_differently_is_no_message() {
        for query in [
            "",
            "RelayState=x",
            "SAMLRequest=a&SAMLRequest=a",
            "SAMLRequest=a&SAMLResponse=a",
            "SAMLRequest=a&SigAlg=b&SigAlg=c",
            "SAMLRequest=a&RelayState=b&RelayState=b",
            "SAMLRequest=a&Signature=b&Signature=c",
            "SAMLRequest=a&SAMLEncoding=urn%3Aplain",
            "SAML%52equest=a",
            "SAMLRequest=%ff",
        ] {
            assert!(Delivered::in_url(query).is_none(), "{query}");
        }
        assert!(
            Delivered::in_url(&format!("SAMLRequest=a&SAMLEncoding={}", DEFLATE.replace(':', "%3A")))
                .is_some()
        );
    }

    #[test]
    fn what_is_wanted_back_is_carried_up_to_eighty_bytes() {
        let relay = |length: usize| {
            Delivered::in_form(Kind::Request, Secret::new("a"), Some("é".repeat(length))).relay().is_some()
        };
        assert_eq!((relay(0), relay(40), relay(41)), (false, true, false));
    }
}
