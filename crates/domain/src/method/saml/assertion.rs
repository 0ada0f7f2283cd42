//! What an assertion says, read from the element whose signature held and from nothing else.

use super::message::{ASSERTION, Message, PROTOCOL, Sought};
use super::signature::{self, Trust};
use crate::audit::Distrust;
use crate::saml::values::Values;
use crate::time::Timestamp;
use uppsala::dom::NodeId;

/// The longest value that is compared, in characters.
const LONGEST_TEXT: usize = 1_024;

/// The one confirmation that a browser or a program can bring (SAML 2.0 profiles, section 3.3).
const BEARER: &str = "urn:oasis:names:tc:SAML:2.0:cm:bearer";

/// How a response says that it went well (SAML 2.0 core, section 3.2.2.2).
const SUCCESS: &str = "urn:oasis:names:tc:SAML:2.0:status:Success";

/// The conditions that are understood; one that is not makes an assertion worthless (core, section 2.5.1).
const CONDITIONS: [&str; 3] = ["AudienceRestriction", "OneTimeUse", "ProxyRestriction"];

/// An assertion whose signature held.
#[derive(Debug)]
pub(super) struct Assertion {
    /// The name that its issuer gives to it alone.
    pub(super) id: String,
    /// Who made it.
    pub(super) issuer: String,
    /// When it was made.
    pub(super) issued: Timestamp,
    /// Whom it is about.
    pub(super) subject: String,
    /// What kind of name that is.
    pub(super) format: Option<String>,
    /// Among whose names, and for whom, where it says so.
    pub(super) qualifiers: [Option<String>; 2],
    /// What the issuer calls its own session, where it says so.
    pub(super) session_index: Option<String>,
    /// Who may bring it, one of these.
    pub(super) confirmations: Vec<Confirmation>,
    /// From when it is good.
    pub(super) begins: Option<Timestamp>,
    /// Until when it is good.
    pub(super) ends: Option<Timestamp>,
    /// For whom it is: somebody in each of these lists.
    pub(super) audiences: Vec<Vec<String>>,
    /// Until when the issuer wants its sessions to live.
    pub(super) session_ends: Option<Timestamp>,
    /// What the issuer says about the subject, by name.
    pub(super) attributes: Vec<(String, Values)>,
}

/// Who may bring an assertion, and where to.
#[derive(Debug)]
pub(super) struct Confirmation {
    /// Where to.
    pub(super) recipient: Option<String>,
    /// From when.
    pub(super) begins: Option<Timestamp>,
    /// Until when.
    pub(super) ends: Option<Timestamp>,
    /// In answer to which request.
    pub(super) in_response_to: Option<String>,
}

/// What stands around an assertion. It may be unsigned: it can only make things worse for who brings it.
#[derive(Debug)]
pub(super) struct Envelope {
    /// Who sent it.
    pub(super) issuer: Option<String>,
    /// Where to.
    pub(super) destination: Option<String>,
    /// In answer to which request.
    pub(super) in_response_to: Option<String>,
    /// Whether it is signed itself.
    pub(super) is_signed: bool,
}

/// Reads a response, or an assertion that stands alone, whose signatures hold.
pub(super) fn read(text: &str, trust: &Trust<'_>) -> Result<(Assertion, Option<Envelope>), Distrust> {
    let message = Message::parse(text)?;
    let root = message.root();
    let is_response = message.is(root, PROTOCOL, "Response");
    if !is_response && !message.is(root, ASSERTION, "Assertion") {
        return Err(Distrust::NotSaml);
    }
    if message.everywhere(Sought::Encrypted).next().is_some() {
        return Err(Distrust::Encrypted);
    }
    let assertion = the_one(&message)?;
    let signable = if is_response { vec![root, assertion] } else { vec![assertion] };
    let signed = signature::signed(&message, &signable, trust)?;
    let envelope = if is_response { Some(envelope(&message, signed.contains(&root))?) } else { None };
    Ok((said(&message, assertion)?, envelope))
}

/// The one assertion of a message: the root, or right in it. Two are what wrapping a signature needs.
fn the_one(message: &Message<'_>) -> Result<NodeId, Distrust> {
    let mut all = message.everywhere(Sought::Assertion);
    let (Some(one), None) = (all.next(), all.next()) else { return Err(Distrust::NotOneAssertion) };
    let stands = one == message.root() || message.parent(one) == Some(message.root());
    if stands { Ok(one) } else { Err(Distrust::NotOneAssertion) }
}

fn envelope(message: &Message<'_>, is_signed: bool) -> Result<Envelope, Distrust> {
    let root = message.root();
    is_of_this_version(message, root)?;
    let status = message.child(root, PROTOCOL, "Status")?.ok_or(Distrust::MissingClaim)?;
    let code = message.child(status, PROTOCOL, "StatusCode")?.ok_or(Distrust::MissingClaim)?;
    if message.required(code, "Value")? != SUCCESS {
        return Err(Distrust::NotSuccessful);
    }
    let issuer = message.child(root, ASSERTION, "Issuer")?;
    Ok(Envelope {
        issuer: issuer.map(|issuer| text(message, issuer)).transpose()?,
        destination: message.attribute(root, "Destination")?.map(str::to_owned),
        in_response_to: request(message, root)?,
        is_signed,
    })
}

