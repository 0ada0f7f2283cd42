//! `latchkey user`: who may sign in, and what they may do.

mod change;
mod import;
mod password;

use super::block_on;
use crate::admin::{Admin, AdminArgs, OrgArg, Place, USERS, object, text};
use crate::consent::{self, Sure};
use crate::error::Failure;
use crate::{print, table};
use change::ChangeArgs;
use clap::{Args as Arguments, Subcommand};
use client::Method;
use import::ImportArgs;
use password::PasswordArgs;
use serde_json::{Value, json};
use std::io;

/// Subcommands of `user`.
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// List the users of an org
    #[command(after_help = "Examples:
  latchkey user list
  latchkey user list --role Admin --org 'Acme East'
  latchkey user list --state Inactive --format json")]
    List(ListArgs),
    /// Show a user
    #[command(after_help = "Example:
  latchkey user show etl.robot")]
    Show(NameArgs),
    /// Add a user
    #[command(after_help = "Examples:
  latchkey user add ada --first-name Ada --last-name Lovelace --email ada@acme.test --role Designer
  latchkey user add etl.robot --first-name Etl --last-name Robot --email ops@acme.test --role Designer \\
    --password-stdin < password.txt

On a terminal the password is asked for; an empty one adds a user who cannot sign in until it is given one.")]
    Add(AddArgs),
    /// Change a user: what is not named stays
    #[command(after_help = "Examples:
  latchkey user change ada --title Countess --add-role Admin
  latchkey user change ada --remove-role Designer --add-group 'Night shift'")]
    Change(ChangeArgs),
    /// Remove a user, and end its sessions
    #[command(after_help = "Example:
  latchkey user remove ada --yes")]
    Remove(SureArgs),
    /// Let a user sign in no more, and end its sessions
    #[command(after_help = "Example:
  latchkey user disable ada --yes")]
    Disable(SureArgs),
    /// Let a user sign in again
    #[command(after_help = "Example:
  latchkey user enable ada")]
    Enable(NameArgs),
    /// Forget a user's failed sign-ins, and lift the lock that came of them
    #[command(after_help = "Example:
  latchkey user unlock ada")]
    Unlock(NameArgs),
    /// Give a user another password, or oneself
    #[command(after_help = "Examples:
  latchkey user password ada
  latchkey user password etl.robot --password-stdin < password.txt
  latchkey user password

Without a user it is one's own: the one in use is asked for too, and is the first line of --password-stdin. Every other
session of the user ends.")]
    Password(PasswordArgs),
    /// Bring in many users out of a file, with the hashes of their passwords
    #[command(after_help = "Examples:
  latchkey user import users.csv --dry-run
  latchkey user import users.jsonl --report refused.csv
  some-program | latchkey user import - --input jsonl --org 'Acme East'

Columns and fields: name, firstName, lastName, email, title, phone, description, timeZoneId, state (Active, Inactive),
authentication (Native, SAML), forcePasswordChange, maxLoginAttempts, passwordHash (Argon2, bcrypt, scrypt, PBKDF2), roles
and groups. In CSV the first line names the columns, and roles and groups have `;` between them. Without a hash a user
cannot sign in by password. A row is told of by its line in the file. Users who are there already and say the same are
left alone, so an import that broke off can be run again. The exit code is 1 when a row was refused.")]
    Import(ImportArgs),
}

/// Arguments of `user list`.
#[derive(Debug, Arguments)]
pub struct ListArgs {
    /// Only users who have this role themselves
    #[arg(long, value_name = "ROLE")]
    pub role: Option<String>,
    /// Only users in this group
    #[arg(long, value_name = "GROUP")]
    pub group: Option<String>,
    /// Only users in this state: Provisioned or Inactive
    #[arg(long, value_name = "STATE")]
    pub state: Option<String>,
    /// Of which org.
    #[command(flatten)]
    pub of: OrgArg,
    /// Who asks.
    #[command(flatten)]
    pub admin: AdminArgs,
}

