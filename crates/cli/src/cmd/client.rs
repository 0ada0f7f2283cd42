//! `latchkey client`: the OAuth clients of an org, and their secrets.

use super::block_on;
use crate::admin::{Admin, AdminArgs, OrgArg, Place, object, text, unknown};
use crate::consent::Sure;
use crate::error::Failure;
use crate::{print, table};
use clap::{Args as Arguments, Subcommand};
use client::Method;
use serde_json::{Value, json};

/// Subcommands of `client`.
#[derive(Debug, Subcommand)]
pub enum ClientCommand {
    /// List the OAuth clients of an org
    #[command(after_help = "Example:
  latchkey client list --format json")]
    List(ListArgs),
    /// Show an OAuth client; never its secrets
    #[command(after_help = "Example:
  latchkey client show nightly")]
    Show(NameArgs),
    /// Add an OAuth client, and print its id and its secret, which nothing shows again
    #[command(after_help = "Examples:
  latchkey client add nightly --role Designer --token-minutes 30
  latchkey client add nightly --role Designer --format json > client.json")]
    Add(AddArgs),
    /// Change an OAuth client: what is not named stays
    #[command(after_help = "Examples:
  latchkey client change nightly --token-minutes 60
  latchkey client change nightly --disabled true")]
    Change(ChangeArgs),
    /// Remove an OAuth client: it gets no more tokens
    #[command(after_help = "Example:
  latchkey client remove nightly --yes")]
    Remove(RemoveArgs),
    /// Add a second secret, so that the first can be replaced without a gap
    #[command(after_help = "Example:
  latchkey client add-secret nightly")]
    AddSecret(NameArgs),
    /// Remove a secret by its id, which `latchkey client show` tells
    #[command(after_help = "Example:
  latchkey client remove-secret nightly 2Vw9fJkLmNoPqRsTuVwXyZ --yes")]
    RemoveSecret(RemoveSecretArgs),
}

/// Arguments of `client list`.
#[derive(Debug, Arguments)]
pub struct ListArgs {
    /// Of which org.
    #[command(flatten)]
    pub of: OrgArg,
    /// Who asks.
    #[command(flatten)]
    pub admin: AdminArgs,
}

/// Arguments of commands about one client.
#[derive(Debug, Arguments)]
pub struct NameArgs {
    /// The client, by name or id
    #[arg(value_name = "CLIENT")]
    pub name: String,
    /// Of which org.
    #[command(flatten)]
    pub of: OrgArg,
    /// Who asks.
    #[command(flatten)]
    pub admin: AdminArgs,
}

