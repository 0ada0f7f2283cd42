//! What the doors for SAML assertions share: the two fields, and the sign-in with them.

use super::body::Body;
use super::error::ApiError;
use crate::app::App;
use domain::audit::Door;
use domain::method::saml::{LONGEST, Taker};
use domain::roster;
use domain::session::Opened;
use wire::error::Code;
use wire::fields::Fields;

/// Signs in a program with the assertion in these fields of a body.
pub async fn sign_in(app: &App, door: Door, body: &Body, fields: &Fields) -> Result<Opened, ApiError> {
    let message = fields.required("samlToken", LONGEST)?.clone();
    let org = fields.required("orgId", 36)?.expose().parse();
    let no_id = "Bad Request. Please check your request: the field orgId is not an id.";
    let org = org.map_err(|_| ApiError::new(Code::BadRequest, no_id))?;
    let opened = app.sign_in_with_saml(org, message, Taker::Program, body.visit(door)).await?;
    roster::came_from(&app.cx, &opened.caller, &body.origin());
    Ok(opened)
}
