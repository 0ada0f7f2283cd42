//! Users, roles and groups between the rules and the wire of v3: what is read, and how it is shown.

use crate::app::App;
use crate::http::body::Body;
use crate::http::error::ApiError;
use crate::http::query::Listing;
use domain::access::Caller;
use domain::group::{Group, Shown};
use domain::name::{LONGEST, Label, UserName};
use domain::org;
use domain::page::Page;
use domain::password::Answer;
use domain::privilege::{self, Privileges};
use domain::revision::ChangeError;
use domain::role::AnyRole;
use domain::time::Timestamp;
use domain::user::{self, Authenticator, Draft, LastSignIn, Profile, User};
use std::str::FromStr;
use std::sync::Arc;
use wire::error::Code;
use wire::fields::{BodyError, Fields};
use wire::v3::admin::{self, GroupOf, MemberOf, RoleOf};
use wire::{OrgId, UserId};

/// The longest free text, in characters.
pub const LONG: usize = 2_000;

/// How many roles, groups or users one body may name.
const MOST: usize = 1_000;

/// The org that a list is about: that of the caller unless another one is named.
pub fn org(caller: &Caller, asked: &Listing) -> Result<OrgId, ApiError> {
    asked.equal("orgId").map_or(Ok(caller.org().id), id)
}

/// The org to which a body adds something: that of the caller unless `orgId` names one below it. Ours: the vendor's
/// callers, who do not know the field, add to their own. A body that is no JSON is refused later, by who reads it.
pub fn org_of_new(caller: &Caller, body: &Body) -> Result<OrgId, ApiError> {
    let Ok(fields) = body.json() else { return Ok(caller.org().id) };
    fields.optional("orgId", LONGEST)?.map_or(Ok(caller.org().id), |word| id(word.expose()))
}

/// An id in a path or a body; what is no id names nothing.
pub fn id<Id: FromStr>(text: &str) -> Result<Id, ApiError> {
    text.parse().map_err(|_| ApiError::unknown())
}

/// What was found, as the part of a list that was asked for.
pub fn part<Thing>(found: Option<Thing>, page: Page) -> Vec<Thing> {
    slice(found.into_iter(), page)
}

/// The part of a list that was asked for.
pub fn slice<Thing>(all: impl Iterator<Item = Thing>, page: Page) -> Vec<Thing> {
    all.skip(page.skip() as usize).take(page.limit() as usize).collect()
}

/// Whether a user has this name, when one is asked for.
pub fn is_called(user: &User, name: Option<&str>) -> bool {
    name.is_none_or(|name| user.name.canonical() == domain::name::CanonicalName::of(name))
}

/// A text that may be absent.
pub fn text(fields: &Fields, name: &'static str, most: usize) -> Result<String, BodyError> {
    Ok(fields.optional(name, most)?.map(|text| text.expose().to_owned()).unwrap_or_default())
}

/// The name of a role or a group.
pub fn label(fields: &Fields) -> Result<Label, ApiError> {
    fields.required("name", LONGEST)?.expose().parse().map_err(|error| bad(&error))
}

/// Ids or names, at least one.
pub fn words(fields: &Fields, name: &'static str) -> Result<Vec<String>, BodyError> {
    fields.list(name, MOST)?.filter(|words| !words.is_empty()).ok_or(BodyError::Missing(name))
}

/// Ids or names, which must be spoken of; an empty list says that there are none.
pub fn words_or_none(fields: &Fields, name: &'static str) -> Result<Vec<String>, BodyError> {
    fields.list(name, MOST)?.ok_or(BodyError::Missing(name))
}

/// Ids of users; none if absent.
pub fn ids(fields: &Fields, name: &'static str) -> Result<Vec<UserId>, ApiError> {
    fields.list(name, MOST)?.unwrap_or_default().iter().map(|text| id(text)).collect()
}

/// The privileges that a body names, at least one.
pub fn privileges(fields: &Fields) -> Result<Privileges, ApiError> {
    these(&words(fields, "privileges")?)
}

/// The privileges of a new role, which may have none yet.
pub fn privileges_or_none(fields: &Fields) -> Result<Privileges, ApiError> {
    these(&words_or_none(fields, "privileges")?)
}

fn these(words: &[String]) -> Result<Privileges, ApiError> {
    words.iter().map(|word| word.parse::<privilege::Privilege>().map_err(|error| bad(&error))).collect()
}

