//! Whether an assertion is for this org, this moment and whoever brings it.

use super::Taker;
use super::assertion::{Assertion, Confirmation, Envelope};
use crate::audit::Distrust;
use crate::saml::provider::Provider;
use crate::saml::service::Service;
use crate::time::Timestamp;
use std::time::Duration;

/// How far the clock of an issuer may be from ours.
pub(super) const SKEW: Duration = Duration::from_secs(60);

/// The longest life of an assertion; it is also how long its mark may have to be kept.
pub(super) const LONGEST_LIFE: Duration = Duration::from_secs(24 * 60 * 60);

/// What an assertion is held against.
pub(super) struct Terms<'a> {
    pub(super) service: &'a Service,
    pub(super) provider: &'a Provider,
    pub(super) taker: &'a Taker,
    pub(super) now: Timestamp,
}

impl Terms<'_> {
    /// Lets pass what is for here and now; says until when it could be used.
    pub(super) fn judge(
        &self,
        assertion: &Assertion,
        envelope: Option<&Envelope>,
    ) -> Result<Timestamp, Distrust> {
        match envelope {
            Some(envelope) => self.judge_envelope(envelope)?,
            // What a browser brings is a response.
            None if matches!(self.taker, Taker::Browser { .. }) => return Err(Distrust::NotSaml),
            None => {}
        }
        let draft = self.provider.terms.draft();
        if assertion.issuer != draft.issuer {
            return Err(Distrust::UnknownIssuer);
        }
        if draft.name_id_format.is_some() && assertion.format != draft.name_id_format {
            return Err(Distrust::WrongType);
        }
        let (confirmation, confirmed_until) = self.confirmed(assertion)?;
        let answered = envelope.and_then(|envelope| envelope.in_response_to.as_deref());
        self.answers([answered, confirmation.in_response_to.as_deref()])?;
        let is_for_us = |audiences: &Vec<String>| audiences.contains(&self.service.entity_id);
        if assertion.audiences.is_empty() || !assertion.audiences.iter().all(is_for_us) {
            return Err(Distrust::WrongAudience);
        }
        if assertion.issued > self.now + SKEW {
            return Err(Distrust::NotYet);
        }
        self.in_time(assertion.begins, assertion.ends)?;
        self.in_time(None, assertion.session_ends)?;
        let until = assertion.ends.map_or(confirmed_until, |ends| ends.min(confirmed_until));
        if until.since(self.now) > LONGEST_LIFE { Err(Distrust::LivesTooLong) } else { Ok(until + SKEW) }
    }

    fn judge_envelope(&self, envelope: &Envelope) -> Result<(), Distrust> {
        if envelope.issuer.as_ref().is_some_and(|issuer| *issuer != self.provider.terms.draft().issuer) {
            return Err(Distrust::UnknownIssuer);
        }
        match &envelope.destination {
            Some(destination) if *destination != self.service.acs => Err(Distrust::WrongDestination),
            // A response that is signed says where to (SAML 2.0 bindings, section 3.5.5.2).
            None if envelope.is_signed => Err(Distrust::WrongDestination),
            Some(_) | None => Ok(()),
        }
    }

    /// The first confirmation that holds, or what is wrong with the first of them.
    fn confirmed<'a>(&self, assertion: &'a Assertion) -> Result<(&'a Confirmation, Timestamp), Distrust> {
        let mut wrong = Distrust::NotConfirmed;
        for confirmation in &assertion.confirmations {
            match self.confirmed_by(confirmation) {
                Ok(until) => return Ok((confirmation, self.last_of(assertion).max(until))),
                Err(reason) if wrong == Distrust::NotConfirmed => wrong = reason,
                Err(_) => {}
            }
        }
        Err(wrong)
    }

    /// Until when it could be brought here by any of its confirmations: so long it is remembered.
    fn last_of(&self, assertion: &Assertion) -> Timestamp {
        let is_ours = |it: &&Confirmation| it.recipient.as_ref() == Some(&self.service.acs);
        let ends = assertion.confirmations.iter().filter(is_ours).filter_map(|it| it.ends);
        ends.max().unwrap_or(self.now)
    }

    fn confirmed_by(&self, confirmation: &Confirmation) -> Result<Timestamp, Distrust> {
        if confirmation.recipient.as_ref() != Some(&self.service.acs) {
            return Err(Distrust::WrongRecipient);
        }
        let ends = confirmation.ends.ok_or(Distrust::MissingClaim)?;
        self.in_time(confirmation.begins, Some(ends))?;
        Ok(ends)
    }

    /// Whether it answers what whoever brings it has asked. Both places that say so must agree.
    fn answers(&self, said: [Option<&str>; 2]) -> Result<(), Distrust> {
        let Taker::Browser { asked } = self.taker else { return Ok(()) };
        let unsolicited = said == [None, None];
        if unsolicited {
            let may = self.provider.terms.draft().idp_initiated;
            return if may { Ok(()) } else { Err(Distrust::WrongRequest) };
        }
        let is_asked = asked.is_some() && said.iter().all(|said| *said == asked.as_deref());
        if is_asked { Ok(()) } else { Err(Distrust::WrongRequest) }
    }

    fn in_time(&self, begins: Option<Timestamp>, ends: Option<Timestamp>) -> Result<(), Distrust> {
        if ends.is_some_and(|ends| ends + SKEW <= self.now) {
            return Err(Distrust::Expired);
        }
        let is_early = begins.is_some_and(|begins| begins > self.now + SKEW);
        if is_early { Err(Distrust::NotYet) } else { Ok(()) }
    }
}