/// Arguments of commands about one user.
#[derive(Debug, Arguments)]
pub struct NameArgs {
    /// The user, by name or id
    #[arg(value_name = "USER")]
    pub name: String,
    /// Of which org.
    #[command(flatten)]
    pub of: OrgArg,
    /// Who asks.
    #[command(flatten)]
    pub admin: AdminArgs,
}

/// Arguments of commands that take something from a user.
#[derive(Debug, Arguments)]
pub struct SureArgs {
    /// The user, by name or id
    #[arg(value_name = "USER")]
    pub name: String,
    /// Of which org.
    #[command(flatten)]
    pub of: OrgArg,
    /// Whether to ask.
    #[command(flatten)]
    pub sure: Sure,
    /// Who asks.
    #[command(flatten)]
    pub admin: AdminArgs,
}

/// Arguments of `user add`.
#[derive(Debug, Arguments)]
pub struct AddArgs {
    /// What it signs in with
    pub name: String,
    /// What people read about it.
    #[command(flatten)]
    pub about: About,
    /// A role; may be given several times
    #[arg(long, value_name = "ROLE", required_unless_present = "group")]
    pub role: Vec<String>,
    /// A group to be in; may be given several times
    #[arg(long, value_name = "GROUP")]
    pub group: Vec<String>,
    /// It signs in at an identity provider, and has no password here
    #[arg(long)]
    pub saml: bool,
    /// Read the password from stdin
    #[arg(long, conflicts_with = "saml")]
    pub password_stdin: bool,
    /// Of which org.
    #[command(flatten)]
    pub of: OrgArg,
    /// Who asks.
    #[command(flatten)]
    pub admin: AdminArgs,
}

/// What people read about a user, and how it signs in.
#[derive(Debug, Arguments)]
pub struct About {
    /// Given name
    #[arg(long, value_name = "NAME")]
    pub first_name: Option<String>,
    /// Family name
    #[arg(long, value_name = "NAME")]
    pub last_name: Option<String>,
    /// E-mail address
    #[arg(long, value_name = "ADDRESS")]
    pub email: Option<String>,
    /// Job title
    #[arg(long, value_name = "TEXT")]
    pub title: Option<String>,
    /// Telephone number
    #[arg(long, value_name = "NUMBER")]
    pub phone: Option<String>,
    /// Free text
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,
    /// A time zone such as America/Los_Angeles
    #[arg(long, value_name = "ZONE")]
    pub time_zone_id: Option<String>,
    /// Whether it must choose a new password: true or false
    #[arg(long, value_name = "BOOL")]
    pub force_password_change: Option<bool>,
    /// Failures that lock it
    #[arg(long, value_name = "COUNT")]
    pub max_login_attempts: Option<u32>,
}

impl About {
    /// The fields that were named, as the service calls them.
    pub fn fields(&self) -> Value {
        object([
            ("firstName", self.first_name.clone().map(Into::into)),
            ("lastName", self.last_name.clone().map(Into::into)),
            ("email", self.email.clone().map(Into::into)),
            ("title", self.title.clone().map(Into::into)),
            ("phone", self.phone.clone().map(Into::into)),
            ("description", self.description.clone().map(Into::into)),
            ("timeZoneId", self.time_zone_id.clone().map(Into::into)),
            ("forcePasswordChange", self.force_password_change.map(Into::into)),
            ("maxLoginAttempts", self.max_login_attempts.map(Into::into)),
        ])
    }
}

/// Administers users.
pub fn run(command: UserCommand) -> Result<(), Failure> {
    block_on(async {
        match command {
            UserCommand::List(args) => list(&args).await,
            UserCommand::Show(args) => show(&args).await,
            UserCommand::Add(args) => add(&args).await,
            UserCommand::Change(args) => change::run(&args).await,
            UserCommand::Remove(args) => remove(&args).await,
            UserCommand::Disable(args) => disable(&args).await,
            UserCommand::Enable(args) => enable(&args).await,
            UserCommand::Unlock(args) => unlock(&args).await,
            UserCommand::Password(args) => password::run(&args).await,
            UserCommand::Import(args) => import::run(&args).await,
        }
    })
}

