//! Organisations: the owners of users, and of the rules for their sessions.

use crate::access::{Grantable, Over, Permit, action};
use crate::audit::{Event, Written};
use crate::cx::{Cx, Policy};
use crate::entropy;
use crate::name::Label;
use crate::org_policy::Decided;
use crate::page::Page;
use crate::revision::{ChangeError, Revision, author};
use crate::store::StoreError;
use crate::time::{Timestamp, minutes};
use crate::user::{self, User};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
use wire::OrgId;

/// The parent of every top-level org (protocol.md 2.1): it holds no users and cannot be signed in to.
pub const ROOT: OrgId = OrgId::from_bits(0x6c61_7463_686b_6579_8000_0000_0000_0000);

/// An organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Org {
    /// Its id.
    pub id: OrgId,
    /// What people call it.
    pub name: String,
    /// Its parent, [`ROOT`] for a top-level org.
    pub parent: OrgId,
    /// The region where its users sign in; `None` is here.
    pub region: Option<String>,
    /// What its session ids are.
    pub authentication: Authentication,
    /// Idle limit of its sessions in minutes; `None` takes the instance's.
    pub idle_minutes: Option<u32>,
    /// Absolute limit of its sessions in minutes; `None` takes the instance's.
    pub absolute_minutes: Option<u32>,
    /// How many sessions it may hold at once (`restApiSessionLimit`, protocol.md 1.4); `None` takes the instance's.
    pub session_limit: Option<u32>,
    /// What else it decides for itself.
    pub decided: Decided,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// What people read about it.
    pub profile: Profile,
    /// Which writing this is.
    pub revision: Revision,
}

/// What people read about an org; none of it decides anything (protocol.md 4.8, 4.10).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Profile {
    /// Free text.
    pub description: String,
    /// First line of its address.
    pub address1: String,
    /// Second line of its address.
    pub address2: String,
    /// Third line of its address.
    pub address3: String,
    /// City.
    pub city: String,
    /// State or province.
    pub state: String,
    /// Postal code.
    pub zipcode: String,
    /// Country.
    pub country: String,
    /// Name of a time zone, such as `America/Los_Angeles`.
    pub timezone: String,
    /// How many people work there, such as `0_10`.
    pub employees: String,
    /// Code of an offer.
    pub offer_code: String,
    /// Code of a campaign.
    pub campaign_code: String,
}

/// What stands in the session id field of an org's sign-ins (protocol.md 3.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authentication {
    /// 22 random characters; the session slides.
    SessionId,
    /// A signed JWT that lives this many minutes, used or not.
    Jwt {
        /// Its life in minutes.
        minutes: u32,
    },
}

impl Authentication {
    /// The lives that an org may choose for its JWTs, in minutes (protocol.md 3.5).
    pub const JWT_MINUTES: [u32; 6] = [15, 30, 60, 120, 180, 240];
}

impl Org {
    /// How long its sessions live without a call.
    pub fn idle(&self, policy: &Policy) -> Duration {
        self.idle_minutes.map_or(policy.idle, minutes)
    }

    /// How long its sessions live whatever happens.
    pub fn absolute(&self, policy: &Policy) -> Duration {
        self.absolute_minutes.map_or(policy.absolute, minutes)
    }

    /// How many sessions it may hold at once.
    pub fn session_limit(&self, policy: &Policy) -> u64 {
        self.session_limit.map_or(policy.sessions_per_org, u64::from)
    }
}

/// An org with those right below it.
#[derive(Debug)]
pub struct Shown {
    /// The org.
    pub org: Arc<Org>,
    /// The orgs right below it, a thousand at the most.
    pub below: Vec<Arc<Org>>,
}

/// The org that something belongs to; there is always one.
pub(crate) async fn of(cx: &Cx, id: OrgId) -> Result<Arc<Org>, StoreError> {
    match cx.store.org_at_hand(id) {
        Some(org) => Ok(org),
        None => {
            cx.store.org(id).await?.ok_or_else(|| StoreError::Corrupt("something without its org".into()))
        }
    }
}

/// How many failures lock a user.
pub async fn attempts_allowed(cx: &Cx, user: &User) -> Result<u32, StoreError> {
    match user.max_login_attempts {
        Some(attempts) => Ok(attempts),
        None => Ok(of(cx, user.org).await?.max_login_attempts(&cx.policy)),
    }
}

