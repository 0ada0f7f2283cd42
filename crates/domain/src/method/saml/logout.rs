//! What an org's provider says of a sign-out: that sessions end here, or that its own did. Nobody else can say it.

use super::assertion::{instant, is_of_this_version, request, short, text, word};
use super::delivery::{Delivered, Kind};
use super::message::{ASSERTION, Message, PROTOCOL, Sought};
use super::signature::Trust;
use super::terms::{LONGEST_LIFE, SKEW};
use super::{note, turn_of};
use crate::audit::{Distrust, Event, Visit};
use crate::cx::Cx;
use crate::once::{self, Mark, NotSpent};
use crate::org::ROOT;
use crate::saml::provider::Provider;
use crate::saml::service::Service;
use crate::saml::session::NameId;
use crate::store::StoreError;
use crate::time::Timestamp;
use std::time::Duration;
use uppsala::dom::NodeId;
use wire::OrgId;

/// How long a message without an end of its own is good.
const LIFE: Duration = Duration::from_secs(5 * 60);

/// How a response says that it went well, or not everywhere (SAML 2.0 core, section 3.2.2.2).
const SUCCESS: &str = "urn:oasis:names:tc:SAML:2.0:status:Success";
const PARTIAL: &str = "urn:oasis:names:tc:SAML:2.0:status:PartialLogout";

/// Evidence that the org's provider ordered sessions to end, here and now and for the first time.
///
/// ```compile_fail,E0451
/// # use domain::method::saml::logout::{Asker, LogoutOrder};
/// # use domain::saml::session::NameId;
/// fn forged(asker: Asker, name: NameId) -> LogoutOrder {
///     LogoutOrder { asker, name, indexes: Vec::new() }
/// }
/// ```
#[derive(Debug)]
pub struct LogoutOrder {
    asker: Asker,
    name: NameId,
    indexes: Vec<String>,
}

impl LogoutOrder {
    /// Who gave it.
    pub fn asker(&self) -> &Asker {
        &self.asker
    }

    /// Whose sessions are to end.
    pub fn name(&self) -> &NameId {
        &self.name
    }

    /// Who has to hear what became of it.
    pub fn into_asker(self) -> Asker {
        self.asker
    }

    /// Whether it means what the provider calls so: without names of sessions it means all.
    pub fn means(&self, index: Option<&str>) -> bool {
        self.indexes.is_empty() || index.is_some_and(|index| self.indexes.iter().any(|it| it == index))
    }
}

/// A provider that asked for something, and may have an answer.
#[derive(Debug)]
pub struct Asker {
    provider: Provider,
    id: String,
    relay: Option<String>,
}

impl Asker {
    /// Which provider.
    pub fn provider(&self) -> &Provider {
        &self.provider
    }

    /// What it calls its request.
    pub fn request(&self) -> &str {
        &self.id
    }

    /// What it wants back as it is.
    pub fn relay(&self) -> Option<&str> {
        self.relay.as_deref()
    }
}

/// A request that is the provider's.
#[derive(Debug)]
pub(crate) enum Asked {
    /// It says what to do.
    Order(LogoutOrder),
    /// It says so in a way that is not understood here; its sender hears that.
    Unclear(Asker),
}

/// Evidence of what the org's provider says has become of its own session, in answer to what this browser carried away.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) provider: Provider,
    /// Whether it ended everywhere.
    pub(crate) is_everywhere: bool,
}

/// Why nothing was done.
#[derive(Debug)]
pub enum LogoutError {
    /// The message is not right; which part of it, nobody is told.
    NotTrusted,
    /// More messages arrive for the org than can be looked at; a later try may do.
    Busy,
    /// The store did not do it.
    Store(StoreError),
}

