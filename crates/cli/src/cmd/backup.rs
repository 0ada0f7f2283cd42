//! `latchkey backup`: a consistent copy of the store, also while the service runs.

use super::{block_on, configuration, existing_store, refuse_database};
use crate::args::BackupArgs;
use crate::error::Failure;
use crate::print;
use domain::audit::Event;
use domain::store::Health;
use domain::time::Clock;
use server::system::SystemClock;

/// Writes the copy.
pub fn run(args: BackupArgs) -> Result<(), Failure> {
    let config = configuration(&args.place)?;
    refuse_database(&config, "`pg_dump --format=custom` writes a consistent copy while the service runs")?;
    if args.file.exists() {
        let exists = std::io::Error::from(std::io::ErrorKind::AlreadyExists);
        return Err(Failure::refused(exists)
            .while_doing(format!("{} was not overwritten", args.file.display()))
            .hint("name a file that does not exist yet"));
    }
    block_on(async {
        let store = existing_store(&config).await?;
        let noted = store.record(&Event::BackedUp {}.at(SystemClock.now())).await;
        let written = match noted {
            Ok(()) => store.backup(&args.file).await,
            Err(error) => Err(error),
        };
        store.close().await;
        written.map_err(|error| {
            Failure::machine(error)
                .while_doing("the backup was not written")
                .hint("name a file that does not exist yet")
        })
    })?;
    print::note(&format!(
        "{} holds the whole store, with password hashes and signing keys: guard it",
        args.file.display()
    ));
    Ok(())
}
