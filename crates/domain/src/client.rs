//! OAuth clients: programs of an org that get tokens for themselves, each with roles and one or two live secrets.

use crate::access::{Grantable, Over, Permit, action};
use crate::audit::{Event, Written};
use crate::cx::Cx;
use crate::entropy;
use crate::name::{Label, UserName};
use crate::privilege::Privileges;
use crate::revision::{Revision, author};
use crate::role::AnyRole;
use crate::store::StoreError;
use crate::time::{Timestamp, minutes};
use crate::user::{Authenticator, Grants, Profile, Status, User};
use aws_lc_rs::{constant_time, digest};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use wire::{ClientId, ClientSecretId, OrgId, Secret, UserId};

/// Clients that an org may have.
pub const MOST: u32 = 100;

/// Secrets of one client that may be alive at once: the old one and the new one of a rotation.
pub const MOST_SECRETS: usize = 2;

/// Characters of a secret behind its prefix: 256 random bits.
const SECRET_LENGTH: usize = 43;

/// What every secret begins with, so that whoever looks for leaked secrets knows one.
const SECRET_PREFIX: &str = "lkcs_";

/// How old the noted last use of a secret may be: a busy client costs one write in this time.
const USE_NOTED: Duration = Duration::from_secs(60);

/// An OAuth client, with nothing that proves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// Its id, which it presents.
    pub id: ClientId,
    /// The org that it belongs to.
    pub org: OrgId,
    /// What people call it, and how long its tokens live.
    pub terms: Terms,
    /// What it may do.
    pub roles: Vec<AnyRole>,
    /// Whether it may get tokens, and use those that it has.
    pub status: Status,
    /// What it proves itself with, oldest first.
    pub secrets: Vec<ClientSecret>,
    /// Which writing this is.
    pub revision: Revision,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl Client {
    /// Whether it may get tokens, and use those that it has.
    pub fn is_active(&self) -> bool {
        self.status == Status::Active
    }

    /// What it may do.
    pub fn privileges(&self) -> Privileges {
        self.roles.iter().fold(Privileges::NONE, |all, role| all.and(role.privileges()))
    }

    /// Whether this secret of it is alive.
    pub(crate) fn has_secret(&self, id: ClientSecretId) -> bool {
        self.secrets.iter().any(|secret| secret.id == id)
    }

    /// The user that its calls are made as: of its org, with its roles, and with a name that no person can have.
    pub(crate) fn as_user(&self) -> User {
        let (mut built_in, mut custom) = (Vec::new(), Vec::new());
        for role in self.roles.iter().cloned() {
            match role {
                AnyRole::BuiltIn(role) => built_in.push(role),
                AnyRole::Custom(role) => custom.push(role),
            }
        }
        User {
            id: UserId::from_bits(self.id.bits()),
            org: self.org,
            name: UserName::of_client(self.id),
            status: self.status,
            authenticator: Authenticator::Saml,
            roles: built_in.into_iter().collect(),
            grants: Grants::of(custom, Vec::new()),
            profile: Profile { first_name: self.terms.name.as_str().to_owned(), ..Profile::default() }.into(),
            must_change_password: false,
            tokens_after: None,
            max_login_attempts: None,
            created_at: self.created_at,
            updated_at: self.updated_at,
            revision: self.revision.clone(),
        }
    }
}

/// One secret of a client. The secret itself is nowhere: its owner has the only copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientSecret {
    /// What it is called; it opens nothing.
    pub id: ClientSecretId,
    /// What the secret is compared with.
    pub digest: SecretDigest,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
}

/// SHA-256 of a secret, which is random enough that a slow hash would add nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SecretDigest(pub [u8; 32]);

impl SecretDigest {
    /// The digest of a secret.
    pub fn of(secret: &Secret) -> Self {
        let digest = digest::digest(&digest::SHA256, secret.expose().as_bytes());
        Self(digest.as_ref().try_into().unwrap_or([0; 32]))
    }

    /// Compares in the same time whatever the bytes are.
    pub(crate) fn is(&self, other: &Self) -> bool {
        constant_time::verify_slices_are_equal(&self.0, &other.0).is_ok()
    }
}

impl fmt::Debug for SecretDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretDigest(..)")
    }
}

