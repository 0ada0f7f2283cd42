//! What happens to one request: it is written down, a fault may be done to it, and the service answers.

use crate::alter;
use crate::asked::{Asked, Front};
use crate::control::{self, PREFIX};
use crate::elsewhere::{Answered, Brought};
use crate::emulator::Emulator;
use crate::faults::{self, After, Before, Instead, Plan};
use crate::intercept::{Answers, HangUp, Reply};
use crate::journal::{By, Draft, Journal};
use crate::world::World;
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use domain::access::{self, Use};
use domain::session;
use domain::store::StoreError;
use domain::time::{Clock, Timestamp};
use futures_util::future::BoxFuture;
use futures_util::{StreamExt, stream};
use http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use http_body_util::BodyExt;
use hyper::body::Body as _;
use server::http::error::{ApiError, Family};
use server::http::spelling::Luggage;
use server::http::{self as service, caller};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use tower::ServiceExt;
use wire::error::Code;

/// A body that is longer goes by without being looked at.
const LOOKED_AT: usize = 64 << 10;

/// Answers for the emulator and for every host of the vendor.
pub struct Pipeline {
    emulator: Arc<Emulator>,
    control: Router,
}

impl Answers for Pipeline {
    fn answer(
        self: Arc<Self>,
        front: Front,
        peer: SocketAddr,
        request: Request<Body>,
    ) -> BoxFuture<'static, Reply> {
        Box::pin(async move { self.reply(front, peer, request).await })
    }
}

impl Pipeline {
    /// Answers from a run, and its own paths from the control.
    pub fn new(emulator: Arc<Emulator>, control: Router) -> Self {
        Self { emulator, control }
    }

    async fn reply(&self, front: Front, peer: SocketAddr, mut request: Request<Body>) -> Reply {
        if front == Front::Direct && !control::is_local(request.headers()) {
            return Ok(control::foreign());
        }
        if front == Front::Direct && request.uri().path().starts_with(PREFIX) {
            return Ok(self.controlled(request).await);
        }
        let is_sign_in = faults::is_sign_in(request.uri().path());
        let seen = look_at(&mut request, is_sign_in).await?;
        let visitor = self.visitor(request.headers(), Some(peer.ip())).await;
        let asked = asked(front, &request, visitor, seen.as_ref());
        let asked = Arc::new(Asked { from: Some(peer.ip()), ..asked });
        request.extensions_mut().insert(ConnectInfo(peer));
        let answered = Answered::default();
        let brought = Brought { asked: Arc::clone(&asked), answered: answered.clone() };
        request.extensions_mut().insert(Luggage(Arc::new(brought)));
        let now = self.emulator.clock.now();
        let seen = seen.as_ref().map(|body| (&**body, content_type(&asked)));
        let fired = self.emulator.faults.fire(&asked, now, &self.emulator.chance);
        let fault = fired.as_ref().map(|fired| fired.name.as_str());
        let entry =
            Unfinished::begin(&self.emulator.journal, self.emulator.journal.begin(&asked, now, seen), fault);
        let plan = fired.as_ref().map(|fired| fired.effect.plan()).unwrap_or_default();
        let is_fault = plan.instead.is_some();
        let reply = self.enact(plan, &asked, request).await;
        let status = reply.as_ref().map(Response::status).ok();
        entry.finish(status, if is_fault { By::Fault } else { answered.by() });
        reply.map(|response| dated(response, self.emulator.clock.now()))
    }

    async fn controlled(&self, request: Request<Body>) -> Response {
        if !control::is_no_page(request.headers()) {
            return control::foreign();
        }
        self.control.clone().oneshot(request).await.into_response()
    }

    /// Whom the credentials of a request name; asking slides nothing.
    async fn visitor(&self, headers: &HeaderMap, from: Option<IpAddr>) -> Option<(String, String)> {
        let mut credentials = caller::credentials(headers, from).ok()?;
        credentials.org = None;
        let world = self.emulator.world().await;
        let visitor = access::gate(&world.cx, &credentials, Use::Probe).await.ok()?;
        Some((visitor.user.name.as_str().to_owned(), visitor.org.base62()))
    }

    async fn enact(&self, plan: Plan, asked: &Asked, request: Request<Body>) -> Reply {
        if let Some(Before::Wait(time)) = plan.before {
            tokio::time::sleep(time).await;
        }
        // Not held while somebody sends a body or an upstream thinks: going back to another moment waits for nobody.
        let world = Arc::clone(&*self.emulator.world().await);
        let world = match self.prepare(&plan, &world, asked).await {
            Ok(other) => other.unwrap_or(world),
            Err(error) => return Ok(broken(&error)),
        };
        let response = match plan.instead {
            Some(instead) => self.instead(&instead, asked, &world).ok_or(HangUp)?,
            None => world.router(asked.front.host()).oneshot(request).await.into_response(),
        };
        match plan.after {
            Some(After::Truncate(cut)) => alter::cut(response, cut).await,
            Some(After::MovePod(pod)) => alter::moved(response, &pod).await,
            None => Ok(response),
        }
    }

