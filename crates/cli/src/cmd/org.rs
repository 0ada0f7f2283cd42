//! `latchkey org`: the orgs that one administers, one's own and those below it.

use super::block_on;
use crate::admin::{Admin, AdminArgs, OrgArg, Place, object, text};
use crate::consent::Sure;
use crate::error::Failure;
use crate::{print, table};
use clap::{Args as Arguments, Subcommand};
use client::Method;

/// Subcommands of `org`.
#[derive(Debug, Subcommand)]
pub enum OrgCommand {
    /// List one's own org and those below it
    #[command(after_help = "Examples:
  latchkey org list
  latchkey org list --format json")]
    List(ListArgs),
    /// Show an org
    #[command(after_help = "Examples:
  latchkey org show
  latchkey org show 'Acme East'")]
    Show(ShowArgs),
    /// Add an org below one's own
    #[command(after_help = "Examples:
  latchkey org add 'Acme East' --description 'Plants of the east'
  latchkey org add Berlin --parent 'Acme East'")]
    Add(AddArgs),
    /// Change the name, the description or the region of an org
    #[command(after_help = "Example:
  latchkey org change 'Acme East' --name 'Acme Far East'")]
    Change(ChangeArgs),
    /// Remove an org that has none below it; its sessions end at once
    #[command(after_help = "Example:
  latchkey org remove Berlin --yes")]
    Remove(RemoveArgs),
}

/// Arguments of `org list`.
#[derive(Debug, Arguments)]
pub struct ListArgs {
    /// Who asks.
    #[command(flatten)]
    pub admin: AdminArgs,
}

/// Arguments of `org show`.
#[derive(Debug, Arguments)]
pub struct ShowArgs {
    /// The org, by id or name [default: one's own]
    #[arg(value_name = "ORG")]
    pub name: Option<String>,
    /// Who asks.
    #[command(flatten)]
    pub admin: AdminArgs,
}

/// Arguments of `org add`.
#[derive(Debug, Arguments)]
pub struct AddArgs {
    /// What people call it
    pub name: String,
    /// The org above it, by id or name [default: one's own]
    #[arg(long, value_name = "ORG")]
    pub parent: Option<String>,
    /// What there is to say about it.
    #[command(flatten)]
    pub about: About,
    /// Who asks.
    #[command(flatten)]
    pub admin: AdminArgs,
}

/// What there is to say about an org.
#[derive(Debug, Arguments)]
pub struct About {
    /// Free text
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,
    /// The region where its users sign in, of those that the service knows
    #[arg(long, value_name = "REGION")]
    pub org_region: Option<String>,
}

/// Arguments of `org change`.
#[derive(Debug, Arguments)]
pub struct ChangeArgs {
    /// The org, by id or name
    #[arg(value_name = "ORG")]
    pub org: String,
    /// Another name
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// What there is to say about it.
    #[command(flatten)]
    pub about: About,
    /// Who asks.
    #[command(flatten)]
    pub admin: AdminArgs,
}

/// Arguments of `org remove`.
#[derive(Debug, Arguments)]
pub struct RemoveArgs {
    /// The org, by id or name
    #[arg(value_name = "ORG")]
    pub org: String,
    /// Whether to ask.
    #[command(flatten)]
    pub sure: Sure,
    /// Who asks.
    #[command(flatten)]
    pub admin: AdminArgs,
}

/// Administers orgs.
pub fn run(command: OrgCommand) -> Result<(), Failure> {
    block_on(async {
        match command {
            OrgCommand::List(args) => list(&args).await,
            OrgCommand::Show(args) => show(args).await,
            OrgCommand::Add(args) => add(args).await,
            OrgCommand::Change(args) => change(args).await,
            OrgCommand::Remove(args) => remove(&args).await,
        }
    })
}

async fn list(args: &ListArgs) -> Result<(), Failure> {
    let admin = Admin::of(&args.admin.account)?;
    let orgs = admin.list(Place::own("orgs"), &[], Some("orgs")).await?;
    let columns = [
        ("NAME", "name"),
        ("ID", "id"),
        ("PARENT", "parentId"),
        ("REGION", "region"),
        ("DESCRIPTION", "description"),
    ];
    table::list(args.admin.format, &columns, &orgs);
    Ok(())
}

async fn show(args: ShowArgs) -> Result<(), Failure> {
    let admin = Admin::of(&args.admin.account)?;
    let id = admin.org_id(&OrgArg { org: args.name }).await?;
    table::record(args.admin.format, &admin.get(Place::own(format!("orgs/{id}"))).await?);
    Ok(())
}

async fn add(args: AddArgs) -> Result<(), Failure> {
    let admin = Admin::of(&args.admin.account)?;
    let parent = match args.parent {
        Some(word) => Some(admin.named_org(&word).await?.into()),
        None => None,
    };
    let body = object([
        ("name", Some(args.name.into())),
        ("parentId", parent),
        ("description", args.about.description.map(Into::into)),
        ("region", args.about.org_region.map(Into::into)),
    ]);
    table::record(args.admin.format, &admin.send(Method::POST, Place::own("orgs"), &body).await?);
    Ok(())
}

async fn change(args: ChangeArgs) -> Result<(), Failure> {
    let admin = Admin::of(&args.admin.account)?;
    let id = admin.named_org(&args.org).await?;
    let body = object([
        ("name", args.name.map(Into::into)),
        ("description", args.about.description.map(Into::into)),
        ("region", args.about.org_region.map(Into::into)),
    ]);
    let changed = admin.send(Method::PATCH, Place::own(format!("orgs/{id}")), &body).await?;
    table::record(args.admin.format, &changed);
    Ok(())
}

async fn remove(args: &RemoveArgs) -> Result<(), Failure> {
    let admin = Admin::of(&args.admin.account)?;
    let org = admin.get(Place::own(format!("orgs/{}", admin.named_org(&args.org).await?))).await?;
    args.sure.of(&format!("remove the org {} with its users", table::cell(&org, "name")))?;
    admin.delete(Place::own(format!("orgs/{}", text(&org, "id")))).await?;
    print::note(&format!("removed the org {}", table::cell(&org, "name")));
    Ok(())
}