/// Arguments of `client add`.
#[derive(Debug, Arguments)]
pub struct AddArgs {
    /// What people call it
    pub name: String,
    /// A role; may be given several times
    #[arg(long, value_name = "ROLE", required = true)]
    pub role: Vec<String>,
    /// How long its tokens are good for
    #[arg(long, value_name = "MINUTES", default_value_t = 30)]
    pub token_minutes: u32,
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

/// Arguments of `client change`.
#[derive(Debug, Arguments)]
pub struct ChangeArgs {
    /// The client, by name or id
    #[arg(value_name = "CLIENT")]
    pub client: String,
    /// Another name
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Its roles, in place of those it has; may be given several times
    #[arg(long, value_name = "ROLE")]
    pub role: Vec<String>,
    /// How long its tokens are good for
    #[arg(long, value_name = "MINUTES")]
    pub token_minutes: Option<u32>,
    /// Whether it gets no tokens, and those that it has are refused: true or false
    #[arg(long, value_name = "BOOL")]
    pub disabled: Option<bool>,
    /// Another text
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,
    /// Of which org.
    #[command(flatten)]
    pub of: OrgArg,
    /// Who asks.
    #[command(flatten)]
    pub admin: AdminArgs,
}

/// Arguments of `client remove`.
#[derive(Debug, Arguments)]
pub struct RemoveArgs {
    /// The client, by name or id
    #[arg(value_name = "CLIENT")]
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

/// Arguments of `client remove-secret`.
#[derive(Debug, Arguments)]
pub struct RemoveSecretArgs {
    /// The client, by name or id
    #[arg(value_name = "CLIENT")]
    pub name: String,
    /// The id of the secret
    #[arg(value_name = "SECRET-ID")]
    pub secret: String,
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

/// Administers OAuth clients.
pub fn run(command: ClientCommand) -> Result<(), Failure> {
    block_on(async {
        match command {
            ClientCommand::List(args) => list(&args).await,
            ClientCommand::Show(args) => show(&args).await,
            ClientCommand::Add(args) => add(args).await,
            ClientCommand::Change(args) => change(args).await,
            ClientCommand::Remove(args) => remove(&args).await,
            ClientCommand::AddSecret(args) => add_secret(&args).await,
            ClientCommand::RemoveSecret(args) => remove_secret(&args).await,
        }
    })
}

async fn all(admin: &Admin, of: &OrgArg) -> Result<Vec<Value>, Failure> {
    let org = admin.org_id(of).await?;
    let answer = admin.get(Place::own(format!("orgs/{org}/clients"))).await?;
    Ok(answer.get("clients").and_then(Value::as_array).cloned().unwrap_or_default())
}

async fn named(admin: &Admin, of: &OrgArg, word: &str) -> Result<Value, Failure> {
    let clients = all(admin, of).await?;
    let found = clients.into_iter().find(|it| text(it, "name") == word || text(it, "id") == word);
    found.ok_or_else(|| unknown("client", word))
}

async fn list(args: &ListArgs) -> Result<(), Failure> {
    let admin = Admin::of(&args.admin.account)?;
    let clients = all(&admin, &args.of).await?;
    let columns = [
        ("NAME", "name"),
        ("ID", "id"),
        ("TOKEN MINUTES", "tokenMinutes"),
        ("DISABLED", "disabled"),
        ("SECRETS", "secrets.*.id"),
        ("DESCRIPTION", "description"),
    ];
    table::list(args.admin.format, &columns, &clients);
    Ok(())
}

async fn show(args: &NameArgs) -> Result<(), Failure> {
    let admin = Admin::of(&args.admin.account)?;
    table::record(args.admin.format, &named(&admin, &args.of, &args.name).await?);
    Ok(())
}

async fn add(args: AddArgs) -> Result<(), Failure> {
    let admin = Admin::of(&args.admin.account)?;
    let body = object([
        ("name", Some(args.name.into())),
        ("description", args.description.map(Into::into)),
        ("roles", Some(args.role.into())),
        ("tokenMinutes", Some(args.token_minutes.into())),
    ]);
    let place = Place::own(format!("orgs/{}/clients", admin.org_id(&args.of).await?));
    table::record(args.admin.format, &admin.send(Method::POST, place, &body).await?);
    print::note("keep the secret: nothing shows it again");
    Ok(())
}

async fn change(args: ChangeArgs) -> Result<(), Failure> {
    let admin = Admin::of(&args.admin.account)?;
    let id = text(&named(&admin, &args.of, &args.client).await?, "id");
    let body = object([
        ("name", args.name.map(Into::into)),
        ("description", args.description.map(Into::into)),
        ("roles", Some(args.role).filter(|roles| !roles.is_empty()).map(Into::into)),
        ("tokenMinutes", args.token_minutes.map(Into::into)),
        ("disabled", args.disabled.map(Into::into)),
    ]);
    let changed = admin.send(Method::PATCH, Place::own(format!("clients/{id}")), &body).await?;
    table::record(args.admin.format, &changed);
    Ok(())
}

async fn remove(args: &RemoveArgs) -> Result<(), Failure> {
    let admin = Admin::of(&args.admin.account)?;
    let client = named(&admin, &args.of, &args.name).await?;
    let name = table::cell(&client, "name");
    args.sure.of(&format!("remove the client {name}"))?;
    admin.delete(Place::own(format!("clients/{}", text(&client, "id")))).await?;
    print::note(&format!("removed the client {name}"));
    Ok(())
}

async fn add_secret(args: &NameArgs) -> Result<(), Failure> {
    let admin = Admin::of(&args.admin.account)?;
    let id = text(&named(&admin, &args.of, &args.name).await?, "id");
    let secret = admin.send(Method::POST, Place::own(format!("clients/{id}/secrets")), &json!({})).await?;
    table::record(args.admin.format, &secret);
    print::note("keep the secret: nothing shows it again");
    Ok(())
}

async fn remove_secret(args: &RemoveSecretArgs) -> Result<(), Failure> {
    let admin = Admin::of(&args.admin.account)?;
    let client = named(&admin, &args.of, &args.name).await?;
    let name = table::cell(&client, "name");
    args.sure.of(&format!("remove the secret {} of the client {name}", table::tame(&args.secret)))?;
    let place = format!("clients/{}/secrets/{}", text(&client, "id"), args.secret);
    admin.delete(Place::own(place)).await?;
    print::note(&format!("removed a secret of the client {name}"));
    Ok(())
}
