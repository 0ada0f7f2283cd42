//! Which account a command is about: flags first, then the environment, then the profile, each value by itself.

use crate::error::Failure;
use clap::Args as Arguments;
use client::{
    Builder, Cache, Client, Credential, Family, Folders, Keep, Key, LoginUrl, Plain, Profile, ProfileName,
    Profiles, Secret, Source, SourceError,
};
use std::path::PathBuf;
use std::sync::Arc;

/// Where somebody signs in, and as whom.
#[derive(Debug, Clone, Default, Arguments)]
#[command(next_help_heading = "Account")]
pub struct AccountArgs {
    /// The profile to use [env: LATCHKEY_PROFILE] [default: default]
    #[arg(long, value_name = "NAME")]
    pub profile: Option<ProfileName>,
    /// A region of the vendor's cloud; `latchkey region list` shows them
    #[arg(long, value_name = "REGION", conflicts_with = "url")]
    pub region: Option<String>,
    /// The login host, when it is no region of the vendor's cloud [env: LATCHKEY_URL]
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// The name that signs in, or `client:ID` for an OAuth client [env: LATCHKEY_USERNAME]
    #[arg(short = 'u', long, value_name = "USER")]
    pub user: Option<String>,
    /// The endpoints that take the password: v1, v2 or v3 [default: v3]
    #[arg(long, value_name = "FAMILY")]
    pub family: Option<Family>,
    /// A shell command that prints the password, which LATCHKEY_PASSWORD may hold instead
    #[arg(long, value_name = "COMMAND")]
    pub password_command: Option<String>,
    /// Certificate authorities to believe beside those of this machine, in PEM [env: LATCHKEY_CACERT]
    #[arg(long, value_name = "FILE")]
    pub cacert: Option<PathBuf>,
}

impl AccountArgs {
    /// The certificates of authorities that were named, in PEM.
    pub fn authority(&self) -> Result<Option<Vec<u8>>, Failure> {
        let file = self.cacert.clone().or_else(|| environment("LATCHKEY_CACERT").map(PathBuf::from));
        let Some(file) = file else { return Ok(None) };
        std::fs::read(&file).map(Some).map_err(|error| {
            Failure::usage(error)
                .while_doing(format!("{} cannot be read", file.display()))
                .hint("name a file of certificates in PEM with --cacert or in LATCHKEY_CACERT")
        })
    }
}

/// What flags, environment and profile say together; it may lack a login host or a user.
#[derive(Debug, Clone)]
pub struct Choice {
    /// The name of the profile.
    pub name: ProfileName,
    /// The profile as the command sees it.
    pub profile: Profile,
    /// Where this person's files are.
    pub folders: Folders,
    /// Where the password comes from, when somebody said so.
    pub password: Option<Source>,
    /// How secrets are kept.
    pub keep: Keep,
    /// Certificates of authorities to believe, in PEM.
    pub authority: Option<Vec<u8>>,
    /// Whether there is a profile of this name.
    pub exists: bool,
}

impl Choice {
    /// Reads the flags, the environment and the profiles.
    pub fn read(args: &AccountArgs) -> Result<Self, Failure> {
        let folders = folders()?;
        let in_environment = environment("LATCHKEY_PROFILE").map(|name| name.parse()).transpose();
        let in_environment = in_environment.map_err(Failure::usage)?;
        let name = args.profile.clone().or(in_environment).unwrap_or_default();
        let mut profiles = Profiles::read(&folders.profiles()).map_err(Failure::usage)?;
        let stored = profiles.remove(&name);
        let exists = stored.is_some();
        let profile = merge(args, stored);
        let in_environment = || environment("LATCHKEY_PASSWORD").map(|text| Source::Value(Secret::new(text)));
        let command = |command: &Option<String>| command.clone().map(Source::Command);
        let password = command(&args.password_command).or_else(in_environment);
        let password = password.or_else(|| command(&profile.password_command));
        let keep = keep()?.or(profile.keep).unwrap_or_default();
        let authority = args.authority()?;
        Ok(Self { name, profile, folders, password, keep, authority, exists })
    }

    /// The login host.
    pub fn login_url(&self) -> Result<LoginUrl, Failure> {
        let unknown = !self.exists && self.profile.url.is_none() && self.profile.region.is_none();
        if unknown {
            let none = std::io::Error::other(format!("there is no profile {}", self.name));
            return Err(Failure::usage(none).hint(
                "run `latchkey login --region REGION -u USER`, or set LATCHKEY_URL and LATCHKEY_USERNAME",
            ));
        }
        self.profile.login_url(Plain::Loopback).map_err(|error| {
            Failure::usage(error)
                .hint("`latchkey region list` shows the regions; --url names another login host")
        })
    }

    /// The account, now that it must have a login host and a user.
    pub fn account(self) -> Result<Account, Failure> {
        let login = self.login_url()?;
        let user = self.profile.user.clone().filter(|user| !user.is_empty());
        let user = user.ok_or_else(|| {
            Failure::usage(std::io::Error::other("no user name is known"))
                .hint("name it with -u, in LATCHKEY_USERNAME or in the profile")
        })?;
        Ok(Account { login, user, choice: self })
    }
}

