//! Where settings and state are kept: the platform's folders, unless the caller names others.

use etcetera::{BaseStrategy, HomeDirError, choose_base_strategy};
use std::path::PathBuf;
use thiserror::Error;

/// The folders of one person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folders {
    /// Profiles: nothing secret.
    pub config: PathBuf,
    /// Sessions, tokens and locks: for the owner's eyes only.
    pub state: PathBuf,
}

/// This person has no home folder, so the caller has to name both folders.
#[derive(Debug, Error)]
#[error("there is no home folder")]
pub struct Homeless(#[source] HomeDirError);

impl Folders {
    /// The named folders, and the platform's in place of what is not named.
    pub fn choose(config: Option<PathBuf>, state: Option<PathBuf>) -> Result<Self, Homeless> {
        if let (Some(config), Some(state)) = (&config, &state) {
            return Ok(Self { config: config.clone(), state: state.clone() });
        }
        let platform = choose_base_strategy().map_err(Homeless)?;
        let of_platform = || platform.state_dir().unwrap_or_else(|| platform.data_dir());
        Ok(Self {
            config: config.unwrap_or_else(|| platform.config_dir().join("latchkey")),
            state: state.unwrap_or_else(|| of_platform().join("latchkey")),
        })
    }

    /// The file of the profiles.
    pub fn profiles(&self) -> PathBuf {
        self.config.join("profiles.toml")
    }

    /// The folder of the cache.
    pub fn sessions(&self) -> PathBuf {
        self.state.join("sessions")
    }

    /// The folder of remembered passwords, where there is no keyring.
    pub fn passwords(&self) -> PathBuf {
        self.state.join("passwords")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn named_folders_win() {
        let folders = Folders::choose(Some("/c".into()), Some("/s".into())).unwrap();
        assert_eq!(folders.profiles(), PathBuf::from("/c/profiles.toml"));
        assert_eq!(folders.sessions(), PathBuf::from("/s/sessions"));
        let half = Folders::choose(Some("/c".into()), None).unwrap();
        assert_eq!(half.config, PathBuf::from("/c"));
        assert!(half.state.ends_with("latchkey"));
    }
}
