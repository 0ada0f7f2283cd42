//! `latchkey provider`: the identity providers whose tokens open sessions of an org.

use super::block_on;
use crate::admin::{Admin, AdminArgs, OrgArg, Place, text, unknown};
use crate::consent::Sure;
use crate::error::Failure;
use crate::{print, table};
use clap::{Args as Arguments, Subcommand};
use client::Method;
use serde_json::{Value, json};

/// Subcommands of `provider`.
#[derive(Debug, Subcommand)]
pub enum ProviderCommand {
    /// List the identity providers of an org
    #[command(after_help = "Example:
  latchkey provider list")]
    List(ListArgs),
    /// Show an identity provider
    #[command(after_help = "Example:
  latchkey provider show https://token.actions.example.com")]
    Show(NameArgs),
    /// Trust an identity provider from now on
    #[command(after_help = "Examples:
  latchkey provider add https://id.acme.test --keys https://id.acme.test/keys
  latchkey provider add https://token.actions.example.com --keys https://token.actions.example.com/keys \\
    --token-claim sub --alias 'repo:acme/etl:ref:refs/heads/main=etl.robot'")]
    Add(AddArgs),
    /// Change an identity provider: what is not named stays
    #[command(after_help = "Example:
  latchkey provider change https://id.acme.test --audience latchkey")]
    Change(ChangeArgs),
    /// Trust an identity provider no more; sessions that it opened live on
    #[command(after_help = "Example:
  latchkey provider remove https://id.acme.test --yes")]
    Remove(RemoveArgs),
}

/// Arguments of `provider list`.
#[derive(Debug, Arguments)]
pub struct ListArgs {
    /// Of which org.
    #[command(flatten)]
    pub of: OrgArg,
    /// Who asks.
    #[command(flatten)]
    pub admin: AdminArgs,
}

/// Arguments of `provider show`.
#[derive(Debug, Arguments)]
pub struct NameArgs {
    /// The provider, by issuer or id
    #[arg(value_name = "PROVIDER")]
    pub name: String,
    /// Of which org.
    #[command(flatten)]
    pub of: OrgArg,
    /// Who asks.
    #[command(flatten)]
    pub admin: AdminArgs,
}

/// What is known of a provider.
#[derive(Debug, Arguments)]
pub struct Terms {
    /// The URL of its key set
    #[arg(long, value_name = "URL")]
    pub keys: Option<String>,
    /// What it signs with [default: RS256]
    #[arg(long, value_name = "ALGORITHM")]
    pub signing_algorithm: Option<String>,
    /// The claim that says who it is [default: sub]
    #[arg(long, value_name = "CLAIM")]
    pub token_claim: Option<String>,
    /// What the claim is compared with: aliasName, the user's name, or uid, the user's id [default: aliasName]
    #[arg(long, value_name = "FIELD")]
    pub match_type: Option<String>,
    /// A value of the claim and the user that it means; may be given several times, and nobody else is meant then
    #[arg(long, value_name = "VALUE=USER")]
    pub alias: Vec<String>,
    /// The audience of its tokens [default: the entity id of the org]
    #[arg(long, value_name = "AUDIENCE")]
    pub audience: Option<String>,
}

/// Arguments of `provider add`.
#[derive(Debug, Arguments)]
pub struct AddArgs {
    /// The issuer of its tokens, compared exactly
    pub issuer: String,
    /// What is known of it.
    #[command(flatten)]
    pub terms: Terms,
    /// Of which org.
    #[command(flatten)]
    pub of: OrgArg,
    /// Who asks.
    #[command(flatten)]
    pub admin: AdminArgs,
}

/// Arguments of `provider change`.
#[derive(Debug, Arguments)]
pub struct ChangeArgs {
    /// The provider, by issuer or id
    #[arg(value_name = "PROVIDER")]
    pub name: String,
    /// What is to be different.
    #[command(flatten)]
    pub terms: Terms,
    /// Of which org.
    #[command(flatten)]
    pub of: OrgArg,
    /// Who asks.
    #[command(flatten)]
    pub admin: AdminArgs,
}