/// The org of the permit.
pub async fn show(cx: &Cx, permit: &Permit<action::ViewOrg>) -> Result<Option<Shown>, StoreError> {
    let Some(org) = cx.store.org(permit.org()).await? else { return Ok(None) };
    Ok(Some(Shown { below: cx.store.orgs_below(org.id).await?, org }))
}

/// The org with this name, if it is that of the permit or right below it.
pub async fn named(
    cx: &Cx,
    permit: &Permit<action::ViewOrg>,
    name: &str,
) -> Result<Option<Shown>, StoreError> {
    let Some(Shown { org, below }) = show(cx, permit).await? else { return Ok(None) };
    if org.name == name {
        return Ok(Some(Shown { org, below }));
    }
    let Some(org) = below.into_iter().find(|org| org.name == name) else { return Ok(None) };
    Ok(Some(Shown { below: cx.store.orgs_below(org.id).await?, org }))
}

/// How many orgs may stand right below one.
const MOST_BELOW: usize = 1_000;

/// How many orgs may stand above one another.
pub(crate) const DEEPEST: usize = 16;

/// What a new org is to be.
#[derive(Debug)]
pub struct Draft {
    /// What people call it.
    pub name: Label,
    /// The region where its users sign in; `None` is here.
    pub region: Option<String>,
    /// What people read about it.
    pub profile: Profile,
}

/// Who administers a new org from its first moment.
#[derive(Debug)]
pub struct FirstUser {
    /// The user.
    pub draft: user::Draft,
    /// What it may do, which whoever adds it may do too.
    pub roles: Grantable,
}

/// What is to be different about an org; what is `None` stays.
#[derive(Debug, Default)]
pub struct Change {
    /// What people call it.
    pub name: Option<Label>,
    /// What people read about it.
    pub profile: Option<Profile>,
}

/// Why an org was not written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrgError {
    /// There is no such region.
    #[error("no region has this name")]
    UnknownRegion,
    /// The org above it has as many below it as it may.
    #[error("the organization above it has as many below it as it may")]
    TooMany,
    /// As many orgs stand above one another as may.
    #[error("organizations stand {DEEPEST} above one another at the most")]
    TooDeep,
    /// Others stand below it.
    #[error("it has sub-organizations")]
    NotEmpty,
    /// It was not written, as anything else may not be.
    #[error(transparent)]
    Change(#[from] ChangeError),
}

impl From<StoreError> for OrgError {
    fn from(error: StoreError) -> Self {
        Self::Change(error.into())
    }
}

/// The org of the permit and every org below it, by name.
pub async fn list(
    cx: &Cx,
    permit: &Permit<action::ViewOrg>,
    page: Page,
) -> Result<Vec<Arc<Org>>, StoreError> {
    cx.store.orgs_within(permit.org(), page).await
}

/// Adds an org right below that of the permit; those who administer that one administer it too.
pub async fn add(cx: &Cx, permit: &Permit<action::AddOrg>, draft: Draft) -> Result<Arc<Org>, OrgError> {
    let org = drafted(cx, permit, draft).await?;
    let entry = sub_org(&org, permit.by(), Written::Added).at(org.created_at);
    cx.store.add_org(&org, None, &[entry]).await.map_err(ChangeError::changing)?;
    Ok(Arc::new(org))
}

/// Adds an org right below that of the permit together with its first user: both or neither (protocol.md 4.10).
pub async fn register(
    cx: &Cx,
    permit: &Permit<action::AddOrg>,
    draft: Draft,
    first: FirstUser,
) -> Result<(Arc<Org>, Arc<User>), OrgError> {
    let org = drafted(cx, permit, draft).await?;
    let by = org.revision.created_by().to_owned();
    let account = user::account(cx, &org, by, first.draft, first.roles.apart()).await?;
    let entries = [
        sub_org(&org, permit.by(), Written::Added).at(org.created_at),
        user::written(&account.user, permit.by(), Written::Added).at(org.created_at),
    ];
    cx.store.add_org(&org, Some(&account), &entries).await.map_err(ChangeError::adding)?;
    Ok((Arc::new(org), Arc::new(account.user)))
}