/// What people call a client, and how long its tokens live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    name: Label,
    description: String,
    token_minutes: u32,
}

/// What is wrong with the terms of a client, as a sentence without its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unfit(&'static str);

impl Terms {
    /// How long the tokens of a client live when nobody says.
    pub const MINUTES: u32 = 30;

    /// Terms that keep the vendor's limits (protocol.md 3.6).
    pub fn new(name: &str, description: String, token_minutes: u32) -> Result<Self, Unfit> {
        let name = name.parse::<Label>().ok().filter(|name| name.as_str().chars().count() <= 32);
        let name = name.ok_or(Unfit("name has 1 to 32 characters that can be seen"))?;
        if description.chars().count() > 255 {
            return Err(Unfit("description has at most 255 characters"));
        }
        if !(5..=1_440).contains(&token_minutes) {
            return Err(Unfit("tokenMinutes is 5 to 1440"));
        }
        Ok(Self { name, description, token_minutes })
    }

    /// What people call it.
    pub fn name(&self) -> &str {
        self.name.as_str()
    }

    /// Free text.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// How long its tokens live, in minutes.
    pub fn token_minutes(&self) -> u32 {
        self.token_minutes
    }

    /// How long its tokens live.
    pub fn token_life(&self) -> Duration {
        minutes(self.token_minutes)
    }
}

/// What is to be different about a client; what is `None` stays.
#[derive(Debug, Default)]
pub struct Change {
    /// What people call it, and how long its tokens live.
    pub terms: Option<Terms>,
    /// What it may do.
    pub roles: Option<Grantable>,
    /// Whether it may get tokens.
    pub status: Option<Status>,
}

/// Why a client was not written.
#[derive(Debug)]
pub enum ClientError {
    /// The org has as many as it may.
    TooMany,
    /// It has as many secrets as it may.
    TooManySecrets,
    /// It has no such secret.
    NoSecret,
    /// Somebody else changed it meanwhile, or it is gone.
    Contended,
    /// The store did not do it.
    Store(StoreError),
}

impl From<StoreError> for ClientError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict => Self::Contended,
            other => Self::Store(other),
        }
    }
}

/// A client with the one copy of a secret that was just made for it.
#[derive(Debug)]
pub struct Made {
    /// The client as it stands now.
    pub client: Client,
    /// Which of its secrets it is.
    pub id: ClientSecretId,
    /// The secret.
    pub secret: Secret,
}

/// The clients of the org of the permit, oldest first.
pub async fn list(cx: &Cx, permit: &Permit<action::ViewClients>) -> Result<Vec<Arc<Client>>, StoreError> {
    cx.store.clients(permit.org()).await
}

/// Adds a client with its first secret to the org of the permit.
pub async fn add(
    cx: &Cx,
    permit: Permit<action::ManageClients>,
    terms: Terms,
    roles: Grantable,
) -> Result<Made, ClientError> {
    let now = cx.clock.now();
    let (secret, kept) = draw(cx, now);
    let client = Client {
        id: ClientId::from_bits(entropy::id(&*cx.entropy)),
        org: permit.org(),
        terms,
        roles: roles.into_roles(),
        status: Status::Active,
        secrets: vec![kept.clone()],
        revision: Revision::first(author(cx, &permit).await?),
        created_at: now,
        updated_at: now,
    };
    let event = written(&client, permit.by(), Written::Added);
    let had_room = cx.store.add_client(&client, MOST, &event.at(now)).await?;
    if had_room { Ok(Made { client, id: kept.id, secret }) } else { Err(ClientError::TooMany) }
}

/// Changes a client; what it loses it loses with its next call, whatever tokens it has.
pub async fn change(
    cx: &Cx,
    over: Over<action::ManageClients, Client>,
    change: Change,
) -> Result<Client, ClientError> {
    let old = over.thing();
    let status = change.status.unwrap_or(old.status);
    let how =
        if old.is_active() && status == Status::Disabled { Written::Disabled } else { Written::Changed };
    let new = Client {
        terms: change.terms.unwrap_or_else(|| old.terms.clone()),
        roles: change.roles.map_or_else(|| old.roles.clone(), Grantable::into_roles),
        status,
        ..Client::clone(old)
    };
    let event = written(&new, over.permit().by(), how);
    rewrite(cx, &over, new, event).await
}

