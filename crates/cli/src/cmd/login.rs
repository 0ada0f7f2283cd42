//! `latchkey login`: signs in, keeps the session, and remembers the account as a profile.

use super::block_on;
use crate::account::{Account, AccountArgs, Choice};
use crate::error::Failure;
use crate::{explain, print, progress};
use clap::Args as Arguments;
use client::{Credential, Entry, Keep, Kept, Profiles, Secret, Source};
use std::io::{self, BufRead, IsTerminal, Read};
use std::path::{Path, PathBuf};

/// No assertion, token or password is longer than this.
const MOST: u64 = 1024 * 1024;

/// Arguments of `login`.
#[derive(Debug, Arguments)]
#[command(after_help = "Examples:
  latchkey login --region us -u etl.robot@example.com
  latchkey login --url https://id.example.com -u etl.robot --password-stdin < password.txt
  latchkey login --profile prod --region em -u etl.robot --password-command 'pass show idmc/prod'
  latchkey login --profile sso --region us --saml assertion.b64 --org 5mYdXw9KcJhaf3LrN8pQ2v
  latchkey login --profile api --url https://id.example.com --client-id 7f0c --password-stdin < secret.txt

The profile keeps where and as whom, never the password. The session is kept in the state folder, sealed with a key from
the keyring of this machine if there is one; LATCHKEY_KEEP=file does without. Without LATCHKEY_PASSWORD, a password command or --remember
somebody has to sign in again when the session ends. A password that was refused is not sent again unless a person
types it, or --again is given.")]
pub struct LoginArgs {
    /// Where, and as whom.
    #[command(flatten)]
    pub account: AccountArgs,
    /// Read the password, or the secret of an OAuth client, from stdin
    #[arg(long, conflicts_with_all = ["password_command", "saml", "oauth"])]
    pub password_stdin: bool,
    /// A SAML assertion in Base64, `-` for stdin
    #[arg(long, value_name = "FILE", requires = "org", conflicts_with_all = ["oauth", "client_id", "user"])]
    pub saml: Option<PathBuf>,
    /// A JWT of your own identity provider, `-` for stdin
    #[arg(long, value_name = "FILE", requires = "org", conflicts_with_all = ["client_id", "user"])]
    pub oauth: Option<PathBuf>,
    /// The org that the assertion or the JWT is for
    #[arg(long, value_name = "ID")]
    pub org: Option<String>,
    /// Sign in as an OAuth client, which gets tokens but no session
    #[arg(long, value_name = "ID", conflicts_with = "user")]
    pub client_id: Option<String>,
    /// Keep the password, in the keyring of the operating system if there is one
    #[arg(long, conflicts_with_all = ["saml", "oauth"])]
    pub remember: bool,
    /// Send a password that was refused before once more
    #[arg(long)]
    pub again: bool,
}

/// A credential whose secret is in hand.
struct Proof {
    credential: Credential,
    secret: Secret,
    /// A person who types is sure, whatever was refused before.
    typed: bool,
}

/// Signs in.
pub fn run(args: LoginArgs) -> Result<(), Failure> {
    let mut choice = Choice::read(&args.account)?;
    choice.profile.user = Some(user(&args, &choice)?);
    let account = choice.account()?;
    block_on(async {
        let proof = prove(&args, &account).await?;
        if !proof.typed && !args.again {
            spare_the_refused(&account, &proof)?;
        }
        let entry = sign_in(&account, &proof).await?;
        greet(&account, &entry);
        say_what_is_not_sealed(&account);
        keep_profile(&account)?;
        if args.remember { remember(&account, &proof.secret) } else { Ok(()) }
    })
}

fn user(args: &LoginArgs, choice: &Choice) -> Result<String, Failure> {
    let org = || args.org.clone().unwrap_or_default();
    if args.saml.is_some() {
        return Ok(format!("saml:{}", org()));
    }
    if args.oauth.is_some() {
        return Ok(format!("bearer:{}", org()));
    }
    if let Some(id) = &args.client_id {
        return Ok(format!("client:{id}"));
    }
    match choice.profile.user.clone().filter(|user| !user.is_empty()) {
        Some(user) => Ok(user),
        None if io::stdin().is_terminal() => ask_for_user(),
        None => {
            let unknown = Failure::usage(io::Error::other("no user name is known"));
            Err(unknown.hint("name it with -u or in LATCHKEY_USERNAME"))
        }
    }
}

fn ask_for_user() -> Result<String, Failure> {
    print::ask("User: ");
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).map_err(Failure::usage)?;
    Ok(line.trim().to_owned())
}

async fn prove(args: &LoginArgs, account: &Account) -> Result<Proof, Failure> {
    let org_id = args.org.clone().unwrap_or_default();
    let (credential, source, typed) = if let Some(file) = &args.saml {
        let assertion = Source::Value(read(file)?);
        (Credential::Saml { org_id, assertion: assertion.clone() }, assertion, false)
    } else if let Some(file) = &args.oauth {
        let token = Source::Value(read(file)?);
        (Credential::Bearer { org_id, token: token.clone() }, token, false)
    } else {
        let (source, typed) = password(args, account)?;
        let credential = account.credential().ok_or_else(|| {
            Failure::usage(io::Error::other("an assertion is good for one sign-in"))
                .hint("give another one with --saml or --oauth, and its org with --org")
        })?;
        (credential, source, typed)
    };
    let secret =
        source.fetch().await.map_err(|error| explain::sign_in(error.into(), account.login.as_str()))?;
    Ok(Proof { credential: with(credential, Source::Value(secret.clone())), secret, typed })
}