    fn instead(&self, instead: &Instead, asked: &Asked, world: &World) -> Option<Response> {
        let family = Family::of(&asked.path, &asked.headers);
        let mut response = instead.response(family, &world.wire().refused_status, world.cx.request_id())?;
        service::harden(response.headers_mut());
        Some(response)
    }

    /// Does what has to be done before an answer; answers the world that gives it, if it is another one.
    async fn prepare(
        &self,
        plan: &Plan,
        world: &World,
        asked: &Asked,
    ) -> Result<Option<Arc<World>>, StoreError> {
        match &plan.before {
            Some(Before::EndSession) => end_session(world, asked).await?,
            Some(Before::RotateKeys) => drop(world.rotate_keys().await?),
            Some(Before::Skew(shift)) => {
                let ahead = i64::try_from(shift.as_micros()).unwrap_or(i64::MAX);
                return Ok(Some(self.emulator.skewed(world, ahead).await?));
            }
            Some(Before::Wait(_)) | None => {}
        }
        Ok(None)
    }
}

/// A request that is in the journal whatever becomes of it: whoever hangs up before the answer has asked too.
struct Unfinished<'a> {
    journal: &'a Journal,
    draft: Option<Draft>,
    fault: Option<&'a str>,
}

impl<'a> Unfinished<'a> {
    fn begin(journal: &'a Journal, draft: Draft, fault: Option<&'a str>) -> Self {
        Self { journal, draft: Some(draft), fault }
    }

    fn finish(mut self, status: Option<StatusCode>, by: By) {
        let draft = self.draft.take();
        draft.into_iter().for_each(|draft| self.journal.finish(draft, status, self.fault, by));
    }
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        let draft = self.draft.take();
        draft.into_iter().for_each(|draft| self.journal.finish(draft, None, self.fault, By::Nobody));
    }
}

/// What a request is, and who sends it: whom its credentials name, or whom a sign-in names.
fn asked(
    front: Front,
    request: &Request<Body>,
    visitor: Option<(String, String)>,
    body: Option<&Bytes>,
) -> Asked {
    let (user, org) = visitor.unzip();
    let uri = request.uri();
    Asked {
        front,
        method: request.method().clone(),
        path: uri.path().to_owned(),
        query: uri.query().map(str::to_owned),
        headers: request.headers().clone(),
        from: None,
        user: user.or_else(|| body.and_then(|body| named_in(body))),
        org,
    }
}

/// Ends the session that a request carries, for every carrier.
async fn end_session(world: &World, asked: &Asked) -> Result<(), StoreError> {
    let presented = caller::sessions(&asked.headers).unwrap_or_default();
    match access::caller(&world.cx, &presented, asked.from, Use::Probe).await {
        Ok(caller) => session::end(&world.cx, &caller).await,
        // Nobody's session cannot be ended.
        Err(_nobody) => Ok(()),
    }
}

fn content_type(asked: &Asked) -> &str {
    asked.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default()
}

/// Takes the body out, if it is short, and puts it back. Of a sign-in the beginning is looked at, however long it is.
async fn look_at(request: &mut Request<Body>, is_sign_in: bool) -> Result<Option<Bytes>, HangUp> {
    let length = request.headers().get(header::CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
    let is_short = length.is_some_and(|length: usize| length <= LOOKED_AT);
    if !is_short && !is_sign_in {
        return Ok(None);
    }
    let mut body = std::mem::take(request.body_mut());
    let mut seen = BytesMut::new();
    while seen.len() <= LOOKED_AT {
        // A caller that breaks off in the middle of its body waits for no answer.
        let Some(frame) = body.frame().await.transpose().map_err(|_broken_off| HangUp)? else { break };
        frame.data_ref().into_iter().for_each(|part| seen.extend_from_slice(part));
    }
    let seen = seen.freeze();
    let first = stream::iter([Ok(seen.clone())]);
    *request.body_mut() = if body.is_end_stream() {
        Body::from(seen.clone())
    } else {
        Body::from_stream(first.chain(body.into_data_stream()))
    };
    Ok((!seen.is_empty()).then_some(seen))
}

/// The user that a sign-in names, in JSON, XML or a form.
fn named_in(body: &[u8]) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Named {
        username: String,
    }
    let in_json = || serde_json::from_slice::<Named>(body).ok();
    let in_form = || serde_urlencoded::from_bytes::<Named>(body).ok();
    let in_xml = || {
        let fields = wire::xml::fields(body, "login").ok()?;
        fields.required("username", LOOKED_AT).ok().map(|name| name.expose().to_owned())
    };
    in_json().or_else(in_form).map(|named| named.username).or_else(in_xml)
}

fn broken(error: &StoreError) -> Response {
    tracing::error!(%error, "a fault could not be done");
    ApiError::new(Code::Internal, "the fault could not be done").into_response()
}

/// The time of the emulator, which a program may compare with what it was told.
fn dated(mut response: Response, now: Timestamp) -> Response {
    let date = jiff::Timestamp::from_microsecond(now.as_micros()).unwrap_or_default();
    let date = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&date);
    if let Some(date) = date.ok().and_then(|date| HeaderValue::try_from(date).ok()) {
        response.headers_mut().insert(header::DATE, date);
    }
    response
}
