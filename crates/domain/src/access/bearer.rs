//! Whoever presents a token: it is good, nobody withdrew it, and whoever it names is still there.

use super::{Caller, NotACaller};
use crate::cx::Cx;
use crate::method::oauth_client::ClientProof;
use crate::revocation;
use crate::store::StoreError;
use crate::time::Timestamp;
use crate::token::{self, OWN_AUDIENCE, Verified};
use crate::user::{self, User};
use std::net::IpAddr;
use std::sync::Arc;
use wire::{ClientId, Secret, SecretRef};

impl Caller {
    /// A client, as the user that it acts as.
    pub(crate) fn client(proof: &ClientProof) -> Self {
        Self::named(Arc::new(proof.client().as_user()), Arc::clone(proof.org()))
    }

    /// Whom a token of an org names that a client of the same org presents.
    pub(crate) fn named_by(user: Arc<User>, client: &ClientProof) -> Self {
        Self::named(user, Arc::clone(client.org()))
    }
}

/// Who presents this token for a call of this service itself: only tokens with that audience are for it, or whichever
/// service a user calls could administer in their name.
pub async fn caller_with_token(
    cx: &Cx,
    presented: &Secret,
    from: Option<IpAddr>,
) -> Result<Caller, NotACaller> {
    let token = good(cx, presented.as_ref(), cx.clock.now()).await?.ok_or(NotACaller::Dead)?;
    if token.claims.aud != OWN_AUDIENCE {
        return Err(NotACaller::Dead);
    }
    let user = holder(cx, &token).await?.ok_or(NotACaller::Dead)?;
    let org = cx.store.org(token.claims.org_id).await?.ok_or(NotACaller::Dead)?;
    if org.admits(&cx.policy, from) { Ok(Caller::named(user, org)) } else { Err(NotACaller::Dead) }
}

/// A token that is signed, alive and not withdrawn.
pub(crate) async fn good(
    cx: &Cx,
    presented: SecretRef<'_>,
    now: Timestamp,
) -> Result<Option<Arc<Verified>>, StoreError> {
    let Some(token) = token::verify(cx, presented, now).await? else { return Ok(None) };
    let is_revoked = revocation::is_revoked(cx, token.jti_digest()).await?;
    Ok(Some(token).filter(|_| !is_revoked))
}

/// Whom a token names, if they may still act, and the client that got it, if one did, has not lost what it got it by.
pub(crate) async fn holder(cx: &Cx, token: &Verified) -> Result<Option<Arc<User>>, StoreError> {
    let Some(grant) = &token.grant else { return active_user(cx, token).await };
    let Some(secret) = grant.client_secret_id else { return active_user(cx, token).await };
    let client = match token.claims.client_id.parse::<ClientId>() {
        Ok(id) => cx.store.client(id).await?,
        Err(_) => None,
    };
    let Some(client) = client.filter(|client| client.is_active() && client.has_secret(secret)) else {
        return Ok(None);
    };
    if grant.sub == token.claims.client_id {
        return Ok((client.org == token.claims.org_id).then(|| Arc::new(client.as_user())));
    }
    active_user(cx, token).await
}

async fn active_user(cx: &Cx, token: &Verified) -> Result<Option<Arc<User>>, StoreError> {
    Ok(user::of(cx, token.claims.user_id).await?.filter(|user| token.is_vouched_for_by(user)))
}
