//! What other nodes have done: read from the record several times a second, so that memory never answers with what has
//! not been true for longer than [`BOUND`].
//!
//! Every change is recorded in the transaction that makes it, so the record is the feed. A look asks in one statement
//! for the entries after the last number that was seen and for all that have no number yet; `postgres/chain.rs` says
//! why none is missed, however late its transaction commits. What an entry says makes this node forget, and forgetting
//! is always safe: what is absent is read from the database.
//!
//! Memory answers only within [`BOUND`] after the beginning of the last look that was answered. A node that cannot look
//! asks the database each time, and when that fails too it has no answer but 503.

use crate::at_hand::AtHand;
use crate::db::{Db, DbError, Row, sql};
use crate::live::LiveTable;
use crate::withdrawn::Withdrawn;
use domain::audit::Kind;
use domain::org::Org;
use domain::revocation::digest_of;
use domain::user::User;
use serde::Deserialize;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval};
use wire::{OrgId, UserId};

/// How often the record is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// How long after the beginning of a look memory answers: what ended earlier than that is refused.
const BOUND: Duration = Duration::from_millis(800);

/// How many looks there are between two that let some sessions go, so that each is read anew within half a minute
/// after it was written: another node may have used it.
const LOOKS_PER_RENEWAL: u64 = 2;

/// More entries than that at once, and everything is forgotten rather than read.
const MOST: i64 = 5_000;

const LAST: &str = "SELECT COALESCE(MAX(seq), 0) FROM audit";

/// Most entries say that somebody came in, which changes nothing here. The row without an event has the last number.
const NEWS: &str = "SELECT seq, org_id, CASE WHEN event LIKE '{\"event\":\"signed_in\"%'
        OR event LIKE '{\"event\":\"tokens_minted\"%' THEN '{\"event\":\"signed_in\"}' ELSE event END
    FROM audit WHERE seq > $1
    UNION ALL SELECT 0, org_id, event FROM audit_waiting
    UNION ALL SELECT COALESCE(MAX(seq), 0), NULL, '' FROM audit LIMIT $2";

/// Whether memory may answer.
pub struct Hearing {
    started: Instant,
    /// When the last look that was answered began, in microseconds after `started`, plus one; 0 is never, and the
    /// highest number for ever: nobody else changes anything.
    begun: AtomicU64,
}

impl Default for Hearing {
    fn default() -> Self {
        Self { started: Instant::now(), begun: AtomicU64::new(u64::MAX) }
    }
}

impl Hearing {
    /// Of a store that others use too: nothing was heard yet.
    pub fn of_many() -> Self {
        Self { begun: AtomicU64::new(0), ..Self::default() }
    }

    /// Whether others may have changed something.
    pub fn is_of_many(&self) -> bool {
        self.begun.load(Ordering::Acquire) != u64::MAX
    }

    /// Whether what is in memory was true so short a time ago that it may be the answer.
    pub fn is_current(&self) -> bool {
        self.age().is_none_or(|age| age < BOUND)
    }

    /// How old the news are; `None` when nobody else has any.
    pub fn age(&self) -> Option<Duration> {
        match self.begun.load(Ordering::Acquire) {
            u64::MAX => None,
            0 => Some(Duration::MAX),
            begun => Some(self.started.elapsed().saturating_sub(Duration::from_micros(begun - 1))),
        }
    }

    fn heard(&self, begun: Instant) {
        let micros = begun.saturating_duration_since(self.started).as_micros();
        self.begun.store(u64::try_from(micros).unwrap_or(u64::MAX - 2) + 1, Ordering::Release);
    }
}

/// What a node has in memory.
pub struct Memory {
    pub hearing: Arc<Hearing>,
    pub live: Arc<LiveTable>,
    pub users: Arc<AtHand<UserId, User>>,
    pub orgs: Arc<AtHand<OrgId, Org>>,
    pub withdrawn: Arc<Withdrawn>,
    /// Goes up whenever another node may have made a key.
    pub keys_made: Arc<AtomicI64>,
}

/// Looks until it is aborted.
pub async fn follow(memory: Memory, db: Arc<dyn Db>) {
    let mut clock = interval(LOOK);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut seen, mut looks, mut hears) = (None, 0_u64, true);
    loop {
        clock.tick().await;
        let begun = Instant::now();
        match look(&memory, &*db, seen).await {
            Ok(now) => {
                seen = Some(now);
                memory.hearing.heard(begun);
                if !std::mem::replace(&mut hears, true) {
                    tracing::info!("what other nodes do is heard again");
                }
            }
            Err(error) => {
                // The next answer may be a standby's that took over: its numbers may stand behind those seen here.
                seen = None;
                if std::mem::replace(&mut hears, false) {
                    tracing::warn!(%error, "what other nodes do cannot be heard; every answer comes from the database");
                }
                tracing::debug!(%error, "nothing is heard of other nodes");
            }
        }
        looks += 1;
        if looks.is_multiple_of(LOOKS_PER_RENEWAL) {
            memory.live.let_some_go();
        }
    }
}

