//! Changes of orgs: on disk, in what is at hand, and in the live sessions.

use crate::db::sql;
use crate::directory::{insert_account, insert_org, org_profile};
use crate::people::belongings;
use crate::{Store, change, sessions, write_with};
use async_trait::async_trait;
use domain::audit::Entry;
use domain::name::Label;
use domain::org::Org;
use domain::page::Page;
use domain::store::{Directory, Orgs, StoreError};
use domain::user::Account;
use std::slice::from_ref;
use std::sync::Arc;
use wire::OrgId;

const WITHIN: &str = "WITH RECURSIVE within (id) AS
    (SELECT $1 UNION SELECT org.id FROM org JOIN within ON org.parent_id = within.id)
    SELECT org.id FROM org JOIN within ON org.id = within.id ORDER BY org.name, org.id LIMIT $2 OFFSET $3";

const NAMED: &str = "SELECT id FROM org WHERE parent_id = $1 AND name = $2 ORDER BY id LIMIT 2";

const PARENT: &str = "SELECT 1 FROM org WHERE id = $1";

const REPLACE: &str =
    "UPDATE org SET name = $2, region = $3, session_limit = $4, updated_at = $5, profile = $6,
    updated_by = $7, revision = $8 WHERE id = $1 AND revision = $8 - 1";

/// Everything that is an org's own, what points elsewhere first. Its sessions are ended instead; the record of what
/// happened stays, and so do the marks of what was used once, until their time is over.
const OWN: [&str; 7] = [
    "DELETE FROM group_member WHERE group_id IN (SELECT id FROM user_group WHERE org_id = $1)",
    "DELETE FROM group_role WHERE group_id IN (SELECT id FROM user_group WHERE org_id = $1)",
    "DELETE FROM user_group WHERE org_id = $1",
    "DELETE FROM account_role WHERE account_id IN (SELECT id FROM account WHERE org_id = $1)",
    "DELETE FROM account WHERE org_id = $1",
    "DELETE FROM role WHERE org_id = $1",
    "DELETE FROM identity_provider WHERE org_id = $1",
];

const REMOVE: &str = "DELETE FROM org WHERE id = $1 AND revision = $2
    AND NOT EXISTS (SELECT 1 FROM org AS below WHERE below.parent_id = $1)";

#[async_trait]
impl Orgs for Store {
    async fn orgs_within(&self, top: OrgId, page: Page) -> Result<Vec<Arc<Org>>, StoreError> {
        let statement = sql(WITHIN).bind(top.bits().to_be_bytes()).bind(page.limit()).bind(page.skip());
        let mut orgs = Vec::new();
        for row in self.db.read(statement).await? {
            orgs.extend(self.org(OrgId::from_bits(row.id(0)?)).await?);
        }
        Ok(orgs)
    }

    async fn orgs_named(&self, above: OrgId, name: &Label) -> Result<Vec<OrgId>, StoreError> {
        let statement = sql(NAMED).bind(above.bits().to_be_bytes()).bind(name.as_str());
        let rows = self.db.read(statement).await?;
        Ok(rows.iter().map(|row| row.id(0).map(OrgId::from_bits)).collect::<Result<_, _>>()?)
    }

    async fn add_org(&self, org: &Org, first: Option<&Account>, entries: &[Entry]) -> Result<(), StoreError> {
        let parent = sql(PARENT).bind(org.parent.bits().to_be_bytes()).must_change();
        let mut statements = vec![parent, insert_org(org)?];
        if let Some(account) = first {
            statements.push(insert_account(account)?);
            statements.extend(belongings(&account.user));
        }
        Ok(write_with(&*self.db, statements, entries).await?)
    }

    async fn replace_org(&self, new: &Org, entry: &Entry) -> Result<(), StoreError> {
        let statement = sql(REPLACE)
            .bind(new.id.bits().to_be_bytes())
            .bind(new.name.as_str())
            .bind(new.region.clone())
            .bind(new.session_limit)
            .bind(new.updated_at.as_micros())
            .bind(org_profile(new)?)
            .bind(new.revision.updated_by())
            .bind(new.revision.number)
            .must_change();
        let (orgs, id) = (Arc::clone(&self.orgs), new.id);
        change(&self.db, vec![statement], from_ref(entry), move || orgs.changed(&id)).await
    }

    async fn remove_org(&self, org: &Org, entry: &Entry) -> Result<(), StoreError> {
        let (id, bytes) = (org.id, org.id.bits().to_be_bytes());
        let ending = sessions::end_org(id, entry.at);
        let removal = sql(REMOVE).bind(bytes).bind(org.revision.number).must_change();
        let own = OWN.into_iter().map(|text| sql(text).bind(bytes));
        let statements = std::iter::once(ending).chain(own).chain([removal]).collect();
        let (live, orgs, users) = (Arc::clone(&self.live), Arc::clone(&self.orgs), Arc::clone(&self.users));
        change(&self.db, statements, from_ref(entry), move || {
            orgs.changed(&id);
            users.all_changed();
            live.ended_org(id);
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::time::Timestamp;

    /// A table that somebody adds must be emptied with its org too, or the removal fails at the first row in it.
    #[tokio::test]
    async fn whatever_belongs_to_an_org_goes_with_it() {
        let store = Store::in_memory(Timestamp::from_seconds(0)).await.unwrap();
        let rows =
            store.db.read(sql("SELECT name, sql FROM sqlite_master WHERE type = 'table'")).await.unwrap();
        let (mut own, mut left) = (0, Vec::new());
        for row in &rows {
            let (table, text) = (row.text(0).unwrap(), row.text(1).unwrap());
            let belongs = ["org_id", "REFERENCES org", "REFERENCES account", "REFERENCES user_group"];
            if !belongs.iter().any(|word| text.contains(word)) || text.contains("ON DELETE CASCADE") {
                continue;
            }
            if OWN.iter().any(|text| text.starts_with(&format!("DELETE FROM {table} "))) {
                own += 1;
            } else {
                left.push(table);
            }
        }
        left.sort_unstable();
        assert_eq!(
            (own, left),
            (OWN.len(), vec!["audit", "audit_waiting", "revoked_token", "session", "spent"])
        );
    }
}
