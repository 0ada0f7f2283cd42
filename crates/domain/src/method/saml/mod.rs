//! Proof by a SAML assertion of an org's identity provider. Whatever is wrong with it, one refusal is heard.

mod algorithm;
mod assertion;
mod delivery;
pub mod logout;
mod message;
mod scan;
mod signature;
mod terms;

use super::bearer::{About, NotAccepted, account_called, may_come_this_way, note, record, turn_of};
use super::{Busy, Proof};
pub use delivery::{Delivered, Kind};

use crate::audit::{Distrust, Visit};
use crate::cx::Cx;
use crate::once::{self, Mark, NotSpent};
use crate::org::{Org, ROOT};
use crate::saml::provider::Provider;
use crate::saml::provision::{Arrival, NotArrived};
use crate::saml::service::Service;
use crate::saml::session::{NameId, SamlSession};
use crate::session::Asserted;
use crate::sign_in::SignInError;
use crate::time::Timestamp;
use crate::user::User;
use assertion::Assertion;
use base64::Engine;
use base64::engine::{DecodePaddingMode, GeneralPurposeConfig, Simd};
use signature::Trust;
use std::sync::{Arc, LazyLock};
use terms::{SKEW, Terms};
use wire::{OrgId, Secret};
use zeroize::Zeroizing;

/// The longest message that is taken, in characters of Base64 with line breaks.
pub const LONGEST: usize = 190_000;

/// Base64 as programs write it: with padding or without.
static LAX: LazyLock<Simd> = LazyLock::new(|| {
    Simd::standard(GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent))
});

/// Who brings an assertion, and what is known of why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taker {
    /// A program that gets the session itself (protocol.md 4.2): it may bring what a browser would have brought.
    Program,
    /// A browser, which others can make bring what it never asked for.
    Browser {
        /// The name of the request that this very browser carried away, if it did.
        asked: Option<String>,
    },
}

/// Somebody who was proven, and what their provider says of the session.
pub(crate) struct Proven {
    pub(crate) proof: Proof,
    pub(crate) asserted: Asserted,
}

/// Proves who one is with an assertion that cannot be used again, and brings their account up to date.
pub(crate) async fn prove(
    cx: &Cx,
    org: OrgId,
    message: &Secret,
    taker: &Taker,
    visit: Visit,
) -> Result<Proven, SignInError> {
    let _turn = cx.assertions.take(turn_of(org)).await.ok_or(SignInError::Busy(Busy::A_MOMENT))?;
    match accept(cx, org, message, taker, visit).await {
        Ok(Accepted { user, org, asserted }) => {
            Ok(Proven { proof: Proof { user: Arc::new(user), org, method: "saml", visit }, asserted })
        }
        Err(NotAccepted::Distrusted(about, reason)) => {
            record(cx, about, reason, visit).await?;
            Err(SignInError::NotTrusted)
        }
        Err(NotAccepted::Busy) => Err(SignInError::Busy(Busy::A_MOMENT)),
        Err(NotAccepted::Store(error)) => Err(error.into()),
    }
}

struct Accepted {
    user: User,
    org: Arc<Org>,
    asserted: Asserted,
}

/// Where it belongs, who signed it, what it says, whom it means, and whether it is the first time: in this order.
async fn accept(
    cx: &Cx,
    id: OrgId,
    message: &Secret,
    taker: &Taker,
    visit: Visit,
) -> Result<Accepted, NotAccepted> {
    let about = About::default();
    let org = cx.store.org(id).await?.filter(|_| id != ROOT);
    let org = org.ok_or(Distrust::UnknownOrg).map_err(about.no())?;
    let about = About { org: Some(id), ..about };
    let provider = cx.store.saml_provider(id).await?;
    let provider = provider.ok_or(Distrust::UnknownIssuer).map_err(about.no())?;
    let about = About { provider: Some(provider.id), ..about };
    // Before anything is used up or made: who comes from elsewhere leaves nothing here.
    if !org.admits(&cx.policy, visit.address) {
        return Err(about.no()(Distrust::Outside));
    }
    let service = Service::of(cx, id);
    let Said { assertion, until } =
        judge(&provider, &service, taker, cx.clock.now(), message).map_err(about.no())?;
    let known = account_called(cx, &assertion.subject).await?;
    let about = About { user: known.as_ref().map(|account| account.user.id), ..about };
    let name = assertion.subject.parse().map_err(|_| about.no()(Distrust::UnknownUser))?;
    let arrival = Arrival { provider: &provider, name, attributes: &assertion.attributes };
    match &known {
        Some(account) if account.user.org != id => {
            return Err(About { user: None, ..about }.no()(Distrust::UnknownUser));
        }
        Some(account) => may_come_this_way(&account.user).map_err(about.no())?,
        None if org.region.is_none() && arrival.may_be_new(cx).await? => {}
        None => return Err(about.no()(Distrust::UnknownUser)),
    }
    let mark = Mark::of_saml(id, &assertion.issuer, &assertion.id, until);
    match once::spend(cx, &mark).await {
        Ok(_spent) => {}
        Err(NotSpent::Before) => return Err(about.no()(Distrust::Replayed)),
        Err(NotSpent::TooMany) => return Err(NotAccepted::Busy),
        Err(NotSpent::Store(error)) => return Err(error.into()),
    }
    let user = match known {
        // Another region decides what its users may do.
        Some(account) if org.region.is_some() => Ok(account.user),
        known => arrival.account(cx, known).await,
    };
    match user {
        Ok(user) => Ok(Accepted { user, org, asserted: asserted(&provider, assertion) }),
        Err(NotArrived::Unknown) => Err(about.no()(Distrust::UnknownUser)),
        Err(NotArrived::Contended) => Err(NotAccepted::Busy),
        Err(NotArrived::Store(error)) => Err(error.into()),
    }
}

