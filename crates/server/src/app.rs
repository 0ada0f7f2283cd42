//! What every handler shares: the rules' context, the settings of the wire, and the numbers.

use crate::config::{Config, Limits, Wire};
use crate::http::body::Credentials;
use crate::http::error::ApiError;
use crate::http::told::Told;
use crate::metrics::{Metrics, Outcome};
use crate::system::Stopwatch;
use domain::access::{self, Caller};
use domain::audit::{Visit, denial};
use domain::flow::Waiter;
use domain::method::oauth_client::Presented;
use domain::method::saml::{Delivered, Taker};
use domain::oauth::{self, GrantError, Granted, Known};
use domain::password::{self, Answer};
use domain::saml::logout::{self, Farewell, NotEnded, Obeyed};
use domain::session::{self, Opened};
use domain::sign_in::{self, SignInError};
use domain::store::{Store, StoreError};
use domain::time::Timestamp;
use domain::{Cx, keyring};
use ipnet::IpNet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, Semaphore};
use tokio::task::{JoinError, JoinHandle};
use wire::error::Code;
use wire::{OrgId, Secret};

/// How long the store may take to say that it is ready.
const READY_WITHIN: Duration = Duration::from_secs(3);

/// How long what it says is told to whoever asks.
const READY_FOR: Duration = Duration::from_secs(1);

/// What the store said when it was asked whether it is ready, and since when, by the service's clock and by the machine's.
type Said = (Timestamp, Stopwatch, Result<(), StoreError>);

/// Shared by every handler.
pub type App = Arc<Shared>;

/// What is shared.
pub struct Shared {
    /// The context of the rules.
    pub cx: Arc<Cx>,
    /// The store, for its health alone.
    pub store: Arc<dyn Store>,
    /// Spellings and statuses that clients see.
    pub wire: Wire,
    /// How much one client may take.
    pub limits: Limits,
    /// The proxies whose word is taken for where a request came from.
    pub proxies: Vec<IpNet>,
    /// The bytes that the bodies of requests may take together.
    pub room: Arc<Semaphore>,
    /// When the store was last asked whether it is ready, and what it said.
    ready: Mutex<Option<Said>>,
    /// `serverUrl` and `baseApiUrl`: configured, never taken from a request.
    pub saas_url: String,
    /// What was told of users lately.
    pub told: Told,
    /// The numbers that the service keeps about itself.
    pub metrics: Arc<Metrics>,
    /// Whether the numbers have an address of their own.
    pub metrics_elsewhere: bool,
    /// Whether there is a collector of traces.
    pub traces: bool,
}

impl Shared {
    /// What handlers share when they speak by this configuration; its address is not known yet.
    pub fn new(config: &Config, cx: Arc<Cx>, store: Arc<dyn Store>, metrics: Arc<Metrics>) -> Self {
        Self {
            cx,
            store,
            wire: config.wire.clone(),
            limits: config.limits.clone(),
            proxies: config.network.proxies.iter().map(|range| range.0).collect(),
            room: Arc::new(Semaphore::new(config.limits.bodies_bytes as usize)),
            ready: Mutex::default(),
            saas_url: String::new(),
            told: Told::default(),
            metrics,
            metrics_elsewhere: false,
            traces: false,
        }
    }

    /// Signs in. What has begun is finished even if the client goes away, or an attempt would stay without an end; what
    /// only waits for a hash is not begun then.
    pub async fn sign_in(
        self: &Arc<Self>,
        credentials: Credentials,
        visit: Visit,
    ) -> Result<Opened, ApiError> {
        let (app, (_waiting, waiter)) = (Arc::clone(self), Waiter::new());
        let Credentials { name, password } = credentials;
        let story = |place| async move { sign_in::with_password(&app.cx, place, password).await };
        let admitted = sign_in::admit(&self.cx, name, visit, waiter).map_err(Ending::No);
        let told = finished(admitted.map(|place| tokio::spawn(story(place)))).await;
        self.opened("password", visit, told)
    }

    /// Signs in with an assertion of an identity provider, to the end as well: it is used up on the way.
    pub async fn sign_in_with_bearer(
        self: &Arc<Self>,
        org: OrgId,
        assertion: Secret,
        visit: Visit,
    ) -> Result<Opened, ApiError> {
        let app = Arc::clone(self);
        let story = async move { sign_in::with_bearer(&app.cx, org, assertion, visit).await };
        self.opened("bearer", visit, finished(Ok(tokio::spawn(story))).await)
    }

    /// Signs in with a SAML assertion, to the end for the same reason.
    pub async fn sign_in_with_saml(
        self: &Arc<Self>,
        org: OrgId,
        message: Secret,
        taker: Taker,
        visit: Visit,
    ) -> Result<Opened, ApiError> {
        let app = Arc::clone(self);
        let story = async move { sign_in::with_saml(&app.cx, org, message, &taker, visit).await };
        self.opened("saml", visit, finished(Ok(tokio::spawn(story))).await)
    }