/// Where the password comes from, and whether a person types it.
fn password(args: &LoginArgs, account: &Account) -> Result<(Source, bool), Failure> {
    if args.password_stdin {
        return Ok((Source::Value(first_line(io::stdin().lock())?), false));
    }
    if let Some(source) = &account.choice.password {
        return Ok((source.clone(), false));
    }
    if io::stdin().is_terminal() {
        let question = format!("Password of {} at {}: ", account.user, account.login.host());
        let password = rpassword::prompt_password(question).map_err(Failure::usage)?;
        return Ok((Source::Value(Secret::new(password)), true));
    }
    Ok((account.remembered(), false))
}

fn with(credential: Credential, source: Source) -> Credential {
    match credential {
        Credential::Password { family, user, .. } => Credential::Password { family, user, password: source },
        Credential::Saml { org_id, .. } => Credential::Saml { org_id, assertion: source },
        Credential::Bearer { org_id, .. } => Credential::Bearer { org_id, token: source },
        Credential::Client { id, .. } => Credential::Client { id, secret: source },
    }
}

fn read(file: &Path) -> Result<Secret, Failure> {
    let mut text = String::new();
    let read = match file.to_str() {
        Some("-") => io::stdin().lock().take(MOST).read_to_string(&mut text),
        _ => std::fs::File::open(file).and_then(|file| file.take(MOST).read_to_string(&mut text)),
    };
    let what = || format!("{} cannot be read", file.display());
    read.map_err(|error| Failure::usage(error).while_doing(what()))?;
    Ok(Secret::new(text.trim()))
}

fn first_line(from: impl BufRead) -> Result<Secret, Failure> {
    let mut line = String::new();
    from.take(MOST).read_line(&mut line).map_err(Failure::usage)?;
    Ok(Secret::new(line.trim_end_matches(['\r', '\n'])))
}

/// A script that runs every minute must not lock the account.
fn spare_the_refused(account: &Account, proof: &Proof) -> Result<(), Failure> {
    let kept = account.cache().read(&account.key()).ok().flatten();
    match kept.and_then(|entry| entry.refused).filter(|refused| refused.is_of(&proof.secret)) {
        Some(refused) => {
            let (at, code, message) = (refused.at, refused.code, refused.message);
            let error = client::SignInError::RefusedBefore { at, code, message };
            Err(explain::sign_in(error, account.login.as_str()))
        }
        None => Ok(()),
    }
}

async fn sign_in(account: &Account, proof: &Proof) -> Result<Entry, Failure> {
    let host = account.login.as_str();
    let client = account.builder().credential(proof.credential.clone()).build().map_err(Failure::usage)?;
    let signed_in = progress::while_waiting(&format!("signing in to {host}"), client.sign_in()).await;
    signed_in.map_err(|error| explain::sign_in(error, host))
}

fn greet(account: &Account, entry: &Entry) {
    let (host, user) = (&account.login, &account.user);
    let org = entry.session.as_ref().map(|session| session.org_name.as_str()).filter(|name| !name.is_empty());
    let org = org.map_or_else(String::new, |name| format!(" of {name}"));
    print::note(&format!("signed in to {host} as {user}{org}"));
}

fn say_what_is_not_sealed(account: &Account) {
    if account.choice.keep == Keep::Keyring && account.cache().is_sealed(&account.key()) == Some(false) {
        let folder = account.choice.folders.sessions();
        print::note(&format!(
            "there is no keyring here: {} keeps sessions, for your eyes only",
            folder.display()
        ));
    }
}

fn keep_profile(account: &Account) -> Result<(), Failure> {
    let (path, choice) = (account.choice.folders.profiles(), &account.choice);
    let mut profiles = Profiles::read(&path).map_err(Failure::usage)?;
    if profiles.find(&choice.name) == Some(&choice.profile) {
        return Ok(());
    }
    profiles.add(choice.name.clone(), choice.profile.clone());
    let what = || format!("the profile {} was not written", choice.name);
    profiles.write(&path).map_err(|error| Failure::machine(error).while_doing(what()))
}

fn remember(account: &Account, secret: &Secret) -> Result<(), Failure> {
    let folder = account.choice.folders.passwords();
    let (shelf, kept) = client::shelf(&folder, account.choice.keep);
    let what = "the password was not remembered";
    shelf.put(&account.key().name(), secret).map_err(|error| Failure::machine(error).while_doing(what))?;
    print::note(&match kept {
        Kept::Sealed => format!(
            "{} keeps the password, sealed with a key in the keyring of this machine: it is forgotten when that restarts",
            folder.display()
        ),
        Kept::InFiles => {
            format!("{} keeps the password, for your eyes only", folder.display())
        }
    });
    Ok(())
}
