//! Seed files: orgs and users in TOML, to fill an empty store.

use domain::founding::{NewOrg, NewPassword, NewUser};
use domain::method::hash::PasswordHash;
use domain::name::UserName;
use domain::org::Authentication;
use domain::role::Role;
use domain::user::{Profile, Status};
use serde::Deserialize;
use std::path::Path;
use thiserror::Error;
use wire::{OrgId, Secret};

/// Why a seed file cannot be used.
#[derive(Debug, Error)]
pub enum SeedError {
    /// It cannot be read.
    #[error("cannot be read")]
    Unreadable(#[from] std::io::Error),
    /// It is not TOML of this shape. The text is not quoted: it holds passwords.
    #[error("line {line}: {message}")]
    Malformed {
        /// Where.
        line: usize,
        /// What.
        message: String,
    },
    /// A value cannot be what it stands for.
    #[error("{place}: {reason}")]
    Value {
        /// Which org or user.
        place: String,
        /// What is wrong.
        reason: String,
    },
}

/// Reads a seed file.
pub fn read(path: &Path) -> Result<Vec<NewOrg>, SeedError> {
    parse(&std::fs::read_to_string(path)?)
}

/// Reads the text of a seed file.
pub fn parse(text: &str) -> Result<Vec<NewOrg>, SeedError> {
    let seed: Seed = toml::from_str(text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        SeedError::Malformed { line: before.matches('\n').count() + 1, message: error.message().to_owned() }
    })?;
    seed.org.into_iter().map(SeedOrg::read).collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Seed {
    org: Vec<SeedOrg>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SeedOrg {
    name: String,
    id: Option<String>,
    parent: Option<String>,
    region: Option<String>,
    #[serde(default)]
    authentication_type: AuthenticationType,
    jwt_minutes: Option<u32>,
    session_idle_minutes: Option<u32>,
    session_absolute_minutes: Option<u32>,
    session_limit: Option<u32>,
    #[serde(default)]
    user: Vec<SeedUser>,
}

#[derive(Deserialize, Default, Clone, Copy, PartialEq)]
#[serde(rename_all = "snake_case")]
enum AuthenticationType {
    #[default]
    SessionId,
    Jwt,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SeedUser {
    name: String,
    password: Option<Secret>,
    password_hash: Option<Secret>,
    #[serde(default)]
    disabled: bool,
    #[serde(default)]
    roles: Vec<String>,
    #[serde(default)]
    force_change_password: bool,
    max_login_attempts: Option<u32>,
    #[serde(default)]
    email: String,
    #[serde(default)]
    first_name: String,
    #[serde(default)]
    last_name: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    phone: String,
    #[serde(default)]
    timezone: Option<String>,
    #[serde(default)]
    description: String,
    #[serde(default)]
    security_question: String,
}

impl SeedOrg {
    fn read(self) -> Result<NewOrg, SeedError> {
        let place = format!("org {}", self.name);
        let wrong = |reason: &str| SeedError::Value { place: place.clone(), reason: reason.to_owned() };
        let minutes = self.jwt_minutes.unwrap_or(30);
        let authentication = match self.authentication_type {
            AuthenticationType::SessionId => Authentication::SessionId,
            AuthenticationType::Jwt if Authentication::JWT_MINUTES.contains(&minutes) => {
                Authentication::Jwt { minutes }
            }
            AuthenticationType::Jwt => return Err(wrong("jwt_minutes is one of 15, 30, 60, 120, 180, 240")),
        };
        let limits = [self.session_idle_minutes, self.session_absolute_minutes, self.session_limit];
        if limits.contains(&Some(0)) || self.name.is_empty() {
            return Err(wrong("the name and the limits of sessions are not empty and not zero"));
        }
        let id = |text: Option<String>| {
            text.map(|id| id.parse::<OrgId>()).transpose().map_err(|error| wrong(&error.to_string()))
        };
        Ok(NewOrg {
            id: id(self.id)?,
            parent: id(self.parent)?,
            name: self.name,
            region: self.region,
            authentication,
            idle_minutes: self.session_idle_minutes,
            absolute_minutes: self.session_absolute_minutes,
            session_limit: self.session_limit,
            users: self.user.into_iter().map(SeedUser::read).collect::<Result<_, _>>()?,
        })
    }
}

impl SeedUser {
    fn read(self) -> Result<NewUser, SeedError> {
        let place = format!("user {}", self.name);
        let wrong = |reason: String| SeedError::Value { place: place.clone(), reason };
        let name: UserName =
            self.name.parse().map_err(|error: domain::name::NotAName| wrong(error.to_string()))?;
        let password = match (self.password, self.password_hash) {
            (Some(_), Some(_)) => return Err(wrong("give a password or a password_hash, not both".into())),
            (Some(plain), None) if (1..=255).contains(&plain.expose().chars().count()) => {
                NewPassword::Plain(plain)
            }
            (Some(_), None) => return Err(wrong("a password has 1 to 255 characters".into())),
            (None, Some(hash)) => {
                let hash: PasswordHash = hash
                    .expose()
                    .parse()
                    .map_err(|error: domain::method::hash::NotAHash| wrong(error.to_string()))?;
                NewPassword::Hashed(hash)
            }
            (None, None) => NewPassword::None,
        };
        let roles = self.roles.iter().map(|role| role.parse::<Role>()).collect::<Result<_, _>>();
        if self.max_login_attempts == Some(0) {
            return Err(wrong("max_login_attempts is at least 1".into()));
        }
        Ok(NewUser {
            name,
            password,
            status: if self.disabled { Status::Disabled } else { Status::Active },
            roles: roles.map_err(|error| wrong(error.to_string()))?,
            must_change_password: self.force_change_password,
            max_login_attempts: self.max_login_attempts,
            profile: Profile {
                first_name: self.first_name,
                last_name: self.last_name,
                title: self.title,
                phone: self.phone,
                email: self.email,
                timezone: self.timezone.unwrap_or_else(|| "America/Los_Angeles".into()),
                description: self.description,
                security_question: self.security_question,
                ..Profile::default()
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_seed_is_read() {
        let orgs = parse(
            r#"
            [[org]]
            name = "Acme Prod"
            session_idle_minutes = 30
              [[org.user]]
              name = "etl.robot"
              password = "correct horse 9 battery"
              email = "ops@acme.test"
              first_name = "Etl"
              last_name = "Robot"
              roles = ["Admin"]
            "#,
        )
        .unwrap();
        let [org] = orgs.as_slice() else { panic!("{orgs:?}") };
        let [user] = org.users.as_slice() else { panic!("{org:?}") };
        assert_eq!((org.name.as_str(), org.idle_minutes), ("Acme Prod", Some(30)));
        assert_eq!((user.name.as_str(), user.roles.as_slice()), ("etl.robot", [Role::Admin].as_slice()));
    }

    #[test]
    fn what_is_wrong_is_named_and_no_password_is_quoted() {
        let cases = [
            ("[[org]]\nname = \"A\"\npasword = \"hunter2\"", "line 3: unknown field `pasword`"),
            (
                "[[org]]\nname = \"A\"\n[[org.user]]\nname = \"a b\"",
                "user a b: a user name is an e-mail address",
            ),
            (
                "[[org]]\nname = \"A\"\n[[org.user]]\nname = \"ab\"\nroles = [\"Root\"]",
                "user ab: a role is one of",
            ),
            (
                "[[org]]\nname = \"A\"\n[[org.user]]\nname = \"ab\"\npassword = \"hunter2\"\npassword_hash = \"x\"",
                "user ab: give a password or",
            ),
            (
                "[[org]]\nname = \"A\"\n[[org.user]]\nname = \"ab\"\npassword_hash = \"hunter2\"",
                "user ab: not a hash",
            ),
            (
                "[[org]]\nname = \"A\"\nauthentication_type = \"jwt\"\njwt_minutes = 31",
                "org A: jwt_minutes is one of",
            ),
            (
                "[[org]]\nname = \"A\"\n[[org.user]]\nname = \"ab\"\npassword = 20482048",
                "line 5: a secret is a string",
            ),
            ("[[org]]\nname = \"A\"\nid = \"7\"", "org A: an id is 22 characters"),
        ];
        for (text, expected) in cases {
            let message = parse(text).unwrap_err().to_string();
            assert!(message.starts_with(expected), "{message}");
            assert!(!message.contains("hunter2") && !message.contains("20482048"), "{message}");
        }
    }
}
