//! Roles, groups and users.

use super::{Act, Change, Difference, Site, camel, given};
use crate::admin::{Place, text};
use crate::cmd::group::all_members;
use crate::error::Failure;
use client::Method;
use serde_json::{Map, Value, json};

/// What is in one list of a difference and not in the other.
fn only_in(one: &Option<Value>, other: &Option<Value>) -> Vec<Value> {
    let items = |list: &Option<Value>| list.as_ref().and_then(Value::as_array).cloned().unwrap_or_default();
    let others = items(other);
    items(one).into_iter().filter(|item| !others.contains(item)).collect()
}

impl Site<'_> {
    pub(super) async fn role(&self, change: &Change) -> Result<(), Failure> {
        let id = &change.record.id;
        match change.act {
            Act::Add => self.add(change, "roles", &[("privileges", json!([]))]).await,
            Act::Remove => self.admin.delete(Place::v3(format!("roles/{id}"))).await,
            Act::Change => {
                for Difference { field, from, to } in &change.differences {
                    if field == "privileges" {
                        let path = format!("roles/{id}");
                        self.lists(&path, (field, "addPrivileges", "removePrivileges"), (from, to)).await?;
                    } else {
                        let body = json!({ camel(field): to.clone().unwrap_or_else(|| "".into()) });
                        self.patch(format!("roles/{id}"), body).await?;
                    }
                }
                Ok(())
            }
        }
    }

    async fn add(&self, change: &Change, list: &str, least: &[(&str, Value)]) -> Result<(), Failure> {
        let mut body: Map<_, _> =
            least.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        body.extend(given(change));
        body.insert("name".to_owned(), change.record.name.clone().into());
        body.insert("orgId".to_owned(), self.org(change).into());
        self.admin.send(Method::POST, Place::v3(list), &Value::Object(body)).await.map(drop)
    }

    /// Adds to a list and takes from it. What is new comes first, so that nobody is left with nothing in between.
    async fn lists(
        &self,
        path: &str,
        (field, add, remove): (&str, &str, &str),
        (from, to): (&Option<Value>, &Option<Value>),
    ) -> Result<(), Failure> {
        for (how, words) in [(add, only_in(to, from)), (remove, only_in(from, to))] {
            if !words.is_empty() {
                self.admin
                    .send(Method::PUT, Place::v3(format!("{path}/{how}")), &json!({ field: words }))
                    .await?;
            }
        }
        Ok(())
    }

    pub(super) async fn group(&self, change: &Change) -> Result<(), Failure> {
        let place = Place::v3(format!("userGroups/{}", change.record.id));
        match change.act {
            Act::Add => self.add(change, "userGroups", &[("roles", json!([]))]).await,
            Act::Remove => self.admin.delete(place).await,
            Act::Change => {
                let terms = [
                    crate::admin::equals("orgId", &self.org(change)),
                    crate::admin::equals("userGroupId", &change.record.id),
                ];
                let found =
                    self.admin.list(Place::v3("userGroups"), &[("q", &terms.join(";"))], None).await?;
                let group = found.first().cloned().unwrap_or_default();
                let said =
                    |field: &str, default: Value| change.record.fields.get(field).cloned().unwrap_or(default);
                let body = json!({
                    "name": text(&group, "userGroupName"),
                    "description": said("description", "".into()),
                    "roles": said("roles", json!([])),
                    "users": all_members(&group)?,
                });
                self.admin.send(Method::PUT, place, &body).await.map(drop)
            }
        }
    }

    pub(super) async fn user(&self, change: &Change) -> Result<(), Failure> {
        let path = format!("users/{}", change.record.id);
        if change.act == Act::Remove {
            return self.admin.delete(Place::v3(path)).await;
        }
        let mut fields = Map::new();
        for Difference { field, from, to } in &change.differences {
            match field.as_str() {
                "roles" => self.lists(&path, (field, "addRoles", "removeRoles"), (from, to)).await?,
                "groups" => self.lists(&path, (field, "addGroups", "removeGroups"), (from, to)).await?,
                "state" => {
                    let body = json!({"state": to.clone().unwrap_or_else(|| "Active".into())});
                    self.admin.send(Method::PATCH, Place::v3(&path), &body).await?;
                }
                _ => {
                    fields.insert(camel(field), to.clone().unwrap_or_else(|| self.default(change, field)));
                }
            }
        }
        if fields.is_empty() {
            return Ok(());
        }
        self.admin.send(Method::PATCH, Place::v3(path), &Value::Object(fields)).await.map(drop)
    }

    fn default(&self, change: &Change, field: &str) -> Value {
        match field {
            "force_password_change" => false.into(),
            "max_login_attempts" => self.attempts.get(&change.path).copied().into(),
            _ => "".into(),
        }
    }
}
