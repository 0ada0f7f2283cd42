//! `latchkey backup`: a consistent copy of the store, also while the service runs.

use super::{block_on, configuration, existing_store};
use crate::args::BackupArgs;
use crate::error::Failure;
use crate::print;
use domain::store::Health;

/// Writes the copy.
pub fn run(args: BackupArgs) -> Result<(), Failure> {
    let config = configuration(&args.place)?;
    if args.file.exists() {
        let exists = std::io::Error::from(std::io::ErrorKind::AlreadyExists);
        return Err(Failure::refused(exists)
            .while_doing(format!("{} was not overwritten", args.file.display()))
            .hint("name a file that does not exist yet"));
    }
    block_on(async {
        let store = existing_store(&config).await?;
        let written = store.backup(&args.file).await;
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
