//! Users and orgs between the rules and the wire of v2.

use crate::app::App;
use crate::config::OrgSpelling;
use crate::http::error::ApiError;
use domain::log::Told;
use domain::name::LONGEST;
use domain::org::{self, Shown};
use domain::role::AnyRole;
use domain::user::{Authenticator, Change, Draft, Profile};
use std::str::FromStr;
use wire::error::Code;
use wire::fields::{BodyError, Fields};
use wire::v2::admin::{AuditLogEntry, Org, SubOrg};
use wire::v2::{self, Group, OrgUuid, User};
use wire::{OrgId, Secret};

/// The longest free text, in characters.
const LONG: usize = 2_000;

/// How many roles or groups one body may name.
const MOST: usize = 1_000;

/// An id in a path; what is no id names nothing.
pub fn id<Id: FromStr>(text: &str) -> Result<Id, ApiError> {
    text.parse().map_err(|_| ApiError::unknown())
}

/// What a body wants to be different about a user.
pub fn change(fields: &Fields, old: &Profile) -> Result<Change, BodyError> {
    let profile = profile(fields, old)?;
    let must_change_password = fields.flag("forceChangePassword")?;
    Ok(Change { profile: Some(profile), must_change_password, max_login_attempts: None })
}

/// The text of a field, or what it was when it is absent.
fn text(fields: &Fields, name: &'static str, most: usize, old: &str) -> Result<String, BodyError> {
    let new = fields.optional(name, most)?;
    Ok(new.map_or_else(|| old.to_owned(), |text| text.expose().to_owned()))
}

fn profile(fields: &Fields, old: &Profile) -> Result<Profile, BodyError> {
    let field = |name, most, old: &String| text(fields, name, most, old);
    // Callers write either.
    let email = field("email", LONGEST, &old.email)?;
    Ok(Profile {
        first_name: field("firstName", LONGEST, &old.first_name)?,
        last_name: field("lastName", LONGEST, &old.last_name)?,
        title: field("title", LONGEST, &old.title)?,
        phone: field("phone", LONGEST, &old.phone)?,
        email: field("emails", LONGEST, &email)?,
        timezone: field("timezone", LONGEST, &old.timezone)?,
        description: field("description", LONG, &old.description)?,
        security_question: field("securityQuestion", LONGEST, &old.security_question)?,
        provisioned: old.provisioned.clone(),
    })
}

/// The user that a body describes; the answer to its security question is not kept.
pub fn draft(fields: &Fields) -> Result<Draft, ApiError> {
    let name = fields.required("name", LONGEST)?.expose().parse().map_err(|error| bad(&error))?;
    let profile = profile(fields, &Profile::default())?;
    for (name, given) in
        [("firstName", &profile.first_name), ("lastName", &profile.last_name), ("emails", &profile.email)]
    {
        if given.is_empty() {
            return Err(BodyError::Missing(name).into());
        }
    }
    let password = fields.optional("password", LONGEST)?.filter(|text| !text.expose().is_empty());
    Ok(Draft {
        name,
        authenticator: Authenticator::Native,
        password: password.cloned(),
        profile,
        must_change_password: fields.flag("forceChangePassword")?.unwrap_or(false),
        max_login_attempts: None,
    })
}

/// The words in which a body names what a user may do.
pub struct Words {
    /// Ids or names of roles.
    pub roles: Vec<String>,
    /// Ids or names of groups.
    pub groups: Vec<String>,
}

impl Words {
    /// Reads them; at least one.
    pub fn read(fields: &Fields) -> Result<Self, BodyError> {
        let words = |name| Ok::<_, BodyError>(fields.names(name, MOST)?.unwrap_or_default());
        let (roles, groups) = (words("roles")?, words("usergroups")?);
        let none = roles.is_empty() && groups.is_empty();
        if none { Err(BodyError::Missing("roles")) } else { Ok(Self { roles, groups }) }
    }
}

/// The org that a body names, if it names one.
pub fn org_named(fields: &Fields) -> Result<Option<OrgId>, ApiError> {
    let given = fields.optional("orgId", LONGEST)?.filter(|text| !text.expose().is_empty());
    given.map(|text| id(text.expose())).transpose()
}

/// The org that a body describes.
pub fn new_org(fields: &Fields) -> Result<org::Draft, ApiError> {
    let name = fields.required("name", LONGEST)?.expose().parse().map_err(|error| bad(&error))?;
    Ok(org::Draft { name, region: None, profile: org_profile(fields, &org::Profile::default())? })
}

/// What a body wants to be different about an org.
pub fn org_change(fields: &Fields, old: &org::Profile) -> Result<org::Change, ApiError> {
    let name = fields.optional("name", LONGEST)?.map(|text| text.expose().parse());
    let name = name.transpose().map_err(|error| bad(&error))?;
    Ok(org::Change { name, profile: Some(org_profile(fields, old)?) })
}

