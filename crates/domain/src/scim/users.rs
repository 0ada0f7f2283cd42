//! The users of the org as SCIM resources (RFC 7643 section 4.1): found, added, changed and removed.

use super::matching::{self, Scope};
use super::provisioned::{self, Contact, Provisioned};
use super::{Base, Expected, MOST_SEEN, Question, ScimError, View, Window, patch, pinned, record, too_many};
use crate::access::{Joinable, NoPermit, Over, Permit, Provisioner, action};
use crate::cx::Cx;
use crate::name::{NotAName, UserName};
use crate::page::Page;
use crate::password;
use crate::user::{self, Authenticator, Draft, Packed, Profile, Status, User};
use serde_json::{Value, json};
use std::sync::Arc;
use wire::scim::filter::Filter;
use wire::scim::schema::USER;
use wire::scim::{List, Resource, ScimType};
use wire::{Secret, UserId};

/// A resource, with its entity tag.
pub type Tagged = (Resource, String);

/// The users that a question is about.
pub async fn list(cx: &Cx, by: &Provisioner, base: Base<'_>, question: &Question) -> Result<List, ScimError> {
    let permit = by.permit(cx).await?;
    let Some(filter) = &question.filter else { return everybody(cx, &permit, base, question).await };
    matching::check(Scope::Of(&USER), filter)?;
    let mut window = Window::new(question);
    let mut look_at = |user: &User| {
        let resource = shown(user, base);
        if matching::meets(Scope::Of(&USER), filter, &resource) {
            window.add(&USER, resource);
        }
    };
    match candidates(cx, &permit, filter).await? {
        Some(users) => users.iter().for_each(|user| look_at(user)),
        None => {
            let mut seen = 0;
            loop {
                let users = user::list(cx, &permit, Page::new(Page::MOST, seen)).await?;
                users.iter().for_each(|user| look_at(user));
                if users.len() < Page::MOST as usize {
                    break;
                }
                seen += Page::MOST;
                if seen >= MOST_SEEN {
                    return Err(too_many(
                        "the org has too many users for this filter: ask by userName, externalId or id",
                    ));
                }
            }
        }
    }
    Ok(window.list())
}

async fn everybody(
    cx: &Cx,
    permit: &Permit<action::ViewPeople>,
    base: Base<'_>,
    question: &Question,
) -> Result<List, ScimError> {
    let total = cx.store.count_users(permit.org()).await?;
    let users = user::list(cx, permit, Page::new(question.count, question.skip())).await?;
    let shown = users.iter().map(|user| question.view.of(&USER, shown(user, base)));
    Ok(List::new(shown.collect(), question.start, total))
}

/// The few users who can meet a filter, where an index knows them.
async fn candidates(
    cx: &Cx,
    permit: &Permit<action::ViewPeople>,
    filter: &Filter,
) -> Result<Option<Vec<Arc<User>>>, ScimError> {
    if let Some(id) = pinned(filter, &USER, "id") {
        let Ok(id) = id.parse() else { return Ok(Some(Vec::new())) };
        return Ok(Some(user::find(cx, permit, id).await?.into_iter().collect()));
    }
    if let Some(name) = pinned(filter, &USER, "userName") {
        return Ok(Some(user::find_named(cx, permit, name).await?.into_iter().collect()));
    }
    let Some(external) = pinned(filter, &USER, "externalId") else { return Ok(None) };
    let mut users = Vec::new();
    for id in cx.store.users_with_external_id(permit.org(), external).await? {
        users.extend(cx.store.user(id).await?);
    }
    Ok(Some(users))
}

/// The user with this id.
pub async fn find(
    cx: &Cx,
    by: &Provisioner,
    base: Base<'_>,
    id: &str,
    view: &View,
) -> Result<Tagged, ScimError> {
    let permit = by.permit(cx).await?;
    let user = user::find(cx, &permit, known(id)?).await?.ok_or(ScimError::Unknown)?;
    Ok(tagged(&user, base, view))
}

