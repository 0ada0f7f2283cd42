//! The SAML provider of an org, and what its groups and roles are here: read, and made what the files say.

use super::actual::{camel, keep, untold};
use super::change::Act;
use super::file::sorted;
use super::{Kind, Org, Record, shape};
use crate::admin::{Admin, Place, Refused, text};
use crate::error::Failure;
use client::{Method, StatusCode};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Rows that one request may have.
const ROWS: usize = 200;

/// What is mapped: each kind has the names of its own for the same.
struct Mapping {
    /// The field in a file, and of requests.
    field: &'static str,
    /// Where it is read.
    list: &'static str,
    /// The field with the names at the provider.
    names: &'static str,
    add: &'static str,
    remove: &'static str,
}

const MAPPINGS: [Mapping; 2] = [
    Mapping {
        field: "group_mappings",
        list: "SAMLConfig/groupMappings",
        names: "samlGroupNames",
        add: "addSamlGroupMappings",
        remove: "removeSamlGroupMappings",
    },
    Mapping {
        field: "role_mappings",
        list: "SAMLConfig/roleMappings",
        names: "samlRoleNames",
        add: "addSamlRoleMappings",
        remove: "removeSamlRoleMappings",
    },
];

/// Names at the provider, by the role that they are here.
type Mapped = BTreeMap<String, BTreeSet<String>>;

/// Reads the provider of an org, whose roles and groups are these.
pub async fn read(admin: &Admin, org: &mut Org, roles: &[Value], groups: &[Value]) -> Result<(), Failure> {
    let mut shaped = Map::new();
    for mapping in &MAPPINGS {
        match mapped(admin, &org.id, mapping).await? {
            Ok(mapped) => drop(shaped.insert(mapping.field.to_owned(), json!(mapped))),
            Err(refused) => return untold(admin, org, Kind::SamlProvider.key(), refused),
        }
    }
    let provider = match admin.ask(Method::GET, at(&org.id), None).await? {
        Ok(provider) => provider,
        // Who may see the mappings may see the provider: there is none.
        Err(refused) if refused.status == StatusCode::NOT_FOUND && !refused.is_no_route() => {
            return keep::<shape::SamlProvider<String>>(org, Kind::SamlProvider, Vec::new());
        }
        Err(refused) => return untold(admin, org, Kind::SamlProvider.key(), refused),
    };
    let called = |field: &str, list: &[Value], name: &str| {
        let id = provider.get(field).filter(|id| !id.is_null())?;
        let found = list.iter().find(|it| it.get("id") == Some(id));
        Some(found.map_or_else(|| id.clone(), |found| text(found, name).into()))
    };
    let same = ["issuer", "certificates", "name_id_format", "disable_auto_provisioning"].into_iter().chain([
        "map_groups_and_roles",
        "allow_sha1",
        "idp_initiated",
    ]);
    shaped.extend(same.map(|field| (field.to_owned(), said(&provider, field))));
    for field in ["single_sign_on", "single_logout"] {
        let places = said(&provider, field);
        let places = places.as_array().into_iter().flatten();
        let place = |it: &Value| json!({"binding": it.get("binding"), "url": it.get("url"), "response_url": it.get("responseUrl")});
        shaped.insert(field.to_owned(), places.map(place).collect());
    }
    let attributes = said(&provider, "attributes");
    let names = ATTRIBUTES.map(|field| (field.to_owned(), said(&attributes, field)));
    shaped.insert("attributes".to_owned(), Value::Object(Map::from_iter(names)));
    shaped.insert("default_role".to_owned(), called("defaultRole", roles, "roleName").into());
    shaped.insert("default_group".to_owned(), called("defaultGroup", groups, "userGroupName").into());
    let read = vec![(text(&provider, "id"), Value::Object(shaped))];
    keep::<shape::SamlProvider<String>>(org, Kind::SamlProvider, read)
}

const ATTRIBUTES: [&str; 7] = ["first_name", "last_name", "email", "title", "phone", "groups", "roles"];

fn at(org: &str) -> Place {
    Place::own(format!("orgs/{org}/saml"))
}

/// A field by its name in a file.
fn said(record: &Value, field: &str) -> Value {
    record.get(camel(field)).cloned().unwrap_or_default()
}