/// Arguments of `provider remove`.
#[derive(Debug, Arguments)]
pub struct RemoveArgs {
    /// The provider, by issuer or id
    #[arg(value_name = "PROVIDER")]
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

/// Administers identity providers.
pub fn run(command: ProviderCommand) -> Result<(), Failure> {
    block_on(async {
        match command {
            ProviderCommand::List(args) => list(&args).await,
            ProviderCommand::Show(args) => show(&args).await,
            ProviderCommand::Add(args) => add(&args).await,
            ProviderCommand::Change(args) => change(&args).await,
            ProviderCommand::Remove(args) => remove(&args).await,
        }
    })
}

async fn place(admin: &Admin, of: &OrgArg) -> Result<String, Failure> {
    Ok(format!("Orgs/{}/IdentityProviders", admin.org_id(of).await?))
}

async fn all(admin: &Admin, place: &str) -> Result<Vec<Value>, Failure> {
    match admin.get(Place::v3(place)).await? {
        Value::Array(all) => Ok(all),
        other => Ok(vec![other]),
    }
}

fn issuer(provider: &Value) -> String {
    table::cell(provider, "endPoints.issuer")
}

async fn named(admin: &Admin, place: &str, word: &str) -> Result<Value, Failure> {
    let all = all(admin, place).await?;
    let found = all.into_iter().find(|it| issuer(it) == word || text(it, "id") == word);
    found.ok_or_else(|| unknown("provider", word))
}

/// Puts what was named into what there is.
fn put(provider: &mut Value, terms: &Terms) -> Result<(), Failure> {
    let mut set = |pointer: &str, value: Option<Value>| {
        if let (Some(place), Some(value)) = (provider.pointer_mut(pointer), value) {
            *place = value;
        }
    };
    set("/endPoints/keys", terms.keys.clone().map(Into::into));
    set("/signingAlgorithm", terms.signing_algorithm.clone().map(Into::into));
    set("/accountPolicy/link/tokenClaim", terms.token_claim.clone().map(Into::into));
    set("/accountPolicy/link/matchType", terms.match_type.clone().map(Into::into));
    let aliases = terms.alias.iter().map(|alias| alias_of(alias)).collect::<Result<Vec<_>, _>>()?;
    if !aliases.is_empty()
        && let Some(Value::Object(link)) = provider.pointer_mut("/accountPolicy/link")
    {
        link.insert("aliases".to_owned(), aliases.into());
    }
    if let (Some(audience), Value::Object(fields)) = (&terms.audience, provider) {
        fields.insert("audience".to_owned(), audience.as_str().into());
    }
    Ok(())
}

fn alias_of(text: &str) -> Result<Value, Failure> {
    // A subject may have the sign in it, a user's name may not.
    let (value, user) = text
        .rsplit_once('=')
        .ok_or_else(|| Failure::usage(std::io::Error::other(format!("{text} is not written VALUE=USER"))))?;
    Ok(json!({"value": value, "aliasName": user}))
}

async fn list(args: &ListArgs) -> Result<(), Failure> {
    let admin = Admin::of(&args.admin.account)?;
    let providers = all(&admin, &place(&admin, &args.of).await?).await?;
    let columns = [
        ("ISSUER", "endPoints.issuer"),
        ("ID", "id"),
        ("TYPE", "type"),
        ("ALGORITHM", "signingAlgorithm"),
        ("CLAIM", "accountPolicy.link.tokenClaim"),
    ];
    table::list(args.admin.format, &columns, &providers);
    Ok(())
}

async fn show(args: &NameArgs) -> Result<(), Failure> {
    let admin = Admin::of(&args.admin.account)?;
    let place = place(&admin, &args.of).await?;
    table::record(args.admin.format, &named(&admin, &place, &args.name).await?);
    Ok(())
}

async fn add(args: &AddArgs) -> Result<(), Failure> {
    let admin = Admin::of(&args.admin.account)?;
    let mut provider = json!({
        "type": "OIDC",
        "endPoints": {"issuer": args.issuer, "keys": ""},
        "accountPolicy": {"link": {"tokenClaim": "sub", "matchType": "aliasName"}},
        "signingAlgorithm": "RS256",
    });
    put(&mut provider, &args.terms)?;
    let place = Place::v3(place(&admin, &args.of).await?);
    table::record(args.admin.format, &admin.send(Method::POST, place, &provider).await?);
    Ok(())
}

async fn change(args: &ChangeArgs) -> Result<(), Failure> {
    let admin = Admin::of(&args.admin.account)?;
    let place = place(&admin, &args.of).await?;
    let mut provider = named(&admin, &place, &args.name).await?;
    let id = text(&provider, "id");
    if let Value::Object(fields) = &mut provider {
        fields.remove("id");
        fields.remove("orgId");
    }
    put(&mut provider, &args.terms)?;
    let changed = admin.send(Method::PUT, Place::v3(format!("{place}/{id}")), &provider).await?;
    table::record(args.admin.format, &changed);
    Ok(())
}

async fn remove(args: &RemoveArgs) -> Result<(), Failure> {
    let admin = Admin::of(&args.admin.account)?;
    let place = place(&admin, &args.of).await?;
    let provider = named(&admin, &place, &args.name).await?;
    args.sure.of(&format!("trust {} no more", issuer(&provider)))?;
    admin.delete(Place::v3(format!("{place}/{}", text(&provider, "id")))).await?;
    print::note(&format!("{} is trusted no more", issuer(&provider)));
    Ok(())
}
