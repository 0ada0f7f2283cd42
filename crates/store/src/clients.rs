//! OAuth clients, their roles and their secrets, and the tokens that were withdrawn.

use crate::db::{DbError, Durability, Row, Statement, sql};
use crate::{Store, to_the_end, withdrawn, write};
use async_trait::async_trait;
use domain::audit::Entry;
use domain::client::{Client, ClientSecret, SecretDigest, Terms};
use domain::revision::Revision;
use domain::revocation::Revocation;
use domain::role::{AnyRole, Role};
use domain::store::{Clients, StoreError};
use domain::time::Timestamp;
use domain::user::Status;
use std::collections::HashSet;
use std::sync::Arc;
use wire::{ClientId, ClientSecretId, OrgId, RoleId};

const BY_ID: &str =
    "SELECT id, org_id, name, description, is_disabled, token_minutes, created_by, updated_by, revision,
    created_at, updated_at FROM oauth_client WHERE id = $1";

const OF_ORG: &str = "SELECT id FROM oauth_client WHERE org_id = $1 ORDER BY created_at, id";

const ROLES: &str = "SELECT role_id FROM oauth_client_role WHERE client_id = $1 ORDER BY role_id";

const SECRETS: &str = "SELECT id, digest, created_at, last_used_at FROM oauth_client_secret
    WHERE client_id = $1 ORDER BY created_at, id";

/// Changes nothing but whether anything is changed: of two who add the last one, the second finds it there.
const HAS_ROOM: &str = "UPDATE org SET id = id WHERE id = $1
    AND (SELECT COUNT(*) FROM oauth_client WHERE org_id = $1) < $2";

const INSERT: &str = "INSERT INTO oauth_client (id, org_id, name, description, is_disabled, token_minutes,
    created_by, updated_by, revision, created_at, updated_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";

const REPLACE: &str = "UPDATE oauth_client SET name = $2, description = $3, is_disabled = $4,
    token_minutes = $5, updated_by = $6, revision = $7, updated_at = $8 WHERE id = $1 AND revision = $7 - 1";

const NO_ROLES: &str = "DELETE FROM oauth_client_role WHERE client_id = $1";
const ADD_ROLE: &str = "INSERT INTO oauth_client_role (client_id, role_id) VALUES ($1, $2)";

const ADD_SECRET: &str = "INSERT INTO oauth_client_secret (id, client_id, digest, created_at, last_used_at)
    VALUES ($1, $2, $3, $4, $5) ON CONFLICT (id) DO NOTHING";
const NO_OTHER_SECRETS: &str =
    "DELETE FROM oauth_client_secret WHERE client_id = $1 AND id <> $2 AND id <> $3";
const NO_SECRETS: &str = "DELETE FROM oauth_client_secret WHERE client_id = $1";

const USED: &str = "UPDATE oauth_client_secret SET last_used_at = $2
    WHERE id = $1 AND (last_used_at IS NULL OR last_used_at <= $3)";

const REMOVE: &str = "DELETE FROM oauth_client WHERE id = $1";

const HAS_ROOM_TO_REVOKE: &str = "UPDATE org SET id = id WHERE id = $1
    AND (SELECT COUNT(*) FROM revoked_token WHERE org_id = $1) < $2";

const REVOKE: &str =
    "INSERT INTO revoked_token (digest, org_id, until) VALUES ($1, $2, $3) ON CONFLICT (digest) DO NOTHING";

const REVOKED: &str = "SELECT digest FROM revoked_token LIMIT $1";

const IS_REVOKED: &str = "SELECT digest FROM revoked_token WHERE digest = $1";

const FORGET_REVOKED: &str = "DELETE FROM revoked_token WHERE digest IN (SELECT digest FROM revoked_token WHERE until < $1 LIMIT 1000)";

#[async_trait]
impl Clients for Store {
    async fn clients(&self, org: OrgId) -> Result<Vec<Arc<Client>>, StoreError> {
        let mut clients = Vec::new();
        for row in self.db.read(sql(OF_ORG).bind(org.bits().to_be_bytes())).await? {
            clients.extend(self.client(ClientId::from_bits(row.id(0)?)).await?);
        }
        Ok(clients)
    }

