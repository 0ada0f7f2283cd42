//! `latchkey config`: checks or shows the configuration.

use super::configuration;
use crate::args::{ConfigCommand, DataArgs};
use crate::error::Failure;
use crate::print;
use server::config::Config;

/// Checks or shows the configuration.
pub fn run(command: ConfigCommand) -> Result<(), Failure> {
    match command {
        ConfigCommand::Example => {
            print::line(Config::example().trim_end());
            Ok(())
        }
        ConfigCommand::Check(place) => check(&place),
    }
}

fn check(place: &DataArgs) -> Result<(), Failure> {
    let config = configuration(place)?;
    config
        .check()
        .map_err(|problems| Failure::refused(problems).while_doing("the configuration cannot work"))?;
    print::line(config.effective().map_err(Failure::machine)?.trim_end());
    Ok(())
}
