//! Who wrote a record, which writing it is, and why a new one was not made.

use crate::access::{Permit, token_name};
use crate::cx::Cx;
use crate::method::Busy;
use crate::store::StoreError;
use crate::texts::Texts;
use wire::ClientId;

/// Which writing of a record this is, and by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    authors: Texts,
    /// The number of the writing; the store compares it, so that no change overwrites one that it has not seen.
    pub number: i64,
}

impl Default for Revision {
    fn default() -> Self {
        Self::first("System")
    }
}

impl Revision {
    /// The writing with this number, of a record that was made by one and changed last by the other.
    pub fn of(created_by: &str, updated_by: &str, number: i64) -> Self {
        Self { authors: Texts::of(&[created_by, updated_by]), number }
    }

    /// The first writing.
    pub fn first(by: impl AsRef<str>) -> Self {
        Self::of(by.as_ref(), by.as_ref(), 0)
    }

    /// The writing after this one.
    #[must_use]
    pub fn next(&self, by: impl AsRef<str>) -> Self {
        Self::of(self.created_by(), by.as_ref(), self.number + 1)
    }

    /// The name of who made it.
    pub fn created_by(&self) -> &str {
        self.authors.get(0)
    }

    /// The name of who changed it last.
    pub fn updated_by(&self) -> &str {
        self.authors.get(1)
    }
}

/// The name under which whoever holds a permit writes.
pub(crate) async fn author<A>(cx: &Cx, permit: &Permit<A>) -> Result<String, StoreError> {
    if let Some(user) = cx.store.user(permit.by()).await? {
        return Ok(user.name.as_str().to_owned());
    }
    // An OAuth client acts as a user that has its id.
    let client = cx.store.client(ClientId::from_bits(permit.by().bits())).await?;
    if let Some(client) = client {
        return Ok(client.as_user().name.as_str().to_owned());
    }
    Ok(token_name(cx, permit.by()).await?.unwrap_or("System").to_owned())
}

/// Why a record was not written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// Something else has that name.
    #[error("something else has that name")]
    Taken,
    /// Somebody else changed it meanwhile, or it is gone.
    #[error("somebody else changed it meanwhile, or it is gone")]
    Contended,
    /// The group has more members than are named at once, so those that are not named would leave it.
    #[error("the group has more members than are named at once")]
    ManyMembers,
    /// The user signs in at an identity provider and has no password here.
    #[error("the user signs in at an identity provider and has no password here")]
    NoPassword,
    /// The password does not keep the rules.
    #[error(transparent)]
    Weak(#[from] crate::password::Weakness),
    /// Every hashing thread is busy.
    #[error("every hashing thread is busy")]
    Busy(Busy),
    /// The store did not do it.
    #[error(transparent)]
    Store(StoreError),
}

impl ChangeError {
    /// What went wrong while something new was added.
    pub(crate) fn adding(error: StoreError) -> Self {
        if error == StoreError::Conflict { Self::Taken } else { Self::Store(error) }
    }

    /// What went wrong while something known was changed.
    pub(crate) fn changing(error: StoreError) -> Self {
        if error == StoreError::Conflict { Self::Contended } else { Self::Store(error) }
    }
}

impl From<Busy> for ChangeError {
    fn from(busy: Busy) -> Self {
        Self::Busy(busy)
    }
}

impl From<StoreError> for ChangeError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
