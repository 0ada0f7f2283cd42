//! The metadata of an identity provider (SAML 2.0 metadata): what an administrator would type, read from a file.

use super::provider::{Binding, Draft, Endpoint};
use crate::identity_provider::Unfit;
use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::ResolveResult;
use quick_xml::reader::NsReader;

/// The longest file that is read, in bytes.
const MOST_BYTES: usize = 256 * 1024;

/// How deep its elements may stand in one another.
const DEEPEST: usize = 64;

/// The attributes of one element.
const MOST_ATTRIBUTES: usize = 48;

/// Namespaces (SAML 2.0 metadata, section 1.1; XMLDSig, section 1.3).
const METADATA: &str = "urn:oasis:names:tc:SAML:2.0:metadata";
const SIGNATURE: &str = "http://www.w3.org/2000/09/xmldsig#";

/// What a provider says of itself. Its signature is not asked for: an administrator answers for the file.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    issuer: String,
    single_sign_on: Vec<Endpoint>,
    single_logout: Vec<Endpoint>,
    certificates: Vec<String>,
}

impl Metadata {
    /// Reads the description of one identity provider.
    pub fn read(text: &str) -> Result<Self, Unfit> {
        let no = |rule| Unfit { field: "metadata", rule };
        if text.len() > MOST_BYTES {
            return Err(no("has at most 256 KiB"));
        }
        let mut reading = Reading::default();
        let mut reader = NsReader::from_str(text);
        let broken = "is well-formed XML in UTF-8 without a document type";
        loop {
            let (namespace, event) = reader.read_resolved_event().map_err(|_| no(broken))?;
            let namespace = match namespace {
                ResolveResult::Bound(namespace) => namespace.into_inner().to_owned(),
                ResolveResult::Unbound | ResolveResult::Unknown(_) => String::new(),
            };
            match event {
                Event::Start(start) => reading.enter(&namespace, &start, false).ok_or_else(|| no(broken))?,
                Event::Empty(start) => reading.enter(&namespace, &start, true).ok_or_else(|| no(broken))?,
                Event::End(_) => reading.leave(),
                Event::Text(text) => reading.text(&text),
                // A name such as `Smith &amp; Sons` is nothing that is read here; in a certificate a line may end by a reference.
                Event::GeneralRef(reference) if reading.certificate.is_some() => {
                    let letter = reference.resolve_char_ref().ok().flatten();
                    letter.filter(char::is_ascii_whitespace).ok_or_else(|| no(broken))?;
                }
                Event::DocType(_) | Event::PI(_) | Event::CData(_) => return Err(no(broken)),
                Event::GeneralRef(_) => {}
                Event::Comment(_) | Event::Decl(_) => {}
                Event::Eof => return reading.done().ok_or_else(|| no("describes one identity provider")),
            }
        }
    }

    /// This metadata in the place of what a draft says about the same.
    pub(super) fn over(self, draft: Draft) -> Draft {
        let Self { issuer, single_sign_on, single_logout, certificates } = self;
        Draft { issuer, single_sign_on, single_logout, certificates, ..draft }
    }
}

/// How far a file has been read.
#[derive(Default)]
struct Reading {
    found: Metadata,
    open: Vec<String>,
    entities: usize,
    signs: bool,
    certificate: Option<String>,
}

impl Reading {
    /// Goes into an element; `None` when it is more than is read.
    fn enter(&mut self, namespace: &str, start: &BytesStart<'_>, is_empty: bool) -> Option<()> {
        let attributes: Vec<_> =
            start.attributes().take(MOST_ATTRIBUTES + 1).collect::<Result<_, _>>().ok()?;
        if attributes.len() > MOST_ATTRIBUTES || self.open.len() >= DEEPEST {
            return None;
        }
        let value = |name: &str| {
            let of_name = attributes.iter().find(|attribute| attribute.key.as_ref() == name)?;
            of_name.normalized_value(XmlVersion::Implicit1_0).ok().map(std::borrow::Cow::into_owned)
        };
        let local = start.local_name();
        let name = format!("{{{namespace}}}{}", local.as_ref());
        let is = |namespace: &str, local: &str| name == format!("{{{namespace}}}{local}");
        let is_inside = |local: &str| self.open.contains(&format!("{{{METADATA}}}{local}"));
        let of_provider = is_inside("IDPSSODescriptor");
        if is(METADATA, "EntityDescriptor") {
            self.entities += 1;
            self.found.issuer = value("entityID")?;
        } else if is(METADATA, "KeyDescriptor") {
            self.signs = of_provider && value("use").is_none_or(|used| used == "signing");
        } else if is(SIGNATURE, "X509Certificate") && of_provider && self.signs && is_inside("KeyDescriptor")
        {
            self.certificate = Some(String::new());
        } else if of_provider && is(METADATA, "SingleSignOnService") {
            add(&mut self.found.single_sign_on, value("Binding"), [value("Location"), None]);
        } else if of_provider && is(METADATA, "SingleLogoutService") {
            let places = [value("Location"), value("ResponseLocation")];
            add(&mut self.found.single_logout, value("Binding"), places);
        }
        if !is_empty {
            self.open.push(name);
        }
        Some(())
    }

    fn leave(&mut self) {
        self.open.pop();
        if let Some(certificate) = self.certificate.take()
            && !self.found.certificates.contains(&certificate)
        {
            self.found.certificates.push(certificate);
        }
    }

    fn text(&mut self, part: &str) {
        if let Some(certificate) = &mut self.certificate {
            certificate.extend(part.chars().filter(|c| !c.is_ascii_whitespace()));
        }
    }

    fn done(self) -> Option<Metadata> {
        let is_one = self.entities == 1 && self.open.is_empty() && !self.found.certificates.is_empty();
        is_one.then_some(self.found)
    }
}

/// Adds a place, if its binding is one that is spoken here and new.
fn add(endpoints: &mut Vec<Endpoint>, binding: Option<String>, [url, response_url]: [Option<String>; 2]) {
    let known = [Binding::Redirect, Binding::Post];
    let binding = known.into_iter().find(|known| binding.as_deref() == Some(known.urn()));
    if let (Some(binding), Some(url)) = (binding, url)
        && endpoints.iter().all(|endpoint| endpoint.binding != binding)
    {
        endpoints.push(Endpoint { binding, url, response_url });
    }
}
