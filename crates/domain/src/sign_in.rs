//! A sign-in, told in one place: evidence first, then a session.

pub use crate::method::password::Admitted;

use crate::access::Caller;
use crate::audit::{Event, Refusal, Visit};
use crate::cx::Cx;
use crate::flow::Waiter;
use crate::method::{Busy, Proof, bearer, password, saml};
use crate::name::CanonicalName;
use crate::session::{self, Asserted, OpenError, Opened};
use crate::store::StoreError;
use std::sync::Arc;
use std::time::Duration;
use wire::{OrgId, Secret};

/// Lets somebody with a name and a password in as far as the queue of hashes, unless it is full; nobody is hashed there
/// for whom nobody waits any more when it is their turn. Whoever is refused here has left nothing to be finished.
pub fn admit(cx: &Cx, name: CanonicalName, visit: Visit, waiter: Waiter) -> Result<Admitted, SignInError> {
    Ok(password::admit(cx, name, visit, waiter)?)
}

/// Signs in with a password.
pub async fn with_password(cx: &Cx, admitted: Admitted, password: Secret) -> Result<Opened, SignInError> {
    let name = admitted.name.clone();
    open(cx, &name, password::prove(cx, admitted, password).await?).await
}

/// Signs in with an assertion of an identity provider of the org.
pub async fn with_bearer(
    cx: &Cx,
    org: OrgId,
    assertion: Secret,
    visit: Visit,
) -> Result<Opened, SignInError> {
    let proof = bearer::prove(cx, org, &assertion, visit).await?;
    let name = proof.user().name.canonical();
    open(cx, &name, proof).await
}

/// Proves who one is with an assertion, for a token without a session.
pub(crate) async fn for_a_token(
    cx: &Cx,
    org: OrgId,
    assertion: Secret,
    visit: Visit,
) -> Result<Caller, SignInError> {
    let proof = bearer::prove(cx, org, &assertion, visit).await?;
    let name = proof.user().name.canonical();
    Ok(Caller::proven(at_home(cx, &name, from_inside(cx, &name, proof).await?).await?))
}

/// Signs in with a SAML assertion of the identity provider of the org, whoever brings it.
pub async fn with_saml(
    cx: &Cx,
    org: OrgId,
    message: Secret,
    taker: &saml::Taker,
    visit: Visit,
) -> Result<Opened, SignInError> {
    let saml::Proven { proof, asserted } = saml::prove(cx, org, &message, taker, visit).await?;
    let name = proof.user().name.canonical();
    open_as(cx, &name, proof, asserted).await
}

async fn open(cx: &Cx, name: &CanonicalName, proof: Proof) -> Result<Opened, SignInError> {
    open_as(cx, name, proof, Asserted::default()).await
}

async fn open_as(
    cx: &Cx,
    name: &CanonicalName,
    proof: Proof,
    asserted: Asserted,
) -> Result<Opened, SignInError> {
    let proof = at_home(cx, name, from_inside(cx, name, proof).await?).await?;
    let place = match session::place(cx, &proof).await? {
        Some(place) => place,
        None => {
            return Err(refuse(cx, name, &proof, Refusal::SessionLimit, SignInError::TooManySessions).await);
        }
    };
    let (user, method, visit) = (Arc::clone(proof.user()), proof.method(), proof.visit());
    match session::open(cx, proof, place, asserted).await {
        Ok(opened) => Ok(opened),
        // A password can be tried again at once; what proved this is used up.
        Err(OpenError::Overtaken) if method == "password" => Err(SignInError::Busy(Busy::A_MOMENT)),
        Err(OpenError::Overtaken) => {
            bearer::overtaken(cx, &user, visit).await?;
            Err(SignInError::NotTrusted)
        }
        Err(OpenError::Store(error)) => Err(error.into()),
    }
}

/// Proves who one is for one act, without opening a session.
pub async fn for_one_act(cx: &Cx, admitted: Admitted, password: Secret) -> Result<Caller, SignInError> {
    let name = &admitted.name.clone();
    let proof = password::prove(cx, admitted, password).await?;
    let proof = at_home(cx, name, from_inside(cx, name, proof).await?).await?;
    let now = cx.store.account(name).await?.map(|account| account.user);
    // What opening a session asks of the store: whoever was changed while they were being proven does nothing.
    match now.filter(|user| user.id == proof.user().id && user.is_active()) {
        Some(user) if user.revision == proof.user().revision => Ok(Caller::proven(proof)),
        Some(_) => Err(SignInError::Busy(Busy::A_MOMENT)),
        None => Err(refuse(cx, name, &proof, Refusal::Disabled, SignInError::Refused).await),
    }
}

/// Why nobody was signed in.
#[derive(Debug)]
pub enum SignInError {
    /// The name or the password is not right; which of them, and whether it is something else, nobody is told.
    Refused,
    /// The assertion is not right; which part of it, nobody is told.
    NotTrusted,
    /// The name is locked after too many failures.
    Locked,
    /// The address has failed too often, with whatever names.
    Throttled {
        /// How long until it may try again.
        wait: Duration,
    },
    /// The password was right, but the user signs in at another region's login host.
    OtherRegion {
        /// That login host.
        login_url: String,
    },
    /// The password was right, but the org holds as many sessions as it may (protocol.md 11, question 12).
    TooManySessions,
    /// More sign-ins arrive than can be hashed; a later try may do.
    Busy(Busy),
    /// The store did not do it.
    Store(StoreError),
}

impl From<StoreError> for SignInError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Lets through who comes from where the org lets its users come from, by whatever method; others hear what they would
/// hear if the proof were wrong. A password has been judged by this already, so that it was counted.
async fn from_inside(cx: &Cx, name: &CanonicalName, proof: Proof) -> Result<Proof, SignInError> {
    if proof.org().admits(&cx.policy, proof.visit().address) {
        return Ok(proof);
    }
    let error = if proof.method() == "password" { SignInError::Refused } else { SignInError::NotTrusted };
    Err(refuse(cx, name, &proof, Refusal::Outside, error).await)
}

/// Lets through who belongs to this region. The password was right already, so the answer may say more than no.
async fn at_home(cx: &Cx, name: &CanonicalName, proof: Proof) -> Result<Proof, SignInError> {
    let Some(region) = &proof.org().region else {
        return Ok(proof);
    };
    let login_url = cx.policy.regions.get(region).cloned().unwrap_or_default();
    Err(refuse(cx, name, &proof, Refusal::OtherRegion, SignInError::OtherRegion { login_url }).await)
}

async fn refuse(
    cx: &Cx,
    name: &CanonicalName,
    proof: &Proof,
    reason: Refusal,
    error: SignInError,
) -> SignInError {
    let (name, user) = (name.digest().into(), Some(proof.user().id));
    let event = Event::SignInRefused { name, user, reason, locked: false, visit: proof.visit() };
    match cx.store.record(&event.at(cx.clock.now())).await {
        Ok(()) => error,
        Err(store) => store.into(),
    }
}