    fn opened(
        &self,
        method: &'static str,
        visit: Visit,
        told: Result<Opened, Ending>,
    ) -> Result<Opened, ApiError> {
        if let Ok(opened) = &told {
            self.metrics.sessions_opened.inc();
            let (user, org) = (opened.caller.user(), opened.caller.org());
            tracing::info!(user.id = %user.id, org.id = %org.id, door = ?visit.door, method, "{} signed in", user.name.as_str());
        }
        self.counted(method, told)
    }

    /// Grants a token, to the end: an assertion is used up on the way, and a wrong secret is counted.
    pub async fn grant(self: &Arc<Self>, asked: oauth::Asked) -> Result<Granted, ApiError> {
        let (app, method) = (Arc::clone(self), if asked.client.is_some() { "client" } else { "exchange" });
        let told = self.asked_by(method, async move { oauth::grant(&app.cx, asked).await }).await?;
        self.metrics.tokens_minted.inc();
        Ok(told)
    }

    /// Says what a client may know of something that it was presented.
    pub async fn introspect(
        self: &Arc<Self>,
        client: Presented,
        token: Secret,
        visit: Visit,
    ) -> Result<Option<Known>, ApiError> {
        let app = Arc::clone(self);
        self.asked_by("client", async move { oauth::introspect(&app.cx, &client, &token, visit).await }).await
    }

    /// Withdraws what a client presents.
    pub async fn revoke(
        self: &Arc<Self>,
        client: Presented,
        token: Secret,
        visit: Visit,
    ) -> Result<(), ApiError> {
        let app = Arc::clone(self);
        self.asked_by("client", async move { oauth::revoke(&app.cx, &client, &token, visit).await }).await
    }

