//! `latchkey plan`: what would change if files were applied. It changes nothing.

use super::block_on;
use crate::admin::{Admin, AdminArgs};
use crate::declared::actual::{self, FEW, Want};
use crate::declared::change::{Act, Plan, Wish};
use crate::declared::{Kind, Path, State, file};
use crate::error::Failure;
use crate::print;
use crate::table::Format;
use clap::Args as Arguments;
use serde_json::json;
use std::io;
use std::path::PathBuf;

/// Arguments of `plan`.
#[derive(Debug, Arguments)]
#[command(after_help = "Examples:
  latchkey plan acme.toml
  latchkey plan orgs.toml robots.toml --prune --format json

The org without a path is that of whoever signs in; others are called by the names that lead to them. A kind of record
that the files do not name for an org is left alone; `role = []` says that there is none. Nothing is written.")]
pub struct PlanArgs {
    /// The files, and what goes.
    #[command(flatten)]
    pub files: FilesArgs,
    /// Who asks.
    #[command(flatten)]
    pub admin: AdminArgs,
}

/// Files that together say what there is to be.
#[derive(Debug, Arguments)]
pub struct FilesArgs {
    /// Files in TOML, as `latchkey export` writes them
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// Remove what the files do not name, but no user, and no org that has users
    #[arg(long)]
    pub prune: bool,
    /// Remove this user; may be given several times
    #[arg(long, value_name = "NAME")]
    pub delete_user: Vec<String>,
}

/// Shows what would change.
pub fn run(args: &PlanArgs) -> Result<(), Failure> {
    block_on(async {
        let admin = Admin::of(&args.admin.account)?;
        let (plan, ..) = survey(&admin, &args.files).await?;
        show(&plan, args.admin.format);
        Ok(())
    })
}

/// What would change, and what there is.
pub async fn survey(admin: &Admin, args: &FilesArgs) -> Result<(Plan, State, State), Failure> {
    let declared = file::read(&args.files)?;
    let actual = actual::read(admin, |path| want(&declared, path, &args.delete_user)).await?;
    let wish = Wish { prune: args.prune, delete_users: args.delete_user.clone() };
    let plan = Plan::between(&declared, &actual, &wish);
    if plan.problems.is_empty() {
        return Ok((plan, actual, declared));
    }
    let what = io::Error::other(plan.problems.join("\n  and: "));
    Err(Failure::usage(what).while_doing("the files cannot be applied"))
}

/// What must be read of an org: what the files name, and what that may refer to.
fn want(declared: &State, path: &Path, deleted: &[String]) -> Want {
    let org = declared.get(path);
    let policy = org.is_some_and(|org| org.policy.is_some());
    // An org that is not in the files may go, and its users with it.
    let mut want = Want { policy, peopled: org.is_none(), ..Want::default() };
    want.kinds = org.into_iter().flat_map(|org| org.records.keys().copied()).collect();
    if !want.kinds.is_empty() {
        want.kinds.extend([Kind::Role, Kind::Group]);
    }
    let mut names: Vec<_> = deleted.to_vec();
    let users = org.and_then(|org| org.records.get(&Kind::User)).into_iter().flatten();
    names.extend(users.map(|(_, user)| user.name.clone()));
    if !names.is_empty() {
        want.kinds.insert(Kind::User);
    }
    want.users = (names.len() <= FEW).then_some(names);
    want
}

/// Prints a plan.
pub fn show(plan: &Plan, format: Format) {
    if format == Format::Json {
        let changes: Vec<_> = plan.changes.iter().map(|change| change.json()).collect();
        return print::line(&json!({"changes": changes}).to_string());
    }
    plan.changes.iter().for_each(|change| change.show());
    let count = |act| plan.to_make().filter(|change| change.act == act).count();
    let (added, changed, removed) = (count(Act::Add), count(Act::Change), count(Act::Remove));
    print::line(&match added + changed + removed {
        0 => "nothing to do".to_owned(),
        _ => format!("{added} to add, {changed} to change, {removed} to remove"),
    });
}
