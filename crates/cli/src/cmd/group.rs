//! `latchkey group`: users who have the same roles.

use super::block_on;
use crate::admin::{Admin, AdminArgs, GROUPS, OrgArg, Place, USERS, object, text};
use crate::consent::Sure;
use crate::error::Failure;
use crate::{print, table};
use clap::{Args as Arguments, Subcommand};
use client::Method;
use serde_json::{Value, json};
use std::io;

/// As many members of a group are shown as the service tells of.
const SHOWN: usize = 1_000;

/// Subcommands of `group`.
#[derive(Debug, Subcommand)]
pub enum GroupCommand {
    /// List the groups of an org
    #[command(after_help = "Examples:
  latchkey group list
  latchkey group list --role Support --format json")]
    List(ListArgs),
    /// Show a group with its first thousand members
    #[command(after_help = "Example:
  latchkey group show 'Night shift'")]
    Show(NameArgs),
    /// Add a group
    #[command(after_help = "Example:
  latchkey group add 'Night shift' --role Support --member ada --member bob")]
    Add(AddArgs),
    /// Change a group: what is not named stays
    #[command(after_help = "Examples:
  latchkey group change 'Night shift' --role Support --role Designer
  latchkey group change 'Night shift' --name 'Late shift' --add-member cleo --remove-member bob")]
    Change(ChangeArgs),
    /// Remove a group; its members lose what they were by it
    #[command(after_help = "Example:
  latchkey group remove 'Night shift' --yes")]
    Remove(RemoveArgs),
}

/// Arguments of `group list`.
#[derive(Debug, Arguments)]
pub struct ListArgs {
    /// Only groups that have this role
    #[arg(long, value_name = "ROLE")]
    pub role: Option<String>,
    /// Of which org.
    #[command(flatten)]
    pub of: OrgArg,
    /// Who asks.
    #[command(flatten)]
    pub admin: AdminArgs,
}

/// Arguments of `group show`.
#[derive(Debug, Arguments)]
pub struct NameArgs {
    /// The group, by name or id
    #[arg(value_name = "GROUP")]
    pub name: String,
    /// Of which org.
    #[command(flatten)]
    pub of: OrgArg,
    /// Who asks.
    #[command(flatten)]
    pub admin: AdminArgs,
}

/// Arguments of `group add`.
#[derive(Debug, Arguments)]
pub struct AddArgs {
    /// What people call it
    pub name: String,
    /// A role of its members; may be given several times
    #[arg(long, value_name = "ROLE", required = true)]
    pub role: Vec<String>,
    /// A user in it; may be given several times
    #[arg(long, value_name = "USER")]
    pub member: Vec<String>,
    /// Free text
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,
    /// Of which org.
    #[command(flatten)]
    pub of: OrgArg,
    /// Who asks.
    #[command(flatten)]
    pub admin: AdminArgs,
}

/// Arguments of `group change`.
#[derive(Debug, Arguments)]
pub struct ChangeArgs {
    /// The group, by name or id
    #[arg(value_name = "GROUP")]
    pub group: String,
    /// Another name
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Another text
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,
    /// The roles of its members, in place of those it has; may be given several times
    #[arg(long, value_name = "ROLE")]
    pub role: Vec<String>,
    /// A user to put into it; may be given several times
    #[arg(long, value_name = "USER")]
    pub add_member: Vec<String>,
    /// A user to take out of it; may be given several times
    #[arg(long, value_name = "USER")]
    pub remove_member: Vec<String>,
    /// Of which org.
    #[command(flatten)]
    pub of: OrgArg,
    /// Who asks.
    #[command(flatten)]
    pub admin: AdminArgs,
}

