//! `/latchkey/v1/security-answer`: one's own answer to the security question, which can stand for a forgotten password.

use crate::app::App;
use crate::http::body::Body;
use crate::http::caller::Session;
use crate::http::docs::Problems;
use crate::http::error::ApiError;
use crate::http::reply;
use axum::extract::State;
use axum::response::Response;
use domain::audit::Door;
use domain::name::LONGEST;
use domain::password::Answer;
use wire::latchkey::SecurityAnswer;

/// Set the answer to one's own security question; the password says that it is oneself.
#[utoipa::path(put, path = "/latchkey/v1/security-answer", tag = "policy", security(("ids_session" = [])),
    request_body = SecurityAnswer, responses((status = 204, description = "It is set"), Problems))]
pub async fn set(State(app): State<App>, Session(caller): Session, body: Body) -> Result<Response, ApiError> {
    let fields = body.json()?;
    let password = fields.required("password", LONGEST)?.clone();
    let answer = Answer::new(fields.required("securityAnswer", LONGEST)?)?;
    app.set_own_answer(caller, password, answer, body.visit(Door::Own)).await?;
    Ok(reply::no_content())
}