impl From<StoreError> for LogoutError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Takes a request of the org's provider, and uses it up.
pub(crate) async fn asked(
    cx: &Cx,
    org: OrgId,
    delivered: &Delivered,
    visit: Visit,
) -> Result<Asked, LogoutError> {
    let told = |what: What| match what {
        What::Ended { name, indexes } => Ok(Ok((name, indexes))),
        What::Unclear(reason) => Ok(Err(reason)),
        What::Answer { .. } => Err(Distrust::NotSaml),
    };
    let (provider, id, told) = heard(cx, org, delivered, visit, told).await?;
    let asker = Asker { provider, id, relay: delivered.relay() };
    match told {
        Ok((name, indexes)) => Ok(Asked::Order(LogoutOrder { asker, name, indexes })),
        Err(reason) => {
            refuse(cx, (Some(org), Some(&asker.provider)), reason, visit).await?;
            Ok(Asked::Unclear(asker))
        }
    }
}

/// Takes the answer of the org's provider to the question `carried` by this very browser, and uses it up.
pub(crate) async fn answered(
    cx: &Cx,
    org: OrgId,
    delivered: &Delivered,
    carried: Option<&str>,
    visit: Visit,
) -> Result<Answered, LogoutError> {
    let told = |what: What| match what {
        What::Answer { to, is_everywhere } if to.is_some() && to.as_deref() == carried => Ok(is_everywhere),
        What::Answer { .. } => Err(Distrust::WrongRequest),
        What::Ended { .. } | What::Unclear(_) => Err(Distrust::NotSaml),
    };
    let (provider, _, is_everywhere) = heard(cx, org, delivered, visit, told).await?;
    Ok(Answered { provider, is_everywhere })
}

/// Where it belongs, who signed it, what it says, and whether it is the first time: in this order.
async fn heard<T>(
    cx: &Cx,
    org: OrgId,
    delivered: &Delivered,
    visit: Visit,
    told: impl FnOnce(What) -> Result<T, Distrust>,
) -> Result<(Provider, String, T), LogoutError> {
    let _turn = cx.assertions.take(turn_of(org)).await.ok_or(LogoutError::Busy)?;
    let Some(known) = cx.store.org(org).await?.filter(|_| org != ROOT) else {
        return Err(refuse(cx, (None, None), Distrust::UnknownOrg, visit).await?);
    };
    let Some(provider) = cx.store.saml_provider(known.id).await? else {
        return Err(refuse(cx, (Some(org), None), Distrust::UnknownIssuer, visit).await?);
    };
    let about = (Some(org), Some(&provider));
    let said = judge(&provider, &Service::of(cx, org), cx.clock.now(), delivered);
    let said = said.and_then(|said| Ok((said.id, said.until, told(said.what)?)));
    let (id, until, told) = match said {
        Ok(said) => said,
        Err(reason) => return Err(refuse(cx, about, reason, visit).await?),
    };
    let mark = Mark::of_logout(org, &provider.terms.draft().issuer, &id, until);
    match once::spend(cx, &mark).await {
        Ok(_spent) => Ok((provider, id, told)),
        Err(NotSpent::Before) => Err(refuse(cx, about, Distrust::Replayed, visit).await?),
        Err(NotSpent::TooMany) => Err(LogoutError::Busy),
        Err(NotSpent::Store(error)) => Err(error.into()),
    }
}

async fn refuse(
    cx: &Cx,
    (org, provider): (Option<OrgId>, Option<&Provider>),
    reason: Distrust,
    visit: Visit,
) -> Result<LogoutError, StoreError> {
    let provider = provider.map(|provider| provider.id);
    note(cx, org, Event::LogoutRefused { org, provider, reason, visit }).await?;
    Ok(LogoutError::NotTrusted)
}

/// What a message says that is signed and for here and now. It orders nothing: it can be said again.
#[derive(Debug)]
pub struct Said {
    id: String,
    /// Until when it could be used.
    until: Timestamp,
    what: What,
}

#[derive(Debug)]
enum What {
    /// These sessions of that person are to end.
    Ended { name: NameId, indexes: Vec<String> },
    /// Something is to end, but what is not understood here.
    Unclear(Distrust),
    /// What has become of a request.
    Answer { to: Option<String>, is_everywhere: bool },
}

