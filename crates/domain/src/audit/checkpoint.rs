//! Checkpoints: a signature over the hash of an entry, so that nobody without the key can write the record anew.

use super::chain::Link;
use crate::keyring::{KeyError, Signer};
use crate::time::Timestamp;
use aws_lc_rs::digest;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL;
use serde::{Deserialize, Serialize};

/// A signed message begins with these bytes. A token's begins with base64url, so neither passes for the other.
const CHECKPOINT: &[u8] = b"latchkey audit checkpoint v1\n";
const ENDORSEMENT: &[u8] = b"latchkey audit key v1\n";

/// What a checkpoint is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The record was so at that instant.
    Mark,
    /// The entries up to here were let go because of their age.
    Cut,
    /// An export ends here.
    End {
        /// The number of the entry after which it begins.
        after: i64,
    },
}

impl Kind {
    /// Its word, as a store and an export spell it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Mark => "mark",
            Self::Cut => "cut",
            Self::End { .. } => "end",
        }
    }

    /// After which entry the export begins whose end it is.
    pub const fn after(self) -> Option<i64> {
        match self {
            Self::Mark | Self::Cut => None,
            Self::End { after } => Some(after),
        }
    }

    /// The kind with this word.
    pub fn of(word: &str, after: Option<i64>) -> Option<Self> {
        match (word, after) {
            ("mark", None) => Some(Self::Mark),
            ("cut", None) => Some(Self::Cut),
            ("end", Some(after)) => Some(Self::End { after }),
            _ => None,
        }
    }
}

/// What a checkpoint says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// What it is for.
    pub kind: Kind,
    /// The number of the entry; 0 is an empty record.
    pub seq: i64,
    /// The hash of that entry.
    pub hash: Link,
    /// When it was signed.
    pub at: Timestamp,
}

/// A statement with its signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// What it says.
    pub statement: Statement,
    /// The name of the key.
    pub kid: String,
    /// The key's public half, so that it is at hand when the key is long forgotten.
    pub public: PublicKey,
    /// The ES256 signature.
    pub signature: Vec<u8>,
}

impl Checkpoint {
    /// Whether its key signed it. Whether the key is to be trusted is another question.
    pub fn holds(&self) -> bool {
        self.public.verifies(&message(&self.statement, &self.kid), &self.signature)
    }
}

impl Statement {
    /// Signs it with the key of this name.
    pub(crate) fn signed(self, kid: &str, signer: &dyn Signer) -> Result<Checkpoint, KeyError> {
        let signature = signer.sign(&message(&self, kid))?.to_vec();
        Ok(Checkpoint { statement: self, kid: kid.to_owned(), public: PublicKey::of(signer)?, signature })
    }
}

fn message(statement: &Statement, kid: &str) -> Vec<u8> {
    let Statement { kind, seq, hash, at } = statement;
    let (seq, at) = (seq.to_be_bytes(), at.as_micros().to_be_bytes());
    let (word, after) = (kind.word().as_bytes(), kind.after().unwrap_or(0).to_be_bytes());
    let parts: [&[u8]; 8] = [CHECKPOINT, word, b"\n", &after, &seq, &at, &hash.0, kid.as_bytes()];
    parts.concat()
}

/// The public half of a P-256 key, as an uncompressed point.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PublicKey([u8; 65]);

impl PublicKey {
    /// The key at this point; `None` for bytes that are no point.
    pub fn at(point: &[u8]) -> Option<Self> {
        ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).ok()?;
        point.try_into().ok().map(Self)
    }

    /// The key with these coordinates in base64url, as a key set spells them (RFC 7518 section 6.2).
    pub fn of_coordinates(x: &str, y: &str) -> Option<Self> {
        let (x, y) = (BASE64URL.decode(x).ok()?, BASE64URL.decode(y).ok()?);
        Self::at(&[&[4], x.as_slice(), y.as_slice()].concat())
    }

    pub(crate) fn of(signer: &dyn Signer) -> Result<Self, KeyError> {
        Self::at(signer.public_point()).ok_or(KeyError)
    }

    /// Its two coordinates in base64url.
    pub fn coordinates(&self) -> [String; 2] {
        let part = |range| BASE64URL.encode(self.0.get::<std::ops::Range<usize>>(range).unwrap_or_default());
        [part(1..33), part(33..65)]
    }

    /// The point itself, as a store keeps it.
    pub fn point(&self) -> &[u8] {
        &self.0
    }

    /// The name that nobody can choose (RFC 7638): what two people compare.
    pub fn thumbprint(&self) -> String {
        let [x, y] = self.coordinates();
        let members = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        BASE64URL.encode(digest::digest(&digest::SHA256, members.as_bytes()))
    }

    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, self.0)
            .is_ok_and(|key| key.verify_sig(message, signature).is_ok())
    }
}

/// What the key before says of a new one, so that who trusts the one may trust the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endorsement {
    /// The name of the key before.
    pub kid: String,
    /// Its signature over the thumbprint of the new one, in base64url.
    pub signature: String,
}

impl Endorsement {
    /// Lets the key of this name vouch for the one with this thumbprint.
    pub(crate) fn by(kid: &str, signer: &dyn Signer, thumbprint: &str) -> Result<Self, KeyError> {
        let signature = signer.sign(&[ENDORSEMENT, thumbprint.as_bytes()].concat())?;
        Ok(Self { kid: kid.to_owned(), signature: BASE64URL.encode(signature) })
    }

    /// Whether `old` vouched for the key with this thumbprint.
    pub fn holds(&self, old: &PublicKey, thumbprint: &str) -> bool {
        let signature = BASE64URL.decode(&self.signature).unwrap_or_default();
        old.verifies(&[ENDORSEMENT, thumbprint.as_bytes()].concat(), &signature)
    }
}
