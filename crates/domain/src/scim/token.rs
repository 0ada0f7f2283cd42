//! SCIM tokens: the bearer tokens with which an identity provider manages an org (protocol.md 5.10).

use crate::access::{Conferrable, Permit, action};
use crate::audit::Event;
use crate::cx::Cx;
use crate::entropy;
use crate::privilege::{Privilege, Privileges};
use crate::store::StoreError;
use crate::time::{Timestamp, minutes};
use aws_lc_rs::digest;
use std::fmt;
use std::time::Duration;
use wire::{OrgId, ScimTokenId, Secret, UserId};

/// How many tokens an org has at once.
pub const MOST: usize = 2;

/// How long a token is good.
const LIFE: Duration = minutes(180 * 24 * 60);

/// The characters of a token behind its prefix: 256 random bits.
const LENGTH: usize = 43;

/// What a token begins with, so that one that leaked is recognised.
const PREFIX: &str = "lk_scim_";

/// What every token may do.
pub const BASE: [Privilege; 3] = [Privilege::ViewPeople, Privilege::ManageUsers, Privilege::ManageGroups];

/// A SCIM token, without the secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScimToken {
    /// Its id.
    pub id: ScimTokenId,
    /// The org whose users and groups it manages.
    pub org: OrgId,
    /// Which of the org's places it has, from 1 to [`MOST`].
    pub place: u32,
    /// Who made it.
    pub by: UserId,
    /// What it may do and give: [`BASE`], and what its maker gave it on top.
    pub privileges: Privileges,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// When it was last used, to the second.
    pub last_used_at: Option<Timestamp>,
}

impl ScimToken {
    /// Whether its time is over.
    pub fn has_ended(&self, now: Timestamp) -> bool {
        self.expires_at <= now
    }
}

/// SHA-256 of a token: what a store keeps of it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TokenDigest(pub [u8; 32]);

impl TokenDigest {
    /// The digest of a token that was presented.
    pub fn of(token: &Secret) -> Self {
        let digest = digest::digest(&digest::SHA256, token.expose().as_bytes());
        Self(digest.as_ref().try_into().unwrap_or([0; 32]))
    }
}

impl fmt::Debug for TokenDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().take(6).try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Why a token was not made or removed.
#[derive(Debug)]
pub enum TokenError {
    /// The org has as many as it may.
    TooMany,
    /// The org has none with that id.
    NotFound,
    /// The store did not do it.
    Store(StoreError),
}

impl From<StoreError> for TokenError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// The tokens of the org that are good or were lately, oldest first.
pub async fn list(cx: &Cx, permit: &Permit<action::ManageScim>) -> Result<Vec<ScimToken>, StoreError> {
    cx.store.scim_tokens(permit.org()).await
}

/// Makes a token with these privileges; the secret is told this once.
pub async fn make(
    cx: &Cx,
    permit: Permit<action::ManageScim>,
    given: Conferrable,
) -> Result<(ScimToken, Secret), TokenError> {
    let secret = Secret::new(format!("{PREFIX}{}", entropy::word(&*cx.entropy, LENGTH).expose()));
    // Whoever finds a place taken at the last moment looks for another one.
    for _ in 0..MOST {
        match take_place(cx, &permit, given, &secret).await {
            Err(TokenError::Store(StoreError::Conflict)) => {}
            Err(error) => return Err(error),
            Ok(token) => return Ok((token, secret)),
        }
    }
    Err(TokenError::TooMany)
}

async fn take_place(
    cx: &Cx,
    permit: &Permit<action::ManageScim>,
    given: Conferrable,
    secret: &Secret,
) -> Result<ScimToken, TokenError> {
    let (org, by, now) = (permit.org(), permit.by(), cx.clock.now());
    let known = cx.store.scim_tokens(org).await?;
    let is_free = |place: &u32| known.iter().all(|token| token.place != *place || token.has_ended(now));
    let place = (1..).take(MOST).find(is_free).ok_or(TokenError::TooMany)?;
    let token = ScimToken {
        id: ScimTokenId::from_bits(entropy::uuid(&*cx.entropy)),
        org,
        place,
        by,
        privileges: given.set(),
        created_at: now,
        expires_at: now + LIFE,
        last_used_at: None,
    };
    let event = Event::ScimTokenMade { org, token: token.id, by };
    cx.store.add_scim_token(&token, &TokenDigest::of(secret), &event.at(now)).await?;
    Ok(token)
}

/// Removes a token: its next call is refused.
pub async fn remove(cx: &Cx, permit: Permit<action::ManageScim>, id: ScimTokenId) -> Result<(), TokenError> {
    let event = Event::ScimTokenRemoved { org: permit.org(), token: id, by: permit.by() };
    let was_there = cx.store.remove_scim_token(permit.org(), id, &event.at(cx.clock.now())).await?;
    if was_there { Ok(()) } else { Err(TokenError::NotFound) }
}
