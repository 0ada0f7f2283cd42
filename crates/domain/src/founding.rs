//! How orgs and users come in from a seed: into an empty store, or beside others, all of them or none.

use crate::access::{Permit, action};
use crate::audit::Event;
use crate::cx::Cx;
use crate::entropy;
use crate::method::hash::PasswordHash;
use crate::name::UserName;
use crate::org::{self, Authentication, Org, ROOT};
use crate::org_policy::Decided;
use crate::revision::Revision;
use crate::role::Role;
use crate::store::StoreError;
use crate::time::Timestamp;
use crate::user::{Account, Authenticator, Grants, Profile, Status, User};
use std::collections::HashSet;
use wire::{OrgId, Secret, UserId};

/// An org to be made, with its users.
#[derive(Debug)]
pub struct NewOrg {
    /// Its id; `None` draws one.
    pub id: Option<OrgId>,
    /// What people call it.
    pub name: String,
    /// The org above it, which is there already or comes before it; `None` for a top-level org.
    pub parent: Option<OrgId>,
    /// The region where its users sign in; `None` is here.
    pub region: Option<String>,
    /// What its session ids are.
    pub authentication: Authentication,
    /// Idle limit of its sessions in minutes.
    pub idle_minutes: Option<u32>,
    /// Absolute limit of its sessions in minutes.
    pub absolute_minutes: Option<u32>,
    /// How many sessions it may hold at once.
    pub session_limit: Option<u32>,
    /// Its users.
    pub users: Vec<NewUser>,
}

/// A user to be made.
#[derive(Debug)]
pub struct NewUser {
    /// What it signs in with.
    pub name: UserName,
    /// What it proves itself with.
    pub password: NewPassword,
    /// Whether it may sign in.
    pub status: Status,
    /// Its roles.
    pub roles: Vec<Role>,
    /// What people read about it.
    pub profile: Profile,
    /// Whether it must choose a new password.
    pub must_change_password: bool,
    /// Failures that lock it.
    pub max_login_attempts: Option<u32>,
}

/// What a new user proves itself with.
#[derive(Debug)]
pub enum NewPassword {
    /// A password, to be hashed.
    Plain(Secret),
    /// A hash that was made elsewhere.
    Hashed(PasswordHash),
    /// Nothing here: it signs in at an identity provider.
    None,
}

