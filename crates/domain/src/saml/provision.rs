//! What an arrival becomes: an account that is made at the first sign-in, and follows its provider where that is wanted.

use super::mapping::{Links, role_with_id};
use super::provider::{Attributes, Provider};
use super::values::Values;
use crate::audit::{Event, Written};
use crate::cx::Cx;
use crate::entropy;
use crate::group::Group;
use crate::name::UserName;
use crate::page::Page;
use crate::revision::Revision;
use crate::role::{AnyRole, Roles};
use crate::store::StoreError;
use crate::user::{Account, Authenticator, Grants, Keep, Packed, Profile, Status, User};
use std::sync::Arc;
use wire::{OrgId, UserId};

/// Accounts that an org may have before arrivals make no more of them.
const MOST_USERS: u32 = 100_000;

/// Roles, and groups, that one arrival may have by mapping.
const MOST_MAPPED: usize = 200;

/// The longest value of a profile, in characters.
const LONGEST: usize = 255;

/// How often a writing is tried while others write the same account.
const TRIES: u32 = 3;

/// What a provider says of who arrives.
pub(crate) struct Arrival<'a> {
    pub(crate) provider: &'a Provider,
    pub(crate) name: UserName,
    pub(crate) attributes: &'a [(String, Values)],
}

/// Why nobody arrived.
#[derive(Debug)]
pub(crate) enum NotArrived {
    /// There is no account, and none may be made.
    Unknown,
    /// Others write the same account at this moment.
    Contended,
    /// The store did not do it.
    Store(StoreError),
}

impl From<StoreError> for NotArrived {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Arrival<'_> {
    /// Whether an account may be made for it.
    pub(crate) async fn may_be_new(&self, cx: &Cx) -> Result<bool, StoreError> {
        if self.provider.terms.draft().disable_auto_provisioning {
            return Ok(false);
        }
        // Whose users a SCIM client keeps has those that it made (protocol.md 6.2), or who is removed there comes back here.
        let (tokens, now) = (cx.store.scim_tokens(self.provider.org).await?, cx.clock.now());
        if tokens.iter().any(|token| !token.has_ended(now)) {
            return Ok(false);
        }
        let last = cx.store.users(self.provider.org, Page::new(1, MOST_USERS - 1)).await?;
        Ok(last.is_empty())
    }

    /// The account of the arrival as it is from now on: made, brought up to date, or left as it was.
    pub(crate) async fn account(&self, cx: &Cx, known: Option<Account>) -> Result<User, NotArrived> {
        let mut known = known;
        for _ in 0..TRIES {
            let written = match &known {
                Some(account) => self.follow(cx, &account.user).await,
                None => self.make(cx).await,
            };
            match written {
                Err(StoreError::Conflict) => {}
                written => return Ok(written?),
            }
            let again = cx.store.account(&self.name.canonical()).await?;
            let ours = |it: &Account| {
                // The rule of every sign-in: a name there and a name here differ in the case of ASCII alone.
                it.user.name.as_str().eq_ignore_ascii_case(self.name.as_str())
                    && it.user.org == self.provider.org
                    && it.user.authenticator == Authenticator::Saml
                    && it.user.is_active()
            };
            known = Some(again.filter(ours).ok_or(NotArrived::Unknown)?);
        }
        Err(NotArrived::Contended)
    }

    async fn make(&self, cx: &Cx) -> Result<User, StoreError> {
        let now = cx.clock.now();
        let (roles, groups) = self.wanted(cx).await?;
        let mut user = User {
            tokens_after: None,
            id: UserId::from_bits(entropy::uuid(&*cx.entropy)),
            org: self.provider.org,
            name: self.name.clone(),
            status: Status::Active,
            authenticator: Authenticator::Saml,
            roles: Roles::default(),
            grants: Grants::of(Vec::new(), groups),
            profile: self.profile(Profile::default()).into(),
            must_change_password: false,
            max_login_attempts: None,
            created_at: now,
            updated_at: now,
            revision: Revision::first("SAML"),
        };
        set_roles(&mut user, roles);
        let account = Account { user, password: None };
        cx.store.add_user(&account, &self.event(&account.user, Written::Added).at(now)).await?;
        Ok(account.user)
    }

