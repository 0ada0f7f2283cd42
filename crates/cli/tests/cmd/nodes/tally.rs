//! What was acknowledged and what was refused, and what of it is not as it was said.

use super::wire::Answer;
use std::collections::BTreeMap;
use std::time::Duration;

/// What a client was told that it can rely on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    SignIn,
    Check,
    Mint,
    Verify,
    Logout,
    Revocation,
    Change,
    Refusal,
}

#[derive(Debug, Default)]
pub struct Tally {
    done: BTreeMap<Kind, u64>,
    /// 429, 503 and 409.
    pub later: u64,
    /// Connections that nobody accepted.
    pub unreached: u64,
    /// Connections that ended before the answer.
    pub torn: u64,
    /// Acknowledged, and not so.
    pub lost: Vec<String>,
    /// Accepted although its end was acknowledged earlier than the bound allows.
    pub late: Vec<String>,
    /// What no answer may be.
    pub strange: Vec<String>,
    /// How long after its acknowledged end something was still accepted.
    pub longest: Duration,
}

impl Tally {
    pub fn did(&mut self, kind: Kind) {
        *self.done.entry(kind).or_default() += 1;
    }

    pub fn acknowledged(&self) -> u64 {
        self.done.values().sum()
    }

    pub fn of(&self, kind: Kind) -> u64 {
        self.done.get(&kind).copied().unwrap_or(0)
    }

    pub fn strange(&mut self, what: String) {
        self.strange.push(what);
    }

    /// Notes an answer that acknowledges nothing and denies nothing.
    pub fn refused(&mut self, doing: &str, answer: Answer) {
        match answer {
            Answer::Later => self.later += 1,
            Answer::Unreached => self.unreached += 1,
            Answer::Torn => self.torn += 1,
            Answer::Strange(what) => self.strange.push(format!("{doing}: {what}")),
            Answer::Yes(_) | Answer::No(_) => self.strange.push(format!("{doing}: {answer:?}")),
        }
    }

    pub fn add(&mut self, other: Self) {
        for (kind, count) in other.done {
            *self.done.entry(kind).or_default() += count;
        }
        self.later += other.later;
        self.unreached += other.unreached;
        self.torn += other.torn;
        self.lost.extend(other.lost);
        self.late.extend(other.late);
        self.strange.extend(other.strange);
        self.longest = self.longest.max(other.longest);
    }

    /// Says what `scripts/guarantees` reads, and fails if anything is not as it was acknowledged.
    pub fn holds(&self, test: &str) {
        let line = serde_json::json!({
            "test": test,
            "acknowledged": self.acknowledged(),
            "later": self.later,
            "unreached": self.unreached,
            "torn": self.torn,
            "lost": self.lost.len(),
            "late": self.late.len(),
            "longest_ms": u64::try_from(self.longest.as_millis()).unwrap_or(u64::MAX),
        });
        println!("guarantee {line}");
        let all = |what: &[String]| what.join("\n");
        assert!(self.lost.is_empty(), "{test}: acknowledged and lost\n{}", all(&self.lost));
        assert!(self.late.is_empty(), "{test}: accepted after the bound\n{}", all(&self.late));
        assert!(self.strange.is_empty(), "{test}: no such answer may be\n{}", all(&self.strange));
    }
}
