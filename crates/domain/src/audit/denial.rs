//! What somebody tried and may not do: who, what, and on what, if that is theirs to know.

use super::{Event, trail};
use crate::access::is_within;
use crate::cx::Cx;
use crate::roster::Handle;
use crate::store::StoreError;
use serde::Serialize;
use wire::{GroupId, IdentityProviderId, OrgId, RoleId, UserId};

/// What an act was meant for. Only what there is, in the org of who tried or below it: a session id in a path is no
/// name of anything, and what others have is not told by the record either.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// A user.
    User(UserId),
    /// A group.
    Group(GroupId),
    /// A role.
    Role(RoleId),
    /// An org.
    Org(OrgId),
    /// An identity provider.
    Provider(IdentityProviderId),
    /// A user, by a session of theirs.
    SessionOf(UserId),
}

/// Notes that somebody of an org tried what they may not do; up to 600 a minute for one org, the others are counted.
pub async fn record(cx: &Cx, org: OrgId, user: UserId, act: String, path: &str) -> Result<(), StoreError> {
    if !trail::has_room_for(cx, org) {
        return Ok(());
    }
    let mut on = None;
    for word in path.split('/').filter(|word| !word.is_empty()) {
        on = target(cx, org, word).await?.or(on);
    }
    trail::note(cx, Event::Denied { org, user, act, on });
    Ok(())
}

/// What a word of a path names, if it is of this org or below it.
async fn target(cx: &Cx, top: OrgId, word: &str) -> Result<Option<Target>, StoreError> {
    let found = match named(cx, word).await? {
        Some(found) => Some(found),
        None => provider(cx, top, word).await?,
    };
    match found {
        Some((org, target)) if is_within(cx, org, top).await? => Ok(Some(target)),
        Some(_) | None => Ok(None),
    }
}

async fn named(cx: &Cx, word: &str) -> Result<Option<(OrgId, Target)>, StoreError> {
    if let Ok(handle) = word.parse::<Handle>() {
        let session = cx.store.session_by_handle(handle).await?;
        return Ok(session.map(|session| (session.org, Target::SessionOf(session.user))));
    }
    let Ok(id) = word.parse::<OrgId>() else { return Ok(None) };
    let bits = id.bits();
    if let Some(org) = cx.store.org(id).await? {
        return Ok(Some((org.id, Target::Org(id))));
    }
    if let Some(user) = cx.store.user(UserId::from_bits(bits)).await? {
        return Ok(Some((user.org, Target::User(user.id))));
    }
    if let Some(group) = cx.store.group(GroupId::from_bits(bits)).await? {
        return Ok(Some((group.org, Target::Group(group.id))));
    }
    let role = cx.store.role(RoleId::from_bits(bits)).await?;
    Ok(role.map(|role| (role.org, Target::Role(role.id))))
}

async fn provider(cx: &Cx, org: OrgId, word: &str) -> Result<Option<(OrgId, Target)>, StoreError> {
    let Ok(id) = word.parse::<IdentityProviderId>() else { return Ok(None) };
    let providers = cx.store.identity_providers(org).await?;
    let known = providers.iter().any(|provider| provider.id == id);
    Ok(known.then_some((org, Target::Provider(id))))
}
