//! The key with which this service signs what it says to SAML identity providers.

use crate::db::{DbError, Row, sql};
use crate::{Store, write};
use async_trait::async_trait;
use domain::audit::Entry;
use domain::keyring::{Certified, PrivateKey};
use domain::store::{SamlKeys, StoreError};

const THE_ONE: &str = "SELECT private_key, certificate FROM saml_key WHERE id = 1";

const KEEP: &str = "INSERT INTO saml_key (id, private_key, certificate, created_at) VALUES (1, $1, $2, $3)";

#[async_trait]
impl SamlKeys for Store {
    async fn saml_key(&self) -> Result<Option<Certified>, StoreError> {
        let rows = self.db.read(sql(THE_ONE)).await?;
        let key = |row: &Row| {
            let private = PrivateKey::new(row.blob(0)?.to_vec());
            Ok::<_, DbError>(Certified { private, certificate: row.blob(1)?.to_vec() })
        };
        Ok(rows.first().map(key).transpose()?)
    }

    async fn keep_saml_key(&self, key: &Certified, entry: &Entry) -> Result<(), StoreError> {
        let keep = sql(KEEP)
            .bind(key.private.expose().to_vec())
            .bind(key.certificate.clone())
            .bind(entry.at.as_micros());
        Ok(write(&*self.db, vec![keep], entry).await?)
    }
}