/// Forgets what has changed, and answers up to which number everything was seen.
async fn look(memory: &Memory, db: &dyn Db, seen: Option<i64>) -> Result<i64, DbError> {
    let Some(seen) = seen else { return start_over(memory, db).await };
    let rows = db.listen(sql(NEWS).bind(seen).bind(MOST)).await?;
    if rows.len() >= usize::try_from(MOST).unwrap_or(usize::MAX) {
        return start_over(memory, db).await;
    }
    let mut latest = seen;
    for row in &rows {
        let seq = row.int(0)?;
        if !row.text(2)?.is_empty() {
            memory.forget(Change::told_by(row)?);
        } else if seq < seen {
            // A standby took over that did not have all of the record.
            return start_over(memory, db).await;
        }
        latest = latest.max(seq);
    }
    Ok(latest)
}

/// Everything up to the last number was committed before all is forgotten, so nothing of it is missed.
async fn start_over(memory: &Memory, db: &dyn Db) -> Result<i64, DbError> {
    let rows = db.listen(sql(LAST)).await?;
    let last = rows.first().ok_or_else(|| DbError::Corrupt("a maximum without a row".into()))?.int(0)?;
    memory.forget(Change::Anything);
    Ok(last)
}

/// What an entry means for the memory of a node.
#[derive(Debug, PartialEq, Eq)]
enum Change {
    Nothing,
    Session([u8; 6]),
    SessionsOfOrg(OrgId),
    User(UserId),
    /// What many users show: a role or a group.
    Users,
    Org(OrgId),
    /// An org is gone, with everything in it.
    NoOrg(OrgId),
    /// The token with this digest was withdrawn.
    Token([u8; 32]),
    Keys,
    Anything,
}

/// The fields of an event that say what it is about.
#[derive(Deserialize)]
struct News {
    event: Kind,
    user: Option<UserId>,
    session: Option<String>,
    sub_org: Option<OrgId>,
    jti: Option<String>,
}

impl Change {
    /// What this row of the record says.
    fn told_by(row: &Row) -> Result<Self, DbError> {
        let org = row.opt_blob(1)?.map(|_| row.id(1)).transpose()?.map(OrgId::from_bits);
        let news = serde_json::from_str::<News>(row.text(2)?).ok();
        Ok(news.and_then(|news| Self::of(&news, org)).unwrap_or(Self::Anything))
    }

    /// `None` for what may have changed anything, an event of a newer release for one. OAuth clients, SCIM tokens,
    /// identity providers and counters are in no memory: they are read at each use.
    fn of(news: &News, org: Option<OrgId>) -> Option<Self> {
        match news.event {
            Kind::SignedIn
            | Kind::SignInRefused
            | Kind::AssertionRefused
            | Kind::ClientRefused
            | Kind::ScimRefused
            | Kind::MintRefused
            | Kind::Denied
            | Kind::LockedAttempts
            | Kind::LockLifted
            | Kind::AddressThrottled
            | Kind::TokensMinted
            | Kind::NotRecorded
            | Kind::PasswordRehashed
            | Kind::IdentityProviderAdded
            | Kind::IdentityProviderChanged
            | Kind::IdentityProviderRemoved
            | Kind::ClientWritten
            | Kind::ClientSecretAdded
            | Kind::ClientSecretRemoved
            | Kind::ScimTokenMade
            | Kind::ScimTokenRemoved
            | Kind::SamlKeyMade
            | Kind::AuditCut
            | Kind::BackedUp
            | Kind::AuditExported
            | Kind::LogoutRefused
            | Kind::LogoutAnswered => Some(Self::Nothing),
            Kind::SignedOut | Kind::SessionEnded => news.session.as_deref().and_then(mark).map(Self::Session),
            Kind::OrgSessionsEnded => org.map(Self::SessionsOfOrg),
            Kind::UserWritten | Kind::UserProvisioned | Kind::UserSessionsEnded => news.user.map(Self::User),
            // Without a user nobody was signed in.
            Kind::SignedOutByProvider => Some(news.user.map_or(Self::Nothing, Self::User)),
            Kind::RoleWritten | Kind::GroupWritten | Kind::SamlMappingsWritten => Some(Self::Users),
            Kind::PolicyChanged | Kind::OrgWritten => org.map(Self::Org),
            Kind::SubOrgWritten => news.sub_org.map(Self::NoOrg),
            Kind::TokenRevoked => news.jti.as_deref().map(digest_of).map(Self::Token),
            Kind::KeyRotated => Some(Self::Keys),
            Kind::Founded | Kind::Restored | Kind::Unknown => None,
        }
    }
}

