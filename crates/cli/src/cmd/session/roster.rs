//! `latchkey session list` and `end`: who is signed in, from where, and how that ends.

use crate::account::AccountArgs;
use crate::admin::{Admin, AdminArgs, OrgArg, Place, USERS, text};
use crate::cmd::block_on;
use crate::consent::Sure;
use crate::error::Failure;
use crate::{print, table};
use clap::Args as Arguments;

/// Arguments of `session list`.
#[derive(Debug, Arguments)]
pub struct ListArgs {
    /// Those of everybody in one's own org
    #[arg(long, conflicts_with = "org")]
    pub all: bool,
    /// Only those of the user with this name
    #[arg(long, value_name = "USER")]
    pub login: Option<String>,
    /// Those of everybody in this org, by id or name
    #[arg(long, value_name = "ORG")]
    pub org: Option<String>,
    /// Who asks.
    #[command(flatten)]
    pub admin: AdminArgs,
}

/// Arguments of `session end`.
#[derive(Debug, Arguments)]
pub struct EndArgs {
    /// What `latchkey session list` calls it
    #[arg(value_name = "HANDLE", required_unless_present_any = ["login", "org"], conflicts_with_all = ["login", "org"])]
    pub handles: Vec<String>,
    /// Every session of this user, by name or id
    #[arg(long, value_name = "USER")]
    pub login: Option<String>,
    /// Every session of this org, by id or name; with a user, that user of it
    #[arg(long, value_name = "ORG")]
    pub org: Option<String>,
    /// Whether to ask.
    #[command(flatten)]
    pub sure: Sure,
    /// Who asks.
    #[command(flatten)]
    pub account: AccountArgs,
}

/// Lists sessions.
pub fn list(args: &ListArgs) -> Result<(), Failure> {
    block_on(async {
        let admin = Admin::of(&args.admin.account)?;
        let place = match &args.org {
            Some(word) => format!("orgs/{}/sessions", admin.named_org(word).await?),
            None if args.all || args.login.is_some() => format!("orgs/{}/sessions", admin.own_org().await?),
            None => "sessions".to_owned(),
        };
        let mut sessions = admin.list(Place::own(place), &[], Some("sessions")).await?;
        sessions.retain(|it| args.login.as_ref().is_none_or(|name| text(it, "userName") == *name));
        let columns = [
            ("HANDLE", "handle"),
            ("USER", "userName"),
            ("DEVICE", "device"),
            ("ADDRESS", "address"),
            ("LAST USED", "lastUsedAt"),
            ("CURRENT", "current"),
        ];
        table::list(args.admin.format, &columns, &sessions);
        Ok(())
    })
}

/// Ends sessions.
pub fn end(args: &EndArgs) -> Result<(), Failure> {
    block_on(async {
        let admin = Admin::of(&args.account)?;
        if let Some(name) = &args.login {
            let user = admin.named(&USERS, &OrgArg { org: args.org.clone() }, name).await?;
            let name = table::cell(&user, "userName");
            args.sure.of(&format!("end every session of {name}"))?;
            admin.delete(Place::own(format!("users/{}/sessions", text(&user, "id")))).await?;
            print::note(&format!("ended every session of {name}"));
        } else if let Some(word) = &args.org {
            let org = admin.named_org(word).await?;
            args.sure.of(&format!("end every session of the org {}", table::tame(word)))?;
            admin.delete(Place::own(format!("orgs/{org}/sessions"))).await?;
            print::note(&format!("ended every session of the org {}", table::tame(word)));
        }
        for handle in &args.handles {
            admin.delete(Place::own(format!("sessions/{handle}"))).await?;
            print::note(&format!("ended the session {}", table::tame(handle)));
        }
        Ok(())
    })
}
