//! `latchkey policy`: the rules of an org for passwords, locks, addresses, sessions and tokens.

use super::block_on;
use crate::admin::{Admin, AdminArgs, OrgArg, Place};
use crate::error::Failure;
use crate::table;
use clap::{Args as Arguments, Subcommand};
use client::Method;
use serde_json::{Map, Value, json};
use std::io;

/// Subcommands of `policy`.
#[derive(Debug, Subcommand)]
pub enum PolicyCommand {
    /// Show the policy of an org: what it says itself, and what holds with the instance's defaults
    #[command(after_help = "Examples:
  latchkey policy show
  latchkey policy show --org 'Acme East' --format json")]
    Show(ShowArgs),
    /// Set parts of the policy of an org; `default` returns to the instance's
    #[command(after_help = "Examples:
  latchkey policy set passwordMinLength=12 maxLoginAttempts=5 lockMinutes=0
  latchkey policy set trustedIpRanges=10.0.0.0/8,2001:db8::/32
  latchkey policy set authentication=jwt jwtMinutes=60 --org 'Acme East'
  latchkey policy set sessionIdleMinutes=default

Fields: passwordMinLength, passwordCharMix, passwordReuseDays, passwordExpirationDays (0 is never), maxLoginAttempts,
lockMinutes (0 is until somebody lifts it), trustedIpRanges (empty is anywhere), sessionIdleMinutes,
sessionAbsoluteMinutes, sessionLimit, authentication (session_id or jwt), jwtMinutes (15, 30, 60, 120, 180 or 240).")]
    Set(SetArgs),
}

/// Arguments of `policy show`.
#[derive(Debug, Arguments)]
pub struct ShowArgs {
    /// Of which org.
    #[command(flatten)]
    pub of: OrgArg,
    /// Who asks.
    #[command(flatten)]
    pub admin: AdminArgs,
}

/// Arguments of `policy set`.
#[derive(Debug, Arguments)]
pub struct SetArgs {
    /// A field, and its value or `default`
    #[arg(value_name = "FIELD=VALUE", required = true, value_parser = setting)]
    pub settings: Vec<(String, Value)>,
    /// Of which org.
    #[command(flatten)]
    pub of: OrgArg,
    /// Who asks.
    #[command(flatten)]
    pub admin: AdminArgs,
}

/// Reads `FIELD=VALUE`: ranges are a list, figures are numbers, and the service knows which fields there are.
fn setting(text: &str) -> Result<(String, Value), String> {
    let (field, value) = text.split_once('=').ok_or("a setting is written FIELD=VALUE")?;
    let value = match (field, value) {
        (_, "default") => Value::Null,
        ("trustedIpRanges", ranges) => ranges.split(',').map(str::trim).filter(|it| !it.is_empty()).collect(),
        (_, value) => value.parse::<u32>().map_or_else(|_| value.into(), Into::into),
    };
    Ok((field.to_owned(), value))
}

/// Administers policies.
pub fn run(command: PolicyCommand) -> Result<(), Failure> {
    block_on(async {
        match command {
            PolicyCommand::Show(args) => show(&args).await,
            PolicyCommand::Set(args) => set(args).await,
        }
    })
}

async fn show(args: &ShowArgs) -> Result<(), Failure> {
    let admin = Admin::of(&args.admin.account)?;
    let place = Place::own(format!("orgs/{}/policy", admin.org_id(&args.of).await?));
    print(args.admin.format, &admin.get(place).await?);
    Ok(())
}

async fn set(args: SetArgs) -> Result<(), Failure> {
    let mut fields = Map::new();
    for (field, value) in args.settings {
        if fields.insert(field.clone(), value).is_some() {
            return Err(Failure::usage(io::Error::other(format!("{field} is set twice"))));
        }
    }
    let admin = Admin::of(&args.admin.account)?;
    let place = Place::own(format!("orgs/{}/policy", admin.org_id(&args.of).await?));
    print(args.admin.format, &admin.send(Method::PATCH, place, &Value::Object(fields)).await?);
    Ok(())
}

/// Each field with what the org says and what holds.
fn print(format: table::Format, policy: &Value) {
    if format == table::Format::Json {
        return table::record(format, policy);
    }
    let effective = policy.get("effective").and_then(Value::as_object);
    let own = |field: &str| policy.get("own").and_then(|own| own.get(field)).cloned();
    let rows = effective
        .into_iter()
        .flatten()
        .map(|(field, value)| json!({"field": field, "own": own(field), "effective": value}));
    let columns = [("FIELD", "field"), ("OWN", "own"), ("EFFECTIVE", "effective")];
    table::list(format, &columns, &rows.collect::<Vec<_>>());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_a_number_a_word_a_list_or_the_default() {
        let read = |text| setting(text).map(|(field, value)| format!("{field}={value}"));
        assert_eq!(read("lockMinutes=0").unwrap(), "lockMinutes=0");
        assert_eq!(read("authentication=jwt").unwrap(), "authentication=\"jwt\"");
        assert_eq!(read("trustedIpRanges=").unwrap(), "trustedIpRanges=[]");
        assert_eq!(
            read("trustedIpRanges=10.0.0.0/8, ::1").unwrap(),
            "trustedIpRanges=[\"10.0.0.0/8\",\"::1\"]"
        );
        assert_eq!(read("lockMinutes=default").unwrap(), "lockMinutes=null");
        assert!(read("lockMinutes").is_err());
    }
}
