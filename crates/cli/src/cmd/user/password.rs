//! `latchkey user password`: another password, for somebody else or for oneself.

use crate::account::AccountArgs;
use crate::admin::{Admin, OrgArg, Place, USERS, text};
use crate::consent;
use crate::error::Failure;
use crate::{print, table};
use clap::Args as Arguments;
use client::Method;
use serde_json::json;
use std::io;

/// Arguments of `user password`.
#[derive(Debug, Arguments)]
pub struct PasswordArgs {
    /// The user, by name or id [default: oneself]
    #[arg(value_name = "USER")]
    pub name: Option<String>,
    /// Read the password from stdin
    #[arg(long)]
    pub password_stdin: bool,
    /// Of which org.
    #[command(flatten)]
    pub of: OrgArg,
    /// Who asks.
    #[command(flatten)]
    pub account: AccountArgs,
}

/// Gives another password.
pub async fn run(args: &PasswordArgs) -> Result<(), Failure> {
    let admin = Admin::of(&args.account)?;
    let (body, whose) = match &args.name {
        Some(name) => {
            let user = admin.named(&USERS, &args.of, name).await?;
            let new = new(&table::cell(&user, "userName"), args)?;
            (
                json!({"userId": text(&user, "id"), "newPassword": new.expose()}),
                table::cell(&user, "userName"),
            )
        }
        None => {
            let old = consent::password_in_use(args.password_stdin)?;
            let new = new("yourself", args)?;
            (json!({"oldPassword": old.expose(), "newPassword": new.expose()}), "yourself".to_owned())
        }
    };
    admin.send(Method::POST, Place::v3("users/ChangePassword"), &body).await?;
    print::note(&format!("gave {whose} another password"));
    Ok(())
}

fn new(whose: &str, args: &PasswordArgs) -> Result<client::Secret, Failure> {
    consent::new_password(whose, args.password_stdin)?.ok_or_else(|| {
        let nobody = io::Error::other("there is nobody to type a password");
        Failure::usage(nobody).hint("pipe it, with --password-stdin")
    })
}
