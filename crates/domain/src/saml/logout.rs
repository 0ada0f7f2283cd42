//! A single logout, told in one place (SAML 2.0 profiles, section 4.4): sessions end here first, then the others are told.

use super::carry::{Carried, Parcel};
use super::key;
use super::provider::{Endpoint, Provider};
use super::request::{ASSERTION, PROTOCOL, fresh_id};
use super::service::Service;
use super::session::{NameId, SamlSession, Subject};
use super::xml::Element;
use crate::access::Caller;
use crate::audit::{Event, Visit};
use crate::cx::Cx;
use crate::method::saml::Delivered;
use crate::method::saml::logout::{Answered, Asked, Asker, LogoutOrder, answered, asked};
use crate::session::{self, Session};
use crate::store::StoreError;
use crate::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use wire::OrgId;

pub use crate::method::saml::logout::LogoutError;

/// How long a question of ours is good.
const LIFE: Duration = Duration::from_secs(5 * 60);

/// A question to a provider, to be carried by a browser.
#[derive(Debug)]
pub struct Question {
    /// Whose provider it is.
    pub org: OrgId,
    /// Its name, which the answer repeats: whoever carried it away has to bring it back.
    pub id: String,
    /// The message.
    pub carried: Carried,
}

/// Ends every session that the caller presented, with the question to the provider that opened some of them, which is to end
/// its own; `None` when there is nobody to ask. Nothing ends when the question cannot be made now, or one of them cannot end.
pub async fn leave(cx: &Cx, caller: &Caller) -> Result<Option<Question>, StoreError> {
    let mut opened = Vec::new();
    for session in caller.sessions() {
        opened.extend(cx.store.saml_session(&session.digest).await?);
    }
    let question = question(cx, &opened).await;
    // Whoever cannot be asked now is asked when this is tried again, for which the session has to be there.
    if !matches!(question, Err(StoreError::Unavailable(_))) {
        session::end(cx, caller).await?;
    }
    question
}

/// Asks about the last session, and those with it that its provider opened for the same name.
async fn question(cx: &Cx, opened: &[SamlSession]) -> Result<Option<Question>, StoreError> {
    let Some(known_as) = opened.last() else { return Ok(None) };
    let org = known_as.org;
    let provider = cx.store.saml_provider(org).await?.filter(|provider| provider.id == known_as.provider);
    let Some(provider) = provider else { return Ok(None) };
    let Some(endpoint) = Endpoint::preferred(&provider.terms.draft().single_logout) else { return Ok(None) };
    let id = fresh_id(cx);
    let now = cx.clock.now();
    let same = opened.iter().filter(|it| (it.provider, &it.name) == (known_as.provider, &known_as.name));
    // One without an index is meant by a question without any, which means all of that person.
    let indices: Option<BTreeSet<_>> = same.map(|it| it.index.as_deref()).collect();
    let indices = indices.into_iter().flatten().map(|index| Element::new("samlp:SessionIndex").text(index));
    let said = std::iter::once(named(&known_as.name)).chain(indices).collect();
    let request = message("samlp:LogoutRequest", &id, (&endpoint.url, now))
        .with("NotOnOrAfter", (now + LIFE).rfc3339());
    let xml = from(&Service::of(cx, org), request, said).document();
    let parcel = Parcel { parameter: "SAMLRequest", id: &id, xml: &xml, relay: None };
    let carried = parcel.sent(&*key::of(cx).await?, endpoint.binding, &endpoint.url)?;
    Ok(Some(Question { org, id, carried }))
}

/// How far the provider came that was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Farewell {
    /// Everywhere.
    Everywhere,
    /// Not everywhere, or nowhere.
    NotEverywhere,
}

/// Takes the answer to the question that this very browser `carried` away.
pub async fn conclude(
    cx: &Cx,
    org: OrgId,
    delivered: &Delivered,
    carried: Option<&str>,
    visit: Visit,
) -> Result<Farewell, LogoutError> {
    let Answered { provider, is_everywhere } = answered(cx, org, delivered, carried, visit).await?;
    let event = Event::LogoutAnswered { org, provider: provider.id, everywhere: is_everywhere, visit };
    cx.store.record(&event.at(cx.clock.now())).await?;
    Ok(if is_everywhere { Farewell::Everywhere } else { Farewell::NotEverywhere })
}

/// What was done with a request of a provider.
#[derive(Debug)]
pub struct Obeyed {
    /// How many sessions ended, or why none did.
    pub ended: Result<usize, NotEnded>,
    /// The answer for the provider, if it has a place for one.
    pub carried: Option<Carried>,
}

/// Why the sessions that a provider meant go on.
#[derive(Debug)]
pub enum NotEnded {
    /// It does not say whose they are in a way that is understood here.
    Unclear,
    /// The store did not do it.
    Store(StoreError),
}

/// Does what a provider asks for; the sessions have ended on disk before its answer is written.
pub async fn obey(cx: &Cx, org: OrgId, delivered: &Delivered, visit: Visit) -> Result<Obeyed, LogoutError> {
    let (ended, asker) = match asked(cx, org, delivered, visit).await? {
        Asked::Order(order) => (end(cx, &order, visit).await.map_err(NotEnded::Store), order.into_asker()),
        Asked::Unclear(asker) => (Err(NotEnded::Unclear), asker),
    };
    let carried = answer(cx, &asker, &ended).await?;
    Ok(Obeyed { ended, carried })
}