/// Removes a client, and with it every token that it has.
pub async fn remove(cx: &Cx, over: Over<action::ManageClients, Client>) -> Result<(), ClientError> {
    let event = written(over.thing(), over.permit().by(), Written::Removed);
    Ok(cx.store.remove_client(over.thing().id, &event.at(cx.clock.now())).await?)
}

/// Gives a client another secret beside the one that it has.
pub async fn add_secret(cx: &Cx, over: Over<action::ManageClients, Client>) -> Result<Made, ClientError> {
    let mut new = Client::clone(over.thing());
    if new.secrets.len() >= MOST_SECRETS {
        return Err(ClientError::TooManySecrets);
    }
    let (secret, kept) = draw(cx, cx.clock.now());
    let (org, client, id, by) = (new.org, new.id, kept.id, over.permit().by());
    new.secrets.push(kept);
    let client = rewrite(cx, &over, new, Event::ClientSecretAdded { org, client, secret: id, by }).await?;
    Ok(Made { client, id, secret })
}

/// Takes a secret from a client, and with it every token that it got by it.
pub async fn remove_secret(
    cx: &Cx,
    over: Over<action::ManageClients, Client>,
    secret: ClientSecretId,
) -> Result<(), ClientError> {
    let mut new = Client::clone(over.thing());
    if !new.has_secret(secret) {
        return Err(ClientError::NoSecret);
    }
    new.secrets.retain(|kept| kept.id != secret);
    let (org, client, by) = (new.org, new.id, over.permit().by());
    rewrite(cx, &over, new, Event::ClientSecretRemoved { org, client, secret, by }).await.map(drop)
}

/// Notes that a secret was used, unless that was noted a moment ago; not forced to disk.
pub(crate) async fn used(cx: &Cx, secret: &ClientSecret, now: Timestamp) -> Result<(), StoreError> {
    if secret.last_used_at.is_some_and(|at| now.since(at) < USE_NOTED) {
        return Ok(());
    }
    cx.store.client_secret_used(secret.id, now, now - USE_NOTED).await
}

async fn rewrite(
    cx: &Cx,
    over: &Over<action::ManageClients, Client>,
    new: Client,
    event: Event,
) -> Result<Client, ClientError> {
    let now = cx.clock.now();
    let revision = new.revision.next(author(cx, over.permit()).await?);
    let new = Client { revision, updated_at: now, ..new };
    cx.store.replace_client(&new, &event.at(now)).await?;
    Ok(new)
}

fn draw(cx: &Cx, now: Timestamp) -> (Secret, ClientSecret) {
    let word = entropy::word(&*cx.entropy, SECRET_LENGTH);
    let secret = Secret::new(format!("{SECRET_PREFIX}{}", word.expose()));
    let id = ClientSecretId::from_bits(entropy::id(&*cx.entropy));
    let kept = ClientSecret { id, digest: SecretDigest::of(&secret), created_at: now, last_used_at: None };
    (secret, kept)
}

fn written(client: &Client, by: UserId, how: Written) -> Event {
    Event::ClientWritten { org: client.org, client: client.id, by, how }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_keep_their_limits() {
        let terms = |name: &str, description: usize, minutes| {
            Terms::new(name, "é".repeat(description), minutes).map(|_| ()).map_err(|unfit| unfit.0)
        };
        assert_eq!(terms(&"é".repeat(32), 255, 5), Ok(()));
        assert_eq!(terms("etl", 0, 1_440), Ok(()));
        for (name, description, minutes, field) in [
            ("", 0, 30, "name"),
            ("a\nb", 0, 30, "name"),
            (&"x".repeat(33), 0, 30, "name"),
            ("etl", 256, 30, "description"),
            ("etl", 0, 4, "tokenMinutes"),
            ("etl", 0, 1_441, "tokenMinutes"),
        ] {
            assert!(terms(name, description, minutes).is_err_and(|why| why.starts_with(field)), "{field}");
        }
    }

    #[test]
    fn a_secret_is_its_own_digest_and_no_other() {
        let digest = |text: &str| SecretDigest::of(&Secret::new(text));
        assert!(digest("one").is(&digest("one")) && !digest("one").is(&digest("two")));
        assert_eq!(format!("{:?}", digest("one")), "SecretDigest(..)");
    }
}
