//! Every route on one screen, and what stands around them all.

pub mod address;
pub mod authz;
pub mod body;
pub mod caller;
pub mod docs;
pub mod error;
pub mod form;
pub mod front;
pub mod gate;
pub mod jwt;
pub mod keys;
pub mod listing;
pub mod operations;
pub mod origin;
pub mod own;
pub mod query;
pub mod reply;
pub mod saml;
pub mod scim;
pub mod session_service;
pub mod spelling;
pub mod told;
pub mod v1;
pub mod v2;
pub mod v3;

use crate::app::App;
use crate::metrics::Metrics;
use crate::system::Stopwatch;
use crate::telemetry;
use crate::web;
use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, any};
use error::{ApiError, Family};
use front::Front;
use futures_util::FutureExt;
use http::{HeaderMap, HeaderValue, Method, header};
use listing::{Handlers, Listing, routes};
use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use tracing::{Instrument, Span};
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use wire::error::Code;

/// The routes, each with its description beside its handler.
fn listed<L: Listing>(list: L) -> L {
    let list = list
        // /identity-service/api/v1/…
        .routes(routes!(v1::login::login)) //                        POST Login
        .routes(routes!(v1::login_saml::login_saml)) //              POST LoginSaml
        .routes(routes!(v1::logout::logout)) //                      POST Logout
        .routes(routes!(v1::current_user::current_user)) //          GET  CurrentUserInfo
        .routes(routes!(jwt::get_token, jwt::post_token)) //         GET, POST jwt/Token
        // /identity-service/.well-known/…, /authz-service/.well-known/…
        .routes(routes!(keys::identity_keys))
        .routes(routes!(keys::authz_keys))
        .routes(routes!(keys::discovery))
        // /authz-service/…
        .routes(routes!(authz::tokens::token)) //                    POST oauth/token
        .routes(routes!(authz::tokens::introspect)) //               POST oauth/introspect
        .routes(routes!(authz::tokens::revoke)) //                   POST oauth/revoke
        .routes(routes!(authz::metadata::well_known))
        .routes(routes!(authz::metadata::below_the_issuer))
        .routes(routes!(authz::metadata::discovery))
        // /ma/api/v2/user/…, /saas/api/v2/…
        .routes(routes!(v2::login::login)) //                        POST login
        .routes(routes!(v2::login_oauth::login_oauth)) //            POST loginOAuth
        .routes(routes!(v2::login_saml::login_saml)) //              POST loginSaml
        .routes(routes!(v2::logout::ma_logout)) //                   POST logout
        .routes(routes!(v2::logout::saas_logout)) //                 POST logout
        .routes(routes!(v2::logout_all::logout_all)) //              POST logoutall
        .routes(routes!(v2::valid_session_id::valid_session_id)) //  POST validSessionId
        .routes(routes!(v2::server_time::server_time)) //            GET  server/serverTime
        // /saas/public/core/v3/…
        .routes(routes!(v3::login::login)) //                        POST login
        .routes(routes!(v3::login_saml::login_saml)) //              POST loginSaml
        .routes(routes!(v3::logout::logout)) //                      POST logout
        // for people
        .routes(routes!(web::home::show, web::home::sign_in)) //     GET, POST /identity-service/home
        .routes(routes!(web::home::sign_out))
        .routes(routes!(web::password::show, web::password::change))
        .routes(routes!(web::home::begin)) //                        GET  /ma/home
        .routes(routes!(web::saml::begin)) //                        GET  /ma/sso/{org}
        .routes(routes!(web::saml::consume)) //                      POST /identity-service/acs/{org}
        .routes(routes!(web::logout::by_url, web::logout::by_form)) // GET, POST /identity-service/slo/{org}
        .routes(routes!(web::saml::metadata)) //                     GET  /identity-service/saml/{org}/metadata
        // for resource servers
        .routes(routes!(session_service::user)) //                   GET  /session-service/api/v1/session/User
        .routes(routes!(gate::gate)) //                              GET  /gate
        // for operators
        .routes(routes!(operations::healthz))
        .routes(routes!(operations::readyz))
        .routes(routes!(operations::metrics))
        .routes(routes!(docs::openapi))
        .routes(routes!(docs::page));
    own_administration(provisioning(administration(list)))
}

