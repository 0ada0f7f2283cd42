//! Profiles: names for login hosts and users, in a TOML file that holds no secret.

use crate::cache::make_folder;
use crate::credential::Family;
use crate::login_url::{LoginUrl, NotALoginUrl, Plain};
use crate::region::Region;
use crate::seal::Keep;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use thiserror::Error;

/// The profile that is meant when none is named.
pub const DEFAULT: &str = "default";

/// The name of a profile: 1 to 64 letters, digits, `-`, `_` and `.`, and not only dots.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ProfileName(String);

/// This text is no name of a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a profile's name is 1 to 64 letters, digits, `-`, `_` or `.`")]
pub struct NotAProfileName;

impl ProfileName {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for ProfileName {
    fn default() -> Self {
        Self(DEFAULT.to_owned())
    }
}

impl FromStr for ProfileName {
    type Err = NotAProfileName;

    fn from_str(text: &str) -> Result<Self, NotAProfileName> {
        let may = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
        let fits = (1..=64).contains(&text.len()) && text.chars().all(may) && !text.starts_with('.');
        if fits { Ok(Self(text.to_owned())) } else { Err(NotAProfileName) }
    }
}

impl TryFrom<String> for ProfileName {
    type Error = NotAProfileName;

    fn try_from(text: String) -> Result<Self, NotAProfileName> {
        text.parse()
    }
}

impl From<ProfileName> for String {
    fn from(name: ProfileName) -> Self {
        name.0
    }
}

impl std::fmt::Display for ProfileName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where somebody signs in, and as whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// The short name of a vendor's region, in place of a URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The login URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The name that signs in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The family of endpoints that takes the password.
    #[serde(default)]
    pub family: Family,
    /// A command that prints the password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_command: Option<String>,
    /// How sessions and passwords are kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep: Option<Keep>,
}

/// Why a profile names no login host.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NoLoginHost {
    /// It has neither a region nor a URL.
    #[error("the profile has neither region nor url")]
    Neither,
    /// It has both.
    #[error("the profile has a region and a url: keep one")]
    Both,
    /// Its region is not known.
    #[error("there is no region {0}")]
    UnknownRegion(String),
    /// Its URL cannot be used.
    #[error(transparent)]
    Url(#[from] NotALoginUrl),
}

impl Profile {
    /// Where it signs in.
    pub fn login_url(&self, plain: Plain) -> Result<LoginUrl, NoLoginHost> {
        match (&self.region, &self.url) {
            (None, None) => Err(NoLoginHost::Neither),
            (Some(_), Some(_)) => Err(NoLoginHost::Both),
            (None, Some(url)) => Ok(LoginUrl::parse(url, plain)?),
            (Some(name), None) => {
                let region = Region::find(name).ok_or_else(|| NoLoginHost::UnknownRegion(name.clone()))?;
                Ok(LoginUrl::parse(&region.login_url(), plain)?)
            }
        }
    }
}

/// Every profile of one person.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profiles {
    /// The profiles by name.
    #[serde(default)]
    pub profile: BTreeMap<ProfileName, Profile>,
}

/// Why profiles cannot be read or written.
#[derive(Debug, Error)]
pub enum ProfilesError {
    /// The file is no TOML of this shape.
    #[error("{} line {line}: {message}", path.display())]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// Where.
        line: usize,
        /// What is wrong.
        message: String,
    },
    /// The system refuses the file.
    #[error("{} cannot be used", path.display())]
    Unusable {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl Profiles {
    /// Reads the profiles; a file that is not there holds none.
    pub fn read(path: &Path) -> Result<Self, ProfilesError> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(unusable(path, error)),
        };
        toml::from_str(&text).map_err(|error| ProfilesError::Malformed {
            path: path.to_path_buf(),
            line: error
                .span()
                .map_or(1, |span| text.bytes().take(span.start).filter(|&b| b == b'\n').count() + 1),
            message: error.message().to_owned(),
        })
    }

    /// Writes the profiles in place of those in the file, whole or not at all.
    pub fn write(&self, path: &Path) -> Result<(), ProfilesError> {
        self.replace(path).map_err(|error| unusable(path, error))
    }

    fn replace(&self, path: &Path) -> io::Result<()> {
        let text = toml::to_string_pretty(self).map_err(io::Error::other)?;
        make_folder(path.parent().unwrap_or(Path::new(".")))?;
        let new = path.with_extension("toml.new");
        let mut file = fs::File::create(&new)?;
        file.write_all(text.as_bytes())?;
        file.sync_data()?;
        fs::rename(&new, path)
    }

    /// The profile of this name.
    pub fn find(&self, name: &ProfileName) -> Option<&Profile> {
        self.profile.get(name)
    }

    /// Adds a profile in place of one with the same name.
    pub fn add(&mut self, name: ProfileName, profile: Profile) -> Option<Profile> {
        self.profile.insert(name, profile)
    }

    /// Removes a profile.
    pub fn remove(&mut self, name: &ProfileName) -> Option<Profile> {
        self.profile.remove(name)
    }
}

fn unusable(path: &Path, source: io::Error) -> ProfilesError {
    ProfilesError::Unusable { path: path.to_path_buf(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(region: Option<&str>, url: Option<&str>) -> Profile {
        Profile {
            region: region.map(str::to_owned),
            url: url.map(str::to_owned),
            user: Some("ada".to_owned()),
            family: Family::V2,
            password_command: None,
            keep: None,
        }
    }

    #[test]
    fn what_was_written_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b/profiles.toml");
        let mut profiles = Profiles::read(&path).unwrap();
        assert_eq!(profiles, Profiles::default());
        let name: ProfileName = "prod.eu-1".parse().unwrap();
        profiles.add(name.clone(), profile(Some("em"), None));
        profiles.write(&path).unwrap();
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            "[profile.\"prod.eu-1\"]\nregion = \"em\"\nuser = \"ada\"\nfamily = \"v2\"\n"
        );
        let mut again = Profiles::read(&path).unwrap();
        assert_eq!(again, profiles);
        assert!(again.remove(&name).is_some());
        assert!(again.find(&name).is_none());
    }

    #[test]
    fn what_is_wrong_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("profiles.toml");
        fs::write(&path, "[profile.a]\nurl = \"https://a\"\npassword = \"x\"").unwrap();
        let error = Profiles::read(&path).unwrap_err().to_string();
        assert!(error.contains("line 3: unknown field `password`"), "{error}");
    }

    #[test]
    fn a_profile_names_one_login_host() {
        let url = |region, url| profile(region, url).login_url(Plain::Loopback).map(|url| url.to_string());
        assert_eq!(url(Some("us"), None).unwrap(), "https://dm-us.informaticacloud.com");
        assert_eq!(url(None, Some("a.example")).unwrap(), "https://a.example");
        assert_eq!(url(Some("eu"), None), Err(NoLoginHost::UnknownRegion("eu".to_owned())));
        assert_eq!(url(Some("us"), Some("a")), Err(NoLoginHost::Both));
        assert_eq!(url(None, None), Err(NoLoginHost::Neither));
    }

    #[test]
    fn a_name_is_no_path() {
        for text in ["", ".", "..", "a/b", "a b", "é"] {
            assert!(text.parse::<ProfileName>().is_err(), "{text}");
        }
    }
}
