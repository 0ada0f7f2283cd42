//! `/latchkey/v1/orgs/{id}/policy`: what an org decides for itself, and what holds for it.

use super::named;
use crate::app::App;
use crate::http::body::Body;
use crate::http::caller::Session;
use crate::http::docs::Problems;
use crate::http::error::ApiError;
use crate::http::reply;
use axum::extract::{Path, State};
use axum::response::Response;
use domain::access;
use domain::org::{Authentication, Org};
use domain::org_policy::{self, Nonsense, Own};
use ipnet::IpNet;
use wire::latchkey::{OrgPolicy, Policy, PolicyChange};

/// The policy of an org.
#[utoipa::path(get, path = "/latchkey/v1/orgs/{id}/policy", tag = "policy", security(("ids_session" = [])),
    params(("id" = String, Path)), responses((status = 200, description = "The policy", body = OrgPolicy), Problems))]
pub async fn show(
    State(app): State<App>,
    Session(caller): Session,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let permit = access::permit(&app.cx, &caller, named(&id)?).await?;
    let org = org_policy::show(&app.cx, &permit).await?.ok_or_else(ApiError::unknown)?;
    Ok(shown(&app, &org))
}

/// Change the policy of an org: a merge patch of what it has decided.
#[utoipa::path(patch, path = "/latchkey/v1/orgs/{id}/policy", tag = "policy", security(("ids_session" = [])),
    params(("id" = String, Path)), request_body = PolicyChange,
    responses((status = 200, description = "The policy as it is now", body = OrgPolicy), Problems))]
pub async fn change(
    State(app): State<App>,
    Session(caller): Session,
    Path(id): Path<String>,
    body: Body,
) -> Result<Response, ApiError> {
    let permit = access::permit(&app.cx, &caller, named(&id)?).await?;
    let asked: PolicyChange = body.typed()?;
    let from = (&caller, body.address());
    let org = org_policy::change(&app.cx, &permit, from, |own| onto(asked, own)).await?;
    Ok(shown(&app, &org))
}

/// Lays what a body asks for over what was decided before.
fn onto(change: PolicyChange, own: Own) -> Result<Own, Nonsense> {
    let (kind, life) = words(own.authentication);
    let kind = change.authentication.unwrap_or(kind.map(str::to_owned));
    let said = change.jwt_minutes.flatten();
    let authentication = match (kind.as_deref(), said) {
        (None, None) => None,
        (Some("session_id"), None) => Some(Authentication::SessionId),
        (Some("jwt"), said) => {
            let kept = life.filter(|_| change.jwt_minutes.is_none());
            Some(Authentication::Jwt { minutes: said.or(kept).unwrap_or(30) })
        }
        (_, _) => return Err(Nonsense::Authentication),
    };
    let ranges = match change.trusted_ip_ranges {
        None => own.trusted_ip_ranges,
        Some(None) => None,
        Some(Some(words)) => Some(words.iter().map(|word| range(word)).collect::<Result<_, _>>()?),
    };
    Ok(Own {
        password_min_length: change.password_min_length.unwrap_or(own.password_min_length),
        password_char_mix: change.password_char_mix.unwrap_or(own.password_char_mix),
        password_reuse_days: change.password_reuse_days.unwrap_or(own.password_reuse_days),
        password_expiration_days: change.password_expiration_days.unwrap_or(own.password_expiration_days),
        max_login_attempts: change.max_login_attempts.unwrap_or(own.max_login_attempts),
        lock_minutes: change.lock_minutes.unwrap_or(own.lock_minutes),
        trusted_ip_ranges: ranges,
        session_idle_minutes: change.session_idle_minutes.unwrap_or(own.session_idle_minutes),
        session_absolute_minutes: change.session_absolute_minutes.unwrap_or(own.session_absolute_minutes),
        session_limit: change.session_limit.unwrap_or(own.session_limit),
        authentication,
    })
}

fn range(word: &str) -> Result<IpNet, Nonsense> {
    word.parse().map_err(|_| Nonsense::Word)
}

/// The two fields that stand for one decision.
fn words(authentication: Option<Authentication>) -> (Option<&'static str>, Option<u32>) {
    match authentication {
        None => (None, None),
        Some(Authentication::SessionId) => (Some("session_id"), None),
        Some(Authentication::Jwt { minutes }) => (Some("jwt"), Some(minutes)),
    }
}

fn shown(app: &App, org: &Org) -> Response {
    let effective = Own::effective(org, app.cx.policy());
    reply::json(&OrgPolicy { org_id: org.id, own: policy(Own::of(org)), effective: policy(effective) })
}

fn policy(own: Own) -> Policy {
    let (authentication, jwt_minutes) = words(own.authentication);
    let spelled = |ranges: Vec<IpNet>| ranges.iter().map(IpNet::to_string).collect();
    Policy {
        password_min_length: own.password_min_length,
        password_char_mix: own.password_char_mix,
        password_reuse_days: own.password_reuse_days,
        password_expiration_days: own.password_expiration_days,
        max_login_attempts: own.max_login_attempts,
        lock_minutes: own.lock_minutes,
        trusted_ip_ranges: own.trusted_ip_ranges.map(spelled),
        session_idle_minutes: own.session_idle_minutes,
        session_absolute_minutes: own.session_absolute_minutes,
        session_limit: own.session_limit,
        authentication,
        jwt_minutes,
    }
}