/// The routes of administration as the vendor has it: who may what is in docs/reference/policy.md.
fn administration<L: Listing>(list: L) -> L {
    list
        // /saas/api/v2/…
        .routes(routes!(v2::users::list, v2::users::add)) //         GET, POST user
        .routes(routes!(v2::register::register)) //                  POST user/register
        .routes(routes!(v2::users::by_id, v2::users::change, v2::users::remove)) // GET, POST, DELETE user/{id}
        .routes(routes!(v2::users::by_name)) //                      GET user/name/{name}
        .routes(routes!(v2::orgs::own)) //                           GET org
        .routes(routes!(v2::orgs::by_id, v2::orgs::change, v2::orgs::remove)) // GET, POST, DELETE org/{id}
        .routes(routes!(v2::orgs::by_name)) //                       GET org/name/{name}
        .routes(routes!(v2::audit_log::read)) //                     GET auditlog
        // /saas/public/core/v3/…
        .routes(routes!(v3::users::list, v3::users::add)) //         GET, POST users
        .routes(routes!(v3::users::change, v3::users::remove)) //    PATCH, DELETE users/{id}
        .routes(routes!(v3::users::add_roles)) //                    PUT users/{id}/addRoles
        .routes(routes!(v3::users::remove_roles))
        .routes(routes!(v3::users::add_groups))
        .routes(routes!(v3::users::remove_groups))
        .routes(routes!(v3::passwords::change)) //                   POST users/ChangePassword
        .routes(routes!(v3::passwords::reset)) //                    POST users/ResetPassword
        .routes(routes!(v3::groups::list, v3::groups::add)) //       GET, POST userGroups
        .routes(routes!(v3::groups::replace, v3::groups::remove)) // PUT, DELETE userGroups/{id}
        .routes(routes!(v3::roles::list, v3::roles::add)) //         GET, POST roles
        .routes(routes!(v3::roles::remove)) //                       DELETE roles/{id}
        .routes(routes!(v3::roles::add_privileges)) //               PUT roles/{id}/addPrivileges
        .routes(routes!(v3::roles::remove_privileges))
        .routes(routes!(v3::roles::privileges)) //                   GET privileges
        .routes(routes!(v3::security_log::read)) //                  GET securityLog
        .routes(routes!(v3::identity_providers::list, v3::identity_providers::add)) //  Orgs/<org>/IdentityProviders
        .routes(routes!(
            v3::identity_providers::find,
            v3::identity_providers::change,
            v3::identity_providers::remove
        ))
        .routes(routes!(v3::license::read, v3::license::change)) //  GET, PUT license/org/{id}
        .routes(routes!(v3::scim_tokens::list, v3::scim_tokens::make)) // GET, POST scimTokens
        .routes(routes!(v3::scim_tokens::remove)) //                 DELETE scimTokens/{id}
        .routes(routes!(v3::saml_mappings::add_groups)) //           PUT Orgs/<org>/addSamlGroupMappings
        .routes(routes!(v3::saml_mappings::remove_groups))
        .routes(routes!(v3::saml_mappings::add_roles))
        .routes(routes!(v3::saml_mappings::remove_roles))
        .routes(routes!(v3::saml_mappings::groups)) //               GET Orgs/<org>/SAMLConfig/groupMappings
        .routes(routes!(v3::saml_mappings::roles))
}

/// The routes of identity providers that keep users and groups.
fn provisioning<L: Listing>(list: L) -> L {
    list
        // /scim-service/v2/…, and the same without v2
        .routes(routes!(scim::users::list, scim::users::add)) //     GET, POST Users
        .routes(routes!(scim::users::find, scim::users::replace, scim::users::patch, scim::users::remove))
        .routes(routes!(scim::users::search)) //                     POST Users/.search
        .routes(routes!(scim::groups::list, scim::groups::add)) //   GET, POST Groups
        .routes(routes!(scim::groups::find, scim::groups::replace, scim::groups::patch, scim::groups::remove))
        .routes(routes!(scim::groups::search)) //                    POST Groups/.search
        .routes(routes!(scim::discovery::search)) //                 POST .search
        .routes(routes!(scim::discovery::configuration)) //          GET  ServiceProviderConfig
        .routes(routes!(scim::discovery::resource_types))
        .routes(routes!(scim::discovery::resource_type))
        .routes(routes!(scim::discovery::schemas))
        .routes(routes!(scim::discovery::schema))
}

