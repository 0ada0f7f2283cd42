//! What a service has, read in the shape of the files.

use super::file::{fields_of, sorted};
use super::{Kind, Org, Path, Record, State, saml, shape};
use crate::admin::{Admin, Place, Refused, equals, text};
use crate::error::Failure;
use client::{Method, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io;

/// What is to be read of an org.
#[derive(Debug, Default)]
pub struct Want {
    /// These kinds, with all their records; users only when they are not named.
    pub kinds: BTreeSet<Kind>,
    /// These users, when there is no need for all.
    pub users: Option<Vec<String>>,
    /// What it decides for itself.
    pub policy: bool,
    /// Whether it has users.
    pub peopled: bool,
}

/// Why a service does not tell something that this program knows.
const OLDER: &str = "the service is of an older release";

/// More users than this are read as a list.
pub const FEW: usize = 500;

/// Reads every org that one may see, and of each what is wanted.
pub async fn read(admin: &Admin, want: impl Fn(&Path) -> Want) -> Result<State, Failure> {
    let top = admin.own_org().await?;
    let orgs = match admin.listed(Place::own("orgs"), &[], Some("orgs")).await? {
        Ok(orgs) => by_path(&orgs, &top)?,
        Err(refused) if refused.is_no_route() => BTreeMap::from([(Path::default(), json!({"id": top}))]),
        Err(refused) => return Err(refused.explained(admin.host())),
    };
    let mut state = State::new();
    for (path, org) in orgs {
        let mut read = Org { id: text(&org, "id"), fields: org_fields(&org, &path), ..Org::default() };
        if read.fields.is_empty() {
            read.untold.insert("org", OLDER.to_owned());
        }
        let want = want(&path);
        if want.peopled {
            read.peopled = !users(admin, &read.id, &[("limit", "1")]).await?.is_empty();
        }
        fill(admin, &mut read, want).await?;
        state.insert(path, read);
    }
    Ok(state)
}

/// The names that lead to each org; two of one name below one org cannot be told apart.
fn by_path(orgs: &[Value], top: &str) -> Result<BTreeMap<Path, Value>, Failure> {
    let mut paths = BTreeMap::new();
    for org in orgs {
        let (mut path, mut at) = (Vec::new(), org);
        while text(at, "id") != top {
            path.insert(0, text(at, "name"));
            let above = text(at, "parentId");
            let Some(found) = orgs.iter().find(|other| text(other, "id") == above) else { break };
            at = found;
        }
        let path = Path(path);
        if paths.insert(path.clone(), org.clone()).is_some() {
            let two = io::Error::other(format!("there are two of {path}"));
            return Err(Failure::refused(two).hint("give one of them another name: `latchkey org change`"));
        }
    }
    Ok(paths)
}

fn org_fields(org: &Value, path: &Path) -> Map<String, Value> {
    if org.get("name").is_none() {
        return Map::new();
    }
    let names =
        if path.0.is_empty() { &["name", "description", "region"][..] } else { &["description", "region"] };
    names.iter().map(|name| ((*name).to_owned(), Value::from(text(org, name)))).collect()
}

async fn fill(admin: &Admin, org: &mut Org, want: Want) -> Result<(), Failure> {
    let wants = |kind| want.kinds.contains(&kind);
    if want.policy || wants(Kind::User) {
        policy(admin, org, want.policy).await?;
    }
    let of_org = equals("orgId", &org.id);
    let mut roles = Vec::new();
    if wants(Kind::Role) || wants(Kind::Client) || wants(Kind::SamlProvider) {
        roles = admin.list(Place::v3("roles"), &[("expand", "privileges"), ("q", &of_org)], None).await?;
    }
    if wants(Kind::Role) {
        let own = roles.iter().filter(|role| role.get("systemRole") != Some(&Value::Bool(true)));
        let read: Vec<_> = own.map(role).collect();
        keep::<shape::Role<String>>(org, Kind::Role, read)?;
    }
    let mut groups = Vec::new();
    if wants(Kind::Group) || wants(Kind::SamlProvider) {
        groups = admin.list(Place::v3("userGroups"), &[("q", &of_org)], None).await?;
    }
    if wants(Kind::Group) {
        keep::<shape::Group<String>>(org, Kind::Group, groups.iter().map(group).collect())?;
    }
    if wants(Kind::Client) {
        clients(admin, org, &roles).await?;
    }
    if wants(Kind::User) {
        let mut found = Vec::new();
        match want.users {
            None => found = users(admin, &org.id, &[]).await?,
            Some(names) => {
                for name in names {
                    found.extend(users(admin, &org.id, &[("userName", &name)]).await?);
                }
            }
        }
        let attempts = org.attempts;
        keep::<shape::User<String>>(org, Kind::User, found.iter().map(|it| user(it, attempts)).collect())?;
    }
    if wants(Kind::IdentityProvider) {
        providers(admin, org).await?;
    }
    if wants(Kind::SamlProvider) {
        saml::read(admin, org, &roles, &groups).await?;
    }
    Ok(())
}

/// Users of an org: all, the first, or the one with a name.
async fn users(admin: &Admin, org: &str, which: &[(&str, &str)]) -> Result<Vec<Value>, Failure> {
    let of_org = equals("orgId", org);
    match which {
        [("limit", limit)] => {
            let place = Place::v3("users").with(&[("q", &of_org), ("limit", limit)]);
            Ok(admin.get(place).await?.as_array().cloned().unwrap_or_default())
        }
        [(field, value)] => {
            let terms = format!("{of_org};{}", equals(field, value));
            admin.list(Place::v3("users"), &[("q", &terms)], None).await
        }
        _ => admin.list(Place::v3("users"), &[("q", &of_org)], None).await,
    }
}

/// Reads one record after the other into the shape of the files, so that what has its default is absent.
pub(super) fn keep<T: DeserializeOwned + serde::Serialize>(
    org: &mut Org,
    kind: Kind,
    read: Vec<(String, Value)>,
) -> Result<(), Failure> {
    let mut records = BTreeMap::new();
    for (id, value) in read {
        let strange = |error: io::Error| {
            Failure::machine(error)
                .while_doing(format!("the service has a {} that is not understood", kind.key()))
        };
        let name = value.get(kind.name()).and_then(Value::as_str).unwrap_or_default().to_owned();
        let shaped: T = serde_json::from_value(value).map_err(|error| strange(error.into()))?;
        let fields = fields_of(kind, &name, &shaped).map_err(|what| strange(io::Error::other(what)))?;
        let fields = sorted(fields);
        records.insert(kind.fold(&name), Record { id, name, fields, place: String::new() });
    }
    org.records.insert(kind, records);
    Ok(())
}

fn names(record: &Value, list: &str, name: &str) -> Vec<String> {
    let items = record.get(list).and_then(Value::as_array).into_iter().flatten();
    items.map(|item| text(item, name)).collect()
}

fn role(role: &Value) -> (String, Value) {
    let read = json!({
        "name": text(role, "roleName"),
        "description": text(role, "description"),
        "privileges": names(role, "privileges", "name"),
    });
    (text(role, "id"), read)
}

fn group(group: &Value) -> (String, Value) {
    let read = json!({
        "name": text(group, "userGroupName"),
        "description": text(group, "description"),
        "roles": names(group, "roles", "roleName"),
    });
    (text(group, "id"), read)
}

fn user(user: &Value, attempts: Option<u32>) -> (String, Value) {
    // The service shows what holds, and not whether the user has it of its own.
    let own = text(user, "maxLoginAttempts").parse::<u32>().ok();
    let read = json!({
        "name": text(user, "userName"),
        "first_name": text(user, "firstName"),
        "last_name": text(user, "lastName"),
        "email": text(user, "email"),
        "title": text(user, "title"),
        "phone": text(user, "phone"),
        "description": text(user, "description"),
        "time_zone_id": text(user, "timeZoneId"),
        "state": if text(user, "state") == "Inactive" { "Inactive" } else { "Active" },
        "authentication": text(user, "authentication"),
        "force_password_change": user.get("forcePasswordChange").and_then(Value::as_bool).unwrap_or_default(),
        "max_login_attempts": own.filter(|own| attempts.is_some_and(|attempts| attempts != *own)),
        "roles": names(user, "roles", "roleName"),
        "groups": names(user, "groups", "userGroupName"),
    });
    (text(user, "id"), read)
}

async fn clients(admin: &Admin, org: &mut Org, roles: &[Value]) -> Result<(), Failure> {
    let place = Place::own(format!("orgs/{}/clients", org.id));
    let answer = match admin.ask(Method::GET, place, None).await? {
        Ok(answer) => answer,
        Err(refused) => return untold(admin, org, Kind::Client.key(), refused),
    };
    let called = |id: &Value| {
        let role = roles.iter().find(|role| role.get("id") == Some(id));
        role.map_or_else(|| id.as_str().unwrap_or_default().to_owned(), |role| text(role, "roleName"))
    };
    let client = |client: &Value| {
        let of_client = client.get("roles").and_then(Value::as_array).into_iter().flatten();
        let read = json!({
            "name": text(client, "name"),
            "description": text(client, "description"),
            "roles": of_client.map(called).collect::<Vec<_>>(),
            "token_minutes": client.get("tokenMinutes"),
            "disabled": client.get("disabled").and_then(Value::as_bool).unwrap_or_default(),
        });
        (text(client, "id"), read)
    };
    let all = answer.get("clients").and_then(Value::as_array).into_iter().flatten();
    keep::<shape::Client<String>>(org, Kind::Client, all.map(client).collect())
}

async fn providers(admin: &Admin, org: &mut Org) -> Result<(), Failure> {
    let place = Place::v3(format!("Orgs/{}/IdentityProviders", org.id));
    let answer = match admin.ask(Method::GET, place, None).await? {
        Ok(answer) => answer,
        Err(refused) => return untold(admin, org, Kind::IdentityProvider.key(), refused),
    };
    let mut read = Vec::new();
    for provider in answer.as_array().into_iter().flatten() {
        if text(provider, "type") != "OIDC" {
            let what = format!("{} is not of the kind OIDC, and files know no other", text(provider, "id"));
            org.untold.insert(Kind::IdentityProvider.key(), what);
            return Ok(());
        }
        let at = |pointer: &str| provider.pointer(pointer).cloned().unwrap_or_default();
        let aliases = at("/accountPolicy/link/aliases");
        let aliases = aliases.as_array().into_iter().flatten();
        let aliases: BTreeMap<_, _> = aliases.map(|it| (text(it, "value"), text(it, "aliasName"))).collect();
        let mut shaped = json!({
            "issuer": at("/endPoints/issuer"),
            "keys": at("/endPoints/keys"),
            "signing_algorithm": at("/signingAlgorithm"),
            "token_claim": at("/accountPolicy/link/tokenClaim"),
            "match_type": at("/accountPolicy/link/matchType"),
            "aliases": aliases,
        });
        if let (Some(audience), Value::Object(shaped)) = (provider.get("audience"), &mut shaped) {
            shaped.insert("audience".to_owned(), audience.clone());
        }
        read.push((text(provider, "id"), shaped));
    }
    keep::<shape::IdentityProvider<String>>(org, Kind::IdentityProvider, read)
}

async fn policy(admin: &Admin, org: &mut Org, wanted: bool) -> Result<(), Failure> {
    let answer = match admin.ask(Method::GET, Place::own(format!("orgs/{}/policy", org.id)), None).await? {
        Ok(answer) => answer,
        Err(refused) => return untold(admin, org, "policy", refused),
    };
    let attempts = answer.pointer("/effective/maxLoginAttempts").and_then(Value::as_u64);
    org.attempts = attempts.and_then(|attempts| attempts.try_into().ok());
    let own = |field: &&str| {
        let value = answer.get("own")?.get(camel(field))?.clone();
        (!value.is_null()).then(|| ((*field).to_owned(), value))
    };
    let own: Map<_, _> = shape::POLICY.iter().filter_map(own).collect();
    org.policy = wanted.then(|| sorted(own));
    Ok(())
}

/// What a service does not tell is remembered as that, and never taken for nothing.
pub(super) fn untold(
    admin: &Admin,
    org: &mut Org,
    key: &'static str,
    refused: Refused,
) -> Result<(), Failure> {
    let why = match refused.status {
        _ if refused.is_no_route() => OLDER.to_owned(),
        StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => {
            "only its own administrators may see that".to_owned()
        }
        _ => return Err(refused.explained(admin.host())),
    };
    org.untold.insert(key, why);
    Ok(())
}

/// The name on the wire of a field in a file.
pub fn camel(field: &str) -> String {
    let mut parts = field.split('_');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |name, part| {
        let mut letters = part.chars();
        let head = letters.next().map(|letter| letter.to_ascii_uppercase());
        name + &head.into_iter().chain(letters).collect::<String>()
    })
}