/// Arguments of `group remove`.
#[derive(Debug, Arguments)]
pub struct RemoveArgs {
    /// The group, by name or id
    #[arg(value_name = "GROUP")]
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

/// Administers groups.
pub fn run(command: GroupCommand) -> Result<(), Failure> {
    block_on(async {
        match command {
            GroupCommand::List(args) => list(&args).await,
            GroupCommand::Show(args) => show(&args).await,
            GroupCommand::Add(args) => add(args).await,
            GroupCommand::Change(args) => change(args).await,
            GroupCommand::Remove(args) => remove(&args).await,
        }
    })
}

async fn list(args: &ListArgs) -> Result<(), Failure> {
    let admin = Admin::of(&args.admin.account)?;
    let mut groups = admin.all(&GROUPS, &args.of).await?;
    if let Some(role) = &args.role {
        groups.retain(|group| super::has(group, "roles", "roleName", role));
    }
    let columns = [
        ("NAME", "userGroupName"),
        ("ID", "id"),
        ("ROLES", "roles.*.roleName"),
        ("DESCRIPTION", "description"),
    ];
    table::list(args.admin.format, &columns, &groups);
    Ok(())
}

async fn show(args: &NameArgs) -> Result<(), Failure> {
    let admin = Admin::of(&args.admin.account)?;
    table::record(args.admin.format, &admin.named(&GROUPS, &args.of, &args.name).await?);
    Ok(())
}

async fn ids(admin: &Admin, of: &OrgArg, names: &[String]) -> Result<Vec<String>, Failure> {
    let mut ids = Vec::new();
    for name in names {
        ids.push(text(&admin.named(&USERS, of, name).await?, "id"));
    }
    Ok(ids)
}

async fn add(args: AddArgs) -> Result<(), Failure> {
    let admin = Admin::of(&args.admin.account)?;
    let org = match &args.of.org {
        Some(word) => Some(admin.named_org(word).await?.into()),
        None => None,
    };
    let body = object([
        ("name", Some(args.name.into())),
        ("description", args.description.map(Into::into)),
        ("roles", Some(args.role.into())),
        ("users", Some(ids(&admin, &args.of, &args.member).await?.into())),
        ("orgId", org),
    ]);
    table::record(args.admin.format, &admin.send(Method::POST, Place::v3("userGroups"), &body).await?);
    Ok(())
}

async fn change(args: ChangeArgs) -> Result<(), Failure> {
    let admin = Admin::of(&args.admin.account)?;
    let group = admin.named(&GROUPS, &args.of, &args.group).await?;
    let fields = args.name.is_some() || args.description.is_some() || !args.role.is_empty();
    if fields {
        let roles = if args.role.is_empty() { words(&group, "roles") } else { args.role.clone() };
        let body = json!({
            "name": args.name.clone().unwrap_or_else(|| text(&group, "userGroupName")),
            "description": args.description.clone().unwrap_or_else(|| text(&group, "description")),
            "roles": roles,
            "users": all_members(&group)?,
        });
        let place = Place::v3(format!("userGroups/{}", text(&group, "id")));
        admin.send(Method::PUT, place, &body).await?;
    }
    let groups = json!({"groups": [text(&group, "id")]});
    for (names, how) in [(&args.add_member, "addGroups"), (&args.remove_member, "removeGroups")] {
        for id in ids(&admin, &args.of, names).await? {
            admin.send(Method::PUT, Place::v3(format!("users/{id}/{how}")), &groups).await?;
        }
    }
    let changed = admin.named(&GROUPS, &args.of, &text(&group, "id")).await?;
    table::record(args.admin.format, &changed);
    Ok(())
}

/// The ids in a list of a record.
fn words(record: &Value, name: &str) -> Vec<String> {
    let items = record.get(name).and_then(Value::as_array).into_iter().flatten();
    items.map(|item| text(item, "id")).collect()
}

/// The members of a group that is about to be put in its own place: nobody may be forgotten by it.
pub fn all_members(group: &Value) -> Result<Vec<String>, Failure> {
    let members = words(group, "users");
    if members.len() < SHOWN {
        return Ok(members);
    }
    let what = format!("the group {} has {SHOWN} members or more", table::cell(group, "userGroupName"));
    let hint = "add another group, and move its members there with `latchkey user change --add-group`";
    Err(Failure::refused(io::Error::other(what)).while_doing("its members cannot all be kept").hint(hint))
}

async fn remove(args: &RemoveArgs) -> Result<(), Failure> {
    let admin = Admin::of(&args.admin.account)?;
    let group = admin.named(&GROUPS, &args.of, &args.name).await?;
    let name = table::cell(&group, "userGroupName");
    args.sure.of(&format!("remove the group {name}"))?;
    admin.delete(Place::v3(format!("userGroups/{}", text(&group, "id")))).await?;
    print::note(&format!("removed the group {name}"));
    Ok(())
}