    async fn client(&self, id: ClientId) -> Result<Option<Arc<Client>>, StoreError> {
        let read = |text| self.db.read(sql(text).bind(id.bits().to_be_bytes()));
        let (rows, roles, secrets) = (read(BY_ID).await?, read(ROLES).await?, read(SECRETS).await?);
        let Some(row) = rows.first() else { return Ok(None) };
        let mut client = client(row)?;
        for row in roles {
            let id = RoleId::from_bits(row.id(0)?);
            match Role::with_id(id) {
                Some(role) => client.roles.push(AnyRole::BuiltIn(role)),
                None => client.roles.extend(self.read_role(id).await?.map(AnyRole::Custom)),
            }
        }
        client.secrets = secrets.iter().map(secret).collect::<Result<_, _>>()?;
        Ok(Some(Arc::new(client)))
    }

    async fn add_client(&self, client: &Client, most: u32, entry: &Entry) -> Result<bool, StoreError> {
        let has_room = sql(HAS_ROOM).bind(client.org.bits().to_be_bytes()).bind(most).must_change();
        let statements = [vec![has_room, insert(client)], belongings(client)].concat();
        was_done(write(&*self.db, statements, entry).await)
    }

    async fn replace_client(&self, new: &Client, entry: &Entry) -> Result<(), StoreError> {
        let id = new.id.bits().to_be_bytes();
        let first = sql(REPLACE)
            .bind(id)
            .bind(new.terms.name())
            .bind(new.terms.description())
            .bind(!new.is_active())
            .bind(new.terms.token_minutes())
            .bind(new.revision.updated_by())
            .bind(new.revision.number)
            .bind(new.updated_at.as_micros())
            .must_change();
        let emptied = vec![first, sql(NO_ROLES).bind(id), no_other_secrets(new)];
        Ok(write(&*self.db, [emptied, belongings(new)].concat(), entry).await?)
    }

    async fn remove_client(&self, id: ClientId, entry: &Entry) -> Result<(), StoreError> {
        let id = id.bits().to_be_bytes();
        let emptied = [NO_ROLES, NO_SECRETS].map(|text| sql(text).bind(id));
        let statements = emptied.into_iter().chain([sql(REMOVE).bind(id).must_change()]).collect();
        Ok(write(&*self.db, statements, entry).await?)
    }

    async fn client_secret_used(
        &self,
        secret: ClientSecretId,
        at: Timestamp,
        before: Timestamp,
    ) -> Result<(), StoreError> {
        let used = sql(USED).bind(secret.bits().to_be_bytes()).bind(at.as_micros()).bind(before.as_micros());
        Ok(self.db.write(vec![used], Durability::Relaxed).await.map(drop)?)
    }

    async fn revoke_token(&self, token: &Revocation, most: u32, entry: &Entry) -> Result<bool, StoreError> {
        let org = token.org.bits().to_be_bytes();
        let has_room = sql(HAS_ROOM_TO_REVOKE).bind(org).bind(most).must_change();
        let revoke = sql(REVOKE).bind(token.digest).bind(org).bind(token.until.as_micros());
        let (db, withdrawn, digest) = (Arc::clone(&self.db), Arc::clone(&self.withdrawn), token.digest);
        let entry = entry.clone();
        to_the_end(async move {
            let had_room = was_done(write(&*db, vec![has_room, revoke], &entry).await);
            // Nobody is served a token of which nobody knows whether it was withdrawn.
            if !matches!(had_room, Ok(false)) {
                withdrawn.add(digest);
            }
            had_room
        })
        .await
    }

    fn is_known_revoked(&self, digest: &[u8; 32]) -> Option<bool> {
        self.withdrawn.has(digest)
    }