/// Adds a user; one without a password signs in at its identity provider.
pub async fn add(
    cx: &Cx,
    by: &Provisioner,
    base: Base<'_>,
    body: Resource,
    view: &View,
) -> Result<Tagged, ScimError> {
    let permit = by.permit(cx).await?;
    let said = Said::of(record::read(&USER, body)?, &Profile::default(), Status::Active)?;
    let authenticator = if said.password.is_some() { Authenticator::Native } else { Authenticator::Saml };
    let draft = Draft {
        name: said.name,
        authenticator,
        password: said.password,
        profile: said.profile,
        must_change_password: false,
        max_login_attempts: None,
    };
    let belongings = (by.first_role(cx).await?, Joinable::default());
    let user = user::add_as(cx, permit, draft, belongings, said.status).await?;
    Ok(tagged(&user, base, view))
}

/// What makes the new resource of an old one.
pub enum Change {
    /// The body of a PUT.
    Put(Resource),
    /// The operations of a PATCH.
    Patch(Vec<patch::Operation>),
}

impl Change {
    /// Reads the body of a PATCH.
    pub fn patch(body: &Resource) -> Result<Self, ScimError> {
        Ok(Self::Patch(patch::read(body)?))
    }

    pub(super) fn of(
        &self,
        schema: &'static wire::scim::schema::Schema,
        old: Resource,
    ) -> Result<Resource, ScimError> {
        match self {
            Self::Put(body) => record::read(schema, body.clone()),
            Self::Patch(operations) => patch::apply(schema, old, operations),
        }
    }
}

/// Changes a user; one that is disabled, or gets another password, loses its sessions.
pub async fn change(
    cx: &Cx,
    by: &Provisioner,
    base: Base<'_>,
    (id, expected): (&str, &Expected),
    change: &Change,
) -> Result<Arc<User>, ScimError> {
    let id = known(id)?;
    for tries in 1.. {
        let over = by.over_user(cx, id).await?;
        let old = Arc::clone(over.thing());
        expected.check(&version(&old))?;
        let said = Said::of(change.of(&USER, shown(&old, base))?, &old.profile.open(), old.status)?;
        let has_password = said.password.is_some();
        match write(cx, by, over, said).await {
            Err(ScimError::Contended) if !has_password => {
                if let Some(error) = expected.met(tries) {
                    return Err(error);
                }
            }
            other => return other,
        }
    }
    Err(ScimError::Contended)
}

async fn write(
    cx: &Cx,
    by: &Provisioner,
    mut over: Over<action::NarrowUsers, User>,
    said: Said,
) -> Result<Arc<User>, ScimError> {
    let Said { name, status, profile, password } = said;
    let profile = Packed::from(profile);
    let old = Arc::clone(over.thing());
    user::is_free(cx, &name, old.id).await?;
    let authenticator = if password.is_some() { Authenticator::Native } else { old.authenticator };
    if let Some(password) = password {
        password::give_any(cx, by.over_user(cx, old.id).await?, password).await?;
        over = by.over_user(cx, old.id).await?;
    }
    let is_same = old.name == name && old.status == status && old.profile == profile;
    if is_same && old.authenticator == authenticator {
        return Ok(Arc::clone(over.thing()));
    }
    let new = User { name, status, profile, authenticator, ..User::clone(over.thing()) };
    Ok(user::provision(cx, over, new).await?)
}

/// Removes a user, and ends its sessions.
pub async fn remove(cx: &Cx, by: &Provisioner, id: &str, expected: &Expected) -> Result<(), ScimError> {
    let over = by.over_user(cx, known(id)?).await?;
    expected.check(&version(over.thing()))?;
    Ok(user::remove(cx, over).await?)
}

/// What is no id names nothing.
fn known(id: &str) -> Result<UserId, NoPermit> {
    id.parse().map_err(|_| NoPermit::Unknown)
}

/// The entity tag of a user: the number of its writing.
pub fn version(user: &User) -> String {
    format!("W/\"{}\"", user.revision.number)
}

/// A user as its client sees it, with its entity tag.
pub fn tagged(user: &User, base: Base<'_>, view: &View) -> Tagged {
    (view.of(&USER, shown(user, base)), version(user))
}

