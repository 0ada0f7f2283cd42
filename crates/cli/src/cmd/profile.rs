//! `latchkey profile`: names for login hosts and users. Nothing secret is in them.

use crate::account;
use crate::error::Failure;
use crate::print;
use clap::{Args as Arguments, Subcommand};
use client::{Keep, Plain, Profile, ProfileName, Profiles};
use std::io;
use std::path::PathBuf;

/// Subcommands of `profile`.
#[derive(Debug, Subcommand)]
pub enum ProfileCommand {
    /// List the profiles: name, login host, user and family
    #[command(after_help = "Example:
  latchkey profile list")]
    List,
    /// Add a profile, or put another in its place, without signing in
    #[command(after_help = "Examples:
  latchkey profile add prod --region us -u etl.robot@example.com
  latchkey profile add test --url http://127.0.0.1:8470 -u etl.robot --password-command 'pass show idmc/test'")]
    Add(ProfileAddArgs),
    /// Remove a profile; its session lives on until `latchkey logout`
    #[command(after_help = "Example:
  latchkey profile remove test")]
    Remove {
        /// The profile
        name: ProfileName,
    },
}

/// Arguments of `profile add`.
#[derive(Debug, Arguments)]
pub struct ProfileAddArgs {
    /// The new profile
    pub name: ProfileName,
    /// A region of the vendor's cloud; `latchkey region list` shows them
    #[arg(long, value_name = "REGION", conflicts_with = "url", required_unless_present = "url")]
    pub region: Option<String>,
    /// The login host, when it is no region of the vendor's cloud
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// The name that signs in
    #[arg(short = 'u', long, value_name = "USER")]
    pub user: Option<String>,
    /// The endpoints that take the password: v1, v2 or v3
    #[arg(long, value_name = "FAMILY", default_value = "v3")]
    pub family: client::Family,
    /// A shell command that prints the password
    #[arg(long, value_name = "COMMAND")]
    pub password_command: Option<String>,
    /// How its sessions are kept on disk: sealed with a key in the keyring, or in a file as they are
    #[arg(long, value_name = "keyring|file")]
    pub keep: Option<Keep>,
}

/// Lists, adds or removes profiles.
pub fn run(command: ProfileCommand) -> Result<(), Failure> {
    let path = account::folders()?.profiles();
    let mut profiles = Profiles::read(&path).map_err(Failure::usage)?;
    match command {
        ProfileCommand::List => {
            profiles.profile.iter().for_each(|(name, profile)| print::line(&row(name, profile)))
        }
        ProfileCommand::Add(args) => {
            let profile = Profile {
                region: args.region,
                url: args.url,
                user: args.user,
                family: args.family,
                password_command: args.password_command,
                keep: args.keep,
            };
            profile.login_url(Plain::Loopback).map_err(|error| {
                Failure::usage(error)
                    .hint("`latchkey region list` shows the regions; --url names another login host")
            })?;
            profiles.add(args.name, profile);
            profiles.write(&path).map_err(Failure::machine)?;
        }
        ProfileCommand::Remove { name } => remove(profiles, &name, path)?,
    }
    Ok(())
}

fn remove(mut profiles: Profiles, name: &ProfileName, path: PathBuf) -> Result<(), Failure> {
    match profiles.remove(name) {
        Some(_) => profiles.write(&path).map_err(Failure::machine),
        None => Err(Failure::refused(io::Error::other(format!("there is no profile {name}")))
            .hint("`latchkey profile list` shows them")),
    }
}

fn row(name: &ProfileName, profile: &Profile) -> String {
    let host =
        profile.login_url(Plain::Loopback).map_or_else(|error| error.to_string(), |url| url.to_string());
    let user = profile.user.as_deref().unwrap_or("-");
    let family = format!("{:?}", profile.family).to_ascii_lowercase();
    format!("{name}  {host}  {user}  {family}")
}