/// The routes of our own administration.
fn own_administration<L: Listing>(list: L) -> L {
    list
        // /latchkey/v1/…
        .routes(routes!(own::policy::show, own::policy::change)) //  GET, PATCH orgs/{id}/policy
        .routes(routes!(own::orgs::list, own::orgs::add)) //         GET, POST orgs
        .routes(routes!(own::orgs::find, own::orgs::change, own::orgs::remove)) // GET, PATCH, DELETE orgs/{id}
        .routes(routes!(own::lock::lift)) //                         DELETE users/{id}/lock
        .routes(routes!(own::security_answer::set)) //               PUT  security-answer
        .routes(routes!(own::import::users)) //                      POST users/import
        .routes(routes!(own::roles::change)) //                      PATCH roles/{id}
        .routes(routes!(own::sessions::mine)) //                     GET sessions
        .routes(routes!(own::sessions::end_one)) //                  DELETE sessions/{handle}
        .routes(routes!(own::sessions::end_user)) //                 DELETE users/{id}/sessions
        .routes(routes!(own::sessions::of_org, own::sessions::end_org)) // GET, DELETE orgs/{id}/sessions
        .routes(routes!(own::clients::list, own::clients::add)) //   GET, POST orgs/{id}/clients
        .routes(routes!(own::clients::find, own::clients::change, own::clients::remove)) // clients/{id}
        .routes(routes!(own::clients::add_secret)) //                POST clients/{id}/secrets
        .routes(routes!(own::clients::remove_secret)) //             DELETE clients/{id}/secrets/{secret}
        .routes(routes!(own::saml::find, own::saml::put, own::saml::remove)) // GET, PUT, DELETE orgs/{id}/saml
        .routes(routes!(own::saml::import)) //                       POST orgs/{id}/saml/metadata
}

/// The routes that OpenAPI has no words for: any path, any method.
fn unlisted() -> Router<App> {
    Router::new()
        // Envoy's ext_authz appends the path and keeps the method of the request that it asks for.
        .route("/gate/", any(gate::gate))
        .route("/gate/{*path}", any(gate::gate))
}

/// The description of every listed route, for whoever commits it; [`docs`] serves what was committed.
pub fn description() -> OpenApi {
    listed(OpenApiRouter::with_openapi(docs::frame())).into_openapi()
}

/// The paths of every listed route, for their metrics.
pub fn paths() -> Vec<String> {
    listed(Handlers::default()).paths
}

/// The whole service.
pub fn router(app: App) -> Front {
    let nothing = || async { ApiError::new(Code::NotFound, "nothing is here: see /docs for what is") };
    router_and(app, any(nothing))
}

/// The whole service, and somebody who answers the paths that are not its own.
pub fn router_and(app: App, elsewhere: MethodRouter<App>) -> Front {
    let known = listed(Handlers::default()).router.merge(unlisted());
    let not_allowed = || async { ApiError::new(Code::MethodNotAllowed, "this path takes another method") };
    let again: Router = known
        .clone()
        .fallback(elsewhere.clone())
        .method_not_allowed_fallback(not_allowed)
        .with_state(App::clone(&app));
    let other_spelling = move |request| spelling::asked_again(again.clone(), request);
    let router = known
        .route(spelling::ELSEWHERE, any(other_spelling.clone()))
        .route(spelling::SCIM_ELSEWHERE, any(other_spelling.clone()))
        .fallback(elsewhere)
        .method_not_allowed_fallback(other_spelling)
        .layer(middleware::from_fn_with_state(App::clone(&app), around))
        .with_state(App::clone(&app));
    Front::new(app, router)
}