/// A login host, the name that signs in there, and where its password comes from.
#[derive(Debug, Clone)]
pub struct Account {
    /// The login host.
    pub login: LoginUrl,
    /// The name that signs in.
    pub user: String,
    /// What it was chosen by.
    pub choice: Choice,
}

impl Account {
    /// Chooses by flags, environment and profiles. No request is made.
    pub fn choose(args: &AccountArgs) -> Result<Self, Failure> {
        Choice::read(args)?.account()
    }

    /// Whose sessions are meant in the cache.
    pub fn key(&self) -> Key {
        Key { login_url: self.login.as_str().to_owned(), user: self.user.clone() }
    }

    /// The cache of sessions and tokens.
    pub fn cache(&self) -> Cache {
        Cache::in_folder(self.choice.folders.sessions()).keep(self.choice.keep)
    }

    /// The id of the OAuth client that this account is, if it is one.
    pub fn oauth_client(&self) -> Option<&str> {
        self.user.strip_prefix("client:")
    }

    /// What signs in again when it must. An assertion is good only once, so nothing replaces it.
    pub fn credential(&self) -> Option<Credential> {
        let password = self.choice.password.clone().unwrap_or_else(|| self.remembered());
        match self.user.split_once(':') {
            Some(("saml" | "bearer", _)) => None,
            Some(("client", id)) => Some(Credential::Client { id: id.to_owned(), secret: password }),
            _ => {
                let (family, user) = (self.choice.profile.family, self.user.clone());
                Some(Credential::Password { family, user, password })
            }
        }
    }

    /// The remembered password, looked for when one is needed: a keyring is slow.
    pub fn remembered(&self) -> Source {
        let (folder, name, keep) = (self.choice.folders.passwords(), self.key().name(), self.choice.keep);
        Source::Ask(Arc::new(move || {
            let (shelf, _) = client::shelf(&folder, keep);
            let found = shelf.get(&name).map_err(|error| SourceError::NotGiven(error.to_string()))?;
            found.ok_or_else(|| SourceError::NotGiven("none is remembered".to_owned()))
        }))
    }

    /// A client of this account in the making, with its cache and credential.
    pub fn builder(&self) -> Builder {
        let builder = Client::builder(self.login.as_str()).known_as(&self.user).cache(self.cache());
        let builder = believing(builder, self.choice.authority.as_deref());
        match self.credential() {
            Some(credential) => builder.credential(credential),
            None => builder,
        }
    }
}

/// Believes authorities beside those of this machine.
pub fn believing(builder: Builder, authority: Option<&[u8]>) -> Builder {
    match authority {
        Some(pem) => builder.authority(pem),
        None => builder,
    }
}

/// This person's folders.
pub fn folders() -> Result<Folders, Failure> {
    let folder = |name| environment(name).map(PathBuf::from);
    Folders::choose(folder("LATCHKEY_CONFIG_DIR"), folder("LATCHKEY_STATE_DIR"))
        .map_err(|error| Failure::usage(error).hint("set LATCHKEY_CONFIG_DIR and LATCHKEY_STATE_DIR"))
}

/// How LATCHKEY_KEEP wants secrets to be kept.
pub fn keep() -> Result<Option<Keep>, Failure> {
    let wanted = environment("LATCHKEY_KEEP").map(|text| text.parse()).transpose();
    wanted.map_err(|error| Failure::usage(error).while_doing("LATCHKEY_KEEP cannot be used"))
}

/// A variable of the environment; an empty one is none.
#[expect(clippy::disallowed_methods, reason = "a password must not be an argument, which everybody may read")]
pub fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn merge(args: &AccountArgs, stored: Option<Profile>) -> Profile {
    let old = stored.unwrap_or_else(nothing);
    let (region, url) = match (&args.region, args.url.clone().or_else(|| environment("LATCHKEY_URL"))) {
        (Some(region), _) => (Some(region.clone()), None),
        (None, Some(url)) => (None, Some(url)),
        (None, None) => (old.region.clone(), old.url.clone()),
    };
    let user = args.user.clone().or_else(|| environment("LATCHKEY_USERNAME")).or(old.user.clone());
    let family = args.family.unwrap_or(old.family);
    let new = Profile { region, url, user, family, password_command: None, keep: old.keep };
    // The command prints the password of the profile's own account: no other host and no other user gets it.
    let place = |profile: &Profile| profile.login_url(Plain::Loopback).ok();
    let same = new.user == old.user && place(&new) == place(&old);
    let command = args.password_command.clone().or(old.password_command.filter(|_| same));
    Profile { password_command: command, ..new }
}

fn nothing() -> Profile {
    let family = Family::default();
    Profile { region: None, url: None, user: None, family, password_command: None, keep: None }
}
