//! What this service says to an identity provider: who it is, and that somebody wants to sign in.

use super::key;
use super::provider::{Binding, Endpoint, Provider};
use super::service::Service;
use super::xml::Element;
use crate::cx::Cx;
use crate::entropy;
use crate::store::StoreError;
use wire::OrgId;

pub(super) const PROTOCOL: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
pub(super) const ASSERTION: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
const SIGNATURE: &str = "http://www.w3.org/2000/09/xmldsig#";
const METADATA: &str = "urn:oasis:names:tc:SAML:2.0:metadata";

/// How long the name of a request is, beside its first character, which has to be no digit.
const NAME: usize = 32;

/// A request for a sign-in (SAML 2.0 core, section 3.4), to be carried by a browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthnRequest {
    /// Its name, which the answer repeats: whoever carried it away has to bring it back.
    pub id: String,
    /// Where it goes.
    pub url: String,
    /// How it gets there.
    pub binding: Binding,
    /// The message, unsigned.
    pub xml: String,
}

/// Asks the provider of an org to sign somebody in; `None` when the org has none, or none that can be asked.
pub async fn authn(cx: &Cx, org: OrgId) -> Result<Option<AuthnRequest>, StoreError> {
    let Some(provider) = cx.store.saml_provider(org).await? else { return Ok(None) };
    let endpoints = &provider.terms.draft().single_sign_on;
    let Some(endpoint) = Endpoint::preferred(endpoints) else { return Ok(None) };
    let id = fresh_id(cx);
    let xml = written(&provider, &Service::of(cx, org), &id, (&endpoint.url, &cx.clock.now().rfc3339()));
    Ok(Some(AuthnRequest { id, url: endpoint.url.clone(), binding: endpoint.binding, xml }))
}

/// A name for a message that no other has.
pub(super) fn fresh_id(cx: &Cx) -> String {
    format!("_{}", entropy::word(&*cx.entropy, NAME).expose())
}

fn written(provider: &Provider, service: &Service, id: &str, (url, now): (&str, &str)) -> String {
    let issuer = Element::new("saml:Issuer").text(&service.entity_id);
    let policy = Element::new("samlp:NameIDPolicy").with("AllowCreate", "true");
    let policy = match &provider.terms.draft().name_id_format {
        Some(format) => policy.with("Format", format),
        None => policy,
    };
    Element::new("samlp:AuthnRequest")
        .with("xmlns:samlp", PROTOCOL)
        .with("xmlns:saml", ASSERTION)
        .with("ID", id)
        .with("Version", "2.0")
        .with("IssueInstant", now)
        .with("Destination", url)
        .with("AssertionConsumerServiceURL", &service.acs)
        .with("ProtocolBinding", Binding::Post.urn())
        .around(vec![issuer, policy])
        .document()
}

/// What an administrator of an identity provider loads to know an org of this service (SAML 2.0 metadata).
pub async fn metadata(cx: &Cx, service: &Service) -> Result<String, StoreError> {
    Ok(described(service, &key::of(cx).await?.certificate()))
}

fn described(service: &Service, certificate: &str) -> String {
    let certificate = Element::new("ds:X509Certificate").text(certificate);
    let data = Element::new("ds:X509Data").around(vec![certificate]);
    let info = Element::new("ds:KeyInfo").with("xmlns:ds", SIGNATURE).around(vec![data]);
    let key = Element::new("md:KeyDescriptor").with("use", "signing").around(vec![info]);
    let logout = [Binding::Redirect, Binding::Post].map(|binding| {
        Element::new("md:SingleLogoutService").with("Binding", binding.urn()).with("Location", &service.slo)
    });
    let consumer = Element::new("md:AssertionConsumerService")
        .with("Binding", Binding::Post.urn())
        .with("Location", &service.acs)
        .with("index", "0")
        .with("isDefault", "true");
    let descriptor = Element::new("md:SPSSODescriptor")
        .with("AuthnRequestsSigned", "true")
        .with("WantAssertionsSigned", "true")
        .with("protocolSupportEnumeration", PROTOCOL)
        .around([key].into_iter().chain(logout).chain([consumer]).collect());
    Element::new("md:EntityDescriptor")
        .with("xmlns:md", METADATA)
        .with("entityID", &service.entity_id)
        .around(vec![descriptor])
        .document()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_says_who_it_is_and_where() {
        let service = Service {
            entity_id: "https://a&b.example".into(),
            acs: "https://example/\"acs\"".into(),
            slo: "https://example/slo".into(),
        };
        assert_eq!(
            described(&service, "MIIB"),
            r#"<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="https://a&amp;b.example"><md:SPSSODescriptor AuthnRequestsSigned="true" WantAssertionsSigned="true" protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><md:KeyDescriptor use="signing"><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data><ds:X509Certificate>MIIB</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor><md:SingleLogoutService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://example/slo"/><md:SingleLogoutService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://example/slo"/><md:AssertionConsumerService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://example/&quot;acs&quot;" index="0" isDefault="true"/></md:SPSSODescriptor></md:EntityDescriptor>"#
        );
    }
}
