//! `latchkey restore`: puts a backup in the place of the store.

use super::{block_on, configuration, refuse_database};
use crate::args::RestoreArgs;
use crate::error::Failure;
use crate::print;
use domain::time::Clock;
use server::folder;
use server::system::SystemClock;

/// Reads the backup into the data folder.
pub fn run(args: RestoreArgs) -> Result<(), Failure> {
    let config = configuration(&args.place)?;
    refuse_database(&config, "`pg_restore` brings a copy back into an empty database")?;
    let _hold =
        folder::hold(&config.data).map_err(|error| Failure::refused(error).hint("stop the service first"))?;
    block_on(async {
        let restored =
            store::restore::from_backup(&args.file, &config.data, SystemClock.now(), args.end_sessions).await;
        restored.map_err(|error| {
            Failure::refused(error).while_doing(format!("{} was not restored", args.file.display()))
        })
    })?;
    print::note(&format!("{} holds what {} held", config.data.display(), args.file.display()));
    Ok(())
}