fn said(message: &Message<'_>, assertion: NodeId) -> Result<Assertion, Distrust> {
    is_of_this_version(message, assertion)?;
    let part = |name| message.child(assertion, ASSERTION, name)?.ok_or(Distrust::MissingClaim);
    let (issuer, subject, conditions) = (part("Issuer")?, part("Subject")?, part("Conditions")?);
    let name = message.child(subject, ASSERTION, "NameID")?.ok_or(Distrust::MissingClaim)?;
    let confirmations = message.children(subject, ASSERTION, "SubjectConfirmation");
    let confirmations = confirmations.filter_map(|it| confirmation(message, it).transpose());
    if message.elements(conditions).any(|it| !CONDITIONS.iter().any(|name| message.is(it, ASSERTION, name))) {
        return Err(Distrust::NotSaml);
    }
    let audiences = message.children(conditions, ASSERTION, "AudienceRestriction");
    Ok(Assertion {
        id: short(message.required(assertion, "ID")?)?,
        issuer: text(message, issuer)?,
        issued: instant(message, assertion, "IssueInstant")?.ok_or(Distrust::MissingClaim)?,
        subject: text(message, name)?,
        format: word(message, name, "Format")?,
        qualifiers: [word(message, name, "NameQualifier")?, word(message, name, "SPNameQualifier")?],
        session_index: session_index(message, assertion)?,
        confirmations: confirmations.collect::<Result<_, _>>()?,
        begins: instant(message, conditions, "NotBefore")?,
        ends: instant(message, conditions, "NotOnOrAfter")?,
        audiences: audiences.map(|it| audience(message, it)).collect::<Result<_, _>>()?,
        session_ends: session_ends(message, assertion)?,
        attributes: attributes(message, assertion)?,
    })
}

pub(super) fn is_of_this_version(message: &Message<'_>, node: NodeId) -> Result<(), Distrust> {
    if message.required(node, "Version")? == "2.0" { Ok(()) } else { Err(Distrust::NotSaml) }
}

/// A confirmation by whoever bears it; other kinds ask for a proof that nobody asks for here.
fn confirmation(message: &Message<'_>, node: NodeId) -> Result<Option<Confirmation>, Distrust> {
    if message.required(node, "Method")? != BEARER {
        return Ok(None);
    }
    let Some(data) = message.child(node, ASSERTION, "SubjectConfirmationData")? else { return Ok(None) };
    Ok(Some(Confirmation {
        recipient: message.attribute(data, "Recipient")?.map(str::to_owned),
        begins: instant(message, data, "NotBefore")?,
        ends: instant(message, data, "NotOnOrAfter")?,
        in_response_to: request(message, data)?,
    }))
}

/// The request that something answers. Some issuers write none as an empty one.
pub(super) fn request(message: &Message<'_>, node: NodeId) -> Result<Option<String>, Distrust> {
    let name = message.attribute(node, "InResponseTo")?;
    Ok(name.filter(|name| !name.is_empty()).map(str::to_owned))
}

fn audience(message: &Message<'_>, node: NodeId) -> Result<Vec<String>, Distrust> {
    message.children(node, ASSERTION, "Audience").map(|it| text(message, it)).collect()
}

/// A sign-in must be stated (profiles, section 4.1.4.2); the earliest end of its sessions counts.
fn session_ends(message: &Message<'_>, assertion: NodeId) -> Result<Option<Timestamp>, Distrust> {
    let mut statements = message.children(assertion, ASSERTION, "AuthnStatement").peekable();
    if statements.peek().is_none() {
        return Err(Distrust::MissingClaim);
    }
    let ends = statements.map(|it| instant(message, it, "SessionNotOnOrAfter"));
    Ok(ends.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().min())
}

/// What the issuer calls its session; the first statement that names one counts, as in the requests that come later.
fn session_index(message: &Message<'_>, assertion: NodeId) -> Result<Option<String>, Distrust> {
    let statements = message.children(assertion, ASSERTION, "AuthnStatement");
    let indexes = statements.map(|it| word(message, it, "SessionIndex")).collect::<Result<Vec<_>, _>>()?;
    Ok(indexes.into_iter().flatten().next())
}

/// Attributes with their values; a value that is more than text says nothing here.
fn attributes(message: &Message<'_>, assertion: NodeId) -> Result<Vec<(String, Values)>, Distrust> {
    let mut attributes = Vec::new();
    for statement in message.children(assertion, ASSERTION, "AttributeStatement") {
        for attribute in message.children(statement, ASSERTION, "Attribute") {
            let values = message.children(attribute, ASSERTION, "AttributeValue");
            let values = values.filter_map(|value| message.plain_text(value)).collect();
            attributes.push((message.required(attribute, "Name")?.to_owned(), values));
        }
    }
    Ok(attributes)
}

/// The text of an element, all of it.
pub(super) fn text(message: &Message<'_>, node: NodeId) -> Result<String, Distrust> {
    short(&message.plain_text(node).ok_or(Distrust::WrongType)?)
}

/// An attribute that may say nothing.
pub(super) fn word(message: &Message<'_>, node: NodeId, name: &str) -> Result<Option<String>, Distrust> {
    message.attribute(node, name)?.filter(|text| !text.is_empty()).map(short).transpose()
}

pub(super) fn short(text: &str) -> Result<String, Distrust> {
    let is_good =
        !text.is_empty() && text.chars().count() <= LONGEST_TEXT && !text.contains(|c: char| c.is_control());
    if is_good { Ok(text.to_owned()) } else { Err(Distrust::WrongType) }
}

/// An instant in UTC, as SAML has them (core, section 1.3.3).
pub(super) fn instant(
    message: &Message<'_>,
    node: NodeId,
    name: &str,
) -> Result<Option<Timestamp>, Distrust> {
    let Some(text) = message.attribute(node, name)? else { return Ok(None) };
    let is_utc = text.len() <= 40 && text.contains('T') && text.ends_with('Z');
    let instant = Some(text).filter(|_| is_utc).and_then(|text| text.parse().ok());
    instant.map(Some).ok_or(Distrust::WrongType)
}
