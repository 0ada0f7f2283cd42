//! Signatures of XML, of one shape only: enveloped, exclusive, over the very element that they stand in.

use super::algorithm;
use super::message::{Message, SIGNATURE, Sought};
use crate::audit::Distrust;
use crate::saml::certificate::Certificate;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bergshamra_c14n::{C14nMode, C14nSink, canonicalize_doc, canonicalize_doc_to};
use bergshamra_crypto::digest::{self, DigestAlgorithm};
use bergshamra_crypto::sign;
use bergshamra_keys::Key;
use bergshamra_xml::NodeSet;
use bergshamra_xml::nodeset::{NodeIdSet, NodeSetType};
use uppsala::dom::NodeId;
use wire::secret::wipe;

/// Exclusive canonicalization without comments (W3C xml-exc-c14n).
const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";

/// What takes the signature out of what it signs (XMLDSig, section 6.6.4).
const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";

/// Digests that are accepted.
const DIGESTS: [&str; 3] = [
    "http://www.w3.org/2001/04/xmlenc#sha256",
    "http://www.w3.org/2001/04/xmldsig-more#sha384",
    "http://www.w3.org/2001/04/xmlenc#sha512",
];

/// How many prefixes a canonicalization may name, each of which costs time at every element.
const MOST_PREFIXES: usize = 32;

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
    let signatures = shaped(message, signable, trust)?;
    if !message.has_unique_names() {
        return Err(Distrust::RepeatedName);
    }
    let hold = signatures.iter().all(|signature| signature.holds(message, trust).unwrap_or(false));
    if hold { Ok(signatures.iter().map(|it| it.parent).collect()) } else { Err(Distrust::BadSignature) }
}

/// Every signature of the message, each of which has the one shape and stands where it may.
fn shaped<'m>(
    message: &'m Message<'_>,
    signable: &[NodeId],
    trust: &Trust<'_>,
) -> Result<Vec<Signature<'m>>, Distrust> {
    let mut shaped: Vec<Signature<'_>> = Vec::new();
    for node in message.everywhere(Sought::Signature) {
        let parent = message.parent(node).filter(|parent| signable.contains(parent));
        let is_new = |parent: &NodeId| !shaped.iter().any(|before| before.parent == *parent);
        let parent = parent.filter(is_new).ok_or(Distrust::MisplacedSignature)?;
        shaped.push(Signature::read(message, node, parent, trust)?);
    }
    if shaped.is_empty() { Err(Distrust::Unsigned) } else { Ok(shaped) }
}

/// A signature that has the one shape; whether it holds is another question.
struct Signature<'m> {
    node: NodeId,
    /// What it is over, but for itself.
    parent: NodeId,
    /// How the parent is made canonical and digested, and what has to come out.
    exclusive: NodeId,
    digest: &'m str,
    digest_value: NodeId,
    /// How the parent's digest is made canonical and signed, and what came out.
    info: NodeId,
    method: NodeId,
    algorithm: &'m str,
    value: NodeId,
}

impl<'m> Signature<'m> {
    fn read(
        message: &'m Message<'_>,
        node: NodeId,
        parent: NodeId,
        trust: &Trust<'_>,
    ) -> Result<Self, Distrust> {
        let parts: Vec<_> = message.elements(node).collect();
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
        let algorithm = attribute(message, algorithm, "Algorithm")?;
        let digest = attribute(message, digest, "Algorithm")?;
        let is_allowed = |name: &str| trust.allow_sha1 && SHA1.contains(&name);
        let is_good = (algorithm::is_strong(algorithm) || is_allowed(algorithm))
            && (DIGESTS.contains(&digest) || is_allowed(digest));
        if !is_good {
            return Err(Distrust::WrongAlgorithm);
        }
        Ok(Self { node, parent, exclusive, digest, digest_value, info, method, algorithm, value })
    }

    /// Whether it is one of the agreed keys', over the element that it stands in; `None` is no.
    ///
    /// The key comes first: what nobody has signed is not made canonical, which costs most and grows with the message.
    fn holds(&self, message: &Message<'_>, trust: &Trust<'_>) -> Option<bool> {
        Some(
            self.is_of_a_key(message, trust)?
                && self.digest_of_parent(message)? == decoded(message, self.digest_value)?,
        )
    }

