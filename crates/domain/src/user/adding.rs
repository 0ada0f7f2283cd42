//! How a user comes to be.

use super::{Account, Authenticator, Grants, Profile, Status, User, written};
use crate::access::{Grantable, Joinable, Permit, action};
use crate::audit::Written;
use crate::cx::Cx;
use crate::entropy;
use crate::name::UserName;
use crate::org::{self, Org};
use crate::password::Chosen;
use crate::revision::{ChangeError, Revision, author};
use crate::role::{CustomRole, Role};
use std::sync::Arc;
use wire::{OrgId, Secret, UserId};

/// What a user is to be.
#[derive(Debug)]
pub struct Draft {
    /// What it signs in with.
    pub name: UserName,
    /// How it proves who it is.
    pub authenticator: Authenticator,
    /// What it proves itself with here; a user without one cannot sign in by password.
    pub password: Option<Secret>,
    /// What people read about it.
    pub profile: Profile,
    /// Whether it must choose a new password.
    pub must_change_password: bool,
    /// Failures that lock it.
    pub max_login_attempts: Option<u32>,
}

/// Adds a user to the org of the permit.
pub async fn add(
    cx: &Cx,
    permit: Permit<action::ManageUsers>,
    draft: Draft,
    roles: Grantable,
    groups: Joinable,
) -> Result<Arc<User>, ChangeError> {
    add_as(cx, permit, draft, (roles, groups), Status::Active).await
}

/// The same for a user that may not sign in yet.
pub(crate) async fn add_as(
    cx: &Cx,
    permit: Permit<action::ManageUsers>,
    draft: Draft,
    (roles, groups): (Grantable, Joinable),
    status: Status,
) -> Result<Arc<User>, ChangeError> {
    let author = author(cx, &permit).await?;
    let org = org::of(cx, permit.org()).await?;
    let mut account = account(cx, &org, author, draft, roles.apart()).await?;
    account.user.status = status;
    account.user.grants.groups = groups.into_groups();
    let event = written(&account.user, permit.by(), Written::Added).at(account.user.created_at);
    cx.store.add_user(&account, &event).await.map_err(ChangeError::adding)?;
    Ok(Arc::new(account.user))
}

/// The account that a draft makes in an org, with the roles that it gets itself.
pub(crate) async fn account(
    cx: &Cx,
    org: &Org,
    author: String,
    draft: Draft,
    roles: (Vec<Role>, Vec<Arc<CustomRole>>),
) -> Result<Account, ChangeError> {
    let mut draft = draft;
    let password = match draft.password.take() {
        Some(password) => {
            let rules = org.password_rules(&cx.policy);
            let chosen = Chosen::new(password, &draft.name.canonical(), rules)?;
            Some(cx.hash(org.id, chosen.into_secret()).await?)
        }
        None => None,
    };
    Ok(Account { user: made(cx, org.id, author, draft, roles), password })
}

/// A user that nobody has seen yet, in no group.
pub(crate) fn made(
    cx: &Cx,
    org: OrgId,
    author: String,
    draft: Draft,
    (roles, custom): (Vec<Role>, Vec<Arc<CustomRole>>),
) -> User {
    let now = cx.clock.now();
    User {
        id: UserId::from_bits(entropy::uuid(&*cx.entropy)),
        org,
        name: draft.name,
        status: Status::Active,
        authenticator: draft.authenticator,
        roles: roles.into_iter().collect(),
        grants: Grants::of(custom, Vec::new()),
        profile: draft.profile.into(),
        must_change_password: draft.must_change_password,
        max_login_attempts: draft.max_login_attempts,
        created_at: now,
        updated_at: now,
        tokens_after: None,
        revision: Revision::first(author),
    }
}