/// What the provider says of its own session.
fn asserted(provider: &Provider, assertion: Assertion) -> Asserted {
    let [name_qualifier, sp_name_qualifier] = assertion.qualifiers;
    let (value, format) = (assertion.subject, assertion.format);
    let name = NameId { value, format, name_qualifier, sp_name_qualifier };
    let (org, provider, index) = (provider.org, provider.id, assertion.session_index);
    let known_as = Some(SamlSession { org, provider, name, index });
    Asserted { ends_by: assertion.session_ends.map(|ends| ends + SKEW), known_as }
}

/// What a message says that is signed and for here and now. It is no proof: nobody has been looked up, and it can be
/// said again.
#[derive(Debug)]
pub struct Said {
    assertion: Assertion,
    /// Until when it could be used.
    until: Timestamp,
}

/// Reads a message in Base64 as the door does, and asks no store; or says what is wrong with it.
pub fn judge(
    provider: &Provider,
    service: &Service,
    taker: &Taker,
    now: Timestamp,
    message: &Secret,
) -> Result<Said, Distrust> {
    let text = decoded(message)?;
    let allow_sha1 = provider.terms.draft().allow_sha1;
    let trust = Trust { certificates: provider.terms.certificates(), allow_sha1 };
    let (assertion, envelope) = assertion::read(text.expose(), &trust)?;
    let until = Terms { service, provider, taker, now }.judge(&assertion, envelope.as_ref())?;
    Ok(Said { assertion, until })
}

/// The message in its Base64. Most have no line breaks in it; only of those that do is a copy made without them.
fn decoded(message: &Secret) -> Result<Secret, Distrust> {
    let text = message.expose().as_bytes();
    if text.len() > LONGEST {
        return Err(Distrust::TooLarge);
    }
    let mut bytes = Zeroizing::new(vec![0; base64::decoded_len_estimate(text.len())]);
    let length = LAX.decode_slice(text, &mut bytes).or_else(|_| {
        let letters = text.iter().copied().filter(|letter| !letter.is_ascii_whitespace());
        LAX.decode_slice(Zeroizing::new(letters.collect::<Vec<u8>>()), &mut bytes)
    });
    bytes.truncate(length.map_err(|_| Distrust::NotXml)?);
    String::from_utf8(std::mem::take(&mut *bytes)).map(Secret::new).map_err(|_| Distrust::NotXml)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::saml::certificate::Certificate;

    const PEM: &str = include_str!("../../../../server/tests/vectors/saml/rsa.pem");
    const RESPONSE: &str =
        include_str!("../../../../server/tests/vectors/saml/accepted--response-signed.xml");
    const ASSERTION: &str =
        include_str!("../../../../server/tests/vectors/saml/accepted--assertion-signed.xml");

    fn said(text: &str, certificates: &[Certificate]) -> Option<String> {
        let read = assertion::read(text, &Trust { certificates, allow_sha1: false });
        read.ok().map(|(assertion, _)| format!("{assertion:?}"))
    }

    #[test]
    fn a_message_that_differs_in_one_character_says_the_same_or_nothing() {
        let certificates = [PEM.parse().unwrap()];
        for text in [RESPONSE, ASSERTION] {
            let good = said(text, &certificates);
            assert!(good.is_some());
            for (at, was) in text.bytes().enumerate() {
                let other = [b'x', b'<', b'"', b'&', b' ', b'>', b'/'][at % 7];
                let bent = if was == other { b'_' } else { other };
                let bent = [&text.as_bytes()[..at], &[bent], &text.as_bytes()[at + 1..]].concat();
                let bent = String::from_utf8(bent).unwrap();
                assert!([&good, &None].contains(&&said(&bent, &certificates)), "{at}: {bent}");
            }
        }
    }
}
