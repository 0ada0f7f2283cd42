//! `latchkey role`: what users may be, and what that allows.

use super::block_on;
use crate::admin::{Admin, AdminArgs, OrgArg, Place, ROLES, equals, object, text, unknown};
use crate::consent::Sure;
use crate::error::Failure;
use crate::{print, table};
use clap::{Args as Arguments, Subcommand};
use client::Method;
use serde_json::{Value, json};

/// Subcommands of `role`.
#[derive(Debug, Subcommand)]
pub enum RoleCommand {
    /// List the roles that users of an org may have, with what they allow
    #[command(after_help = "Examples:
  latchkey role list
  latchkey role list --org 'Acme East' --format json")]
    List(ListArgs),
    /// Show a role
    #[command(after_help = "Example:
  latchkey role show Support")]
    Show(NameArgs),
    /// List everything that a role may allow
    #[command(after_help = "Example:
  latchkey role privileges")]
    Privileges(PrivilegesArgs),
    /// Add a role that allows no more than one may oneself
    #[command(after_help = "Example:
  latchkey role add Support --privilege view.admin.log --privilege view.admin.people")]
    Add(AddArgs),
    /// Let a role allow more
    #[command(after_help = "Example:
  latchkey role grant Support view.admin.log")]
    Grant(AllowArgs),
    /// Let a role allow less
    #[command(after_help = "Example:
  latchkey role revoke Support view.admin.log")]
    Revoke(AllowArgs),
    /// Remove a role, from everybody who has it too
    #[command(after_help = "Example:
  latchkey role remove Support --yes")]
    Remove(RemoveArgs),
}

/// Arguments of `role list`.
#[derive(Debug, Arguments)]
pub struct ListArgs {
    /// Of which org.
    #[command(flatten)]
    pub of: OrgArg,
    /// Who asks.
    #[command(flatten)]
    pub admin: AdminArgs,
}

/// Arguments of `role privileges`.
#[derive(Debug, Arguments)]
pub struct PrivilegesArgs {
    /// Who asks.
    #[command(flatten)]
    pub admin: AdminArgs,
}

/// Arguments of `role show`.
#[derive(Debug, Arguments)]
pub struct NameArgs {
    /// The role, by name or id
    #[arg(value_name = "ROLE")]
    pub name: String,
    /// Of which org.
    #[command(flatten)]
    pub of: OrgArg,
    /// Who asks.
    #[command(flatten)]
    pub admin: AdminArgs,
}

/// Arguments of `role add`.
#[derive(Debug, Arguments)]
pub struct AddArgs {
    /// What people call it
    pub name: String,
    /// What it allows; may be given several times
    #[arg(long, value_name = "PRIVILEGE", required = true)]
    pub privilege: Vec<String>,
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

/// Arguments of `role grant` and `role revoke`.
#[derive(Debug, Arguments)]
pub struct AllowArgs {
    /// The role, by name or id
    #[arg(value_name = "ROLE")]
    pub name: String,
    /// What it is to allow, or not to
    #[arg(value_name = "PRIVILEGE", required = true)]
    pub privileges: Vec<String>,
    /// Of which org.
    #[command(flatten)]
    pub of: OrgArg,
    /// Who asks.
    #[command(flatten)]
    pub admin: AdminArgs,
}

/// Arguments of `role remove`.
#[derive(Debug, Arguments)]
pub struct RemoveArgs {
    /// The role, by name or id
    #[arg(value_name = "ROLE")]
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

/// Administers roles.
pub fn run(command: RoleCommand) -> Result<(), Failure> {
    block_on(async {
        match command {
            RoleCommand::List(args) => list(&args).await,
            RoleCommand::Show(args) => show(&args).await,
            RoleCommand::Privileges(args) => privileges(&args).await,
            RoleCommand::Add(args) => add(args).await,
            RoleCommand::Grant(args) => allow(&args, "addPrivileges").await,
            RoleCommand::Revoke(args) => allow(&args, "removePrivileges").await,
            RoleCommand::Remove(args) => remove(&args).await,
        }
    })
}

async fn list(args: &ListArgs) -> Result<(), Failure> {
    let admin = Admin::of(&args.admin.account)?;
    let roles = expanded(&admin, &args.of, None).await?;
    let columns = [
        ("NAME", "roleName"),
        ("BUILT IN", "systemRole"),
        ("PRIVILEGES", "privileges.*.name"),
        ("DESCRIPTION", "description"),
    ];
    table::list(args.admin.format, &columns, &roles);
    Ok(())
}

/// The roles of an org, or the one that is named, with what they allow.
async fn expanded(admin: &Admin, of: &OrgArg, name: Option<&str>) -> Result<Vec<Value>, Failure> {
    let org = match &of.org {
        Some(word) => Some(equals("orgId", &admin.named_org(word).await?)),
        None => None,
    };
    let terms: Vec<_> = org.into_iter().chain(name.map(|name| equals("roleName", name))).collect();
    let terms = terms.join(";");
    let all = [("expand", "privileges"), ("q", terms.as_str())];
    // An empty condition is none at all.
    let parameters = all.get(..if terms.is_empty() { 1 } else { 2 }).unwrap_or_default();
    admin.list(Place::v3("roles"), parameters, None).await
}

async fn show(args: &NameArgs) -> Result<(), Failure> {
    let admin = Admin::of(&args.admin.account)?;
    let found = expanded(&admin, &args.of, Some(&args.name)).await?.into_iter().next();
    table::record(args.admin.format, &found.ok_or_else(|| unknown("role", &args.name))?);
    Ok(())
}

async fn privileges(args: &PrivilegesArgs) -> Result<(), Failure> {
    let admin = Admin::of(&args.admin.account)?;
    let all = admin.list(Place::v3("privileges"), &[], None).await?;
    table::list(args.admin.format, &[("NAME", "name"), ("DESCRIPTION", "description")], &all);
    Ok(())
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
        ("privileges", Some(args.privilege.into())),
        ("orgId", org),
    ]);
    table::record(args.admin.format, &admin.send(Method::POST, Place::v3("roles"), &body).await?);
    Ok(())
}

async fn allow(args: &AllowArgs, how: &str) -> Result<(), Failure> {
    let admin = Admin::of(&args.admin.account)?;
    let role = admin.named(&ROLES, &args.of, &args.name).await?;
    let place = Place::v3(format!("roles/{}/{how}", text(&role, "id")));
    admin.send(Method::PUT, place, &json!({"privileges": args.privileges})).await?;
    let found = expanded(&admin, &args.of, Some(&text(&role, "roleName"))).await?;
    found.iter().for_each(|role| table::record(args.admin.format, role));
    Ok(())
}

async fn remove(args: &RemoveArgs) -> Result<(), Failure> {
    let admin = Admin::of(&args.admin.account)?;
    let role = admin.named(&ROLES, &args.of, &args.name).await?;
    let name = table::cell(&role, "roleName");
    args.sure.of(&format!("remove the role {name}, from everybody who has it too"))?;
    admin.delete(Place::v3(format!("roles/{}", text(&role, "id")))).await?;
    print::note(&format!("removed the role {name}"));
    Ok(())
}