/// Reads a message as the door does, and asks no store; or says what is wrong with it.
pub fn judge(
    provider: &Provider,
    service: &Service,
    now: Timestamp,
    delivered: &Delivered,
) -> Result<Said, Distrust> {
    let draft = provider.terms.draft();
    let trust = Trust { certificates: provider.terms.certificates(), allow_sha1: draft.allow_sha1 };
    let (is_request, name) = match delivered.kind() {
        Kind::Request => (true, "LogoutRequest"),
        Kind::Response => (false, "LogoutResponse"),
    };
    let text = delivered.text(&trust)?;
    let message = Message::parse(text.expose())?;
    let root = message.root();
    if !message.is(root, PROTOCOL, name) {
        return Err(Distrust::NotSaml);
    }
    delivered.is_signed(&message, &trust)?;
    is_of_this_version(&message, root)?;
    let issuer = message.child(root, ASSERTION, "Issuer")?.ok_or(Distrust::MissingClaim)?;
    if self::text(&message, issuer)? != draft.issuer {
        return Err(Distrust::UnknownIssuer);
    }
    // What is signed says where to (bindings, sections 3.4.5.2 and 3.5.5.2).
    if message.attribute(root, "Destination")? != Some(&service.slo) {
        return Err(Distrust::WrongDestination);
    }
    let until = in_time(&message, now)?;
    let what = if is_request { ended(&message)? } else { answer(&message)? };
    Ok(Said { id: short(message.required(root, "ID")?)?, until, what })
}

/// Until when it could be used, if that is not over.
fn in_time(message: &Message<'_>, now: Timestamp) -> Result<Timestamp, Distrust> {
    let issued = instant(message, message.root(), "IssueInstant")?.ok_or(Distrust::MissingClaim)?;
    let ends = instant(message, message.root(), "NotOnOrAfter")?.unwrap_or(issued + LIFE);
    if issued > now + SKEW {
        Err(Distrust::NotYet)
    } else if ends + SKEW <= now {
        Err(Distrust::Expired)
    } else if ends.since(now) > LONGEST_LIFE {
        Err(Distrust::LivesTooLong)
    } else {
        Ok(ends + SKEW)
    }
}

/// Whose sessions are to end, and which (SAML 2.0 core, section 3.7.1). Whatever is wrong here is the provider's own.
fn ended(message: &Message<'_>) -> Result<What, Distrust> {
    let root = message.root();
    if message.everywhere(Sought::Encrypted).next().is_some() {
        return Ok(What::Unclear(Distrust::Encrypted));
    }
    let name = message.child(root, ASSERTION, "NameID").and_then(|it| it.ok_or(Distrust::MissingClaim));
    let name = name.and_then(|it| name_id(message, it));
    let indexes = message.children(root, PROTOCOL, "SessionIndex");
    let indexes = indexes.map(|it| text(message, it)).collect::<Result<Vec<_>, _>>();
    Ok(name.and_then(|name| Ok(What::Ended { name, indexes: indexes? })).unwrap_or_else(What::Unclear))
}

fn name_id(message: &Message<'_>, node: NodeId) -> Result<NameId, Distrust> {
    Ok(NameId {
        value: text(message, node)?,
        format: word(message, node, "Format")?,
        name_qualifier: word(message, node, "NameQualifier")?,
        sp_name_qualifier: word(message, node, "SPNameQualifier")?,
    })
}

/// What has become of a request (core, section 3.7.2). Not everywhere is nowhere, as far as anybody here knows.
fn answer(message: &Message<'_>) -> Result<What, Distrust> {
    let root = message.root();
    let status = message.child(root, PROTOCOL, "Status")?.ok_or(Distrust::MissingClaim)?;
    let code = message.child(status, PROTOCOL, "StatusCode")?.ok_or(Distrust::MissingClaim)?;
    let inner = message.child(code, PROTOCOL, "StatusCode")?;
    let inner = inner.map(|inner| message.required(inner, "Value")).transpose()?;
    let is_everywhere = message.required(code, "Value")? == SUCCESS && inner != Some(PARTIAL);
    Ok(What::Answer { to: request(message, root)?, is_everywhere })
}