fn org_profile(fields: &Fields, old: &org::Profile) -> Result<org::Profile, BodyError> {
    let field = |name, old: &String| text(fields, name, LONGEST, old);
    Ok(org::Profile {
        description: text(fields, "description", LONG, &old.description)?,
        address1: field("address1", &old.address1)?,
        address2: field("address2", &old.address2)?,
        address3: field("address3", &old.address3)?,
        city: field("city", &old.city)?,
        state: field("state", &old.state)?,
        zipcode: field("zipcode", &old.zipcode)?,
        country: field("country", &old.country)?,
        timezone: field("timezone", &old.timezone)?,
        employees: field("employees", &old.employees)?,
        offer_code: field("offerCode", &old.offer_code)?,
        campaign_code: field("campaignCode", &old.campaign_code)?,
    })
}

fn bad(error: &impl std::error::Error) -> ApiError {
    ApiError::new(Code::BadRequest, format!("Bad Request. Please check your request: {error}."))
}

/// A user as v2 shows it, with the session id in the reply to a sign-in alone.
pub fn user<'a>(app: &'a App, user: &'a domain::user::User, session: Option<&Secret>) -> User<'a> {
    let profile = &user.profile;
    User {
        kind: "user",
        id: user.id,
        org_id: user.org,
        org_uuid: match app.wire.org_uuid {
            OrgSpelling::Uuid => OrgUuid::Uuid(user.org),
            OrgSpelling::Base62 => OrgUuid::Base62(user.org),
        },
        uuid: user.id,
        name: user.name.as_str(),
        description: profile.description(),
        create_time: user.created_at.rfc3339(),
        update_time: user.updated_at.rfc3339(),
        created_by: user.revision.created_by(),
        updated_by: user.revision.updated_by(),
        first_name: profile.first_name(),
        last_name: profile.last_name(),
        title: profile.title(),
        password: "********",
        phone: profile.phone(),
        emails: profile.email(),
        timezone: profile.timezone(),
        server_url: &app.saas_url,
        spi_url: &app.saas_url,
        ic_session_id: session.cloned(),
        security_question: profile.security_question(),
        security_answer: "",
        force_change_password: user.must_change_password,
        opt_out_of_emails: false,
        usergroups: user
            .group_names()
            .map(|(name, _)| Group { kind: "usergroup", name: name.to_owned() })
            .collect(),
        roles: user.all_roles().iter().map(role).collect(),
    }
}

fn role(role: &AnyRole) -> v2::Role {
    let (name, description) = (role.name().to_owned(), role.description().to_owned());
    v2::Role { kind: "role", name, description }
}

/// An org as v2 shows it.
pub fn org<'a>(app: &App, Shown { org, below }: &'a Shown) -> Org<'a> {
    Org {
        kind: "org",
        id: org.id,
        org_id: org.id,
        name: &org.name,
        description: &org.profile.description,
        create_time: org.created_at.rfc3339(),
        update_time: org.updated_at.rfc3339(),
        created_by: org.revision.created_by(),
        updated_by: org.revision.updated_by(),
        parent_org_id: org.parent,
        min_password_length: org.password_rules(app.cx.policy()).min_length,
        min_password_char_mix: org.password_rules(app.cx.policy()).char_mix,
        password_reuse_in_days: org.reuse_days(app.cx.policy()),
        password_expiration_in_days: org.expiration_days(app.cx.policy()),
        address1: &org.profile.address1,
        address2: &org.profile.address2,
        address3: &org.profile.address3,
        city: &org.profile.city,
        state: &org.profile.state,
        zipcode: &org.profile.zipcode,
        country: &org.profile.country,
        timezone: &org.profile.timezone,
        employees: &org.profile.employees,
        offer_code: &org.profile.offer_code,
        rest_api_session_limit: org.session_limit(app.cx.policy()),
        two_factor_authentication: false,
        org_uuid: org.id,
        ip_address_ranges: org.trusted(app.cx.policy()).iter().map(ToString::to_string).collect(),
        sub_orgs: below.iter().map(|org| SubOrg { kind: "subOrg", id: org.id, name: &org.name }).collect(),
    }
}

/// An entry of the log as v2 shows it.
pub fn entry(org_id: OrgId, told: Told) -> AuditLogEntry {
    AuditLogEntry {
        kind: "auditLogEntry",
        version: 0,
        id: told.number.to_string(),
        org_id,
        username: told.actor,
        entry_time: told.at.rfc3339(),
        entry_time_utc: told.at.rfc3339(),
        object_id: told.object_id,
        object_name: told.object_name,
        category: told.category.to_owned(),
        event: told.action,
        event_param: told.detail,
        message: "",
    }
}
