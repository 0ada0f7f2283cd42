//! `latchkey logout`: ends sessions, and forgets what is kept for them.

use super::block_on;
use crate::account::{self, Account, AccountArgs};
use crate::error::Failure;
use crate::{explain, print, progress};
use clap::Args as Arguments;
use client::{Cache, Client, Folders, Key};

/// Arguments of `logout`.
#[derive(Debug, Arguments)]
#[command(after_help = "Examples:
  latchkey logout
  latchkey logout --profile prod
  latchkey logout --all-profiles

It ends the session at the login host and forgets session, tokens and a remembered password on this machine.
Tokens that were handed out stay good until they expire.")]
pub struct LogoutArgs {
    /// Whose session it is.
    #[command(flatten)]
    pub account: AccountArgs,
    /// Every account of which something is kept here
    #[arg(long, conflicts_with_all = ["profile", "region", "url", "user"])]
    pub all_profiles: bool,
}

/// Ends sessions.
pub fn run(args: LogoutArgs) -> Result<(), Failure> {
    let authority = args.account.authority()?;
    let (folders, keys) = if args.all_profiles {
        let folders = account::folders()?;
        let keys = Cache::in_folder(folders.sessions()).keys().map_err(explain::cache)?;
        (folders, keys)
    } else {
        let account = Account::choose(&args.account)?;
        let key = account.key();
        (account.choice.folders, vec![key])
    };
    block_on(async {
        let mut done = Ok(());
        for key in &keys {
            // One login host that is down keeps nobody from leaving the others.
            let ended = end(&folders, key, authority.as_deref()).await;
            done = done.and(ended);
        }
        done
    })
}

async fn end(folders: &Folders, key: &Key, authority: Option<&[u8]>) -> Result<(), Failure> {
    let cache = Cache::in_folder(folders.sessions());
    let client = Client::builder(&key.login_url).known_as(&key.user).cache(cache.clone());
    let client = account::believing(client, authority).build().map_err(Failure::usage)?;
    let ended = progress::while_waiting(&format!("leaving {}", key.login_url), client.log_out()).await;
    forget(folders, &cache, key)?;
    let name = format!("{} as {}", key.login_url, key.user);
    match ended {
        Ok(true) => print::note(&format!("signed out of {name}")),
        Ok(false) => print::note(&format!("forgot {name}: there was no session to end")),
        Err(error) => {
            let failure =
                Failure::machine(error).while_doing(format!("the session at {name} was only forgotten here"));
            return Err(failure.hint("it ends by itself after half an hour without use"));
        }
    }
    Ok(())
}

fn forget(folders: &Folders, cache: &Cache, key: &Key) -> Result<(), Failure> {
    cache.lock(key).and_then(|hold| hold.clear()).map_err(explain::cache)?;
    let (shelf, _) = client::shelf(folders.passwords(), account::keep()?.unwrap_or_default());
    let what = "the remembered password was not forgotten";
    shelf.clear(&key.name()).map_err(|error| Failure::machine(error).while_doing(what))
}
