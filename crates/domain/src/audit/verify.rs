//! Whether a record is the one that was written: names the first entry that was changed, removed or moved.

use super::chain::{Link, Sealed};
use super::checkpoint::{Checkpoint, Endorsement, Kind, PublicKey, Statement};
use super::line::{Line, Unproven};
use crate::time::Timestamp;
use serde::Deserialize;
use std::collections::{HashMap, HashSet};

/// What is wrong with a record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the text of each says what its fields are")]
pub enum Fault {
    #[error("this is no export of an audit record")]
    NoExport,
    #[error("line {line} cannot be read; entry {next} should stand there, or a checkpoint")]
    Unreadable { line: u64, next: i64 },
    #[error("entry {0} was changed")]
    Changed(i64),
    #[error("{} missing: entry {instead} follows", entries(*.first, *.last))]
    Missing { first: i64, last: i64, instead: i64 },
    #[error("entry {seq} was moved: entry {instead} stands in its place")]
    Moved { seq: i64, instead: i64 },
    #[error("entry {seq} stands in the place of entry {place}, a second time")]
    Repeated { seq: i64, place: i64 },
    #[error("{} missing at the beginning", entries(*.first, *.last))]
    NoBeginning { first: i64, last: i64 },
    #[error("{} cut off at the end: a checkpoint says that there was entry {last}", entries(*.first, *.last))]
    CutOff { first: i64, last: i64 },
    #[error("the end was cut off after entry {0}: an export ends with a signed end")]
    NoEnd(i64),
    #[error("line {0} stands behind the signed end")]
    AfterEnd(u64),
    #[error("among {} one was changed and all hashes were made anew: a checkpoint says otherwise", span(*.first, *.last))]
    Rewritten { first: i64, last: i64 },
    #[error("the checkpoint at entry {0} is not signed by the key that it names")]
    Forged(i64),
    #[error("the checkpoint at entry {0} is not where it belongs")]
    Misplaced(i64),
    #[error("the record is signed by another key, {0}, for which the trusted one does not vouch")]
    Stranger(String),
    #[error("entry {0} is another one than when the earlier checkpoint was signed")]
    OtherHistory(i64),
    #[error(
        "the record ends at entry {last}, but the earlier checkpoint is at entry {stated}: the end was cut off"
    )]
    Shorter { last: i64, stated: i64 },
    #[error(
        "the record begins after entry {after}, but the earlier checkpoint is at entry {stated}: what is between them is missing"
    )]
    Later { after: i64, stated: i64 },
}

fn span(first: i64, last: i64) -> String {
    if first == last { format!("entry {first}") } else { format!("the entries {first} to {last}") }
}

fn entries(first: i64, last: i64) -> String {
    format!("{} {}", span(first, last), if first == last { "is" } else { "are" })
}

/// What must be true of the record besides being whole.
#[derive(Debug, Default)]
pub struct Demands {
    /// Thumbprints of keys of which one must have signed it, or vouched for one that did.
    pub trusted: Option<HashSet<String>>,
    /// A checkpoint of an earlier export, which must be one of this record.
    pub earlier: Option<Checkpoint>,
    /// Whether the record was read from a store, and has to begin at its true beginning.
    pub is_whole_store: bool,
}

/// What is known of a record that is whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The checkpoint that it begins with; `None` begins with the very first entry.
    pub start: Option<Statement>,
    /// The number of the last entry.
    pub last: i64,
    /// When the last entry happened.
    pub last_at: Option<Timestamp>,
    /// How many checkpoints held.
    pub checkpoints: u64,
    /// The last checkpoint: all entries up to it are signed.
    pub signed: Checkpoint,
    /// Whether its key is one that the trusted keys, or else the first one, vouched for.
    pub is_vouched_for: bool,
}

/// A verification under way; it is given line after line.
#[derive(Debug, Default)]
pub struct Verifier {
    demands: Demands,
    keys: HashMap<String, PublicKey>,
    lines: u64,
    start: Option<Statement>,
    place: Place,
    gap: Option<Gap>,
    checkpoints: u64,
    signed: Option<Checkpoint>,
    has_met_earlier: bool,
    trusted: HashSet<String>,
}