    async fn asked_by<T: Send + 'static>(
        &self,
        method: &'static str,
        story: impl Future<Output = Result<T, GrantError>> + Send + 'static,
    ) -> Result<T, ApiError> {
        let granted = tokio::spawn(story).await;
        let outcome = match &granted {
            Ok(Ok(_)) => Outcome::Accepted,
            Ok(Err(error)) => error.into(),
            Err(_) => Outcome::Failed,
        };
        self.metrics.signed_in(method, outcome);
        told(granted)
    }

    /// Proves who one is for one act.
    pub async fn prove(self: &Arc<Self>, credentials: Credentials, visit: Visit) -> Result<Caller, ApiError> {
        let (app, (_waiting, waiter)) = (Arc::clone(self), Waiter::new());
        let Credentials { name, password } = credentials;
        let story = |place| async move { sign_in::for_one_act(&app.cx, place, password).await };
        let admitted = sign_in::admit(&self.cx, name, visit, waiter).map_err(Ending::No);
        let told = finished(admitted.map(|place| tokio::spawn(story(place)))).await;
        self.counted("password", told)
    }

    /// Changes the caller's own password. What has begun is finished even if the client goes away.
    pub async fn change_own_password(
        self: &Arc<Self>,
        caller: Caller,
        old: Secret,
        new: Secret,
        visit: Visit,
    ) -> Result<(), ApiError> {
        let app = Arc::clone(self);
        let story = async move { password::change_own(&app.cx, &caller, old, new, visit).await };
        told(tokio::spawn(story).await)
    }

    /// Chooses a new password with the answer to the security question, to the end as well.
    pub async fn reset_password(
        self: &Arc<Self>,
        whose: String,
        answer: Secret,
        new: Secret,
        visit: Visit,
    ) -> Result<(), ApiError> {
        let app = Arc::clone(self);
        let story = async move { password::reset(&app.cx, &whose, answer, new, visit).await };
        told(tokio::spawn(story).await)
    }

    /// Sets the answer to the caller's security question, to the end as well.
    pub async fn set_own_answer(
        self: &Arc<Self>,
        caller: Caller,
        password: Secret,
        answer: Answer,
        visit: Visit,
    ) -> Result<(), ApiError> {
        let app = Arc::clone(self);
        let story = async move { password::set_own_answer(&app.cx, &caller, password, answer, visit).await };
        told(tokio::spawn(story).await)
    }

    /// Ends the caller's session.
    pub async fn sign_out(&self, caller: Caller) -> Result<(), ApiError> {
        session::end(&self.cx, &caller).await?;
        self.left(&caller);
        Ok(())
    }

    /// Ends the caller's session, and makes the question to the provider that opened it to end its own; to the end.
    pub async fn sign_out_everywhere(
        self: &Arc<Self>,
        caller: Caller,
    ) -> Result<Option<logout::Question>, ApiError> {
        let app = Arc::clone(self);
        let story = async move {
            let question = logout::leave(&app.cx, &caller).await?;
            app.left(&caller);
            Ok::<_, StoreError>(question)
        };
        told(tokio::spawn(story).await)
    }

    /// Takes what a provider says of its own session, to the end: its message is used up on the way.
    pub async fn conclude(
        self: &Arc<Self>,
        org: OrgId,
        delivered: Delivered,
        carried: Option<String>,
        visit: Visit,
    ) -> Result<Farewell, ApiError> {
        let app = Arc::clone(self);
        let story =
            async move { logout::conclude(&app.cx, org, &delivered, carried.as_deref(), visit).await };
        told(tokio::spawn(story).await)
    }

    fn left(&self, caller: &Caller) {
        self.metrics.sessions_ended.inc_by(caller.sessions().count() as u64);
        tracing::info!(user.id = %caller.user().id, "{} signed out", caller.user().name.as_str());
    }

    /// Does what a provider asks for, to the end: its message is used up on the way.
    pub async fn obey(
        self: &Arc<Self>,
        org: OrgId,
        delivered: Delivered,
        visit: Visit,
    ) -> Result<Obeyed, ApiError> {
        let app = Arc::clone(self);
        let story = async move { logout::obey(&app.cx, org, &delivered, visit).await };
        let obeyed = told(tokio::spawn(story).await)?;
        match &obeyed.ended {
            Ok(ended) => {
                tracing::info!(org.id = %org, sessions = ended, "an identity provider ended sessions")
            }
            Err(NotEnded::Unclear) => {
                tracing::info!(org.id = %org, "an identity provider was not understood")
            }
            Err(NotEnded::Store(error)) => {
                tracing::error!(org.id = %org, %error, "sessions that an identity provider ended go on");
            }
        }
        Ok(obeyed)
    }

    /// Ends every session of the caller's org, if the caller may.
    pub async fn sign_out_org(&self, caller: &Caller) -> Result<(), ApiError> {
        let permit = match access::may_end_org_sessions(caller) {
            Ok(permit) => permit,
            Err(denied) => {
                let act = "POST /ma/api/v2/user/logoutall".to_owned();
                denial::record(&self.cx, caller.org().id, caller.user().id, act, "").await?;
                return Err(denied.into());
            }
        };
        Ok(session::end_all(&self.cx, permit).await?)
    }

    /// Whether the service can do its work.
    pub async fn is_ready(&self) -> Result<(), ApiError> {
        self.store_is_ready().await?;
        match keyring::can_sign(&self.cx) {
            true => Ok(()),
            false => Err(ApiError::new(Code::Unavailable, "there is no key to sign with")),
        }
    }

    /// Asking costs a write, and anybody may ask: one asks for all who come meanwhile, and for a second.
    async fn store_is_ready(&self) -> Result<(), StoreError> {
        let mut said = self.ready.lock().await;
        let now = self.cx.now();
        // The clock of an emulator may stand still, and what was wrong once would stay so.
        if let Some((at, since, said)) = &*said
            && (*at..*at + READY_FOR).contains(&now)
            && (said.is_ok() || since.elapsed() < READY_FOR)
        {
            return said.clone();
        }
        let late = || StoreError::Unavailable("the store does not answer".into());
        let ready =
            tokio::time::timeout(READY_WITHIN, self.store.ready()).await.unwrap_or_else(|_| Err(late()));
        *said = Some((self.cx.now(), Stopwatch::start(), ready.clone()));
        ready
    }

    fn counted<T>(&self, method: &'static str, told: Result<T, Ending>) -> Result<T, ApiError> {
        let outcome = match &told {
            Ok(_) => Outcome::Accepted,
            Err(Ending::No(error)) => error.into(),
            Err(Ending::Broken) => Outcome::Failed,
        };
        self.metrics.signed_in(method, outcome);
        // Who is refused for load alone is counted: a line for each would be load of its own.
        if !matches!(outcome, Outcome::Accepted | Outcome::Busy) {
            // Not the name: people type passwords into name fields. The audit log has the reason.
            tracing::info!(?outcome, "a sign-in was not accepted");
        }
        told.map_err(ApiError::from)
    }
}

/// How a story ended that did not end well.
enum Ending {
    No(SignInError),
    Broken,
}

/// What a story came to, unless somebody was refused before it.
async fn finished<T>(story: Result<JoinHandle<Result<T, SignInError>>, Ending>) -> Result<T, Ending> {
    match story?.await {
        Ok(Ok(told)) => Ok(told),
        Ok(Err(error)) => Err(Ending::No(error)),
        Err(_panic) => Err(Ending::Broken),
    }
}

/// What a task of its own came to.
fn told<T, E: Into<ApiError>>(story: Result<Result<T, E>, JoinError>) -> Result<T, ApiError> {
    story.map_or_else(|_panic| Err(broken()), |told| told.map_err(E::into))
}

fn broken() -> ApiError {
    ApiError::new(Code::Internal, "something here is broken")
}

impl From<Ending> for ApiError {
    fn from(ending: Ending) -> Self {
        match ending {
            Ending::No(error) => error.into(),
            Ending::Broken => broken(),
        }
    }
}
