//! Signatures of XML, of one shape only: enveloped, exclusive, over the very element that they stand in.

use super::message::{Message, SIGNATURE};
use crate::audit::Distrust;
use crate::saml::certificate::Certificate;
use bergshamra_dsig::{DsigContext, VerifyResult, verify};
use bergshamra_keys::KeysManager;
use uppsala::dom::NodeId;

/// Exclusive canonicalization without comments (W3C xml-exc-c14n).
const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";

/// What takes the signature out of what it signs (XMLDSig, section 6.6.4).
const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";

/// Signatures that are accepted (RFC 9231). The key has to be of the same kind.
const SIGNATURES: [&str; 9] = [
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384",
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512",
    "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1",
    "http://www.w3.org/2007/05/xmldsig-more#sha384-rsa-MGF1",
    "http://www.w3.org/2007/05/xmldsig-more#sha512-rsa-MGF1",
    "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
    "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384",
    "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512",
];

/// Digests that are accepted.
const DIGESTS: [&str; 3] = [
    "http://www.w3.org/2001/04/xmlenc#sha256",
    "http://www.w3.org/2001/04/xmldsig-more#sha384",
    "http://www.w3.org/2001/04/xmlenc#sha512",
];

/// What an org may allow for a provider that cannot do better.
const SHA1: [&str; 3] = [
    "http://www.w3.org/2000/09/xmldsig#rsa-sha1",
    "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha1",
    "http://www.w3.org/2000/09/xmldsig#sha1",
];

/// Whose signatures hold.
pub(crate) struct Trust<'a> {
    /// The certificates that were agreed; what a message brings along is not looked at.
    pub(crate) certificates: &'a [Certificate],
    /// Whether SHA-1 is good enough.
    pub(crate) allow_sha1: bool,
}

/// Which of the elements `signable` are signed, once every signature of the message is known to hold.
pub(super) fn signed(
    message: &Message<'_>,
    signable: &[NodeId],
    trust: &Trust<'_>,
) -> Result<Vec<NodeId>, Distrust> {
    let signatures = message.everywhere(SIGNATURE, "Signature");
    if signatures.is_empty() {
        return Err(Distrust::Unsigned);
    }
    let mut signed = Vec::new();
    for signature in &signatures {
        let parent = message.parent(*signature).filter(|parent| signable.contains(parent));
        let parent = parent.filter(|parent| !signed.contains(parent)).ok_or(Distrust::MisplacedSignature)?;
        has_the_one_shape(message, *signature, parent, trust)?;
        signed.push(parent);
    }
    hold(message, &signatures, &signed, trust)?;
    Ok(signed)
}

fn has_the_one_shape(
    message: &Message<'_>,
    signature: NodeId,
    parent: NodeId,
    trust: &Trust<'_>,
) -> Result<(), Distrust> {
    let parts: Vec<_> = message.elements(signature).collect();
    let (info, value) = match parts.as_slice() {
        [info, value] => (*info, *value),
        [info, value, key] if message.is(*key, SIGNATURE, "KeyInfo") => (*info, *value),
        _ => return Err(Distrust::SignatureNotAllowed),
    };
    let [method, algorithm, reference] =
        named(message, info, ["CanonicalizationMethod", "SignatureMethod", "Reference"])?;
    let [transforms, digest, digest_value] =
        named(message, reference, ["Transforms", "DigestMethod", "DigestValue"])?;
    let [enveloped, exclusive] = named(message, transforms, ["Transform", "Transform"])?;
    let is_named =
        message.is(info, SIGNATURE, "SignedInfo") && message.is(value, SIGNATURE, "SignatureValue");
    let is_plain = [algorithm, digest, enveloped, value, digest_value]
        .iter()
        .all(|it| message.elements(*it).next().is_none());
    let is_canonical = attribute(message, method, "Algorithm")? == EXCLUSIVE
        && attribute(message, enveloped, "Algorithm")? == ENVELOPED
        && attribute(message, exclusive, "Algorithm")? == EXCLUSIVE
        && [method, exclusive].iter().all(|it| names_prefixes_at_most(message, *it));
    let is_own =
        attribute(message, reference, "URI")?.strip_prefix('#') == Some(message.required(parent, "ID")?);
    if !(is_named && is_plain && is_canonical && is_own) {
        return Err(Distrust::SignatureNotAllowed);
    }
    let is_known = |list: &[&str], name| list.contains(&name) || (trust.allow_sha1 && SHA1.contains(&name));
    let is_strong = is_known(&SIGNATURES, attribute(message, algorithm, "Algorithm")?)
        && is_known(&DIGESTS, attribute(message, digest, "Algorithm")?);
    if is_strong { Ok(()) } else { Err(Distrust::WrongAlgorithm) }
}

/// The elements right in one, which must be these in this order and no others.
fn named<const N: usize>(
    message: &Message<'_>,
    node: NodeId,
    names: [&str; N],
) -> Result<[NodeId; N], Distrust> {
    let parts: Vec<_> = message.elements(node).collect();
    let parts: [NodeId; N] = parts.try_into().map_err(|_| Distrust::SignatureNotAllowed)?;
    let fits = parts.iter().zip(names).all(|(part, name)| message.is(*part, SIGNATURE, name));
    if fits { Ok(parts) } else { Err(Distrust::SignatureNotAllowed) }
}

/// An attribute of a signature. One with a prefix could be taken for it by another reader.
fn attribute<'m>(message: &'m Message<'_>, node: NodeId, name: &str) -> Result<&'m str, Distrust> {
    message.attribute(node, name).ok().flatten().ok_or(Distrust::SignatureNotAllowed)
}

/// Whether nothing stands in it but a list of prefixes, which exclusive canonicalization may have.
fn names_prefixes_at_most(message: &Message<'_>, node: NodeId) -> bool {
    let parts: Vec<_> = message.elements(node).collect();
    match parts.as_slice() {
        [] => true,
        [one] => {
            message.is(*one, EXCLUSIVE, "InclusiveNamespaces") && message.elements(*one).next().is_none()
        }
        _ => false,
    }
}

/// Whether every signature is one of the agreed keys', over the element that it stands in.
fn hold(
    message: &Message<'_>,
    signatures: &[NodeId],
    parents: &[NodeId],
    trust: &Trust<'_>,
) -> Result<(), Distrust> {
    let mut keys = KeysManager::new();
    keys.add_keys(trust.certificates.iter().map(Certificate::key).cloned());
    let (document, text) = message.document();
    let verified = verify::verify_all_document_with_source(&DsigContext::new(keys), document, Some(text));
    // What it says before it has looked at any signature: two elements have one name.
    let verified = verified.map_err(|_| Distrust::RepeatedName)?;
    if verified.len() != signatures.len() {
        return Err(Distrust::BadSignature);
    }
    let holds = |result: &VerifyResult, signature: NodeId, parent: NodeId| match result {
        VerifyResult::Valid { signature_node, references, .. } => {
            let [reference] = references.as_slice() else { return false };
            *signature_node == signature
                && reference.digest_verified
                && reference.resolved_node == Some(parent)
        }
        VerifyResult::Invalid { .. } => false,
    };
    let mut all = verified.iter().zip(signatures).zip(parents);
    let all = all.all(|((result, signature), parent)| holds(result, *signature, *parent));
    if all { Ok(()) } else { Err(Distrust::BadSignature) }
}