    /// Writes what is different, if anything is.
    async fn follow(&self, cx: &Cx, old: &User) -> Result<User, StoreError> {
        let mut new = User { profile: self.profile(old.profile.open()).into(), ..old.clone() };
        if self.provider.terms.draft().map_groups_and_roles {
            let links = cx.store.saml_links(old.org).await?;
            let (roles, mut groups) = self.wanted(cx).await?;
            // Groups that nobody at the provider decides about stay.
            let theirs = |group: &Group| {
                links.groups.iter().any(|(_, id)| *id == group.id)
                    || self.provider.terms.draft().default_group == Some(group.id)
            };
            groups.extend(old.grants.groups.iter().filter(|group| !theirs(group)).cloned());
            new.grants.groups = groups;
            set_roles(&mut new, roles);
        }
        if what_counts(&new) == what_counts(old) {
            return Ok(old.clone());
        }
        let now = cx.clock.now();
        new.revision = old.revision.next("SAML");
        new.updated_at = now;
        cx.store.replace_user(&new, Keep::All, &self.event(&new, Written::Changed).at(now)).await?;
        Ok(new)
    }

    /// The roles and groups that the mappings give, or else those that an arrival has who has none.
    async fn wanted(&self, cx: &Cx) -> Result<(Vec<AnyRole>, Vec<Arc<Group>>), StoreError> {
        let (org, draft) = (self.provider.org, self.provider.terms.draft());
        let (mut roles, mut groups) = (Vec::new(), Vec::new());
        if draft.map_groups_and_roles {
            let links = cx.store.saml_links(org).await?;
            (roles, groups) = self.mapped(cx, &links).await?;
        }
        if roles.is_empty() && groups.is_empty() {
            if let Some(role) = draft.default_role {
                roles.extend(role_with_id(cx, org, role).await?);
            }
            if let Some(group) = draft.default_group {
                groups.extend(group_of(cx, org, group).await?);
            }
        }
        Ok((roles, groups))
    }

    async fn mapped(&self, cx: &Cx, links: &Links) -> Result<(Vec<AnyRole>, Vec<Arc<Group>>), StoreError> {
        let Attributes { roles: roles_are, groups: groups_are, .. } = &self.provider.terms.draft().attributes;
        let (their_roles, their_groups) = (self.values(roles_are.as_ref()), self.values(groups_are.as_ref()));
        let (mut roles, mut groups): (Vec<AnyRole>, Vec<Arc<Group>>) = (Vec::new(), Vec::new());
        for (_, id) in links.roles.iter().filter(|(name, _)| their_roles.contains(&name.as_str())) {
            if roles.len() < MOST_MAPPED && roles.iter().all(|known| known.id() != *id) {
                roles.extend(role_with_id(cx, self.provider.org, *id).await?);
            }
        }
        for (_, id) in links.groups.iter().filter(|(name, _)| their_groups.contains(&name.as_str())) {
            if groups.len() < MOST_MAPPED && groups.iter().all(|known| known.id != *id) {
                groups.extend(group_of(cx, self.provider.org, *id).await?);
            }
        }
        Ok((roles, groups))
    }

    /// The profile with what the provider says in it; what it does not say stays.
    fn profile(&self, before: Profile) -> Profile {
        let Attributes { first_name, last_name, email, title, phone, .. } =
            &self.provider.terms.draft().attributes;
        let said = |name: &Option<String>, before: String| {
            let said = self.values(name.as_ref()).into_iter().next();
            let is_good = |text: &&str| {
                !text.is_empty() && text.chars().count() <= LONGEST && !text.chars().any(char::is_control)
            };
            said.filter(is_good).map_or(before, str::to_owned)
        };
        Profile {
            first_name: said(first_name, before.first_name),
            last_name: said(last_name, before.last_name),
            email: said(email, before.email),
            title: said(title, before.title),
            phone: said(phone, before.phone),
            ..before
        }
    }

    /// The values of every attribute of this name.
    fn values(&self, name: Option<&String>) -> Vec<&str> {
        let called = self.attributes.iter().filter(|(called, _)| Some(called) == name);
        called.flat_map(|(_, values)| values.iter()).collect()
    }

    fn event(&self, user: &User, how: Written) -> Event {
        Event::UserProvisioned { org: user.org, user: user.id, provider: self.provider.id, how }
    }
}

async fn group_of(cx: &Cx, org: OrgId, id: wire::GroupId) -> Result<Option<Arc<Group>>, StoreError> {
    Ok(cx.store.group(id).await?.filter(|group| group.org == org))
}

fn set_roles(user: &mut User, roles: Vec<AnyRole>) {
    (user.roles, user.grants.roles) = (Roles::default(), Vec::new());
    for role in roles {
        match role {
            AnyRole::BuiltIn(role) => user.roles.add(role),
            AnyRole::Custom(role) => user.grants.roles.push(role),
        }
    }
}

/// What makes one writing of an account another one.
fn what_counts(user: &User) -> (&Packed, Vec<wire::RoleId>, Vec<wire::GroupId>) {
    let mut roles: Vec<_> = user.own_roles().map(|role| role.id()).collect();
    let mut groups: Vec<_> = user.grants.groups.iter().map(|group| group.id).collect();
    roles.sort();
    groups.sort();
    (&user.profile, roles, groups)
}
