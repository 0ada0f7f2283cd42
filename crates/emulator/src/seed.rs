//! Who is there: the orgs and users that a run begins with, and those added by a call.

use domain::founding::{NewOrg, NewPassword, NewUser};
use serde::{Deserialize, Serialize};
use server::seed::{self, SeedError};

/// The orgs and users that are there when no others are asked for.
const DEFAULT: &str = include_str!("seed.toml");

/// The user of [`DEFAULT`] whose account is locked.
pub const LOCKED: &str = "locked";

/// The user that a program under test is told of.
pub const ADMIN: &str = "admin";

/// A user, and how one signs in as it. Nothing here is a secret: the emulator tells everybody who asks.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Person {
    /// What it signs in with.
    pub name: String,
    /// Its password, when it has one that is known.
    pub password: Option<String>,
    /// The name of its org.
    pub org: String,
    /// The id of its org.
    pub org_id: String,
    /// What is special about it.
    pub situation: String,
}

/// The orgs that are there when no others are asked for.
pub fn default() -> Result<Vec<NewOrg>, SeedError> {
    seed::parse(DEFAULT)
}

/// Everybody in an org of a seed; the org's id is not known yet.
pub fn people(org: &NewOrg) -> Vec<Person> {
    org.users.iter().map(|user| person(org, user)).collect()
}

fn person(org: &NewOrg, user: &NewUser) -> Person {
    Person {
        name: user.name.as_str().to_owned(),
        password: match &user.password {
            NewPassword::Plain(password) => Some(password.expose().to_owned()),
            NewPassword::Hashed(_) | NewPassword::None => None,
        },
        org: org.name.clone(),
        org_id: String::new(),
        situation: user.profile.description.clone(),
    }
}