fn shown(user: &User, base: Base<'_>) -> Resource {
    let (profile, id) = (&user.profile, user.id.base62());
    let extra = profile.provisioned().cloned().unwrap_or_default();
    let groups: Vec<Value> = user
        .group_names()
        .map(|(name, id)| {
            let id = id.base62();
            json!({"value": id, "$ref": format!("{base}/Groups/{id}"), "display": name, "type": "direct"})
        })
        .collect();
    let name = [("familyName", profile.last_name()), ("givenName", profile.first_name())];
    let name: Resource =
        name.into_iter().filter(|(_, it)| !it.is_empty()).map(|(key, it)| (key.into(), json!(it))).collect();
    let all = [
        ("schemas", json!([USER.id])),
        ("id", json!(id)),
        ("externalId", json!(extra.external_id)),
        ("userName", json!(user.name.as_str())),
        ("name", Value::Object(name)),
        ("displayName", json!(extra.display_name)),
        ("title", json!(profile.title())),
        ("timezone", json!(profile.timezone())),
        ("active", json!(user.is_active())),
        ("emails", json!(provisioned::shown(&extra.emails, profile.email()))),
        ("phoneNumbers", json!(provisioned::shown(&extra.phones, profile.phone()))),
        ("groups", json!(groups)),
        (
            "meta",
            json!({
                "resourceType": "User",
                "created": user.created_at.rfc3339(),
                "lastModified": user.updated_at.rfc3339(),
                "location": format!("{base}/Users/{id}"),
                "version": version(user),
            }),
        ),
    ];
    all.into_iter().filter(|(_, it)| !is_nothing(it)).map(|(name, it)| (name.to_owned(), it)).collect()
}

/// What has no value is not there at all (RFC 7643 section 2.5).
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(values) => values.is_empty(),
        Value::Object(parts) => parts.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// What a client says about a user.
struct Said {
    name: UserName,
    status: Status,
    profile: Profile,
    password: Option<Secret>,
}

impl Said {
    /// Reads a resource that was cleaned. What SCIM has no word for stays as it was, and so does `active` if it is absent.
    fn of(mut resource: Resource, old: &Profile, status: Status) -> Result<Self, ScimError> {
        let mut text = |name: &str| match resource.remove(name) {
            Some(Value::String(text)) => Some(text),
            Some(_) | None => None,
        };
        let (user_name, password) = (text("userName"), text("password").map(Secret::new));
        let (title, timezone) = (text("title"), text("timezone"));
        let (external_id, display_name) = (text("externalId"), text("displayName"));
        let wrong = |what: String| ScimError::asked(ScimType::InvalidValue, what);
        let user_name = user_name.ok_or_else(|| wrong("userName is missing".to_owned()))?;
        let emails = contacts(resource.remove("emails"));
        let phones = contacts(resource.remove("phoneNumbers"));
        let part = |name: &str| {
            let part = resource.get("name").and_then(|it| it.get(name)).and_then(Value::as_str);
            part.unwrap_or_default().to_owned()
        };
        Ok(Self {
            name: user_name.parse().map_err(|error: NotAName| wrong(error.to_string()))?,
            status: match resource.get("active") {
                Some(Value::Bool(true)) => Status::Active,
                Some(Value::Bool(false)) => Status::Disabled,
                Some(_) | None => status,
            },
            profile: Profile {
                first_name: part("givenName"),
                last_name: part("familyName"),
                title: title.unwrap_or_default(),
                phone: provisioned::main_of(&phones).to_owned(),
                email: provisioned::main_of(&emails).to_owned(),
                timezone: timezone.unwrap_or_default(),
                description: old.description.clone(),
                security_question: old.security_question.clone(),
                provisioned: Provisioned { external_id, display_name, emails, phones },
            },
            password,
        })
    }
}

fn contacts(value: Option<Value>) -> Vec<Contact> {
    value.and_then(|value| serde_json::from_value(value).ok()).unwrap_or_default()
}
