//! When passwords were set, which were used before, and the answers to security questions.

use crate::db::{DbError, Row, Statement, sql};
use crate::{Store, write};
use async_trait::async_trait;
use domain::audit::Entry;
use domain::method::hash::PasswordHash;
use domain::password::{REMEMBERED, Replacement};
use domain::store::{Passwords, StoreError};
use domain::time::Timestamp;
use domain::user::User;
use wire::UserId;

const SET_AT: &str =
    "SELECT COALESCE(password_at, created_at) FROM account WHERE id = $1 AND password_hash IS NOT NULL";

const USED: &str = "SELECT password_hash FROM account WHERE id = $1 AND password_hash IS NOT NULL
    UNION ALL SELECT password_hash FROM password_history WHERE account_id = $1 AND replaced_at > $2";

const ANSWER: &str = "SELECT security_answer FROM account WHERE id = $1 AND security_answer IS NOT NULL";

const REPLACE_ANSWER: &str = "UPDATE account SET security_answer = $2 WHERE id = $1";

const NO_ANSWER: &str = "UPDATE account SET security_answer = NULL WHERE id = $1";

const REMEMBER: &str = "INSERT INTO password_history (account_id, password_hash, replaced_at)
    SELECT id, password_hash, $2 FROM account WHERE id = $1 AND password_hash IS NOT NULL";

const FORGET: &str = "DELETE FROM password_history WHERE account_id = $1 AND (replaced_at <= $2 OR replaced_at <
    (SELECT replaced_at FROM password_history WHERE account_id = $1 ORDER BY replaced_at DESC LIMIT 1 OFFSET $3))";

const PASSWORD: &str =
    "UPDATE account SET password_hash = $2, must_change_password = 0, updated_at = $3, password_at = $3,
    revision = revision + 1 WHERE id = $1 AND revision = $4";

#[async_trait]
impl Passwords for Store {
    async fn password_set_at(&self, user: UserId) -> Result<Option<Timestamp>, StoreError> {
        let rows = self.db.read(sql(SET_AT).bind(user.bits().to_be_bytes())).await?;
        Ok(rows.first().map(|row| row.int(0).map(Timestamp::from_micros)).transpose()?)
    }

    async fn passwords(&self, user: UserId, since: Timestamp) -> Result<Vec<PasswordHash>, StoreError> {
        let used = sql(USED).bind(user.bits().to_be_bytes()).bind(since.as_micros());
        Ok(self.db.read(used).await?.iter().map(hash).collect::<Result<_, _>>()?)
    }

    async fn security_answer(&self, user: UserId) -> Result<Option<PasswordHash>, StoreError> {
        let rows = self.db.read(sql(ANSWER).bind(user.bits().to_be_bytes())).await?;
        Ok(rows.first().map(hash).transpose()?)
    }

    async fn replace_security_answer(
        &self,
        user: UserId,
        answer: &PasswordHash,
        entry: &Entry,
    ) -> Result<(), StoreError> {
        let replace = sql(REPLACE_ANSWER).bind(user.bits().to_be_bytes()).bind(answer.expose());
        Ok(write(&*self.db, vec![replace.must_change()], entry).await?)
    }
}

/// The statements that give a user another password and remember the one before.
pub(crate) fn replace(user: &User, new: &Replacement, at: Timestamp) -> Vec<Statement> {
    let id = user.id.bits().to_be_bytes();
    let password = sql(PASSWORD)
        .bind(id)
        .bind(new.hash.expose())
        .bind(at.as_micros())
        .bind(user.revision.number)
        .must_change();
    let mut statements = vec![
        sql(REMEMBER).bind(id).bind(at.as_micros()),
        password,
        sql(FORGET).bind(id).bind(new.remember.as_micros()).bind(REMEMBERED - 1),
    ];
    statements.extend(new.forgets_answer.then(|| sql(NO_ANSWER).bind(id)));
    statements
}

fn hash(row: &Row) -> Result<PasswordHash, DbError> {
    row.text(0)?.parse().map_err(|_| DbError::Corrupt("a password hash".into()))
}
