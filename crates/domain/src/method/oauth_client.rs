//! Proof by the secret of an OAuth client (RFC 6749 section 2.3.1).
//!
//! A secret has 256 random bits, so nobody guesses one, and a right one is taken whatever was tried before: a lock would
//! let anybody stop a program by its id alone. What failures in a row do is make the record of them short.

use crate::attempts::{self, Limits, NoAttempt, Tried};
use crate::audit::trail::{self, Knock};
use crate::audit::{Event, Refusal, Visit};
use crate::client::{self, Client, ClientSecret, SecretDigest};
use crate::cx::{Cx, Lockout};
use crate::name::NameDigest;
use crate::network::Network;
use crate::org::Org;
use crate::store::StoreError;
use aws_lc_rs::digest;
use std::sync::Arc;
use std::time::Duration;
use wire::{ClientId, ClientSecretId, Secret};

/// What a client presents. People paste secrets into the wrong field, so the id is kept out of sight too.
#[derive(Debug)]
pub struct Presented {
    /// Its `client_id`.
    pub id: Secret,
    /// Its `client_secret`.
    pub secret: Secret,
}

/// Evidence of which OAuth client is calling, and by which of its secrets.
///
/// ```compile_fail,E0451
/// # use domain::{client::Client, method::oauth_client::ClientProof, org::Org};
/// # use std::sync::Arc;
/// fn forged(client: Arc<Client>, org: Arc<Org>, secret: wire::ClientSecretId) -> ClientProof {
///     ClientProof { client, org, secret }
/// }
/// ```
#[derive(Debug)]
pub struct ClientProof {
    client: Arc<Client>,
    org: Arc<Org>,
    secret: ClientSecretId,
}

impl ClientProof {
    /// Which client.
    pub fn client(&self) -> &Arc<Client> {
        &self.client
    }

    /// Its org.
    pub fn org(&self) -> &Arc<Org> {
        &self.org
    }

    /// By which secret.
    pub fn secret(&self) -> ClientSecretId {
        self.secret
    }
}

/// Why nothing was proven.
#[derive(Debug)]
pub(crate) enum NotProven {
    /// Id or secret are not right, or the client is disabled; which of them, nobody is told.
    Refused,
    /// The address has failed too often, with whatever names.
    Throttled {
        /// How long until it may try again.
        wait: Duration,
    },
    /// More wrong ones arrive at once than can be counted.
    Busy,
    /// The store did not do it.
    Store(StoreError),
}

impl From<StoreError> for NotProven {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Proves which client is calling. An id that nobody has costs the same reads as one that somebody has.
pub(crate) async fn prove(cx: &Cx, presented: &Presented, visit: Visit) -> Result<ClientProof, NotProven> {
    let id = presented.id.expose().parse().unwrap_or(ClientId::from_bits(0));
    let client = cx.store.client(id).await?;
    match verdict(cx, client.clone(), &presented.secret, visit).await? {
        Ok((proof, secret)) => {
            client::used(cx, &secret, cx.clock.now()).await?;
            Ok(proof)
        }
        Err(reason) => Err(refuse(cx, presented, client.as_deref(), reason, visit).await),
    }
}

async fn verdict(
    cx: &Cx,
    client: Option<Arc<Client>>,
    secret: &Secret,
    visit: Visit,
) -> Result<Result<(ClientProof, ClientSecret), Refusal>, StoreError> {
    let digest = SecretDigest::of(secret);
    let Some(client) = client else { return Ok(Err(Refusal::UnknownClient)) };
    let Some(secret) = client.secrets.iter().find(|kept| kept.digest.is(&digest)).cloned() else {
        return Ok(Err(Refusal::WrongSecret));
    };
    let Some(org) = cx.store.org(client.org).await?.filter(|_| client.is_active()) else {
        return Ok(Err(Refusal::Disabled));
    };
    if org.region.is_some() {
        return Ok(Err(Refusal::OtherRegion));
    }
    if !org.admits(&cx.policy, visit.address) {
        return Ok(Err(Refusal::Outside));
    }
    Ok(Ok((ClientProof { client, org, secret: secret.id }, secret)))
}

/// Records a failure: each of the first in a row, and of those after them how many there were.
async fn refuse(
    cx: &Cx,
    presented: &Presented,
    client: Option<&Client>,
    reason: Refusal,
    visit: Visit,
) -> NotProven {
    let name = counter(&presented.id);
    let (now, org, client) = (cx.clock.now(), client.map(|it| it.org), client.map(|it| it.id));
    let event =
        |locked| Event::ClientRefused { name: name.into(), org, client, reason, locked, visit }.at(now);
    let Lockout { max_attempts: max, lock, forget, failures_per_name: of_all, .. } = cx.policy.lockout;
    let tried = Tried { name, network: Network::of(visit.address) };
    match attempts::claim(cx, tried, Limits { max, lock, forget, of_all }).await {
        Ok(attempt) => match attempt.failed(cx, event).await {
            Ok(()) => NotProven::Refused,
            Err(error) => error.into(),
        },
        Err(NoAttempt::Locked { until }) => {
            trail::knocked(cx, name, Knock { user: None, until, visit });
            NotProven::Refused
        }
        Err(NoAttempt::Throttled(refused)) => {
            if refused.is_news {
                trail::throttled(cx, visit);
            }
            NotProven::Throttled { wait: refused.wait }
        }
        Err(NoAttempt::Busy) => NotProven::Busy,
        Err(NoAttempt::Store(error)) => error.into(),
    }
}

/// The counter of an id, in whichever spelling; no user name has the same one.
fn counter(id: &Secret) -> NameDigest {
    let one_spelling = id.expose().parse().map(ClientId::base62);
    let id = one_spelling.as_deref().unwrap_or(id.expose());
    let digest = digest::digest(&digest::SHA256, format!("oauth client\n{id}").as_bytes());
    NameDigest(digest.as_ref().try_into().unwrap_or([0; 32]))
}
