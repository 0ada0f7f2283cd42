//! The use of SCIM tokens, noted in memory and written a moment later: the last use of each, and refusals summed up.

use super::{Entry, Event, TokenRefusal};
use crate::time::Timestamp;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use wire::{OrgId, ScimTokenId};

/// The refusals of this time are one entry.
const TOGETHER: Duration = Duration::from_secs(60);

/// How many expired tokens are told apart; the refusals of all others are counted together with those of unknown ones.
const MOST: usize = 1_000;

/// What has been noted.
#[derive(Default)]
pub(crate) struct ScimUse(Mutex<Noted>);

#[derive(Default)]
struct Noted {
    used: HashMap<ScimTokenId, Timestamp>,
    refused: HashMap<(Option<(OrgId, ScimTokenId)>, TokenRefusal), Refused>,
}

struct Refused {
    since: Timestamp,
    last: Timestamp,
    count: u64,
    address: Option<IpAddr>,
}

impl ScimUse {
    /// Notes that a token was used.
    pub(crate) fn used(&self, token: ScimTokenId, now: Timestamp) {
        self.lock().used.insert(token, now);
    }

    /// Notes that one was refused, whichever it was if anybody knows it.
    pub(crate) fn refused(
        &self,
        token: Option<(OrgId, ScimTokenId)>,
        reason: TokenRefusal,
        address: Option<IpAddr>,
        now: Timestamp,
    ) {
        let mut noted = self.lock();
        let is_full = noted.refused.len() >= MOST && !noted.refused.contains_key(&(token, reason));
        let first = Refused { since: now, last: now, count: 0, address };
        let refused = noted.refused.entry((token.filter(|_| !is_full), reason)).or_insert(first);
        (refused.last, refused.address) = (now, address);
        refused.count += 1;
    }

    /// The last use of every token that was used since the last call.
    pub(crate) fn take_used(&self) -> HashMap<ScimTokenId, Timestamp> {
        std::mem::take(&mut self.lock().used)
    }

    /// The refusals that are old enough to be written; at the end all of them are.
    pub(crate) fn take_refused(&self, now: Timestamp, all: bool) -> Vec<Entry> {
        let mut noted = self.lock();
        let over = noted.refused.extract_if(|_, refused| all || now.since(refused.since) >= TOGETHER);
        over.map(|((token, reason), Refused { last, count, address, .. })| {
            let (org, token) = token.unzip();
            Event::ScimRefused { org, token, reason, count, address }.at(last)
        })
        .collect()
    }

    fn lock(&self) -> MutexGuard<'_, Noted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_of_a_minute_are_one_entry_for_each_token_and_memory_is_bounded() {
        let (noted, now) = (ScimUse::default(), Timestamp::from_seconds(1_000_000));
        let counts = |entries: Vec<Entry>| {
            let count = |entry: &Entry| match &entry.event {
                Event::ScimRefused { count, .. } => *count,
                other => panic!("{other:?}"),
            };
            let mut counts: Vec<_> = entries.iter().map(count).collect();
            counts.sort_unstable();
            counts
        };
        (0..500).for_each(|_| noted.refused(None, TokenRefusal::Unknown, None, now));
        noted.refused(
            Some((OrgId::from_bits(1), ScimTokenId::from_bits(1))),
            TokenRefusal::Expired,
            None,
            now,
        );
        assert!(noted.take_refused(now, false).is_empty());
        assert_eq!(counts(noted.take_refused(now + TOGETHER, false)), [1, 500]);
        assert!(noted.take_refused(now + TOGETHER, true).is_empty());
        for number in 0..2 * MOST as u128 {
            noted.refused(
                Some((OrgId::from_bits(1), ScimTokenId::from_bits(number))),
                TokenRefusal::Expired,
                None,
                now,
            );
        }
        let entries = counts(noted.take_refused(now, true));
        assert_eq!((entries.len(), entries.iter().sum::<u64>()), (MOST + 1, 2 * MOST as u64));
    }
}
