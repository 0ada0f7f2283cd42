//! How a browser carries a message to a provider, signed (SAML 2.0 bindings, sections 3.4 and 3.5).

use super::key::{self, ServiceKey};
use super::provider::Binding;
use super::request;
use crate::cx::Cx;
use crate::keyring::KeyError;
use crate::store::StoreError;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use wire::OrgId;

/// What is escaped in a parameter; a provider that escapes again before it verifies does it so too (RFC 3986 section 2.3).
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

const RSA_SHA256: &str = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";

/// A signature that nobody has filled in yet: the one shape that this service takes from others.
const EMPTY: [&str; 2] = [
    "<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:SignedInfo>\
     <ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/>\
     <ds:SignatureMethod Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256\"/><ds:Reference URI=\"#",
    "\"><ds:Transforms><ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"/>\
     <ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/></ds:Transforms>\
     <ds:DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"/><ds:DigestValue></ds:DigestValue>\
     </ds:Reference></ds:SignedInfo><ds:SignatureValue></ds:SignatureValue></ds:Signature>",
];

/// Where a signature stands: right behind who signed (SAML 2.0 core, section 3.2.1).
const ISSUER_ENDS: &str = "</saml:Issuer>";

/// A message on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Carried {
    /// In a URL that the browser opens.
    InUrl(String),
    /// In a form that the browser sends.
    InForm {
        /// Where to.
        url: String,
        /// The fields with their values.
        fields: Vec<(&'static str, String)>,
    },
}

/// Asks the provider of an org to sign somebody in; `None` when the org has none, or none that can be asked. The name of
/// the question comes along: its answer repeats it, and whoever carried it away has to bring it back. The provider gives
/// `relay` back as it is.
pub async fn question(
    cx: &Cx,
    org: OrgId,
    relay: Option<&str>,
) -> Result<Option<(String, Carried)>, StoreError> {
    let Some(request) = request::authn(cx, org).await? else { return Ok(None) };
    let parcel = Parcel { parameter: "SAMLRequest", id: &request.id, xml: &request.xml, relay };
    let carried = parcel.sent(&*key::of(cx).await?, request.binding, &request.url)?;
    Ok(Some((request.id, carried)))
}

/// A message that is to be carried.
pub(super) struct Parcel<'a> {
    /// The name of its parameter: `SAMLRequest` or `SAMLResponse`.
    pub(super) parameter: &'static str,
    /// Its own name, which the signature refers to.
    pub(super) id: &'a str,
    /// The message.
    pub(super) xml: &'a str,
    /// What the provider gives back as it is.
    pub(super) relay: Option<&'a str>,
}

impl Parcel<'_> {
    /// Signs the message and gives it to a browser.
    pub(super) fn sent(&self, key: &ServiceKey, binding: Binding, url: &str) -> Result<Carried, KeyError> {
        match binding {
            Binding::Redirect => self.in_url(key, url).map(Carried::InUrl),
            Binding::Post => {
                let mut fields = vec![(self.parameter, BASE64_STANDARD.encode(self.signed(key)?))];
                fields.extend(self.relay.map(|relay| ("RelayState", relay.to_owned())));
                Ok(Carried::InForm { url: url.to_owned(), fields })
            }
        }
    }

    /// The parameters in the order in which they are signed.
    fn in_url(&self, key: &ServiceKey, url: &str) -> Result<String, KeyError> {
        let escaped = |text: &str| utf8_percent_encode(text, ESCAPED).to_string();
        let message = BASE64_STANDARD.encode(stored(self.xml.as_bytes())?);
        let mut query = format!("{}={}", self.parameter, escaped(&message));
        if let Some(relay) = self.relay {
            query += &format!("&RelayState={}", escaped(relay));
        }
        query += &format!("&SigAlg={}", escaped(RSA_SHA256));
        let signature = escaped(&key.sign(query.as_bytes())?);
        let mark = if url.contains('?') { '&' } else { '?' };
        Ok(format!("{url}{mark}{query}&Signature={signature}"))
    }

    fn signed(&self, key: &ServiceKey) -> Result<String, KeyError> {
        let (before, after) = self.xml.split_once(ISSUER_ENDS).ok_or(KeyError)?;
        let [first, last] = EMPTY;
        key.sign_document(format!("{before}{ISSUER_ENDS}{first}{}{last}{after}", self.id))
    }
}

/// DEFLATE with nothing made shorter: one stored block (RFC 1951 section 3.2.4). Our messages are a few hundred bytes.
fn stored(bytes: &[u8]) -> Result<Vec<u8>, KeyError> {
    let length = u16::try_from(bytes.len()).map_err(|_| KeyError)?;
    let mut block = vec![1];
    block.extend(length.to_le_bytes());
    block.extend((!length).to_le_bytes());
    block.extend(bytes);
    Ok(block)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_block_says_how_long_it_is() {
        assert_eq!(stored(b"saml").unwrap(), b"\x01\x04\x00\xfb\xffsaml");
        assert!(stored(&[0; 65_536]).is_err());
    }
}