/// Why a store was not filled.
#[derive(Debug, thiserror::Error)]
pub enum FoundingError {
    /// It holds something already.
    #[error("the store is not empty")]
    NotEmpty,
    /// Two users have one name, or two orgs one id.
    #[error("{0} stands there twice")]
    Twice(String),
    /// An org names a region that the configuration does not.
    #[error("no [[region]] is called {0}")]
    UnknownRegion(String),
    /// An org names a parent that is nowhere.
    #[error("the parent of org {0} is not there")]
    UnknownParent(String),
    /// A password could not be hashed.
    #[error("every hashing thread is busy")]
    Busy,
    /// The store did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Fills an empty store.
pub async fn found(
    cx: &Cx,
    _permit: Permit<action::Found>,
    orgs: Vec<NewOrg>,
) -> Result<Vec<Org>, FoundingError> {
    if !cx.store.is_empty().await? {
        return Err(FoundingError::NotEmpty);
    }
    settle(cx, orgs).await.map_err(|error| match error {
        FoundingError::Store(StoreError::Conflict) => FoundingError::NotEmpty,
        other => other,
    })
}

/// Adds orgs and users to a store that may hold others; an org whose id is there already gets the users.
pub async fn extend(
    cx: &Cx,
    _permit: Permit<action::Found>,
    orgs: Vec<NewOrg>,
) -> Result<Vec<Org>, FoundingError> {
    settle(cx, orgs).await.map_err(|error| match error {
        FoundingError::Store(StoreError::Conflict) => FoundingError::Twice("a user name".to_owned()),
        other => other,
    })
}

/// Makes the orgs that are not there yet, and all the users, or nothing.
async fn settle(cx: &Cx, orgs: Vec<NewOrg>) -> Result<Vec<Org>, FoundingError> {
    check(cx, &orgs)?;
    parents(cx, &orgs).await?;
    let now = cx.clock.now();
    let (mut all, mut made, mut accounts) = (Vec::new(), Vec::new(), Vec::new());
    for new in orgs {
        let known = match new.id {
            Some(id) => cx.store.org(id).await?,
            None => None,
        };
        let org = known.as_deref().cloned().unwrap_or_else(|| org(cx, &new, now));
        for user in new.users {
            accounts.push(account(cx, org.id, user, now).await?);
        }
        made.extend(known.is_none().then(|| org.clone()));
        all.push(org);
    }
    let event = Event::Founded { orgs: made.len(), users: accounts.len() };
    cx.store.found(&made, &accounts, &event.at(now)).await?;
    Ok(all)
}

fn check(cx: &Cx, orgs: &[NewOrg]) -> Result<(), FoundingError> {
    let (mut ids, mut names) = (HashSet::new(), HashSet::new());
    for org in orgs {
        if let Some(region) = org.region.as_ref().filter(|region| !cx.policy.regions.contains_key(*region)) {
            return Err(FoundingError::UnknownRegion(region.clone()));
        }
        if org.id.is_some_and(|id| id == ROOT || !ids.insert(id)) {
            return Err(FoundingError::Twice(format!("the org id of {}", org.name)));
        }
        if let Some(user) = org.users.iter().find(|user| !names.insert(user.name.canonical())) {
            return Err(FoundingError::Twice(format!("the user name {}", user.name.as_str())));
        }
    }
    Ok(())
}

/// A parent is there already, or comes earlier in the same seed.
async fn parents(cx: &Cx, orgs: &[NewOrg]) -> Result<(), FoundingError> {
    let mut earlier = HashSet::new();
    for org in orgs {
        if let Some(parent) = org.parent.filter(|parent| !earlier.contains(parent))
            && cx.store.org(parent).await?.is_none()
        {
            return Err(FoundingError::UnknownParent(org.name.clone()));
        }
        earlier.extend(org.id);
    }
    Ok(())
}

fn org(cx: &Cx, new: &NewOrg, now: Timestamp) -> Org {
    Org {
        id: new.id.unwrap_or_else(|| OrgId::from_bits(entropy::uuid(&*cx.entropy))),
        name: new.name.clone(),
        parent: new.parent.unwrap_or(ROOT),
        region: new.region.clone(),
        authentication: new.authentication,
        idle_minutes: new.idle_minutes,
        absolute_minutes: new.absolute_minutes,
        session_limit: new.session_limit,
        decided: Decided::default(),
        created_at: now,
        updated_at: now,
        profile: org::Profile::default(),
        revision: Revision::default(),
    }
}

async fn account(cx: &Cx, org: OrgId, new: NewUser, now: Timestamp) -> Result<Account, FoundingError> {
    let (password, authenticator) = match new.password {
        NewPassword::Plain(plain) => {
            let hash = cx.hash(org, plain).await.map_err(|_| FoundingError::Busy)?;
            (Some(hash), Authenticator::Native)
        }
        NewPassword::Hashed(hash) => (Some(hash), Authenticator::Native),
        NewPassword::None => (None, Authenticator::Saml),
    };
    let user = User {
        id: UserId::from_bits(entropy::uuid(&*cx.entropy)),
        org,
        name: new.name,
        status: new.status,
        authenticator,
        roles: new.roles.into_iter().collect(),
        grants: Grants::default(),
        profile: new.profile.into(),
        must_change_password: new.must_change_password,
        max_login_attempts: new.max_login_attempts,
        created_at: now,
        updated_at: now,
        tokens_after: None,
        revision: Revision::default(),
    };
    Ok(Account { user, password })
}
