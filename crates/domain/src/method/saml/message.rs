//! A message as one document: what it is, and what stands in it. Nothing here believes it.

use super::scan::scan;
use crate::audit::Distrust;
use std::borrow::Cow;
use std::collections::HashSet;
use uppsala::dom::{Document, NodeId, NodeKind, QName};
use uppsala::parser::Parser;

/// The namespace of the protocol (SAML 2.0 core, section 1.1).
pub(super) const PROTOCOL: &str = "urn:oasis:names:tc:SAML:2.0:protocol";

/// The namespace of assertions.
pub(super) const ASSERTION: &str = "urn:oasis:names:tc:SAML:2.0:assertion";

/// The namespace of signatures (XMLDSig, section 1.3).
pub(super) const SIGNATURE: &str = "http://www.w3.org/2000/09/xmldsig#";

/// How deep the parser goes, so that its own stack is never in question.
const DEEPEST: u32 = 64;

/// The attributes that some reader somewhere takes for the name of an element.
const NAMES: [&str; 4] = ["Id", "ID", "id", "AssertionID"];

/// What every part of a document may be asked. The one parse that is verified is the one that is read.
pub(super) struct Message<'a> {
    document: Document<'a>,
    root: NodeId,
    /// What is asked for wherever it stands, in the order of the text.
    sought: Vec<(Sought, NodeId)>,
    has_unique_names: bool,
}

/// An element that matters wherever it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sought {
    /// An assertion.
    Assertion,
    /// What nobody can read but who has its key.
    Encrypted,
    /// A signature.
    Signature,
}

impl Sought {
    fn of(name: &QName<'_>) -> Option<Self> {
        let (namespace, sought) = match &*name.local_name {
            "Assertion" => (ASSERTION, Self::Assertion),
            "EncryptedAssertion" | "EncryptedAttribute" | "EncryptedID" => (ASSERTION, Self::Encrypted),
            "Signature" => (SIGNATURE, Self::Signature),
            _ => return None,
        };
        (name.namespace_uri.as_deref() == Some(namespace)).then_some(sought)
    }
}

impl<'a> Message<'a> {
    /// Parses a message, after the first look at it.
    pub(super) fn parse(text: &'a str) -> Result<Self, Distrust> {
        scan(text)?;
        let parser = Parser::new().with_max_depth(DEEPEST).with_forbid_dtd(true).with_forbid_entities(true);
        let document = parser.parse(text).map_err(|_| Distrust::NotXml)?;
        let declared = document.xml_declaration.as_ref();
        let encoding = declared.and_then(|declared| declared.encoding.as_deref()).unwrap_or("UTF-8");
        let version = declared.map_or("1.0", |declared| &*declared.version);
        if version != "1.0" || !encoding.eq_ignore_ascii_case("UTF-8") {
            return Err(Distrust::NotXml);
        }
        let root = document.document_element().ok_or(Distrust::NotXml)?;
        let (sought, has_unique_names) = searched(&document)?;
        Ok(Self { document, root, sought, has_unique_names })
    }

    /// The outermost element.
    pub(super) fn root(&self) -> NodeId {
        self.root
    }

    /// The document, for what makes it canonical.
    pub(super) fn document(&self) -> &Document<'a> {
        &self.document
    }

    /// Whether no two elements have one name, whichever attribute some reader takes it from.
    pub(super) fn has_unique_names(&self) -> bool {
        self.has_unique_names
    }

    /// Whether a node is the element of this name.
    pub(super) fn is(&self, node: NodeId, namespace: &str, name: &str) -> bool {
        self.document.element(node).is_some_and(|element| element.name.matches(Some(namespace), name))
    }

    /// Every element of a kind, wherever it stands.
    pub(super) fn everywhere(&self, kind: Sought) -> impl Iterator<Item = NodeId> {
        self.sought.iter().filter(move |(it, _)| *it == kind).map(|(_, node)| *node)
    }

    /// The element around a node.
    pub(super) fn parent(&self, node: NodeId) -> Option<NodeId> {
        self.document.parent(node)
    }

    /// The elements right in a node.
    pub(super) fn elements(&self, node: NodeId) -> impl Iterator<Item = NodeId> {
        self.document.children_iter(node).filter(|child| self.document.element(*child).is_some())
    }

    /// The elements of this name right in a node.
    pub(super) fn children(
        &self,
        node: NodeId,
        namespace: &'static str,
        name: &'static str,
    ) -> impl Iterator<Item = NodeId> {
        self.elements(node).filter(move |child| self.is(*child, namespace, name))
    }

    /// The one element of this name right in a node, if there is one; two are no message.
    pub(super) fn child(
        &self,
        node: NodeId,
        namespace: &'static str,
        name: &'static str,
    ) -> Result<Option<NodeId>, Distrust> {
        let mut called = self.children(node, namespace, name);
        let one = called.next();
        if called.next().is_none() { Ok(one) } else { Err(Distrust::NotSaml) }
    }

    /// An attribute without a namespace. One that has a twin in another namespace is no attribute.
    pub(super) fn attribute(&self, node: NodeId, name: &str) -> Result<Option<&str>, Distrust> {
        let element = self.document.element(node).ok_or(Distrust::NotSaml)?;
        let mut called = element.attributes.iter().filter(|attribute| attribute.name.local_name == name);
        match (called.next(), called.next()) {
            (None, _) => Ok(None),
            (Some(one), None) if one.name.namespace_uri.is_none() => Ok(Some(&one.value)),
            (Some(_), _) => Err(Distrust::NotSaml),
        }
    }

    /// An attribute that must be there and say something.
    pub(super) fn required(&self, node: NodeId, name: &str) -> Result<&str, Distrust> {
        self.attribute(node, name)?.filter(|value| !value.is_empty()).ok_or(Distrust::MissingClaim)
    }

    /// The text of an element that holds text and nothing else; `None` when it holds anything else.
    pub(super) fn plain_text(&self, node: NodeId) -> Option<Cow<'_, str>> {
        let mut parts = self.document.children_iter(node).map(|child| self.document.text_content(child));
        let mut text = Cow::Borrowed(parts.next().unwrap_or(Some(""))?);
        for part in parts {
            text.to_mut().push_str(part?);
        }
        Some(text)
    }
}

/// What is sought in a document that has nothing in it which a reader may overlook, and whether its names are unique.
fn searched(document: &Document<'_>) -> Result<(Vec<(Sought, NodeId)>, bool), Distrust> {
    let (mut sought, mut names, mut are_unique) = (Vec::new(), HashSet::new(), true);
    // All that the parser has made, which it numbers in the order of the text.
    let nodes = (0..).map(NodeId::new).map_while(|node| Some((node, document.node_kind(node)?)));
    for (node, kind) in nodes {
        match kind {
            NodeKind::Element(element) => {
                sought.extend(Sought::of(&element.name).map(|sought| (sought, node)));
                for name in element.attributes.iter().filter(|it| NAMES.contains(&&*it.name.local_name)) {
                    if name.name.namespace_uri.is_some() {
                        return Err(Distrust::NotSaml);
                    }
                    are_unique &= names.insert(&name.value);
                }
            }
            NodeKind::Text(_) | NodeKind::Document | NodeKind::Attribute(..) => {}
            NodeKind::CData(_) | NodeKind::Comment(_) | NodeKind::ProcessingInstruction(_) => {
                return Err(Distrust::HiddenText);
            }
        }
    }
    Ok((sought, are_unique))
}