/// Changes what people read about an org.
pub async fn change(
    cx: &Cx,
    over: Over<action::ManageOrg, Org>,
    change: Change,
) -> Result<Arc<Org>, OrgError> {
    rewrite(cx, over.permit(), changed(over.thing(), change)).await
}

/// The same, and sends its users to sign in at another region, or brings them back with `None`.
pub async fn relocate(
    cx: &Cx,
    over: Over<action::GovernOrg, Org>,
    change: Change,
    region: Option<String>,
) -> Result<Arc<Org>, OrgError> {
    known(cx, region.as_ref())?;
    rewrite(cx, over.permit(), Org { region, ..changed(over.thing(), change) }).await
}

/// Says how many sessions an org may hold at once; `None` takes the instance's (protocol.md 5.9).
pub async fn license(
    cx: &Cx,
    over: Over<action::GovernOrg, Org>,
    session_limit: Option<u32>,
) -> Result<Arc<Org>, OrgError> {
    rewrite(cx, over.permit(), Org { session_limit, ..Org::clone(over.thing()) }).await
}

/// Removes an org with everything in it: its sessions end, its users are gone, and their tokens with them.
pub async fn remove(cx: &Cx, over: Over<action::RemoveOrg, Org>) -> Result<(), OrgError> {
    let org = over.thing();
    if !cx.store.orgs_below(org.id).await?.is_empty() {
        return Err(OrgError::NotEmpty);
    }
    let event = sub_org(org, over.permit().by(), Written::Removed);
    Ok(cx.store.remove_org(org, &event.at(cx.clock.now())).await.map_err(ChangeError::changing)?)
}

async fn drafted(cx: &Cx, permit: &Permit<action::AddOrg>, draft: Draft) -> Result<Org, OrgError> {
    known(cx, draft.region.as_ref())?;
    if cx.store.orgs_below(permit.org()).await?.len() >= MOST_BELOW {
        return Err(OrgError::TooMany);
    }
    if depth(cx, permit.org()).await? >= DEEPEST {
        return Err(OrgError::TooDeep);
    }
    let now = cx.clock.now();
    Ok(Org {
        id: OrgId::from_bits(entropy::uuid(&*cx.entropy)),
        name: draft.name.as_str().to_owned(),
        parent: permit.org(),
        region: draft.region,
        authentication: Authentication::SessionId,
        idle_minutes: None,
        absolute_minutes: None,
        session_limit: None,
        decided: Decided::default(),
        created_at: now,
        updated_at: now,
        profile: draft.profile,
        revision: Revision::first(author(cx, permit).await?),
    })
}

fn changed(old: &Org, change: Change) -> Org {
    let mut new = Org::clone(old);
    new.name = change.name.map_or(new.name, |name| name.as_str().to_owned());
    new.profile = change.profile.unwrap_or(new.profile);
    new
}

/// How many orgs stand above one another down to this one, which counts too.
async fn depth(cx: &Cx, org: OrgId) -> Result<usize, StoreError> {
    let (mut depth, mut place) = (0, org);
    while place != ROOT && depth < DEEPEST {
        let Some(found) = cx.store.org(place).await? else { break };
        (depth, place) = (depth + 1, found.parent);
    }
    Ok(depth)
}

fn known(cx: &Cx, region: Option<&String>) -> Result<(), OrgError> {
    let known = region.is_none_or(|region| cx.policy.regions.contains_key(region));
    if known { Ok(()) } else { Err(OrgError::UnknownRegion) }
}

async fn rewrite<A>(cx: &Cx, permit: &Permit<A>, mut new: Org) -> Result<Arc<Org>, OrgError> {
    let now = cx.clock.now();
    new.revision = new.revision.next(author(cx, permit).await?);
    new.updated_at = now;
    let event = Event::OrgWritten { org: new.id, by: permit.by(), how: Written::Changed };
    cx.store.replace_org(&new, &event.at(now)).await.map_err(ChangeError::changing)?;
    Ok(Arc::new(new))
}

fn sub_org(org: &Org, by: wire::UserId, how: Written) -> Event {
    Event::SubOrgWritten { org: org.parent, sub_org: org.id, by, how }
}
