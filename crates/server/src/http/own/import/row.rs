//! One line of an import, as a user to be brought in.

use domain::import::Row;
use domain::method::hash::NotAHash;
use domain::name::{LONGEST, NotAName};
use domain::user::{Authenticator, Draft, Profile, Status};
use wire::latchkey::NewUser;

/// The longest free text, in characters.
const LONG: usize = 2_000;

/// How many roles or groups one row may name.
const MOST: usize = 1_000;

/// Reads a line; nothing for an empty one. What is wrong is said without quoting a hash.
pub fn parse(line: &[u8]) -> Result<Option<Row>, String> {
    if line.trim_ascii().is_empty() {
        return Ok(None);
    }
    let user: NewUser = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    read(user).map(Some)
}

/// No text is longer than anywhere else.
fn short(user: &NewUser) -> Result<(), String> {
    let texts = [
        ("firstName", &user.first_name, LONGEST),
        ("lastName", &user.last_name, LONGEST),
        ("email", &user.email, LONGEST),
        ("title", &user.title, LONGEST),
        ("phone", &user.phone, LONGEST),
        ("timeZoneId", &user.time_zone_id, LONGEST),
        ("description", &user.description, LONG),
    ];
    match texts.into_iter().find(|(_, text, most)| text.chars().count() > *most) {
        Some((name, _, most)) => Err(format!("the field {name} is longer than {most} characters")),
        None => Ok(()),
    }
}

fn read(user: NewUser) -> Result<Row, String> {
    short(&user)?;
    if user.roles.len() > MOST || user.groups.len() > MOST {
        return Err(format!("a user has at most {MOST} roles and {MOST} groups"));
    }
    if user.max_login_attempts == Some(0) {
        return Err("maxLoginAttempts is at least 1".to_owned());
    }
    let status = match user.state.as_deref() {
        None | Some("Active" | "Provisioned") => Status::Active,
        Some("Inactive") => Status::Disabled,
        Some(_) => return Err("the field state is neither Active nor Inactive".to_owned()),
    };
    let authenticator = match user.authentication.as_deref() {
        None | Some("Native") => Authenticator::Native,
        Some("SAML") => Authenticator::Saml,
        Some(_) => return Err("the field authentication is neither Native nor SAML".to_owned()),
    };
    let password = user.password_hash.map(|hash| hash.expose().parse()).transpose();
    let password = password.map_err(|error: NotAHash| format!("the field passwordHash is {error}"))?;
    if password.is_some() && authenticator == Authenticator::Saml {
        return Err("who signs in at an identity provider has no password here".to_owned());
    }
    let draft = Draft {
        name: user.name.parse().map_err(|error: NotAName| error.to_string())?,
        authenticator,
        password: None,
        profile: Profile {
            first_name: user.first_name,
            last_name: user.last_name,
            title: user.title,
            phone: user.phone,
            email: user.email,
            timezone: user.time_zone_id,
            description: user.description,
            ..Profile::default()
        },
        must_change_password: user.force_password_change,
        max_login_attempts: user.max_login_attempts,
    };
    Ok(Row { draft, password, status, roles: user.roles, groups: user.groups })
}
