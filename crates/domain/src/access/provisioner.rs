//! The client of SCIM: a caller of its own kind, who manages the users and groups of one org and nothing else.

use super::given::{self, Grantable, Members};
use super::over::{self, Act, NoPermit, Over};
use super::{Caller, NotACaller, Permit};
use crate::audit::TokenRefusal;
use crate::cx::Cx;
use crate::group::Group;
use crate::name::Label;
use crate::org::Org;
use crate::revision::Revision;
use crate::role::{CustomRole, Role, Roles};
use crate::scim::{ScimToken, TokenDigest};
use crate::store::StoreError;
use crate::user::{Authenticator, Grants, Packed, Status, User};
use std::net::IpAddr;
use std::sync::Arc;
use wire::{GroupId, OrgId, RoleId, Secret, UserId};

/// Evidence of which org's SCIM token was presented. The rules of [`crate::scim`] take it, no others do.
///
/// ```compile_fail,E0423
/// # use domain::access::{Caller, Provisioner};
/// fn forged(caller: Caller) -> Provisioner { Provisioner(caller) }
/// ```
#[derive(Debug)]
pub struct Provisioner(Caller);

/// Who presents this SCIM token: unknown, expired and removed ones are refused alike, and those that come
/// from where the org does not let its users come from.
pub async fn provisioner(
    cx: &Cx,
    presented: Option<&Secret>,
    address: Option<IpAddr>,
) -> Result<Provisioner, NotACaller> {
    let Some(presented) = presented else { return Err(NotACaller::Dead) };
    let now = cx.clock.now();
    let known = cx.store.scim_token(&TokenDigest::of(presented)).await?;
    let refused = |token: &ScimToken, reason| {
        cx.trail.scim.refused(Some((token.org, token.id)), reason, address, now);
        NotACaller::Dead
    };
    let Some(token) = known.as_ref() else {
        cx.trail.scim.refused(None, TokenRefusal::Unknown, address, now);
        return Err(NotACaller::Dead);
    };
    if token.has_ended(now) {
        return Err(refused(token, TokenRefusal::Expired));
    }
    let org = cx.store.org(token.org).await?.ok_or(NotACaller::Dead)?;
    if !org.admits(&cx.policy, address) {
        return Err(refused(token, TokenRefusal::Outside));
    }
    cx.trail.scim.used(token.id, now);
    acting(token, org).ok_or(NotACaller::Dead)
}

/// A token acts as somebody who is no user, has its privileges and no session.
fn acting(token: &ScimToken, org: Arc<Org>) -> Option<Provisioner> {
    let (made, name) = (token.created_at, "SCIM".parse::<Label>().ok()?);
    let role = CustomRole {
        id: RoleId::from_bits(token.id.bits()),
        org: token.org,
        name,
        description: String::new(),
        privileges: token.privileges,
        revision: Revision::default(),
        created_at: made,
        updated_at: made,
    };
    let user = User {
        id: UserId::from_bits(token.id.bits()),
        org: token.org,
        name: "SCIM".parse().ok()?,
        status: Status::Active,
        authenticator: Authenticator::Saml,
        roles: Roles::default(),
        grants: Grants::of(vec![Arc::new(role)], Vec::new()),
        profile: Packed::default(),
        must_change_password: false,
        tokens_after: None,
        max_login_attempts: None,
        created_at: made,
        updated_at: made,
        revision: Revision::default(),
    };
    Some(Provisioner(Caller { user: Arc::new(user), org, held: Vec::new() }))
}

impl Provisioner {
    /// Under which id the record knows the token.
    pub fn id(&self) -> UserId {
        self.0.user.id
    }

    /// The org of the token.
    pub fn org(&self) -> OrgId {
        self.0.org.id
    }

    pub(crate) async fn permit<A: Act>(&self, cx: &Cx) -> Result<Permit<A>, NoPermit> {
        over::permit(cx, &self.0, self.org()).await
    }

    /// A user of the org itself, not of one below it. Nobody does anything to somebody who may do more.
    pub(crate) async fn over_user<A: Act>(&self, cx: &Cx, id: UserId) -> Result<Over<A, User>, NoPermit> {
        let user = cx.store.user(id).await?.filter(|user| user.org == self.org());
        user.ok_or(NoPermit::Unknown)?;
        over::over_user(cx, &self.0, id).await
    }

    /// A group of the org itself. Nobody gives what they do not have.
    pub(crate) async fn over_group<A: Act>(&self, cx: &Cx, id: GroupId) -> Result<Over<A, Group>, NoPermit> {
        let group = cx.store.group(id).await?.filter(|group| group.org == self.org());
        group.ok_or(NoPermit::Unknown)?;
        over::over_group(cx, &self.0, id).await
    }

    /// The users with these ids, all of them in the org.
    pub(crate) async fn members(&self, cx: &Cx, ids: &[UserId]) -> Result<Members, NoPermit> {
        given::members(cx, self.org(), ids).await
    }

    /// The role that a new user begins with (protocol.md 6.2): the built-in one that allows the least.
    pub(crate) async fn first_role(&self, cx: &Cx) -> Result<Grantable, NoPermit> {
        let word = Role::ServiceConsumer.name().to_owned();
        given::grantable(cx, &self.0, self.org(), &[word]).await
    }
}

/// The name under which the token with this id writes, if it is one.
pub(crate) async fn token_name(cx: &Cx, id: UserId) -> Result<Option<&'static str>, StoreError> {
    let token = cx.store.scim_token_by_id(wire::ScimTokenId::from_bits(id.bits())).await?;
    Ok(token.map(|_| "SCIM"))
}
