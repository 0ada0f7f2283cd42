//! SAML in a browser: it carries a question to the org's provider and brings the answer (protocol.md 2.3, 6.1).

use super::asked::{self, About};
use super::home;
use super::page::{self, HOME, hash};
use crate::app::App;
use crate::http::body::Body;
use crate::http::docs::{Refusals, Troubles};
use crate::http::error::ApiError;
use crate::http::form;
use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse, Response};
use domain::audit::Door;
use domain::method::saml::{LONGEST, Taker};
use domain::roster;
use domain::saml::carry::{self, Carried};
use domain::saml::request;
use domain::saml::service::Service;
use domain::saml::sought;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use wire::OrgId;
use wire::error::Code;

/// The longest path that somebody is sent on to.
const LONGEST_PATH: usize = 1_024;

/// Send a browser to the org's provider to sign in.
#[utoipa::path(get, path = "/ma/sso/{org}", tag = "pages",
    params(("org" = String, Path, description = "The id of the org, or the name of a top-level one"),
        ("RelayState" = Option<String>, Query, description = "A path of this service to go to afterwards")),
    responses((status = 200, description = "A page that sends itself to the provider", body = String, content_type = "text/html"),
        (status = 303, description = "The provider"), Troubles))]
pub async fn begin(
    State(app): State<App>,
    Path(org): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let sought = org.parse().map_err(|_| ApiError::new(Code::BadRequest, NO_ORG))?;
    let org = sought::find(&app.cx, &sought).await?;
    let relay = relayed(query.as_deref().unwrap_or_default());
    let (id, carried) = carry::question(&app.cx, org, relay.as_deref()).await?.ok_or_else(no_sign_on)?;
    let mut response = send(&carried)?;
    asked::remember(&mut response, About::SignIn, (org, &id), &app);
    Ok(response)
}

/// Take the answer of the org's provider out of a browser, and sign in.
#[utoipa::path(post, path = "/identity-service/acs/{org}", tag = "pages", params(("org" = String, Path)),
    request_body(content = String, content_type = "application/x-www-form-urlencoded"),
    responses((status = 303, description = "Signed in, with the cookie USER_SESSION"), Troubles))]
pub async fn consume(
    State(app): State<App>,
    Path(org): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let (org, fields) = (of_text(&org)?, body.strict_form()?);
    let message = fields.required("SAMLResponse", LONGEST)?.clone();
    let relay = fields.optional("RelayState", LONGEST_PATH).ok().flatten();
    let taker = Taker::Browser { asked: asked::recall(&headers, About::SignIn, org, &app) };
    let opened =
        app.sign_in_with_saml(org, message, taker, body.visit(Door::Web)).await.map_err(for_people)?;
    roster::came_from(&app.cx, &opened.caller, &body.origin());
    let path = relay.and_then(|path| own_path(path.expose())).unwrap_or(HOME);
    let mut response = home::hand_over(&app, &opened, path);
    asked::forget(&mut response, About::SignIn, &app);
    Ok(response)
}

/// What an administrator of a provider loads to know an org of this service.
#[utoipa::path(get, path = "/identity-service/saml/{org}/metadata", tag = "federation", params(("org" = String, Path)),
    responses((status = 200, description = "SAML 2.0 metadata", body = String, content_type = "application/samlmetadata+xml"), Refusals))]
pub async fn metadata(State(app): State<App>, Path(org): Path<String>) -> Result<Response, ApiError> {
    let metadata = request::metadata(&app.cx, &Service::of(&app.cx, of_text(&org)?)).await?;
    let kind = HeaderValue::from_static("application/samlmetadata+xml");
    Ok(([(header::CONTENT_TYPE, kind)], metadata).into_response())
}

/// What people hear of a text that no org can have.
pub const NO_ORG: &str = "That is neither the id nor the name of an organization.";

/// The org in a path.
pub fn of_text(org: &str) -> Result<OrgId, ApiError> {
    org.parse().map_err(|_| ApiError::new(Code::BadRequest, "That is not the id of an organization."))
}

/// For an org that nobody has, as for one without a provider, and for a name that two have.
fn no_sign_on() -> ApiError {
    ApiError::new(Code::NotFound, "No organization with this id or name has single sign-on here.")
}

/// One wording for whatever is wrong with an answer; the audit record has the reason.
fn for_people(error: ApiError) -> ApiError {
    if error.code() != Code::BadCredentials {
        return error;
    }
    let plain = "The answer of your identity provider was not accepted. Start again. If that does not help, give the \
                 reference below to your administrator.";
    ApiError::new(Code::BadCredentials, plain)
}

fn relayed(query: &str) -> Option<String> {
    let pairs = form::pairs(query).unwrap_or_default();
    let asked = pairs.into_iter().find(|(name, _)| name == "RelayState")?.1;
    own_path(&asked).map(str::to_owned)
}

/// A path of ours, or nothing: nobody else decides to which host somebody goes next.
fn own_path(text: &str) -> Option<&str> {
    let is_path = text.starts_with('/') && !text.starts_with("//");
    let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    (is_path && is_plain && text.len() <= LONGEST_PATH).then_some(text)
}

/// What a page that sends itself runs; without scripts its button does the same.
const SUBMIT: &str = "document.forms[0].submit()";

#[derive(Template)]
#[template(path = "web/carry.html")]
struct Carry<'a> {
    url: &'a str,
    fields: &'a [(&'static str, String)],
    script: &'static str,
}

/// Sends a browser on with a message.
pub fn send(carried: &Carried) -> Result<Response, ApiError> {
    let broken = || ApiError::new(Code::Internal, "something here is broken");
    match carried {
        Carried::InUrl(url) => {
            let url = HeaderValue::from_str(url).map_err(|_| broken())?;
            Ok((StatusCode::SEE_OTHER, [(header::LOCATION, url)]).into_response())
        }
        Carried::InForm { url, fields } => {
            let to: http::Uri = url.parse().map_err(|_| broken())?;
            let (scheme, host) = to.scheme_str().zip(to.authority()).ok_or_else(broken)?;
            // Browsers hold the policy against wherever the provider sends them on to, too: to others, and back here.
            let policy = page::policy(&hash(SUBMIT), &format!("'self' https: {scheme}://{host}"));
            Ok(page::show_by(&policy, StatusCode::OK, &Carry { url, fields, script: SUBMIT }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn somebody_is_sent_on_to_a_path_of_ours_and_nowhere_else() {
        for path in ["/", "/identity-service/home", "/docs?a=b#c", "/a//b", "/%2f%2fevil.test"] {
            assert_eq!(own_path(path), Some(path));
        }
        let long = format!("/{}", "a".repeat(LONGEST_PATH));
        for path in [
            "",
            "//evil.test",
            "/\\evil.test",
            "\\/evil.test",
            "https://evil.test",
            "javascript:alert(1)",
            "evil.test",
            "/\t/evil.test",
            "\n//evil.test",
            " //evil.test",
            "/\u{a0}/x",
            &long,
        ] {
            assert_eq!(own_path(path), None, "{path:?}");
        }
        assert_eq!(relayed("RelayState=%2Fdocs&x=1").as_deref(), Some("/docs"));
        assert_eq!(relayed("RelayState=%2F%2Fevil.test"), None);
    }
}