    fn is_of_a_key(&self, message: &Message<'_>, trust: &Trust<'_>) -> Option<bool> {
        let document = message.document();
        let mut nodes = some_nodes();
        let mut inside = vec![self.info];
        while let Some(node) = inside.pop() {
            nodes.insert(node.index());
            inside.extend(document.children_iter(node));
        }
        let info = NodeSet::from_ids(nodes, NodeSetType::Normal);
        let prefixes = prefixes(message, self.method);
        let info = canonicalize_doc(document, C14nMode::Exclusive, Some(&info), &prefixes).ok()?;
        let value = decoded(message, self.value)?;
        if let Some(rsa) = algorithm::rsa(self.algorithm) {
            return Some(trust.certificates.iter().any(|it| it.has_signed(rsa, &info, &value)));
        }
        let algorithm = sign::from_uri(self.algorithm).ok()?;
        let verifies = |key: &Key| {
            let is_of_this_kind =
                sign::key_algorithm_matches_signature_uri(self.algorithm, key.data.algorithm());
            let key = key.to_signing_key().ok().flatten().filter(|_| is_of_this_kind);
            key.is_some_and(|key| matches!(algorithm.verify(&key, &info, &value), Ok(true)))
        };
        Some(trust.certificates.iter().any(|certificate| verifies(certificate.key())))
    }

    /// The digest of the element that it stands in, without itself.
    fn digest_of_parent(&self, message: &Message<'_>) -> Option<Vec<u8>> {
        let document = message.document();
        let mut nodes = some_nodes();
        let mut others = vec![document.root()];
        while let Some(node) = others.pop() {
            if node == self.parent {
                others.push(self.node);
            } else {
                nodes.insert(node.index());
                others.extend(document.children_iter(node));
            }
        }
        let nodes = NodeSet::from_ids(nodes, NodeSetType::Invert);
        let mut digesting = Digesting::with(self.digest)?;
        let prefixes = prefixes(message, self.exclusive);
        canonicalize_doc_to(document, C14nMode::Exclusive, Some(&nodes), &prefixes, &mut digesting).ok()?;
        digesting.digest()
    }
}

/// A set with room for as many nodes as a signature has.
fn some_nodes() -> NodeIdSet {
    NodeIdSet::with_capacity_and_hasher(64, Default::default())
}

/// How much is digested at once.
const CHUNK: usize = 4_096;

/// A digest of what is written in small pieces.
struct Digesting {
    algorithm: Box<dyn DigestAlgorithm>,
    chunk: Chunk,
}

/// The pieces that wait.
struct Chunk(Vec<u8>);

impl Drop for Chunk {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

impl Digesting {
    fn with(algorithm: &str) -> Option<Self> {
        let algorithm = digest::from_uri(algorithm).ok()?;
        Some(Self { algorithm, chunk: Chunk(Vec::with_capacity(CHUNK)) })
    }

    fn flush(&mut self) {
        self.algorithm.update(&self.chunk.0);
        self.chunk.0.clear();
    }

    fn digest(mut self) -> Option<Vec<u8>> {
        self.flush();
        self.algorithm.finalize().ok()
    }
}

impl C14nSink for Digesting {
    fn write_byte(&mut self, byte: u8) {
        if self.chunk.0.len() == CHUNK {
            self.flush();
        }
        self.chunk.0.push(byte);
    }

    fn write(&mut self, bytes: &[u8]) {
        if self.chunk.0.len() + bytes.len() > CHUNK {
            self.flush();
        }
        if bytes.len() > CHUNK {
            self.algorithm.update(bytes);
        } else {
            self.chunk.0.extend_from_slice(bytes);
        }
    }
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
            message.is(*one, EXCLUSIVE, "InclusiveNamespaces")
                && message.elements(*one).next().is_none()
                && prefixes(message, node).len() <= MOST_PREFIXES
        }
        _ => false,
    }
}

/// The prefixes that a canonicalization treats like an inclusive one.
fn prefixes<'m>(message: &'m Message<'_>, node: NodeId) -> Vec<&'m str> {
    let lists =
        message.elements(node).filter_map(|list| message.attribute(list, "PrefixList").ok().flatten());
    lists.flat_map(str::split_whitespace).collect()
}