    async fn is_token_revoked(&self, digest: &[u8; 32]) -> Result<bool, StoreError> {
        if let Some(is_withdrawn) = self.withdrawn.has(digest) {
            return Ok(is_withdrawn);
        }
        let Some(reading) = self.withdrawn.start_reading() else {
            return Ok(!self.db.read(sql(IS_REVOKED).bind(*digest)).await?.is_empty());
        };
        let most = i64::try_from(withdrawn::MOST).unwrap_or(i64::MAX).saturating_add(1);
        let rows = self.db.read(sql(REVOKED).bind(most)).await?;
        let all: HashSet<_> = rows.iter().map(|row| row.digest(0)).collect::<Result<_, _>>()?;
        let is_withdrawn = all.contains(digest);
        // When there are more than were read, this one may be among the rest.
        let is_known = is_withdrawn || all.len() <= withdrawn::MOST;
        reading.keep(all);
        match is_known {
            true => Ok(is_withdrawn),
            false => Ok(!self.db.read(sql(IS_REVOKED).bind(*digest)).await?.is_empty()),
        }
    }

    async fn forget_revocations(&self, before: Timestamp) -> Result<(), StoreError> {
        self.delete_all(|| sql(FORGET_REVOKED).bind(before.as_micros())).await?;
        self.withdrawn.forget();
        Ok(())
    }
}

fn was_done(result: Result<(), DbError>) -> Result<bool, StoreError> {
    match result {
        Ok(()) => Ok(true),
        Err(DbError::Unchanged) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn insert(client: &Client) -> Statement {
    sql(INSERT)
        .bind(client.id.bits().to_be_bytes())
        .bind(client.org.bits().to_be_bytes())
        .bind(client.terms.name())
        .bind(client.terms.description())
        .bind(!client.is_active())
        .bind(client.terms.token_minutes())
        .bind(client.revision.created_by())
        .bind(client.revision.updated_by())
        .bind(client.revision.number)
        .bind(client.created_at.as_micros())
        .bind(client.updated_at.as_micros())
}

/// The roles and secrets of a client; a secret that is there already keeps its last use.
fn belongings(client: &Client) -> Vec<Statement> {
    let id = client.id.bits().to_be_bytes();
    let role = |role: &AnyRole| sql(ADD_ROLE).bind(id).bind(role.id().bits().to_be_bytes());
    let secret = |secret: &ClientSecret| {
        sql(ADD_SECRET)
            .bind(secret.id.bits().to_be_bytes())
            .bind(id)
            .bind(secret.digest.0)
            .bind(secret.created_at.as_micros())
            .bind(secret.last_used_at.map(Timestamp::as_micros))
    };
    client.roles.iter().map(role).chain(client.secrets.iter().map(secret)).collect()
}

fn no_other_secrets(client: &Client) -> Statement {
    let id = |secret: Option<&ClientSecret>| secret.map_or(0, |secret| secret.id.bits()).to_be_bytes();
    sql(NO_OTHER_SECRETS)
        .bind(client.id.bits().to_be_bytes())
        .bind(id(client.secrets.first()))
        .bind(id(client.secrets.last()))
}

fn client(row: &Row) -> Result<Client, DbError> {
    let corrupt = |what: &str| DbError::Corrupt(format!("oauth_client.{what}"));
    let minutes = u32::try_from(row.int(5)?).map_err(|_| corrupt("token_minutes"))?;
    let terms = Terms::new(row.text(2)?, row.text(3)?.to_owned(), minutes);
    Ok(Client {
        id: ClientId::from_bits(row.id(0)?),
        org: OrgId::from_bits(row.id(1)?),
        terms: terms.map_err(|_| corrupt("name"))?,
        roles: Vec::new(),
        status: if row.flag(4)? { Status::Disabled } else { Status::Active },
        secrets: Vec::new(),
        revision: Revision::of(row.text(6)?, row.text(7)?, row.int(8)?),
        created_at: Timestamp::from_micros(row.int(9)?),
        updated_at: Timestamp::from_micros(row.int(10)?),
    })
}

fn secret(row: &Row) -> Result<ClientSecret, DbError> {
    Ok(ClientSecret {
        id: ClientSecretId::from_bits(row.id(0)?),
        digest: SecretDigest(row.digest(1)?),
        created_at: Timestamp::from_micros(row.int(2)?),
        last_used_at: row.opt_int(3)?.map(Timestamp::from_micros),
    })
}
