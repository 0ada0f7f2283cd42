//! Users and orgs between the rules and the wire of v2.

use crate::app::App;
use crate::config::OrgSpelling;
use crate::http::error::ApiError;
use domain::log::Told;
use domain::name::LONGEST;
use domain::org::Shown;
use domain::role::AnyRole;
use domain::user::{Change, Profile};
use std::str::FromStr;
use wire::fields::{BodyError, Fields};
use wire::v2::admin::{AuditLogEntry, Org, SubOrg};
use wire::v2::{self, Group, OrgUuid, User};
use wire::{OrgId, Secret};

/// The longest free text, in characters.
const LONG: usize = 2_000;

/// An id in a path; what is no id names nothing.
pub fn id<Id: FromStr>(text: &str) -> Result<Id, ApiError> {
    text.parse().map_err(|_| ApiError::unknown())
}

/// What a body wants to be different about a user.
pub fn change(fields: &Fields, old: &Profile) -> Result<Change, BodyError> {
    let field = |name, most, old: &String| {
        let new = fields.optional(name, most)?;
        Ok::<_, BodyError>(new.map_or_else(|| old.clone(), |text| text.expose().to_owned()))
    };
    let profile = Profile {
        first_name: field("firstName", LONGEST, &old.first_name)?,
        last_name: field("lastName", LONGEST, &old.last_name)?,
        title: field("title", LONGEST, &old.title)?,
        phone: field("phone", LONGEST, &old.phone)?,
        email: field("emails", LONGEST, &old.email)?,
        timezone: field("timezone", LONGEST, &old.timezone)?,
        description: field("description", LONG, &old.description)?,
        security_question: field("securityQuestion", LONGEST, &old.security_question)?,
    };
    let must_change_password = fields.flag("forceChangePassword")?;
    Ok(Change { profile: Some(profile), must_change_password, max_login_attempts: None })
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
        description: &profile.description,
        create_time: user.created_at.rfc3339(),
        update_time: user.updated_at.rfc3339(),
        created_by: &user.revision.created_by,
        updated_by: &user.revision.updated_by,
        first_name: &profile.first_name,
        last_name: &profile.last_name,
        title: &profile.title,
        password: "********",
        phone: &profile.phone,
        emails: &profile.email,
        timezone: &profile.timezone,
        server_url: &app.saas_url,
        spi_url: &app.saas_url,
        ic_session_id: session.cloned(),
        security_question: &profile.security_question,
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
        description: "",
        create_time: org.created_at.rfc3339(),
        update_time: org.updated_at.rfc3339(),
        created_by: "System",
        updated_by: "System",
        parent_org_id: org.parent,
        min_password_length: org.password_rules(app.cx.policy()).min_length,
        min_password_char_mix: org.password_rules(app.cx.policy()).char_mix,
        password_reuse_in_days: org.reuse_days(app.cx.policy()),
        password_expiration_in_days: org.expiration_days(app.cx.policy()),
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
        event_param: "",
        message: "",
    }
}
