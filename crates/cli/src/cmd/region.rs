//! `latchkey region`: the vendor's login hosts and the pods behind them.

use crate::error::Failure;
use crate::print;
use clap::Subcommand;
use client::Region;
use client::region::Evidence;

/// Subcommands of `region`.
#[derive(Debug, Subcommand)]
pub enum RegionCommand {
    /// List the regions of the vendor's cloud: name, login host, pods
    #[command(after_help = "Examples:
  latchkey region list
  latchkey region list | grep USW5

The pod is the name in the address of the service after signing in, such as usw5 in usw5.dm-us.informaticacloud.com.
A region marked `seen` is in programs that use it, but in no document.")]
    List,
}

/// Lists the regions.
pub fn run(command: RegionCommand) -> Result<(), Failure> {
    match command {
        RegionCommand::List => Region::ALL.iter().for_each(|region| print::line(&row(region))),
    }
    Ok(())
}

fn row(region: &Region) -> String {
    let mark = if region.evidence == Evidence::Seen { "  seen" } else { "" };
    let pods = if region.pods.is_empty() { "-".to_owned() } else { region.pods.join(" ") };
    format!("{:<10}  {:<42}  {pods}{mark}", region.name, region.login_url())
}
