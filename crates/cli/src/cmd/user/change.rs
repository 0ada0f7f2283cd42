//! `latchkey user change`: other words about a user, other roles, other groups.

use super::{About, nothing_to_do};
use crate::admin::{Admin, AdminArgs, OrgArg, Place, USERS, text};
use crate::error::Failure;
use crate::table;
use clap::Args as Arguments;
use client::Method;
use serde_json::json;

/// Arguments of `user change`.
#[derive(Debug, Arguments)]
pub struct ChangeArgs {
    /// The user, by name or id
    #[arg(value_name = "USER")]
    pub name: String,
    /// What people read about it.
    #[command(flatten)]
    pub about: About,
    /// A role to give it; may be given several times
    #[arg(long, value_name = "ROLE")]
    pub add_role: Vec<String>,
    /// A role to take from it; may be given several times
    #[arg(long, value_name = "ROLE")]
    pub remove_role: Vec<String>,
    /// A group to put it into; may be given several times
    #[arg(long, value_name = "GROUP")]
    pub add_group: Vec<String>,
    /// A group to take it out of; may be given several times
    #[arg(long, value_name = "GROUP")]
    pub remove_group: Vec<String>,
    /// Of which org.
    #[command(flatten)]
    pub of: OrgArg,
    /// Who asks.
    #[command(flatten)]
    pub admin: AdminArgs,
}

/// Changes a user.
pub async fn run(args: &ChangeArgs) -> Result<(), Failure> {
    let fields = args.about.fields();
    let words = [
        ("addRoles", "roles", &args.add_role),
        ("addGroups", "groups", &args.add_group),
        ("removeRoles", "roles", &args.remove_role),
        ("removeGroups", "groups", &args.remove_group),
    ];
    let has_fields = fields.as_object().is_some_and(|fields| !fields.is_empty());
    if !has_fields && words.iter().all(|(_, _, names)| names.is_empty()) {
        return Err(nothing_to_do());
    }
    let admin = Admin::of(&args.admin.account)?;
    let id = text(&admin.named(&USERS, &args.of, &args.name).await?, "id");
    if has_fields {
        admin.send(Method::PATCH, Place::v3(format!("users/{id}")), &fields).await?;
    }
    for (how, field, names) in words.into_iter().filter(|(_, _, names)| !names.is_empty()) {
        admin.send(Method::PUT, Place::v3(format!("users/{id}/{how}")), &json!({ field: names })).await?;
    }
    table::record(args.admin.format, &admin.named(&USERS, &args.of, &id).await?);
    Ok(())
}