fn bad(error: &impl std::error::Error) -> ApiError {
    ApiError::new(Code::BadRequest, format!("Bad Request. Please check your request: {error}."))
}

/// A user to be made, with words for its roles and groups.
pub struct NewUser {
    /// The user.
    pub draft: Draft,
    /// Ids or names of roles.
    pub roles: Vec<String>,
    /// Ids or names of groups.
    pub groups: Vec<String>,
}

impl TryFrom<Fields> for NewUser {
    type Error = ApiError;

    fn try_from(fields: Fields) -> Result<Self, ApiError> {
        let name: UserName =
            fields.required("name", LONGEST)?.expose().parse().map_err(|error| bad(&error))?;
        for required in ["firstName", "lastName", "email"] {
            fields.required(required, LONGEST)?;
        }
        let authenticator = match fields.number("authentication")? {
            None | Some(0) => Authenticator::Native,
            Some(1) => Authenticator::Saml,
            Some(_) => return Err(BodyError::NotANumber("authentication").into()),
        };
        let password = fields.optional("password", LONGEST)?.filter(|text| !text.expose().is_empty());
        let draft = Draft {
            name,
            authenticator,
            password: password.filter(|_| authenticator == Authenticator::Native).cloned(),
            profile: profile(&fields, &Profile::default())?,
            must_change_password: fields.flag("forcePasswordChange")?.unwrap_or(false),
            max_login_attempts: attempts(&fields)?,
        };
        let (roles, groups) = (fields.list("roles", MOST)?, fields.list("groups", MOST)?);
        let (roles, groups) = (roles.unwrap_or_default(), groups.unwrap_or_default());
        if roles.is_empty() && groups.is_empty() {
            return Err(BodyError::Missing("roles").into());
        }
        Ok(Self { draft, roles, groups })
    }
}

/// The answer to the security question that a body brings, if it brings one.
pub fn answer(fields: &Fields) -> Result<Option<Answer>, ApiError> {
    Ok(fields.optional("securityAnswer", LONGEST)?.map(Answer::new).transpose()?)
}

/// Whether somebody who signs in like this may have such an answer; asked before anything is written.
pub fn may_answer(answer: Option<&Answer>, authenticator: Authenticator) -> Result<(), ChangeError> {
    if answer.is_some() && authenticator == Authenticator::Saml {
        return Err(ChangeError::NoPassword);
    }
    Ok(())
}

/// What a body wants to be different about a user.
pub enum Change {
    /// It may sign in.
    Enable,
    /// It may not.
    Disable,
    /// Something that decides nothing.
    Fields(Box<user::Change>),
}

impl Change {
    /// Reads a body; the fields that are absent stay as they are.
    pub fn read(fields: &Fields, now: &User) -> Result<Self, ApiError> {
        if let Some(state) = fields.optional("state", LONGEST)? {
            return match state.expose() {
                "Active" | "Provisioned" => Ok(Self::Enable),
                "Inactive" => Ok(Self::Disable),
                _ => Err(ApiError::new(Code::BadRequest, "the field state is neither Active nor Inactive")),
            };
        }
        Ok(Self::Fields(Box::new(user::Change {
            profile: Some(profile(fields, &now.profile.open())?),
            must_change_password: fields.flag("forcePasswordChange")?,
            max_login_attempts: attempts(fields)?,
        })))
    }
}

/// Failures that lock a user: at least one, or nobody could sign in.
fn attempts(fields: &Fields) -> Result<Option<u32>, BodyError> {
    match fields.number("maxLoginAttempts")? {
        Some(0) => Err(BodyError::NotANumber("maxLoginAttempts")),
        attempts => Ok(attempts),
    }
}

fn profile(fields: &Fields, old: &Profile) -> Result<Profile, BodyError> {
    let field = |name, most, old: &String| {
        let new = fields.optional(name, most)?;
        Ok::<_, BodyError>(new.map_or_else(|| old.clone(), |text| text.expose().to_owned()))
    };
    Ok(Profile {
        first_name: field("firstName", LONGEST, &old.first_name)?,
        last_name: field("lastName", LONGEST, &old.last_name)?,
        title: field("title", LONGEST, &old.title)?,
        phone: field("phone", LONGEST, &old.phone)?,
        email: field("email", LONGEST, &old.email)?,
        timezone: field("timeZoneId", LONGEST, &old.timezone)?,
        description: field("description", LONG, &old.description)?,
        provisioned: old.provisioned.clone(),
        security_question: field("securityQuestion", LONGEST, &old.security_question)?,
    })
}

