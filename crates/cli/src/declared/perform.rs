//! Changes, made one after the other: what was made before one that failed stays made.

mod import;
mod people;

use super::actual::camel;
use super::change::{Act, Change, Difference, Thing};
use super::{Kind, Org, Path, State, saml, shape};
use crate::admin::{Admin, Place, text};
use crate::error::Failure;
use crate::print;
use client::Method;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// A service that is being changed.
pub struct Site<'a> {
    admin: &'a Admin,
    /// The ids of the orgs, those that are made on the way too.
    orgs: BTreeMap<Path, String>,
    /// How many failures lock a user for whom nothing else is said.
    attempts: BTreeMap<Path, u32>,
}

impl<'a> Site<'a> {
    /// A service, as it was read.
    pub fn new(admin: &'a Admin, actual: &State, declared: &State) -> Self {
        let orgs = actual.iter().map(|(path, org)| (path.clone(), org.id.clone())).collect();
        let then =
            |path: &Path, org: &Org| declared.get(path).and_then(Org::declared_attempts).or(org.attempts);
        let attempts = actual.iter().filter_map(|(path, org)| Some((path.clone(), then(path, org)?)));
        Self { admin, orgs, attempts: attempts.collect() }
    }

    /// Makes changes in their order, and says each when it is made.
    pub async fn make(&mut self, changes: &[&Change]) -> Result<(), Failure> {
        let mut left = changes;
        while let Some((first, others)) = left.split_first() {
            if import::is_new_user(first) {
                let together = left.iter().take_while(|it| import::is_new_user(it) && it.path == first.path);
                let (batch, after) = left.split_at(together.take(import::BATCH).count());
                self.import(batch).await?;
                left = after;
            } else {
                self.one(first).await.map_err(|failure| failure.while_doing(first.subject()))?;
                print::note(&format!("{} {}", done(first.act), first.subject()));
                left = others;
            }
        }
        Ok(())
    }

    async fn one(&mut self, change: &Change) -> Result<(), Failure> {
        match (change.thing, change.act) {
            (Thing::Org, Act::Add) => self.add_org(change).await,
            (Thing::Org, Act::Change) => {
                self.patch(format!("orgs/{}", self.org(change)), patch(change)).await
            }
            (Thing::Org, Act::Remove) => {
                self.admin.delete(Place::own(format!("orgs/{}", self.org(change)))).await
            }
            (Thing::Policy, _) => self.policy(change).await,
            (Thing::Record(Kind::Role), _) => self.role(change).await,
            (Thing::Record(Kind::Group), _) => self.group(change).await,
            (Thing::Record(Kind::Client), _) => self.client(change).await,
            (Thing::Record(Kind::User), _) => self.user(change).await,
            (Thing::Record(Kind::IdentityProvider), _) => self.provider(change).await,
            (Thing::Record(Kind::SamlProvider), act) => {
                saml::make(self.admin, &self.org(change), (act, &change.record)).await
            }
        }
    }

    fn org(&self, change: &Change) -> String {
        self.orgs.get(&change.path).cloned().unwrap_or_default()
    }

    async fn patch(&self, path: String, body: Value) -> Result<(), Failure> {
        self.admin.send(Method::PATCH, Place::own(path), &body).await.map(drop)
    }

    async fn add_org(&mut self, change: &Change) -> Result<(), Failure> {
        let mut body = given(change);
        // Without a region it is here.
        body.retain(|field, value| field != "region" || value != "");
        body.insert("name".to_owned(), change.path.name().into());
        body.insert(
            "parentId".to_owned(),
            change.path.parent().and_then(|above| self.orgs.get(&above).cloned()).into(),
        );
        let org = self.admin.send(Method::POST, Place::own("orgs"), &Value::Object(body)).await?;
        self.orgs.insert(change.path.clone(), text(&org, "id"));
        Ok(())
    }

    /// All of it, for what is not declared is as the instance has it.
    async fn policy(&self, change: &Change) -> Result<(), Failure> {
        let said =
            |field: &&str| (camel(field), change.record.fields.get(*field).cloned().unwrap_or_default());
        // What does not differ is not sent: an org below another may not decide all of it.
        let differs = |field: &&&str| change.differences.iter().any(|it| it.field == **field);
        let body: Map<_, _> = shape::POLICY.iter().filter(differs).map(said).collect();
        self.patch(format!("orgs/{}/policy", self.org(change)), Value::Object(body)).await
    }

    async fn provider(&self, change: &Change) -> Result<(), Failure> {
        let fields = &change.record.fields;
        let place = format!("Orgs/{}/IdentityProviders", self.org(change));
        let one = format!("{place}/{}", change.record.id);
        let said = |field: &str, default: &str| fields.get(field).cloned().unwrap_or_else(|| default.into());
        let aliases = fields.get("aliases").and_then(Value::as_object).into_iter().flatten();
        let aliases: Vec<_> =
            aliases.map(|(value, user)| json!({"value": value, "aliasName": user})).collect();
        let mut body = json!({
            "type": "OIDC",
            "endPoints": {"issuer": change.record.name, "keys": said("keys", "")},
            "accountPolicy": {"link": {
                "tokenClaim": said("token_claim", "sub"),
                "matchType": said("match_type", "aliasName"),
                "aliases": aliases,
            }},
            "signingAlgorithm": said("signing_algorithm", "RS256"),
        });
        if let (Some(audience), Value::Object(body)) = (fields.get("audience"), &mut body) {
            body.insert("audience".to_owned(), audience.clone());
        }
        match change.act {
            Act::Add => self.admin.send(Method::POST, Place::v3(place), &body).await.map(drop),
            Act::Change => self.admin.send(Method::PUT, Place::v3(one), &body).await.map(drop),
            Act::Remove => self.admin.delete(Place::v3(one)).await,
        }
    }

    /// A new client has no secret, for there is nobody to take it: `latchkey client add-secret` gives it one.
    async fn client(&self, change: &Change) -> Result<(), Failure> {
        let one = format!("clients/{}", change.record.id);
        match change.act {
            Act::Change => self.patch(one, patch(change)).await,
            Act::Remove => self.admin.delete(Place::own(one)).await,
            Act::Add => {
                let mut body = given(change);
                let disabled = body.remove("disabled");
                body.insert("name".to_owned(), change.record.name.clone().into());
                let place = Place::own(format!("orgs/{}/clients", self.org(change)));
                let made = self.admin.send(Method::POST, place, &Value::Object(body)).await?;
                let id = text(&made, "id");
                for secret in made.get("secrets").and_then(Value::as_array).into_iter().flatten() {
                    let place = format!("clients/{id}/secrets/{}", text(secret, "id"));
                    self.admin.delete(Place::own(place)).await?;
                }
                match disabled {
                    Some(disabled) => {
                        self.patch(format!("clients/{id}"), json!({"disabled": disabled})).await
                    }
                    None => Ok(()),
                }
            }
        }
    }
}

fn done(act: Act) -> &'static str {
    match act {
        Act::Add => "added",
        Act::Change => "changed",
        Act::Remove => "removed",
    }
}

/// What a new record says, in the names of the wire.
fn given(change: &Change) -> Map<String, Value> {
    change.record.fields.iter().map(|(field, value)| (camel(field), value.clone())).collect()
}

/// A merge patch: null for what is to have its default.
fn patch(change: &Change) -> Value {
    let fields = change.differences.iter().map(|Difference { field, to, .. }| {
        // An empty region is here.
        let to = to.clone().filter(|to| field != "region" || to != "");
        (camel(field), to.unwrap_or_default())
    });
    Value::Object(fields.collect())
}