/// How far the chain has been followed.
#[derive(Debug)]
struct Place {
    seq: i64,
    hash: Link,
    at: Option<Timestamp>,
    has_begun: bool,
}

impl Default for Place {
    fn default() -> Self {
        Self { seq: 0, hash: Link::NOTHING, at: None, has_begun: false }
    }
}

/// Entries are not where they should be; what comes later tells whether they were moved or removed.
#[derive(Debug)]
enum Gap {
    Before { entry: i64 },
    BeforeCheckpoint { seq: i64 },
}

impl Gap {
    /// Entries behind the gap show that it is not the end that is missing.
    fn met(&mut self, entry: i64) {
        if matches!(self, Self::BeforeCheckpoint { seq } if entry > *seq) {
            *self = Self::Before { entry };
        }
    }
}

impl Verifier {
    /// Begins a verification.
    pub fn new(demands: Demands) -> Self {
        let trusted = demands.trusted.clone().unwrap_or_default();
        Self { demands, trusted, ..Self::default() }
    }

    /// Judges the next line.
    pub fn read(&mut self, text: &str) -> Result<(), Fault> {
        self.lines += 1;
        let next = self.place.seq + 1;
        let line = match Line::read(text) {
            Some(line) => line,
            None if self.lines == 1 => return Err(Fault::NoExport),
            None if text.starts_with(r#"{"entry":"#) => return Err(self.gap_or(Fault::Changed(next))),
            None => return Err(self.gap_or(Fault::Unreadable { line: self.lines, next })),
        };
        if self.end().is_some() {
            return Err(Fault::AfterEnd(self.lines));
        }
        match (self.lines, line) {
            (1, Line::Head) => Ok(()),
            (1, _) => Err(Fault::NoExport),
            (line, Line::Head) => Err(Fault::Unreadable { line, next }),
            (_, Line::Key(kid, public)) => {
                self.keys.insert(kid, public);
                Ok(())
            }
            (_, Line::Checkpoint(checkpoint)) => self.checkpoint(checkpoint),
            (_, Line::Entry(entry)) => self.entry(&entry),
        }
    }

    /// Judges the end.
    pub fn finish(mut self) -> Result<Verdict, Fault> {
        if let Some(fault) = self.missing() {
            return Err(fault);
        }
        let last = self.place.seq;
        let Some(signed) = self.signed.take() else {
            return Err(if self.lines == 0 { Fault::NoExport } else { Fault::NoEnd(last) });
        };
        match (signed.statement.kind.after(), self.after()) {
            (None, _) if !self.demands.is_whole_store => return Err(Fault::NoEnd(last)),
            (Some(should), is) if should < is => {
                return Err(Fault::NoBeginning { first: should + 1, last: is });
            }
            _ => {}
        }
        let thumbprint = signed.public.thumbprint();
        let is_vouched_for = self.trusted.contains(&thumbprint);
        if self.demands.trusted.is_some() && !is_vouched_for {
            return Err(Fault::Stranger(thumbprint));
        }
        self.earlier(last)?;
        let Self { start, place, checkpoints, .. } = self;
        Ok(Verdict { start, last, last_at: place.at, checkpoints, signed, is_vouched_for })
    }

    fn entry(&mut self, entry: &Sealed) -> Result<(), Fault> {
        let place = self.place.seq + 1;
        if let Some(gap) = &mut self.gap {
            gap.met(entry.seq);
            return if entry.seq == place { Err(self.moved(place)) } else { Ok(()) };
        }
        if !self.place.has_begun && self.demands.is_whole_store && self.starts_in_the_middle() {
            return Err(Fault::NoBeginning { first: 1, last: self.place.seq });
        }
        match entry.seq {
            seq if seq > place => {
                self.gap = Some(Gap::Before { entry: seq });
                return Ok(());
            }
            seq if seq < place => return Err(Fault::Repeated { seq, place }),
            seq if entry.written().after(self.place.hash) != entry.hash => return Err(Fault::Changed(seq)),
            _ => {}
        }
        self.place = Place { seq: place, hash: entry.hash, at: Some(entry.at), has_begun: true };
        self.meet_earlier()?;
        self.learn(&entry.event);
        Ok(())
    }

    fn lacks_its_beginning(&self) -> bool {
        !self.place.has_begun && self.start.is_none()
    }

    fn starts_in_the_middle(&self) -> bool {
        self.start.as_ref().is_some_and(|start| start.kind != Kind::Cut)
    }

    fn checkpoint(&mut self, unproven: Unproven) -> Result<(), Fault> {
        if self.gap.is_some() {
            return Ok(());
        }
        let Unproven { statement, kid, signature } = unproven;
        let (seq, hash) = (statement.seq, statement.hash);
        let Some(public) = self.keys.get(&kid).cloned() else { return Err(Fault::Forged(seq)) };
        let checkpoint = Checkpoint { statement, kid, public, signature };
        if !checkpoint.holds() {
            return Err(Fault::Forged(seq));
        }
        let is_first = self.lacks_its_beginning() && self.checkpoints == 0;
        if is_first && checkpoint.statement.kind.after().is_none() {
            self.place = Place { seq, hash, at: None, has_begun: false };
            self.start = Some(checkpoint.statement.clone());
            self.meet_earlier()?;
        }
        match self.place.seq {
            last if seq > last => self.gap = Some(Gap::BeforeCheckpoint { seq }),
            last if seq < last => return Err(Fault::Misplaced(seq)),
            _ if hash != self.place.hash => return Err(self.rewritten()),
            _ => {
                self.checkpoints += 1;
                // Without a key to trust, the first one is where trust begins.
                if self.demands.trusted.is_none() && self.trusted.is_empty() {
                    self.trusted.insert(checkpoint.public.thumbprint());
                }
                self.signed = Some(checkpoint);
            }
        }
        Ok(())
    }

    /// After which entry the record begins.
    fn after(&self) -> i64 {
        self.start.as_ref().map_or(0, |start| start.seq)
    }

    fn end(&self) -> Option<i64> {
        self.signed.as_ref().and_then(|signed| signed.statement.kind.after())
    }

    fn rewritten(&self) -> Fault {
        let signed = self.signed.as_ref().map_or(0, |signed| signed.statement.seq);
        Fault::Rewritten { first: signed + 1, last: self.place.seq }
    }

    /// A key for which a trusted one vouches is trusted too.
    fn learn(&mut self, event: &str) {
        #[derive(Deserialize)]
        struct Rotated {
            thumbprint: String,
            endorsed: Endorsement,
        }
        if !event.contains(r#""key_rotated""#) {
            return;
        }
        let Ok(Rotated { thumbprint, endorsed }) = serde_json::from_str(event) else { return };
        let old = self.keys.get(&endorsed.kid).filter(|old| self.trusted.contains(&old.thumbprint()));
        if old.is_some_and(|old| endorsed.holds(old, &thumbprint)) {
            self.trusted.insert(thumbprint);
        }
    }

    fn meet_earlier(&mut self) -> Result<(), Fault> {
        let Some(earlier) = &self.demands.earlier else { return Ok(()) };
        if earlier.statement.seq == self.place.seq {
            self.has_met_earlier = true;
            if earlier.statement.hash != self.place.hash {
                return Err(Fault::OtherHistory(self.place.seq));
            }
        }
        Ok(())
    }

    fn earlier(&self, last: i64) -> Result<(), Fault> {
        match &self.demands.earlier {
            Some(Checkpoint { statement: Statement { seq: stated @ 1.., .. }, .. })
                if !self.has_met_earlier =>
            {
                let (stated, after) = (*stated, self.after());
                Err(if stated > last {
                    Fault::Shorter { last, stated }
                } else {
                    Fault::Later { after, stated }
                })
            }
            _ => Ok(()),
        }
    }

    fn moved(&self, seq: i64) -> Fault {
        match self.gap {
            Some(Gap::Before { entry: instead }) => Fault::Moved { seq, instead },
            _ => Fault::Misplaced(seq),
        }
    }

    /// The fault of a gap that nothing has filled.
    fn missing(&self) -> Option<Fault> {
        let first = self.place.seq + 1;
        Some(match *self.gap.as_ref()? {
            Gap::Before { entry } if self.lacks_its_beginning() => {
                Fault::NoBeginning { first, last: entry - 1 }
            }
            Gap::Before { entry: instead } => Fault::Missing { first, last: instead - 1, instead },
            Gap::BeforeCheckpoint { seq: last } => Fault::CutOff { first, last },
        })
    }

    fn gap_or(&self, fault: Fault) -> Fault {
        self.missing().unwrap_or(fault)
    }
}

/// The last checkpoint of an earlier export, if its key signed it.
pub fn last_checkpoint<'a>(lines: impl Iterator<Item = &'a str>) -> Option<Checkpoint> {
    let (mut keys, mut last) = (HashMap::new(), None);
    for line in lines {
        match Line::read(line) {
            Some(Line::Key(kid, public)) => drop(keys.insert(kid, public)),
            Some(Line::Checkpoint(Unproven { statement, kid, signature })) => {
                let public = keys.get(&kid).cloned();
                last = public.map(|public| Checkpoint { statement, kid, public, signature });
            }
            _ => {}
        }
    }
    last.filter(Checkpoint::holds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::export::Item;
    use crate::audit::line::{HEAD, Speller};
    use crate::keyring::{KeyError, Signer};
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
    use wire::OrgId;

    struct Pen(EcdsaKeyPair);

    impl Pen {
        fn new() -> Self {
            Self(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
        }

        fn thumbprint(&self) -> String {
            PublicKey::of(self).unwrap().thumbprint()
        }
    }

    impl Signer for Pen {
        fn sign(&self, message: &[u8]) -> Result<[u8; 64], KeyError> {
            Ok(self.0.sign(&SystemRandom::new(), message).unwrap().as_ref().try_into().unwrap())
        }

        fn public_point(&self) -> &[u8] {
            self.0.public_key().as_ref()
        }
    }

    fn at(seq: i64) -> Timestamp {
        Timestamp::from_seconds(1_000_000 + seq)
    }

    /// A record of six entries with a mark at the third.
    struct Record {
        entries: Vec<Sealed>,
        pen: Pen,
    }

    impl Record {
        fn of(events: &[&str]) -> Self {
            let (mut entries, mut hash) = (Vec::new(), Link::NOTHING);
            for (seq, event) in (1..).zip(events) {
                let org = (seq % 2 == 0).then_some(OrgId::from_bits(7));
                let mut entry = Sealed { seq, at: at(seq), org, event: (*event).to_owned(), hash };
                entry.hash = entry.written().after(hash);
                hash = entry.hash;
                entries.push(entry);
            }
            Self { entries, pen: Pen::new() }
        }

        fn new() -> Self {
            Self::of(&[
                r#"{"event":"one"}"#,
                r#"{"event":"two"}"#,
                r#"{"event":"three"}"#,
                r#"{"event":"four","more":"\"ü\""}"#,
                r#"{"event":"five"}"#,
                r#"{"event":"six"}"#,
            ])
        }

        fn hash(&self, seq: i64) -> Link {
            usize::try_from(seq - 1).ok().map_or(Link::NOTHING, |index| self.entries[index].hash)
        }

        fn checkpoint(&self, kind: Kind, seq: i64, pen: &Pen) -> Item {
            let statement = Statement { kind, seq, hash: self.hash(seq), at: at(seq) };
            Item::Checkpoint(statement.signed("k1", pen).unwrap())
        }

        fn items(&self, after: i64) -> Vec<Item> {
            let mut items = Vec::new();
            for entry in self.entries.iter().filter(|entry| entry.seq > after) {
                items.push(Item::Entry(entry.clone()));
                items.extend((entry.seq == 3).then(|| self.checkpoint(Kind::Mark, 3, &self.pen)));
            }
            items.push(self.checkpoint(Kind::End { after }, self.entries.len() as i64, &self.pen));
            items
        }

        fn lines(&self) -> Vec<String> {
            lines(&self.items(0))
        }
    }

    fn lines(items: &[Item]) -> Vec<String> {
        let mut speller = Speller::default();
        let rest = items.iter().flat_map(|item| speller.lines(item));
        [HEAD.to_owned()].into_iter().chain(rest).collect()
    }

    fn verify_with(demands: Demands, lines: &[String]) -> Result<Verdict, Fault> {
        let mut verifier = Verifier::new(demands);
        lines.iter().try_for_each(|line| verifier.read(line))?;
        verifier.finish()
    }

    fn verify(lines: &[String]) -> Result<Verdict, Fault> {
        verify_with(Demands::default(), lines)
    }

    fn index_of(lines: &[String], entry: i64) -> usize {
        lines.iter().position(|line| line.starts_with(&format!("{{\"entry\":{entry},"))).unwrap()
    }

    #[test]
    fn a_whole_record_is_whole() {
        let record = Record::new();
        let verdict = verify(&record.lines()).unwrap();
        assert_eq!((verdict.start, verdict.last, verdict.last_at), (None, 6, Some(at(6))));
        assert_eq!((verdict.checkpoints, verdict.signed.public.thumbprint()), (2, record.pen.thumbprint()));
        let empty = lines(&[Record::of(&[]).checkpoint(Kind::End { after: 0 }, 0, &record.pen)]);
        assert_eq!(verify(&empty).unwrap().last, 0);
    }

    #[test]
    fn any_byte_that_differs_is_found_and_the_entry_is_named() {
        let lines = Record::new().lines();
        let whole = lines.join("\n");
        for place in 0..whole.len() {
            for change in [0x01, 0x20] {
                let mut bytes = whole.clone().into_bytes();
                bytes[place] ^= change;
                let Ok(text) = String::from_utf8(bytes) else { continue };
                let changed: Vec<String> = text.split('\n').map(str::to_owned).collect();
                assert!(verify(&changed).is_err(), "{place}: {text}");
            }
        }
        for entry in 1..=6 {
            let mut changed = lines.clone();
            let index = index_of(&lines, entry);
            changed[index] = lines[index].replace(r#"{"event":""#, r#"{"event":"x"#);
            assert_eq!(verify(&changed), Err(Fault::Changed(entry)));
            changed[index] = lines[index].replace("1970", "1971");
            assert_eq!(verify(&changed), Err(Fault::Changed(entry)));
            changed[index] = lines[index].replace("\"event\"", "\"even\"");
            assert_eq!(verify(&changed), Err(Fault::Changed(entry)));
        }
    }

    #[test]
    fn an_entry_that_was_removed_is_named() {
        let lines = Record::new().lines();
        let without = |entry| {
            let mut lines = lines.clone();
            lines.remove(index_of(&lines, entry));
            verify(&lines)
        };
        assert_eq!(without(1), Err(Fault::NoBeginning { first: 1, last: 1 }));
        assert_eq!(without(2), Err(Fault::Missing { first: 2, last: 2, instead: 3 }));
        assert_eq!(without(3), Err(Fault::Missing { first: 3, last: 3, instead: 4 }));
        assert_eq!(without(5), Err(Fault::Missing { first: 5, last: 5, instead: 6 }));
        assert_eq!(without(6), Err(Fault::CutOff { first: 6, last: 6 }));
    }

    #[test]
    fn two_entries_that_changed_places_are_named() {
        let lines = Record::new().lines();
        for (one, other) in [(4, 5), (1, 2), (2, 6)] {
            let mut swapped = lines.clone();
            swapped.swap(index_of(&lines, one), index_of(&lines, other));
            assert_eq!(verify(&swapped), Err(Fault::Moved { seq: one, instead: other }));
        }
        let mut twice = lines.clone();
        twice.insert(index_of(&lines, 5), lines[index_of(&lines, 4)].clone());
        assert_eq!(verify(&twice), Err(Fault::Repeated { seq: 4, place: 5 }));
    }

    #[test]
    fn an_end_that_was_cut_off_is_found_wherever_the_cut_is() {
        let record = Record::new();
        let lines = record.lines();
        for kept in 1..lines.len() {
            let last = record.entries.iter().rfind(|entry| index_of(&lines, entry.seq) < kept);
            let fault = Fault::NoEnd(last.map_or(0, |entry| entry.seq));
            assert_eq!(verify(&lines[..kept]), Err(fault), "{kept}");
        }
        assert_eq!(verify(&[]), Err(Fault::NoExport));
        let more = [lines.as_slice(), &[lines[1].clone()]].concat();
        assert_eq!(verify(&more), Err(Fault::AfterEnd(more.len() as u64)));
    }

    #[test]
    fn a_beginning_that_was_cut_off_is_found_though_it_begins_with_a_checkpoint() {
        let record = Record::new();
        let mut items = record.items(0);
        items.drain(..3);
        assert_eq!(verify(&lines(&items)), Err(Fault::NoBeginning { first: 1, last: 3 }));
        let honest = [vec![record.checkpoint(Kind::Mark, 3, &record.pen)], record.items(3)].concat();
        assert_eq!(verify(&lines(&honest)).unwrap().start.map(|start| start.seq), Some(3));
        let store = || Demands { is_whole_store: true, ..Demands::default() };
        let fault = Fault::NoBeginning { first: 1, last: 3 };
        assert_eq!(verify_with(store(), &lines(&honest)), Err(fault));
        let cut = [vec![record.checkpoint(Kind::Cut, 3, &record.pen)], record.items(3)].concat();
        assert_eq!(verify_with(store(), &lines(&cut)).unwrap().last, 6);
    }

    #[test]
    fn a_record_written_anew_without_the_key_is_found() {
        let record = Record::new();
        let mut other = Record::of(&["{}"; 6]);
        let mut forged = other.items(0);
        forged[3] = record.checkpoint(Kind::Mark, 3, &record.pen);
        assert_eq!(verify(&lines(&forged)), Err(Fault::Rewritten { first: 1, last: 3 }));
        other.pen = Pen::new();
        let trusted = || Some([record.pen.thumbprint()].into());
        let demands = Demands { trusted: trusted(), ..Demands::default() };
        assert_eq!(verify_with(demands, &other.lines()), Err(Fault::Stranger(other.pen.thumbprint())));
        let demands = Demands { trusted: trusted(), ..Demands::default() };
        assert!(verify_with(demands, &record.lines()).is_ok());
    }

    #[test]
    fn a_key_or_a_signature_that_was_exchanged_is_found() {
        let (record, other) = (Record::new(), Record::new());
        let (mine, theirs) = (record.lines(), other.lines());
        for prefix in [r#"{"key""#, r#"{"checkpoint""#] {
            let index = mine.iter().position(|line| line.starts_with(prefix)).unwrap();
            let mut swapped = mine.clone();
            swapped[index].clone_from(&theirs[index]);
            assert_eq!(verify(&swapped), Err(Fault::Forged(3)), "{prefix}");
        }
    }

    #[test]
    fn a_key_is_trusted_when_a_trusted_one_vouches_for_it() {
        let (old, new, stranger) = (Pen::new(), Pen::new(), Pen::new());
        for (by, holds) in [(&old, true), (&stranger, false)] {
            let endorsed = Endorsement::by("k1", by, &new.thumbprint()).unwrap();
            let event = serde_json::json!({"event": "key_rotated", "kid": "k2",
                "thumbprint": new.thumbprint(), "endorsed": endorsed});
            let record = Record::of(&["{}", &event.to_string()]);
            let statement =
                Statement { kind: Kind::End { after: 0 }, seq: 2, hash: record.hash(2), at: at(2) };
            let mut items = record.items(0);
            items.insert(1, record.checkpoint(Kind::Mark, 1, &old));
            items[3] = Item::Checkpoint(statement.signed("k2", &new).unwrap());
            assert_eq!(verify(&lines(&items)).unwrap().is_vouched_for, holds);
            let demands = Demands { trusted: Some([old.thumbprint()].into()), ..Demands::default() };
            assert_eq!(verify_with(demands, &lines(&items)).is_ok(), holds);
        }
    }

    #[test]
    fn an_earlier_export_tells_what_was_cut_off_or_written_anew_since() {
        let record = Record::new();
        let lines_of = |record: &Record| record.lines();
        let earlier = last_checkpoint(lines_of(&record).iter().map(String::as_str)).unwrap();
        let with = |earlier: &Checkpoint, lines: &[String]| {
            verify_with(Demands { earlier: Some(earlier.clone()), ..Demands::default() }, lines)
        };
        assert!(with(&earlier, &record.lines()).is_ok());
        let mut shorter = Record::new();
        shorter.entries.truncate(4);
        assert_eq!(with(&earlier, &shorter.lines()), Err(Fault::Shorter { last: 4, stated: 6 }));
        let other = Record::of(&["{}"; 7]);
        assert_eq!(with(&earlier, &other.lines()), Err(Fault::OtherHistory(6)));
    }
}