/// The beginning of a digest, as the record has it.
fn mark(text: &str) -> Option<[u8; 6]> {
    let number = u64::from_str_radix(text, 16).ok().filter(|_| text.len() == 12)?;
    number.to_be_bytes().split_first_chunk::<2>()?.1.try_into().ok()
}

impl Memory {
    fn forget(&self, change: Change) {
        match change {
            Change::Nothing => {}
            Change::Session(mark) => self.live.ended_elsewhere(mark),
            Change::SessionsOfOrg(org) => self.live.ended_org(org),
            Change::User(user) => {
                self.users.changed(&user);
                self.live.ended_user(user, None);
            }
            Change::Users => self.users.all_changed(),
            Change::Org(org) => self.orgs.changed(&org),
            Change::NoOrg(org) => {
                self.orgs.changed(&org);
                self.users.all_changed();
                self.live.ended_org(org);
            }
            Change::Token(digest) => self.withdrawn.add(digest),
            Change::Keys => self.keys_may_be_others(),
            Change::Anything => {
                self.users.all_changed();
                self.orgs.all_changed();
                self.live.all_ended_elsewhere();
                self.withdrawn.forget();
                self.keys_may_be_others();
            }
        }
    }

    fn keys_may_be_others(&self) {
        self.keys_made.fetch_add(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::Value;

    fn told_by(event: &str) -> Change {
        let org = Value::Blob(7_u128.to_be_bytes().to_vec());
        Change::told_by(&Row(vec![Value::Int(1), org, Value::Text(event.into())])).unwrap()
    }

    #[test]
    fn what_is_not_known_to_change_nothing_may_have_changed_anything() {
        assert_eq!(told_by(r#"{"event":"signed_in","user":"000000000000000000000B"}"#), Change::Nothing);
        assert_eq!(told_by(r#"{"event":"sign_in_refused","name":"x"}"#), Change::Nothing);
        let ended = r#"{"event":"signed_out","user":"000000000000000000000B","session":"0102030405ff"}"#;
        assert_eq!(told_by(ended), Change::Session([1, 2, 3, 4, 5, 255]));
        assert_eq!(told_by(r#"{"event":"signed_out","session":"0102"}"#), Change::Anything);
        let written = r#"{"event":"user_written","user":"000000000000000000000B","how":"disabled"}"#;
        assert_eq!(told_by(written), Change::User(UserId::from_bits(11)));
        let by_provider =
            r#"{"event":"signed_out_by_provider","user":"000000000000000000000B","sessions":["01"]}"#;
        assert_eq!(told_by(by_provider), Change::User(UserId::from_bits(11)));
        assert_eq!(told_by(&by_provider.replace("\"000000000000000000000B\"", "null")), Change::Nothing);
        assert_eq!(told_by(r#"{"event":"org_sessions_ended"}"#), Change::SessionsOfOrg(OrgId::from_bits(7)));
        assert_eq!(told_by(r#"{"event":"group_written"}"#), Change::Users);
        assert_eq!(told_by(r#"{"event":"policy_changed"}"#), Change::Org(OrgId::from_bits(7)));
        let gone = r#"{"event":"sub_org_written","sub_org":"000000000000000000000B","how":"removed"}"#;
        assert_eq!(told_by(gone), Change::NoOrg(OrgId::from_bits(11)));
        let withdrawn = r#"{"event":"token_revoked","user":"000000000000000000000B","jti":"x"}"#;
        assert_eq!(told_by(withdrawn), Change::Token(digest_of("x")));
        assert_eq!(told_by(r#"{"event":"key_rotated","by":"tool"}"#), Change::Keys);
        for unknown in [r#"{"event":"restored"}"#, r#"{"event":"of_next_year"}"#, "no JSON"] {
            assert_eq!(told_by(unknown), Change::Anything, "{unknown}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn memory_answers_no_longer_than_the_bound_after_a_look_began() {
        assert!(Hearing::default().is_current());
        let hearing = Hearing::of_many();
        assert!(!hearing.is_current(), "nothing was heard yet");
        let begun = Instant::now();
        tokio::time::advance(Duration::from_millis(300)).await;
        hearing.heard(begun);
        tokio::time::advance(BOUND - Duration::from_millis(301)).await;
        assert!(hearing.is_current());
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(!hearing.is_current(), "{:?}", hearing.age());
    }
}