/// Ends what the provider means: by the session that it names, or all of that person.
async fn end(cx: &Cx, order: &LogoutOrder, visit: Visit) -> Result<usize, StoreError> {
    let provider = order.asker().provider();
    let (service, issuer) = (Service::of(cx, provider.org), &provider.terms.draft().issuer);
    let all = cx.store.saml_sessions(Subject::of(provider.id, order.name())).await?;
    let is_meant = |known_as: &SamlSession| {
        order.means(known_as.index.as_deref()) && known_as.name.is_same(order.name(), issuer, &service)
    };
    let meant = all.into_iter().filter(|(_, known_as)| is_meant(known_as)).map(|(session, _)| session);
    let meant: Vec<_> = meant.collect();
    let entries = recorded(provider, &meant, visit).into_iter().map(|event| event.at(cx.clock.now()));
    cx.store.end_sessions(&meant, &entries.collect::<Vec<_>>()).await?;
    Ok(meant.len())
}

/// One event for each user who had the name, or one that says that nobody was signed in.
fn recorded(provider: &Provider, ended: &[Arc<Session>], visit: Visit) -> Vec<Event> {
    let mut by_user = BTreeMap::<_, Vec<_>>::new();
    for session in ended {
        by_user.entry(session.user.bits()).or_default().push(session);
    }
    let (org, provider) = (provider.org, provider.id);
    if by_user.is_empty() {
        return vec![Event::SignedOutByProvider { org, provider, user: None, sessions: Vec::new(), visit }];
    }
    let event = |sessions: Vec<&Arc<Session>>| Event::SignedOutByProvider {
        org,
        provider,
        user: sessions.first().map(|session| session.user),
        sessions: sessions.iter().map(|session| session.digest.into()).collect(),
        visit,
    };
    by_user.into_values().map(event).collect()
}

/// Tells a provider what has become of its request; `None` when it has no place for that.
async fn answer(
    cx: &Cx,
    asker: &Asker,
    ended: &Result<usize, NotEnded>,
) -> Result<Option<Carried>, StoreError> {
    let provider = asker.provider();
    let Some(endpoint) = Endpoint::preferred(&provider.terms.draft().single_logout) else { return Ok(None) };
    let url = endpoint.response_url.as_ref().unwrap_or(&endpoint.url);
    let id = fresh_id(cx);
    let response =
        message("samlp:LogoutResponse", &id, (url, cx.clock.now())).with("InResponseTo", asker.request());
    let xml = from(&Service::of(cx, provider.org), response, vec![status(ended)]).document();
    let parcel = Parcel { parameter: "SAMLResponse", id: &id, xml: &xml, relay: asker.relay() };
    Ok(Some(parcel.sent(&*key::of(cx).await?, endpoint.binding, url)?))
}

/// How it went (SAML 2.0 core, section 3.2.2.2): whose fault it is, and what it comes to.
fn status(ended: &Result<usize, NotEnded>) -> Element {
    let code = |word: &str| {
        let value = format!("urn:oasis:names:tc:SAML:2.0:status:{word}");
        Element::new("samlp:StatusCode").with("Value", value)
    };
    let code = match ended {
        Ok(_) => code("Success"),
        Err(NotEnded::Unclear) => code("Requester"),
        Err(NotEnded::Store(_)) => code("Responder").around(vec![code("PartialLogout")]),
    };
    Element::new("samlp:Status").around(vec![code])
}

fn message(name: &'static str, id: &str, (url, now): (&str, Timestamp)) -> Element {
    Element::new(name)
        .with("xmlns:samlp", PROTOCOL)
        .with("xmlns:saml", ASSERTION)
        .with("ID", id)
        .with("Version", "2.0")
        .with("IssueInstant", now.rfc3339())
        .with("Destination", url)
}

fn from(service: &Service, message: Element, said: Vec<Element>) -> Element {
    let issuer = Element::new("saml:Issuer").text(&service.entity_id);
    message.around(std::iter::once(issuer).chain(said).collect())
}

fn named(name: &NameId) -> Element {
    let parts = [
        ("NameQualifier", &name.name_qualifier),
        ("SPNameQualifier", &name.sp_name_qualifier),
        ("Format", &name.format),
    ];
    let element = Element::new("saml:NameID").text(&name.value);
    parts.into_iter().fold(element, |element, (part, said)| match said {
        Some(said) => element.with(part, said),
        None => element,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_says_whose_fault_it_is() {
        let document = |ended| status(&ended).document();
        let code = |inside: &str| {
            let status = "urn:oasis:names:tc:SAML:2.0:status:";
            format!("<samlp:Status><samlp:StatusCode Value=\"{status}{inside}</samlp:Status>")
        };
        assert_eq!(document(Ok(0)), code("Success\"/>"));
        assert_eq!(document(Err(NotEnded::Unclear)), code("Requester\"/>"));
        let store = NotEnded::Store(StoreError::Conflict);
        let partial = "<samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:PartialLogout\"/>";
        assert_eq!(document(Err(store)), code(&format!("Responder\">{partial}</samlp:StatusCode>")));
    }
}
