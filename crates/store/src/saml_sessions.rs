//! Sessions that SAML opened, by what their provider calls them.

use crate::db::{DbError, Row, Statement, sql};
use crate::sessions::{self, record};
use crate::{Store, change};
use async_trait::async_trait;
use domain::audit::Entry;
use domain::revision::Revision;
use domain::saml::session::{NameId, SamlSession, Subject};
use domain::session::{Session, SessionDigest};
use domain::store::{SamlSessions, StoreError};
use std::sync::Arc;
use wire::{IdentityProviderId, OrgId};

const KEEP: &str =
    "INSERT INTO saml_session (digest, org_id, provider_id, subject, name_id, format, name_qualifier,
    sp_name_qualifier, session_index) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";

const FIND: &str =
    "SELECT org_id, provider_id, name_id, format, name_qualifier, sp_name_qualifier, session_index
    FROM saml_session WHERE digest = $1";

const OF_SUBJECT: &str = "SELECT session.digest, session.user_id, session.org_id, session.opened_at,
    session.seen_at, session.ends_at, session.idle_micros, session.unique_id, session.address, session.device,
    saml_session.org_id, saml_session.provider_id, saml_session.name_id, saml_session.format,
    saml_session.name_qualifier, saml_session.sp_name_qualifier, saml_session.session_index
    FROM saml_session JOIN session ON session.digest = saml_session.digest
    WHERE saml_session.subject = $1 AND session.ended_at IS NULL ORDER BY session.digest";

#[async_trait]
impl SamlSessions for Store {
    async fn open_saml_session(
        &self,
        session: &Arc<Session>,
        proven: &Revision,
        known_as: &SamlSession,
        entry: &Entry,
    ) -> Result<(), StoreError> {
        self.open_and(session, proven, vec![keep(&session.digest, known_as)], entry).await
    }

    async fn saml_session(&self, digest: &SessionDigest) -> Result<Option<SamlSession>, StoreError> {
        let rows = self.db.read(sql(FIND).bind(digest.0)).await?;
        Ok(rows.first().map(|row| known_as(row, 0)).transpose()?)
    }

    async fn saml_sessions(&self, of: Subject) -> Result<Vec<(Arc<Session>, SamlSession)>, StoreError> {
        let rows = self.db.read(sql(OF_SUBJECT).bind(of.0)).await?;
        let both = |row: &Row| Ok((Arc::new(record(row)?.into()), known_as(row, 10)?));
        Ok(rows.iter().map(both).collect::<Result<_, DbError>>()?)
    }

    async fn end_sessions(&self, sessions: &[Arc<Session>], entries: &[Entry]) -> Result<(), StoreError> {
        let at = entries.first().map(|entry| entry.at).unwrap_or_default();
        let (live, mut sessions) = (Arc::clone(&self.live), sessions.to_vec());
        // In the order in which their uses are written, so that neither waits for the other.
        sessions.sort_unstable_by_key(|session| session.digest.0);
        let statements = sessions.iter().map(|session| sessions::end(session, at)).collect();
        change(&self.db, statements, entries, move || {
            for session in sessions {
                session.mark_ended();
                live.ended(&session.digest);
            }
        })
        .await
    }
}

fn keep(digest: &SessionDigest, known_as: &SamlSession) -> Statement {
    let SamlSession { org, provider, name, index } = known_as;
    sql(KEEP)
        .bind(digest.0)
        .bind(org.bits().to_be_bytes())
        .bind(provider.bits().to_be_bytes())
        .bind(known_as.subject().0)
        .bind(name.value.as_str())
        .bind(name.format.clone())
        .bind(name.name_qualifier.clone())
        .bind(name.sp_name_qualifier.clone())
        .bind(index.clone())
}

/// What stands in a row from this column on.
fn known_as(row: &Row, from: usize) -> Result<SamlSession, DbError> {
    let text = |column: usize| Ok::<_, DbError>(row.opt_text(from + column)?.map(str::to_owned));
    Ok(SamlSession {
        org: OrgId::from_bits(row.id(from)?),
        provider: IdentityProviderId::from_bits(row.id(from + 1)?),
        name: NameId {
            value: row.text(from + 2)?.to_owned(),
            format: text(3)?,
            name_qualifier: text(4)?,
            sp_name_qualifier: text(5)?,
        },
        index: text(6)?,
    })
}
