//! An export, line by line: each is one JSON object with one spelling, so that no byte of it can differ unnoticed.

use super::chain::{Link, Sealed};
use super::checkpoint::{Checkpoint, Kind, PublicKey, Statement};
use super::export::Item;
use crate::time::Timestamp;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::HashMap;
use wire::OrgId;

/// The first line of every export.
pub const HEAD: &str = r#"{"latchkey_audit":1}"#;

/// What a line says.
#[derive(Debug)]
pub(super) enum Line {
    Head,
    Key(String, PublicKey),
    Checkpoint(Unproven),
    Entry(Sealed),
}

/// A checkpoint that names its key only.
#[derive(Debug)]
pub(super) struct Unproven {
    pub statement: Statement,
    pub kid: String,
    pub signature: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EntryLine<'a> {
    entry: i64,
    at: String,
    org: Option<OrgId>,
    hash: String,
    #[serde(borrow)]
    event: &'a RawValue,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CheckpointLine {
    checkpoint: i64,
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<i64>,
    at: String,
    hash: String,
    kid: String,
    signature: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyLine {
    key: String,
    kty: String,
    crv: String,
    x: String,
    y: String,
    thumbprint: String,
}

/// Spells the pieces of a record; a key stands before the first checkpoint that it signed.
#[derive(Debug, Default)]
pub struct Speller {
    keys: HashMap<String, PublicKey>,
}

impl Speller {
    /// The lines of a piece.
    pub fn lines(&mut self, item: &Item) -> Vec<String> {
        match item {
            Item::Entry(entry) => vec![of_entry(entry)],
            Item::Checkpoint(checkpoint) => {
                let known = self.keys.insert(checkpoint.kid.clone(), checkpoint.public.clone());
                let is_new = known.as_ref() != Some(&checkpoint.public);
                let key = is_new.then(|| json(&key_line(&checkpoint.kid, &checkpoint.public)));
                key.into_iter().chain([of_checkpoint(checkpoint)]).collect()
            }
        }
    }
}

fn of_entry(entry: &Sealed) -> String {
    let Sealed { seq, at, org, event, hash } = entry;
    // What somebody made of an event that is no JSON is spelled as a text, whose hash is another one.
    let text = || serde_json::to_string(event).and_then(RawValue::from_string);
    let raw = RawValue::from_string(event.clone()).or_else(|_| text());
    let (at, hash) = (at.exact(), hash.to_string());
    raw.map(|event| json(&EntryLine { entry: *seq, at, org: *org, hash, event: &event })).unwrap_or_default()
}

fn of_checkpoint(checkpoint: &Checkpoint) -> String {
    let Checkpoint { statement: Statement { kind, seq, hash, at }, kid, signature, .. } = checkpoint;
    json(&CheckpointLine {
        checkpoint: *seq,
        kind: kind.word().to_owned(),
        after: kind.after(),
        at: at.exact(),
        hash: hash.to_string(),
        kid: kid.clone(),
        signature: BASE64URL.encode(signature),
    })
}

fn key_line(kid: &str, public: &PublicKey) -> KeyLine {
    let ([x, y], word) = (public.coordinates(), str::to_owned);
    KeyLine {
        key: kid.to_owned(),
        kty: word("EC"),
        crv: word("P-256"),
        x,
        y,
        thumbprint: public.thumbprint(),
    }
}

/// Plain words and numbers; writing them as JSON cannot fail.
fn json(line: &impl Serialize) -> String {
    serde_json::to_string(line).unwrap_or_default()
}

impl Line {
    /// Reads a line; `None` unless it is spelled exactly as it would be spelled here.
    pub fn read(text: &str) -> Option<Self> {
        match text {
            HEAD => Some(Self::Head),
            _ if text.starts_with(r#"{"entry":"#) => entry(text).map(Self::Entry),
            _ if text.starts_with(r#"{"checkpoint":"#) => checkpoint(text).map(Self::Checkpoint),
            _ => key(text).map(|(kid, public)| Self::Key(kid, public)),
        }
    }
}

fn entry(text: &str) -> Option<Sealed> {
    let line: EntryLine<'_> = serde_json::from_str(text).ok()?;
    let (at, hash) = (line.at.parse().ok()?, line.hash.parse().ok()?);
    let entry = Sealed { seq: line.entry, at, org: line.org, event: line.event.get().to_owned(), hash };
    (of_entry(&entry) == text).then_some(entry)
}

fn checkpoint(text: &str) -> Option<Unproven> {
    let line: CheckpointLine = serde_json::from_str(text).ok()?;
    let hash: Link = line.hash.parse().ok()?;
    let at: Timestamp = line.at.parse().ok()?;
    let signature = BASE64URL.decode(&line.signature).ok()?;
    let is_ours = json(&line) == text && at.exact() == line.at;
    let statement = Statement { kind: Kind::of(&line.kind, line.after)?, seq: line.checkpoint, hash, at };
    is_ours.then_some(Unproven { statement, kid: line.kid, signature })
}

fn key(text: &str) -> Option<(String, PublicKey)> {
    let line: KeyLine = serde_json::from_str(text).ok()?;
    let public = PublicKey::of_coordinates(&line.x, &line.y)?;
    (json(&key_line(&line.key, &public)) == text).then_some((line.key, public))
}