/// Stands around every request that the router answers.
async fn around(State(app): State<App>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map(MatchedPath::as_str);
    let family = Family::of(request.uri().path(), request.headers());
    let bounds = Bounds::of(&app, (request.method(), request.headers()), family, route);
    bounds.around(&app, pin!(recorded(request, &app, next))).await
}

/// What stands around one request, whoever answers it.
struct Bounds<'a> {
    watch: Stopwatch,
    family: Family,
    route: Option<&'a str>,
    is_too_long: bool,
    span: Option<Span>,
}

impl<'a> Bounds<'a> {
    fn of(
        app: &App,
        (method, headers): (&Method, &HeaderMap),
        family: Family,
        route: Option<&'a str>,
    ) -> Self {
        let watch = Stopwatch::start();
        let is_too_long = header_bytes(headers) > app.limits.header_bytes as usize;
        let span = || telemetry::request_span(method, route.unwrap_or("elsewhere"), headers);
        Self { watch, family, route, is_too_long, span: (app.traces && !is_too_long).then(span) }
    }

    /// Bounds a request, counts it, and gives refusals their envelope. The answer stays where it is, here and below: a
    /// future that is handed on by value is there once more on each way that it went.
    async fn around(self, app: &App, answer: Pin<&mut impl Future<Output = Response>>) -> Response {
        let mut response = match self.span {
            _ if self.is_too_long => {
                ApiError::new(Code::HeadersTooLarge, "the headers are longer than are read here")
                    .into_response()
            }
            Some(span) => {
                let response = answer.instrument(span.clone()).await;
                telemetry::answered(&span, response.status());
                response
            }
            None => answer.await,
        };
        error::dress(&mut response, self.family, app);
        harden(response.headers_mut());
        app.metrics.route(self.route).record(response.status(), self.watch.elapsed());
        response
    }
}

/// Finds out where a request came from, before anybody asks.
fn settle(request: &mut Request, app: &App) -> Result<(), ApiError> {
    if app.proxies.is_empty() {
        return Ok(());
    }
    let mut extensions = std::mem::take(request.extensions_mut());
    let settled = address::settle(request.headers(), &mut extensions, &app.proxies);
    *request.extensions_mut() = extensions;
    settled
}

/// Answers, and records what was denied.
async fn recorded(mut request: Request, app: &App, next: Next) -> Response {
    if let Err(error) = settle(&mut request, app) {
        return error.into_response();
    }
    let (asked, method) = (caller::Asked::default(), request.method().clone());
    request.extensions_mut().insert(asked.clone());
    let response = in_time(pin!(next.run(request)), app).await;
    if response.extensions().get().is_some_and(ApiError::is_denial) {
        asked.denied(app, &method).await;
    }
    response
}

/// An answer within the time that a request has; a panic is an answer too.
async fn in_time(answer: Pin<&mut impl Future<Output = Response>>, app: &App) -> Response {
    let mut answer = pin!(AssertUnwindSafe(answer).catch_unwind());
    // Nearly every answer is there at once, and needs no timer.
    let at_once = poll_fn(|cx| Poll::Ready(answer.as_mut().poll(cx))).await;
    let answer = match at_once {
        Poll::Ready(answer) => Ok(answer),
        Poll::Pending => tokio::time::timeout(app.limits.request_time(), answer).await,
    };
    match answer {
        Ok(Ok(response)) => response,
        Ok(Err(_panic)) => ApiError::new(Code::Internal, "something here is broken").into_response(),
        Err(_late) => {
            ApiError::new(Code::TimedOut, "the request took longer than is allowed here").into_response()
        }
    }
}

fn header_bytes(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum()
}

/// The headers that every answer of the service has.
pub fn harden(headers: &mut HeaderMap) {
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}

/// Numbers for every listed route.
pub fn metrics() -> Arc<Metrics> {
    // The routes of a process are the same for its whole life.
    let templates: Vec<&'static str> = paths().into_iter().map(|path| &*path.leak()).collect();
    Arc::new(Metrics::new(&templates))
}