async fn list(args: &ListArgs) -> Result<(), Failure> {
    let admin = Admin::of(&args.admin.account)?;
    let mut users = admin.all(&USERS, &args.of).await?;
    let filters = [("roles", "roleName", &args.role), ("groups", "userGroupName", &args.group)];
    for (list, field, wanted) in filters {
        users.retain(|user| wanted.as_ref().is_none_or(|wanted| super::has(user, list, field, wanted)));
    }
    users.retain(|user| {
        args.state.as_ref().is_none_or(|state| text(user, "state").eq_ignore_ascii_case(state))
    });
    let columns = [
        ("NAME", "userName"),
        ("STATE", "state"),
        ("ROLES", "roles.*.roleName"),
        ("GROUPS", "groups.*.userGroupName"),
        ("E-MAIL", "email"),
    ];
    table::list(args.admin.format, &columns, &users);
    Ok(())
}

async fn show(args: &NameArgs) -> Result<(), Failure> {
    let admin = Admin::of(&args.admin.account)?;
    table::record(args.admin.format, &admin.named(&USERS, &args.of, &args.name).await?);
    Ok(())
}

async fn add(args: &AddArgs) -> Result<(), Failure> {
    let admin = Admin::of(&args.admin.account)?;
    let password = match args.saml {
        true => None,
        false => consent::new_password(&args.name, args.password_stdin)?,
    };
    let org = match &args.of.org {
        Some(word) => Some(admin.named_org(word).await?.into()),
        None => None,
    };
    let mut body = args.about.fields();
    let more = object([
        ("name", Some(args.name.clone().into())),
        ("authentication", Some(u32::from(args.saml).into())),
        ("roles", Some(args.role.clone().into())),
        ("groups", Some(args.group.clone().into())),
        ("password", password.map(|password| password.expose().into())),
        ("orgId", org),
    ]);
    if let (Value::Object(body), Value::Object(more)) = (&mut body, more) {
        body.extend(more);
    }
    table::record(args.admin.format, &admin.send(Method::POST, Place::v3("users"), &body).await?);
    Ok(())
}

async fn remove(args: &SureArgs) -> Result<(), Failure> {
    let admin = Admin::of(&args.admin.account)?;
    let user = admin.named(&USERS, &args.of, &args.name).await?;
    let name = table::cell(&user, "userName");
    args.sure.of(&format!("remove the user {name}"))?;
    admin.delete(Place::v3(format!("users/{}", text(&user, "id")))).await?;
    print::note(&format!("removed the user {name}"));
    Ok(())
}

async fn disable(args: &SureArgs) -> Result<(), Failure> {
    let admin = Admin::of(&args.admin.account)?;
    let user = admin.named(&USERS, &args.of, &args.name).await?;
    let name = table::cell(&user, "userName");
    args.sure.of(&format!("disable the user {name}, and end its sessions"))?;
    state(&admin, &user, "Inactive").await?;
    print::note(&format!("disabled the user {name}"));
    Ok(())
}

async fn enable(args: &NameArgs) -> Result<(), Failure> {
    let admin = Admin::of(&args.admin.account)?;
    let user = admin.named(&USERS, &args.of, &args.name).await?;
    state(&admin, &user, "Active").await?;
    print::note(&format!("enabled the user {}", table::cell(&user, "userName")));
    Ok(())
}

async fn state(admin: &Admin, user: &Value, state: &str) -> Result<(), Failure> {
    let place = Place::v3(format!("users/{}", text(user, "id")));
    admin.send(Method::PATCH, place, &json!({"state": state})).await.map(drop)
}

async fn unlock(args: &NameArgs) -> Result<(), Failure> {
    let admin = Admin::of(&args.admin.account)?;
    let user = admin.named(&USERS, &args.of, &args.name).await?;
    admin.delete(Place::own(format!("users/{}/lock", text(&user, "id")))).await?;
    print::note(&format!("unlocked the user {}", table::cell(&user, "userName")));
    Ok(())
}

/// A command that was told to do nothing.
fn nothing_to_do() -> Failure {
    Failure::usage(io::Error::other("nothing is to be different")).hint("`--help` shows what can be")
}