/// The bytes of an element that holds Base64, with or without line breaks.
fn decoded(message: &Message<'_>, node: NodeId) -> Option<Vec<u8>> {
    let text = message.plain_text(node)?;
    BASE64_STANDARD.decode(&*text).ok().or_else(|| {
        let letters: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        BASE64_STANDARD.decode(letters).ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use bergshamra_dsig::{DsigContext, VerifyResult, verify};
    use bergshamra_keys::KeysManager;
    use std::path::{Path, PathBuf};

    fn folder() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../server/tests/vectors/saml")
    }

    /// What the library says that does all of it, whatever the shape of a signature: whether every one holds.
    fn held_by_the_library(message: &Message<'_>, signatures: &[Signature<'_>], trust: &Trust<'_>) -> bool {
        let mut keys = KeysManager::new();
        keys.add_keys(trust.certificates.iter().map(Certificate::key).cloned());
        let Ok(verified) = verify::verify_all_document(&DsigContext::new(keys), message.document()) else {
            return false;
        };
        let holds = |result: &VerifyResult, signature: &Signature<'_>| match result {
            VerifyResult::Valid { signature_node, references, .. } => {
                let [reference] = references.as_slice() else { return false };
                *signature_node == signature.node
                    && reference.digest_verified
                    && reference.resolved_node == Some(signature.parent)
            }
            VerifyResult::Invalid { .. } => false,
        };
        verified.len() == signatures.len() && verified.iter().zip(signatures).all(|(it, own)| holds(it, own))
    }

    /// Whether both say the same, and that; `None` where no signature has the one shape.
    fn both(text: &str, trust: &Trust<'_>) -> Option<bool> {
        let message = Message::parse(text).ok()?;
        let mut signable = vec![message.root()];
        signable.extend(message.elements(message.root()));
        let signatures = shaped(&message, &signable, trust).ok()?;
        let ours = signed(&message, &signable, trust).is_ok();
        assert_eq!(ours, held_by_the_library(&message, &signatures, trust), "{text}");
        Some(ours)
    }

    #[test]
    fn a_canonicalization_names_few_prefixes() {
        let text = std::fs::read_to_string(folder().join("accepted--inclusive-prefixes.xml")).unwrap();
        let (before, after) = text.split_once("PrefixList=\"").unwrap();
        let refused = |count: usize| {
            let list: Vec<_> = (0..count).map(|number| format!("p{number}")).collect();
            let text =
                [before, "PrefixList=\"", &list.join(" "), after.trim_start_matches(|c| c != '"')].concat();
            let message = Message::parse(&text).unwrap();
            let signable: Vec<_> =
                [message.root()].into_iter().chain(message.elements(message.root())).collect();
            signed(&message, &signable, &Trust { certificates: &[], allow_sha1: false }).unwrap_err()
        };
        assert_eq!(refused(MOST_PREFIXES), Distrust::BadSignature);
        assert_eq!(refused(MOST_PREFIXES + 1), Distrust::SignatureNotAllowed);
    }

    #[test]
    fn a_signature_holds_when_the_library_says_so_that_knows_every_shape() {
        let certificates = ["rsa", "next", "p256", "p384"].map(|name| {
            std::fs::read_to_string(folder().join(name).with_extension("pem")).unwrap().parse().unwrap()
        });
        let trust = Trust { certificates: &certificates, allow_sha1: true };
        let mut texts: Vec<_> = std::fs::read_dir(folder())
            .unwrap()
            .filter_map(|file| std::fs::read_to_string(file.unwrap().path()).ok())
            .collect();
        texts.sort();
        let (mut good, mut bad) = (0, 0);
        for (at, text) in texts.iter().enumerate() {
            // The text itself, and the text with one letter changed in each of some places.
            let bent = (0..text.len()).skip(at % 151).step_by(151).map(|place| {
                let letter = if text.as_bytes()[place] == b'x' { "y" } else { "x" };
                let ends = place + 1;
                text.get(..place)
                    .zip(text.get(ends..))
                    .map(|(before, after)| [before, letter, after].concat())
            });
            for verdict in bent.flatten().chain([text.clone()]).map(|text| both(&text, &trust)) {
                match verdict {
                    Some(true) => good += 1,
                    Some(false) => bad += 1,
                    None => {}
                }
            }
        }
        assert!(good > 100 && bad > 500, "{good} {bad}");
    }
}