async fn mapped(admin: &Admin, org: &str, mapping: &Mapping) -> Result<Result<Mapped, Refused>, Failure> {
    let list = Place::v3(format!("Orgs/{org}/{}", mapping.list));
    let rows = admin.listed(list, &[], Some(&camel(mapping.field))).await?;
    let names = |row: &Value| {
        let names = row.get(mapping.names).and_then(Value::as_array).into_iter().flatten();
        names.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    Ok(rows.map(|rows| rows.iter().map(|row| (text(row, "roleName"), names(row))).collect()))
}

/// Makes the provider of an org, and what it maps, what a record says. Where a provider goes, the roles of the groups that
/// were linked stay: they are the groups' own.
pub async fn make(admin: &Admin, org: &str, (act, record): (Act, &Record)) -> Result<(), Failure> {
    if act == Act::Remove {
        return admin.delete(at(org)).await;
    }
    admin.send(Method::PUT, at(org), &body(&record.fields)).await?;
    map(admin, org, &record.fields).await
}

/// What a record says, in the names of the wire.
fn body(fields: &Map<String, Value>) -> Value {
    let is_mapping = |field: &str| MAPPINGS.iter().any(|mapping| mapping.field == field);
    let said = fields.iter().filter(|(field, _)| !is_mapping(field));
    let value = |value: &Value| match value {
        Value::Array(items) => items.iter().map(in_wire).collect(),
        other => in_wire(other),
    };
    Value::Object(said.map(|(field, it)| (camel(field), value(it))).collect())
}

fn in_wire(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            Value::Object(fields.iter().map(|(field, it)| (camel(field), it.clone())).collect())
        }
        other => other.clone(),
    }
}

/// Adds first, so that no group is without a role meanwhile, which would be linked no more.
async fn map(admin: &Admin, org: &str, fields: &Map<String, Value>) -> Result<(), Failure> {
    for mapping in &MAPPINGS {
        let wanted: Mapped = fields
            .get(mapping.field)
            .and_then(|said| serde_json::from_value(said.clone()).ok())
            .unwrap_or_default();
        // Read again: changes of groups that were made before this one have changed what is mapped.
        let there = mapped(admin, org, mapping).await?.map_err(|refused| refused.explained(admin.host()))?;
        for (path, rows) in
            [(mapping.add, without(&wanted, &there)), (mapping.remove, without(&there, &wanted))]
        {
            let rows: Vec<_> = rows
                .into_iter()
                .map(|(role, names)| json!({"roleName": role, mapping.names: names}))
                .collect();
            for rows in rows.chunks(ROWS) {
                let mut body = json!({ camel(mapping.field): rows });
                if let (Value::Object(body), "group_mappings") = (&mut body, mapping.field) {
                    body.insert("reuseGroup".to_owned(), true.into());
                }
                admin.send(Method::PUT, Place::v3(format!("Orgs/{org}/{path}")), &body).await?;
            }
        }
    }
    Ok(())
}

/// Gives a declared group the roles that the declared provider maps to it, and maps the roles that it has: a linked group has
/// one set of roles, so what a file says in one of the two places holds in the other.
pub fn share_roles(org: &mut Org) {
    let Some(mut providers) = org.records.remove(&Kind::SamlProvider) else { return };
    for provider in providers.values_mut() {
        let groups = org.records.get_mut(&Kind::Group).into_iter().flatten();
        let said = provider.fields.get("group_mappings").cloned();
        let Some(mut mapped) = said.and_then(|said| serde_json::from_value::<Mapped>(said).ok()) else {
            continue;
        };
        for (group, record) in groups {
            let roles = shared(&mut mapped, group, record.words("roles"));
            if !roles.is_empty() {
                record.fields.insert("roles".to_owned(), json!(roles));
                record.fields = sorted(std::mem::take(&mut record.fields));
            }
        }
        provider.fields.insert("group_mappings".to_owned(), json!(mapped));
    }
    org.records.insert(Kind::SamlProvider, providers);
}

/// The roles of a group with those that are mapped to its names at the provider, which then has them all.
fn shared(mapped: &mut Mapped, group: &str, mut roles: Vec<String>) -> Vec<String> {
    let names = mapped.values().flatten().filter(|name| Kind::Group.fold(name) == group);
    let names: BTreeSet<_> = names.cloned().collect();
    if names.is_empty() {
        return roles;
    }
    let is_same = |one: &str, other: &str| Kind::Role.fold(one) == Kind::Role.fold(other);
    let theirs = mapped.iter().filter(|(_, of_role)| !of_role.is_disjoint(&names));
    for (role, _) in theirs {
        if !roles.iter().any(|known| is_same(known, role)) {
            roles.push(role.clone());
        }
    }
    for role in &roles {
        let known = mapped.keys().find(|known| is_same(known, role)).unwrap_or(role).clone();
        mapped.entry(known).or_default().extend(names.iter().cloned());
    }
    roles
}

/// What is in the one and not in the other.
fn without(one: &Mapped, other: &Mapped) -> Mapped {
    let left = |role: &String, names: &BTreeSet<String>| match other.get(role) {
        Some(others) => names.difference(others).cloned().collect(),
        None => names.clone(),
    };
    let rows = one.iter().map(|(role, names)| (role.clone(), left(role, names)));
    rows.filter(|(_, names): &(String, BTreeSet<String>)| !names.is_empty()).collect()
}