/// A user as v3 shows it.
pub async fn seen<'a>(
    app: &App,
    it: &'a User,
    last: Option<LastSignIn>,
) -> Result<admin::User<'a>, ApiError> {
    let mode = match last.as_ref().map(|last| last.method.as_str()) {
        None => "None",
        Some("bearer") => "JWT",
        Some("saml") => "SAML",
        Some(_) => "Native",
    };
    Ok(admin::User {
        last_login_time: last.map(|last| last.at.rfc3339()),
        last_login_mode: mode,
        ..user(app, it).await?
    })
}

/// A user that has not signed in yet, as v3 shows it.
pub async fn user<'a>(app: &App, user: &'a User) -> Result<admin::User<'a>, ApiError> {
    Ok(shown(user, org::attempts_allowed(&app.cx, user).await?))
}

fn shown<'a>(user: &'a User, attempts: u32) -> admin::User<'a> {
    let profile = &user.profile;
    let group = |group: &'a Arc<Group>| GroupOf {
        id: group.id,
        user_group_name: group.name.as_str(),
        description: &group.description,
    };
    admin::User {
        id: user.id,
        org_id: user.org,
        created_by: user.revision.created_by(),
        updated_by: user.revision.updated_by(),
        create_time: user.created_at.rfc3339(),
        update_time: user.updated_at.rfc3339(),
        user_name: user.name.as_str(),
        first_name: profile.first_name(),
        last_name: profile.last_name(),
        description: profile.description(),
        title: profile.title(),
        phone: profile.phone(),
        email: profile.email(),
        state: if user.is_active() { "Provisioned" } else { "Inactive" },
        time_zone_id: profile.timezone(),
        max_login_attempts: attempts.to_string(),
        authentication: user.authenticator.name(),
        force_password_change: user.must_change_password,
        last_login_time: None,
        last_login_mode: "None",
        roles: user.own_roles().map(|role| role_of(&role)).collect(),
        groups: user.grants.groups.iter().map(group).collect(),
    }
}

fn role_of(role: &AnyRole) -> RoleOf {
    let (name, description) = (role.name().to_owned(), role.description().to_owned());
    RoleOf {
        id: role.id(),
        role_name: name.clone(),
        description: description.clone(),
        display_name: name,
        display_description: description,
    }
}

/// A group as v3 shows it.
pub fn group(shown: &Shown) -> admin::Group<'_> {
    let group = &shown.group;
    admin::Group {
        id: group.id,
        org_id: group.org,
        created_by: group.revision.created_by(),
        updated_by: group.revision.updated_by(),
        create_time: group.created_at.rfc3339(),
        update_time: group.updated_at.rfc3339(),
        user_group_name: group.name.as_str(),
        description: &group.description,
        roles: group.roles.iter().map(role_of).collect(),
        users: shown.members.iter().map(|user| member_of(user)).collect(),
    }
}

fn member_of(user: &User) -> MemberOf<'_> {
    MemberOf { id: user.id, user_name: user.name.as_str(), description: user.profile.description() }
}

/// A role as v3 shows it, with its privileges when they are wanted.
pub fn role(role: &AnyRole, with_privileges: bool) -> admin::Role {
    let (owner, revision, made, changed) = match role {
        AnyRole::BuiltIn(_) => (org::ROOT, Default::default(), Timestamp::default(), Timestamp::default()),
        AnyRole::Custom(role) => (role.org, role.revision.clone(), role.created_at, role.updated_at),
    };
    let RoleOf { id, role_name, description, display_name, display_description } = role_of(role);
    admin::Role {
        id,
        org_id: owner,
        created_by: revision.created_by().to_owned(),
        updated_by: revision.updated_by().to_owned(),
        create_time: made.rfc3339(),
        update_time: changed.rfc3339(),
        role_name,
        description,
        display_name,
        display_description,
        system_role: matches!(role, AnyRole::BuiltIn(_)),
        status: "Enabled",
        privileges: with_privileges.then(|| role.privileges().iter().map(privilege).collect()),
    }
}

/// A privilege as v3 shows it.
pub fn privilege(one: privilege::Privilege) -> admin::Privilege {
    admin::Privilege {
        id: one.id(),
        name: one.name(),
        description: one.description(),
        service: "Administrator",
        status: "Enabled",
    }
}
