//! Sessions and the record as administrators see them.

use crate::db::{DbError, Row, Statement, sql};
use crate::people::no_tokens;
use crate::sessions::record;
use crate::{Store, change};
use async_trait::async_trait;
use domain::audit::Entry;
use domain::page::Page;
use domain::roster::{Handle, Logged, Origin};
use domain::session::{Session, SessionDigest};
use domain::store::{Roster, StoreError};
use domain::time::Timestamp;
use std::slice::from_ref;
use std::sync::Arc;
use wire::{OrgId, UserId};

const OF_ORG: &str =
    "SELECT digest, user_id, org_id, opened_at, seen_at, ends_at, idle_micros, unique_id, address,
    device FROM session WHERE org_id = $1 AND expires_at > $2 AND ends_at > $5 AND ended_at IS NULL
    ORDER BY seen_at DESC, digest LIMIT $3 OFFSET $4";

/// An equation with the org would make SQLite walk through all of its sessions, for it takes two columns of an index for
/// narrower than one.
const OF_USER: &str =
    "SELECT digest, user_id, org_id, opened_at, seen_at, ends_at, idle_micros, unique_id, address,
    device FROM session WHERE org_id BETWEEN $1 AND $1 AND expires_at > $2 AND ends_at > $5 AND ended_at IS NULL AND user_id = $6
    ORDER BY seen_at DESC, digest LIMIT $3 OFFSET $4";

const BY_HANDLE: &str =
    "SELECT digest, user_id, org_id, opened_at, seen_at, ends_at, idle_micros, unique_id, address,
    device FROM session WHERE digest >= $1 AND digest <= $2 AND ended_at IS NULL";

const END_USER: &str = "UPDATE session SET ended_at = $2, expires_at = $2
    WHERE user_id = $1 AND ended_at IS NULL AND digest <> $3";

// Not what anybody outside can make many of: it would push out what administrators look for.
const LOG: &str = "SELECT seq, at, event FROM audit WHERE org_id = $1 AND at >= $2 AND at <= $3
    AND event NOT LIKE '{\"event\":\"assertion_refused\"%' AND event NOT LIKE '{\"event\":\"logout_refused\"%'
    AND event NOT LIKE '{\"event\":\"tokens_minted\"%'
    ORDER BY at DESC, seq DESC LIMIT $4 OFFSET $5";

#[async_trait]
impl Roster for Store {
    async fn sessions(
        &self,
        org: OrgId,
        user: Option<UserId>,
        page: Page,
        now: Timestamp,
    ) -> Result<Vec<(Arc<Session>, Origin)>, StoreError> {
        // The order is that on disk.
        self.live.flush(&*self.db).await?;
        let statement = sql(if user.is_some() { OF_USER } else { OF_ORG })
            .bind(org.bits().to_be_bytes())
            .bind((now - self.live.lag()).as_micros())
            .bind(page.limit())
            .bind(page.skip())
            .bind(now.as_micros());
        let statement = match user {
            Some(user) => statement.bind(user.bits().to_be_bytes()),
            None => statement,
        };
        let rows = self.db.read(statement).await?;
        let sessions = rows.iter().map(|row| self.latest(row)).collect::<Result<Vec<_>, DbError>>()?;
        Ok(sessions.into_iter().filter(|(session, _)| !session.has_ended(now)).collect())
    }

    async fn session_by_handle(&self, Handle(first): Handle) -> Result<Option<Arc<Session>>, StoreError> {
        let end = |filler: u8| [first, [filler; 16]].concat();
        let rows = self.db.read(sql(BY_HANDLE).bind(end(0)).bind(end(0xff))).await?;
        Ok(rows.first().map(|row| self.latest(row)).transpose()?.map(|(session, _)| session))
    }

    async fn end_user_sessions(&self, user: UserId, entry: &Entry) -> Result<(), StoreError> {
        let statement = end_user(user, None, entry.at);
        let (users, live) = (Arc::clone(&self.users), Arc::clone(&self.live));
        change(&self.db, vec![statement, no_tokens(user, entry.at)], from_ref(entry), move || {
            users.changed(&user);
            live.ended_user(user, None);
        })
        .await
    }

    async fn logged(
        &self,
        org: OrgId,
        (from, to): (Timestamp, Timestamp),
        page: Page,
    ) -> Result<Vec<Logged>, StoreError> {
        self.db.settle().await?;
        let statement = sql(LOG)
            .bind(org.bits().to_be_bytes())
            .bind(from.as_micros())
            .bind(to.as_micros())
            .bind(page.limit())
            .bind(page.skip());
        let rows = self.db.read(statement).await?;
        let corrupt = |_| DbError::Corrupt("audit.event".into());
        let logged = rows.iter().map(|row| {
            let event = serde_json::from_str(row.text(2)?).map_err(corrupt)?;
            Ok(Logged { number: row.int(0)?, at: Timestamp::from_micros(row.int(1)?), event })
        });
        Ok(logged.collect::<Result<_, DbError>>()?)
    }
}

impl Store {
    /// The session of this row, as it is in memory if it is there: the disk may be behind. Where it was opened from is on
    /// disk as soon as memory has forgotten it.
    fn latest(&self, row: &Row) -> Result<(Arc<Session>, Origin), DbError> {
        let mut found = record(row)?;
        let origin = found.origin.take();
        let session = self.live.get(&found.digest).unwrap_or_else(|| Arc::new(found.into()));
        let origin = origin.or_else(|| session.origin()).unwrap_or_default();
        Ok((session, origin))
    }
}

/// The statement that ends the sessions of a user, but for one that goes on.
pub fn end_user(user: UserId, but: Option<SessionDigest>, now: Timestamp) -> Statement {
    // No session has a digest of nothing but zeros.
    let SessionDigest(but) = but.unwrap_or(SessionDigest([0; 32]));
    sql(END_USER).bind(user.bits().to_be_bytes()).bind(now.as_micros()).bind(but)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whoever_lists_their_own_sessions_does_not_walk_through_those_of_the_org() {
        let store = Store::in_memory(Timestamp::from_seconds(0)).await.unwrap();
        let plan = format!("EXPLAIN QUERY PLAN {OF_USER}").leak();
        let values = [16, 1, 1, 1, 1, 16].map(|size| vec![0_u8; size]);
        let rows = store.db.read(values.into_iter().fold(sql(plan), Statement::bind)).await.unwrap();
        assert_eq!(rows[0].text(3), Ok("SEARCH session USING INDEX session_by_user (user_id=?)"));
    }
}
