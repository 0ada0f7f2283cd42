//! `latchkey verify`: says who a token is for, or why it is not good.

use super::block_on;
use crate::account::{self, AccountArgs, Choice};
use crate::error::Failure;
use crate::{explain, print, progress};
use clap::{Args as Arguments, ValueEnum};
use client::{AUDIENCE, EMULATOR_ISSUER, KeySource, LoginUrl, Plain, Secret, Verified, Verifier};
use serde_json::json;
use std::io::{self, Read};
use std::path::Path;

/// Nobody's token is longer than this.
const MOST: u64 = 64 * 1024;

/// Arguments of `verify`.
#[derive(Debug, Arguments)]
#[command(after_help = "Examples:
  latchkey token | latchkey verify -
  latchkey verify --url https://id.example.com - < token.txt
  latchkey verify --emulator --url $LATCHKEY_EMULATOR_URL - < token.txt
  latchkey verify --issuer https://id.example.com/identity-service --jwks jwks.json --format json - < token.txt

The keys are those of the account's login host unless --jwks names others; they are kept for an hour.
A token among the arguments can be read by everybody on the machine: prefer `-`.
The exit code is 0 for a good token, 1 for any other, and 3 when there are no keys to judge it with.")]
pub struct VerifyArgs {
    /// The login host whose token it is.
    #[command(flatten)]
    pub account: AccountArgs,
    /// The token, or `-` to read it from stdin
    #[arg(default_value = "-", hide_default_value = true)]
    pub token: String,
    /// The key set [default: that of the login host]
    #[arg(long, value_name = "URL|FILE")]
    pub jwks: Option<String>,
    /// It is of the emulator at --url, and of no real service
    #[arg(long, requires = "url", conflicts_with = "issuer")]
    pub emulator: bool,
    /// Who must have issued it [default: the login host]
    #[arg(long, value_name = "URL")]
    pub issuer: Option<String>,
    /// Whom it must be for
    #[arg(long, value_name = "NAME", default_value = AUDIENCE)]
    pub audience: String,
    /// How to say what it says
    #[arg(long, value_enum, default_value_t = Said::Text)]
    pub format: Said,
}

/// How something is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Said {
    /// For people
    Text,
    /// For programs
    Json,
}

/// Verifies a token.
pub fn run(args: VerifyArgs) -> Result<(), Failure> {
    let verifier = verifier(&args)?;
    let token = token(args.token)?;
    let verified = block_on(progress::while_waiting("fetching the key set", async {
        verifier.verify(&token).await.map_err(explain::not_verified)
    }))?;
    print::line(&match args.format {
        Said::Text => text(&verified),
        Said::Json => as_json(&verified),
    });
    Ok(())
}

fn verifier(args: &VerifyArgs) -> Result<Verifier, Failure> {
    let of_login =
        || -> Result<_, Failure> { Ok(Verifier::names_of(&Choice::read(&args.account)?.login_url()?)) };
    let named = if args.emulator { Some(EMULATOR_ISSUER) } else { args.issuer.as_deref() };
    let (issuer, keys) = match (named, &args.jwks) {
        (Some(issuer), Some(keys)) => (issuer.to_owned(), source(keys)?),
        (None, Some(keys)) => (of_login()?.0, source(keys)?),
        (named, None) => {
            let (of_host, keys) = of_login()?;
            let keys =
                keys.ok_or_else(|| Failure::usage(io::Error::other("the login host has no key set")))?;
            // The next emulator at this address has other keys.
            let keys = if args.emulator { KeySource::Url(keys) } else { kept(keys)? };
            (named.map_or(of_host, str::to_owned), keys)
        }
    };
    let verifier = Verifier::new(issuer, &args.audience, keys)
        .map_err(|error| Failure::usage(error).hint("--jwks takes a URL or a file with a JSON key set"))?;
    let verifier = if args.emulator { verifier.emulated() } else { verifier };
    match args.account.authority()? {
        Some(pem) => verifier.authority(&pem).map_err(Failure::usage),
        None => Ok(verifier),
    }
}

/// A URL, else a file.
fn source(text: &str) -> Result<KeySource, Failure> {
    if text.contains("://") {
        // Keys that came without TLS could be anybody's.
        let url = LoginUrl::parse(text, Plain::Loopback)
            .map_err(|error| Failure::usage(error).while_doing("--jwks cannot be used"))?;
        return kept(url.url().clone());
    }
    let keys = std::fs::read_to_string(Path::new(text));
    let what = || format!("the key set {text} cannot be read");
    keys.map(KeySource::Given).map_err(|error| Failure::usage(error).while_doing(what()))
}

fn kept(url: client::Url) -> Result<KeySource, Failure> {
    Ok(KeySource::UrlKeptIn(url, account::folders()?.state.join("keys")))
}

fn token(given: String) -> Result<Secret, Failure> {
    if given != "-" {
        return Ok(Secret::new(given));
    }
    let mut text = String::new();
    io::stdin().lock().take(MOST).read_to_string(&mut text).map_err(Failure::usage)?;
    let token = Secret::new(text.trim());
    if token.expose().is_empty() {
        let nothing = Failure::usage(io::Error::other("there is no token on stdin"));
        return Err(nothing.hint("`latchkey token | latchkey verify -`"));
    }
    Ok(token)
}

fn text(verified: &Verified) -> String {
    let Verified { user, user_id, org_id, org_name, client_id, issued, expires } = verified;
    format!(
        "user     {user} ({user_id})\norg      {org_name} ({org_id})\nclient   {client_id}\nissued   {}\nexpires  {}",
        issued.rfc3339(),
        expires.rfc3339()
    )
}

fn as_json(verified: &Verified) -> String {
    json!({
        "user": verified.user,
        "user_id": verified.user_id,
        "org_id": verified.org_id,
        "org_name": verified.org_name,
        "client_id": verified.client_id,
        "issued": verified.issued.rfc3339(),
        "expires": verified.expires.rfc3339(),
    })
    .to_string()
}
